"""The page lets nothing out, believes nobody, says what goes wrong, and comes back from the dead."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QUrl
from PySide6.QtWebEngineCore import QWebEnginePage

from app.look import themes
from app.map import bridge
from domain.wire import Changed
from tests.map.conftest import LogWatch, Stage
from tests.map.networks import big, device, health, id_of, news, small

DARK = themes()["dark"]
Stages = Callable[..., Stage]

HOSTILE = {
    "img": '<img src=x onerror="window.pwned=1">',
    "script": "</script><script>window.pwned=1</script>",
    "template": "{{constructor.constructor('window.pwned=1')()}}${window.pwned=1}",
    "remote": '"><link rel=stylesheet href=https://example.org/x.css>',
    "json": '"}],"select":"x","theme":"light',
    "arabic": "محطة إعادة البث على قمة الجبل العالي بالقرب من المدينة القديمة",
    "controls": "a\x1b[31mb\u202ec\u2066d\x00e",
    "emoji": "👩‍👩‍👧‍👦" * 20,
    "empty": "",
}


def test_hostile_names_are_drawn_as_text_and_do_nothing(stages: Stages) -> None:
    devices = [device(name, 10 + i * 0.05, 47.6) for i, name in enumerate(HOSTILE.values())]
    stage = stages(
        Changed(
            1, initial=True, devices=tuple(devices), health=tuple(health(n, "down") for n in HOSTILE.values())
        )
    )
    stage.until(lambda: stage.report()["rendered_devices"] == len(HOSTILE))
    for found in devices[:6]:
        stage.point_at(found)
    assert stage.js("document.querySelectorAll('#card img, #card script, #card link').length") == 0
    assert stage.js("typeof window.pwned") == "undefined"
    assert stage.js("document.documentElement.style.colorScheme") == "dark"
    assert stage.report()["console_errors"] == 0
    assert stage.view.external_requests == 0


def test_a_fetch_to_the_outside_is_stopped_and_counted(stages: Stages, log_watch: LogWatch) -> None:
    log_watch.expected = [
        "wanted http://127.0.0.1:9/",
        "Content Security Policy",
        "Refused to connect",
        "page: ",
    ]
    stage = stages(small())
    stage.js("fetch('http://127.0.0.1:9/secret').catch(() => 0); 0")
    stage.until(lambda: stage.view.external_requests == 1)
    assert stage.js("location.href") == "heliograph-map://page/index.html"


def test_the_gate_stops_what_no_policy_stops(stages: Stages, log_watch: LogWatch) -> None:
    log_watch.expected = ["wanted http://127.0.0.1:9/picture.png"]
    stage = stages(small())
    bare = QWebEnginePage(stage.view._profile, stage.view)
    bare.setHtml('<img src="http://127.0.0.1:9/picture.png">')
    stage.until(lambda: stage.view.external_requests == 1)
    bare.deleteLater()


def test_the_page_cannot_be_led_away(stages: Stages, log_watch: LogWatch) -> None:
    log_watch.expected = ["wanted http://127.0.0.1:9/"]
    stage = stages(small())
    stage.view.page.load(QUrl("http://127.0.0.1:9/"))
    stage.until(lambda: stage.view.external_requests == 1)
    stage.js("window.open('http://127.0.0.1:9/'); 0")
    stage.until(lambda: stage.report()["rendered_devices"] == 4)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/src/../../pyproject.toml",
        "/src/%2e%2e/package.json",
        "/node_modules/x.js",
        "/src/",
    ],
)
def test_an_address_outside_the_table_does_not_exist(stage: Stage, log_watch: LogWatch, path: str) -> None:
    log_watch.expected = ["ERR_", "Failed to load resource"]
    address = f"heliograph-map://page{path}"
    stage.js(
        f"window.answer = ''; fetch('{address}').then(r => answer = r.status + '', () => answer = 'none'); 0"
    )
    stage.until(lambda: bool(stage.js("answer")))
    assert stage.js("answer") == "404"


def test_an_error_in_the_page_is_counted_and_logged(stages: Stages, log_watch: LogWatch) -> None:
    log_watch.expected = ["boom"]
    stage = stages(small())
    stage.js("setTimeout(() => { throw new Error('boom') }); 0")
    stage.until(lambda: stage.report()["console_errors"] == 1)
    stage.until(lambda: any("boom" in text for text in log_watch.errors), "it in the log")


def test_what_the_page_may_not_say_is_refused_with_got_and_expected(
    stage: Stage, log_watch: LogWatch
) -> None:
    log_watch.expected = ["the page sent"]
    door = stage.view._door
    for text, said in [
        ("[]", "object"),
        (f'{{"type":"device_dropped","id":"{id_of("Grünten")}","lng":200,"lat":4}}', "180"),
        ('{"type":"device_clicked","id":7}', "got `int`"),
        ('{"type":"rm"}', "rm"),
        ('{"type":"ready","more":1}', "unknown field"),
        ("x" * (bridge.TEXT_CAP + 1), "at most"),
    ]:
        door.from_page(text)
        assert said in log_watch.errors[-1]
    door.from_page(f'{{"type":"device_clicked","id":"{id_of("nobody")}"}}')
    assert "expected a device, a link or a site" in log_watch.warnings[-1]
    assert stage.events == []


def test_the_map_is_back_with_view_and_selection_when_its_page_is_killed(
    stages: Stages, log_watch: LogWatch
) -> None:
    log_watch.expected = ["the map's page died"]
    stage = stages(small())
    stage.view.select(id_of("Grünten"))
    stage.view.fly_to(id_of("Grünten"))
    stage.until(lambda: stage.stand_still()["zoom"] >= 11)
    before = stage.report()
    died: list[str] = []
    stage.view.page_died.connect(died.append)
    os.kill(stage.view.page.renderProcessPid(), signal.SIGKILL)
    stage.until(lambda: bool(died))
    stage.tell(news(health("Grünten", "down")))
    after = stage.report()
    assert after["zoom"] == pytest.approx(before["zoom"], abs=1e-6)
    assert after["center"] == pytest.approx(before["center"], abs=1e-6)
    at = stage.pixel(stage.place_of(id_of("Grünten")))
    stage.until(lambda: stage.shows(at, DARK.status["down"]) and stage.shows(at, DARK.accent.accent, 26))


def test_a_page_that_keeps_dying_is_loaded_ever_later(stages: Stages, log_watch: LogWatch) -> None:
    log_watch.expected = ["the map's page died"]
    stage = stages(small())
    waits_ms = []
    for _ in range(3):
        stage.view.page.renderProcessTerminated.emit(
            QWebEnginePage.RenderProcessTerminationStatus.CrashedTerminationStatus, 11
        )
        waits_ms.append(stage.view._reload.interval())
    assert waits_ms == [100, 200, 400]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no map file world.pmtiles"),
        (b"PK\x03\x04 this is no map" + b"x" * 4000, "The map file world.pmtiles cannot be read"),
        (b"", "The map file world.pmtiles cannot be read"),
        (b"PMTiles\x03" + b"\xff" * 200, "The map file world.pmtiles cannot be read"),
    ],
    ids=["missing", "a zip", "empty", "a mad header"],
)
def test_a_map_file_that_is_none_gets_a_notice_and_the_network_is_drawn(
    stages: Stages, tmp_path: Path, content: bytes | None, says: str
) -> None:
    file = tmp_path / "world.pmtiles"
    if content is not None:
        file.write_bytes(content)
    stage = stages(small(), basemap=file)
    assert says in stage.js("document.getElementById('notices').textContent")
    stage.until(lambda: stage.report()["rendered_devices"] == 4)
    assert stage.report()["console_errors"] == 0


def test_five_thousand_devices_are_shown_and_a_tick_does_not_touch_them_again(stages: Stages) -> None:
    stage = stages(big(5000))
    stage.until(lambda: stage.report()["rendered_devices"] == 5000)
    started_s = time.thread_time()
    stage.tell_and_see(news(*(health(f"R{i}", "down") for i in range(200, 210))))
    assert stage.report()["rendered_devices"] == 5000
    assert time.thread_time() - started_s < 5, "what the window works on it, not what it waits"
    at = stage.pixel(stage.place_of(id_of("R205")))
    stage.until(lambda: stage.shows(at, DARK.status["down"], 60))


def test_the_shared_page_never_lost_its_ground(stage: Stage) -> None:
    stage.until(lambda: stage.shows(QPoint(400, 10), DARK.surface.ground, 2))

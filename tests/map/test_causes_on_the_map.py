"""What the map shows of a fault: its cause, what is behind it, and what joins the two."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from PySide6.QtCore import QPoint

from app.look import themes
from domain.geometry import LngLat
from domain.load import LinkState
from domain.wire import Changed, Removed
from tests.map.conftest import HEIGHT_PX, WIDTH_PX, Stage
from tests.map.networks import big, device, fault, health, id_of, news

DARK = themes()["dark"]
HAUCHENBERG, GRUNTEN = id_of("Hauchenberg"), id_of("Grünten")


LONG_AGO_S = 5_400.0
"""An hour and a half: it is told as an hour, however slow the machine."""


def break_hauchenberg(stage: Stage) -> None:
    """Let a relay fail, and with it the one behind it."""
    stage.tell_and_see(
        news(
            health("Hauchenberg", "down", LONG_AGO_S),
            health("Grünten", "down", LONG_AGO_S),
            fault("Hauchenberg", "Grünten", ago_s=LONG_AGO_S),
            LinkState(id_of("HauchenbergGrünten"), "down", 1, 1),
            LinkState(id_of("KemptenHauchenberg"), "down", 1, 1),
        )
    )


def test_what_is_behind_a_cause_is_a_hollow_diamond_and_its_cause_stays_red(stage: Stage) -> None:
    break_hauchenberg(stage)
    behind, cause = (stage.pixel(stage.place_of(id)) for id in (GRUNTEN, HAUCHENBERG))
    stage.until(lambda: stage.shows(behind, DARK.status["affected"]))
    stage.until(lambda: stage.shows(behind, DARK.surface.ground, 1), "a hollow one")
    assert not stage.shows(behind, DARK.status["down"], 8)
    stage.until(lambda: stage.shows(cause, DARK.status["down"]))


def test_the_link_to_a_cause_is_red_and_the_one_behind_it_is_quiet(stage: Stage) -> None:
    break_hauchenberg(stage)
    before, behind = (
        _middle(stage, *ends) for ends in (("Kempten", "Hauchenberg"), ("Hauchenberg", "Grünten"))
    )
    stage.until(lambda: stage.shows(before, DARK.status["down"], 8))
    stage.until(lambda: not any(stage.shows(behind, color, 5) for color in DARK.load[1:]), "no load behind")
    assert not stage.shows(behind, DARK.status["down"], 8)
    assert stage.report()["rendered_links"] == 3


def test_all_is_as_before_when_the_fault_is_over(stage: Stage) -> None:
    break_hauchenberg(stage)
    at = stage.pixel(stage.place_of(GRUNTEN))
    stage.until(lambda: stage.shows(at, DARK.status["affected"]))
    up = [
        LinkState(id_of(name), "up", 1, 1, 6e8, 6e8) for name in ("HauchenbergGrünten", "KemptenHauchenberg")
    ]
    over = news(health("Hauchenberg", "up", 1), health("Grünten", "up", 1), *up)
    stage.tell_and_see(msgspec.structs.replace(over, removed=(Removed("fault", HAUCHENBERG),)))
    stage.until(lambda: stage.shows(at, DARK.status["up"]) and not stage.shows(at, DARK.status["affected"]))
    behind = _middle(stage, "Hauchenberg", "Grünten", 0.3)
    stage.until(lambda: stage.shows(behind, DARK.load[3], 8))


def test_the_card_of_what_is_affected_names_its_cause(stage: Stage) -> None:
    break_hauchenberg(stage)
    stage.point_at(device("Grünten", 0, 0))
    assert _notes(stage) == "Behind Hauchenberg, which has been down for 1 h"
    found = stage.js("document.querySelector('#card .said').textContent")
    assert found == "affected for 1 h"


def test_the_card_of_a_cause_says_what_it_takes_down(stage: Stage) -> None:
    break_hauchenberg(stage)
    more = msgspec.structs.replace(fault("Hauchenberg", "Grünten"), sites=11, subscribers=214)
    stage.tell(news(more))
    stage.point_at(device("Hauchenberg", 0, 0))
    assert _notes(stage) == "11 sites, 214 subscribers behind it"


def test_a_resting_pointer_joins_the_cause_and_what_is_behind_it_from_either_end(stage: Stage) -> None:
    stage.tell(Changed(2, removed=tuple(Removed("link", id_of(a)) for a in ("HauchenbergGrünten",))))
    stage.until(lambda: stage.report()["rendered_links"] == 2)
    break_hauchenberg(stage)
    between = _middle(stage, "Hauchenberg", "Grünten", 0.8)
    assert not _is_joined(stage, between)
    for name in ("Grünten", "Hauchenberg"):
        stage.point_at(device(name, 0, 0))
        stage.until(lambda: _is_joined(stage, between), name)
        stage.point_away()
        stage.until(lambda: not _is_joined(stage, between), "no line without a pointer")


def test_the_lines_of_a_cause_end_at_the_rings_that_hold_what_is_behind_it(stage: Stage) -> None:
    names = [f"Sector {i}" for i in range(30)]
    stage.tell(Changed(3, devices=tuple(device(name, 10.2, 47.58) for name in names)))
    stage.until(lambda: stage.report()["rendered_devices"] == 34)
    stage.tell_and_see(
        news(health("Alpspitz", "down"), *(health(n, "down") for n in names), fault("Alpspitz", *names))
    )
    between = _middle(stage, "Alpspitz", names[0], 0.8)
    stage.point_at(device("Alpspitz", 0, 0))
    stage.until(lambda: _is_joined(stage, between))


def test_five_thousand_behind_one_cause_are_quiet_and_the_cause_is_not(stages: Callable[..., Stage]) -> None:
    whole = big(5000)
    stage = stages(whole)
    names = [device.name for device in whole.devices if device.name != "R0"]
    started_s = time.thread_time()
    stage.tell_and_see(
        news(health("R0", "down"), *(health(name, "down") for name in names), fault("R0", *names))
    )
    assert time.thread_time() - started_s < 5, "what the window works on it, not what it waits"
    at = stage.pixel(stage.place_of(id_of("R0")))
    stage.until(lambda: stage.shows(at, DARK.status["down"], 60))
    stage.until(lambda: stage.report()["rendered_devices"] == 5000)

    def red_share() -> float:
        image = stage.view.grab().toImage()
        inks = [image.pixelColor(x, y) for x in range(0, WIDTH_PX, 2) for y in range(60, HEIGHT_PX - 100, 2)]
        return sum(ink.red() > 230 and ink.green() < 120 for ink in inks) / len(inks)

    stage.until(lambda: red_share() < 1 / 400, "all but the cause are quiet")


def _middle(stage: Stage, one: str, other: str, share: float = 0.5) -> QPoint:
    a, b = stage.place_of(id_of(one)), stage.place_of(id_of(other))
    return stage.pixel(LngLat(a.lng + (b.lng - a.lng) * share, a.lat + (b.lat - a.lat) * share))


def _notes(stage: Stage) -> str:
    return str(stage.js("[...document.querySelectorAll('#card .note')].map((p) => p.textContent).join('|')"))


def _is_joined(stage: Stage, at: QPoint) -> bool:
    """Tell whether something violet is at a point."""
    return any(
        color.blue() > color.green() + 25 and color.red() > color.green() + 10
        for color in stage.colors_near(at, 9)
    )

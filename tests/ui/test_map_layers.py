"""The layers of the map: on, off, order, remembered; what the page is told of latency and alerts."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.map.layers import GROUND, LAYERS, NETWORK, SYMBOLS, MapLayers
from app.map.readings import LATENCY_BOUNDS_MS, ReadingsFeed, latency_class
from app.model import Model
from app.panels.layers import FAULTS, LayersPanel
from app.panels.text import Label
from domain.alerts import Alert
from domain.health import Health, ProbeHealth
from domain.inventory import Device
from domain.wire import Changed, Removed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of

A, B = id_of("a"), id_of("b")


def layers() -> tuple[MapLayers, list[dict[str, Any]]]:
    sent: list[dict[str, Any]] = []
    return MapLayers(lambda **message: sent.append(message)), sent


def test_as_they_are_at_first_the_page_keeps_its_own_order(qt: object) -> None:
    made, _ = layers()
    told = made.state()["layers"]
    assert (told["order"], told["hidden"]) == ([], ["alerts", "latency"])
    assert told["usual"] == [layer.key for layer in reversed(NETWORK)]


def test_turning_off_and_moving_is_sent_from_the_ground_up(qt: object) -> None:
    made, sent = layers()
    made.show("status", shown=False)
    assert sent[-1]["layers"]["hidden"] == ["alerts", "latency", "status"]
    made.move("signal", -100)
    assert made.order[0] == "signal"
    assert sent[-1]["layers"]["order"][-1] == "signal"
    assert len(sent[-1]["layers"]["order"]) == len(NETWORK)
    count = len(sent)
    made.move("roads", 1)
    made.show("status", shown=False)
    assert len(sent) == count
    made.reset()
    assert made.state()["layers"]["order"] == []
    assert made.hidden == {"alerts", "latency"}


def test_what_is_remembered_of_another_version_is_taken_as_far_as_it_is_known(qt: object) -> None:
    made, _ = layers()
    made.recall(["load", "gone", "load", "names"], ["roads", "gone"])
    assert sorted(made.order) == sorted(layer.key for layer in NETWORK)
    assert made.order.index("load") < made.order.index("names")
    assert made.hidden == {"roads"}


def test_the_usual_order_of_a_version_before_is_not_taken_for_a_wish(qt: object) -> None:
    made, _ = layers()
    made.recall(
        ["people", "alerts", "names", "latency", "load", "candidates", "signal", "sectors"], ["roads"]
    )
    assert made.state()["layers"]["order"] == []
    made.recall(
        ["alerts", "people", "names", "latency", "load", "candidates", "signal", "sectors"], ["roads"]
    )
    assert made.order[:4] == ("alerts", "people", "names", "latency")


@pytest.mark.parametrize(("ms", "found"), [(None, None), (0.0, 0), (4.9, 0), (5.0, 1), (149.0, 3), (1e6, 4)])
def test_round_trips_have_five_classes(ms: float | None, found: int | None) -> None:
    assert latency_class(ms) == found
    assert len(LATENCY_BOUNDS_MS) == 4


def health(id: Any, ms: float | None, status: Any = "up") -> Health:
    probe = ProbeHealth(last_answer_us=1, rtt_us=None if ms is None else int(ms * 1000))
    return Health(id, VANTAGE, status, 1, 1, {"icmp": probe})


def model() -> Model:
    made = Model()
    devices = (Device(A, "A", "10.0.0.1"), Device(B, "B", "10.0.0.2"))
    made.merge(Changed(1, initial=True, devices=devices, health=(health(A, 3), health(B, 60))))
    made.flush()
    return made


def test_nothing_is_sent_of_layers_that_are_off_and_everything_when_they_are_turned_on(qt: object) -> None:
    made, _ = layers()
    known = model()
    feed = ReadingsFeed(known, made)
    assert feed.whole() == {}
    made.show("latency", shown=True)
    rows = feed.turned()["readings"]["latency"]
    assert {row["id"]: row["level"] for row in rows} == {A: 0, B: 3}
    assert feed.turned() == {}
    made.show("latency", shown=False)
    assert {row["level"] for row in feed.turned()["readings"]["latency"]} == {None}
    assert feed.turned() == {}


def test_only_a_round_trip_of_another_class_is_sent_and_one_that_is_not_known_any_more(qt: object) -> None:
    made, _ = layers()
    made.show("latency", shown=True)
    known = model()
    feed = ReadingsFeed(known, made)
    feed.whole()
    known.changed.connect(lambda delta: sent.append(feed.tick(delta)))
    sent: list[Any] = []
    known.merge(Changed(2, health=(health(A, 4), health(B, 30))))
    known.flush()
    assert sent[-1] == {"readings": {"latency": [{"id": B, "level": 2}]}}
    known.merge(Changed(3, health=(health(A, 4, "down"),), removed=(Removed("device", B),)))
    known.flush()
    rows = sent[-1]["readings"]["latency"]
    assert {row["id"]: row["level"] for row in rows} == {A: None, B: None}


def test_badges_count_open_alerts_by_subject_in_the_colour_of_the_worst(qt: object) -> None:
    made, _ = layers()
    made.show("alerts", shown=True)
    known = model()
    feed = ReadingsFeed(known, made)
    feed.whole()
    alerts = (
        Alert(uuid4(), "x", A, "warning", 1),
        Alert(uuid4(), "y", A, "critical", 1),
        Alert(uuid4(), "x", B, "info", 1),
        Alert(uuid4(), "y", B, "critical", 1, cleared_us=2),
    )
    known.merge(Changed(2, alerts=alerts))
    known.flush()
    assert feed.turned()["readings"]["alerts"] == [
        {"id": A, "count": 2, "status": "down"},
        {"id": B, "count": 1, "status": "unknown"},
    ]
    made.show("alerts", shown=False)
    assert feed.turned() == {"readings": {"alerts": []}}


def opened(bench: Bench) -> LayersPanel:
    bench.window.actions_by_name["layers"].trigger()
    return bench.window.findChildren(LayersPanel)[-1]


def test_the_list_turns_layers_off_and_moves_them_by_mouse_and_says_what_stays(bench: Bench) -> None:
    panel = opened(bench)
    assert set(panel.boxes) == set(LAYERS)
    assert panel.note.text() == FAULTS
    assert not panel.boxes["alerts"].isChecked()
    QTest.keyClick(panel.boxes["status"], Qt.Key.Key_Space)
    assert not bench.map.layers.shows("status")
    assert not panel.boxes["status"].isChecked()
    before = bench.map.layers.order
    QTest.mouseClick(panel.downs["names"], Qt.MouseButton.LeftButton)
    assert bench.map.layers.order.index("names") == before.index("names") + 1
    assert not panel.ups[bench.map.layers.order[0]].isEnabled()
    assert not panel.downs[bench.map.layers.order[-1]].isEnabled()
    assert all(layer.key not in panel.ups for layer in (SYMBOLS, *GROUND))


def test_each_line_of_the_list_has_the_room_that_it_needs(bench: Bench) -> None:
    panel = opened(bench)
    lines = [label for label in panel.findChildren(Label) if label.isVisible()]
    assert len(lines) > len(LAYERS)
    assert [line.text() for line in lines if line.height() < line.heightForWidth(line.width())] == []


def test_a_low_screen_shows_whole_layers_and_cuts_no_line(bench: Bench) -> None:
    bottom = bench.window.screen().availableGeometry().bottom()
    for room_px in range(300, 420, 7):
        panel = LayersPanel(bench.map.layers, bench.window.look, bench.window)
        panel.show_at(QPoint(700, bottom - room_px))
        seen = panel._scrolled.viewport().rect()
        rows = panel._scrolled.widget()
        lines = [label.geometry() for label in rows.findChildren(Label) if label.isVisible()]
        assert panel.geometry().bottom() <= bottom
        cut = [line for line in lines if line.top() <= seen.bottom() < line.bottom()]
        assert cut == [], f"{room_px} px"
        panel.close()


def test_the_status_cannot_be_put_beneath_another_layer_and_the_list_says_why(bench: Bench) -> None:
    panel = LayersPanel(bench.map.layers, bench.window.look, bench.window)
    assert set(panel.ups) == set(panel.downs) == {layer.key for layer in NETWORK}
    assert "status" in panel.boxes
    said = [label.text() for label in panel.findChildren(Label)]
    assert "What is up or not known. Always on top, so that no other layer can ever hide a fault" in said
    bench.map.layers.move("status", 3)
    assert bench.map.layers.state()["layers"]["order"] == []
    panel.close()


def test_the_maps_button_opens_the_list(bench: Bench) -> None:
    bench.map.tools.layers_wanted.emit()
    assert bench.window.findChildren(LayersPanel)

"""The window: one selection, hostile names as text, chips that filter, placing, the first card."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, QRectF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from app.look import color, themes
from app.panels.alerts import LEAST_WHAT_PX, acknowledge_rect
from app.panels.alerts_model import WHAT, WHO
from app.panels.map_frame import place_at
from app.panels.text import tip
from app.panels.tray import DEVICE_MIME
from domain.alerts import Alert, fingerprint
from domain.fact import Fact
from domain.geometry import LngLat, distance_m
from domain.health import Health, ProbeHealth
from domain.inventory import Device, Inventory
from domain.observation import Failure
from domain.wire import Changed, EngineState, LatestValues
from tests.ui.conftest import Bench, WaitFor
from tests.ui.fake_engine import VANTAGE, FakeEngine, id_of

HOSTILE = '<img src=x onerror="alert(1)"><b>&bold</b>'
ARABIC = "محطة الجبل الشمالية للاتصالات اللاسلكية في المنطقة الغربية 12"


def tell(bench: Bench, **rows: Any) -> None:
    bench.model.merge(Changed(99, **rows))
    bench.model.flush()


def test_a_device_chosen_anywhere_is_selected_everywhere(bench: Bench) -> None:
    bench.map.device_clicked.emit(id_of("g1"))
    node = bench.window.tree.rows.node(bench.window.tree.tree.currentIndex())
    assert node is not None
    assert node.key == ("device", id_of("g1"))
    assert bench.window.device.isVisible()
    assert bench.window.device.name.text() == "Grünten R1"
    bench.wait_for(lambda: bench.engine.watched == (id_of("g1"),))
    bench.window.tree.chosen.emit(("device", id_of("l1")))
    assert bench.map.selected == id_of("l1")
    bench.map.background_clicked.emit()
    assert bench.window.selected is None
    assert not bench.window.device.isVisible()
    bench.wait_for(lambda: bench.engine.watched == ())


def test_escape_steps_back_one_thing_at_a_time(bench: Bench) -> None:
    escape = bench.window.actions_by_name["escape"]
    bench.window.tree.filter.setText("grün")
    bench.window.select(id_of("g1"))
    bench.window.place_device(id_of("g1"))
    escape.trigger()
    assert not bench.window.frame.placing
    assert bench.window.selected == id_of("g1")
    escape.trigger()
    assert bench.window.selected is None
    escape.trigger()
    assert bench.window.tree.filter.text() == ""


@pytest.mark.parametrize("name", [HOSTILE, ARABIC])
def test_a_hostile_or_foreign_name_is_shown_as_text_everywhere(bench: Bench, name: str) -> None:
    told = Device(id_of("evil"), name, "10.0.9.1", site=id_of("Grünten"))
    down = Health(id_of("evil"), VANTAGE, "down", 1, 1, {}, name)
    alert = Alert(fingerprint("device_down", told.id), "device_down", told.id, "critical", 1, reason=name)
    facts = (Fact(told.id, "identity", "snmp", VANTAGE, 1, f"I am {name}"),)
    tell(bench, devices=(told,), health=(down,), alerts=(alert,), facts=facts)
    bench.window.select(told.id)
    bench.window.delete(told.id)
    for label in bench.window.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText or not label.text()
    rows = bench.window.tree.rows
    assert rows.data(rows.index_of(("device", told.id)), Qt.ItemDataRole.DisplayRole) == name
    story = rows.data(rows.index_of(("device", told.id)), Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in story
    assert "<b>" not in story
    assert bench.window.device.name.text() == name
    assert not bench.window.grab().isNull()


def test_tooltips_are_escaped(qt: QApplication) -> None:
    assert "<img" not in tip("<img src=x>\nsecond & line")
    assert "<br>" in tip("a\nb")


def test_chips_count_in_fault_order_hide_zeros_and_filter(bench: Bench) -> None:
    statuses = {"g1": "down", "g2": "up", "l1": "up"}
    tell(bench, health=tuple(Health(id_of(k), VANTAGE, s, 1, 1) for k, s in statuses.items()))  # type: ignore[arg-type]
    chips = bench.window.top.chips
    shown = {status: chip.count for status, chip in chips.items() if chip.isVisible()}
    assert shown == {"down": 1, "up": 2}
    assert list(shown) == ["down", "up"]
    QTest.mouseClick(chips["down"], Qt.MouseButton.LeftButton)
    assert bench.window.tree.rows.device_count == 1
    tell(bench, health=(Health(id_of("g1"), VANTAGE, "up", 2, 2),))
    assert chips["down"].isVisible(), "a chip that filters stays, or the filter could not be taken off"
    QTest.mouseClick(chips["down"], Qt.MouseButton.LeftButton)
    assert not chips["down"].isVisible()
    assert bench.window.tree.rows.device_count == 3


def test_the_engines_state_and_rate_stand_in_the_bar(bench: Bench) -> None:
    tell(bench, engine=EngineState(1, 214.2, {"snmp": 10}, 3))
    assert bench.window.top.engine.value == "214/s"
    assert "Failed: 3" in bench.window.top.engine.toolTip()
    bench.engine.close()
    bench.wait_for(lambda: bench.window.top.engine.value in ("restarting", "failing", "refused"))


def test_why_a_device_is_down_stands_in_words_with_its_evidence(bench: Bench) -> None:
    silent = Failure("no_answer", "no answer within 2 s")
    probes = {k: ProbeHealth(5, 1_000_000, 900, silent) for k in ("icmp", "snmp")}
    tell(bench, health=(Health(id_of("g1"), VANTAGE, "down", 2_000_000, 2_000_000, probes, "x"),))
    bench.window.select(id_of("g1"))
    panel = bench.window.device
    assert panel.sentence.text().startswith("Down for")
    assert panel.reason.text().startswith("No answer to Ping and SNMP. The last answer came at")
    partly = {**probes, "icmp": ProbeHealth(0, 3_000_000, 900)}
    tell(bench, health=(Health(id_of("g1"), VANTAGE, "degraded", 2_000_000, 3_000_000, partly, "x"),))
    assert panel.reason.text() == "No answer to SNMP. Ping still answers."
    wrong = Failure("bad_credentials", "this login is not known to 10.0.0.1")
    probes = {"icmp": ProbeHealth(0, 3_000_000, 900), "snmp": ProbeHealth(5, None, None, wrong)}
    tell(bench, health=(Health(id_of("g1"), VANTAGE, "degraded", 2_000_000, 3_000_000, probes, "x"),))
    assert panel.reason.text() == "SNMP: this login is not known to 10.0.0.1. Ping still answers."


def test_interfaces_tell_a_dead_link_from_an_empty_socket(bench: Bench) -> None:
    ports = {"sfp1": (True, False), "ether1": (True, True), "ether2": (True, False), "ether3": (False, False)}
    facts = tuple(
        Fact(
            id_of("g1"),
            f"interface/{n}",
            "snmp",
            VANTAGE,
            1,
            {"name": n, "index": i, "admin_up": a, "oper_up": o},
        )
        for i, (n, (a, o)) in enumerate(ports.items())
    )
    rates = LatestValues(id_of("g1"), 1, (("if_in_bps", "ether1", 12e6), ("if_out_bps", "ether1", 2e5)))
    tell(bench, facts=facts, values=(rates,))
    bench.window.select(id_of("g1"))
    rows = bench.window.device.body.few_ports.rows
    assert [(p.interface.name, p.status, p.far_end) for p in rows.ports] == [
        ("sfp1", "down", "Lindau R1"),
        ("ether1", "up", ""),
        ("ether2", "unknown", ""),
        ("ether3", "maintenance", ""),
    ]
    assert [rows.data(rows.index(1, column)) for column in range(3)] == ["ether1", "12", "<1"]


def test_a_broken_interface_fact_is_left_out(bench: Bench) -> None:
    tell(bench, facts=(Fact(id_of("g1"), "interface/x", "snmp", VANTAGE, 1, {"name": 7}),))
    bench.window.select(id_of("g1"))
    assert bench.window.device.body.few_ports.rows.ports == []


def test_a_click_places_a_device_of_the_tray(bench: Bench) -> None:
    tell(bench, devices=(Device(id_of("lost"), "Lost", "10.0.9.9"),))
    bench.engine.inventory.tables["device"][id_of("lost")] = Device(id_of("lost"), "Lost", "10.0.9.9")
    tray = bench.window.tree.tray
    assert [device.name for device in tray.rows.devices] == ["Lost"]
    tray.place_wanted.emit((id_of("lost"),))
    frame = bench.window.frame
    assert frame.placing
    at = frame.rect().center()
    QTest.mouseClick(frame._cover, Qt.MouseButton.LeftButton, pos=at)
    bench.wait_for(lambda: bench.engine.edits)
    bench.settle()
    placed = bench.model.inventory.device(id_of("lost"))
    assert placed is not None
    assert placed.lng is not None
    assert placed.lat is not None
    assert abs(placed.lng - 10.0) < 0.01
    assert abs(placed.lat - 47.0) < 0.01
    assert tray.rows.devices == []
    assert bench.engine.edits[0].title == "Place Lost"


def test_a_device_dropped_from_the_tray_stands_where_it_was_dropped(bench: Bench) -> None:
    data = QMimeData()
    data.setData(DEVICE_MIME, str(id_of("g1")).encode())
    centre = QPointF(bench.map.width() / 2, bench.map.height() / 2)
    drop = QDropEvent(
        centre + QPointF(512, 0),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    bench.window.frame.dropEvent(drop)
    bench.settle()
    moved = bench.model.inventory.device(id_of("g1"))
    assert moved is not None
    assert moved.lng == pytest.approx(10.0 + 360 / 256)
    assert moved.lat == pytest.approx(47.0)


def test_the_place_of_a_pixel_is_web_mercators() -> None:
    centre = LngLat(10.0, 47.0)
    assert place_at(centre, 8.0, 0, 0) == pytest.approx(centre)
    north = place_at(centre, 14.0, 0, -100)
    m_per_px = 40_075_016.686 * 0.6819983600624985 / (512 * 2**14)
    assert distance_m(centre, north) == pytest.approx(100 * m_per_px, rel=0.005)


def test_both_themes_dress_window_and_map_and_only_the_colours_differ(bench: Bench) -> None:
    assert bench.map.theme == "dark"
    dark = bench.window.grab().toImage()
    bench.window.actions_by_name["theme"].trigger()
    light = bench.window.grab().toImage()
    assert bench.map.theme == "light"
    assert dark.size() == light.size()
    corner = (10, 200)
    assert dark.pixelColor(*corner) == color(themes()["dark"].surface.panel)
    assert light.pixelColor(*corner) == color(themes()["light"].surface.panel)


def test_the_map_alone_hides_every_panel_and_comes_back(bench: Bench) -> None:
    bench.window.select(id_of("g1"))
    alone = bench.window.actions_by_name["map_alone"]
    alone.trigger()
    assert not any(p.isVisible() for p in (bench.window.tree, bench.window.alerts, bench.window.device))
    alone.trigger()
    assert all(p.isVisible() for p in (bench.window.tree, bench.window.alerts, bench.window.device))


@pytest.fixture
def empty_bench(qt: QApplication, tmp_path: Path, wait_for: WaitFor) -> Iterator[Bench]:
    engine = FakeEngine(tmp_path / "empty", Inventory())
    made = Bench(engine, wait_for)
    yield made
    made.close()
    engine.close()


def test_an_empty_network_shows_one_card_that_adds_the_first_router(empty_bench: Bench) -> None:
    bench = empty_bench
    card = bench.window.first_card
    bench.wait_for(card.isVisible)
    QTest.mouseClick(card.verb, Qt.MouseButton.LeftButton)
    assert card.fields.by_name["address"].refusal.text()
    card.address.setText("10.0.0.300")
    card.submit()
    bench.wait_for(lambda: "IPv4" in card.fields.by_name["address"].refusal.text())
    card.address.setText("10.0.0.3")
    card.community.setText("public")
    card.submit()
    bench.wait_for(lambda: not card.isVisible())
    assert bench.window.focusWidget() is bench.window.frame, "no button is framed for no reason"
    (device,) = bench.model.inventory.devices()
    assert [probe.kind for probe in device.probes] == ["icmp", "snmp"]
    assert [secret.value for secret in bench.engine.secrets.values()] == ["public"]
    assert card.community.text() == ""


def test_in_the_smallest_window_nothing_overlaps_and_every_alert_can_be_acknowledged(bench: Bench) -> None:
    statuses = ("down", "degraded", "stale", "unknown", "up")
    devices = [Device(id_of(f"d{n}"), f"D{n}", f"10.8.0.{n + 1}", paused=n == 5) for n in range(6)]
    healths = [Health(d.id, VANTAGE, s, 1, 1) for d, s in zip(devices, statuses, strict=False)]  # type: ignore[arg-type]
    opened = Alert(fingerprint("device_down", devices[0].id), "device_down", devices[0].id, "critical", 1)
    tell(bench, devices=tuple(devices), health=tuple(healths), alerts=(opened,))
    window = bench.window
    window.resize(window.minimumSize())
    window.select(id_of("g1"))
    table = window.alerts.table

    def overlaps() -> list[tuple[QWidget, QWidget]]:
        parts = [child for child in window.top.children() if isinstance(child, QWidget) and child.isVisible()]
        parts.sort(key=lambda part: part.x())
        assert len(parts) >= 11
        return [(a, b) for a, b in itertools.pairwise(parts) if a.geometry().right() >= b.x()]

    bench.wait_for(lambda: window.top.width() == window.width() and not overlaps())
    bench.wait_for(lambda: table.columnWidth(WHAT) >= LEAST_WHAT_PX)
    bench.wait_for(lambda: window.top._left.width() == window.tree.width())
    who = table.visualRect(table.model().index(0, WHO))
    assert table.viewport().rect().contains(acknowledge_rect(QRectF(who)).toRect())

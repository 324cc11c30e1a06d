"""The alerts: order, tabs, words, and that the painted button works by mouse and by key."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest

from app.draft import now_us
from app.panels.alerts import acknowledge_rect
from app.panels.alerts_model import WHAT, WHERE, WHO, AlertsModel
from domain.alerts import Alert, Rule, fingerprint
from domain.wire import Acknowledge, Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of


def alert(rule: Rule, name: str, ago_s: float, **more: object) -> Alert:
    at_us = now_us() - int(ago_s * 1e6)
    return Alert(fingerprint(rule, id_of(name)), rule, id_of(name), "critical", at_us, **more)  # type: ignore[arg-type]


def show(bench: Bench, *alerts: Alert) -> None:
    bench.model.merge(Changed(9, alerts=alerts))
    bench.model.flush()


def whats(rows: AlertsModel) -> list[str]:
    return [rows.words(row, WHAT) for row in rows.rows]


def test_what_is_down_stands_first_devices_before_links_and_newest_first(bench: Bench) -> None:
    rows = bench.window.alerts.rows
    tester = QAbstractItemModelTester(rows, QAbstractItemModelTester.FailureReportingMode.Fatal)
    show(
        bench,
        alert("device_degraded", "l1", 5),
        alert("link_down", "link", 1),
        alert("device_down", "g1", 60),
        alert("device_down", "g2", 30),
    )
    assert whats(rows) == [
        "Grünten AP does not answer",
        "Grünten R1 does not answer",
        "Grünten R1 – Lindau R1 is down",
        "Lindau R1 answers in part",
    ]
    assert rows.words(rows.rows[0], WHERE) == "Oberallgäu › Grünten"
    assert rows.rows[0].takes_down == "30 subs"
    assert tester is not None


def test_a_link_of_a_dead_device_is_indented_below_it_and_is_no_root(bench: Bench) -> None:
    rows = bench.window.alerts.rows
    show(bench, alert("link_down", "link", 1))
    assert (rows.rows[0].status, rows.rows[0].under, rows.down_count) == ("down", None, 1)
    show(bench, alert("device_down", "g2", 2), alert("device_down", "g1", 60))
    assert whats(rows)[1:] == ["Grünten R1 does not answer", "Grünten R1 – Lindau R1 is down"]
    assert (rows.rows[2].status, rows.rows[2].under, rows.down_count) == ("affected", id_of("g1"), 2)


def test_tabs_hold_open_acknowledged_and_todays(bench: Bench) -> None:
    panel = bench.window.alerts
    now = now_us()
    show(
        bench,
        alert("device_down", "g1", 1),
        alert("device_down", "g2", 2, acknowledged_us=now, acknowledged_by="M. Bertsch"),
        alert("device_down", "l1", 3, cleared_us=now),
    )
    assert panel.rows.counts == {"open": 1, "acknowledged": 1, "today": 3}
    assert panel.tabs.buttons["open"].text() == "Open 1"
    panel.tabs.buttons["acknowledged"].click()
    assert panel.rows.words(panel.rows.rows[0], WHO) == "M. Bertsch, 0 s"
    panel.tabs.buttons["today"].click()
    assert "cleared" in [panel.rows.words(row, WHO) for row in panel.rows.rows]


def test_the_painted_button_acknowledges_and_the_rest_of_the_row_selects(bench: Bench) -> None:
    show(bench, alert("device_down", "g1", 1))
    table = bench.window.alerts.table
    cell = table.visualRect(table.model().index(0, WHO))
    inside = acknowledge_rect(QRectF(cell)).center().toPoint()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=inside)
    bench.wait_for(lambda: any(isinstance(m, Acknowledge) for m in bench.engine.heard))
    assert bench.window.selected is None
    what = table.visualRect(table.model().index(0, WHAT))
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=what.center() - QPoint(20, 0))
    assert bench.window.selected == id_of("g1")
    assert bench.map.flown == [id_of("g1")]


def test_the_keyboard_acknowledges_too(bench: Bench) -> None:
    show(bench, alert("device_down", "g1", 1))
    table = bench.window.alerts.table
    table.setCurrentIndex(table.model().index(0, 0))
    QTest.keyClick(table, Qt.Key.Key_A)
    bench.wait_for(lambda: any(isinstance(m, Acknowledge) for m in bench.engine.heard))


def test_an_alert_of_what_was_deleted_is_no_error(bench: Bench) -> None:
    show(bench, alert("device_down", "nobody", 1))
    assert whats(bench.window.alerts.rows) == ["Something that was deleted"]
    assert bench.window.alerts.rows.down_count == 1

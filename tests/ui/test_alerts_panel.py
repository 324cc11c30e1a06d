"""The alerts: order, tabs, words, and that the painted button works by mouse and by key."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest

from app.draft import now_us
from app.panels.alerts import acknowledge_rect
from app.panels.alerts_model import WHAT, WHERE, WHO, AlertsModel
from domain.alerts import Alert, fingerprint
from domain.inventory import Device, Link
from domain.watching import RuleKind
from domain.wire import ActOnAlert, Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of


def alert(rule: RuleKind, name: str, ago_s: float, **more: object) -> Alert:
    at_us = now_us() - int(ago_s * 1e6)
    more = {"kind": rule, **more}
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


def test_a_link_of_a_dead_device_is_indented_below_it_and_is_no_cause(bench: Bench) -> None:
    rows = bench.window.alerts.rows
    show(bench, alert("link_down", "link", 1))
    assert (rows.rows[0].status, rows.rows[0].under) == ("down", None)
    show(bench, alert("device_down", "g2", 2), alert("device_down", "g1", 60))
    assert whats(rows)[1:] == ["Grünten R1 does not answer", "Grünten R1 – Lindau R1 is down"]
    assert (rows.rows[2].status, rows.rows[2].under) == ("affected", id_of("g1"))


def test_tabs_hold_what_is_open_what_nobody_has_taken_and_the_last_day(bench: Bench) -> None:
    panel = bench.window.alerts
    now = now_us()
    show(
        bench,
        alert("device_down", "g1", 1),
        alert(
            "device_down",
            "g2",
            7_200,
            acknowledged_us=now - 5_400_000_000,  # told as an hour, however slow the machine
            acknowledged_by="M. Bertsch",
        ),
        alert("device_down", "l1", 3, cleared_us=now),
        alert("port_down", "l1", 3 * 86_400, cleared_us=now - 2 * 86_400_000_000),
    )
    assert panel.rows.counts == {"open": 2, "unacknowledged": 1, "day": 3}
    assert panel.tabs.buttons["open"].text() == "Open 2"
    assert panel.rows.words(panel.rows.rows[1], WHO) == "M. Bertsch, 1 h"
    panel.tabs.buttons["unacknowledged"].click()
    assert whats(panel.rows) == ["Grünten R1 does not answer"]
    panel.tabs.buttons["day"].click()
    assert "cleared" in [panel.rows.words(row, WHO) for row in panel.rows.rows]
    assert len(panel.rows.rows) == 3


def test_the_painted_button_acknowledges_and_the_rest_of_the_row_selects(bench: Bench) -> None:
    show(bench, alert("device_down", "g1", 1))
    table = bench.window.alerts.table
    cell = table.visualRect(table.model().index(0, WHO))
    inside = acknowledge_rect(QRectF(cell)).center().toPoint()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=inside)
    bench.wait_for(lambda: any(isinstance(m, ActOnAlert) for m in bench.engine.heard))
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
    bench.wait_for(lambda: any(isinstance(m, ActOnAlert) for m in bench.engine.heard))


def test_an_alert_of_what_was_deleted_is_no_error(bench: Bench) -> None:
    show(bench, alert("device_down", "nobody", 1))
    assert whats(bench.window.alerts.rows) == ["Something that was deleted"]


def test_what_one_dead_device_explains_is_folded_after_four_and_opens_by_mouse_and_key(bench: Bench) -> None:
    names = [f"far {n}" for n in range(7)]
    devices = tuple(Device(id_of(n), n, f"10.7.0.{i}") for i, n in enumerate(names, 1))
    links = tuple(Link(id_of(f"to {n}"), id_of("g1"), id_of(n)) for n in names)
    bench.model.merge(Changed(9, devices=devices, links=links))
    show(
        bench,
        alert("device_down", "g1", 60),
        *(alert("link_down", f"to {n}", i) for i, n in enumerate(names)),
        alert("device_down", "g2", 90),
    )
    rows, table = bench.window.alerts.rows, bench.window.alerts.table
    assert [row.what for row in rows.rows[4:]] == [
        "Grünten R1 – far 3 is down",
        "Show 3 more",
        "Grünten AP does not answer",
    ]
    assert rows.counts["open"] == 9
    more = table.visualRect(table.model().index(5, WHAT))
    table.scrollTo(table.model().index(5, WHAT))
    more = table.visualRect(table.model().index(5, WHAT))
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=more.center())
    assert len(rows.rows) == 9
    assert bench.window.selected is None
    show(bench, alert("device_down", "g1", 60, cleared_us=now_us()))
    assert rows.rows[0].what == "Grünten AP does not answer"
    show(bench, alert("device_down", "g1", 60))
    assert len(rows.rows) == 7
    table.setCurrentIndex(table.model().index(5, WHAT))
    QTest.keyClick(table, Qt.Key.Key_A)
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert len(rows.rows) == 9
    assert not any(isinstance(m, ActOnAlert) for m in bench.engine.heard)


def test_hundreds_are_counted_found_by_their_words_and_acknowledged_together(bench: Bench) -> None:
    names = [f"R{n:03}" for n in range(600)]
    site = id_of("Lindau")
    bench.model.merge(
        Changed(9, devices=tuple(Device(id_of(n), n, "10.9.9.9", site=site, subscribers=1) for n in names))
    )
    show(bench, *(alert("device_down", n, i) for i, n in enumerate(names)), alert("device_down", "g1", 999))
    panel = bench.window.alerts
    assert panel.tabs.buttons["open"].text() == "Open 601"
    assert panel.rows.rows[0].takes_down == "1 sub"
    bench.window.actions_by_name["filter_alerts"].trigger()
    assert panel.filter.hasFocus() or not bench.window.isActiveWindow()
    for text, count in (("R07", 10), ("bodensee", 600), ("grünten r1", 1), ("nowhere", 0)):
        panel.filter.setText(text)
        assert (len(panel.rows.rows), panel._matching.text()) == (count, f"{count} of 601")
        assert panel.rows.counts["open"] == 601
    assert not panel.table.isVisible()
    panel.filter.setText("R07")
    panel.table.selectAll()
    QTest.keyClick(panel.table, Qt.Key.Key_A)
    bench.wait_for(lambda: sum(isinstance(m, ActOnAlert) for m in bench.engine.heard) == 10)
    bench.window.actions_by_name["escape"].trigger()
    assert len(panel.rows.rows) == 601


def test_a_name_from_right_to_left_leaves_the_words_around_it_where_they_are(bench: Bench) -> None:
    name = "محطة الجبل 12"
    bench.model.merge(Changed(9, devices=(Device(id_of("rtl"), name, "10.9.9.9"),)))
    show(bench, alert("device_down", "rtl", 1))
    what = bench.window.alerts.rows.rows[0].what
    assert what == f"\u2068{name}\u2069 does not answer"

"""What people do to alerts: keys, menus, forms, many at once, and all about one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.draft import now_us
from app.panels.alert_acts import UNDER_WAY, AlertActs, Deed
from app.panels.alert_counters import AlertCounters
from app.panels.alert_desk import AlertDesk
from app.panels.alert_forms import AssignForm, CommentForm
from app.panels.alert_table import before_rect
from app.panels.alerts_model import WHAT
from domain.alerts import Act, Alert, fingerprint
from domain.asking import QueryTimeline
from domain.errors import Refusal
from domain.fault import Consequence, Fault
from domain.inventory import Device
from domain.journal import JournalRow
from domain.wire import ActOnAlert, Changed, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of

G1, G2, L1 = id_of("g1"), id_of("g2"), id_of("l1")
HOSTILE = '<img src=x onerror="alert(1)"><b>bold</b>'


def tell(bench: Bench, **rows: Any) -> None:
    bench.model.merge(Changed(9, **rows))
    bench.model.flush()


def alert(rule: str, subject: Any, ago_s: float = 60, **more: Any) -> Alert:
    at_us = now_us() - int(ago_s * 1e6)
    told = {"kind": rule, "severity": "critical", **more}
    return Alert(fingerprint(rule, subject), rule, subject, opened_us=at_us, **told)


@pytest.fixture
def desk(bench: Bench) -> Iterator[AlertDesk]:
    made = bench.window.desk
    yield made
    if made.detail is not None:
        made.detail.close()


def heard(bench: Bench) -> list[ActOnAlert]:
    return [message for message in bench.engine.heard if isinstance(message, ActOnAlert)]


def words(menu: QMenu) -> list[str]:
    return [action.text().split("\t")[0] for action in menu.actions() if not action.isSeparator()]


def test_the_menu_offers_what_can_be_done_with_some_of_the_chosen_and_says_with_how_many(
    bench: Bench, desk: AlertDesk
) -> None:
    taken = alert("device_down", G2, acknowledged_us=now_us(), acknowledged_by="anna")
    over = alert("device_down", L1, cleared_us=now_us())
    one = alert("device_down", G1)
    tell(bench, alerts=(one, taken, over))
    assert words(desk.menu([one.id])) == [
        "Acknowledge",
        "Comment…",
        "Assign…",
        "Resolve",
        "What changed just before",
        "All about it",
        "Copy",
    ]
    assert words(desk.menu([one.id, taken.id, over.id])) == [
        "Acknowledge (1)",
        "Comment… (3)",
        "Assign… (2)",
        "Resolve (2)",
        "Copy",
    ]
    assert words(desk.menu([over.id]))[:2] == ["Comment…", "What changed just before"]


def test_the_context_menu_is_about_all_that_is_chosen(bench: Bench, desk: AlertDesk) -> None:
    tell(bench, alerts=(alert("device_down", G1), alert("device_down", G2)))
    wanted: list[Any] = []
    table = bench.window.alerts.table
    table.menu_wanted.connect(lambda ids, at: wanted.append(ids))
    bench.window.alerts.menu_wanted.disconnect()
    table.selectAll()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.RightButton, pos=QPoint(60, 10))
    from PySide6.QtGui import QContextMenuEvent

    at = QPoint(60, 10)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, table.viewport().mapToGlobal(at))
    table.contextMenuEvent(event)
    assert len(wanted[0]) == 2


def test_many_are_resolved_by_one_key_and_those_for_whom_it_is_over_are_left(
    bench: Bench, desk: AlertDesk
) -> None:
    names = [f"R{n:03}" for n in range(100)]
    tell(bench, devices=tuple(Device(id_of(n), n, "10.9.9.9") for n in names))
    tell(bench, alerts=tuple(alert("device_down", id_of(n)) for n in names))
    resolved = alert("device_down", G1, resolved_us=now_us(), resolved_by="anna")
    tell(bench, alerts=(resolved,))
    panel = bench.window.alerts
    said: list[Any] = []
    bench.commands.said.connect(said.append)
    panel.show_tab("day")
    panel.table.selectAll()
    QTest.keyClick(panel.table, Qt.Key.Key_R)
    bench.wait_for(lambda: said)
    assert [s.text for s in said] == ["100 alerts resolved"]
    assert len(heard(bench)) == 100
    assert {(act.act, act.by) for act in heard(bench)} == {("resolve", "tester")}
    assert resolved.id not in {act.alert for act in heard(bench)}
    QTest.keyClick(panel.table, Qt.Key.Key_O)
    bench.wait_for(lambda: len(said) == 2)
    assert said[1].text == "1 alert opened again"


def test_of_thousands_few_are_under_way_at_a_time() -> None:
    sent: list[Any] = []
    acts = AlertActs(lambda make, then: sent.append((make(1), then)))
    told: list[Any] = []
    acts.act([id_of(str(n)) for n in range(1_000)], Deed("resolve", "me"), told.append)
    most = 0
    closed = Refusal("ALERT_CLOSED", "the alert is closed")
    done = 0
    while sent:
        most = max(most, len(sent))
        _, then = sent.pop(0)
        then(Reply(1, (closed,) if done < 3 else ()))
        done += 1
    assert (most, done) == (UNDER_WAY, 1_000)
    assert told == [(closed,) * 3], "told once, of everything that was refused"


def test_what_the_engine_refuses_is_said_once_as_it_is(bench: Bench, desk: AlertDesk) -> None:
    tell(bench, alerts=(alert("device_down", G1), alert("device_down", G2)))
    bench.engine.answers[ActOnAlert] = Reply(0, (Refusal("ALERT_CLOSED", "the alert is closed", "act"),))
    said: list[Any] = []
    bench.commands.said.connect(said.append)
    bench.window.alerts.table.selectAll()
    QTest.keyClick(bench.window.alerts.table, Qt.Key.Key_R)
    bench.wait_for(lambda: said)
    assert [(s.text, s.bad) for s in said] == [("the alert is closed", True)]


def test_a_comment_goes_to_all_chosen_and_what_is_refused_stands_at_its_field(
    bench: Bench, desk: AlertDesk
) -> None:
    tell(bench, alerts=(alert("device_down", G1), alert("device_down", G2)))
    refused = Refusal("MISSING_REQUIRED_FIELD", "a comment needs a text", "text")
    bench.engine.answers[ActOnAlert] = Reply(0, (refused,))
    bench.window.alerts.table.selectAll()
    QTest.keyClick(bench.window.alerts.table, Qt.Key.Key_C)
    form = bench.window.findChildren(CommentForm)[0]
    form.submit()
    bench.wait_for(lambda: "needs a text" in form.fields.by_name["text"].refusal.text())
    del bench.engine.answers[ActOnAlert]
    form.text.setPlainText(HOSTILE)
    form.submit()
    bench.wait_for(lambda: sum(act.text == HOSTILE for act in heard(bench)) == 2)
    bench.wait_for(lambda: not bench.window.findChildren(CommentForm))


def test_it_is_given_to_somebody_who_is_known_or_new(bench: Bench, desk: AlertDesk) -> None:
    acts = (Act(now_us(), "commented", "Anna Lindau", "hm"), Act(now_us(), "assigned", "Ben", to="Cleo"))
    one = alert("device_down", G1, acts=acts, assigned_to="Cleo")
    tell(bench, alerts=(one,))
    desk.act([one.id], "assign")
    form = bench.window.findChildren(AssignForm)[0]
    assert form.to.text() == "Cleo"
    model = form.to.completer().model()
    known = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert known == ["Anna Lindau", "Ben", "Cleo", "tester"]
    form.to.setText("Dora")
    form.submit()
    bench.wait_for(lambda: [(a.act, a.to) for a in heard(bench)] == [("assign", "Dora")])


def test_all_about_an_alert_its_thread_and_a_comment_in_place(bench: Bench, desk: AlertDesk) -> None:
    now = now_us()
    acts = (
        Act(now - 50_000_000, "acknowledged", "anna"),
        Act(now - 40_000_000, "commented", "anna", HOSTILE),
        Act(now - 30_000_000, "assigned", "anna", to="Ben"),
        Act(now - 20_000_000, "silenced", text="planned work: Fibre"),
        Act(now - 10_000_000, "unsilenced"),
    )
    one = alert(
        "cpu_busy", G1, kind="threshold", title="CPU busy", reason="CPU load is 95 %", value=95.0, limit=90.0
    )
    tell(bench, alerts=(msgspec.structs.replace(one, acts=acts),))
    desk.open_details(one.id)
    shown = desk.detail
    assert shown is not None
    assert shown.windowTitle() == "Grünten R1: CPU busy"
    assert [line.words for line in shown.life.lines] == [
        "Opened",
        "Acknowledged by anna",
        f"anna: {HOSTILE}",
        "anna gave it to Ben",
        "Silenced: planned work: Fibre",
        "No longer silenced",
    ]
    facts = {label.text(): said.text() for label, said in shown.facts._rows}
    assert facts["Seen"] == "95 %, limit 90 %"
    assert facts["Where"] == "Oberallgäu › Grünten"
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in _labels(shown))
    shown.comment.setPlainText("on my way")
    shown.send.click()
    bench.wait_for(lambda: [(a.act, a.text) for a in heard(bench)] == [("comment", "on my way")])
    bench.wait_for(lambda: not shown.comment.toPlainText())
    tell(bench, alerts=(msgspec.structs.replace(one, resolved_us=now, resolved_by="anna"),))
    assert not shown.acknowledge.isVisible()
    assert shown.reopen.isVisible()
    assert shown.sentence.text().startswith("Critical, resolved, still so since ")


def test_what_only_follows_from_a_fault_is_listed_with_its_alert(bench: Bench, desk: AlertDesk) -> None:
    lost = Consequence(G2, "OSPF neighbour lost", "OSPF full went from 3 to 2")
    fault = Fault(G1, "device", now_us() - 60_000_000, consequences=(lost,) * 10)
    one = alert("device_down", G1)
    tell(bench, faults=(fault,), alerts=(one,))
    desk.open_details(one.id)
    assert desk.detail is not None
    lines = desk.detail.reason.text().splitlines()
    assert "Follows from it, and alerts for nothing:" in lines
    words = "\u2022 OSPF neighbour lost at Grünten AP: OSPF full went from 3 to 2"
    bare = [line.replace("\u2068", "").replace("\u2069", "") for line in lines]
    assert bare.count(words) == 8
    assert bare[-1] == "\u2022 and 2 more"


def _labels(widget: Any) -> list[Any]:
    from app.panels.text import Label

    return list(widget.findChildren(Label))


def test_what_is_refused_of_one_alert_is_said_where_it_is_shown(bench: Bench, desk: AlertDesk) -> None:
    one = alert("device_down", G1)
    tell(bench, alerts=(one,))
    desk.open_details(one.id)
    assert desk.detail is not None
    bench.engine.answers[ActOnAlert] = Reply(0, (Refusal("ALERT_CLOSED", "the alert is closed", "act"),))
    desk.detail.resolve.click()
    bench.wait_for(lambda: desk.detail is not None and desk.detail.rest.text() == "The alert is closed")


def test_former_episodes_are_read_from_the_journal_of_the_subject(bench: Bench, desk: AlertDesk) -> None:
    one = alert("device_down", G1, count=3)
    hour_us = 3_600_000_000

    def row(seq: int, kind: Any, ago_h: int, rule: str, count: int) -> JournalRow:
        body = {"rule": rule, "kind": rule, "severity": "critical", "count": count, "reason": f"no {count}"}
        body["opened_us"] = now_us() - (ago_h + count) * hour_us
        return JournalRow(VANTAGE, seq, now_us() - ago_h * hour_us, kind, G1, body)

    rows = [
        row(1, "alert_opened", 30, "device_down", 1),
        row(2, "alert_cleared", 29, "device_down", 1),
        row(3, "alert_opened", 20, "other", 2),
        row(4, "alert_opened", 10, "device_down", 2),
        row(5, "alert_opened", 1, "device_down", 3),
    ]
    bench.engine.answers[QueryTimeline] = Reply(0, result={"rows": msgspec.to_builtins(rows)})
    tell(bench, alerts=(one,))
    desk.open_details(one.id)
    assert desk.detail is not None
    shown = desk.detail
    bench.wait_for(lambda: shown.former.lines)
    assert [line.words for line in shown.former.lines] == ["began: no 2", "for 2 h: no 1"]


def test_what_changed_just_before_is_one_click_on_the_row(bench: Bench, desk: AlertDesk) -> None:
    one = alert("device_down", G1)
    tell(bench, alerts=(one,))
    table = bench.window.alerts.table
    from PySide6.QtCore import QRectF

    cell = QRectF(table.visualRect(table.model().index(0, WHAT)))
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=before_rect(cell).center().toPoint())
    assert bench.window.selected is None
    assert desk.detail is not None
    assert desk.detail.views.current == "before"
    bench.wait_for(
        lambda: any(isinstance(m, QueryTimeline) and m.to_us == one.opened_us for m in bench.engine.heard)
    )
    asked = next(m for m in bench.engine.heard if isinstance(m, QueryTimeline) and m.to_us == one.opened_us)
    assert asked.from_us == one.opened_us - 1_800_000_000
    assert asked.subjects is not None
    assert set(asked.subjects) == {G1, G2}, "the subject and who is on its site"


def test_rows_are_copied_as_lines(bench: Bench, desk: AlertDesk) -> None:
    one = alert("cpu_busy", G1, kind="threshold", title="CPU busy", reason="CPU load is 95 %")
    tell(bench, alerts=(one,))
    desk.menu([one.id]).actions()[-1].trigger()
    assert (
        QGuiApplication.clipboard().text() == "Grünten R1: CPU busy\tOberallgäu › Grünten\tCPU load is 95 %"
    )


def test_the_bar_counts_all_critical_and_untaken_and_is_gone_where_there_are_none(bench: Bench) -> None:
    counts = AlertCounters(bench.model, bench.look, bench.window)
    tell(
        bench,
        alerts=(
            alert("device_down", G1),
            alert("device_down", G2, acknowledged_us=1),
            alert("hot", L1, kind="threshold", severity="warning"),
            alert("slow", L1, kind="anomaly", silenced="behind X"),
        ),
    )
    assert counts.accessibleName() == "3 alerts, 2 critical, 2 unacknowledged"
    assert not counts.isHidden()
    bench.window.resize(1600, 900)
    assert [said for said, _ in counts.parts] == ["3 alerts", "2 critical", "2 unacknowledged"]
    tell(
        bench,
        alerts=tuple(msgspec.structs.replace(a, cleared_us=now_us()) for a in bench.model.alerts.values()),
    )
    assert counts.isHidden()

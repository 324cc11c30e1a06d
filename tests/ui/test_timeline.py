"""The timeline: what a line says, paging, what comes live, restarts, chips, what stands out before a fault."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from app.draft import now_us
from app.look import Look
from app.model import Model
from app.panels.timeline import PAGE_ROWS, Timeline
from app.panels.timeline_model import event_of, is_about, suspects
from domain.alerts import Alert, fingerprint
from domain.asking import QueryTimeline
from domain.fault import Fault
from domain.journal import JournalRow
from domain.wire import ROWS_OF, Changed, Reply
from tests.ui.fake_engine import VANTAGE, id_of, small_network

G1, G2, L1, LINK = id_of("g1"), id_of("g2"), id_of("l1"), id_of("link")
S = 1_000_000


class Journal:
    """Answers from rows as the engine does; with `late` only when told to."""

    def __init__(self, rows: list[JournalRow]) -> None:
        self.rows = rows
        self.asked: list[QueryTimeline] = []
        self.waiting: list[Any] = []
        self.late = False

    def request(self, make: Any, then: Any) -> None:
        question = make(1)
        self.asked.append(question)
        rows = sorted(self.rows, key=lambda row: (row.at_us, row.origin.bytes, row.seq), reverse=True)
        subjects = frozenset(question.subjects or ())
        rows = [row for row in rows if is_about(row, subjects) and row.kind in (question.kinds or ())]
        rows = [row for row in rows if question.from_us <= row.at_us <= question.to_us]
        mark = question.before
        if mark is not None:
            rows = [
                r
                for r in rows
                if (r.at_us, r.origin.bytes, r.seq) < (mark.at_us, mark.origin.bytes, mark.seq)
            ]
        reply = Reply(1, result={"rows": msgspec.to_builtins(rows[: question.limit])})
        if self.late:
            self.waiting.append(lambda: then(reply))
        else:
            then(reply)


def row(seq: int, ago_s: float, kind: Any, subject: Any = G1, **body: Any) -> JournalRow:
    return JournalRow(VANTAGE, seq, now_us() - int(ago_s * S), kind, subject, body)


def model_of(*faults: Fault) -> Model:
    model = Model()
    tables = small_network().tables
    rows: dict[str, Any] = {ROWS_OF[kind]: tuple(table.values()) for kind, table in tables.items()}
    model.merge(Changed(1, initial=True, faults=faults, **rows))
    model.flush()
    return model


def shown(qt: QApplication, journal: Journal, model: Model | None = None) -> Timeline:
    made = Timeline(model or model_of(), journal, Look("dark"))
    made.resize(420, 400)
    made.show()
    return made


def words(timeline: Timeline) -> list[str]:
    return [event.words for event in timeline.rows.events]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (row(1, 1, "alert_opened", title="CPU busy", reason="95 %"), "CPU busy: 95 %"),
        (row(1, 1, "alert_cleared", title="CPU busy", why="it is calm"), "Over: CPU busy, it is calm"),
        (row(1, 1, "alert_acknowledged", title="CPU busy", by="anna"), "CPU busy: acknowledged by anna"),
        (row(1, 1, "edit_applied", title="Move X", author="anna"), "Move X, by anna"),
        (row(1, 1, "status", status="down", reason="icmp: silent"), "Down: icmp: silent"),
        (row(1, 1, "trap", text="coldStart"), "Trap: coldStart"),
    ],
)
def test_a_line_stands_alone(told: JournalRow, said: str) -> None:
    event = event_of(model_of(), told)
    assert event is not None
    assert event.words == said


def test_what_is_hostile_is_no_error() -> None:
    for kind in ("edit_applied", "alert_opened", "trap", "syslog", "status"):
        body = {"touched": [1, ["x"], None], "title": None, "status": 7, "text": None, "count": "x"}
        told = row(1, 1, kind, None, **body)
        assert is_about(told, frozenset({G1})) is False
        event_of(model_of(), told)


def test_pages_are_asked_for_as_somebody_scrolls_down_and_no_row_is_missed_or_twice(qt: QApplication) -> None:
    rows = [row(n, 1_000 - n // 3, "status", status="up", reason=str(n)) for n in range(1, 251)]
    journal = Journal(rows)
    timeline = shown(qt, journal)
    timeline.show_of([G1])
    assert len(timeline.rows.events) == PAGE_ROWS
    bar = timeline.view.verticalScrollBar()
    for _ in range(5):
        qt.processEvents()
        bar.setValue(bar.maximum())
    assert [event.key[1] for event in timeline.rows.events] == list(range(250, 0, -1))
    assert len(journal.asked) == 3
    timeline.show_of([G1])
    assert len(journal.asked) == 3, "the same again is not asked again"


def test_what_comes_live_stands_on_top_and_what_is_not_meant_nowhere(qt: QApplication) -> None:
    model = model_of()
    timeline = shown(qt, Journal([row(1, 60, "status", status="up")]), model)
    timeline.show_of([G1])
    edit = row(3, 5, "edit_applied", None, title="Move 2 devices", touched=[["device", str(G1)]])
    live = (row(2, 10, "trap", text="linkDown"), row(4, 3, "trap", G2, text="of another"), edit)
    model.merge(Changed(2, journal=live))
    model.flush()
    assert words(timeline) == ["Move 2 devices", "Trap: linkDown", "Up"]
    timeline.chips["traps"].click()
    assert words(timeline) == ["Up"], "asked anew, as the journal has it"
    model.merge(Changed(3, journal=(row(5, 1, "trap", text="again"),)))
    model.flush()
    assert words(timeline) == ["Up"]


def test_an_answer_to_what_is_not_wanted_any_more_is_nothing(qt: QApplication) -> None:
    journal = Journal([row(1, 60, "status", status="up"), row(2, 50, "status", G2, status="down")])
    journal.late = True
    timeline = shown(qt, journal)
    timeline.show_of([G1])
    timeline.show_of([G2])
    for answer in journal.waiting:
        answer()
    assert words(timeline) == ["Down"]


def test_restarts_and_upgrades_stand_among_the_rows_and_can_be_left_out(qt: QApplication) -> None:
    rows = [row(1, 700, "status", status="up"), row(4, 60, "status", status="down")]
    rows.append(row(2, 600, "device_restarted", up_s=9_000))
    rows.append(row(3, 500, "device_upgraded", **{"from": "7.14", "to": "7.15.3"}))
    timeline = shown(qt, Journal(rows))
    timeline.show_of([G1])
    assert words(timeline) == [
        "Down",
        "Other software: 7.14 \u2192 7.15.3",
        "Restarted, had run for 2 h",
        "Up",
    ]
    timeline.chips["restarts"].click()
    assert words(timeline) == ["Down", "Up"]


def test_before_a_fault_changes_stand_out_and_nothing_after_it_is_shown(qt: QApplication) -> None:
    opened_us = now_us() - 100 * S
    journal = Journal(
        [
            row(1, 50, "edit_applied", title="Later"),
            row(2, 200, "edit_applied", title="Change it", author="anna"),
            row(3, 300, "status", G2, status="degraded"),
            row(4, 400, "device_restarted"),
            row(6, 390, "trap", text="coldStart"),
            row(5, 4_000, "edit_applied", title="Long ago"),
        ]
    )
    timeline = shown(qt, journal)
    timeline.show_of([G1, G2], opened_us - 1_800 * S, opened_us, is_before=True)
    assert [(event.words, event.is_change) for event in timeline.rows.events] == [
        ("Change it, by anna", True),
        ("Degraded", False),
        ("Trap: coldStart", False),
        ("Restarted", True),
    ]
    assert timeline.rows.events[1].name == "Grünten AP"
    assert not timeline.grab().isNull()
    timeline.show_of([L1], opened_us - 1_800 * S, opened_us, is_before=True)
    assert timeline.none.isVisible()
    assert "the change is elsewhere" in timeline.none.text()


def test_suspects_are_the_subject_its_site_its_cause_and_the_links_that_fell(qt: QApplication) -> None:
    fault = Fault(L1, "device", now_us(), (G1,), links=(LINK,))
    told = Alert(fingerprint("device_down", G1), "device_down", G1, "critical", now_us())
    assert set(suspects(model_of(fault), told)) == {G1, G2, L1, LINK}
    of_link = Alert(fingerprint("link_down", LINK), "link_down", LINK, "warning", now_us())
    assert set(suspects(model_of(), of_link)) == {LINK, G1, G2, L1}


def test_in_the_time_machine_it_ends_at_the_moment_and_follows_it_one_question_at_a_time(
    qt: QApplication,
) -> None:
    journal = Journal([row(seq, ago_s, "status", status="up") for seq, ago_s in enumerate((7200, 3600, 60))])
    model = model_of()
    timeline = shown(qt, journal, model)
    timeline.show_of([G1])
    assert len(timeline.rows.events) == 3
    model.moment_us = now_us() - 5000 * S
    timeline.tick()
    assert [event.key[1] for event in timeline.rows.events] == [0]
    journal.late = True
    model.moment_us += 2000 * S
    timeline.tick()
    model.moment_us += S
    timeline.tick()
    assert [event.key[1] for event in timeline.rows.events] == [0]  # what was there stays until the answer
    assert len(journal.waiting) == 1
    journal.waiting.pop()()
    assert [event.key[1] for event in timeline.rows.events] == [1, 0]
    journal.waiting.pop()()
    assert journal.asked[-1].to_us == model.moment_us
    journal.late = False
    model.moment_us = None
    model.merge(Changed(5, initial=True))
    model.flush()
    assert len(timeline.rows.events) == 3

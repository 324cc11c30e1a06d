"""An alert is a fold of its journal rows, in whatever order they come; what may be done to it, and what is counted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts import (
    ACTS_KEPT,
    Act,
    Alert,
    Beginning,
    Counters,
    act_refusals,
    body_of,
    counters,
    fingerprint,
    is_done,
    next_alert,
)
from domain.journal import JournalRow, RowKind

SUBJECT, ORIGIN = UUID(int=1), UUID(int=2)
FIRST = Beginning("device_down", "device_down", "critical", 1, 100, 90, reason="snmp: silent")


def row(kind: RowKind, at_us: int, begun: Beginning | None = FIRST, **said: Any) -> JournalRow:
    """Return a row about the one subject; without a beginning it is one from before episodes had numbers."""
    body = body_of(begun, **said) if begun is not None else {"rule": "device_down", **said}
    return JournalRow(ORIGIN, at_us, at_us, kind, SUBJECT, body)


def folded(*rows: JournalRow) -> Alert:
    """Return the alert after these rows."""
    alert = None
    for one in rows:
        alert = next_alert(alert, one)
    assert alert is not None
    return alert


OPENED = row("alert_opened", 100)


def test_opened_acknowledged_and_cleared() -> None:
    alert = folded(
        OPENED, row("alert_acknowledged", 110, by="mara"), row("alert_cleared", 120, why="it answers")
    )
    assert (alert.opened_us, alert.since_us, alert.cleared_us, alert.cleared_why) == (
        100,
        90,
        120,
        "it answers",
    )
    assert (alert.acknowledged_us, alert.acknowledged_by) == (110, "mara")
    assert alert.severity == "critical" and alert.reason == "snmp: silent" and not alert.is_open


def test_a_new_episode_has_a_count_and_what_people_said_stays_with_the_old_one() -> None:
    again = msgspec.structs.replace(FIRST, count=2, opened_us=200)
    rows = [OPENED, row("alert_acknowledged", 110, by="mara"), row("alert_cleared", 120)]
    alert = folded(*rows, row("alert_opened", 200, again))
    assert (alert.count, alert.acknowledged_by, alert.opened_us, alert.is_open) == (2, "", 200, True)
    late = row("alert_commented", 130, by="mara", text="of the first episode")
    assert next_alert(alert, late) == alert


def test_rows_from_before_episodes_had_numbers_are_read_in_their_order() -> None:
    rows = [
        row("alert_opened", 1, None, reason="silent"),
        row("alert_opened", 5, None),
        row("alert_acknowledged", 6, None, by="mara"),
        row("alert_cleared", 7, None, reason="it answers"),
    ]
    alert = folded(*rows)
    assert (alert.opened_us, alert.count, alert.acknowledged_by) == (1, 1, "mara")
    assert (alert.kind, alert.severity, alert.cleared_why) == ("device_down", "critical", "it answers")
    assert folded(*rows, row("alert_opened", 9, None)).count == 2


def test_a_resolved_alert_is_closed_and_whoever_opens_it_again_asks_for_a_new_acknowledgement() -> None:
    rows = [OPENED, row("alert_acknowledged", 110, by="mara"), row("alert_resolved", 120, by="mara")]
    assert not folded(*rows).is_open and folded(*rows).resolved_by == "mara"
    again = folded(*rows, row("alert_reopened", 130))
    assert again.is_open and again.acknowledged_us is None and again.count == 1


def test_what_the_judge_cleared_stays_cleared() -> None:
    alert = folded(OPENED, row("alert_cleared", 120), row("alert_reopened", 130, by="mara"))
    assert not alert.is_open and alert.cleared_us == 120


def test_the_latest_assignment_and_silence_hold() -> None:
    alert = folded(
        OPENED,
        row("alert_assigned", 130, by="mara", to="jo"),
        row("alert_assigned", 120, by="mara", to="tom"),
        row("alert_silenced", 140, text="planned work: mast"),
    )
    assert (alert.assigned_to, alert.silenced) == ("jo", "planned work: mast")
    assert folded(OPENED, row("alert_silenced", 140, text="x"), row("alert_unsilenced", 150)).silenced == ""


def test_rows_that_make_no_sense_change_nothing() -> None:
    alert = folded(OPENED)
    strange = JournalRow(ORIGIN, 9, 9, "alert_cleared", SUBJECT, {"count": "many"})
    assert next_alert(alert, strange) == alert
    assert next_alert(None, strange) is None
    assert next_alert(None, row("alert_cleared", 1, None)) is None
    assert next_alert(None, JournalRow(ORIGIN, 1, 1, "alert_opened", SUBJECT, {})) is None
    assert next_alert(alert, row("status", 200)) == alert


def test_an_alert_carries_so_many_comments_and_never_loses_who_has_it() -> None:
    rows = [row("alert_commented", 200 + n, by="mara", text=str(n)) for n in range(2 * ACTS_KEPT)]
    alert = folded(OPENED, row("alert_assigned", 110, by="mara", to="jo"), *rows)
    assert alert.assigned_to == "jo" and len(alert.acts) == ACTS_KEPT + 1
    assert alert.acts[-1].text == str(2 * ACTS_KEPT - 1)


def test_nightly_work_that_silences_an_alert_does_not_push_out_who_has_it() -> None:
    nights = [
        row(kind, 1_000 * night + n, text=why)
        for night in range(1, ACTS_KEPT + 1)
        for n, (kind, why) in enumerate((("alert_silenced", "planned work"), ("alert_unsilenced", "")))
    ]
    taken = [row("alert_acknowledged", 110, by="mara"), row("alert_assigned", 120, by="mara", to="jo")]
    alert = folded(OPENED, *taken, *nights)
    assert (alert.acknowledged_by, alert.assigned_to, alert.silenced) == ("mara", "jo", "")
    assert len(alert.acts) == len(taken) + ACTS_KEPT
    assert folded(OPENED, *reversed(nights), *taken) == alert


def test_the_fingerprints_that_are_stored_stay_what_they_are() -> None:
    assert fingerprint("device_down", SUBJECT) == UUID("d5a78b8d-69ab-5607-ada3-0f1426e629b0")
    assert fingerprint("device_down", SUBJECT) == folded(OPENED).id
    ids = [fingerprint(rule, SUBJECT, port) for rule in ("port_down", "hot") for port in ("", "a", "b")]
    assert len(set(ids)) == 6


def test_an_acknowledgement_from_before_acts_were_kept_is_not_lost_to_a_comment() -> None:
    old = Alert(
        fingerprint("device_down", SUBJECT), "device_down", SUBJECT, "critical", 100, acknowledged_us=110
    )
    old = msgspec.structs.replace(old, acknowledged_by="mara")
    new = next_alert(old, row("alert_commented", 120, None, by="jo", text="still down"))
    assert new is not None and (new.acknowledged_us, new.acknowledged_by) == (110, "mara")
    assert [act.what for act in new.acts] == ["acknowledged", "commented"]


# In whatever order

_words = st.sampled_from(["", "mara", "jo"])
_acts: list[RowKind] = [
    "alert_acknowledged",
    "alert_commented",
    "alert_assigned",
    "alert_resolved",
    "alert_reopened",
    "alert_silenced",
    "alert_unsilenced",
]


@st.composite
def lives(draw: st.DrawFn) -> list[JournalRow]:
    """Draw the rows of some episodes, as two installs may have written them."""
    rows = []
    for count in range(1, draw(st.integers(1, 3)) + 1):
        begun = [
            msgspec.structs.replace(FIRST, count=count, opened_us=100 * count + later, reason=reason)
            for later, reason in draw(st.lists(st.tuples(st.integers(0, 3), _words), min_size=1, max_size=2))
        ]
        rows += [row("alert_opened", one.opened_us, one) for one in begun]
        for _ in range(draw(st.integers(0, 6))):
            kind = draw(st.sampled_from([*_acts, "alert_cleared"]))
            said = {name: draw(_words) for name in ("by", "text", "to", "why")}
            rows.append(row(kind, draw(st.integers(100, 110)), draw(st.sampled_from(begun)), **said))
    return rows


@given(lives(), st.randoms(use_true_random=False), st.data())
def test_any_order_and_any_repetition_of_rows_gives_the_same_alert(
    rows: list[JournalRow], random: Any, data: st.DataObject
) -> None:
    alert = folded(*rows)
    shuffled = rows + data.draw(st.lists(st.sampled_from(rows), max_size=5))
    random.shuffle(shuffled)
    assert folded(*shuffled) == alert


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(_acts)), min_size=100, max_size=200))
def test_the_order_does_not_matter_above_the_cap_either(acts: list[tuple[int, RowKind]]) -> None:
    rows = [row(kind, at_us, by="mara", text="x", to="jo") for at_us, kind in acts]
    assert folded(OPENED, *rows) == folded(OPENED, *reversed(rows))


@given(lives())
def test_an_alert_survives_the_wire_and_the_disk(rows: list[JournalRow]) -> None:
    alert = folded(*rows)
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert


# What people may do


@pytest.mark.parametrize(
    ("act", "done", "state"),
    [
        ("acknowledge", "acknowledged", "open"),
        ("assign", "assigned", "open"),
        ("resolve", "resolved", "open"),
        ("comment", "commented", "open"),
        ("comment", "commented", "cleared"),
        ("reopen", "reopened", "resolved"),
        ("comment", "commented", "resolved"),
    ],
)
def test_what_may_be_done(act: Any, done: Any, state: str) -> None:
    later = {"open": [], "cleared": [row("alert_cleared", 120)], "resolved": [row("alert_resolved", 120)]}
    alert = folded(OPENED, *later[state])
    assert act_refusals(alert, act, "mara", "because", "jo") == []
    assert not is_done(alert, Act(130, done, "mara", "because", "jo"))


@pytest.mark.parametrize("act", ["acknowledge", "assign", "resolve", "reopen"])
def test_what_is_cleared_is_commented_on_and_nothing_else(act: Any) -> None:
    refused = act_refusals(folded(OPENED, row("alert_cleared", 120)), act, "mara", "", "jo")
    assert [(r.field, r.code) for r in refused] == [("act", "ALERT_CLOSED")]


def test_counters_leave_the_silenced_out() -> None:
    def of(number: int, **fields: Any) -> Alert:
        return Alert(UUID(int=number), "x", SUBJECT, fields.pop("severity", "warning"), 1, **fields)

    alerts = [
        of(1, severity="critical"),
        of(2, acknowledged_us=2),
        of(3, severity="critical", silenced="planned work"),
        of(4, severity="critical", cleared_us=2),
        of(5, resolved_us=2),
    ]
    assert counters(alerts) == Counters(total=2, critical=1, unacknowledged=1, silenced=1)

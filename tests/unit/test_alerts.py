"""An alert is a fold of its journal rows."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.alerts import Alert, fingerprint, next_alert, rule_of_device, rule_of_link
from domain.health import Health
from domain.journal import JournalRow
from domain.load import LinkState

SUBJECT, ORIGIN = UUID(int=1), UUID(int=2)


def row(kind: str, at_us: int, **body: str) -> JournalRow:
    """Return a journal row about the one subject."""
    return JournalRow(ORIGIN, at_us, at_us, kind, SUBJECT, {"rule": "device_down", **body})  # type: ignore[arg-type]


def folded(*rows: JournalRow) -> Alert:
    """Return the alert after these rows."""
    alert = None
    for one in rows:
        alert = next_alert(alert, one)
    assert alert is not None
    return alert


def test_opened_acknowledged_and_cleared() -> None:
    alert = folded(
        row("alert_opened", 1, reason="snmp: silent"),
        row("alert_acknowledged", 2, by="mara"),
        row("alert_cleared", 3),
    )
    assert (alert.opened_us, alert.acknowledged_us, alert.acknowledged_by, alert.cleared_us) == (
        1,
        2,
        "mara",
        3,
    )
    assert alert.severity == "critical" and alert.reason == "snmp: silent" and not alert.is_open


def test_an_open_alert_is_not_opened_again() -> None:
    alert = folded(row("alert_opened", 1), row("alert_opened", 5))
    assert (alert.opened_us, alert.count) == (1, 1)


def test_a_new_episode_has_a_count_and_no_acknowledgement() -> None:
    alert = folded(
        row("alert_opened", 1),
        row("alert_acknowledged", 2, by="mara"),
        row("alert_cleared", 3),
        row("alert_opened", 9),
    )
    assert (alert.count, alert.acknowledged_by, alert.opened_us) == (2, "", 9)
    assert alert.is_open


@given(st.permutations([row("alert_acknowledged", 5, by="mara"), row("alert_acknowledged", 4, by="jo")]))
def test_the_earliest_acknowledgement_holds_in_whatever_order(acts: list[JournalRow]) -> None:
    assert folded(row("alert_opened", 1), *acts).acknowledged_by == "jo"


def test_rows_about_nothing_open_change_nothing() -> None:
    assert next_alert(None, row("alert_cleared", 1)) is None
    assert next_alert(None, row("alert_acknowledged", 1, by="x")) is None
    opened = folded(row("alert_opened", 1))
    assert next_alert(opened, row("status", 2)) == opened


def test_one_rule_about_one_subject_is_one_fingerprint() -> None:
    assert fingerprint("device_down", SUBJECT) == folded(row("alert_opened", 1)).id
    assert fingerprint("device_down", SUBJECT) != fingerprint("link_down", SUBJECT)


def test_which_rule_is_broken() -> None:
    assert rule_of_device(Health(SUBJECT, ORIGIN, "down")) == "device_down"
    assert rule_of_device(Health(SUBJECT, ORIGIN, "degraded")) == "device_degraded"
    assert rule_of_device(Health(SUBJECT, ORIGIN, "unknown")) is None
    assert rule_of_link(LinkState(SUBJECT, "down")) == "link_down"
    assert rule_of_link(LinkState(SUBJECT, "up")) is None

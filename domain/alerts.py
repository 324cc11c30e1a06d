"""Rules and life of alerts. Counterpart: `judge/` opens and clears them, people acknowledge them; all three are journal rows.

Theory: an alert is a fold of its journal rows. Its fingerprint (rule, subject) is one alert with a count: while it is open
nothing opens it again; opened again after it was cleared, its count grows and what people said stays with the old episode.
One rule: `next_alert` never looks at a clock; acts merge by union, so the earliest acknowledgement holds.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID, uuid5

import msgspec

from domain.health import Health
from domain.journal import JournalRow
from domain.load import LinkState

Severity = Literal["critical", "warning", "info"]
SEVERITY_RANK = {"critical": 0, "warning": 1, "info": 2}
Rule = Literal["device_down", "device_degraded", "link_down"]
_SEVERITY: dict[str, Severity] = {
    "device_down": "critical",
    "device_degraded": "warning",
    "link_down": "warning",
}
_SPACE = UUID("6f1d2f0e-7c39-4c5e-9d36-0f2f8a4f8a11")


class Alert(msgspec.Struct, frozen=True):
    """One fingerprint's newest episode. Open while `cleared_us` is None; `count` episodes so far."""

    id: UUID
    rule: Rule
    subject: UUID
    severity: Severity
    opened_us: int
    reason: str = ""
    cleared_us: int | None = None
    acknowledged_us: int | None = None
    acknowledged_by: str = ""
    count: int = 1

    @property
    def is_open(self) -> bool:
        """Not cleared yet."""
        return self.cleared_us is None


def fingerprint(rule: str, subject: UUID) -> UUID:
    """Return the id that one rule about one subject always has."""
    return uuid5(_SPACE, f"{rule}:{subject}")


def rule_of_device(health: Health) -> Rule | None:
    """Return which rule a device's health breaks now, if any."""
    if health.status == "down":
        return "device_down"
    return "device_degraded" if health.status == "degraded" else None


def rule_of_link(state: LinkState) -> Rule | None:
    """Return which rule a link's state breaks now, if any."""
    return "link_down" if state.status == "down" else None


def next_alert(old: Alert | None, row: JournalRow) -> Alert | None:
    """Return the alert after one more journal row about it; a row that is no alert's changes nothing."""
    if row.kind == "alert_opened" and row.subject is not None:
        if old is not None and old.is_open:
            return old
        rule: Rule = row.body["rule"]
        return Alert(
            id=fingerprint(rule, row.subject),
            rule=rule,
            subject=row.subject,
            severity=_SEVERITY[rule],
            opened_us=row.at_us,
            reason=str(row.body.get("reason", "")),
            count=old.count + 1 if old else 1,
        )
    if old is None:
        return None
    if row.kind == "alert_cleared" and old.is_open:
        return msgspec.structs.replace(old, cleared_us=row.at_us)
    if row.kind == "alert_acknowledged" and (old.acknowledged_us is None or row.at_us < old.acknowledged_us):
        by = str(row.body.get("by", ""))
        return msgspec.structs.replace(old, acknowledged_us=row.at_us, acknowledged_by=by)
    return old

"""Alerts brought to what rows of installs say of them. Pure. Counterpart: `intake.py`; `domain/alerts.py`, their life.

Theory: who judges for the team opens, clears and silences; the rows of an install that judged only for itself are kept as what
it saw there and change no alert; but an episode of the team's that it saw before the team did began as early. A person's act
changes an alert that is there, in the episode that is there, and says who did it as the server knows it.
One rule: what no column of the database can hold is refused here.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.alerts import DONE, TEXT_CAP, Alert, body_of, fingerprint, next_alert
from domain.journal import JournalRow
from domain.text import clean_text

ACTS = frozenset(f"alert_{done}" for done in DONE.values())
"""Rows about what people did to an alert."""
ABSORBED = "alert_absorbed"
ABSORBED_CAP_US = 30 * 86_400_000_000
"""How much earlier than the team's an opening may be that somebody cut off saw."""
COUNT_CAP = 2**31 - 1
TOLD_CAP = 500
"""Characters of a reason, of a rule's name, of an instance."""


class Folding:
    """Alerts as they were, and what rows make of them, in their order. `now_us` bounds what anybody says of the future."""

    def __init__(self, alerts: dict[UUID, Alert], now_us: int) -> None:
        self._before = dict(alerts)
        self._now = alerts
        self._now_us = now_us

    @property
    def made(self) -> list[Alert]:
        """Alerts that were not there."""
        return [alert for id, alert in self._now.items() if id not in self._before]

    @property
    def changed(self) -> list[Alert]:
        """Alerts that are otherwise than they were."""
        return [alert for id, alert in self._now.items() if id in self._before and alert != self._before[id]]

    def fold(self, row: JournalRow, by: str, *, counts: bool) -> JournalRow | None:
        """Take a row; return it as it is to be kept, None where it is not. `by`: whose acts the install may tell, or empty."""
        id = alert_id(row)
        if id is None:
            return None
        old = self._now.get(id)
        if row.kind in ACTS:
            if not by:
                return None
            row = _as_of(row, old, by)
            if old is None or row.body.get("count", old.count) != old.count:
                return row
        elif row.kind == ABSORBED:
            if old is None or (earlier := _absorbing(row, old)) is None:
                return row
            row = earlier
        elif not counts:
            return row
        new = next_alert(old, row)
        if new is None or not _is_sane(new):
            return None
        self._now[id] = new
        return row


def alert_id(row: JournalRow) -> UUID | None:
    """Return which alert a row is about, or None where it does not say so."""
    rule, instance = row.body.get("rule"), row.body.get("instance", "")
    if row.subject is None or not isinstance(rule, str) or not isinstance(instance, str):
        return None
    return fingerprint(rule, row.subject, instance)


def _as_of(row: JournalRow, old: Alert | None, by: str) -> JournalRow:
    """Return a person's act as the server knows it: who did it, and which episode of what it is about."""
    text, to = (clean_text(str(row.body.get(name, "")), TEXT_CAP) for name in ("text", "to"))
    said: dict[str, Any] = {**row.body, "by": by, "text": text, "to": to}
    if old is not None and row.body.get("count", old.count) == old.count:
        said = body_of(old, by=by, text=text, to=to)
    return msgspec.structs.replace(row, body=msgspec.to_builtins(said))


def _absorbing(row: JournalRow, old: Alert) -> JournalRow | None:
    """Return the row that has a team's episode begin as early as one who was cut off saw it; None where it says no such thing."""
    at_us = row.body.get("opened_us")
    if row.body.get("count") != old.count or not isinstance(at_us, int):
        return None
    if not old.opened_us - ABSORBED_CAP_US <= at_us < old.opened_us:
        return None
    since_us = min(at_us, old.since_us or at_us)
    earlier = msgspec.structs.replace(old, opened_us=at_us, since_us=since_us)
    return msgspec.structs.replace(row, body=msgspec.to_builtins(body_of(earlier)))


def _is_sane(alert: Alert) -> bool:
    told = (alert.rule, alert.instance, alert.title, alert.reason, alert.cleared_why)
    times = (alert.opened_us, alert.since_us, alert.cleared_us or 0)
    return (
        0 < alert.count <= COUNT_CAP
        and all(len(text) <= TOLD_CAP and "\0" not in text for text in told)
        and all(0 <= at_us < 2**62 for at_us in times)
    )

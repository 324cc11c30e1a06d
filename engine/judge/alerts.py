"""Opens, clears and marks alerts. Counterpart: `domain/alerts.py`, their life; `holds.py`, which says when.

One rule: an alert changes by a journal row and by nothing else; who asks for a state that holds already gets no row. A row is
never stamped before the one it answers: a clock that was set back puts nothing in another order.
"""

from __future__ import annotations

import logging
from uuid import UUID

import msgspec

from domain.alerts import Act, Alert, Beginning, What, body_of, fingerprint, is_done, next_alert
from domain.journal import JournalRow, RowKind
from engine.journal import JournalPen
from engine.judge.outcome import Outcome

_log = logging.getLogger("engine.judge")
_ROW: dict[What, RowKind] = {
    "acknowledged": "alert_acknowledged",
    "commented": "alert_commented",
    "assigned": "alert_assigned",
    "resolved": "alert_resolved",
    "reopened": "alert_reopened",
    "silenced": "alert_silenced",
    "unsilenced": "alert_unsilenced",
}


class Alerts:
    """Keeps the alerts of `alerts`, which is shared with readers. `is_looking`: somebody else judges; only people's acts
    count."""

    def __init__(self, alerts: dict[UUID, Alert], pen: JournalPen, *, is_looking: bool = False) -> None:
        self._alerts = alerts
        self._pen = pen
        self._is_looking = is_looking

    def uncleared(self, id: UUID) -> Alert | None:
        """Return an alert that the judge has not cleared: open, or resolved by a person."""
        found = self._alerts.get(id)
        return found if found is not None and found.cleared_us is None else None

    def open(self, subject: UUID, begun: Beginning, outcome: Outcome) -> None:
        """Open an alert, unless it is; which episode it is, is counted here."""
        old = self._alerts.get(fingerprint(begun.rule, subject, begun.instance))
        if self._is_looking or (old is not None and old.cleared_us is None):
            return
        begun = msgspec.structs.replace(begun, count=old.count + 1 if old is not None else 1)
        row = self._pen.row(begun.opened_us, "alert_opened", subject, **body_of(begun))
        self._turn(old, row, outcome)
        told = {"rule": begun.rule, "instance": begun.instance, "reason": begun.reason}
        _log.warning("alert_opened", extra={"subject": subject, **told})

    def clear(self, id: UUID, at_us: int, outcome: Outcome, why: str = "") -> None:
        """Say that what an alert was about is over."""
        alert = self.uncleared(id)
        if alert is not None and not self._is_looking:
            at_us = max(at_us, alert.touched_us)
            row = self._pen.row(at_us, "alert_cleared", alert.subject, **body_of(alert, why=why))
            self._turn(alert, row, outcome)
            told = {"subject": alert.subject, "rule": alert.rule, "instance": alert.instance, "reason": why}
            _log.info("alert_cleared", extra=told)

    def reopen(self, id: UUID, at_us: int, outcome: Outcome) -> None:
        """Open again what a person resolved: it still holds."""
        alert = self.uncleared(id)
        if alert is not None and not self._is_looking:
            self.act(alert, Act(at_us, "reopened"), outcome)

    def silence(self, id: UUID, why: str, at_us: int, outcome: Outcome) -> None:
        """Say why nobody is to be called; an empty `why`: somebody is again."""
        alert = self.uncleared(id)
        if alert is not None and not self._is_looking:
            self.act(alert, Act(at_us, "silenced" if why else "unsilenced", text=why), outcome)

    def act(self, alert: Alert, act: Act, outcome: Outcome) -> None:
        """Note what was done to an alert; once is enough."""
        if is_done(alert, act):
            return
        at_us = max(act.at_us, alert.touched_us + 1)
        said = {"by": act.by, "text": act.text, "to": act.to}
        self._turn(
            alert, self._pen.row(at_us, _ROW[act.what], alert.subject, **body_of(alert, **said)), outcome
        )
        told = {"subject": alert.subject, "rule": alert.rule, "instance": alert.instance, "by": act.by}
        _log.info(_ROW[act.what], extra=told)

    def _turn(self, old: Alert | None, row: JournalRow, outcome: Outcome) -> None:
        outcome.journal.append(row)
        new = next_alert(old, row)
        if new is not None:
            self._alerts[new.id] = new
            outcome.alerts.append(new)

"""Opens and clears alerts as statuses turn. Counterpart: `domain/alerts.py`, their life; the judge, who says what turned.

One rule: an alert changes by a journal row and by nothing else; who asks for a state that holds already gets no row.
"""

from __future__ import annotations

import logging
from typing import get_args
from uuid import UUID

from domain.alerts import Alert, Rule, fingerprint, next_alert
from domain.journal import JournalRow
from engine.journal import JournalPen
from engine.judge.outcome import Outcome

_log = logging.getLogger("engine.judge")
_RULES: tuple[Rule, ...] = get_args(Rule)


class Alerts:
    """Keeps the alerts of `alerts` (shared with readers) by what rules are broken."""

    def __init__(self, alerts: dict[UUID, Alert], pen: JournalPen) -> None:
        self._alerts = alerts
        self._pen = pen

    def open(self, rule: Rule, subject: UUID, reason: str, at_us: int, outcome: Outcome) -> None:
        """Open the alert of a rule, unless it is open."""
        old = self._alerts.get(fingerprint(rule, subject))
        if old is not None and old.is_open:
            return
        row = self._pen.row(at_us, "alert_opened", subject, rule=rule, reason=reason)
        self._turn(old, row, outcome)
        _log.warning("alert_opened", extra={"subject": subject, "rule": rule, "reason": reason})

    def clear(
        self, subject: UUID, at_us: int, outcome: Outcome, but: Rule | None = None, why: str = ""
    ) -> None:
        """Clear all open alerts of a subject, but that of one rule."""
        for rule in _RULES:
            old = self._alerts.get(fingerprint(rule, subject))
            if rule != but and old is not None and old.is_open:
                row = self._pen.row(at_us, "alert_cleared", subject, rule=rule, reason=why)
                self._turn(old, row, outcome)
                _log.info("alert_cleared", extra={"subject": subject, "rule": rule, "reason": why})

    def acknowledge(self, alert: Alert, by: str, at_us: int, outcome: Outcome) -> None:
        """Note that somebody takes an alert; once is enough."""
        if alert.acknowledged_us is None:
            row = self._pen.row(at_us, "alert_acknowledged", alert.subject, rule=alert.rule, by=by)
            self._turn(alert, row, outcome)
            _log.info("alert_acknowledged", extra={"subject": alert.subject, "rule": alert.rule, "by": by})

    def _turn(self, old: Alert | None, row: JournalRow, outcome: Outcome) -> None:
        outcome.journal.append(row)
        new = next_alert(old, row)
        if new is not None:
            self._alerts[new.id] = new
            outcome.alerts.append(new)

"""Alerts that this engine judged for itself alone while its team's server was not heard, and what becomes of them after.

Counterparts: `engine/switchboard.py`, which notes them; `sync_server/live/folding.py`, where an earlier opening is kept for all.

Theory: an episode that opened here is the team's business only if the team has one of the same fingerprint at the same time. Once
the server is heard, what is open here ends, in the journal too, for the team's word holds; once all news is here, each episode is
held against the team's. One that overlaps is absorbed: the earlier opening is kept, and what people did to it here is done
to the team's. One that the team never saw stays in the history as seen from here. What the team's judge saw just before may be
on its way to the server yet, so each is held against what comes for a minute more.
One rule: nothing of this opens, closes or silences an alert of the team's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

import msgspec

from domain.alerts import Act, Alert, body_of, next_alert
from domain.journal import JournalRow
from domain.team import LOCAL_ALERTS_CAP, SEEN_FROM_HERE
from engine.journal import JournalPen
from engine.judge.outcome import Outcome
from engine.state import State

LATE_US = 60_000_000
"""How long after the server is heard again the team may still turn out to have had an episode, at the same time, of its own."""


class FromHere:
    """`on_change` hears when other alerts are marked than before."""

    def __init__(self, state: State, pen: JournalPen, on_change: Callable[[], None]) -> None:
        self._state = state
        self._pen = pen
        self._on_change = on_change
        self._judged: dict[UUID, Alert] = {}
        """What was judged here since the server was lost, as it is by now."""
        self._opened: set[UUID] = set()
        """Those of them of which an episode opened here."""
        self._over: list[Alert] = []
        """Episodes that opened here and wait for the team's word."""
        self._late: list[Alert] = []
        """Those of which the team had none by then, but may have one yet that is on its way to the server."""
        self._heard_us = 0
        """When the server was heard again."""
        self._kept: dict[UUID, Alert] = {}
        """Episodes that nobody else saw."""

    @property
    def marked(self) -> tuple[UUID, ...]:
        """The alerts that are seen from here, not too many."""
        alerts = self._state.alerts
        kept = (id for id, alert in self._kept.items() if alerts.get(id) is alert)
        return tuple(dict.fromkeys([*self._judged, *kept]))[:LOCAL_ALERTS_CAP]

    def holds(self, id: UUID) -> bool:
        """Tell whether an alert is as it is because it was judged here."""
        return id in self._judged

    def note(self, outcome: Outcome) -> None:
        """The judge of this computer alone changed alerts."""
        before = len(self._judged)
        self._judged.update((alert.id, alert) for alert in outcome.alerts)
        opened = {
            (row.subject, row.body["rule"], row.body.get("instance", ""))
            for row in outcome.journal
            if row.kind == "alert_opened"
        }
        self._opened.update(
            alert.id for alert in outcome.alerts if (alert.subject, alert.rule, alert.instance) in opened
        )
        if len(self._judged) != before:
            self._on_change()

    def acted(self, alerts: Iterable[Alert]) -> None:
        """A person did something to these."""
        self._judged.update((alert.id, alert) for alert in alerts if alert.id in self._judged)

    def end(self, known: Mapping[UUID, Alert], at_us: int) -> tuple[list[JournalRow], dict[UUID, Alert]]:
        """The server is heard, and `known` is the team's word so far. Return the rows that end what is open here, and the
        episodes of which the team has no alert at all."""
        self._heard_us = at_us
        rows: list[JournalRow] = []
        unknown: dict[UUID, Alert] = {}
        for id, alert in self._judged.items():
            if id not in self._opened:
                continue  # an episode of the team's, of which more was seen here: the team's word holds
            if alert.cleared_us is None:
                body = body_of(alert, why=SEEN_FROM_HERE)
                row = self._pen.row(max(at_us, alert.touched_us), "alert_cleared", alert.subject, **body)
                rows.append(row)
                alert = next_alert(alert, row) or alert  # noqa: PLW2901
            self._over.append(alert)
            if id not in known:
                unknown[id] = self._kept[id] = alert
        self._judged.clear()
        self._opened.clear()
        self._on_change()
        return rows, unknown

    def absorb(self, act: Callable[[Alert, Act], Outcome], at_us: int) -> Outcome:
        """All of the team's news is here, or more of it: hold the episodes against it. `act` does to an alert what a person did.
        Return what is to be written, and told."""
        outcome, alerts = Outcome(), self._state.alerts
        outcome.alerts += [local for local in self._over if alerts.get(local.id) is local]
        waiting, self._over, self._late = [*self._over, *self._late], [], []
        for local in waiting:
            team = alerts.get(local.id)
            if team is not None and not _is_same(local, team) and _overlap(local, team):
                self._absorb(local, team, act, at_us, outcome)
            elif at_us < self._heard_us + LATE_US:
                self._late.append(local)
        return outcome

    def _absorb(
        self, local: Alert, team: Alert, act: Callable[[Alert, Act], Outcome], at_us: int, outcome: Outcome
    ) -> None:
        if local.opened_us < team.opened_us:
            since_us = min(local.since_us or local.opened_us, team.since_us or team.opened_us)
            earlier = msgspec.structs.replace(team, opened_us=local.opened_us, since_us=since_us)
            row = self._pen.row(at_us, "alert_absorbed", team.subject, **body_of(earlier))
            team = next_alert(team, row) or team
            self._state.alerts[team.id] = team
            outcome.journal.append(row)
            outcome.alerts.append(team)
        done = [one for one in local.acts if one.by] if local.count != team.count else []
        for one in done:
            acted = act(self._state.alerts[team.id], one)
            outcome.journal += acted.journal
            outcome.alerts += acted.alerts


def _is_same(local: Alert, other: Alert) -> bool:
    """Tell whether an alert is the episode that was judged here, whatever was done to it since."""
    return (local.count, local.opened_us) == (other.count, other.opened_us)


def _overlap(local: Alert, team: Alert) -> bool:
    """Tell whether two episodes of one fingerprint were open at a time."""
    local_until, team_until = local.cleared_us, team.cleared_us
    begins_before = team_until is None or local.opened_us <= team_until
    return begins_before and (local_until is None or team.opened_us <= local_until)

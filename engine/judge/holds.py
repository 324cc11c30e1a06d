"""Conditions that hold, until they are alerts and until they are over. Counterpart: `rules.py` sees them, `alerts.py` opens them.

Theory: a hold is what a rule looks for, from the first time it is seen until it is seen to be over. The time it was seen to
hold adds up: from look to look for numbers, tick by tick for what stays so by itself (a status). When that is enough the alert
opens. While somebody the hold is about is quiet (planned work; what lies before it broke) no time adds up, none is lost and
nothing opens; an alert that was open stays so, silenced. While something flaps, what is down counts only once it has been so for
five minutes, and so does what is up. Every alert that is not cleared has its hold.
One rule: time is an argument, and a clock that jumps adds little: never more than `CAP_US` a tick.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from domain.alert_rules import change_words, key_of, threshold_words
from domain.alerts import Alert, Beginning, fingerprint
from domain.watching import AlertRule, RuleKind
from engine.judge.alerts import Alerts
from engine.judge.outcome import Outcome

CAP_US = 5_000_000
STEADY_US = 300_000_000
"""So long something that flaps must stay as it is to be believed."""
REOPEN_AFTER_US = 60_000_000
"""So long a person's word that an alert is resolved is left alone, whatever is seen."""
FLAPS: frozenset[RuleKind] = frozenset({"device_down", "link_down", "port_down"})
"""What neither opens nor is over at once while its subject flaps."""
MOST_INSTANCES = 50
"""Ports or sensors of one device of which one rule alerts singly: a device that invents names makes no more."""
MORE = "\u2026"
"""The instance of the alert that stands for all above that."""
MORE_REASON = f"more than {MOST_INSTANCES} ports or sensors at once: the rest is not told singly"
TICKING: frozenset[RuleKind] = frozenset(
    {"device_down", "device_degraded", "device_stale", "link_down", "port_down", "flapping", "cut_off"}
)
"""What stays so without being looked at."""


@dataclass(slots=True, eq=False)
class Hold:
    """One rule's condition on one subject, and one port or sensor of it. `ends`: of a link its devices."""

    rule: AlertRule
    subject: UUID
    instance: str
    since_us: int
    seen_us: int
    for_us: int
    ends: tuple[UUID, ...] = ()
    held_us: int = 0
    reason: str = ""
    value: float | None = None
    limit: float | None = None
    probe: str = ""
    """Who told the number last; empty where nobody did since the start."""
    missing: int = 0
    """How many looks in a row did not tell it."""
    over_us: int | None = None
    """Since when it is over, though it flaps."""
    why_over: str = ""
    because: str | None = None
    """Of whom it is a consequence, and so rests; empty while that is looked into."""
    key: str = ""
    id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.key or key_of(self.rule)
        self.id = fingerprint(self.key, self.subject, self.instance)


class Follower(Protocol):
    """Who wants to know of each hold: when it begins, when it is seen while it is a consequence, and when it is over."""

    def take_up(self, hold: Hold) -> None:
        """It is new, and has not opened yet."""

    def see(self, hold: Hold) -> None:
        """It was seen."""

    def drop(self, hold: Hold) -> None:
        """It is over."""


class Holds:
    """All holds. `is_flapping` tells whether a subject, or a port of it, goes up and down."""

    def __init__(self, alerts: Alerts) -> None:
        self.is_flapping: Callable[[UUID, str], bool] = lambda subject, instance: False
        self._alerts = alerts
        self._of: dict[UUID, dict[tuple[str, str], Hold]] = {}
        self._around: dict[UUID, dict[UUID, Hold]] = {}
        self._ticking: dict[UUID, Hold] = {}
        self._quiet: dict[UUID, dict[Hashable, str]] = {}
        self._instances: dict[tuple[UUID, str], int] = {}
        self._follower: Follower | None = None

    def follow(self, follower: Follower) -> None:
        """Tell somebody of each hold from now on."""
        self._follower = follower

    def of(self, subject: UUID) -> dict[tuple[str, str], Hold] | None:
        """Return the holds on a subject by (rule's key, instance); None without any. Not to be changed."""
        return self._of.get(subject)

    def get(self, subject: UUID, key: str, instance: str = "") -> Hold | None:
        """Return one hold."""
        return self._of.get(subject, {}).get((key, instance))

    def all(self) -> list[Hold]:
        """Return every hold."""
        return [hold for holds in self._of.values() for hold in holds.values()]

    def about(self, subjects: Iterable[UUID]) -> list[Hold]:
        """Return the holds on these, and on links of these."""
        return [hold for id in subjects for hold in self._about(id)]

    def restore(self, hold: Hold) -> None:
        """Take up what held when the engine stopped."""
        self._of.setdefault(hold.subject, {})[hold.key, hold.instance] = hold
        place = hold.subject, hold.key
        self._instances[place] = self._instances.get(place, 0) + 1
        for end in hold.ends:
            self._around.setdefault(end, {})[hold.id] = hold
        if self._follower is not None:
            self._follower.take_up(hold)
        self._wake(hold)

    def begin(self, hold: Hold, at_us: int, outcome: Outcome) -> bool:
        """Take up a condition that holds from now on; one that held, was over and flaps, holds again.

        False where its device has too many of that rule: then one condition stands for the rest.
        """
        old = self.get(hold.subject, hold.key, hold.instance)
        if old is None:
            if hold.instance and self._instances.get((hold.subject, hold.key), 0) >= MOST_INSTANCES:
                self._take_up_rest(hold, at_us, outcome)
                return False
            self.restore(hold)
            old = hold
        elif old.over_us is not None:
            old.over_us, old.since_us, old.held_us, old.reason = None, hold.since_us, 0, hold.reason
        old.seen_us = at_us
        self._settle(old, at_us, outcome)
        return True

    def _take_up_rest(self, hold: Hold, at_us: int, outcome: Outcome) -> None:
        rest = self.get(hold.subject, hold.key, MORE)
        if rest is None:
            rest = Hold(hold.rule, hold.subject, MORE, at_us, at_us, hold.for_us, reason=MORE_REASON)
            self.restore(rest)
        rest.missing = -1
        self.see(rest, at_us, max(0, at_us - rest.seen_us), outcome)

    def see(self, hold: Hold, at_us: int, cap_us: int, outcome: Outcome) -> None:
        """Note that a condition still holds; of the time since it was seen last at most `cap_us` counts."""
        self._grow(hold, at_us, cap_us)
        if hold.because is not None and self._follower is not None:
            self._follower.see(hold)
        self._settle(hold, at_us, outcome)

    def end(self, hold: Hold, at_us: int, outcome: Outcome, why: str = "") -> None:
        """Say that a condition is over; while it flaps that has to last."""
        flaps = hold.rule.kind in FLAPS and self.is_flapping(hold.subject, hold.instance)
        if flaps and self._alerts.uncleared(hold.id) is not None:
            hold.over_us, hold.seen_us, hold.why_over = at_us, at_us, why
            self._ticking[hold.id] = hold
        else:
            self.drop(hold, at_us, outcome, why)

    def drop(self, hold: Hold, at_us: int, outcome: Outcome, why: str = "") -> None:
        """Forget a condition at once, and clear its alert."""
        holds = self._of.get(hold.subject, {})
        if holds.pop((hold.key, hold.instance), None) is None:
            return
        if not holds:
            del self._of[hold.subject]
        place = hold.subject, hold.key
        self._instances[place] -= 1
        if not self._instances[place]:
            del self._instances[place]
        for end in hold.ends:
            self._around[end].pop(hold.id, None)
            if not self._around[end]:
                del self._around[end]
        self._ticking.pop(hold.id, None)
        if self._follower is not None:
            self._follower.drop(hold)
        self._alerts.clear(hold.id, at_us, outcome, why)

    def drop_all(self, subject: UUID, at_us: int, outcome: Outcome, why: str) -> None:
        """Forget all conditions on a subject."""
        for hold in list(self._of.get(subject, {}).values()):
            self.drop(hold, at_us, outcome, why)

    def is_alert(self, hold: Hold) -> bool:
        """Tell whether a condition's alert is open, or was resolved by a person while it still holds."""
        return self._alerts.uncleared(hold.id) is not None

    def tick(self, now_us: int, outcome: Outcome) -> None:
        """Let time add up for what stays so by itself."""
        for hold in list(self._ticking.values()):
            if hold.over_us is None:
                self.see(hold, now_us, CAP_US, outcome)
            else:
                flaps = self.is_flapping(hold.subject, hold.instance)
                if not flaps or now_us - hold.over_us >= STEADY_US:
                    self.drop(hold, now_us, outcome, hold.why_over)

    def look_again(self, hold: Hold) -> None:
        """Settle a condition anew whose alert a person resolved."""
        self._wake(hold)

    def settle_silence(self, at_us: int, outcome: Outcome) -> None:
        """Have alerts call again that were silenced before a restart, and whose cause is over by now."""
        for hold in self.all():
            self._alerts.silence(hold.id, self._reason(hold), at_us, outcome)

    def calm(self, subject: UUID, instance: str, at_us: int, outcome: Outcome) -> None:
        """Believe at once what a subject is that flaps no more."""
        for hold in list(self._of.get(subject, {}).values()):
            if hold.rule.kind in FLAPS and hold.instance == instance:
                if hold.over_us is not None:
                    self.drop(hold, at_us, outcome, hold.why_over)
                else:
                    self._settle(hold, at_us, outcome)

    # Consequences

    def rest(self, hold: Hold, why: str, since_us: int, at_us: int, outcome: Outcome) -> bool:
        """Let a consequence rest, and clear its alert; False, and nothing, where that opened before `since_us`."""
        alert = self._alerts.uncleared(hold.id)
        if alert is not None and alert.opened_us < since_us:
            return False
        if alert is not None:
            self._alerts.clear(hold.id, at_us, outcome, why)
            hold.held_us = 0
        self._grow(hold, at_us, 0)
        self._ticking.pop(hold.id, None)
        hold.because = why
        return True

    def wake(self, hold: Hold, at_us: int, outcome: Outcome) -> None:
        """Take that back: it opens when it has held long enough, at once where it has."""
        hold.because, hold.seen_us = None, at_us
        self._settle(hold, at_us, outcome)

    # Quiet

    def is_silenced(self, subject: UUID) -> bool:
        """Tell whether a subject is left in peace for a reason, and not just for a moment."""
        return any(self._quiet.get(subject, {}).values())

    def is_hushed(self, subject: UUID) -> bool:
        """Tell whether a subject is left in peace, if only for a moment."""
        return subject in self._quiet

    def hush(
        self,
        subject: UUID,
        by: Hashable,
        at_us: int,
        outcome: Outcome,
        *,
        why: str = "",
        since_us: int | None = None,
    ) -> None:
        """Let nothing about a subject open any more, on somebody's behalf.

        Open alerts are silenced with `why` where it says anything; those that opened from `since_us` on are cleared.
        """
        self._quiet.setdefault(subject, {})[by] = why
        for hold in list(self._about(subject)):
            if hold.over_us is not None:
                if why:
                    self.drop(hold, at_us, outcome, hold.why_over)
                continue
            self._ticking.pop(hold.id, None)
            self._grow(hold, at_us, 0)
            alert = self._alerts.uncleared(hold.id)
            if alert is None:
                continue
            if since_us is not None and alert.opened_us >= since_us:
                self._alerts.clear(hold.id, at_us, outcome, why)
            elif why:
                self._alerts.silence(hold.id, self._reason(hold), at_us, outcome)

    def unhush(self, subject: UUID, by: Hashable, at_us: int, outcome: Outcome) -> None:
        """Take that back; what still holds opens when it has held long enough, at once where it has."""
        causes = self._quiet.get(subject, {})
        if causes.pop(by, None) is None:
            return
        if not causes:
            self._quiet.pop(subject, None)
        for hold in list(self._about(subject)):
            if self.is_alert(hold):
                self._alerts.silence(hold.id, self._reason(hold), at_us, outcome)
            if not self._is_quiet(hold):
                hold.seen_us = at_us
                if hold.rule.kind in TICKING:
                    self._settle(hold, at_us, outcome)

    def _about(self, subject: UUID) -> Iterator[Hold]:
        yield from self._of.get(subject, {}).values()
        yield from self._around.get(subject, {}).values()

    def _is_quiet(self, hold: Hold) -> bool:
        quiet = self._quiet
        return hold.because is not None or (
            bool(quiet) and (hold.subject in quiet or any(end in quiet for end in hold.ends))
        )

    def _reason(self, hold: Hold) -> str:
        """Return why a hold is quiet, in the words of the first who gave some."""
        causes = (self._quiet.get(id, {}) for id in (hold.subject, *hold.ends))
        return next((why for cause in causes for why in cause.values() if why), "")

    # Time

    def _wake(self, hold: Hold) -> None:
        if hold.rule.kind in TICKING and not self._is_quiet(hold):
            self._ticking[hold.id] = hold

    def _grow(self, hold: Hold, at_us: int, cap_us: int) -> None:
        if not self._is_quiet(hold):
            hold.held_us += max(0, min(at_us - hold.seen_us, cap_us))
        hold.seen_us = at_us

    def _settle(self, hold: Hold, at_us: int, outcome: Outcome) -> None:
        """Open what has held long enough, or open it again; of what has not, wait on."""
        if self._is_quiet(hold):
            self._ticking.pop(hold.id, None)
            return
        needed_us = hold.for_us
        if hold.rule.kind in FLAPS and self.is_flapping(hold.subject, hold.instance):
            needed_us = max(needed_us, STEADY_US)
        alert = self._alerts.uncleared(hold.id)
        waits = hold.held_us < needed_us if alert is None else self._rests(alert, at_us)
        if waits:
            self._wake(hold)
            return
        self._ticking.pop(hold.id, None)
        if alert is None:
            self._alerts.open(hold.subject, _beginning(hold, at_us), outcome)
        else:
            self._alerts.reopen(hold.id, at_us, outcome)

    def _rests(self, alert: Alert, at_us: int) -> bool:
        return alert.resolved_us is not None and at_us - alert.resolved_us < REOPEN_AFTER_US


def _beginning(hold: Hold, at_us: int) -> Beginning:
    """Return how a hold's alert begins; its count is the alerts' affair."""
    return Beginning(
        hold.key,
        hold.rule.kind,
        hold.rule.severity,
        1,
        at_us,
        hold.since_us,
        instance=hold.instance,
        title=hold.rule.name,
        reason=words_of(hold),
        value=hold.value,
        limit=hold.limit,
    )


def words_of(hold: Hold) -> str:
    """Return why a hold's alert opens."""
    if hold.reason or hold.value is None:
        return hold.reason
    if hold.rule.kind == "change":
        return change_words(hold.rule, hold.instance, hold.limit or 0.0, hold.value)
    return threshold_words(hold.rule, hold.instance, hold.value)

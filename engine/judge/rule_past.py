"""Numbers that are unlike their own past. Counterpart: `rule_history.py` fetches that, `domain/habits.py` compares.

One rule: what was looked at too little is left as it is, and what is no longer told at all ends after a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.alert_rules import amount, matches
from domain.habits import Against
from domain.inventory import Device
from domain.metrics import CATALOGUE
from domain.observation import Value
from domain.watching import AlertRule
from engine.judge.holds import Hold, Holds
from engine.judge.outcome import Outcome
from engine.judge.rule_plan import Plans

HOUR_US = 3_600_000_000
LOOK_GAP_US = {"anomaly": 2 * HOUR_US, "trend": 48 * HOUR_US}
"""A look is made each hour, at a trend each day: more than two count as no longer than that."""
MISSING_LOOKS = {"anomaly": 24, "trend": 1}
EARLY_US = 900_000_000
"""The next look may be earlier in its hour than the one before: an hour is as good as over by then."""


class Watched(NamedTuple):
    """A rule about the past, and the number it looks at."""

    rule: AlertRule
    instance: str


class Past:
    """Judges what the hours say."""

    def __init__(self, plans: Plans, holds: Holds) -> None:
        self._plans = plans
        self._holds = holds

    def watched(self, device: Device, told: Iterable[Value]) -> list[Watched]:
        """Return which numbers of a device are held against their past: what it tells now, and what is not over."""
        rules = self._plans.of(device.id).past
        if not rules:
            return []
        found = {
            Watched(rule, instance)
            for metric, instance, _ in told
            for rule in rules
            if rule.metric == metric and matches(rule.scope.interface, instance)
        }
        holds = (self._holds.of(device.id) or {}).values()
        found |= {Watched(rule, h.instance) for h in holds for rule in rules if h.rule.id == rule.id}
        return sorted(found, key=lambda watched: (watched.rule.metric, watched.instance))

    def judge(
        self, device: Device, watched: Watched, found: Against | None, at_us: int, outcome: Outcome
    ) -> None:
        """Begin, go on with or end what a rule says of one number's past."""
        rule, instance = watched
        for_us = int(rule.for_s * 1e6)
        hold = Hold(rule, device.id, instance, at_us, at_us, max(min(for_us, 1), for_us - EARLY_US))
        old = self._holds.get(device.id, hold.key, instance)
        if found is None:
            if old is not None:
                old.missing += 1
                if old.missing >= MISSING_LOOKS[rule.kind]:
                    self._holds.drop(old, at_us, outcome, "it is no longer told")
            return
        limit = rule.threshold
        if old is not None and rule.clear_at is not None and self._holds.is_alert(old):
            limit = rule.clear_at
        if not _is_off(rule, found.off, limit):
            if old is not None:
                self._holds.end(old, at_us, outcome, "it is as it was before")
            return
        seen = hold if old is None else old
        seen.missing, seen.value, seen.limit = 0, found.value, found.usual
        seen.reason = _words(rule, instance, found)
        if old is None:
            self._holds.begin(hold, at_us, outcome)
        else:
            self._holds.see(old, at_us, LOOK_GAP_US[rule.kind], outcome)


def _is_off(rule: AlertRule, off: float, limit: float) -> bool:
    if rule.op in ("lt", "lte"):
        off = -off
    elif rule.op in ("eq", "ne"):
        off = abs(off)
    return off >= limit if rule.op in ("gte", "lte") else off > limit


def _words(rule: AlertRule, instance: str, found: Against) -> str:
    """Return why: "Round trip (icmp) is 41 ms, usually 12 ms at this hour"."""
    metric = CATALOGUE[rule.metric].title
    where = f" ({instance})" if instance else ""
    now, usual = amount(rule.metric, found.value), amount(rule.metric, found.usual)
    if rule.kind == "trend":
        return f"{metric}{where} was {now} in the last 7 days, {usual} in the 14 before"
    return f"{metric}{where} is {now}, usually {usual} at this hour"

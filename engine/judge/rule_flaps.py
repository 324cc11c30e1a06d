"""What goes up and down too often. Counterpart: `rule_statuses.py` tells each turn, `holds.py` keeps the alert.

Theory: a turn is one point, and points fade: after ten minutes 37 % of one are left. Something flaps from as many points on as
its rule says, and no more below half of that. It never has more than twice as many, so that an hour of flapping is forgiven as
soon as a minute of it: after about a quarter of an hour without a turn.
One rule: what is left in peace for a reason is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from domain.alert_rules import key_of
from domain.watching import AlertRule
from engine.judge.holds import Hold, Holds
from engine.judge.outcome import Outcome

FADE_US = 600_000_000
LOOK_EVERY_US = 15_000_000
MOST, CALM = 2.0, 0.5
"""Shares of a rule's threshold: more points than the one are not counted, below the other it is over."""
_FORGOTTEN = 0.5


class Turning(NamedTuple):
    """A device or a link, or a port of a device; `ends` are a link's devices."""

    subject: UUID
    instance: str = ""
    ends: tuple[UUID, ...] = ()


@dataclass(slots=True, eq=False)
class _Score:
    rule: AlertRule
    subject: UUID
    instance: str
    points: float
    at_us: int

    def fade(self, at_us: int) -> None:
        self.points *= math.exp(-max(0, at_us - self.at_us) / FADE_US)
        self.at_us = at_us


class Flaps:
    """The scores of whatever turned lately."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds
        self._scores: dict[UUID, dict[str, dict[str, _Score]]] = {}
        self._looked_us = 0
        holds.is_flapping = self.is_flapping

    def is_flapping(self, subject: UUID, instance: str) -> bool:
        """Tell whether a subject, or a port of it, flaps by any rule."""
        scores = self._scores.get(subject, {}).get(instance, ())
        return any(self._holds.get(subject, key, instance) for key in scores)

    def restore(self, hold: Hold) -> None:
        """Take up what flapped when the engine stopped: as little as still counts."""
        scores = self._scores.setdefault(hold.subject, {}).setdefault(hold.instance, {})
        rule = hold.rule
        scores[hold.key] = _Score(rule, hold.subject, hold.instance, rule.threshold, hold.seen_us)

    def turn(self, rules: Sequence[AlertRule], what: Turning, at_us: int, outcome: Outcome) -> None:
        """Count one turn."""
        subject, instance, ends = what
        if not rules or any(self._holds.is_silenced(id) for id in (subject, *ends)):
            return
        scores = self._scores.setdefault(subject, {}).setdefault(instance, {})
        for rule in rules:
            key = key_of(rule)
            score = scores.get(key)
            if score is None:
                score = scores[key] = _Score(rule, subject, instance, 0.0, at_us)
            score.fade(at_us)
            score.points = min(score.points + 1, MOST * rule.threshold)
            points = round(score.points)
            flaps = points > rule.threshold if rule.op == "gt" else points >= rule.threshold
            if flaps and self._holds.get(subject, key, instance) is None:
                said = f"{points} turns within about ten minutes"
                hold = Hold(rule, subject, instance, at_us, at_us, int(rule.for_s * 1e6), ends, reason=said)
                self._holds.begin(hold, at_us, outcome)

    def tick(self, now_us: int, outcome: Outcome) -> None:
        """Forgive what is calm."""
        if abs(now_us - self._looked_us) < LOOK_EVERY_US:
            return
        self._looked_us = now_us
        for subject, places in list(self._scores.items()):
            for instance, scores in list(places.items()):
                self._forgive(subject, instance, scores, now_us, outcome)
                if not scores:
                    del places[instance]
            if not places:
                del self._scores[subject]

    def forget_rules(self, keys: Container[str]) -> None:
        """Forget what was counted for rules that are others now."""
        for scores in (scores for places in self._scores.values() for scores in places.values()):
            for key in [key for key in scores if key in keys]:
                del scores[key]

    def forget(self, subject: UUID) -> None:
        """Forget the turns of what is gone or is judged anew."""
        self._scores.pop(subject, None)

    def _forgive(
        self, subject: UUID, instance: str, scores: dict[str, _Score], now_us: int, outcome: Outcome
    ) -> None:
        for key, score in list(scores.items()):
            score.fade(now_us)
            hold = self._holds.get(subject, key, instance)
            if hold is None and score.points < _FORGOTTEN:
                del scores[key]
            elif hold is not None and score.points < CALM * score.rule.threshold:
                self._holds.drop(hold, now_us, outcome, "it is calm again")
                self._holds.calm(subject, instance, now_us, outcome)

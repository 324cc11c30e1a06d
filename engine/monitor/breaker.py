"""When a probe that fails is asked again. Counterpart: `schedule.py`, which says when its device is due.

Theory: a probe that missed once or twice is in doubt and asked with every visit; one that has failed is rested, each time
longer, so that a thousand dead services cost little. A device's scout, its cheapest probe, is never rested: its answer
after a miss ends the rest of all others. One rule: time is an argument, in monotonic seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from domain.health import MISSES_BEFORE_FAILED

REST_CAP_INTERVALS = 5.0
REST_CAP_S = 300.0


class Breaker(NamedTuple):
    """Misses in a row of one probe, and until when it rests."""

    misses: int = 0
    rests_until_s: float = 0.0
    answered_ever: bool = False

    @property
    def failed(self) -> bool:
        """It missed often enough for a verdict."""
        return self.misses >= MISSES_BEFORE_FAILED

    @property
    def in_doubt(self) -> bool:
        """It missed, but not often enough for a verdict."""
        return 0 < self.misses < MISSES_BEFORE_FAILED

    def allows(self, now_s: float) -> bool:
        """Tell whether the probe may be asked now."""
        return now_s >= self.rests_until_s

    def woken(self) -> Breaker:
        """Return the breaker with its rest ended and a failed probe in doubt again: there is news of the device."""
        return self._replace(misses=min(self.misses, MISSES_BEFORE_FAILED - 1), rests_until_s=0.0)


def rest_s(misses: int, interval_s: float) -> float:
    """Return how long a probe rests: nothing before the verdict, then 1, 2, 4, 5, 5 ... intervals, at most 5 minutes."""
    if misses < MISSES_BEFORE_FAILED:
        return 0.0
    grown = 2.0 ** min(misses - MISSES_BEFORE_FAILED, 10)
    return min(min(grown, REST_CAP_INTERVALS) * interval_s, REST_CAP_S)


def next_breaker(old: Breaker, answered: bool, now_s: float, interval_s: float) -> Breaker:
    """Return the breaker after one more poll, of a visit begun at `now_s`.

    A rest ends half an interval early, so that the visit that falls on its end finds the probe awake.
    """
    if answered:
        return Breaker(answered_ever=True)
    misses = old.misses + 1
    return Breaker(misses, now_s + rest_s(misses, interval_s) - interval_s / 2, old.answered_ever)

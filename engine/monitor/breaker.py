"""How long a probe waits before it is asked again, by how often it missed. Counterpart: `schedule.py`, which says when that is.

Theory: a probe that missed once or twice is in doubt and asked again after a second; one that has failed is rested, each
time longer, so that a thousand dead services cost little. A device's scout, its cheapest probe, is never rested: its answer
after a miss ends the rest of all others, so that a device is seen again within an interval. One rule: no clock in here.
"""

from __future__ import annotations

from typing import NamedTuple

from domain.health import MISSES_BEFORE_FAILED
from domain.inventory import SLOWEST_INTERVAL_S

RECHECK_S = 1.0
"""Pause before a probe is asked again that missed once or twice."""
REST_CAP_INTERVALS = 5.0
REST_CAP_S = 300.0
QUIET_POLLS = 10
"""After so many polls in a row that had no news, a device that may is asked half as often."""


class Breaker(NamedTuple):
    """Misses in a row of one probe, whether it answered since it is asked, and its last answers in a row without news."""

    misses: int = 0
    answered_ever: bool = False
    quiet: int = 0

    @property
    def in_doubt(self) -> bool:
        """It missed, but not often enough for a verdict."""
        return 0 < self.misses < MISSES_BEFORE_FAILED

    @property
    def failed(self) -> bool:
        """It missed often enough for a verdict."""
        return self.misses >= MISSES_BEFORE_FAILED

    def missed(self) -> Breaker:
        """Return the breaker after a miss."""
        return Breaker(self.misses + 1, self.answered_ever)

    def answered(self, *, news: bool) -> Breaker:
        """Return the breaker after an answer."""
        return Breaker(answered_ever=True, quiet=0 if news or self.misses else self.quiet + 1)

    def woken(self) -> Breaker:
        """Return the breaker with a failed probe in doubt again: there is news of the device."""
        return Breaker(min(self.misses, MISSES_BEFORE_FAILED - 1), self.answered_ever)


def slowed_s(interval_s: float, quiet: int) -> float:
    """Return the interval of a probe that may be slowed: twice as long after each ten quiet polls, up to 5 minutes."""
    return max(min(interval_s * 2.0 ** min(quiet // QUIET_POLLS, 10), SLOWEST_INTERVAL_S), interval_s)


def rest_s(misses: int, interval_s: float) -> float:
    """Return how long a failed probe rests: 1, 2, 4, 5, 5 ... intervals, at most 5 minutes, and never less than one interval."""
    grown = 2.0 ** min(max(misses - MISSES_BEFORE_FAILED, 0), 10)
    return max(min(min(grown, REST_CAP_INTERVALS) * interval_s, REST_CAP_S), interval_s)

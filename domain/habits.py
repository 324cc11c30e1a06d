"""Numbers held against their own past, over plain lists of hourly means. Counterpart: `judge/rule_history.py` fetches them.

Theory: the same hour of past weeks gives few values, and one of them may be of a day on which something was broken. A mean and
its standard deviation would follow that day, be wide for weeks, and see nothing; so the median is what is usual, and the median
distance from it, times 1.4826 (and a factor for few values: Croux and Rousseeuw 1992), stands for the deviation. It is taken for
at least a twentieth of the median: three weeks that were alike by chance make no alarm of the fourth.
One rule: too little of the past is no verdict (None), never a calm one.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

LEAST_WEEKS = 3
LEAST_RECENT_HOURS = 72
LEAST_EARLIER_HOURS = 120
"""Of 7 and 14 days: three and five days must have been seen."""
LEAST_SHARE = 0.05
_TO_DEVIATION = 1.4826
_FEW = {3: 1.495, 4: 1.363, 5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}


class Against(NamedTuple):
    """A value, what it is held against, and how far it is off: in deviations, or in the metric's unit."""

    value: float
    usual: float
    off: float


def anomaly(past: Sequence[float], now: float) -> Against | None:
    """Return by how many deviations an hour's mean is above (below: negative) the same hour of past weeks."""
    if len(past) < LEAST_WEEKS:
        return None
    usual = median(past)
    spread = median(abs(value - usual) for value in past) * _TO_DEVIATION * _FEW.get(len(past), 1.0)
    deviation = max(spread, LEAST_SHARE * abs(usual))
    if not deviation:
        deviation = LEAST_SHARE * max(abs(now), 1e-9)  # it was always 0: any other value is 20 deviations off
    return Against(now, usual, (now - usual) / deviation)


def trend(recent: Sequence[float], earlier: Sequence[float]) -> Against | None:
    """Return by how much the last 7 days are above (below: negative) the 14 before, by the medians of their hours."""
    if len(recent) < LEAST_RECENT_HOURS or len(earlier) < LEAST_EARLIER_HOURS:
        return None
    now, usual = median(recent), median(earlier)
    return Against(now, usual, now - usual)

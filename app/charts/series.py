"""A series as arrays, live values joined, with the gaps found. Counterpart: `plot.py` draws it. No Qt.

Theory: the past comes as points that may stand for a stretch of time: the mean, and the lowest and highest within. What is heard
live is gathered in stretches as wide, so that a value each second makes no more points than a poll. Hours come stamped with
the full hour at which they begin.
One rule: where nothing was heard there is no line: a gap is a gap, never a straight stroke between its ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
GAP_INTERVALS = 3.0
"""So many intervals without a value are a gap, as for health."""
HOUR_S = 3600.0
DAY_S = 86_400.0
POINTS_CAP = 500
_OFTEN = 0.98


class Stats(NamedTuple):
    """What a stretch of a series comes to; of 100 points 95 lie at or below `high_95`."""

    low: float
    mean: float
    high: float
    high_95: float


class Series:
    """Times in seconds since 1970, mean, lowest and highest values, in order of time; at most 500."""

    def __init__(self, stretch_s: float = 0.0) -> None:
        """`stretch_s`: live values that are nearer than this to each other become one point."""
        self.at_s: Floats = np.empty(0)
        self.value: Floats = np.empty(0)
        self.low: Floats = np.empty(0)
        self.high: Floats = np.empty(0)
        self._stretch_s = stretch_s
        self._gathered = 0

    def load(
        self,
        at_us: Sequence[int],
        value: Sequence[float],
        low: Sequence[float] = (),
        high: Sequence[float] = (),
    ) -> None:
        """Replace everything by what the engine answered; what came live meanwhile and is later stays."""
        at_s = np.asarray(at_us, dtype=np.float64) / 1e6
        values = np.asarray(value, dtype=np.float64)
        lows = np.asarray(low, dtype=np.float64) if len(low) == len(value) else values
        highs = np.asarray(high, dtype=np.float64) if len(high) == len(value) else values
        known_s = float(at_s[-1]) + usual_step_s(at_s) / 2 if at_s.size else -np.inf
        later = self.at_s > known_s
        self.at_s = np.concatenate([at_s, self.at_s[later]])
        self.value = np.concatenate([values, self.value[later]])
        self.low = np.concatenate([lows, self.low[later]])
        self.high = np.concatenate([highs, self.high[later]])
        if not later.any():
            self._gathered = 0
        self._keep(slice(-POINTS_CAP, None))

    def append(self, at_us: int, value: float) -> bool:
        """Add a value that was just heard; tell whether it was news."""
        at_s = at_us / 1e6
        if self.at_s.size and at_s <= self.at_s[-1]:
            return False
        width_s = self._stretch_s
        if self._gathered and width_s and at_s // width_s == self.at_s[-1] // width_s:
            self._gathered += 1
            self.at_s[-1] = at_s
            self.value[-1] += (value - self.value[-1]) / self._gathered
            self.low[-1] = min(self.low[-1], value)
            self.high[-1] = max(self.high[-1], value)
            return True
        self.at_s = np.append(self.at_s, at_s)
        self.value = np.append(self.value, value)
        self.low = np.append(self.low, value)
        self.high = np.append(self.high, value)
        self._gathered = 1
        self._keep(slice(-POINTS_CAP, None))
        return True

    def until(self, at_s: float) -> Series:
        """Return what was known at a moment: the points up to it."""
        made, count = Series(), int(np.searchsorted(self.at_s, at_s, side="right"))
        made.at_s, made.value = self.at_s[:count], self.value[:count]
        made.low, made.high = self.low[:count], self.high[:count]
        return made

    def forget_before(self, at_s: float) -> None:
        """Drop what is older, but the last value before it, from which the line enters the picture."""
        first = max(0, int(np.searchsorted(self.at_s, at_s)) - 1)
        if first > 64:
            self._keep(slice(first, None))

    def stats(self, from_s: float, to_s: float) -> Stats | None:
        """Return what the points of a stretch of time come to, None where there are none."""
        seen = (self.at_s >= from_s) & (self.at_s <= to_s)
        if not seen.any():
            return None
        values = self.value[seen]
        return Stats(
            float(self.low[seen].min()),
            float(values.mean()),
            float(self.high[seen].max()),
            float(np.percentile(values, 95)),
        )

    def nearest(self, at_s: float, within_s: float) -> int | None:
        """Return the place of the point that is nearest to a moment, None where none is near."""
        if not self.at_s.size:
            return None
        right = int(np.searchsorted(self.at_s, at_s))
        places = [place for place in (right - 1, right) if 0 <= place < self.at_s.size]
        best = min(places, key=lambda place: abs(self.at_s[place] - at_s))
        return best if abs(self.at_s[best] - at_s) <= within_s else None

    def _keep(self, part: slice) -> None:
        if self.at_s.size > POINTS_CAP or part.start > 0:
            self.at_s, self.value = self.at_s[part], self.value[part]
            self.low, self.high = self.low[part], self.high[part]


def usual_step_s(at_s: Floats) -> float:
    """Return how far apart points usually are, 0 where there are too few to tell."""
    return float(np.median(np.diff(at_s))) if at_s.size > 2 else 0.0


def hourly(at_s: Floats) -> Truths:
    """Tell of each point whether it stands for an hour: raw values do not come at the full hour to the microsecond."""
    return np.asarray(at_s % HOUR_S == 0)


def grain(at_s: Floats) -> str:
    """Return "hourly" or "daily" where points stand for so much, else nothing."""
    step_s = usual_step_s(at_s)
    if step_s >= DAY_S * _OFTEN * 0.9:
        return "daily"
    return "hourly" if step_s >= HOUR_S * _OFTEN or hourly(at_s).any() else ""


def gap_limits_s(at_s: Floats, interval_s: float) -> Floats:
    """Return for each point from which distance on the next is apart.

    Three intervals, or three of the usual where points were merged; an hour reaches to its end and a little further.
    """
    limit_s = GAP_INTERVALS * max(interval_s, usual_step_s(at_s))
    return np.where(hourly(at_s), max(limit_s, 2 * HOUR_S), limit_s)


def gaps(at_s: Floats, limits_s: Floats, until_s: float) -> list[tuple[float, float]]:
    """Return the gaps (from, to) in seconds, with the one that lasts until now."""
    far = np.flatnonzero(np.diff(at_s) > limits_s[:-1])
    found = [(float(at_s[i]), float(at_s[i + 1])) for i in far]
    if at_s.size and until_s - at_s[-1] > limits_s[-1]:
        found.append((float(at_s[-1]), until_s))
    return found


def cuts(at_s: Floats, limits_s: Floats) -> NDArray[np.intp]:
    """Return the places before which a line breaks."""
    return np.flatnonzero(np.diff(at_s) > limits_s[:-1]) + 1


def broken(values: Floats, cut: NDArray[np.intp]) -> Floats:
    """Return values with a NaN at each cut."""
    return np.insert(values, cut, np.nan)


def round_up(value: float) -> float:
    """Return the next of 1, 2, 3, 4, 6, 8, 10 times a power of ten: an axis end that halves into a round number."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 3, 4, 6, 8, 10) if value <= step * power * 1.0001))


def axis_ends(low: float, high: float, *, from_zero: bool) -> tuple[float, float]:
    """Return the ends of an axis that shows a range: from zero, or closely around it; the middle is a round number."""
    if from_zero and low >= 0:
        return 0.0, round_up(high)
    span = max(high - low, 0.02 * abs(high), 1e-6)
    half = round_up(span / 2)
    while True:
        middle = half / 2 * np.round((low + high) / half)
        if middle - half <= low and high <= middle + half:
            return float(middle - half), float(middle + half)
        half = round_up(half * 1.2)

"""A series as arrays, with the gaps found. Counterpart: `plot.py` draws it. No Qt.

One rule: where nothing was heard there is no line: a gap is a gap, never a straight stroke between its ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GAP_INTERVALS = 3.0
"""So many intervals without a value are a gap, as for health."""


class Series:
    """Times in seconds since 1970 and values, in order of time."""

    def __init__(self) -> None:
        self.at_s: Floats = np.empty(0)
        self.value: Floats = np.empty(0)

    def load(self, at_us: Sequence[int], value: Sequence[float]) -> None:
        """Replace everything by what the engine answered; what came live meanwhile and is later stays."""
        at_s = np.asarray(at_us, dtype=np.float64) / 1e6
        values = np.asarray(value, dtype=np.float64)
        later = self.at_s > (at_s[-1] if at_s.size else 0.0)
        self.at_s = np.concatenate([at_s, self.at_s[later]])
        self.value = np.concatenate([values, self.value[later]])

    def append(self, at_us: int, value: float) -> bool:
        """Add a value that was just heard; tell whether it was news."""
        at_s = at_us / 1e6
        if self.at_s.size and at_s <= self.at_s[-1]:
            return False
        self.at_s = np.append(self.at_s, at_s)
        self.value = np.append(self.value, value)
        return True

    def forget_before(self, at_s: float) -> None:
        """Drop what is older, but the last value before it, from which the line enters the picture."""
        first = max(0, int(np.searchsorted(self.at_s, at_s)) - 1)
        if first > 64:
            self.at_s, self.value = self.at_s[first:], self.value[first:]


def gap_limit_s(at_s: Floats, interval_s: float) -> float:
    """Return from which distance on two values are apart: three intervals, or three of the usual where it was thinned."""
    usual_s = float(np.median(np.diff(at_s))) if at_s.size > 2 else 0.0
    return GAP_INTERVALS * max(interval_s, usual_s)


def gaps(at_s: Floats, limit_s: float, until_s: float) -> list[tuple[float, float]]:
    """Return the gaps (from, to) in seconds, with the one that lasts until now."""
    found = [(float(at_s[i]), float(at_s[i + 1])) for i in np.flatnonzero(np.diff(at_s) > limit_s)]
    if at_s.size and until_s - at_s[-1] > limit_s:
        found.append((float(at_s[-1]), until_s))
    return found


def broken_at_gaps(at_s: Floats, value: Floats, limit_s: float) -> tuple[Floats, Floats]:
    """Return the arrays with a NaN in each gap, so that the line breaks there."""
    cut = np.flatnonzero(np.diff(at_s) > limit_s) + 1
    return np.insert(at_s, cut, at_s[cut - 1] + 1e-3), np.insert(value, cut, np.nan)


def round_up(value: float) -> float:
    """Return the next of 1, 2, 3, 4, 6, 8, 10 times a power of ten: an axis end that halves into a round number."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 3, 4, 6, 8, 10) if value <= step * power * 1.0001))

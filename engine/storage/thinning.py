"""Fewer points of a series for a chart, with its spikes. Counterpart: `samples.py` reads the series, the window draws it.

One rule: of each stretch of time the lowest and the highest value stay, at the time they were measured.
"""

from __future__ import annotations

FEWEST_POINTS = 2


def thinned(
    at_us: list[int], values: list[float], from_us: int, to_us: int, points: int
) -> tuple[list[int], list[float]]:
    """Return at most `points` (at least 2) of a series that is sorted by time and lies within `from_us` and `to_us`."""
    points = max(points, FEWEST_POINTS)
    if len(values) <= points:
        return at_us, values
    stretches = points // 2
    width_us = max(1, -(-(to_us - from_us + 1) // stretches))
    kept: list[int] = []
    low = high = 0
    bound_us = at_us[0]
    for i, (at, value) in enumerate(zip(at_us, values, strict=True)):
        if at >= bound_us:
            kept += _pair(low, high) if i else ()
            low = high = i
            bound_us = from_us + ((at - from_us) // width_us + 1) * width_us
        elif value < values[low]:
            low = i
        elif value > values[high]:
            high = i
    kept += _pair(low, high)
    return [at_us[i] for i in kept], [values[i] for i in kept]


def _pair(low: int, high: int) -> tuple[int, ...]:
    return (low,) if low == high else (min(low, high), max(low, high))

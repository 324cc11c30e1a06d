"""The counters of an interface made rates, reading by reading. Counterpart: `domain/metrics.py`, which decides what a rate is.

One rule: the history of a counter belongs to one interface; when that goes, its history goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from domain.metrics import CounterBits, gap_s, rate_per_s
from domain.observation import Value

_UNKNOWN_SPEED_BPS = 1_000_000_000


class Counted(NamedTuple):
    """One counter: the key it is read by, the metric it becomes, and what makes its unit the metric's (8: octets to bits)."""

    key: str
    metric: str
    factor: int = 1
    bits: CounterBits = 64
    most_per_s: float = 1e12


class PortRates:
    """The counters of one interface. `counters` is best one tuple for all that are alike: a fleet's history is large."""

    __slots__ = ("_at_us", "_counters", "_counts", "_instance", "_keys", "_uptime_s")

    def __init__(self, instance: str, counters: tuple[Counted, ...]) -> None:
        self._instance = instance
        self._counters = counters
        self._keys = _keys(counters)
        self._counts: tuple[object, ...] = (None,) * len(counters)
        self._at_us = 0
        self._uptime_s: float | None = None

    def add(
        self, counts: Mapping[str, object], at_us: int, uptime_s: float | None, values: list[Value]
    ) -> None:
        """Take a reading; append each rate since the last one where it can be known."""
        instance, add, old_counts = self._instance, values.append, self._counts
        gap = gap_s(self._at_us, at_us, self._uptime_s, uptime_s)
        new_counts = tuple(map(counts.get, self._keys))
        self._counts, self._at_us, self._uptime_s = new_counts, at_us, uptime_s
        if gap is None:
            return
        for new, old, (_, metric, factor, bits, most_per_s) in zip(
            new_counts, old_counts, self._counters, strict=True
        ):
            if type(new) is not int or type(old) is not int:
                continue
            grown = new - old
            if not grown:
                add((metric, instance, 0.0))
            elif 0 < grown <= most_per_s * gap:  # as nearly always; what else it may be, `rate_per_s` knows
                add((metric, instance, grown / gap * factor))
            else:
                rate = rate_per_s(old, new, gap, bits, most_per_s)
                if rate is not None:
                    add((metric, instance, rate * factor))


def most_octets_per_s(speed_bps: int) -> float:
    """Return what a 32-bit octet counter is believed to grow by; an interface without a speed is taken for 1 Gbit/s."""
    return (speed_bps or _UNKNOWN_SPEED_BPS) / 8 * 1.1


@lru_cache(maxsize=4096)
def _keys(counters: tuple[Counted, ...]) -> tuple[str, ...]:
    return tuple(counter.key for counter in counters)

"""Counters of a device made rates, reading by reading. Counterpart: `domain/metrics.py`, which decides what a rate is.

One rule: a meter belongs to one counter of one interface; when an interface goes, its meters go.
"""

from __future__ import annotations

from domain.metrics import Counter, CounterBits, rate_per_s
from domain.observation import Value

_UNKNOWN_SPEED_BPS = 1_000_000_000


class RateMeter:
    """One counter. `factor` makes its unit the metric's (8 for octets to bits)."""

    __slots__ = ("_bits", "_factor", "_instance", "_metric", "_most_per_s", "_old")

    def __init__(
        self, metric: str, instance: str, factor: int = 1, bits: CounterBits = 64, most_per_s: float = 1e12
    ) -> None:
        self._metric = metric
        self._instance = instance
        self._factor = factor
        self._bits = bits
        self._most_per_s = most_per_s
        self._old: Counter | None = None

    def add(self, value: int, at_us: int, uptime_s: float | None, values: list[Value]) -> None:
        """Take a reading; append the rate since the last one where it can be known."""
        new = Counter(at_us, value, uptime_s)
        rate = rate_per_s(self._old, new, self._bits, self._most_per_s)
        self._old = new
        if rate is not None:
            values.append((self._metric, self._instance, rate * self._factor))


def most_octets_per_s(speed_bps: int) -> float:
    """Return what a 32-bit octet counter is believed to grow by; an interface without a speed is taken for 1 Gbit/s."""
    return (speed_bps or _UNKNOWN_SPEED_BPS) / 8 * 1.1

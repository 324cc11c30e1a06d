"""The catalogue of numbers: name, unit, kind, range; and counters made rates. Counterpart: drivers name what they read by it.

One rule: a metric's `key` is for ever (it is stored); a new metric takes a new key at the end.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

CounterBits = Literal[32, 64]


class Metric(NamedTuple):
    """One number of the catalogue. `low` and `high` bound what is believed; outside is counted and not stored."""

    key: int
    name: str
    unit: str
    title: str
    low: float
    high: float


_ROWS = [
    Metric(1, "rtt_ms", "ms", "Round trip", 0, 600_000),
    Metric(2, "cpu_load_pct", "%", "CPU load", 0, 100),
    Metric(3, "memory_used_bytes", "B", "Memory used", 0, 1e15),
    Metric(4, "memory_total_bytes", "B", "Memory", 0, 1e15),
    Metric(5, "disk_used_bytes", "B", "Disk used", 0, 1e18),
    Metric(6, "disk_total_bytes", "B", "Disk", 0, 1e18),
    Metric(7, "uptime_s", "s", "Uptime", 0, 1e10),
    Metric(8, "temperature_c", "°C", "Temperature", -100, 250),
    Metric(9, "voltage_v", "V", "Voltage", -1000, 1000),
    Metric(10, "current_a", "A", "Current", -1000, 1000),
    Metric(11, "power_w", "W", "Power", -1e6, 1e6),
    Metric(12, "fan_rpm", "rpm", "Fan", 0, 100_000),
    Metric(13, "if_in_bps", "bit/s", "In", 0, 1e14),
    Metric(14, "if_out_bps", "bit/s", "Out", 0, 1e14),
    Metric(15, "if_in_errors_per_s", "1/s", "Errors in", 0, 1e12),
    Metric(16, "if_out_errors_per_s", "1/s", "Errors out", 0, 1e12),
    Metric(17, "if_in_packets_per_s", "1/s", "Packets in", 0, 1e12),
    Metric(18, "if_out_packets_per_s", "1/s", "Packets out", 0, 1e12),
    Metric(19, "signal_dbm", "dBm", "Signal", -150, 50),
    Metric(20, "signal_to_noise_db", "dB", "Signal to noise", -50, 150),
    Metric(21, "ccq_pct", "%", "CCQ", 0, 100),
    Metric(22, "wireless_clients", "", "Wireless clients", 0, 100_000),
    Metric(23, "if_oper_up", "", "Running", 0, 1),
]
CATALOGUE: dict[str, Metric] = {row.name: row for row in _ROWS}
BY_KEY: dict[int, Metric] = {row.key: row for row in _ROWS}


def is_believable(name: str, value: float) -> bool:
    """Tell whether a value may be stored: a metric of the catalogue, finite, in its range."""
    metric = CATALOGUE.get(name)
    return metric is not None and math.isfinite(value) and metric.low <= value <= metric.high


class Counter(NamedTuple):
    """A counter as it was read. `uptime_s` is the device's own at that moment, None where it does not tell."""

    at_us: int
    value: int
    uptime_s: float | None = None


def rate_per_s(
    old: Counter | None, new: Counter, bits: CounterBits = 64, most_per_s: float = 1e12
) -> float | None:
    """Return the rate between two readings of a counter, or None where it cannot be known.

    None for the first reading, for no time passed, after a restart of the device (its uptime fell, or is shorter than
    the gap), and where a fall of the counter is no wrap: a 32-bit counter may wrap once a gap, and is believed only
    where the rate stays at or below `most_per_s`; a 64-bit counter that falls was reset. A missed poll only makes the
    gap longer: the mean over it is returned.
    """
    if old is None:
        return None
    gap_s = (new.at_us - old.at_us) / 1e6
    if gap_s <= 0:
        return None
    if (
        new.uptime_s is not None
        and old.uptime_s is not None
        and new.uptime_s + 1.0 < old.uptime_s + gap_s * 0.5
    ):
        return None
    grown = new.value - old.value
    if grown < 0:
        if bits == 64:
            return None
        grown += 1 << 32
    rate = grown / gap_s
    return rate if rate <= most_per_s else None

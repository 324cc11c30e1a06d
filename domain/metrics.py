"""The catalogue of numbers: name, unit, kind, range; and counters made rates. Counterpart: drivers name what they read by it.

One rule: a metric's `key` is for ever (it is stored); a new metric takes a new key at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    Metric(24, "if_in_discards_per_s", "1/s", "Discards in", 0, 1e12),
    Metric(25, "if_out_discards_per_s", "1/s", "Discards out", 0, 1e12),
    Metric(26, "noise_dbm", "dBm", "Noise floor", -150, 50),
    Metric(27, "tx_rate_bps", "bit/s", "Radio rate out", 0, 1e12),
    Metric(28, "rx_rate_bps", "bit/s", "Radio rate in", 0, 1e12),
    Metric(29, "tx_power_dbm", "dBm", "Transmit power", -50, 80),
    Metric(30, "frequency_mhz", "MHz", "Frequency", 1, 300_000),
    Metric(31, "channel_width_mhz", "MHz", "Channel width", 0.1, 20_000),
    Metric(32, "distance_m", "m", "Distance", 0, 1e6),
    Metric(33, "airtime_pct", "%", "Air time", 0, 100),
    Metric(34, "mcs", "", "MCS", 0, 64),
    Metric(35, "packet_error_pct", "%", "Packet errors", 0, 100),
    Metric(36, "optical_rx_dbm", "dBm", "Light in", -60, 30),
    Metric(37, "optical_tx_dbm", "dBm", "Light out", -60, 30),
    Metric(38, "optical_bias_ma", "mA", "Laser bias", 0, 1000),
    Metric(39, "optical_temperature_c", "°C", "Optic temperature", -100, 250),
    Metric(40, "optical_voltage_v", "V", "Optic voltage", 0, 10),
    Metric(41, "poe_out_w", "W", "PoE power", 0, 1000),
    Metric(42, "poe_out_v", "V", "PoE voltage", 0, 100),
    Metric(43, "poe_out_ma", "mA", "PoE current", 0, 10_000),
    Metric(44, "lte_rsrp_dbm", "dBm", "LTE RSRP", -160, 0),
    Metric(45, "lte_rsrq_db", "dB", "LTE RSRQ", -60, 20),
    Metric(46, "lte_rssi_dbm", "dBm", "LTE RSSI", -150, 0),
    Metric(47, "lte_sinr_db", "dB", "LTE SINR", -40, 60),
    Metric(48, "humidity_pct", "%", "Humidity", 0, 100),
    Metric(49, "charge_pct", "%", "Battery charge", 0, 100),
    Metric(50, "runtime_left_s", "s", "Battery time left", 0, 1e8),
    Metric(51, "ups_load_pct", "%", "UPS load", 0, 1000),
    Metric(52, "on_battery", "", "On battery", 0, 1),
    Metric(53, "line_hz", "Hz", "Line frequency", 0, 1000),
    Metric(54, "swap_used_bytes", "B", "Swap used", 0, 1e15),
    Metric(55, "load_1min", "", "Load average", 0, 1e6),
    Metric(56, "processes", "", "Processes", 0, 1e8),
    Metric(57, "queue_in_bps", "bit/s", "Queue in", 0, 1e14),
    Metric(58, "queue_out_bps", "bit/s", "Queue out", 0, 1e14),
    Metric(59, "queue_drops_per_s", "1/s", "Queue drops", 0, 1e12),
    Metric(60, "routes", "", "Routes", 0, 1e8),
    Metric(61, "ospf_neighbours", "", "OSPF neighbours", 0, 1e5),
    Metric(62, "ospf_full", "", "OSPF full", 0, 1e5),
    Metric(63, "bgp_sessions", "", "BGP sessions", 0, 1e5),
    Metric(64, "bgp_established", "", "BGP established", 0, 1e5),
    Metric(65, "bgp_prefixes", "", "BGP prefixes", 0, 1e8),
    Metric(66, "bfd_sessions", "", "BFD sessions", 0, 1e5),
    Metric(67, "bfd_up", "", "BFD up", 0, 1e5),
    Metric(68, "subscriber_sessions", "", "Subscriber sessions", 0, 1e7),
    Metric(69, "dhcp_leases", "", "DHCP leases", 0, 1e7),
    Metric(70, "netwatch_up", "", "Netwatch up", 0, 1),
    Metric(71, "link_downs", "", "Link downs", 0, 1e9),
    Metric(72, "loss_pct", "%", "Loss", 0, 100),
    Metric(73, "jitter_ms", "ms", "Jitter", 0, 600_000),
    Metric(74, "answer_ms", "ms", "Answer time", 0, 600_000),
    Metric(75, "http_status", "", "HTTP status", 100, 999),
    Metric(76, "certificate_left_s", "s", "Certificate left", -1e10, 1e10),
    Metric(77, "sensor_state", "", "Sensor state", 0, 1e6),
    Metric(78, "connections", "", "Connections", 0, 1e8),
    Metric(79, "signal_quality_pct", "%", "Signal quality", 0, 100),
    Metric(80, "memory_used_pct", "%", "Memory in use", 0, 100),
    Metric(81, "disk_used_pct", "%", "Disk in use", 0, 100),
    Metric(82, "signal_gap_db", "dB", "Signal below expected", -150, 200),
    Metric(83, "signal_asymmetry_db", "dB", "Signal asymmetry", 0, 200),
    Metric(
        84, "pushed", "", "Pushed", -3.5e38, 3.5e38
    ),  # by other systems, under a name of their own: the instance
]
CATALOGUE: dict[str, Metric] = {row.name: row for row in _ROWS}
BY_KEY: dict[int, Metric] = {row.key: row for row in _ROWS}
SHARES: dict[str, tuple[str, str]] = {
    "memory_used_pct": ("memory_used_bytes", "memory_total_bytes"),
    "disk_used_pct": ("disk_used_bytes", "disk_total_bytes"),
}
"""Shares that alert rules work out from two numbers of one instance; they are stored only where a device tells them itself."""
_RANGES = {row.name: (row.low, row.high) for row in _ROWS}
_NOTHING = (1.0, 0.0)


def is_believable(name: str, value: float) -> bool:
    """Tell whether a value may be stored: a metric of the catalogue, finite, in its range."""
    low, high = _RANGES.get(name, _NOTHING)
    return low <= value <= high


def believable(values: Sequence[tuple[str, str, float]]) -> tuple[tuple[str, str, float], ...]:
    """Return those of (metric, instance, value) that may be stored, as `is_believable` says of each."""
    ranges = _RANGES
    return tuple(
        [
            value
            for value in values
            if (found := ranges.get(value[0])) is not None and found[0] <= value[2] <= found[1]
        ]
    )


def gap_s(
    old_at_us: int, new_at_us: int, old_uptime_s: float | None, new_uptime_s: float | None
) -> float | None:
    """Return the seconds between two readings of a device's counters, or None where its counters cannot be compared.

    None where no time has passed, and after a restart of the device: its uptime (None where it does not tell) fell, or is
    shorter than the gap.
    """
    gap = (new_at_us - old_at_us) / 1e6
    if gap <= 0:
        return None
    if (
        new_uptime_s is not None
        and old_uptime_s is not None
        and new_uptime_s + 1.0 < old_uptime_s + gap * 0.5
    ):
        return None
    return gap


def rate_per_s(
    old: int, new: int, gap: float, bits: CounterBits = 64, most_per_s: float = 1e12
) -> float | None:
    """Return the rate of a counter over a `gap_s`, or None where it cannot be known.

    None where a fall of the counter is no wrap: a 32-bit counter may wrap once a gap, and is believed only where the rate
    stays at or below `most_per_s`; a 64-bit counter that falls was reset. A missed poll only makes the gap longer: the mean
    over it is returned.
    """
    grown = new - old
    if grown < 0:
        if bits == 64:
            return None
        grown += 1 << 32
    rate = grown / gap
    return rate if rate <= most_per_s else None

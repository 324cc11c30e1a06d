"""What can be drawn of a device, in groups. Counterpart: `device_graph.py` draws it; naming it costs no chart library.

One rule: what is measured in two directions is one choice of two curves; everything else is one curve.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.metrics import CATALOGUE

CurveKey = tuple[str, str, str]
"""(metric, instance, name): the name stands in the legend."""


class Choice(NamedTuple):
    """A title, and the one or two curves that go with it, all in one unit."""

    title: str
    curves: tuple[CurveKey, ...]
    group: str = ""

    @property
    def unit(self) -> str:
        """The unit of its numbers as the catalogue has them."""
        return CATALOGUE[self.curves[0][0]].unit


_PAIRS = {
    "if_in_bps": ("if_out_bps", "Traffic"),
    "if_in_errors_per_s": ("if_out_errors_per_s", "Errors"),
    "if_in_discards_per_s": ("if_out_discards_per_s", "Discards"),
    "if_in_packets_per_s": ("if_out_packets_per_s", "Packets"),
    "queue_in_bps": ("queue_out_bps", "Queue"),
    "rx_rate_bps": ("tx_rate_bps", "Radio rate"),
}
_SECONDS = {second for second, _ in _PAIRS.values()}
_GROUPS = (
    ("Traffic", ("if_in_bps", "queue_in_bps", "queue_drops_per_s")),
    ("Answers", ("rtt_ms", "loss_pct", "jitter_ms", "answer_ms", "http_status", "certificate_left_s")),
    (
        "Device",
        (
            "cpu_load_pct",
            "memory_used_bytes",
            "disk_used_bytes",
            "swap_used_bytes",
            "load_1min",
            "processes",
            "connections",
            "subscriber_sessions",
            "dhcp_leases",
            "uptime_s",
            "memory_total_bytes",
            "disk_total_bytes",
        ),
    ),
    (
        "Radio",
        (
            "signal_dbm",
            "signal_gap_db",
            "signal_asymmetry_db",
            "signal_to_noise_db",
            "rx_rate_bps",
            "ccq_pct",
            "signal_quality_pct",
            "wireless_clients",
            "noise_dbm",
            "airtime_pct",
            "packet_error_pct",
            "mcs",
            "distance_m",
            "frequency_mhz",
            "channel_width_mhz",
            "tx_power_dbm",
        ),
    ),
    ("LTE", ("lte_rsrp_dbm", "lte_rsrq_db", "lte_rssi_dbm", "lte_sinr_db")),
    (
        "Light",
        (
            "optical_rx_dbm",
            "optical_tx_dbm",
            "optical_temperature_c",
            "optical_bias_ma",
            "optical_voltage_v",
        ),
    ),
    (
        "Power",
        (
            "poe_out_w",
            "poe_out_v",
            "poe_out_ma",
            "charge_pct",
            "runtime_left_s",
            "ups_load_pct",
            "on_battery",
            "line_hz",
            "voltage_v",
            "current_a",
            "power_w",
        ),
    ),
    ("Sensors", ("temperature_c", "humidity_pct", "fan_rpm", "sensor_state")),
    (
        "Routing",
        (
            "routes",
            "ospf_neighbours",
            "ospf_full",
            "bgp_sessions",
            "bgp_established",
            "bgp_prefixes",
            "bfd_sessions",
            "bfd_up",
        ),
    ),
    (
        "Ports",
        (
            "if_in_errors_per_s",
            "if_in_discards_per_s",
            "if_in_packets_per_s",
            "if_oper_up",
            "link_downs",
            "netwatch_up",
        ),
    ),
)
_PLACE = {
    metric: (number, title, at)
    for number, (title, metrics) in enumerate(_GROUPS)
    for at, metric in enumerate(metrics)
}
_REST = (len(_GROUPS), "More", 0)


def choice_of(metric: str, instance: str, title: str = "") -> Choice:
    """Return what is drawn of a metric: with its other direction, where it has one."""
    group = _PLACE.get(metric, _REST)[1]
    if metric in _PAIRS:
        other, word = _PAIRS[metric]
        title = title or (f"{word}, {instance}" if instance else word)
        return Choice(title, ((metric, instance, "in"), (other, instance, "out")), group)
    word = CATALOGUE[metric].title
    title = title or (f"{word}, {instance}" if instance else word)
    return Choice(title, ((metric, instance, ""),), group)


def choices_of(traffic: Iterable[tuple[str, str]], heard: Iterable[tuple[str, str]]) -> list[Choice]:
    """Return all that can be drawn, group by group.

    `traffic`: (interface, title) in the order in which interfaces are shown; `heard`: (metric, instance) of each number.
    """
    shown = [choice_of("if_in_bps", name, title) for name, title in traffic]
    named = {choice.curves[0][:2] for choice in shown}
    numbers = {key for key in heard if key[0] in CATALOGUE and key[0] not in _SECONDS}
    rest = sorted(numbers - named, key=lambda key: (_PLACE.get(key[0], _REST), key[0], key[1].casefold()))
    made = [choice_of(*key) for key in rest]
    return [
        *shown,
        *(choice for choice in made if choice.group == "Traffic"),
        *(choice for choice in made if choice.group != "Traffic"),
    ]

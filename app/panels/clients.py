"""Radios and who hangs on them. Counterpart: the facts `wireless_client/...`, and the numbers of radios.

One rule: the worst signal stands first, because it is the one that calls.
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import Qt

from app.panels.facts import Line
from app.panels.figures import amount_of
from app.panels.rows_model import Column
from app.panels.section import Listed, Seen
from app.words import UNKNOWN, age, in_mbps
from domain.device_facts import WirelessClient

WEAK_DBM, STRONG_DBM = -95.0, -45.0
"""The ends of the bar."""
_RADIO = frozenset({"wireless_clients", "noise_dbm", "frequency_mhz", "tx_power_dbm", "airtime_pct"})


class ClientRow(NamedTuple):
    """A client as it was when last told."""

    key: str
    client: WirelessClient
    told_us: int
    now_us: int

    @property
    def name(self) -> str:
        """What it calls itself, else its MAC."""
        return self.client.name or self.client.mac or self.client.address or "?"


class Radio(NamedTuple):
    """A radio with its live numbers."""

    key: str
    clients: float | None
    frequency_mhz: float | None
    noise_dbm: float | None
    tx_power_dbm: float | None
    airtime_pct: float | None
    worst_dbm: float | None


def client_rows(seen: Seen) -> list[ClientRow]:
    """Return the clients, the worst signal first."""
    rows = [
        ClientRow(field, client, at_us, 0) for field, client, at_us in seen.says.things("wireless_client")
    ]
    rows.sort(key=lambda row: (row.client.signal_dbm is None, row.client.signal_dbm or 0.0, row.key))
    return rows


def radio_rows(seen: Seen) -> list[Radio]:
    """Return the radios of which numbers are heard."""
    names = {instance for metric, instance in seen.samples if metric in _RADIO and instance}

    def of(name: str, metric: str) -> float | None:
        return seen.number(metric, name)

    return [
        Radio(
            name,
            of(name, "wireless_clients"),
            of(name, "frequency_mhz"),
            of(name, "noise_dbm"),
            of(name, "tx_power_dbm"),
            of(name, "airtime_pct"),
            of(name, "signal_dbm"),
        )
        for name in sorted(names)
    ]


def _share(row: ClientRow) -> float | None:
    signal = row.client.signal_dbm
    return None if signal is None else (signal - WEAK_DBM) / (STRONG_DBM - WEAK_DBM)


def _km(metres: float | None) -> str:
    return UNKNOWN if metres is None else f"{metres / 1000:.1f}"


def _details(row: ClientRow) -> list[Line]:
    client = row.client
    return [
        Line("Radio", client.interface),
        Line("MAC", client.mac),
        Line("Address", client.address),
        Line("We reach it, dBm", amount_of(client.remote_signal_dbm, 0)),
    ]


CLIENTS = Listed(
    "Clients",
    (
        Column("Name", lambda row: row.name, quiet=lambda row: row.client.interface),
        Column(
            "Signal, dBm",
            lambda row: amount_of(row.client.signal_dbm, 0),
            82,
            0,
            lambda row: row.client.signal_dbm,
            share=_share,
        ),
        Column(
            "SNR, dB",
            lambda row: amount_of(row.client.signal_to_noise_db, 0),
            58,
            1,
            lambda row: row.client.signal_to_noise_db,
        ),
        Column(
            "In, Mb/s", lambda row: in_mbps(row.client.rx_rate_bps), 62, 3, lambda row: row.client.rx_rate_bps
        ),
        Column(
            "Out, Mb/s",
            lambda row: in_mbps(row.client.tx_rate_bps),
            68,
            3,
            lambda row: row.client.tx_rate_bps,
        ),
        Column("CCQ, %", lambda row: amount_of(row.client.ccq_pct, 0), 54, 4, lambda row: row.client.ccq_pct),
        Column("km", lambda row: _km(row.client.distance_m), 44, 5, lambda row: row.client.distance_m),
        Column(
            "Up",
            lambda row: UNKNOWN if row.client.uptime_s is None else age(row.client.uptime_s),
            54,
            2,
            lambda row: row.client.uptime_s,
        ),
    ),
    client_rows,
    _details,
    ("Signal, dBm", Qt.SortOrder.AscendingOrder),
)
RADIOS = Listed(
    "Radios",
    (
        Column("Name", lambda row: row.key),
        Column("Clients", lambda row: amount_of(row.clients, 0), 56, 0, lambda row: row.clients),
        Column("MHz", lambda row: amount_of(row.frequency_mhz, 0), 54, 1, lambda row: row.frequency_mhz),
        Column("Noise, dBm", lambda row: amount_of(row.noise_dbm, 0), 74, 2, lambda row: row.noise_dbm),
        Column("Power, dBm", lambda row: amount_of(row.tx_power_dbm, 0), 76, 4, lambda row: row.tx_power_dbm),
        Column("Air, %", lambda row: amount_of(row.airtime_pct, 0), 50, 3, lambda row: row.airtime_pct),
    ),
    radio_rows,
)
LISTS = (RADIOS, CLIENTS)

"""What a link's radios should hear of each other, and what they do hear.

Counterpart: `radio.py`, the physics; `engine/judge/signals.py` and the link panel ask here.

Theory: a link names its radios, else its ends' sectors do, else what the devices tell of frequency and power. Of a radio with
one station its own number is the signal; with many, the station's entry in its table. What one end does not say of itself, the
other end's table may: radios tell each other how they are heard.
One rule: what cannot be known from both ends' words is None; nothing is assumed of an antenna.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from domain.device_facts import WirelessClient
from domain.fact import Fact
from domain.geometry import Way, way
from domain.inventory import Device, Inventory, Link
from domain.radio import RadioPath, Sector, free_space_loss_db, received_dbm

Facts = Mapping[tuple[str, str], Fact]
Numbers = Mapping[tuple[str, str], float]
"""The latest of a device: by metric and instance."""
CLIENT = "wireless_client/"
SIGNAL_BOUNDS_DBM = (-80, -72, -65, -57)
"""Bounds of the five signal classes, the weakest first: up to -80, -72, -65, -57 dBm, and above."""


class Told(NamedTuple):
    """What a device tells that has to do with radios: its latest numbers, its own MACs, who is registered where, by MAC."""

    numbers: Numbers
    macs: frozenset[str]
    clients: Mapping[str, Mapping[str, WirelessClient]]


class End(NamedTuple):
    """One end of a link: what its device tells, and the interface (or "") that the link is at."""

    told: Told
    interface: str

    def number(self, metric: str) -> float | None:
        """Return a number of the interface."""
        return self.told.numbers.get((metric, self.interface)) if self.interface else None


class Heard(NamedTuple):
    """How each end hears the other, in dBm."""

    at_a_dbm: float | None = None
    at_b_dbm: float | None = None

    @property
    def worst_dbm(self) -> float | None:
        """The weaker of both."""
        return min((level for level in self if level is not None), default=None)


class Budget(NamedTuple):
    """What both ends should hear with nothing in the way, and of what that comes."""

    way: Way
    frequency_mhz: float
    loss_db: float
    at_a_dbm: float | None
    at_b_dbm: float | None


def radios_of(inventory: Inventory, link: Link, a: End | None = None, b: End | None = None) -> RadioPath:
    """Return the radios of a link as far as they are known."""
    given = link.radio or RadioPath()
    ends = (
        _sector(inventory.device(link.a), link.a_interface),
        _sector(inventory.device(link.b), link.b_interface),
    )
    first, second = (sector or Sector(0.0) for sector in ends)
    frequency = (
        first.frequency_mhz,
        second.frequency_mhz,
        _number(a, "frequency_mhz"),
        _number(b, "frequency_mhz"),
    )
    return RadioPath(
        _first(given.frequency_mhz, *frequency),
        _first(given.a_height_m, first.height_m),
        _first(given.b_height_m, second.height_m),
        _first(given.a_gain_dbi, first.gain_dbi),
        _first(given.b_gain_dbi, second.gain_dbi),
        _first(given.a_tx_power_dbm, first.tx_power_dbm, _number(a, "tx_power_dbm")),
        _first(given.b_tx_power_dbm, second.tx_power_dbm, _number(b, "tx_power_dbm")),
    )


def way_of(inventory: Inventory, link: Link) -> Way | None:
    """Return the straight way between a link's ends; None where one has no place or both have the same."""
    a, b = inventory.device(link.a), inventory.device(link.b)
    places = [inventory.place_of(end) if end is not None else None for end in (a, b)]
    if places[0] is None or places[1] is None:
        return None
    found = way(places[0], places[1])
    return found if found.distance_m > 0 else None


def budget_of(inventory: Inventory, link: Link, radios: RadioPath) -> Budget | None:
    """Return what a link's ends should hear; None where its length or its frequency is not known."""
    found = way_of(inventory, link)
    if found is None or radios.frequency_mhz is None:
        return None
    loss_db = free_space_loss_db(found.distance_m, radios.frequency_mhz)
    gains = (radios.a_gain_dbi, radios.b_gain_dbi)
    at_a = _level(radios.b_tx_power_dbm, *gains, loss_db)
    at_b = _level(radios.a_tx_power_dbm, *gains, loss_db)
    return Budget(found, radios.frequency_mhz, loss_db, at_a, at_b)


def heard_of(a: End, b: End) -> Heard:
    """Return how the ends of a link hear each other, each by its own word before the other's."""
    near, far = _client(a, b), _client(b, a)
    at_a, at_b = _signal(a, near), _signal(b, far)
    return Heard(
        at_a if at_a is not None else far.remote_signal_dbm if far is not None else None,
        at_b if at_b is not None else near.remote_signal_dbm if near is not None else None,
    )


def asymmetry_db(heard: Heard, radios: RadioPath) -> float | None:
    """Return by how much one direction is better than the other, 0 or more; what one end sends stronger is taken off.

    The way is the same both ways, so what is left is an antenna, a receiver or noise. Where a transmit power is not known, both
    are taken for equal.
    """
    if heard.at_a_dbm is None or heard.at_b_dbm is None:
        return None
    sent = (radios.a_tx_power_dbm, radios.b_tx_power_dbm)
    more_db = sent[1] - sent[0] if sent[0] is not None and sent[1] is not None else 0.0
    return abs(heard.at_a_dbm - heard.at_b_dbm - more_db)


def signal_class(level_dbm: float | None) -> int | None:
    """Return the signal class 0 (weakest) to 4, or None where nobody tells."""
    return None if level_dbm is None else sum(level_dbm > bound for bound in SIGNAL_BOUNDS_DBM)


def read_told(facts: Facts, numbers: Numbers) -> Told:
    """Return what a device's facts and latest numbers say; of a client that two sources tell the first holds."""
    macs: set[str] = set()
    clients: dict[str, dict[str, WirelessClient]] = {}
    for (field, _), fact in facts.items():
        if not isinstance(fact.value, dict):
            continue
        if field.startswith("interface/"):
            mac = fact.value.get("mac")
            if isinstance(mac, str) and mac:
                macs.add(mac.upper())
        elif field.startswith(CLIENT):
            try:
                client = msgspec.convert(fact.value, WirelessClient)
            except msgspec.ValidationError:  # a newer engine's
                continue
            clients.setdefault(client.interface, {}).setdefault(client.mac.upper(), client)
    return Told(numbers, frozenset(macs), clients)


def _client(end: End, other: End) -> WirelessClient | None:
    """Return how the other end stands in an end's table: by its address, or where that is not known as the only one there."""
    tables = end.told.clients
    there = [tables[end.interface]] if end.interface in tables else [] if end.interface else tables.values()
    for table in there:
        for mac in table.keys() & other.told.macs:
            return table[mac]
    if other.told.macs:
        return None
    only = [client for table in there for client in table.values()]
    return only[0] if len(only) == 1 else None


def _signal(end: End, client: WirelessClient | None) -> float | None:
    """Return what an end says of the other: its radio's number where that can mean nobody else, for it is the latest."""
    there = end.told.clients.get(end.interface, {})
    if end.number("wireless_clients") in (None, 1.0) and (client is not None or not there):
        level = end.number("signal_dbm")
        if level is not None:
            return level
    return client.signal_dbm if client is not None else None


def _sector(device: Device | None, interface: str) -> Sector | None:
    """Return the sector at an interface: the one that names it, or the only one, if that names none."""
    sectors = device.sectors if device is not None else ()
    named = next((sector for sector in sectors if interface and sector.interface == interface), None)
    if named is None and len(sectors) == 1 and not sectors[0].interface:
        return sectors[0]
    return named


def _number(end: End | None, metric: str) -> float | None:
    return end.number(metric) if end is not None else None


def _level(power: float | None, one: float | None, other: float | None, loss_db: float) -> float | None:
    if power is None or one is None or other is None:
        return None
    return received_dbm(power, one, other, loss_db)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)

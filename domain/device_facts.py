"""What a device's structured facts hold, beside `Interface`: clients, optics, neighbours, routing, sensors, services.

A fact's field is `<prefix>/<key>`, its value the plain-data form of one of these. Counterpart: `engine/drivers` tell them,
the device panel shows them. One rule: text is the device's own, cleaned and capped; None is "it does not say".
"""

from __future__ import annotations

from typing import Literal

import msgspec


class WirelessClient(msgspec.Struct, frozen=True, omit_defaults=True):
    """`wireless_client/<interface>/<mac>`: a station at one of the device's radios, as it was when last told."""

    interface: str
    mac: str
    name: str = ""
    address: str = ""
    signal_dbm: float | None = None
    remote_signal_dbm: float | None = None
    signal_to_noise_db: float | None = None
    tx_rate_bps: float | None = None
    rx_rate_bps: float | None = None
    ccq_pct: float | None = None
    distance_m: float | None = None
    uptime_s: float | None = None


class Optic(msgspec.Struct, frozen=True, omit_defaults=True):
    """`optic/<interface>`: a pluggable transceiver."""

    interface: str
    vendor: str = ""
    part: str = ""
    serial: str = ""
    wavelength_nm: float | None = None
    rx_lost: bool | None = None
    tx_fault: bool | None = None


class PoePort(msgspec.Struct, frozen=True, omit_defaults=True):
    """`poe/<interface>`: power given to what hangs there; its numbers are samples."""

    interface: str
    state: str = ""


class Sensor(msgspec.Struct, frozen=True, omit_defaults=True):
    """`sensor/<name>`: what is measured; its number is a sample of `metric` under the instance `name`."""

    name: str
    metric: str
    state: str = ""


class Neighbour(msgspec.Struct, frozen=True, omit_defaults=True):
    """`neighbour/<interface>/<mac or address>`: who is heard at a port, and by which protocol."""

    interface: str
    mac: str = ""
    address: str = ""
    identity: str = ""
    remote_interface: str = ""
    platform: str = ""
    version: str = ""
    board: str = ""
    heard_by: str = ""


class RoutingSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """`routing/<protocol>/<peer>`: a session of a routing protocol. `is_up`: full (OSPF), established (BGP), up (BFD)."""

    protocol: Literal["ospf", "bgp", "bfd"]
    peer: str
    state: str
    is_up: bool
    interface: str = ""
    remote_as: int | None = None
    prefixes: int | None = None
    since_s: float | None = None


class Package(msgspec.Struct, frozen=True, omit_defaults=True):
    """`package/<name>`: software that is installed."""

    name: str
    version: str = ""
    is_disabled: bool = False


class Netwatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """`netwatch/<host>`: what a router itself watches."""

    host: str
    is_up: bool | None = None
    kind: str = ""
    name: str = ""
    since: str = ""


class Battery(msgspec.Struct, frozen=True, omit_defaults=True):
    """`ups/<name>`: an uninterruptible supply; its numbers are samples."""

    name: str
    state: str = ""
    model: str = ""


class OwnAddress(msgspec.Struct, frozen=True, omit_defaults=True):
    """`address/<address>`: an address that the device itself has, at one of its interfaces."""

    address: str
    interface: str = ""
    prefix_bits: int | None = None


class Service(msgspec.Struct, frozen=True, omit_defaults=True):
    """`service/<probe>`: what a service answered to its probe (a status, names, a line), and the software it says it is."""

    says: str
    software: str = ""


class Certificate(msgspec.Struct, frozen=True, omit_defaults=True):
    """`certificate/<probe>`: what a service shows over TLS. `sha256` is its fingerprint, 64 hex digits."""

    subject: str
    issuer: str
    not_after_us: int
    sha256: str


FACT_TYPES: dict[str, type[msgspec.Struct]] = {
    "wireless_client": WirelessClient,
    "optic": Optic,
    "poe": PoePort,
    "sensor": Sensor,
    "neighbour": Neighbour,
    "routing": RoutingSession,
    "package": Package,
    "netwatch": Netwatch,
    "ups": Battery,
    "address": OwnAddress,
    "service": Service,
    "certificate": Certificate,
}
"""By the fact's prefix."""

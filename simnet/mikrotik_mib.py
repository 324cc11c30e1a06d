"""MIKROTIK-MIB as far as a monitor reads it: health, licence, system, neighbours, radios, link-downs, optics.

Counterpart: `mib.py`, the standard tables. One rule: an older RouterOS publishes health as scalars, a newer one as the
gauge table; no router publishes both.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import cache

from simnet.ber import IP_ADDRESS, OCTET_STRING, Oid, encode, encode_integer, encode_text
from simnet.hardware import Make
from simnet.lldp_mib import arp_columns, lldp_columns
from simnet.mib import (
    Column,
    Mib,
    aggregate_columns,
    counter32,
    counter64,
    gauge,
    host_columns,
    interface_column,
    interface_columns,
    interface_rows,
    scalar,
    system_columns,
    ticks,
)
from simnet.router import PACKET_OCTETS, Interface, Registration, Router

_BASE = (1, 3, 6, 1, 4, 1, 14988, 1, 1)
_HEALTH = (*_BASE, 3)
_GAUGES = (*_HEALTH, 100, 1)
_CELSIUS, _RPM, _DECIVOLT, _DECIWATT = 1, 2, 3, 5


@cache
def mib_of(make: Make) -> Mib:
    """Return the tree that devices of one make answer from."""
    columns = [*system_columns(), *interface_columns(), *host_columns(), *arp_columns()]
    if make == "mikrotik":
        columns += [*_health(), *_system(), *_neighbours(), *_radios(), *_w60g(), *_ports()]
    else:
        columns += [*lldp_columns(), *aggregate_columns()]
    return Mib(columns)


def health_gauges(router: Router, at_s: float) -> list[tuple[str, int, int]]:
    """Return name, value and unit of each health gauge, as RouterOS 7 names them."""
    rows = [
        ("voltage", round(router.voltage_v(at_s) * 10), _DECIVOLT),
        ("temperature", round(router.temperature_c(at_s)), _CELSIUS),
    ]
    if router.board.cpu_count > 1:
        rows.append(("cpu-temperature", round(router.cpu_temperature_c(at_s)), _CELSIUS))
    if router.board.has_fan:
        rows += [
            ("fan1-speed", router.fan_rpm(at_s), _RPM),
            ("power-consumption", round(router.power_w(at_s) * 10), _DECIWATT),
        ]
    return rows


def _old_only(oid: Oid, read: Callable[[Router, float], int], needs_fan: bool = False) -> Column:
    def rows(router: Router) -> Sequence[Oid]:
        return () if router.is_at_least(7) or (needs_fan and not router.board.has_fan) else ((0,),)

    return Column(oid, rows, lambda router, _row, at_s: encode_integer(read(router, at_s)))


def _gauge_rows(router: Router) -> Sequence[Oid]:
    if not router.is_at_least(7):
        return ()
    return [(number + 1,) for number in range(len(health_gauges(router, router.booted_at_s)))]


def _health() -> list[Column]:
    def gauge_of(router: Router, row: Oid, at_s: float) -> tuple[str, int, int]:
        return health_gauges(router, at_s)[row[0] - 1]

    return [
        _old_only((*_HEALTH, 8), lambda router, at_s: round(router.voltage_v(at_s) * 10)),
        _old_only((*_HEALTH, 10), lambda router, at_s: round(router.temperature_c(at_s) * 10)),
        _old_only((*_HEALTH, 11), lambda router, at_s: round(router.cpu_temperature_c(at_s) * 10)),
        _old_only((*_HEALTH, 12), lambda router, at_s: round(router.power_w(at_s) * 10), needs_fan=True),
        _old_only((*_HEALTH, 14), lambda router, _at: router.board.cpu_mhz),
        _old_only((*_HEALTH, 17), lambda router, at_s: router.fan_rpm(at_s), needs_fan=True),
        Column((*_GAUGES, 2), _gauge_rows, lambda router, row, at: encode_text(gauge_of(router, row, at)[0])),
        Column(
            (*_GAUGES, 3), _gauge_rows, lambda router, row, at: encode_integer(gauge_of(router, row, at)[1])
        ),
        Column(
            (*_GAUGES, 4), _gauge_rows, lambda router, row, at: encode_integer(gauge_of(router, row, at)[2])
        ),
    ]


def _system() -> list[Column]:
    def text(oid: Oid, read: Callable[[Router], str]) -> Column:
        return scalar(oid, lambda router, _at: encode_text(read(router)))

    return [
        text((*_BASE, 4, 1), lambda router: f"{router.spec.serial[:4]}-{router.spec.serial[4:8]}"),
        scalar((*_BASE, 4, 3), lambda _router, _at: encode_integer(6)),
        text((*_BASE, 4, 4), lambda router: router.spec.version),
        text((*_BASE, 7, 3), lambda router: router.spec.serial),
        text((*_BASE, 7, 4), lambda router: router.spec.version),
        text((*_BASE, 7, 7), lambda router: router.spec.version),
        text((*_BASE, 7, 8), lambda router: router.board.name),
        text((*_BASE, 7, 9), lambda router: router.board.name),
    ]


def _neighbours() -> list[Column]:
    table = (*_BASE, 11, 1, 1)

    def rows(router: Router) -> Sequence[Oid]:
        return [(port.index,) for port in router.neighbours()]

    def column(number: int, read: Callable[[Interface, Interface], bytes]) -> Column:
        def read_row(router: Router, row: Oid, _at_s: float) -> bytes:
            port = router.interfaces[row[0] - 1]
            return read(port, port.peer or port)

        return Column((*table, number), rows, read_row)

    return [
        column(2, lambda _port, peer: encode(IP_ADDRESS, ipaddress.ip_address(peer.router.address).packed)),
        column(3, lambda _port, peer: encode(OCTET_STRING, peer.mac)),
        column(4, lambda _port, peer: encode_text(peer.router.spec.version)),
        column(5, lambda _port, peer: encode_text(platform_of(peer.router))),
        column(6, lambda _port, peer: encode_text(peer.router.identity)),
        column(
            7,
            lambda _port, peer: encode_text(f"{peer.router.spec.serial[:4]}-{peer.router.spec.serial[4:8]}"),
        ),
        column(8, lambda port, _peer: encode_integer(port.index)),
    ]


def platform_of(router: Router) -> str:
    """Return what a router announces as its platform."""
    return {"mikrotik": "MikroTik", "airfiber": "Ubiquiti", "netsnmp": "Linux"}[router.board.make]


def _radios() -> list[Column]:
    stations, points = (*_BASE, 1, 2, 1), (*_BASE, 1, 3, 1)

    def wireless(router: Router) -> list[Interface]:
        return [port for port in router.interfaces if port.family == "wireless"]

    def station_rows(router: Router) -> Sequence[Oid]:
        found = [(*port.peer.mac, port.index) for port in wireless(router) if port.running and port.peer]
        return sorted(found)

    def station(number: int, read: Callable[[Registration, float], bytes]) -> Column:
        def read_row(router: Router, row: Oid, at_s: float) -> bytes:
            entries = router.registrations(at_s, "wireless")
            return read(next(entry for entry in entries if entry.interface.index == row[6]), at_s)

        return Column((*stations, number), station_rows, read_row)

    def point(number: int, read: Callable[[Interface], bytes]) -> Column:
        return Column(
            (*points, number),
            lambda router: [(port.index,) for port in wireless(router)],
            lambda router, row, _at: read(router.interfaces[row[0] - 1]),
        )

    return [
        station(3, lambda entry, _at: encode_integer(entry.signal_dbm)),
        station(4, lambda entry, at_s: counter32(entry.interface.out_octets(at_s))),
        station(5, lambda entry, at_s: counter32(entry.interface.in_octets(at_s))),
        station(6, lambda entry, at_s: counter32(entry.interface.out_octets(at_s) // PACKET_OCTETS)),
        station(7, lambda entry, at_s: counter32(entry.interface.in_octets(at_s) // PACKET_OCTETS)),
        station(8, lambda entry, _at: gauge(entry.tx_rate_bps)),
        station(9, lambda entry, _at: gauge(entry.rx_rate_bps)),
        station(10, lambda entry, _at: encode_text(entry.peer.router.spec.version)),
        station(11, lambda entry, _at: ticks(entry.uptime_s)),
        station(12, lambda entry, _at: encode_integer(entry.signal_dbm - entry.noise_dbm)),
        station(19, lambda entry, _at: encode_integer(entry.tx_signal_dbm)),
        station(20, lambda entry, _at: encode_text(entry.peer.router.identity)),
        point(4, lambda port: encode_text(radio_network(port))),
        point(5, lambda port: encode(OCTET_STRING, port.mac)),
        point(6, lambda port: gauge(1 if port.running else 0)),
        point(7, lambda port: encode_integer(5180 + 20 * (port.index % 8))),
        point(8, lambda _port: encode_text("5ghz-n/ac")),
        point(9, lambda _port: encode_integer(-104)),
        point(10, lambda port: gauge(91 if port.running else 0)),
        point(11, lambda port: gauge(1 if port.running else 0)),
        scalar((*_BASE, 1, 4), lambda router, at_s: gauge(len(router.registrations(at_s, "wireless")))),
    ]


def radio_network(port: Interface) -> str:
    """Return the network name a radio uses."""
    far = port.peer.router.name if port.peer else port.router.name
    return f"voralp-{'-'.join(sorted((port.router.name, far)))}"[:32]


def _w60g() -> list[Column]:
    table = (*_BASE, 1, 8, 1)

    def rows(router: Router) -> Sequence[Oid]:
        return [(port.index,) for port in router.interfaces if port.family == "w60g"]

    def column(number: int, read: Callable[[Interface, Registration | None], bytes]) -> Column:
        def read_row(router: Router, row: Oid, at_s: float) -> bytes:
            port = router.interfaces[row[0] - 1]
            entries = router.registrations(at_s, "w60g")
            return read(port, next((entry for entry in entries if entry.interface is port), None))

        return Column((*table, number), rows, read_row)

    return [
        column(2, lambda _port, _entry: encode_integer(2)),
        column(3, lambda port, _entry: encode_text(radio_network(port))),
        column(4, lambda _port, entry: encode_integer(1 if entry else 0)),
        column(5, lambda _port, entry: encode(OCTET_STRING, entry.peer.mac if entry else bytes(6))),
        column(6, lambda port, _entry: encode_integer(58_320 + 2160 * (port.index % 3))),
        column(7, lambda _port, entry: encode_integer(8 if entry else 0)),
        column(8, lambda _port, entry: encode_integer(80 if entry else 0)),
        column(9, lambda _port, _entry: encode_integer(31)),
        column(12, lambda _port, entry: encode_integer(entry.signal_dbm if entry else 0)),
        column(13, lambda _port, entry: gauge(entry.tx_rate_bps if entry else 0)),
    ]


def _ports() -> list[Column]:
    statistics, optics = (*_BASE, 14, 1, 1), (*_BASE, 19, 1, 1)

    def optic_rows(router: Router) -> Sequence[Oid]:
        return [(port.index,) for port in router.interfaces if port.name.startswith("sfp")]

    def optic(number: int, read: Callable[[Interface, float], bytes]) -> Column:
        return Column(
            (*optics, number), optic_rows, lambda router, row, at_s: read(router.interfaces[row[0] - 1], at_s)
        )

    return [
        interface_column((*statistics, 2), lambda port, _at: encode_text(port.name)),
        interface_column((*statistics, 11), lambda port, at_s: counter64(port.in_octets(at_s))),
        interface_column((*statistics, 13), lambda port, at_s: counter64(port.out_octets(at_s))),
        Column(
            (*statistics, 90),
            interface_rows,
            lambda router, row, _at: counter64(router.interfaces[row[0] - 1].link_downs),
        ),
        optic(2, lambda port, _at: encode_text(port.name)),
        optic(3, lambda port, _at: encode_integer(0 if port.running else 1)),
        optic(4, lambda _port, _at: encode_integer(0)),
        optic(5, lambda _port, _at: gauge(131_000)),
        optic(6, lambda port, at_s: encode_integer(round(port.router.temperature_c(at_s)))),
        optic(7, lambda _port, _at: encode_integer(3291)),
        optic(8, lambda _port, _at: encode_integer(31)),
        optic(9, lambda _port, _at: encode_integer(-2510)),
        optic(10, lambda port, _at: encode_integer(optical_rx_millidbm(port))),
    ]


def optical_rx_millidbm(port: Interface) -> int:
    """Return the light received: 0.35 dB lost a kilometre, nothing (-40 dBm) from a dead link."""
    return round(-3200 - 0.35 * port.distance_m) if port.running else -40_000

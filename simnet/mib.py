"""The tree of objects an agent answers from: columns, each with its rows and a way to read them.

Counterpart: `agent.py` asks `find` and `following`. One rule: no column lies under another, so that one search among
the sorted columns finds an object.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from simnet.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    OCTET_STRING,
    TIME_TICKS,
    Oid,
    encode,
    encode_integer,
    encode_oid,
    encode_text,
    encode_unsigned,
)
from simnet.router import PACKET_OCTETS, Interface, Router

Rows = Callable[[Router], Sequence[Oid]]
Read = Callable[[Router, Oid, float], bytes]

_IF_TYPES = {
    "ethernet": 6,
    "bond": 161,
    "bridge": 209,
    "wireless": 71,
    "wifi": 71,
    "w60g": 71,
    "cap": 71,
    "lte": 243,
}
_MIB2 = (1, 3, 6, 1, 2, 1)
_HOST = (*_MIB2, 25)
_MAIN_MEMORY = 65_536
_SYSTEM_DISK = 131_072
_STORAGE_UNIT = 1024


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, or a scalar, which is a column with the one row (0,)."""

    oid: Oid
    rows: Rows
    read: Read
    """Takes the router, the row and the moment; returns the value with its tag."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object: its name and its encoded value."""

    oid: Oid
    value: bytes


class Mib:
    """Columns in order."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = sorted(columns, key=lambda column: column.oid)
        self._starts = [column.oid for column in self._columns]

    def find(self, router: Router, oid: Oid, at_s: float) -> Found | None:
        """Return the object of exactly this name, or None."""
        place = bisect_right(self._starts, oid) - 1
        if place < 0:
            return None
        column = self._columns[place]
        row = oid[len(column.oid) :]
        if oid[: len(column.oid)] != column.oid or row not in column.rows(router):
            return None
        return Found(oid, column.read(router, row, at_s))

    def has_object(self, oid: Oid) -> bool:
        """Tell whether a column of this name exists, whatever its rows."""
        place = bisect_right(self._starts, oid) - 1
        return place >= 0 and oid[: len(self._starts[place])] == self._starts[place]

    def following(self, router: Router, oid: Oid, at_s: float) -> Found | None:
        """Return the first object after this name, or None at the end of the tree."""
        place = bisect_right(self._starts, oid) - 1
        if place >= 0:
            column = self._columns[place]
            if oid[: len(column.oid)] == column.oid:
                rows = column.rows(router)
                next_row = bisect_right(rows, oid[len(column.oid) :])
                if next_row < len(rows):
                    return _read(column, router, rows[next_row], at_s)
        for column in self._columns[place + 1 :]:
            rows = column.rows(router)
            if rows:
                return _read(column, router, rows[0], at_s)
        return None


def _read(column: Column, router: Router, row: Oid, at_s: float) -> Found:
    return Found(column.oid + row, column.read(router, row, at_s))


def scalar(oid: Oid, read: Callable[[Router, float], bytes]) -> Column:
    """Build a scalar; `oid` ends before the .0 of its one row."""
    return Column(oid, lambda _router: ((0,),), lambda router, _row, at_s: read(router, at_s))


def interface_column(oid: Oid, read: Callable[[Interface, float], bytes]) -> Column:
    """Build a column with a row for each interface."""
    return Column(oid, interface_rows, lambda router, row, at_s: read(router.interfaces[row[0] - 1], at_s))


def interface_rows(router: Router) -> Sequence[Oid]:
    """Rows numbered as the interfaces are."""
    return _numbered_rows(len(router.interfaces))


@cache
def _numbered_rows(count: int) -> tuple[Oid, ...]:
    return tuple((number + 1,) for number in range(count))


def counter32(value: int) -> bytes:
    """Encode a counter that wraps at 32 bits."""
    return encode_unsigned(COUNTER32, value)


def counter64(value: int) -> bytes:
    """Encode a counter of 64 bits."""
    return encode_unsigned(COUNTER64, value)


def gauge(value: int) -> bytes:
    """Encode a gauge, which sticks at its highest value."""
    return encode_unsigned(GAUGE32, min(max(0, value), 0xFFFF_FFFF))


def ticks(seconds: float) -> bytes:
    """Encode a time in hundredths of a second; wraps after 497 days."""
    return encode_unsigned(TIME_TICKS, int(seconds * 100))


def _describe(router: Router) -> str:
    if router.board.make == "mikrotik":
        return f"RouterOS {router.board.name}"
    if router.board.make == "airfiber":
        return f"{router.board.model}, AF60 {router.spec.version}"
    return f"Linux {router.name} {router.spec.version}.0-amd64 x86_64"


def system_columns() -> list[Column]:
    """SNMPv2-MIB system group (RFC 3418)."""
    system = (*_MIB2, 1)
    return [
        scalar((*system, 1), lambda router, _at: encode_text(_describe(router))),
        scalar((*system, 2), lambda router, _at: encode_oid(router.board.system_oid)),
        scalar((*system, 3), lambda router, at_s: ticks(router.uptime_s(at_s))),
        scalar((*system, 4), lambda _router, _at: encode_text("noc@voralp.example")),
        scalar((*system, 5), lambda router, _at: encode_text(router.identity)),
        scalar((*system, 6), lambda router, _at: encode_text(f"{router.site.name}, {router.site.region}")),
        scalar((*system, 7), lambda _router, _at: encode_integer(78)),
    ]


def _last_change_s(port: Interface) -> float:
    since = max(port.last_up_s or 0.0, port.last_down_s or 0.0)
    return max(0.0, since - port.router.booted_at_s)


def interface_columns() -> list[Column]:
    """IF-MIB (RFC 2863): ifNumber, ifTable and ifXTable."""
    table = (*_MIB2, 2, 2, 1)
    extra = (*_MIB2, 31, 1, 1, 1)

    def octets32(port: Interface, at_s: float) -> bytes:
        return counter32(port.in_octets(at_s))

    def zero(_port: Interface, _at_s: float) -> bytes:
        return counter32(0)

    return [
        scalar((*_MIB2, 2, 1), lambda router, _at: encode_integer(len(router.interfaces))),
        interface_column((*table, 1), lambda port, _at: encode_integer(port.index)),
        interface_column((*table, 2), lambda port, _at: encode_text(port.name)),
        interface_column((*table, 3), lambda port, _at: encode_integer(_IF_TYPES[port.family])),
        interface_column((*table, 4), lambda _port, _at: encode_integer(1500)),
        interface_column((*table, 5), lambda port, _at: gauge(port.speed_bps)),
        interface_column((*table, 6), lambda port, _at: encode(OCTET_STRING, port.mac)),
        interface_column((*table, 7), lambda _port, _at: encode_integer(1)),
        interface_column((*table, 8), lambda port, _at: encode_integer(1 if port.running else 2)),
        interface_column((*table, 9), lambda port, _at: ticks(_last_change_s(port))),
        interface_column((*table, 10), octets32),
        interface_column((*table, 11), lambda port, at_s: counter32(port.in_octets(at_s) // PACKET_OCTETS)),
        interface_column((*table, 13), zero),
        interface_column((*table, 14), zero),
        interface_column((*table, 16), lambda port, at_s: counter32(port.out_octets(at_s))),
        interface_column((*table, 17), lambda port, at_s: counter32(port.out_octets(at_s) // PACKET_OCTETS)),
        interface_column((*table, 19), zero),
        interface_column((*table, 20), zero),
        interface_column((*extra, 1), lambda port, _at: encode_text(port.name)),
        interface_column((*extra, 6), lambda port, at_s: counter64(port.in_octets(at_s))),
        interface_column((*extra, 7), lambda port, at_s: counter64(port.in_octets(at_s) // PACKET_OCTETS)),
        interface_column((*extra, 10), lambda port, at_s: counter64(port.out_octets(at_s))),
        interface_column((*extra, 11), lambda port, at_s: counter64(port.out_octets(at_s) // PACKET_OCTETS)),
        interface_column((*extra, 15), lambda port, _at: gauge(port.speed_bps // 1_000_000)),
        interface_column((*extra, 17), lambda port, _at: encode_integer(1 if port.peer else 2)),
        interface_column((*extra, 18), lambda port, _at: encode_text(port.comment)),
        interface_column((*extra, 19), lambda _port, _at: ticks(0)),
    ]


def aggregate_columns() -> list[Column]:
    """Which ports are members of which bond: ifStackTable (RFC 2863), and IEEE8023-LAG-MIB, where what is down is detached."""
    active, lag_port = 1, (1, 2, 840, 10006, 300, 43, 1, 2, 1, 1)

    def stacked(router: Router) -> list[Oid]:
        return sorted((bond.index, port.index) for bond in router.bonds() for port in bond.members)

    def ports(router: Router) -> list[Oid]:
        return sorted((port.index,) for bond in router.bonds() for port in bond.members)

    def attached(router: Router, row: Oid, _at_s: float) -> bytes:
        port = router.interfaces[row[0] - 1]
        bond = next(bond for bond in router.bonds() if port in bond.members)
        return encode_integer(bond.index if port.running else 0)

    return [
        Column((*_MIB2, 31, 1, 2, 1, 3), stacked, lambda _router, _row, _at: encode_integer(active)),
        Column((*lag_port, 13), ports, attached),
    ]


def _storage_size(router: Router, row: Oid) -> int:
    board = router.board
    return (board.memory_bytes if row[0] == _MAIN_MEMORY else board.disk_bytes) // _STORAGE_UNIT


def _storage_used(router: Router, row: Oid, at_s: float) -> int:
    free = router.memory_free_bytes(at_s) if row[0] == _MAIN_MEMORY else router.disk_free_bytes()
    return _storage_size(router, row) - free // _STORAGE_UNIT


def host_columns() -> list[Column]:
    """HOST-RESOURCES-MIB (RFC 2790): up time, memory, storage and processor load."""
    storage = (*_HOST, 2, 3, 1)
    storage_rows: Rows = lambda _router: ((_MAIN_MEMORY,), (_SYSTEM_DISK,))  # noqa: E731
    storage_types = {_MAIN_MEMORY: (*_HOST, 2, 1, 2), _SYSTEM_DISK: (*_HOST, 2, 1, 4)}
    storage_names = {_MAIN_MEMORY: "main memory", _SYSTEM_DISK: "system disk"}
    cores: Rows = lambda router: [(core + 1,) for core in range(router.board.cpu_count)]  # noqa: E731
    return [
        scalar((*_HOST, 1, 1), lambda router, at_s: ticks(router.uptime_s(at_s))),
        scalar(
            (*_HOST, 2, 2), lambda router, _at: encode_integer(router.board.memory_bytes // _STORAGE_UNIT)
        ),
        Column((*storage, 1), storage_rows, lambda _router, row, _at: encode_integer(row[0])),
        Column((*storage, 2), storage_rows, lambda _router, row, _at: encode_oid(storage_types[row[0]])),
        Column((*storage, 3), storage_rows, lambda _router, row, _at: encode_text(storage_names[row[0]])),
        Column((*storage, 4), storage_rows, lambda _router, _row, _at: encode_integer(_STORAGE_UNIT)),
        Column(
            (*storage, 5), storage_rows, lambda router, row, _at: encode_integer(_storage_size(router, row))
        ),
        Column(
            (*storage, 6),
            storage_rows,
            lambda router, row, at_s: encode_integer(_storage_used(router, row, at_s)),
        ),
        Column((*_HOST, 3, 3, 1, 1), cores, lambda _router, _row, _at: encode_oid((0, 0))),
        Column(
            (*_HOST, 3, 3, 1, 2), cores, lambda router, row, at: encode_integer(router.cpu_pct(at, row[0]))
        ),
    ]

"""Reads a table of interfaces that is too long to be read whole. Counterpart: `snmp_interfaces.py`, which tells what is left out.

A concentrator has some ports and VLANs, and thousands of sessions of subscribers that come and go. So the types of all are
listed first, which is one column; then the rows that are worth a reading are asked for by their index. One rule: what fits
into the caps and into the time is read, in the order ports, VLANs, tunnels and the like, sessions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

import msgspec

from domain.errors import NoAnswer
from engine.drivers.meters import instance_oid, number
from engine.drivers.snmp_session import VARBINDS_PER_GET, SnmpSession, Table
from engine.protocols.ber import Absent

MOST_ROWS = 1_024
MOST_SESSIONS = 128
"""Of them. Some are no subscribers but our own uplinks; those were made first, and have the lowest indexes."""

MOST_LISTED = 16_384
MOST_LIST_REPLIES = 512
LIST_SHARE, ROWS_SHARE = 0.4, 0.7
"""How much of a reading's time may be gone when no more is listed, and when no more rows are asked for."""

_GETS_AT_A_TIME = 16

_PPP, _MULTILINK = 23, 108
_SESSIONS = frozenset({_PPP, _MULTILINK})
_RANKS = {
    **dict.fromkeys((134, 135, 136), 1),  # atmSubInterface, l2vlan, l3ipvlan
    **dict.fromkeys((1, 24, 53, 131, 150), 2),  # other, softwareLoopback, propVirtual, tunnel, mplsTunnel
    **dict.fromkeys(_SESSIONS, 3),
}
"""Of IANAifType-MIB: what is read later than ports, and how much later."""


class Crowd(msgspec.Struct):
    """The rows that were read, and of which types those are that were not: {ifType: how many}; 0 was not even listed."""

    table: Table
    left: Counter[int]


async def read_crowd(session: SnmpSession, columns: Sequence[str], type_column: str, rows: int) -> Crowd:
    """Read what fits of a table that says it has so many rows. Raises NoAnswer where not even one does."""
    listed = await session.walk(
        (type_column,), MOST_LISTED, cut=True, replies=MOST_LIST_REPLIES, within=LIST_SHARE
    )
    types = {index: number(said) or 0 for index, said in listed[type_column].items()}
    wanted = _choose(types)
    table = await _read_rows(session, columns, wanted)
    read = {index for rows_of in table.values() for index in rows_of}
    if not read:
        raise NoAnswer(f"{session.where} tells none of its {rows:,} interfaces in time")
    left = Counter(kind for index, kind in types.items() if index not in read)
    left[0] += max(0, rows - len(types))
    return Crowd(table, +left)


def _choose(types: dict[str, int]) -> list[str]:
    """Return the indexes of the rows that are worth a reading, the best first."""
    ranked = sorted(
        types, key=lambda index: _RANKS.get(types[index], 0)
    )  # of one rank as the device counts them
    others = [index for index in ranked if types[index] not in _SESSIONS]
    sessions = (index for index in ranked if types[index] in _SESSIONS)
    return [*others, *islice(sessions, MOST_SESSIONS)][:MOST_ROWS]


async def _read_rows(session: SnmpSession, columns: Sequence[str], indexes: Sequence[str]) -> Table:
    """Ask for rows by their index, in those columns that the device has at all."""
    there = await session.present(columns)
    asked = [column for column in columns if column in there]
    table: Table = {column: {} for column in columns}
    if not asked:
        return table
    cells = {instance_oid(column, index): (column, index) for index in indexes for column in asked}
    oids = iter(cells)
    while not session.has_used(ROWS_SHARE):
        cap = min(VARBINDS_PER_GET, session.varbinds_cap)
        batches = [some for _ in range(_GETS_AT_A_TIME) if (some := tuple(islice(oids, cap)))]
        if not batches:
            break
        for got in await session.get(batches):
            for oid, value in got.values.items():
                if oid in cells and value is not None and not isinstance(value, Absent):
                    column, index = cells[oid]
                    table[column][index] = value
    return table

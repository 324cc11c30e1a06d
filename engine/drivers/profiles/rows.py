"""A group's rows as they are at a look: index parts and fields by name. Counterpart: `look.py`, which makes meters of them.

One rule: an index that is not shaped as the profile says is no row; a field that says nothing is absent from its row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from domain.text import text_from_bytes
from engine.drivers.meters import Known, instance_oid
from engine.drivers.profiles.decoding import Decode, decoder, ip_text, mac_text
from engine.drivers.profiles.language import MOST_ROWS, Field, Group, Plain
from engine.drivers.snmp_session import SnmpSession, Table
from engine.protocols.ber import Absent, Value

NAME_CAP = 64
_PRODUCT_CAP = 1e30
"""What no factor exceeds, whatever a device sends: arithmetic stays within what a float holds."""

_HOLE = re.compile(r"\{(\w+)\}")


class Row:
    """One row: its `index` as the table has it, what it `said` by name, which fields are `present`, and where they are asked.

    A present field may say nothing now, such as a signal while nobody is connected.
    """

    __slots__ = ("_columns", "index", "present", "said")

    def __init__(
        self, index: str, said: dict[str, Plain], present: frozenset[str], columns: Mapping[str, str]
    ) -> None:
        self.index = index
        self.said = said
        self.present = present
        self._columns = columns

    def oid(self, field: str) -> str:
        """Return the OID of a field of this row."""
        column = self._columns[field]
        return instance_oid(column, self.index) if self.index else column

    def fill(self, templates: str | Sequence[str]) -> str:
        """Return the first template of which all holes are filled; empty where there is none."""
        for template in (templates,) if isinstance(templates, str) else templates:
            names = _HOLE.findall(template)
            if all(name in self.said for name in names):
                filled = _HOLE.sub(lambda hole: as_text(self.said[hole[1]]), template).strip()
                if filled:
                    return filled[:NAME_CAP]
        return ""

    def holds(self, where: Mapping[str, tuple[Plain, ...]]) -> bool:
        """Tell whether each field is one of the values that are wanted of it."""
        return all(name in self.said and self.said[name] in wanted for name, wanted in where.items())

    def matches(self, patterns: Mapping[str, re.Pattern[str]]) -> bool:
        """Tell whether the text of each field holds its pattern."""
        return all(
            name in self.said and pattern.search(as_text(self.said[name]))
            for name, pattern in patterns.items()
        )

    def product(self, fields: Sequence[str]) -> float | None:
        """Return the product of some fields, None if one of them is no number; 1 of none."""
        product = 1.0
        for name in fields:
            said = self.said.get(name)
            if not isinstance(said, int | float):
                return None
            product *= said
        return product if abs(product) <= _PRODUCT_CAP else None


def as_text(said: Plain) -> str:
    """Return a plain value as it is written in a name: whole numbers without a point."""
    if isinstance(said, float) and said.is_integer():
        return str(int(said))
    return str(said)


class Reader:
    """Reads the rows of one group."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self.columns = {name: _column(group, field) for name, field in group.fields.items() if not field.same}
        self._decoders: dict[str, Decode] = {name: decoder(field) for name, field in group.fields.items()}
        self._patterns = compiled(group.matches)
        self._beyond = {name: field.beyond for name, field in group.fields.items() if field.beyond}
        self._own = [name for name in self.columns if not group.fields[name].via and name not in self._beyond]
        self.table_columns = [self.columns[name] for name in self._own] if group.index else []
        """What a table has to have something of, to be there; of scalars nothing."""
        self._same = [(name, field.same) for name, field in group.fields.items() if field.same]
        self._instead = [(name, field.instead) for name, field in group.fields.items() if field.instead]
        self._joined = [name for name, field in group.fields.items() if field.via]

    async def read(self, session: SnmpSession, known: Known) -> list[Row]:
        """Return the rows that are there now and fulfil the group's conditions."""
        group = self._group
        if not group.index:
            return await self._read_scalars(session, known)
        own = [self.columns[name] for name in self._own]
        table = await session.walk(own, group.rows, cut=True)
        if not any(table.values()):
            return []
        foreign = [self.columns[name] for name in (*self._joined, *self._beyond)]
        joined: Table = await session.walk(foreign, MOST_ROWS, cut=True) if foreign else {}
        indexes = dict.fromkeys(index for column in own for index in table[column])
        rows = [row for index in indexes if (row := self._row(index, table, joined, known)) is not None]
        return _largest(group, rows[: group.rows])

    async def _read_scalars(self, session: SnmpSession, known: Known) -> list[Row]:
        got = (await session.get([tuple(self.columns.values())]))[0].values
        said: dict[str, Plain] = {"index": ""}
        for name, column in self.columns.items():
            self._add(said, name, got.get(column), known)
        self._fill_in(said, known)
        present = frozenset(name for name, column in self.columns.items() if _is_there(got.get(column)))
        row = Row("", said, present, self.columns)
        return [row] if present and row.holds(self._group.where) and row.matches(self._patterns) else []

    def _row(self, index: str, table: Table, joined: Table, known: Known) -> Row | None:
        parts = split_index(index, self._group.index, known)
        if parts is None:
            return None
        said: dict[str, Plain] = {"index": index, **parts}
        own = {name: table[self.columns[name]].get(index) for name in self._own}
        for name, value in own.items():
            self._add(said, name, value, known)
        for name in self._joined:
            via = said.get(self._group.fields[name].via)
            if via is not None:
                self._add(said, name, joined[self.columns[name]].get(_index_of(as_text(via), known)), known)
        for name, shape in self._beyond.items():
            plain = _beyond(index, joined[self.columns[name]], shape, known)
            if plain is not None:
                said[name] = plain
        self._fill_in(said, known)
        present = frozenset(name for name, value in own.items() if _is_there(value))
        row = Row(index, said, present, self.columns)
        return row if row.holds(self._group.where) and row.matches(self._patterns) else None

    def _fill_in(self, said: dict[str, Plain], known: Known) -> None:
        """Add what is the same as another field, and let fields that say nothing be what the ones named for them say."""
        for name, other in self._same:
            if other in said:
                self._add_same(said, name, said[other], known)
        for name, other in self._instead:
            if name not in said and other in said:
                said[name] = said[other]

    def _add(self, said: dict[str, Plain], name: str, value: Value, known: Known) -> None:
        plain = self._plain(name, value)
        if plain is not None and self._group.fields[name].kind == "port":
            plain = known.ports.get(as_text(plain))
        if plain is not None:
            said[name] = plain

    def _add_same(self, said: dict[str, Plain], name: str, other: Plain, known: Known) -> None:
        if self._group.fields[name].kind == "port":
            port = known.ports.get(_index_of(as_text(other), known))
            if port is not None:
                said[name] = port
        else:
            worded = other.encode() if isinstance(other, str) else other
            self._add(said, name, worded, known)

    def _plain(self, name: str, value: Value) -> Plain | None:
        return self._decoders[name](value) if _is_there(value) else None


def _is_there(value: Value) -> bool:
    return value is not None and not isinstance(value, Absent)


def compiled(patterns: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    """Return regular expressions ready for use."""
    return {name: re.compile(pattern) for name, pattern in patterns.items()}


def split_index(index: str, shape: Mapping[str, str], known: Known) -> dict[str, Plain] | None:
    """Return the parts of an index by name, None where it is shaped otherwise or names an interface that is none."""
    arcs = index.split(".")
    parts: dict[str, Plain] = {}
    for name, kind in shape.items():
        if kind == "rest":
            taken, arcs = arcs, []
        elif kind in ("text", "inet"):
            size = int(arcs[0]) if arcs else 0
            taken, arcs = arcs[1 : 1 + size], arcs[1 + size :]
            if len(taken) != size:
                return None
        else:
            size = {"mac": 6, "ip": 4}.get(kind, 1)
            taken, arcs = arcs[:size], arcs[size:]
            if len(taken) != size:
                return None
        part = _part(kind, taken, known)
        if part is None:
            return None
        parts[name] = part
    return None if arcs else parts


def _beyond(index: str, rows: Mapping[str, Value], shape: Mapping[str, str], known: Known) -> Plain | None:
    """Return the last part of the first index that begins with `index` and goes on as `shape` says."""
    begin = f"{index}."
    for other in rows:
        if other.startswith(begin):
            parts = split_index(other[len(begin) :], shape, known)
            if parts is not None:
                return parts[list(shape)[-1]]
    return None


def _part(kind: str, arcs: list[str], known: Known) -> Plain | None:
    if kind == "number":
        return float(arcs[0])
    if kind == "rest":
        return ".".join(arcs)
    if kind == "port":
        return known.ports.get(arcs[0])
    octets = [int(arc) for arc in arcs]
    if any(octet > 255 for octet in octets):
        return None
    if kind == "mac":
        return mac_text(bytes(octets))
    if kind in ("ip", "inet"):
        return ip_text(bytes(octets)) if len(octets) in (4, 16) else None
    return text_from_bytes(bytes(octets))


def _index_of(said: str, known: Known) -> str:
    """Return the index that a value stands for: itself, or the ifIndex of the interface of that name."""
    if said.replace(".", "").isdigit():
        return said
    return next((index for index, name in known.ports.items() if name == said), said)


def _column(group: Group, field: Field) -> str:
    return field.oid or f"{group.entry}.{field.column}"


def _largest(group: Group, rows: list[Row]) -> list[Row]:
    """Return the one row a group wants, where it wants one."""
    if not group.first and not group.largest:
        return rows
    preferred = [row for row in rows if row.holds(group.first)] if group.first else []
    left = preferred or rows
    if not group.largest:
        return left[:1]
    return [max(left, key=lambda row: row.product(group.largest) or 0)] if left else []

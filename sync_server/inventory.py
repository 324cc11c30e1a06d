"""A tenant's inventory in PostgreSQL: things read, the part that a change is judged by, what it touched written.

Counterpart: `engine/storage/rows.py`, the same rows on a laptop, whose shapes this uses; `ledger.py`, the one who changes them.

Theory: a laptop holds the whole inventory in memory. A server holds none, so for each edit it loads what the rules look at: what
its steps name, what those refer to, and what refers to what is deleted. `domain/rules.py` then says the same of that part as it
would of the whole.
One rule: a rule that looks at something else of the inventory gets it loaded in `part_for`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg import Record
from sqlalchemy import Column

from domain.edit import Step
from domain.inventory import Entity, Inventory, Kind
from engine.storage.rows import INVENTORY, Shape, Touched
from engine.storage.types import SRID, Bends, Id, Place, Plain
from engine.storage.wkb import decode_bends, decode_point
from sync_server.database import Reads, Transaction

ORDER: tuple[Kind, ...] = tuple(INVENTORY)
"""Kinds in the order in which they are written: a site before what stands there."""
ETAG_CHARS = 24
KEPT = 4_096
"""Rows of which it is kept what they mean: some 3 kB each."""


class Known(NamedTuple):
    """A thing, the entity tag of its content, and that content as JSON."""

    thing: Any
    etag: str
    encoded: bytes


@cache
def select_of(kind: Kind, alias: str = "t") -> str:
    """Return the columns of a kind as a SELECT lists them, for `known_of`."""
    return ", ".join(_read(column, alias) for column in _columns(kind))


def known_of(kind: Kind, row: Record) -> Known:
    """Return the thing of a row that begins with the columns of its kind. Raises msgspec.ValidationError where it is none."""
    return known(kind, row[: width_of(kind)])


@cache
def width_of(kind: Kind) -> int:
    """Return how many columns a kind has."""
    return len(_columns(kind))


def etag_of(thing: Entity) -> str:
    """Return the entity tag of a thing: another for every other content."""
    return _tag(msgspec.json.encode(thing))


async def things(reads: Reads, kind: Kind, where: str, *arguments: object) -> list[Any]:
    """Return the things of a kind for which `where` holds; its columns are those of `t`."""
    table = INVENTORY[kind].table.name
    rows = await reads.fetch(f"SELECT {select_of(kind)} FROM {table} t WHERE {where}", *arguments)
    return [known_of(kind, row).thing for row in rows]


async def thing(reads: Reads, kind: Kind, id: UUID) -> Any | None:
    """Return a thing, or None."""
    found = await things(reads, kind, "t.id = $1", id)
    return found[0] if found else None


async def part_for(
    reads: Reads, steps: Sequence[Step], held: Mapping[Kind, Entity] | None = None
) -> Inventory:
    """Return what the rules look at of the current tenant's inventory to judge these steps.

    `held`: what was read since the tenant is held, or of the revision that is judged, and need not be read again.
    """
    asked = _Asked()
    part = Inventory()
    for kind, thing in (held or {}).items():
        rows: dict[UUID, Entity] = part.tables[kind]
        rows[thing.id] = thing
    for kind in dict.fromkeys(step.kind for step in steps):
        ids = {step.id for step in steps if step.kind == kind} - part.tables[kind].keys()
        if ids:
            await _load(reads, part, kind, "t.id = ANY ($1::uuid[])", list(ids))
    for step in steps:
        old = part.get(step.kind, step.id)
        if old is not None:
            plain = msgspec.to_builtins(old)
            if step.after is None or not step.after.keys() & _ADDRESSED:
                plain.pop("address", None)  # a twin is looked for where address or probes are otherwise
            asked.refer(step.kind, plain)
        if step.after is not None:
            asked.refer(step.kind, step.after)
        else:
            asked.gone.setdefault(step.kind, set()).add(step.id)
    if any(step.kind == "team_map" for step in steps):  # twins, and how many there are
        await _load(reads, part, "team_map", "true")
    for kind, where, arguments in asked.queries():
        await _load(reads, part, kind, where, *arguments)
    return part


async def write_touched(transaction: Transaction, before: Inventory, touched: Touched) -> None:
    """Bring the rows of the current tenant to what an edit led to; `before` holds what was there."""
    for kind in ORDER:
        mine = {id: thing for (k, id), thing in touched.items() if k == kind}
        new = [thing for id, thing in mine.items() if thing is not None and before.get(kind, id) is None]
        kept = [thing for id, thing in mine.items() if thing is not None and before.get(kind, id) is not None]
        for statement, rows in ((_insert(kind), new), (_update(kind), kept)):
            if rows:
                await transaction.executemany(statement, [_row(kind, thing) for thing in rows])
    for kind in reversed(ORDER):
        gone = [id for (k, id), thing in touched.items() if k == kind and thing is None]
        if gone:
            table = INVENTORY[kind].table.name
            await transaction.execute(f"DELETE FROM {table} WHERE id = ANY ($1::uuid[])", gone)


def table_of(kind: Kind) -> str:
    """Return the table of a kind."""
    return INVENTORY[kind].table.name


def columns_between(kind: Kind, old: Entity, new: Entity) -> dict[str, Any]:
    """Return the columns in which a thing is another, as JSON that PostgreSQL makes a row of."""
    pairs = zip(_columns(kind), _row(kind, old), _row(kind, new), strict=True)
    return {column.name: msgspec.to_builtins(after) for column, before, after in pairs if before != after}


class _Asked:
    """What steps refer to. Their fields are what somebody sent: what is no id is left to the rules."""

    def __init__(self) -> None:
        self.ids: dict[Kind, set[UUID]] = {}
        self.addresses: set[str] = set()
        self.gone: dict[Kind, set[UUID]] = {}

    def refer(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        """Note what plain fields of a thing refer to."""
        for field, other in _REFERENCES.get(kind, {}).items():
            self._note(other, fields.get(field))
        if kind == "device":
            probes = fields.get("probes")
            for probe in probes if isinstance(probes, list | tuple) else ():
                if isinstance(probe, Mapping):
                    self._note("credential", probe.get("credential"))
            if isinstance(address := fields.get("address"), str) and "\0" not in address:
                self.addresses.add(address)

    def queries(self) -> Iterable[tuple[Kind, str, tuple[object, ...]]]:
        """Go over what is to be loaded: kind, condition, arguments."""
        for kind, ids in self.ids.items():
            yield kind, _UPWARDS.get(kind, "t.id = ANY ($1::uuid[])"), (list(ids),)
        if self.addresses:
            yield "device", "t.address = ANY ($1::text[])", (list(self.addresses),)
        for kind, ids in self.gone.items():
            for other, condition in _POINTING.get(kind, ()):
                yield other, condition, (list(ids),)

    def _note(self, kind: Kind, value: Any) -> None:
        if isinstance(value, str):
            with suppress(ValueError):
                self.ids.setdefault(kind, set()).add(UUID(value))


_REFERENCES: dict[Kind, dict[str, Kind]] = {
    "site": {"pop": "site"},
    "device": {"site": "site"},
    "link": {"a": "device", "b": "device"},
    "diagram": {"site": "site", "parent": "diagram"},
    "spot": {"diagram": "diagram"},
    "drawing": {"diagram": "diagram"},
    "photo": {"site": "site", "device": "device"},
}
_ADDRESSED = {"address", "probes"}
_UP = """t.id IN (WITH RECURSIVE up AS (
        SELECT id, {above} FROM {table} WHERE id = ANY ($1::uuid[])
        UNION SELECT o.id, o.{above} FROM {table} o JOIN up ON o.id = up.{above}
    ) SELECT id FROM up)"""
_UPWARDS: dict[Kind, str] = {
    "site": _UP.format(table="site", above="pop_id"),
    "diagram": _UP.format(table="diagram", above="parent_id"),
}
"""Of these the rules follow the way up to its end."""
_POINTING: dict[Kind, tuple[tuple[Kind, str], ...]] = {
    "site": (
        ("device", "t.site_id = ANY ($1::uuid[])"),
        ("diagram", "t.site_id = ANY ($1::uuid[])"),
        ("site", "t.pop_id = ANY ($1::uuid[])"),
        ("photo", "t.site_id = ANY ($1::uuid[])"),
    ),
    "device": (
        ("link", "t.a_id = ANY ($1::uuid[]) OR t.b_id = ANY ($1::uuid[])"),
        ("photo", "t.device_id = ANY ($1::uuid[])"),
    ),
    "diagram": (
        ("spot", "t.diagram_id = ANY ($1::uuid[])"),
        ("drawing", "t.diagram_id = ANY ($1::uuid[])"),
        ("diagram", "t.parent_id = ANY ($1::uuid[])"),
    ),
    "credential": (
        (
            "device",
            "EXISTS (SELECT FROM jsonb_array_elements(t.probes) p WHERE (p->>'credential')::uuid = ANY ($1::uuid[]))",
        ),
    ),
}
"""What may point at a thing that is deleted."""


async def _load(reads: Reads, part: Inventory, kind: Kind, where: str, *arguments: object) -> None:
    rows: dict[UUID, Entity] = part.tables[kind]
    rows.update({one.id: one for one in await things(reads, kind, where, *arguments)})


@lru_cache(KEPT)
def known(kind: Kind, values: tuple[Any, ...]) -> Known:
    """Return the thing of a row's values. Lists give the same rows again and again: what it keeps is a function of them alone."""
    columns = zip(_readers(kind), values, strict=True)
    thing = _shape(kind).from_row({name: read(value) for (name, read), value in columns})
    encoded = msgspec.json.encode(thing)
    return Known(thing, _tag(encoded), encoded)


def _tag(encoded: bytes) -> str:
    return f'"{hashlib.sha256(encoded).hexdigest()[:ETAG_CHARS]}"'


@cache
def _readers(kind: Kind) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Return the names of a kind's columns, and what makes of their values what the vocabulary knows."""
    return tuple((column.name, _reader(column)) for column in _columns(kind))


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    match column.type:
        case Place():
            return lambda value: None if value is None else decode_point(value)
        case Bends():
            return lambda value: () if value is None else decode_bends(value)
        case Plain():
            return lambda value: None if value is None else msgspec.json.decode(value)
        case Id():  # the driver's own kind of UUID is none to msgspec
            return lambda value: None if value is None else UUID(int=value.int)
        case _:
            return lambda value: value


@cache
def _columns(kind: Kind) -> tuple[Column[Any], ...]:
    return tuple(column for column in _shape(kind).table.columns if column.name != "tenant_id")


def _shape(kind: Kind) -> Shape[Any]:
    return INVENTORY[kind]


def _read(column: Column[Any], alias: str) -> str:
    if isinstance(column.type, Place | Bends):
        return f"ST_AsBinary({alias}.{column.name}) AS {column.name}"
    if isinstance(column.type, Plain):
        return f'{alias}."{column.name}"::text'
    return f'{alias}."{column.name}"'


@cache
def _insert(kind: Kind) -> str:
    columns = _columns(kind)
    names = ", ".join(f'"{column.name}"' for column in columns)
    values = ", ".join(_written(column, place) for place, column in enumerate(columns, 1))
    table = INVENTORY[kind].table.name
    return f"INSERT INTO {table} (tenant_id, {names}) VALUES (current_tenant(), {values})"


@cache
def _update(kind: Kind) -> str:
    columns = _columns(kind)
    pairs = [
        (column.name, f'"{column.name}" = {_written(column, place)}')
        for place, column in enumerate(columns, 1)
    ]
    here = next(text for name, text in pairs if name == "id")
    changed = ", ".join(text for name, text in pairs if name != "id")
    return f"UPDATE {INVENTORY[kind].table.name} SET {changed} WHERE {here}"


def _written(column: Column[Any], place: int) -> str:
    return f"${place}::text::geometry" if isinstance(column.type, Place | Bends) else f"${place}"


def _row(kind: Kind, thing: Entity) -> list[Any]:
    row = _shape(kind).to_row(thing)
    return [_value(column, row[column.name]) for column in _columns(kind)]


def _value(column: Column[Any], value: Any) -> Any:
    match column.type:
        case Plain():
            return msgspec.to_builtins(value)
        case Place():
            return None if value is None else f"SRID={SRID};POINT({value.lng!r} {value.lat!r})"
        case Bends():
            bends = ", ".join(f"({lng!r} {lat!r})" for lng, lat in value)
            return f"SRID={SRID};MULTIPOINT({bends})" if bends else None
        case _:
            return value

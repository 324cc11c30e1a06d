"""Numbers over time: a poll cycle's values packed into one row, and series read back. Counterpart: `tables.py` sample*.

Theory: a row is (source, at_us, schema) and a blob of little-endian float32. A source is a (device, vantage); a schema is a
sorted list of (metric key, instance), shared by all devices that tell the same and found by its digest. A cycle that tells
fewer values than one of its device's latest schemas (the first cycle has no rates) uses that one with holes (NaN), as long
as half of it is filled, so that schemas stay few. Both keys are integers of this database and never leave it.
One rule: what no sane device says (`is_believable`) is counted and not stored.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Container, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, func, select, update

from domain.metrics import BY_KEY, CATALOGUE, is_believable
from domain.observation import Value
from domain.text import TEXT_CAP
from engine.storage.batch import CycleRow
from engine.storage.rows import Row, insert_new
from engine.storage.tables import sample, sample_hour, sample_schema, sample_source

VALUES_CAP = 20_000
"""Most values that one cycle of one device may have."""
LATEST_SCHEMAS = 4
"""How many schemas are tried for a device before another is looked up."""
SCHEMAS_CACHED = 10_000
ORDERS_CACHED = 256
"""How many schemas are kept as they were read: an hour of a device has a few, and the next device has others."""
SERIES_SHARED = 100_000
LAYOUTS = 2
"""How many orders of a device's values are remembered: its probes may answer in another order."""
US_PER_HOUR, US_PER_DAY = 3_600_000_000, 86_400_000_000
SOURCES_WEIGHED = 32
"""How many sources are counted to know what all take."""
ROW_BYTES = 24
"""What a row takes beside its data."""
LEAST_SPAN_US = 300_000_000

_FLOAT = struct.Struct("<f")
Series = tuple[int, str]
"""(key of the metric in the catalogue, instance)."""


class Schema(NamedTuple):
    """The order of values in a blob: which place each series has, in that order."""

    key: int
    places: dict[Series, int]
    packing: struct.Struct


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class _Layout:
    """How a cycle lies in its schema: of each value in turn its metric, instance, place and range. `holes` are all empty.

    Devices that tell the same in the same order share one; when the last of them tells otherwise it is gone.
    """

    schema: Schema
    expected: list[tuple[str, str, int, float, float]]
    holes: list[float]


class _Weight(NamedTuple):
    held_bytes: float
    span_us: int


class Samples:
    """The samples of one tenant, written from one vantage. Every method is called within a transaction of the caller's."""

    def __init__(self, tenant: UUID, tenant_key: int, vantage: UUID) -> None:
        self._tenant = tenant
        self.tenant_key = tenant_key
        self._vantage = vantage
        self._sources: dict[UUID, int] = {}
        self._schemas: dict[bytes, Schema] = {}
        self._latest: dict[int, list[Schema]] = {}
        self._orders: dict[int, dict[Series, int]] = {}
        self._layouts: dict[int, list[_Layout]] = {}
        self._newest_us: dict[int, int] = {}
        self._shared: WeakValueDictionary[tuple[int, tuple[tuple[str, str], ...]], _Layout]
        self._shared = WeakValueDictionary()
        self._series: dict[Series, Series] = {}
        """Each series once: a fleet's schemas are made of the same few."""

    def forget(self) -> None:
        """Drop what is cached of the database: its keys may be gone."""
        self._sources.clear()
        self._schemas.clear()
        self._latest.clear()
        self._orders.clear()
        self._layouts.clear()
        self._newest_us.clear()
        self._shared.clear()
        self._series.clear()

    def write(self, connection: Connection, cycles: Iterable[CycleRow]) -> int:
        """Store cycles and return how many values were refused. A cycle that is there already stays as it is."""
        rows: list[Row] = []
        refused = 0
        backwards: list[Row] = []
        for cycle in cycles:
            source_key = self._source_key(connection, cycle.device)
            if cycle.at_us < self._newest_us.get(source_key, cycle.at_us + 1):
                backwards.append({"source": source_key, "hour_us": cycle.at_us - cycle.at_us % US_PER_HOUR})
            self._newest_us[source_key] = cycle.at_us
            schema, data = self._packed_as_before(source_key, cycle.values)
            if schema is None:
                values, not_believed = _believed(cycle)
                refused += not_believed
                if not values:
                    continue
                schema = self._schema(connection, source_key, values, cycle.at_us)
                data = schema.packing.pack(*[values.get(series, math.nan) for series in schema.places])
                if len(values) == len(cycle.values):
                    self._remember(source_key, schema, cycle.values)
            rows.append(
                {
                    "source_key": source_key,
                    "at_us": cycle.at_us,
                    "schema_key": schema.key,
                    "tenant_key": self.tenant_key,
                    "data": data,
                }
            )
        insert_new(connection, sample, rows)
        if backwards:  # the first of a run, or a clock that was set back: such an hour is rolled up once more
            late = and_(
                sample_source.c.key == bindparam("source"), sample_source.c.rolled_us > bindparam("hour_us")
            )
            connection.execute(
                update(sample_source).where(late).values(rolled_us=bindparam("hour_us")), backwards
            )
        return refused

    def _packed_as_before(self, source_key: int, values: tuple[Value, ...]) -> tuple[Schema | None, bytes]:
        """Return a cycle packed, if it tells what one of the latest did, in its order; (None, b"") where it does not."""
        for layout in self._layouts.get(source_key, ()):
            if len(layout.expected) != len(values):
                continue
            numbers = layout.holes.copy()
            for (name, instance, value), (expected, at, place, low, high) in zip(
                values, layout.expected, strict=True
            ):
                if name != expected or instance != at or not low <= value <= high:
                    break
                numbers[place] = value
            else:
                return layout.schema, layout.schema.packing.pack(*numbers)
        return None, b""

    def _remember(self, source_key: int, schema: Schema, values: tuple[Value, ...]) -> None:
        """Keep how a cycle lies in its schema, so that the next that is alike is only looked over."""
        expected = []
        for name, instance, _ in values:
            metric = CATALOGUE[name]
            expected.append((name, instance, schema.places[metric.key, instance], metric.low, metric.high))
        order = tuple((name, instance) for name, instance, _ in values)
        layout = self._shared.setdefault(
            (schema.key, order), _Layout(schema, expected, [math.nan] * len(schema.places))
        )
        layouts = self._layouts.setdefault(source_key, [])
        layouts.insert(0, layout)
        del layouts[LAYOUTS:]

    def latest(self, connection: Connection) -> dict[UUID, tuple[int, list[Value]]]:
        """Return the newest cycle of every device that was polled from here, in one read: when, and its values."""
        older = sample.alias()
        newest = select(func.max(older.c.at_us)).where(older.c.source_key == sample_source.c.key)
        newest_us = newest.correlate(sample_source).scalar_subquery()
        here = and_(sample.c.source_key == sample_source.c.key, sample.c.at_us == newest_us)
        columns = sample_source.c.device_id, sample.c.at_us, sample.c.schema_key, sample.c.data
        mine = self.is_mine()
        found: dict[UUID, tuple[int, list[Value]]] = {}
        for device, at_us, schema_key, data in connection.execute(
            select(*columns).select_from(sample_source).join(sample, here).where(mine)
        ):
            values = self.values_of(connection, schema_key, data)
            if values is not None:
                found.setdefault(device, (at_us, []))[1].extend(values)
        return found

    def values_of(self, connection: Connection, schema_key: int, data: bytes) -> list[Value] | None:
        """Return the numbers of a cycle; None where its schema is gone."""
        order = self.series_in(connection, schema_key)
        if len(data) != _FLOAT.size * len(order):
            return None
        numbers = struct.unpack(f"<{len(order)}f", data)
        return [
            (BY_KEY[metric].name, instance, number)
            for (metric, instance), number in zip(order, numbers, strict=True)
            if not math.isnan(number) and metric in BY_KEY
        ]

    def source_of(self, connection: Connection, device: UUID) -> tuple[int, int] | None:
        """Return the key of a device as it is polled from here, and up to when it is rolled up; None where it never was."""
        columns = sample_source.c.key, sample_source.c.rolled_us
        found = connection.execute(
            select(*columns).where(*_here(sample_source, self._source(device)))
        ).first()
        return None if found is None else (found.key, found.rolled_us)

    def rolled(self, connection: Connection, before_us: int, limit: int) -> dict[int, int]:
        """Return some sources that are rolled up to less than `before_us`, the furthest behind first, and up to when."""
        columns = sample_source.c.key, sample_source.c.rolled_us
        behind = and_(sample_source.c.tenant_id == self._tenant, sample_source.c.rolled_us < before_us)
        query = select(*columns).where(behind).order_by(sample_source.c.rolled_us).limit(limit)
        query = query.with_for_update(
            skip_locked=True
        )  # a server's: what comes late waits, another worker takes the next
        return dict(connection.execute(query).all())

    def count_behind(self, connection: Connection, before_us: int) -> int:
        """Return how many sources are rolled up to less than `before_us`."""
        behind = and_(sample_source.c.tenant_id == self._tenant, sample_source.c.rolled_us < before_us)
        return int(
            connection.execute(select(func.count()).select_from(sample_source).where(behind)).scalar_one()
        )

    def series_in(self, connection: Connection, schema_key: int) -> list[Series]:
        """Return the series of a schema in their order."""
        if schema_key not in self._orders:
            here = sample_schema.c.key == schema_key
            found = connection.execute(select(sample_schema.c.series).where(here)).scalar() or []
            if len(self._orders) >= ORDERS_CACHED:
                del self._orders[next(iter(self._orders))]
            self._orders[schema_key] = self._places_of((key, instance) for key, instance in found)
        return list(self._orders[schema_key])

    def place_in(self, connection: Connection, schema_key: int, wanted: Series) -> int | None:
        """Return the place of a series in a schema, None where it has none."""
        self.series_in(connection, schema_key)
        return self._orders[schema_key].get(wanted)

    def is_mine(self) -> ColumnElement[bool]:
        """Return what holds of sources that were polled from here."""
        return and_(sample_source.c.tenant_id == self._tenant, sample_source.c.vantage == self._vantage)

    def sources(self, connection: Connection) -> dict[int, UUID]:
        """Return the device of every source, whoever polled it."""
        columns = sample_source.c.key, sample_source.c.device_id
        mine = sample_source.c.tenant_id == self._tenant
        return dict(connection.execute(select(*columns).where(mine)).all())

    def span_us(self, connection: Connection, sources: Iterable[int]) -> tuple[int, int] | None:
        """Return when the oldest and the newest sample of these sources were taken, None without any."""
        ends: list[int] = []
        for end in (func.min(sample.c.at_us), func.max(sample.c.at_us)):
            query = select(end).where(sample.c.source_key == bindparam("source"))
            found = (connection.execute(query, {"source": key}).scalar_one() for key in sources)
            ends += [at for at in found if at is not None]
        return (min(ends), max(ends)) if ends else None

    def held_bytes(self, connection: Connection, sources: list[int]) -> int:
        """Return about how much the samples of these sources take."""
        return int(sum(weight.held_bytes for weight in self._weighed(connection, sources)))

    def bytes_per_day(self, connection: Connection) -> float:
        """Return about how much comes in a day, judged by what is held; 0 while there is too little to tell."""
        weights = self._weighed(connection, list(self.sources(connection)))
        return sum(w.held_bytes / w.span_us * US_PER_DAY for w in weights if w.span_us >= LEAST_SPAN_US)

    def _weighed(self, connection: Connection, sources: list[int]) -> list[_Weight]:
        """Count the samples of some sources, each for as many as it stands for."""
        some = sources[:: max(1, len(sources) // SOURCES_WEIGHED)]
        size = func.sum(func.length(sample.c.data) + ROW_BYTES)
        columns = func.coalesce(size, 0), func.min(sample.c.at_us), func.max(sample.c.at_us)
        query = select(*columns).where(sample.c.source_key == bindparam("source"))
        each = len(sources) / max(len(some), 1)
        found = [connection.execute(query, {"source": key}).one() for key in some]
        return [_Weight(held * each, (last or 0) - (first or 0)) for held, first, last in found]

    def drop_before(self, connection: Connection, sources: Iterable[int], before_us: int) -> None:
        """Delete older samples of these sources; by source, because that is how they lie on the disk."""
        here = and_(sample.c.source_key == bindparam("source"), sample.c.at_us < before_us)
        if keys := [{"source": key} for key in sources]:
            connection.execute(delete(sample).where(here), keys)

    def drop_unused(
        self, connection: Connection, devices: Container[UUID], now_us: int, before_us: int
    ) -> None:
        """Delete what no sample needs: sources without samples whose device is gone, schemas last used before `before_us`."""
        keys = {schema.key for schema in self._schemas.values()}
        keys |= {schema.key for latest in self._latest.values() for schema in latest}
        keys |= {layout.schema.key for layouts in self._layouts.values() for layout in layouts}
        if in_use := [{"used": key} for key in keys]:
            here = sample_schema.c.key == bindparam("used")
            connection.execute(update(sample_schema).where(here).values(used_us=now_us), in_use)
        mine = sample_schema.c.tenant_id == self._tenant
        connection.execute(delete(sample_schema).where(mine, sample_schema.c.used_us < before_us))
        gone = [key for key, device in self.sources(connection).items() if device not in devices]
        hours = select(sample_hour.c.hour_us).where(sample_hour.c.source_key == bindparam("source")).limit(1)
        gone = [key for key in gone if connection.execute(hours, {"source": key}).first() is None]
        if empty := [{"source": key} for key in gone if self.span_us(connection, [key]) is None]:
            here = sample_source.c.key == bindparam("source")
            connection.execute(delete(sample_source).where(here), empty)
        self.forget()

    def _source(self, device: UUID) -> Row:
        return {"tenant_id": self._tenant, "device_id": device, "vantage": self._vantage}

    def _source_key(self, connection: Connection, device: UUID) -> int:
        if device not in self._sources:
            self._sources[device] = _key_of(connection, sample_source, self._source(device))
        return self._sources[device]

    def _schema(
        self, connection: Connection, source_key: int, values: dict[Series, float], at_us: int
    ) -> Schema:
        latest = self._latest.setdefault(source_key, [])
        for schema in latest:
            if len(schema.places) <= 2 * len(values) and values.keys() <= schema.places.keys():
                return schema
        schema = self.schema_of(connection, sorted(values), at_us)
        latest.insert(0, schema)
        del latest[LATEST_SCHEMAS:]
        return schema

    def schema_of(self, connection: Connection, series: list[Series], at_us: int) -> Schema:
        """Return the schema of a sorted list of series, made where there is none."""
        digest = blake2b(msgspec.json.encode(series), digest_size=16).digest()
        if digest not in self._schemas:
            if len(self._schemas) >= SCHEMAS_CACHED:
                del self._schemas[next(iter(self._schemas))]
            row = {"tenant_id": self._tenant, "digest": digest}
            key = _key_of(connection, sample_schema, row, {"series": series, "used_us": at_us})
            used = and_(sample_schema.c.key == key, sample_schema.c.used_us < at_us)
            connection.execute(update(sample_schema).where(used).values(used_us=at_us))
            self._schemas[digest] = Schema(key, self._places_of(series), struct.Struct(f"<{len(series)}f"))
        return self._schemas[digest]

    def _places_of(self, series: Iterable[Series]) -> dict[Series, int]:
        if len(self._series) > SERIES_SHARED:
            self._series.clear()
        return {self._series.setdefault(each, each): place for place, each in enumerate(series)}


def _believed(cycle: CycleRow) -> tuple[dict[Series, float], int]:
    """Return the values to store, and how many are not: unknown metric, out of its range, not finite, over the cap."""
    values: dict[Series, float] = {}
    refused = max(0, len(cycle.values) - VALUES_CAP)
    for name, instance, value in cycle.values[:VALUES_CAP]:
        if is_believable(name, value) and len(instance) <= TEXT_CAP:
            values[(CATALOGUE[name].key, instance)] = value
        else:
            refused += 1
    return values, refused


def _here(table: Table, row: Row) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in row.items()]


def _key_where(connection: Connection, table: Table, row: Row) -> int | None:
    key: int | None = connection.execute(select(table.c.key).where(*_here(table, row))).scalar()
    return key


def _key_of(connection: Connection, table: Table, row: Row, rest: Row | None = None) -> int:
    """Return the integer key of a row that is made where it is missing."""
    insert_new(connection, table, [{**row, **(rest or {})}])
    key = _key_where(connection, table, row)
    assert key is not None, f"{table.name} has no row that was just written"
    return key

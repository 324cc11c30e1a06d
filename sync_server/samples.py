"""Numbers over time on a server: packed cycles written for a tenant, series and latest values read back. Counterpart:
`engine/storage/samples.py`, the same rows on a laptop; `ingest.py`, which brings cycles together.

Theory: a poller packs a cycle as its own storage does and tells the series once for many cycles. What is unknown of them (a
device's source, a schema) is made in a transaction of its own; the rows then go in with one statement, which takes none but
the tenant's own sources. There is no table of latest values: the newest row of a source is the first of its newest partition.
One rule: a row that is there already stays as it is, so whatever is not acknowledged may be sent again.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from hashlib import blake2b
from operator import le
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from domain.metrics import BY_KEY
from domain.observation import Value
from domain.text import TEXT_CAP
from engine.storage.hours import HOUR_US, LATE_US, floor_hour
from engine.storage.samples import ROW_BYTES, SCHEMAS_CACHED, US_PER_DAY, VALUES_CAP, Series
from sync_server.database import Database, Reads, Work
from sync_server.usage import Usage, Used

AHEAD_US = 2 * HOUR_US
"""How far a poller's clock may be ahead of ours: an hour is what a clock is off by when somebody set it to the wrong zone."""
TENANTS_CACHED = 1_000
FLOAT_BYTES = 4
LATEST_US = 2 * US_PER_DAY
"""What is older is nobody's latest value."""
BESIDE_US = 15 * 60_000_000
"""A source that is quieter than another of its device by more than this has nothing to say of now."""


class Cycle(NamedTuple):
    """One device's numbers of one poll: little-endian float32 in the order of a schema, NaN where there is none."""

    vantage: UUID
    device: UUID
    at_us: int
    schema: bytes
    data: bytes


class Written(NamedTuple):
    """What became of cycles: rows on disk that were not there before, rows not taken, values made NaN as nobody believes them."""

    rows: int
    refused: int
    unbelieved: int


class Sifted(NamedTuple):
    """Cycles that can be stored, how many others there were, and how many values were made NaN."""

    cycles: list[Cycle]
    refused: int
    unbelieved: int


class Caps(NamedTuple):
    """How much of a tenant's is kept apart: what a hostile or broken poller may make up."""

    sources: int
    schemas: int


CAPS = Caps(sources=200_000, schemas=20_000)
Newest: TypeAlias = dict[UUID, tuple[int, list[Value]]]
"""The newest values of devices, and when each of these was heard last."""


class SchemaRefused(ValueError):
    """A list of series is none: unknown metrics, not sorted, too long."""


class _Forgotten(Exception):
    """A source or schema that was known here is not there any more."""


class _Layout(NamedTuple):
    series: tuple[Series, ...]
    packing: struct.Struct
    lows: tuple[float, ...]
    highs: tuple[float, ...]


class Samples:
    """Writes and reads the samples of all tenants. One a server, shared by all who ingest."""

    def __init__(
        self, database: Database, raw_days: int, caps: Caps = CAPS, usage: Usage | None = None
    ) -> None:
        self._database = database
        self._usage = usage
        self._raw_us = raw_days * US_PER_DAY
        self._caps = caps
        self._layouts: dict[bytes, _Layout] = {}
        self._sources: dict[UUID, dict[tuple[UUID, UUID], int]] = {}
        self._schemas: dict[UUID, dict[bytes, int]] = {}
        self._known_day = 0
        """Schemas are looked up again each day, which says that they are used: `upkeep.py` deletes those that are not."""
        self._orders: dict[int, dict[Series, int]] = {}

    def learn(self, series: Sequence[Series]) -> bytes:
        """Return the digest by which cycles name a list of series, sorted and each once. Raises SchemaRefused."""
        digest = blake2b(msgspec.json.encode(series), digest_size=16).digest()
        if digest not in self._layouts:
            ordered = tuple((int(key), str(instance)) for key, instance in series)
            if not 0 < len(ordered) <= VALUES_CAP or list(ordered) != sorted(set(ordered)):
                raise SchemaRefused(f"1 to {VALUES_CAP} series, sorted and each once, expected")
            for key, instance in ordered:
                if key not in BY_KEY or len(instance) > TEXT_CAP:
                    raise SchemaRefused(f"a metric of the catalogue expected, got {key} of {instance[:80]!r}")
            _make_room(self._layouts, SCHEMAS_CACHED)
            metrics = [BY_KEY[key] for key, _ in ordered]
            lows, highs = tuple(m.low for m in metrics), tuple(m.high for m in metrics)
            self._layouts[digest] = _Layout(ordered, struct.Struct(f"<{len(ordered)}f"), lows, highs)
        return digest

    def sift(self, cycles: Sequence[Cycle], now_us: int) -> Sifted:
        """Return those cycles that can be stored: of a known schema, whole, of days that are kept, with believable values."""
        first_us = (now_us - self._raw_us) // US_PER_DAY * US_PER_DAY
        taken: list[Cycle] = []
        unbelieved = 0
        for cycle in cycles:
            layout = self._layouts.get(cycle.schema)
            is_whole = layout is not None and len(cycle.data) == layout.packing.size
            if layout is None or not is_whole or not first_us <= cycle.at_us <= now_us + AHEAD_US:
                continue
            data, wrong = _believed(layout, cycle.data)
            unbelieved += wrong
            taken.append(cycle._replace(data=data) if wrong else cycle)
        return Sifted(taken, len(cycles) - len(taken), unbelieved)

    async def write(self, tenant: UUID, cycles: Sequence[Cycle], now_us: int) -> Written:
        """Sift and store a tenant's cycles, on disk when it returns. Raises as `store` does."""
        sifted = self.sift(cycles, now_us)
        rows, beyond = await self.store(tenant, sifted.cycles, now_us) if sifted.cycles else (0, [])
        return Written(rows, sifted.refused + len(beyond), sifted.unbelieved)

    async def store(self, tenant: UUID, cycles: Sequence[Cycle], now_us: int) -> tuple[int, list[int]]:
        """Store cycles that were sifted; return how many rows are new, and the positions of cycles beyond the tenant's caps.

        Raises OSError, asyncpg.PostgresError, DatabaseBusy: then nothing is stored.
        """
        try:
            return await self._store(tenant, cycles, now_us)
        except _Forgotten:
            self._sources.pop(tenant, None)
            self._schemas.pop(tenant, None)
            return await self._store(tenant, cycles, now_us)

    async def _store(self, tenant: UUID, cycles: Sequence[Cycle], now_us: int) -> tuple[int, list[int]]:
        source_of, schema_of = await self._know(tenant, cycles, now_us)
        over_us = floor_hour(now_us - LATE_US)
        late: dict[int, int] = {}
        beyond: list[int] = []
        sources, times, schemas, blobs = [], [], [], []
        for position, (vantage, device, at_us, digest, data) in enumerate(cycles):
            source, schema = source_of.get((vantage, device)), schema_of.get(digest)
            if source is None or schema is None:
                beyond.append(position)
                continue
            sources.append(source)
            times.append(at_us)
            schemas.append(schema)
            blobs.append(data)
            if at_us < over_us:
                late[source] = min(late.get(source, over_us), floor_hour(at_us))
        if not sources:
            return 0, beyond
        own = list(set(sources)), list(set(schemas))
        async with self._database.transaction(Work(tenant)) as transaction:
            stored = await transaction.fetchrow(_INSERT, sources, times, schemas, blobs, *own, min(times))
            assert stored is not None, "an INSERT counted nothing"
            rows, *known, rolled = stored
            if known != [len(keys) for keys in own]:
                raise _Forgotten
            rolled_of = dict(rolled or ())
            for source, at_us in zip(sources, times, strict=True) if rolled_of else ():
                if at_us < rolled_of.get(source, 0):
                    late[source] = min(late.get(source, at_us), floor_hour(at_us))
            if late:  # their hours may have been made already
                keys = sorted(late)
                await transaction.execute(
                    "SELECT FROM sample_source WHERE key = ANY($1) ORDER BY key FOR UPDATE", keys
                )
                await transaction.execute(_ROLL_AGAIN, keys, [late[key] for key in keys])
        if self._usage is not None:
            size_bytes = sum(map(len, blobs)) * rows // len(blobs)  # of those that were not there yet
            self._usage.add(tenant, Used(0, rows, size_bytes // FLOAT_BYTES, size_bytes + rows * ROW_BYTES))
        return rows, beyond

    async def latest(self, reads: Reads, devices: Sequence[UUID] | UUID, now_us: int) -> Newest:
        """Return the newest values of each device that has some of the last two days, and when the newest cycle was.

        `devices`: some that the asker was shown; or one, of which it is only told if he would be.
        A device that is polled and pushes too has sources side by side: of those that tell at the same time each tells its own,
        and of what several tell the newest counts.
        """
        found: dict[UUID, tuple[int, dict[Series, float]]] = {}
        statement = _LATEST_OF_ONE if isinstance(devices, UUID) else _LATEST
        for device, at_us, schema_key, data in await reads.fetch(statement, devices, now_us - LATEST_US):
            newest_us, values = found.setdefault(device, (at_us, {}))
            order = await self.order_of(reads, schema_key)
            if len(data) == 4 * len(order) and newest_us - at_us <= BESIDE_US:
                numbers = struct.unpack(f"<{len(order)}f", data)
                told = zip(order, numbers, strict=True)
                values.update(
                    {s: v for s, v in told if s not in values and not math.isnan(v) and s[0] in BY_KEY}
                )
        return {
            device: (
                at_us,
                [(BY_KEY[key].name, instance, value) for (key, instance), value in values.items()],
            )
            for device, (at_us, values) in found.items()
        }

    async def order_of(self, reads: Reads, schema_key: int) -> dict[Series, int]:
        """Return the place of each series in a schema of the asker's tenant; none where it has no such schema."""
        if schema_key not in self._orders:
            rows = await reads.fetch("SELECT series FROM sample_schema WHERE key = $1", schema_key)
            if not rows:
                return {}
            series = rows[0]["series"]
            _make_room(self._orders, SCHEMAS_CACHED)
            self._orders[schema_key] = {(key, name): place for place, (key, name) in enumerate(series)}
        return self._orders[schema_key]

    async def _know(
        self, tenant: UUID, cycles: Sequence[Cycle], now_us: int
    ) -> tuple[dict[tuple[UUID, UUID], int], dict[bytes, int]]:
        """Return the keys of all sources and schemas but those beyond the caps; new ones are made and committed first."""
        if self._known_day != (day := now_us // US_PER_DAY):
            self._known_day = day
            self._schemas.clear()
        own_sources = self._sources.get(tenant, {})
        own_schemas = self._schemas.get(tenant, {})
        sources = list({(c.vantage, c.device) for c in cycles}.difference(own_sources))
        digests = list({c.schema for c in cycles}.difference(own_schemas))
        if sources or digests:
            vantages, devices = [vantage for vantage, _ in sources], [device for _, device in sources]
            lists = [self._layouts[digest].series for digest in digests]
            async with self._database.transaction(Work(tenant)) as transaction:
                await transaction.execute(_NEW_SOURCES, devices, vantages, self._caps.sources)
                await transaction.execute(_NEW_SCHEMAS, digests, lists, now_us, self._caps.schemas)
                found_sources = await transaction.fetch(_SOURCES, devices, vantages)
                found_schemas = await transaction.fetch(_SCHEMAS, digests)
            _make_room(self._sources, TENANTS_CACHED)
            _make_room(self._schemas, TENANTS_CACHED)
            own_sources = own_sources | {(vantage, device): key for key, device, vantage in found_sources}
            own_schemas = own_schemas | {digest: key for key, digest in found_schemas}
            self._sources.setdefault(tenant, {}).update(own_sources)
            self._schemas.setdefault(tenant, {}).update(own_schemas)
        return own_sources, own_schemas


_INSERT = """
    WITH source AS MATERIALIZED (SELECT key, rolled_us FROM sample_source WHERE key = ANY ($5::integer[])),
    stored AS (
        INSERT INTO sample (source_key, at_us, schema_key, tenant_key, data)
        SELECT u.source_key, u.at_us, u.schema_key, (SELECT current_tenant_key()), u.data
        FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bytea[]) AS u (source_key, at_us, schema_key, data)
        WHERE u.source_key IN (SELECT key FROM source)
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM source),
        (SELECT count(*) FROM sample_schema WHERE key = ANY ($6::integer[])),
        (SELECT array_agg(ARRAY[key, rolled_us]) FROM source WHERE rolled_us > $7)
"""
"""Sources whose hours reach beyond the first of these rows are told, too: a clock that was ahead has made hours before they were
over."""
_ROLL_AGAIN = """
    UPDATE sample_source SET rolled_us = least(rolled_us, late.hour_us)
    FROM unnest($1::integer[], $2::bigint[]) AS late (key, hour_us) WHERE sample_source.key = late.key
"""
_NEW_SOURCES = """
    INSERT INTO sample_source (tenant_id, device_id, vantage)
    SELECT current_tenant(), u.device_id, u.vantage FROM unnest($1::uuid[], $2::uuid[]) AS u (device_id, vantage)
    WHERE NOT EXISTS (SELECT FROM sample_source s WHERE (s.device_id, s.vantage) = (u.device_id, u.vantage))
    ORDER BY 2, 3 LIMIT greatest(0, $3::bigint - (SELECT count(*) FROM sample_source)) ON CONFLICT DO NOTHING
"""
_NEW_SCHEMAS = """
    WITH known AS (
        UPDATE sample_schema SET used_us = $3 WHERE key IN (
            SELECT key FROM sample_schema WHERE digest = ANY ($1::bytea[]) ORDER BY key FOR UPDATE
        ) RETURNING digest
    )
    INSERT INTO sample_schema (tenant_id, digest, series, used_us)
    SELECT current_tenant(), u.digest, u.series, $3 FROM unnest($1::bytea[], $2::jsonb[]) AS u (digest, series)
    WHERE u.digest NOT IN (SELECT digest FROM known)
    ORDER BY 2 LIMIT greatest(0, $4::bigint - (SELECT count(*) FROM sample_schema)) ON CONFLICT DO NOTHING
"""
_SOURCES = """
    SELECT s.key, s.device_id, s.vantage FROM sample_source s
    JOIN unnest($1::uuid[], $2::uuid[]) AS u (device_id, vantage) USING (device_id, vantage)
"""
_SCHEMAS = "SELECT key, digest FROM sample_schema WHERE digest = ANY ($1::bytea[])"
_LATEST = "SELECT device_id, at_us, schema_key, data FROM newest_samples($1::uuid[], $2)"
_LATEST_OF_ONE = _LATEST.replace("$1::uuid[]", "ARRAY(SELECT id FROM device WHERE id = $1::uuid)")
"""With `= ANY` PostgreSQL would plan it anew for each device: a list of one seems to cost less than one of any length."""


def _believed(layout: _Layout, data: bytes) -> tuple[bytes, int]:
    """Return packed values with NaN for those out of their metric's range, and how many those were."""
    values = layout.packing.unpack(data)
    if all(map(le, layout.lows, values)) and all(
        map(le, values, layout.highs)
    ):  # the quick way, for most of them
        return data, 0
    triples = zip(layout.lows, values, layout.highs, strict=True)
    kept = [value if low <= value <= high else math.nan for low, value, high in triples]
    wrong = sum(map(math.isnan, kept)) - sum(map(math.isnan, values))
    return (layout.packing.pack(*kept), wrong) if wrong else (data, 0)


def _make_room(cache: dict[Any, Any], cap: int) -> None:
    if len(cache) >= cap:
        cache.clear()

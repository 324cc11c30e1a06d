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
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.metrics import BY_KEY
from domain.observation import Value
from domain.text import TEXT_CAP
from engine.storage.hours import HOUR_US, LATE_US, floor_hour
from engine.storage.samples import SCHEMAS_CACHED, US_PER_DAY, VALUES_CAP, Series
from sync_server.database import Database, Transaction, Work

AHEAD_US = HOUR_US
"""How far a poller's clock may be ahead of ours."""
CACHE_CAP = 200_000
LATEST_US = 2 * US_PER_DAY
"""What is older is nobody's latest value."""


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


class SchemaRefused(ValueError):
    """A list of series is none: unknown metrics, not sorted, too long."""


class _Layout(NamedTuple):
    series: tuple[Series, ...]
    packing: struct.Struct
    ranges: tuple[tuple[float, float], ...]


class Samples:
    """Writes and reads the samples of all tenants. One a server, shared by all who ingest."""

    def __init__(self, database: Database, raw_days: int) -> None:
        self._database = database
        self._raw_us = raw_days * US_PER_DAY
        self._layouts: dict[bytes, _Layout] = {}
        self._sources: dict[tuple[UUID, UUID, UUID], int] = {}
        self._schemas: dict[tuple[UUID, bytes], int] = {}
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
            ranges = tuple((BY_KEY[key].low, BY_KEY[key].high) for key, _ in ordered)
            self._layouts[digest] = _Layout(ordered, struct.Struct(f"<{len(ordered)}f"), ranges)
        return digest

    async def write(self, tenant: UUID, cycles: Sequence[Cycle], now_us: int) -> Written:
        """Store a tenant's cycles, on disk when it returns. Raises OSError, asyncpg.PostgresError, DatabaseBusy."""
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
        if not taken:
            return Written(0, len(cycles), unbelieved)
        await self._know(tenant, taken, now_us)
        over_us = floor_hour(now_us - LATE_US)
        late: dict[int, int] = {}
        sources, times, schemas, blobs = [], [], [], []
        for cycle in taken:
            source = self._sources[tenant, cycle.vantage, cycle.device]
            sources.append(source)
            times.append(cycle.at_us)
            schemas.append(self._schemas[tenant, cycle.schema])
            blobs.append(cycle.data)
            if cycle.at_us < over_us:
                late[source] = min(late.get(source, over_us), floor_hour(cycle.at_us))
        async with self._database.transaction(Work(tenant)) as transaction:
            status = await transaction.execute(_INSERT, sources, times, schemas, blobs)
            if late:  # their hours may have been made already
                keys = sorted(late)
                await transaction.execute(
                    "SELECT FROM sample_source WHERE key = ANY($1) ORDER BY key FOR UPDATE", keys
                )
                await transaction.execute(_ROLL_AGAIN, keys, [late[key] for key in keys])
        return Written(int(status.rsplit(" ", 1)[1]), len(cycles) - len(taken), unbelieved)

    async def latest(
        self, transaction: Transaction, devices: Sequence[UUID], now_us: int
    ) -> dict[UUID, tuple[int, list[Value]]]:
        """Return the newest cycle of each device that has one of the last two days: when, and its values."""
        found: dict[UUID, tuple[int, list[Value]]] = {}
        for device, at_us, schema_key, data in await transaction.fetch(_LATEST, devices, now_us - LATEST_US):
            if device in found and found[device][0] >= at_us:
                continue
            order = await self.order_of(transaction, schema_key)
            if len(data) == 4 * len(order):
                numbers = struct.unpack(f"<{len(order)}f", data)
                found[device] = (
                    at_us,
                    [
                        (BY_KEY[metric].name, instance, number)
                        for (metric, instance), number in zip(order, numbers, strict=True)
                        if not math.isnan(number) and metric in BY_KEY
                    ],
                )
        return found

    async def order_of(self, transaction: Transaction, schema_key: int) -> dict[Series, int]:
        """Return the place of each series in a schema of the transaction's tenant; none where it has no such schema."""
        if schema_key not in self._orders:
            series = await transaction.fetchval("SELECT series FROM sample_schema WHERE key = $1", schema_key)
            if series is None:
                return {}
            _make_room(self._orders, SCHEMAS_CACHED)
            self._orders[schema_key] = {(key, name): place for place, (key, name) in enumerate(series)}
        return self._orders[schema_key]

    async def _know(self, tenant: UUID, cycles: Sequence[Cycle], now_us: int) -> None:
        """Have a key for every source and schema; what is new is made and committed before it is kept here."""
        sources = {
            (c.vantage, c.device) for c in cycles if (tenant, c.vantage, c.device) not in self._sources
        }
        schemas = {c.schema for c in cycles if (tenant, c.schema) not in self._schemas}
        if not sources and not schemas:
            return
        _make_room(self._sources)
        _make_room(self._schemas)
        vantages, devices = [vantage for vantage, _ in sources], [device for _, device in sources]
        digests = list(schemas)
        lists = [self._layouts[digest].series for digest in digests]
        async with self._database.transaction(Work(tenant)) as transaction:
            await transaction.execute(_NEW_SOURCES, devices, vantages)
            await transaction.execute(_NEW_SCHEMAS, digests, lists, now_us)
            known_sources = await transaction.fetch(_SOURCES, devices, vantages)
            known_schemas = await transaction.fetch(_SCHEMAS, digests)
        self._sources.update({(tenant, vantage, device): key for key, device, vantage in known_sources})
        self._schemas.update({(tenant, digest): key for key, digest in known_schemas})
        await self._know(tenant, cycles, now_us)  # another may have emptied what was known meanwhile


_INSERT = """
    INSERT INTO sample (source_key, at_us, schema_key, tenant_key, data)
    SELECT u.source_key, u.at_us, u.schema_key, (SELECT current_tenant_key()), u.data
    FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bytea[]) AS u (source_key, at_us, schema_key, data)
    WHERE u.source_key IN (SELECT key FROM sample_source WHERE key = ANY ($1::integer[]))
    ON CONFLICT DO NOTHING
"""
_ROLL_AGAIN = """
    UPDATE sample_source SET rolled_us = least(rolled_us, late.hour_us)
    FROM unnest($1::integer[], $2::bigint[]) AS late (key, hour_us) WHERE sample_source.key = late.key
"""
_NEW_SOURCES = """
    INSERT INTO sample_source (tenant_id, device_id, vantage)
    SELECT current_tenant(), u.device_id, u.vantage FROM unnest($1::uuid[], $2::uuid[]) AS u (device_id, vantage)
    WHERE NOT EXISTS (SELECT FROM sample_source s WHERE (s.device_id, s.vantage) = (u.device_id, u.vantage))
    ORDER BY 2, 3 ON CONFLICT DO NOTHING
"""
_NEW_SCHEMAS = """
    INSERT INTO sample_schema (tenant_id, digest, series, used_us)
    SELECT current_tenant(), u.digest, u.series, $3 FROM unnest($1::bytea[], $2::jsonb[]) AS u (digest, series)
    ORDER BY 2 ON CONFLICT (tenant_id, digest) DO UPDATE SET used_us = excluded.used_us
"""
_SOURCES = """
    SELECT s.key, s.device_id, s.vantage FROM sample_source s
    JOIN unnest($1::uuid[], $2::uuid[]) AS u (device_id, vantage) USING (device_id, vantage)
"""
_SCHEMAS = "SELECT key, digest FROM sample_schema WHERE digest = ANY ($1::bytea[])"
_LATEST = """
    SELECT s.device_id, newest.at_us, newest.schema_key, newest.data FROM sample_source s
    CROSS JOIN LATERAL (
        SELECT at_us, schema_key, data FROM sample WHERE source_key = s.key AND at_us > $2 ORDER BY at_us DESC LIMIT 1
    ) AS newest
    WHERE s.device_id = ANY ($1::uuid[])
"""


def _believed(layout: _Layout, data: bytes) -> tuple[bytes, int]:
    """Return packed values with NaN for those out of their metric's range, and how many those were."""
    values = layout.packing.unpack(data)
    for value, (low, high) in zip(values, layout.ranges, strict=True):
        if not low <= value <= high and not math.isnan(value):
            break
    else:
        return data, 0
    kept = [v if low <= v <= high else math.nan for v, (low, high) in zip(values, layout.ranges, strict=True)]
    return layout.packing.pack(*kept), sum(map(math.isnan, kept)) - sum(map(math.isnan, values))


def _make_room(cache: dict[Any, Any], cap: int = CACHE_CAP) -> None:
    if len(cache) >= cap:
        cache.clear()

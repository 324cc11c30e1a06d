"""A range of one series for a chart: the rows of `samples.py` and their hours as one, in few points, spikes kept.

Counterpart: `engine/storage/series.py`, the same on a laptop, whose merging this uses. PostgreSQL cuts the one value out of each
row and joins them, so that a day of a device is one row of the answer and not thousands.
One rule: whatever is merged keeps its lowest and its highest value.
"""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from bisect import bisect_left
from math import isnan
from operator import gt, ne
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from domain.errors import Refusal, RefusedByRule
from domain.metrics import CATALOGUE
from engine.storage.hours import HOUR_US, floor_hour, hour_in
from engine.storage.samples import US_PER_DAY, Series
from engine.storage.series import FEWEST_POINTS, Point, Points, merged
from sync_server.database import Transaction
from sync_server.samples import Samples

POINTS_CAP = 500
HOURS_AT_ONCE = 500
HOURS_CAP = 500_000
"""Most hours that one chart is made of: those of eleven years from five vantages."""
TOO_LONG = "that is too much for one chart: ask for a shorter time"


class Wanted(NamedTuple):
    """A series of a device, and from when to when, both ends included."""

    device: UUID
    metric: str
    instance: str
    from_us: int
    to_us: int


class Charts:
    """Reads series within a transaction of the caller's, of its tenant."""

    def __init__(self, samples: Samples, raw_days: int) -> None:
        self._samples = samples
        self._raw_us = raw_days * US_PER_DAY

    async def points(self, transaction: Transaction, wanted: Wanted, points: int = POINTS_CAP) -> Points:
        """Return one series in at most `points` (2 to 500), from whatever vantage it was seen."""
        found_sources = await transaction.fetch(_SOURCES, wanted.device)
        if not found_sources or wanted.metric not in CATALOGUE or wanted.to_us < wanted.from_us:
            return Points()
        points = min(max(points, FEWEST_POINTS), POINTS_CAP)
        sources = [row["key"] for row in found_sources]
        rolled_us = min(row["rolled_us"] for row in found_sources)
        series = CATALOGUE[wanted.metric].key, wanted.instance
        meet_us = self._meet_us(wanted, rolled_us, points)
        span = max(wanted.from_us, meet_us), wanted.to_us
        times_us, numbers = await self._raw(transaction, sources, series, span)
        if wanted.from_us >= meet_us:
            return folded(times_us, numbers, wanted.from_us, wanted.to_us, points)
        until_us = min(meet_us, wanted.to_us + 1)
        found = await self._hours(transaction, sources, series, (wanted.from_us, until_us))
        found += [(at_us, v, v, v, 1) for at_us, v in zip(times_us, numbers, strict=True)]
        found.sort()
        return merged(found, wanted.from_us, wanted.to_us, points)

    def _meet_us(self, wanted: Wanted, rolled_us: int, points: int) -> int:
        """Return where hours end and raw rows begin: hours where there is nothing else, or where a point is wider than one."""
        kept_us = (time.time_ns() // 1000 - self._raw_us) // US_PER_DAY * US_PER_DAY
        is_wide = wanted.to_us - wanted.from_us >= points * HOUR_US
        return rolled_us if is_wide else min(rolled_us, kept_us)

    async def _raw(
        self, transaction: Transaction, sources: list[int], series: Series, span: tuple[int, int]
    ) -> tuple[list[int], list[float]]:
        """Return times and values, sorted by time, without those that are no number."""
        if span[0] > span[1]:
            return [], []
        places = {}
        for (schema_key,) in await transaction.fetch(_SCHEMAS_IN, sources, *span):
            order = await self._samples.order_of(transaction, schema_key)
            if series in order:
                places[schema_key] = order[series]
        offsets = [4 * place + 1 for place in places.values()]
        row = await transaction.fetchrow(_RAW, sources, *span, list(places), offsets)
        if row is None:
            return [], []
        times_us, numbers = row[0], list(struct.unpack(f"<{len(row[0])}f", row[1]))
        if any(map(ne, numbers, numbers)) or any(map(gt, times_us, times_us[1:])):
            pairs = sorted(p for p in zip(times_us, numbers, strict=True) if not isnan(p[1]))
            return [at_us for at_us, _ in pairs], [v for _, v in pairs]
        return times_us, numbers

    async def _hours(
        self, transaction: Transaction, sources: list[int], series: Series, span: tuple[int, int]
    ) -> list[Point]:
        found: list[Point] = []
        cursor = await transaction.cursor(_HOURS, sources, floor_hour(span[0]), span[1])
        while rows := await cursor.fetch(HOURS_AT_ONCE):
            keys = {row["schema_key"] for row in rows}
            orders = {key: await self._samples.order_of(transaction, key) for key in keys}
            places = {key: order[series] for key, order in orders.items() if series in order}
            found += await asyncio.to_thread(_points_of, rows, places, span[0])
            if len(found) > HOURS_CAP:
                raise RefusedByRule([Refusal("INVALID_INPUT", TOO_LONG, "from_us")])
        return found


def _points_of(rows: list[Record], places: dict[int, int], from_us: int) -> list[Point]:
    """Return one series' hours out of rows. Runs on a thread: each row is unpacked for it whole."""
    found: list[Point] = []
    for hour_us, schema_key, data in rows:
        place = places.get(schema_key)
        if place is not None and (hour := hour_in(zlib.decompress(data), place)).values:
            found.append((max(hour_us, from_us), hour.low, hour.high, hour.mean, hour.values))
    return found


def folded(times_us: list[int], numbers: list[float], from_us: int, to_us: int, points: int) -> Points:
    """Return what `merged` does of single values, sorted by time, by slices and not value by value."""
    if len(times_us) <= points:
        return Points(list(times_us), list(numbers), list(numbers), list(numbers))
    width_us = max(1, -(-(to_us - from_us + 1) // points))
    found = Points()
    first = 0
    while first < len(times_us):
        end_us = from_us + ((times_us[first] - from_us) // width_us + 1) * width_us
        last = bisect_left(times_us, end_us, first)
        part, count = numbers[first:last], last - first
        found.add(sum(times_us[first:last]) // count, sum(part) / count, min(part), max(part))
        first = last
    return found


_SOURCES = "SELECT key, rolled_us FROM sample_source WHERE device_id = $1"
_SCHEMAS_IN = """
    SELECT DISTINCT schema_key FROM sample WHERE source_key = ANY ($1::integer[]) AND at_us BETWEEN $2 AND $3
"""
_RAW = """
    SELECT array_agg(s.at_us), string_agg(substr(s.data, p.first, 4), ''::bytea)
    FROM sample s JOIN unnest($4::integer[], $5::integer[]) AS p (schema_key, first) ON p.schema_key = s.schema_key
    WHERE s.source_key = ANY ($1::integer[]) AND s.at_us BETWEEN $2 AND $3 AND length(s.data) >= p.first + 3
    HAVING count(*) > 0
"""
_HOURS = """
    SELECT hour_us, schema_key, data FROM sample_hour
    WHERE source_key = ANY ($1::integer[]) AND hour_us >= $2 AND hour_us < $3 ORDER BY hour_us
"""

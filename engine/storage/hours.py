"""Hours: of each series the lowest, highest and mean value of an hour, and how many there were. Counterpart: `samples.py`.

Theory: when an hour is over, its raw rows are read once and become one row (source, hour, schema), 14 bytes a series,
compressed. `rolled_us` of a source says up to where that is done, and is written in the same transaction: killed anywhere, no
hour is missing and none counts twice. Raw rows are dropped only after their hour was rolled up.
One rule: the mean is weighted by how many values there were, so that hours can be added up to days.
"""

from __future__ import annotations

import math
import struct
import time
import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update

from engine.storage.rows import Row, upsert
from engine.storage.samples import ROW_BYTES, Samples, Series
from engine.storage.tables import sample, sample_hour, sample_source

HOUR_US = 3_600_000_000
LATE_US = 120_000_000
"""An hour is rolled up this long after its end: what was still under way has come by then."""
SOURCES_AT_ONCE = 64
PIECE_S = 0.1
"""About how long one call works, and so how long whoever wants the store may have to wait for it."""
VALUES_AT_ONCE = 200_000
ROWS_WEIGHED = 1_000

_PACKED = struct.Struct("<fffH")
_COUNT_CAP = 65_535


Span = tuple[int, int]
"""From when on, and before when."""


class Hour(NamedTuple):
    """One series in one hour."""

    low: float
    high: float
    mean: float
    values: int


class Hours:
    """The hours of one tenant. Every method is called within a transaction of the caller's."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.behind = 0
        """How many sources were behind after the last `roll_up`."""

    def roll_up(self, connection: Connection, now_us: int) -> bool:
        """Roll up one hour of each of some sources that are behind; return whether there was one."""
        until_s = time.monotonic() + PIECE_S
        over_us = floor_hour(now_us - LATE_US)
        behind = self._samples.rolled(connection, before_us=over_us, limit=SOURCES_AT_ONCE)
        done: list[Row] = []
        for source_key, rolled_us in behind.items():
            first = select(func.min(sample.c.at_us)).where(
                sample.c.source_key == source_key, sample.c.at_us >= rolled_us, sample.c.at_us < over_us
            )
            at_us = connection.execute(first).scalar()
            if at_us is not None:
                self._roll(connection, source_key, floor_hour(at_us))
            next_us = over_us if at_us is None else floor_hour(at_us) + HOUR_US
            done.append({"source": source_key, "next_us": next_us})
            if time.monotonic() >= until_s:
                break
        if done:
            here = sample_source.c.key == bindparam("source")
            connection.execute(update(sample_source).where(here).values(rolled_us=bindparam("next_us")), done)
        self.behind = self._samples.count_behind(connection, over_us)
        return bool(done)

    def bytes_per_day(self, connection: Connection) -> float:
        """Return about how much comes in a day, judged by some of the rows that are held."""
        some = select(func.length(sample_hour.c.data).label("size")).limit(ROWS_WEIGHED).subquery()
        mean = connection.execute(select(func.avg(some.c.size))).scalar()
        return 24 * len(self._samples.sources(connection)) * (float(mean) + ROW_BYTES) if mean else 0.0

    def drop_before(self, connection: Connection, sources: Iterable[int], before_us: int) -> None:
        """Delete older hours of these sources."""
        here = and_(sample_hour.c.source_key == bindparam("source"), sample_hour.c.hour_us < before_us)
        if keys := [{"source": key} for key in sources]:
            connection.execute(delete(sample_hour).where(here), keys)

    def read(
        self, connection: Connection, source_key: int, wanted: Series, from_us: int, before_us: int
    ) -> Iterator[tuple[int, Hour]]:
        """Yield the hours of one series that begin from `from_us` on and before `before_us`, in order."""
        columns = sample_hour.c.hour_us, sample_hour.c.schema_key, sample_hour.c.data
        here = and_(
            sample_hour.c.source_key == source_key,
            sample_hour.c.hour_us >= from_us,
            sample_hour.c.hour_us < before_us,
        )
        places: dict[int, int | None] = {}
        found = connection.execute(select(*columns).where(here).order_by(sample_hour.c.hour_us))
        for hour_us, schema_key, data in found:
            if schema_key not in places:
                places[schema_key] = self._samples.place_in(connection, schema_key, wanted)
            place = places[schema_key]
            if place is not None:
                hour = hour_in(zlib.decompress(data), place)
                if hour.values:
                    yield hour_us, hour

    def means(
        self, connection: Connection, source_key: int, wanted: Collection[Series], spans: Collection[Span]
    ) -> dict[Series, dict[int, float]]:
        """Return the means of some series by hour, of the hours that begin within any of the spans."""
        hour_us = sample_hour.c.hour_us
        single = [from_us for from_us, before_us in spans if before_us - from_us == HOUR_US]
        within: list[ColumnElement[bool]] = [hour_us.in_(single)] if single else []
        within += [and_(hour_us >= a, hour_us < b) for a, b in spans if b - a != HOUR_US]
        columns = hour_us, sample_hour.c.schema_key, sample_hour.c.data
        found: dict[Series, dict[int, float]] = {series: {} for series in wanted}
        places: dict[int, list[tuple[Series, int]]] = {}
        for here in within:
            query = select(*columns).where(sample_hour.c.source_key == source_key, here)
            for at_us, schema_key, data in connection.execute(query):
                if schema_key not in places:
                    at = [
                        (series, self._samples.place_in(connection, schema_key, series)) for series in wanted
                    ]
                    places[schema_key] = [(series, place) for series, place in at if place is not None]
                plain = zlib.decompress(data) if places[schema_key] else b""
                for series, place in places[schema_key]:
                    hour = hour_in(plain, place)
                    if hour.values:
                        found[series][at_us] = hour.mean
        return found

    def _roll(self, connection: Connection, source_key: int, hour_us: int) -> None:
        columns = sample.c.schema_key, sample.c.data
        here = and_(sample.c.source_key == source_key, sample.c.at_us.between(hour_us, hour_us + HOUR_US - 1))
        blobs: dict[int, list[bytes]] = {}
        for schema_key, data in connection.execute(select(*columns).where(here)):
            blobs.setdefault(schema_key, []).append(data)
        found: dict[Series, Hour] = {}
        for schema_key, packed in blobs.items():
            order = self._samples.series_in(connection, schema_key)
            whole = [data for data in packed if len(data) == 4 * len(order)]  # else its schema is gone
            for series, hour in zip(order, _hours(whole) if order and whole else [], strict=False):
                if hour.values:
                    found[series] = _added(found[series], hour) if series in found else hour
        if not found:
            return
        order = sorted(found)
        schema_key = self._samples.schema_of(connection, order, hour_us).key
        data = b"".join(_PACKED.pack(*found[series]) for series in order)
        row = {"source_key": source_key, "hour_us": hour_us, "schema_key": schema_key}
        rest = {"tenant_key": self._samples.tenant_key, "data": zlib.compress(data, 1)}
        upsert(connection, sample_hour, [{**row, **rest}])


def hour_in(plain: bytes, place: int) -> Hour:
    """Return one series' hour of a row that is decompressed; `values` is 0 where there was none."""
    return Hour(*_PACKED.unpack_from(plain, place * _PACKED.size))


def floor_hour(at_us: int) -> int:
    """Return when the hour of a time began."""
    return at_us - at_us % HOUR_US


def _hours(blobs: list[bytes]) -> list[Hour]:
    """Return the hour of each place of rows that have one schema."""
    width = len(blobs[0]) // 4
    step = max(1, VALUES_AT_ONCE // width)
    hours: list[Hour] | None = None
    for start in range(0, len(blobs), step):
        some = blobs[start : start + step]
        flat = struct.unpack(f"<{width * len(some)}f", b"".join(some))
        newer = [_hour(flat[place::width]) for place in range(width)]
        hours = newer if hours is None else [_added(old, new) for old, new in zip(hours, newer, strict=True)]
    return hours or []


def _hour(values: tuple[float, ...]) -> Hour:
    total = sum(values)
    if math.isnan(total):  # there are holes
        values = tuple(value for value in values if not math.isnan(value))
        total = sum(values)
    if not values:
        return Hour(0.0, 0.0, 0.0, 0)
    return Hour(min(values), max(values), total / len(values), min(len(values), _COUNT_CAP))


def _added(one: Hour, other: Hour) -> Hour:
    if not one.values or not other.values:
        return one if one.values else other
    count = one.values + other.values
    mean = (one.mean * one.values + other.mean * other.values) / count
    return Hour(min(one.low, other.low), max(one.high, other.high), mean, min(count, _COUNT_CAP))

"""A range of one series for a chart: raw rows and hours as one, in few points, spikes kept. Counterpart: `store.py` asks.

Theory: raw rows reach back some days, hours a year. They meet at an hour's edge: hours before it, raw from it on, so that no
time is told twice and none is left out. What is more than fits is put into equal stretches of time.
One rule: whatever is merged keeps its lowest and its highest value.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Sequence
from itertools import chain
from uuid import UUID

import msgspec
from sqlalchemy import Connection, and_, func, select

from domain.metrics import CATALOGUE
from engine.storage.hours import HOUR_US, Hours, Span, floor_hour
from engine.storage.samples import Samples, Series
from engine.storage.tables import sample

_FLOAT = struct.Struct("<f")
FEWEST_POINTS = 2
ROWS_AT_ONCE = 500
Point = tuple[int, float, float, float, int]
"""(time, lowest, highest, mean, how many values)."""

HourlyAsk = tuple[UUID, Collection[tuple[str, str]], Sequence[Span]]
"""A device, its series as (metric, instance), and of when."""
Hourly = dict[tuple[str, str], dict[int, float]]
"""The mean of each hour by series."""


class Points(msgspec.Struct):
    """A series as a chart draws it, all lists of one length: times, mean values, lowest and highest around them."""

    at_us: list[int] = []
    value: list[float] = []
    low: list[float] = []
    high: list[float] = []

    def add(self, at_us: int, value: float, low: float, high: float) -> None:
        """Append a point."""
        self.at_us.append(at_us)
        self.value.append(value)
        self.low.append(low)
        self.high.append(high)


class History:
    """Reads series. Every method is called within a transaction of the caller's."""

    def __init__(self, samples: Samples, hours: Hours) -> None:
        self._samples = samples
        self._hours = hours

    def points(  # noqa: PLR0917
        self,
        connection: Connection,
        device: UUID,
        metric: str,
        instance: str,
        from_us: int,
        to_us: int,
        points: int,
    ) -> Points:
        """Return one series, both ends included, in at most `points` (at least 2)."""
        source = self._samples.source_of(connection, device)
        if source is None or metric not in CATALOGUE:
            return Points()
        source_key, rolled_us = source
        wanted = (CATALOGUE[metric].key, instance)
        meet_us = self._meet_us(connection, source_key, rolled_us)
        found: list[Point] = []
        if from_us < meet_us:
            before_us = min(meet_us, to_us + 1)
            hours = self._hours.read(connection, source_key, wanted, floor_hour(from_us), before_us)
            found += [(max(at_us, from_us), h.low, h.high, h.mean, h.values) for at_us, h in hours]
        found += self._raw(connection, source_key, wanted, max(from_us, meet_us), to_us)
        return merged(found, from_us, to_us, max(points, FEWEST_POINTS))

    def hourly(self, connection: Connection, ask: HourlyAsk) -> Hourly:
        """Return the hourly means of some series of a device, by the time at which each hour began."""
        device, wanted, spans = ask
        source = self._samples.source_of(connection, device)
        keys = {(CATALOGUE[metric].key, instance): (metric, instance) for metric, instance in wanted}
        if source is None:
            return {}
        found = self._hours.means(connection, source[0], keys, spans)
        return {keys[series]: means for series, means in found.items()}

    def _meet_us(self, connection: Connection, source_key: int, rolled_us: int) -> int:
        """Return where hours end and raw rows begin."""
        oldest = select(func.min(sample.c.at_us)).where(sample.c.source_key == source_key)
        oldest_us = connection.execute(oldest).scalar()
        if oldest_us is None:
            return rolled_us
        hour_us = floor_hour(oldest_us)
        whole = oldest_us == hour_us or rolled_us <= hour_us  # its hour is all there, or known from it alone
        return hour_us if whole else hour_us + HOUR_US

    def _raw(
        self, connection: Connection, source_key: int, wanted: Series, from_us: int, to_us: int
    ) -> list[Point]:
        here = and_(sample.c.source_key == source_key, sample.c.at_us.between(from_us, to_us))
        columns = sample.c.at_us, sample.c.schema_key, sample.c.data
        offsets: dict[int, int | None] = {}
        found: list[Point] = []
        unpack_from, isnan = _FLOAT.unpack_from, math.isnan
        result = connection.execute(select(*columns).where(here).order_by(sample.c.at_us))
        for at_us, schema_key, data in chain.from_iterable(result.partitions(ROWS_AT_ONCE)):
            if schema_key not in offsets:
                place = self._samples.place_in(connection, schema_key, wanted)
                offsets[schema_key] = None if place is None else place * _FLOAT.size
            offset = offsets[schema_key]
            if offset is not None:
                (value,) = unpack_from(data, offset)
                if not isnan(value):
                    found.append((at_us, value, value, value, 1))
        return found


def merged(found: list[Point], from_us: int, to_us: int, points: int) -> Points:
    """Return a sorted series in equal stretches of time, where it has more than `points`."""
    merged = Points()
    width_us = 0 if len(found) <= points else max(1, -(-(to_us - from_us + 1) // points))
    end_us = low = high = 0.0
    total, times_us, weight, number = 0.0, 0, 0, 0
    for at_us, lowest, highest, mean, values in found:
        if at_us >= end_us:
            if number:
                merged.add(times_us // number, total / weight, low, high)
            low, high, total, times_us, weight, number = lowest, highest, 0.0, 0, 0, 0
            end_us = from_us + ((at_us - from_us) // width_us + 1) * width_us if width_us else 0
        elif lowest < low or highest > high:
            low, high = min(low, lowest), max(high, highest)
        total += mean * values
        times_us += at_us
        weight += values
        number += 1
    if number:
        merged.add(times_us // number, total / weight, low, high)
    return merged

"""Charts that the team's server answered here, so that they are seen again without it. Counterpart: `engine/sync/charts.py`.

Theory: an answer is a row: of which series, from when to when, and its points. Of a series only the newest few are kept, what a
newer one covers as finely is dropped, and of all series together only so many: the oldest go. So it takes a bounded part of the
disk, whatever somebody looks at.
One rule: it holds what was measured by others; what this computer measured lies where its own samples do.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from domain.metrics import CATALOGUE
from engine.storage.series import Points
from engine.storage.store import Store
from engine.storage.team_tables import seen_series

ROWS_CAP = 3_000
"""Answers of all series; one takes 2 to 8 KB, so together some 20 MB at most."""
ROWS_OF_ONE_CAP = 8
"""Answers of one series: one for each range of time that a chart offers, and one more."""
_POINT = struct.Struct("<qfff")


class SeriesOf(NamedTuple):
    """Which series."""

    device: UUID
    metric: str
    instance: str


class Seen(NamedTuple):
    """What was answered of one series, from when to when, both ends included."""

    from_us: int
    to_us: int
    points: Points

    @property
    def grain_us(self) -> float:
        """How much time a point stands for, about."""
        return (self.to_us - self.from_us + 1) / max(1, len(self.points.at_us))


class SeenSeries:
    """The part of a team's store that keeps them. Calls as `Store`: any thread, one at a time, on disk when they return."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, of: SeriesOf, seen: Seen) -> None:
        """Keep an answer; what it covers as finely goes."""
        table = seen_series
        metric = CATALOGUE[of.metric].key
        data = zlib.compress(b"".join(_packed(seen.points)), 1)

        def kept(connection: Connection, _: UUID) -> None:
            covered = [
                key
                for key, old in _read(connection, of)
                if seen.from_us <= old.from_us and old.to_us <= seen.to_us and seen.grain_us <= old.grain_us
            ]
            connection.execute(delete(table).where(table.c.key.in_(covered)))
            row = {"device_id": of.device, "metric": metric, "instance": of.instance}
            span = {"from_us": seen.from_us, "to_us": seen.to_us}
            connection.execute(insert(table), {**row, **span, "data": data})
            newest = select(table.c.key).where(_is(of)).order_by(table.c.key.desc()).limit(ROWS_OF_ONE_CAP)
            connection.execute(delete(table).where(_is(of), table.c.key.not_in(newest)))
            last = connection.execute(select(func.max(table.c.key))).scalar_one()
            connection.execute(delete(table).where(table.c.key <= last - ROWS_CAP))

        self._store.within(kept)

    def read(self, of: SeriesOf, from_us: int, to_us: int) -> list[Seen]:
        """Return what was answered of a series that reaches into a time, the finest first."""
        found = self._store.within(lambda connection, _: _read(connection, of))
        there = [seen for _, seen in found if seen.from_us <= to_us and seen.to_us >= from_us]
        return sorted(there, key=lambda seen: seen.grain_us)


def _is(of: SeriesOf) -> ColumnElement[bool]:
    table = seen_series
    metric = CATALOGUE[of.metric].key
    return (table.c.device_id == of.device) & (table.c.metric == metric) & (table.c.instance == of.instance)


def _read(connection: Connection, of: SeriesOf) -> list[tuple[int, Seen]]:
    rows = connection.execute(select(seen_series).where(_is(of)))
    return [(row.key, Seen(row.from_us, row.to_us, _points(row.data))) for row in rows]


def _packed(points: Points) -> Iterable[bytes]:
    columns = (points.at_us, points.value, points.low, points.high)
    return (_POINT.pack(*point) for point in zip(*columns, strict=True))


def _points(data: bytes) -> Points:
    found = Points()
    for point in _POINT.iter_unpack(zlib.decompress(data)):
        found.add(*point)
    return found

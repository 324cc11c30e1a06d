"""Poll cycles that a team's server has not heard yet, on this disk. Counterparts: `engine/sync/tellers.py`, which tells
them; `pruning.py`, which counts those that go untold.

One rule: what waits may be a month of a large network: nothing here reads or sorts all of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, and_, bindparam, func, select

from engine.storage.batch import CycleRow
from engine.storage.samples import Samples
from engine.storage.tables import sample, sample_source

FIRST_SLICE_US = 60_000_000
"""How much time is read at first; more where that holds too little, less where it holds too much."""


class Untold:
    """The cycles of one tenant that were polled from here. Every method is called within a transaction of the caller's."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._slice_us = FIRST_SLICE_US

    def read(self, connection: Connection, above_us: int, until_us: int, limit: int) -> list[CycleRow]:
        """Return the oldest cycles that were polled from here, after one moment and up to another, in the order of their
        times.

        Read in slices of time, as rows lie by source: to sort all that waits after a month for each few hundred would take days.
        """
        mine = self._samples.is_mine()
        next_us = select(func.min(sample.c.at_us)).where(
            sample.c.source_key == sample_source.c.key, sample.c.at_us > above_us
        )
        oldest = select(func.min(next_us.correlate(sample_source).scalar_subquery())).where(mine)
        first_us: int | None = connection.execute(oldest).scalar()
        if first_us is None or first_us > until_us:
            return []
        columns = sample_source.c.device_id, sample.c.at_us, sample.c.schema_key, sample.c.data
        while True:
            end_us = min(until_us, first_us + self._slice_us)
            here = and_(
                sample.c.source_key == sample_source.c.key,
                sample.c.at_us >= first_us,
                sample.c.at_us <= end_us,
            )
            query = select(*columns).select_from(sample_source).join(sample, here).where(mine)
            rows = connection.execute(query.order_by(sample.c.at_us, sample_source.c.key).limit(limit)).all()
            if len(rows) >= limit:
                self._slice_us = max(1, self._slice_us // 2)
                break
            if end_us >= until_us:
                break
            self._slice_us *= 2
        found = ((row, self._samples.values_of(connection, row.schema_key, row.data)) for row in rows)
        return [CycleRow(row.device_id, row.at_us, tuple(values or ())) for row, values in found]

    def count(self, connection: Connection, sources: Iterable[int], above_us: int, before_us: int) -> int:
        """Count the samples of these sources after one moment and before another."""
        here = and_(
            sample.c.source_key == bindparam("source"), sample.c.at_us > above_us, sample.c.at_us < before_us
        )
        query = select(func.count()).select_from(sample).where(here)
        return sum(int(connection.execute(query, {"source": key}).scalar_one()) for key in sources)

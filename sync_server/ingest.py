"""Brings cycles together on their way to the disk. Counterpart: whoever receives them; `samples.py`, which writes them.

Theory: a transaction costs as much as hundreds of rows, so the cycles of a tenant wait for each other, for as long as
`ingest_flush_ms` at most, and then go in as one. Whoever put them waits until they are on disk, and acknowledges then: a kill
at any moment loses nothing that was acknowledged, and what was not is sent again. What waits is bounded: when it is full the
sender is told, and keeps it.
One rule: nothing is taken that is not written or told of.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from engine.tasks import end, keep
from sync_server.samples import Cycle, Samples
from sync_server.settings import Settings


class IngestFull(Exception):
    """There is no room; the cycles are to be kept and sent again after `retry_after_s`."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"the queue of samples is full; to be sent again in {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class Taken(NamedTuple):
    """What became of cycles that are acknowledged: how many were not taken, and how many values nobody believes."""

    refused: int
    unbelieved: int


@dataclass(eq=False)
class _Batch:
    """Cycles of one tenant on their way; `done` gets the positions of those beyond the tenant's caps."""

    tenant: UUID
    done: asyncio.Future[list[int]]
    since_s: float = field(default_factory=time.monotonic)
    cycles: list[Cycle] = field(default_factory=list)


class Ingest:
    """The queue and its workers. One a server; made within its loop, closed before the database."""

    def __init__(self, samples: Samples, settings: Settings) -> None:
        self._samples = samples
        self._flush_s = settings.ingest_flush_ms / 1000
        self._batch_cap, self._queue_cap = settings.ingest_batch, settings.ingest_queue
        self._open: dict[UUID, _Batch] = {}
        self._ready: asyncio.Queue[_Batch] = asyncio.Queue()
        self._held: dict[_Batch, None] = {}
        self._waiting = 0
        self._is_closing = False
        self._workers = [keep(f"ingest {n}", self._work) for n in range(settings.ingest_workers)]

    @property
    def waiting(self) -> int:
        """How many cycles are not on disk yet."""
        return self._waiting

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return self._waiting >= self._queue_cap

    @property
    def lag_s(self) -> float:
        """How long the oldest of them has waited."""
        oldest = next(iter(self._held), None)
        return 0.0 if oldest is None else time.monotonic() - oldest.since_s

    async def put(self, tenant: UUID, cycles: Sequence[Cycle], now_us: int) -> Taken:
        """Return when the cycles are on disk, all that can be.

        Raises IngestFull at once, and what `Samples.store` does: then they are not acknowledged and to be sent again.
        """
        sifted, refused, unbelieved = self._samples.sift(cycles, now_us)
        if self._is_closing or self._waiting + len(sifted) > self._queue_cap:
            raise IngestFull(max(1.0, self._flush_s))
        if not sifted:
            return Taken(refused, unbelieved)
        batch = self._open.get(tenant)
        if batch is None:
            batch = self._open[tenant] = _Batch(tenant, asyncio.get_running_loop().create_future())
            batch.done.add_done_callback(_look_at)
            self._held[batch] = None
            asyncio.get_running_loop().call_later(self._flush_s, self._send, batch)
        first = len(batch.cycles)
        batch.cycles += sifted
        last = len(batch.cycles)
        self._waiting += len(sifted)
        if last >= self._batch_cap:
            self._send(batch)
        beyond = await asyncio.shield(batch.done)
        return Taken(refused + sum(first <= position < last for position in beyond), unbelieved)

    async def close(self) -> None:
        """Take nothing more, and write what waits."""
        self._is_closing = True
        for batch in list(self._open.values()):
            self._send(batch)
        await self._ready.join()
        await end(*self._workers)

    def _send(self, batch: _Batch) -> None:
        """Hand a batch to the workers, unless that was done."""
        if self._open.get(batch.tenant) is batch:
            del self._open[batch.tenant]
            self._ready.put_nowait(batch)

    async def _work(self) -> None:
        while True:
            batch = await self._ready.get()
            try:
                _, beyond = await self._samples.store(batch.tenant, batch.cycles, time.time_ns() // 1000)
                batch.done.set_result(beyond)
            except Exception as error:  # whatever it is, those who wait are told and the worker goes on
                batch.done.set_exception(error)
            finally:
                self._waiting -= len(batch.cycles)
                del self._held[batch]
                self._ready.task_done()


def _look_at(done: asyncio.Future[list[int]]) -> None:
    """Have an error looked at also where everybody who waited has gone."""
    if not done.cancelled():
        done.exception()

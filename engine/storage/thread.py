"""The thread that writes: the async face of `store.py`, so that a slow disk delays no poll. Counterpart: `compose` owns it.

Theory: batches that were put are merged until a second has passed or 2,000 rows wait. Whatever is asked for runs after what
was put before it is written, so that journal rows reach the disk in the order of their numbers without a gap, and a query
sees what was put. A disk that fails (it is full, say) is tried again every second; meanwhile rows wait, states merge, and
above a cap the oldest samples go. Journal rows never go.
A bug ends the thread, and `on_bug` hears of it: an engine that records nothing is not to run on.
One rule: what was awaited is on disk; what was only put may be a second behind.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar, Unpack
from uuid import UUID

from domain.alerts import Alert
from domain.edit import Edit, Step
from domain.health import Health
from domain.inventory import Inventory
from domain.journal import JournalRow
from domain.load import LinkState
from domain.receiving import ReceiverSettings
from domain.retention import DiskState, LostPolls, Retention
from engine.storage.batch import Batch, Waiting
from engine.storage.density import Counted
from engine.storage.errors import StorageFailed
from engine.storage.loads import PortLoads
from engine.storage.past import Past, Wanted
from engine.storage.rows import touched_by
from engine.storage.series import Hourly, HourlyAsk, Points
from engine.storage.store import NO_SECRETS, Secrets, Store

FLUSH_AFTER_S = 1.0
FLUSH_AT_ROWS = 2_000
WAITING_SAMPLES_CAP = 50_000
"""Most cycles that wait while the disk fails; above it the oldest are dropped and counted."""

REST_S = 0.1
"""How long pruning rests after each piece: there may be half an hour of work, and a processor has other things to do."""

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)


class _Job(NamedTuple):
    """What somebody awaits, and what was put `before`. `after_write`: it fails where that could not be written."""

    before: Waiting
    future: Future[Any]
    call: Callable[[], Any]
    after_write: bool


class StoreThread:
    """Runs a store in one thread of its own. `close` writes what waits, then closes the store.

    `on_bug` is called in that thread when a bug has ended it; the store is closed then.
    """

    def __init__(
        self,
        store: Store,
        *,
        on_bug: Callable[[], None] = lambda: None,
        flush_after_s: float = FLUSH_AFTER_S,
        flush_at_rows: int = FLUSH_AT_ROWS,
    ) -> None:
        self.loaded = store.loaded
        self.trouble = ""
        """A sentence for the user while nothing can be written, else empty."""
        self.broken = False
        """Whether a bug has ended the thread."""
        self.dropped_samples = 0
        """Cycles that were dropped because the disk failed for long."""
        self._store = store
        self._on_bug = on_bug
        self._flush_after_s = flush_after_s
        self._flush_at_rows = flush_at_rows
        self._waiting = Waiting()
        self._writing_rows = 0
        self._jobs: deque[_Job] = deque()
        self._bell = threading.Condition()
        self._due_s: float | None = None
        self._closing = False
        self._ended = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    @property
    def waiting_rows(self) -> int:
        """How many rows are not on disk yet."""
        with self._bell:
            return self._waiting.rows + self._writing_rows + sum(job.before.rows for job in self._jobs)

    @property
    def refused_values(self) -> int:
        """Values that were not stored: not believable, or of a device that is not in the inventory."""
        return self._store.refused_values

    @property
    def lost_polls(self) -> LostPolls:
        """Polls that the team's server will never have."""
        return self._store.pruning.lost

    def put(self, batch: Batch) -> None:
        """Have a batch written within a second. Never waits for the disk."""
        with self._bell:
            self._check_open()
            self._waiting.add(batch)
            now_s = time.monotonic()
            if self._waiting.rows >= self._flush_at_rows and not self.trouble:
                self._due_s = now_s
            elif self._due_s is None:
                self._due_s = now_s + self._flush_after_s
            else:
                return  # the thread knows when to wake
            self._bell.notify()

    async def write(self, batch: Batch) -> None:
        """Write a batch and all that was put before it. Raises StorageFailed; it is then tried again, as after `put`."""
        self.put(batch)
        await self._ask(lambda: None, after_write=True)

    async def apply_edit(
        self, edit: Edit, inventory_after: Inventory, journal: JournalRow, secrets: Secrets = NO_SECRETS
    ) -> bool:
        """Keep an edit, see Store.apply_edit. `inventory_after` is read before this first waits. Raises StorageFailed."""
        touched = touched_by(edit.steps, inventory_after)
        call = partial(self._store.apply_touched, edit, touched, journal, secrets)
        return await self._ask(call, after_write=True)

    async def has_edit(self, id: UUID) -> bool:
        """Tell whether an edit was kept before."""
        return await self.run(self._store.has_edit, id)

    async def series(  # noqa: PLR0917
        self, device: UUID, metric: str, instance: str, from_us: int, to_us: int, points: int
    ) -> Points:
        """Return a range of a series, see Store.series."""
        return await self.run(self._store.series, device, metric, instance, from_us, to_us, points)

    async def hourly(self, asks: Sequence[HourlyAsk]) -> list[Hourly]:
        """Return hourly means, see Store.hourly."""
        return await self.run(self._store.hourly, asks)

    async def journal(self, subject: UUID | None, limit: int) -> list[JournalRow]:
        """Return the newest journal rows, see Store.journal."""
        return await self.run(self._store.journal, subject, limit)

    async def state_at(self, at_us: int) -> Past:
        """Return what held at a moment, see Store.state_at."""
        return await self.run(self._store.state_at, at_us)

    async def events_between(self, from_us: int, to_us: int, **wanted: Unpack[Wanted]) -> list[JournalRow]:
        """Return what happened from one moment to another, see Store.events_between."""
        return await self.run(partial(self._store.events_between, from_us, to_us, **wanted))

    async def steps_since(self, seq: int, revision: int = 0) -> list[Step]:
        """Return the steps of edits after a row, see Store.steps_since."""
        return await self.run(self._store.steps_since, seq, revision)

    async def loads_at(self, ports: Mapping[UUID, Collection[str]], at_us: int) -> PortLoads:
        """Return what ports carried, see Store.loads_at."""
        return await self.run(self._store.loads_at, ports, at_us)

    async def count_between(self, from_us: int, before_us: int, width_us: int) -> Counted:
        """Count what happened, see Store.count_between."""
        return await self.run(self._store.count_between, from_us, before_us, width_us)

    async def keyframe(
        self, at_us: int, health: list[Health], alerts: list[Alert], link_states: list[LinkState]
    ) -> None:
        """Keep the state of everything after what was put so far. Raises StorageFailed."""
        call = partial(self._store.keyframe, at_us, list(health), list(alerts), list(link_states))
        await self._ask(call, after_write=True)

    async def roll_up(self, now_us: int) -> bool:
        """Roll up an hour of some devices, see Store.roll_up."""
        return await self._ask(partial(self._store.roll_up, now_us), after_write=True)

    async def disk(self) -> DiskState:
        """Return what the database takes and will take, see Store.disk."""
        return await self.run(self._store.disk)

    @property
    def retention(self) -> Retention:
        """For how long numbers are kept."""
        return self._store.retention

    async def set_retention(self, retention: Retention) -> None:
        """Keep for how long numbers are kept. Raises StorageFailed."""
        await self.run(self._store.set_retention, retention)

    async def set_receivers(self, settings: ReceiverSettings) -> None:
        """Keep what is listened for. Raises StorageFailed."""
        await self.run(self._store.set_receivers, settings)

    async def prune(self, now_us: int, rest_s: float = REST_S) -> None:
        """Delete what is too old or too much, see Store.prune_in_pieces; rests between them, for all else that is to be done."""
        pieces = self._store.prune_in_pieces(now_us)
        more = True
        while more:
            more = await self._ask(partial(next, pieces, False), after_write=True)
            await asyncio.sleep(rest_s if more else 0)

    @property
    def devices_behind(self) -> int:
        """How many devices' hours are still to be rolled up."""
        return self._store.devices_behind

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what a function of the store or of the vault returns, called in this thread."""
        return await self._ask(partial(call, *args, **kwargs), after_write=False)

    async def close(self) -> None:
        """Write what waits and close the store. Raises StorageFailed where that failed; a bug was told by `on_bug`."""
        with self._bell:
            self._closing = True
            self._bell.notify()
        await asyncio.to_thread(self._thread.join)
        if isinstance(self._failure, StorageFailed):
            raise self._failure

    async def _ask(self, call: Callable[[], R], after_write: bool) -> R:
        future: Future[R] = Future()
        with self._bell:
            self._check_open()
            self._jobs.append(_Job(self._taken(), future, call, after_write))
            self._bell.notify()
        return await asyncio.wrap_future(future)

    def _check_open(self) -> None:
        if self._closing or self._ended:
            raise RuntimeError("the store is closed") from self._failure

    def _run(self) -> None:
        try:
            self._work()
        finally:
            if self.broken:
                self._on_bug()

    def _work(self) -> None:
        try:
            while self._turn():
                pass
        except StorageFailed as error:  # at the end, with the disk still refusing: `close` raises it
            self._failure = error
        except BaseException as error:  # not caught: it ends the engine, and all who wait hear of it
            self._failure, self.broken = error, True
            self.trouble = (
                f"Nothing is recorded any more: {type(error).__name__} in the storage, see the log."
            )
            told = {"message_for_user": self.trouble, "lost_rows": self.waiting_rows}
            log.exception("storage_ended", extra=told)
        finally:
            with self._bell:
                self._ended = True
            for job in self._jobs:
                if job.future.set_running_or_notify_cancel():
                    job.future.set_exception(self._failure or RuntimeError("the store is closed"))
            self._store.close()

    def _turn(self) -> bool:
        """Wait for work, write what waits, do one job; return whether to go on."""
        with self._bell:
            while not self._jobs and not self._closing and (left_s := self._left_s()) > 0:
                self._bell.wait(None if left_s == float("inf") else left_s)
            job = self._jobs.popleft() if self._jobs else None
            batch = (job.before if job is not None else self._taken()).merged()
            self._writing_rows = batch.rows
        try:
            failure = self._write(batch)
        except BaseException:
            if job is not None:
                self._jobs.appendleft(job)  # who awaits it hears of the end
                self._writing_rows = 0  # they count as what the job waits for
            raise
        if job is not None:
            self._do(job, failure)
        elif self._closing and failure is not None:
            raise failure
        return job is not None or not self._closing

    def _taken(self) -> Waiting:
        """Return what waits, and let what is put from now on wait behind it."""
        taken, self._waiting, self._due_s = self._waiting, Waiting(), None
        return taken

    def _left_s(self) -> float:
        return float("inf") if self._due_s is None else self._due_s - time.monotonic()

    def _write(self, batch: Batch) -> StorageFailed | None:
        """Write a batch; where the disk fails it waits on, before what was put since."""
        failure: StorageFailed | None = None
        try:
            if batch.rows:
                self._store.write(batch)
        except StorageFailed as error:
            failure = error
        with self._bell:
            self._writing_rows = 0
            if failure is not None:
                self._put_back(batch)
        if batch.rows:
            self._tell(failure)
        return failure

    def _put_back(self, batch: Batch) -> None:
        """Let a batch that failed wait on, before all that was put since."""
        behind = self._jobs[0].before if self._jobs else self._waiting
        self.dropped_samples += behind.add_before(batch, WAITING_SAMPLES_CAP)
        if behind is self._waiting:
            self._due_s = time.monotonic() + self._flush_after_s

    def _tell(self, failure: StorageFailed | None) -> None:
        """Log a failure and a recovery once each."""
        if failure is not None and not self.trouble:
            log.error("storage failed: %s", failure.message)
        elif failure is None and self.trouble:
            log.warning("storage works again; %d cycles were dropped", self.dropped_samples)
        self.trouble = f"Nothing can be recorded now: {failure.message}" if failure is not None else ""

    def _do(self, job: _Job, failure: StorageFailed | None) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            if failure is not None and job.after_write:
                raise failure
            result = job.call()
        except BaseException as error:  # not caught: handed to who awaits it
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

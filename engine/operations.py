"""Runs long work as operations that report, rest and can be cancelled. Counterpart: `domain/operation.py`, their states.

Theory: an operation is one task. Its work passes a gate before each step, and the gate is shut while it is paused: what is on
its way then comes to its end, nothing new begins. Cancelling cancels the task, so every await of the work is an end. Progress
is told at most four times a second, a turn of the state at once.
One rule: an operation that began ends exactly once, whether its work returns, fails, is cancelled or has a bug.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Iterator
from time import monotonic
from typing import Any, Literal
from uuid import UUID

from domain import operation as turns
from domain.journal import JournalRow
from domain.operation import Operation
from engine.journal import JournalPen
from engine.tasks import end, spawn

TOLD_EVERY_S = 0.25
ENDED_KEPT = 50
"""Operations that have ended and are still known, the latest."""

RUNNING_CAP = 8

OperationTurn = Literal["operation_started", "operation_ended"]


class OperationFailed(Exception):
    """Work cannot go on, in words for a person; it is the world's doing or a rule's, and no bug."""


class TooManyOperations(Exception):
    """As many run as may."""


def end_interrupted(started: Iterable[JournalRow], pen: JournalPen, at_us: int) -> list[JournalRow]:
    """Return the rows that end what ran when the engine died, of the rows that began it."""
    said = {"state": "interrupted", "words": "the engine was not there any more"}
    return [pen.row(at_us, "operation_ended", row.subject, **{**row.body, **said}) for row in started]


class Control:
    """What work has of its operation. It passes `gate` before each step, and tells how far it is.

    `words` are what is told if it is cancelled: what it has found so far.
    """

    def __init__(self, tell: Callable[[int | None, int | None, str | None], None]) -> None:
        self.words = ""
        self._tell = tell
        self._open = asyncio.Event()
        self._open.set()

    async def gate(self) -> None:
        """Wait while the operation is paused."""
        await self._open.wait()

    def tell(self, done: int | None = None, *, total: int | None = None, phase: str | None = None) -> None:
        """Say how far it is."""
        self._tell(done, total, phase)

    def shut(self) -> None:
        """Hold whoever comes to the gate."""
        self._open.clear()

    def reopen(self) -> None:
        """Let them pass."""
        self._open.set()


Work = Callable[[Control], Coroutine[Any, Any, str]]
"""Does it, and returns in words what came of it. Raises OperationFailed."""


class _Run:
    """One operation with its task."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.control: Control
        self.task: asyncio.Task[None]
        self.told_s = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.is_closing = False


class Operations:
    """All operations of an engine. `changed` gets each new state, `note` the two turns that the journal keeps."""

    def __init__(
        self,
        *,
        changed: Callable[[Operation], None],
        note: Callable[[OperationTurn, Operation], None],
        forgotten: Callable[[UUID], None],
        new_id: Callable[[], UUID],
        now_us: Callable[[], int],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._changed = changed
        self._note = note
        self._forgotten = forgotten
        self._new_id = new_id
        self._now_us = now_us
        self._clock = clock
        self._runs: OrderedDict[UUID, _Run] = OrderedDict()

    def __iter__(self) -> Iterator[Operation]:
        return iter([run.operation for run in self._runs.values()])

    def get(self, id: UUID) -> Operation | None:
        """Return an operation that runs or has ended lately."""
        run = self._runs.get(id)
        return run.operation if run is not None else None

    def start(self, kind: str, title: str, work: Work, total: int = 0) -> Operation:
        """Begin. Raises TooManyOperations."""
        if sum(not run.operation.has_ended for run in self._runs.values()) >= RUNNING_CAP:
            raise TooManyOperations(f"{RUNNING_CAP} operations run already: wait for one, or cancel one")
        operation = turns.start(self._new_id(), kind, title, self._now_us(), total)
        run = self._runs[operation.id] = _Run(operation)
        run.control = Control(lambda *how_far: self._advance(run, *how_far))
        self._note("operation_started", operation)
        self._tell(run)
        run.task = spawn(f"operation {kind}", self._run(run, work), operation=str(operation.id))
        run.task.add_done_callback(lambda _task: self._on_gone(run))
        self._forget_some()
        return operation

    def pause(self, id: UUID) -> bool:
        """Let nothing new of it begin; False where there is none that could."""
        return self._turn(id, turns.pause)

    def resume(self, id: UUID) -> bool:
        """Let it go on; False where there is none that rests."""
        return self._turn(id, turns.resume)

    def cancel(self, id: UUID) -> bool:
        """End it; False where there is none to end."""
        run = self._runs.get(id)
        if run is None or run.operation.has_ended:
            return False
        self._end(run, turns.cancel(run.operation, self._now_us(), run.control.words or "cancelled"))
        run.task.cancel()
        return True

    async def close(self) -> None:
        """Cancel what runs, and wait until it is gone."""
        running = [run for run in self._runs.values() if not run.operation.has_ended]
        for run in running:
            run.is_closing = True
        await end(*(run.task for run in running))

    async def _run(self, run: _Run, work: Work) -> None:
        try:
            words = await work(run.control)
        except OperationFailed as error:
            self._end(run, turns.fail(run.operation, self._now_us(), str(error)))
        else:
            self._end(run, turns.finish(run.operation, self._now_us(), words))

    def _on_gone(self, run: _Run) -> None:
        """End what its work did not: it was cancelled from outside, or has a bug, which is in the log."""
        if run.operation.has_ended:
            return
        if run.is_closing or run.task.cancelled():
            said = "the engine was closed" if run.is_closing else "cancelled"
            words = f"{run.control.words}; {said}" if run.control.words else said
            self._end(run, turns.cancel(run.operation, self._now_us(), words))
        else:
            said = "a fault of Heliograph's own ended it: the log says which"
            self._end(run, turns.fail(run.operation, self._now_us(), said))

    def _turn(self, id: UUID, turned: Callable[[Operation], Operation]) -> bool:
        run = self._runs.get(id)
        if run is None:
            return False
        new = turned(run.operation)
        if new == run.operation:
            return False
        run.operation = new
        if new.state == "paused":
            run.control.shut()
        else:
            run.control.reopen()
        self._tell(run)
        return True

    def _advance(self, run: _Run, done: int | None, total: int | None, phase: str | None) -> None:
        new = turns.advance(run.operation, done, total, phase)
        if new == run.operation:
            return
        run.operation = new
        if run.timer is None:
            wait_s = max(0.0, run.told_s + TOLD_EVERY_S - self._clock())
            run.timer = asyncio.get_running_loop().call_later(wait_s, self._tell, run)

    def _end(self, run: _Run, ended: Operation) -> None:
        if run.operation.has_ended:
            return
        run.operation = ended
        self._note("operation_ended", ended)
        self._tell(run)

    def _tell(self, run: _Run) -> None:
        if run.timer is not None:
            run.timer.cancel()
            run.timer = None
        run.told_s = self._clock()
        self._changed(run.operation)

    def _forget_some(self) -> None:
        ended = [id for id, run in self._runs.items() if run.operation.has_ended]
        for id in ended[: max(0, len(ended) - ENDED_KEPT)]:
            del self._runs[id]
            self._forgotten(id)

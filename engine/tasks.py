"""The one place where tasks are started and bugs are caught. Counterpart: every room of the engine that does two things at once.

`asyncio.create_task` is banned elsewhere: a task without an owner is collected while it runs, and its exception is seen by
nobody. One rule: a task has a name, and a bug in it is one log line with what it worked on, never an end of the engine.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_log = logging.getLogger("engine.tasks")
T = TypeVar("T")
_living: set[asyncio.Task[None]] = set()
"""Only what keeps running tasks from being collected; nothing reads it."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0


def spawn(name: str, work: Coroutine[Any, Any, object], **fields: object) -> asyncio.Task[None]:
    """Start `work` once. An exception in it is logged with `name` and `fields` (device_id, probe) and ends only this task."""
    return _start(name, work, _watched(name, work, fields))


def keep(name: str, make: Callable[[], Coroutine[Any, Any, object]]) -> asyncio.Task[None]:
    """Start a service that is to run for ever: after a bug it is made again, after a pause that grows."""
    return _start(name, None, _kept(name, make))


def beside(name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start `work` for whoever keeps the task and waits for it: what it raises is theirs."""
    return asyncio.get_running_loop().create_task(work, name=name)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks and wait until they are gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def next_pause_s(pause_s: float, lived_s: float) -> float:
    """Return how long a service rests after a bug: twice the last pause, from the start again after a good minute."""
    return FIRST_PAUSE_S if lived_s > LONGEST_PAUSE_S else min(pause_s * 2, LONGEST_PAUSE_S)


def _start(
    name: str, work: Coroutine[Any, Any, object] | None, watched: Coroutine[Any, Any, None]
) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(watched, name=name)
    _living.add(task)

    def on_done(done: asyncio.Task[None]) -> None:
        _living.discard(done)
        if work is not None:
            work.close()  # a task that is cancelled before its first step has never awaited it

    task.add_done_callback(on_done)
    return task


async def _watched(name: str, work: Coroutine[Any, Any, object], fields: dict[str, object]) -> None:
    try:
        await work
    except Exception:
        _log.exception("bug", extra={"task": name, **fields})


async def _kept(name: str, make: Callable[[], Coroutine[Any, Any, object]]) -> None:
    pause_s, attempt = FIRST_PAUSE_S / 2, 0
    while True:
        started_s = time.monotonic()
        try:
            await make()
            return
        except Exception:
            attempt += 1
            pause_s = next_pause_s(pause_s, time.monotonic() - started_s)
            _log.exception("bug", extra={"task": name, "attempt": attempt, "pause_s": pause_s})
        await asyncio.sleep(pause_s)

"""Has a map file worked on by a process of its own, and watches over it. Counterpart: `worker.py`, which runs there.

One rule: cancelled or hung, the process is gone before anybody goes on, and so is what it had begun to write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.child import Child, NotStarted, ended, own_command, running
from engine.maps.worker import MapJob, MapWord

WORK_ON_MAPS = "--work-on-maps"
SILENT_S = 120.0
"""Longest silence of the worker; it speaks after each chunk and each 65,536 entries."""
LINE_CAP_BYTES = 1024 * 1024

OnWord = Callable[[MapWord], Awaitable[None]]
"""Gets each word on how far it is; the work rests until it returns."""


class WorkFailed(Exception):
    """Nothing came of it, in words for a person."""


class FileRefused(WorkFailed):
    """It was read, and is no map that can be used: reading it again says the same."""


def worker_command() -> list[str]:
    """Return how the worker is started."""
    return own_command(WORK_ON_MAPS)


async def work(
    job: MapJob, on_word: OnWord, *, command: Sequence[str] | None = None, silent_s: float = SILENT_S
) -> MapWord:
    """Return how a job ended. Raises WorkFailed, FileRefused; then, or when it is cancelled, nothing is left of `out`."""
    is_done = False
    try:
        word = await _converse(job, on_word, list(command or worker_command()), silent_s)
        if word.refused:
            raise FileRefused(word.refused) if word.is_bad else WorkFailed(word.refused)
        is_done = True
        return word
    finally:
        if not is_done and job.out:
            with suppress(OSError):  # on the next start it is swept away
                Path(job.out).unlink(missing_ok=True)  # noqa: ASYNC240 one unlink, also while it is cancelled


async def _converse(job: MapJob, on_word: OnWord, command: list[str], silent_s: float) -> MapWord:
    try:
        async with running(command, LINE_CAP_BYTES) as child:
            with suppress(ConnectionError):
                child.hears.write(msgspec.json.encode(job) + b"\n")
            while True:
                word = await _word(child, silent_s)
                if word.refused or word.survey is not None or word.size is not None:
                    return word
                await on_word(word)
                with suppress(ConnectionError):
                    child.hears.write(b"\n")
    except NotStarted as error:
        raise WorkFailed(f"the process that reads maps cannot be started: {error}") from None


async def _word(child: Child, silent_s: float) -> MapWord:
    try:
        async with asyncio.timeout(silent_s):  # `wait_for` of 3.11 can swallow a cancellation
            line = await child.says.readline()
        if line:
            return msgspec.json.decode(line, type=MapWord)
    except TimeoutError:
        raise WorkFailed(f"the process that reads maps was silent for {silent_s:g} s") from None
    except (ValueError, msgspec.MsgspecError):
        raise WorkFailed("what the process that reads maps says cannot be understood") from None
    raise WorkFailed(f"the process that reads maps ended (code {await ended(child)})")

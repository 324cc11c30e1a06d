"""Processes of the engine's own that read what strangers wrote. Counterparts: `photos.py`, `terrain/`, `mibs/` and `maps/`,
whose readers run in one.

Theory: a child is the same program, started with one word, which says what it is to do; it hears by its standard input and
answers by its standard output. It takes no more memory and time than its kind may, which it sees to before it reads a byte.
One rule: whoever stops listening, for whatever reason, goes on only when the child is gone.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

LINE_CAP_BYTES = 64 * 1024
LEAVE_S = 5.0
"""How long a child has to leave once it has no more to say."""
_REST_BYTES = 64 * 1024
_WINDOWS_FLAGS = ("CREATE_NO_WINDOW", "BELOW_NORMAL_PRIORITY_CLASS")
"""What `nice` is elsewhere, a child does to itself."""


class NotStarted(Exception):
    """A child cannot be started; says why."""


class Child(NamedTuple):
    """A child that runs: what it hears by, what it says, and the process."""

    hears: asyncio.StreamWriter
    says: asyncio.StreamReader
    process: asyncio.subprocess.Process


def own_command(word: str) -> list[str]:
    """Return how a child is started: as ourselves, with one word."""
    if getattr(sys, "frozen", False):
        return [sys.executable, word]
    return [sys.executable, "-m", "engine", word]


@asynccontextmanager
async def running(command: Sequence[str], line_cap_bytes: int = LINE_CAP_BYTES) -> AsyncIterator[Child]:
    """Yield a child, which is gone afterwards. Raises NotStarted."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            limit=line_cap_bytes,
            creationflags=sum(getattr(subprocess, name, 0) for name in _WINDOWS_FLAGS),
        )
    except OSError as error:
        raise NotStarted(str(error)) from None
    assert process.stdin is not None and process.stdout is not None
    try:
        yield Child(process.stdin, process.stdout, process)
    finally:
        process.stdin.close()
        if process.returncode is None:
            await _kill(process)


async def ended(child: Child) -> int:
    """Return with which code a child ended that has no more to say; one that stays all the same is killed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_S):
            return await child.process.wait()
    return await _kill(child.process)


async def _kill(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    with suppress(ProcessLookupError):
        process.kill()
    while await process.stdout.read(_REST_BYTES):
        pass  # `wait` waits for the pipe's end too, which nobody sees who has stopped reading
    return await process.wait()


def limit_self(memory_bytes: int, cpu_s: int | None = None) -> None:
    """Take no more of the computer than this; where a system has no limits, the time that the parent gives ends us."""
    if sys.platform != "win32":
        import os  # noqa: PLC0415
        import resource  # noqa: PLC0415

        limits = {resource.RLIMIT_AS: memory_bytes, resource.RLIMIT_CPU: cpu_s, resource.RLIMIT_CORE: 0}
        for which, most in limits.items():
            if most is not None:
                with suppress(ValueError, OSError):
                    resource.setrlimit(which, (most, most))
        os.nice(10)

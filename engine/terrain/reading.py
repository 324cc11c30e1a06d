"""Has a file of heights read by a process of its own. Counterpart: `reader.py`, which runs there.

One rule: the engine's own process decodes no foreign picture, and a file that ends its reader is a file that is refused.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.terrain.tiles import Head

READ_TERRAIN = "--read-terrain"
FILE_S = 240.0
"""Longest that one file may take."""
_ANSWER_BYTES = 64 * 1024
_WINDOWS_FLAGS = ("CREATE_NO_WINDOW", "BELOW_NORMAL_PRIORITY_CLASS")
"""What `nice` is elsewhere, the reader does to itself."""


class _Answer(msgspec.Struct):
    """What the reader says: the tile it wrote, or what is wrong."""

    head: Head | None = None
    wrong: str = ""


def reader_command() -> list[str]:
    """Return how the reader is started: as ourselves, with one word."""
    if getattr(sys, "frozen", False):
        return [sys.executable, READ_TERRAIN]
    return [sys.executable, "-m", "engine", READ_TERRAIN]


async def read_tile(
    path: str, out: Path, added_us: int, added_by: str, *, command: Sequence[str] = (), file_s: float = FILE_S
) -> Head | str:
    """Have a file read and its tile written to `out`; return the tile, or in words why it is refused. Cancel it to end it."""
    job = msgspec.json.encode({"path": path, "out": str(out), "added_us": added_us, "added_by": added_by})
    try:
        process = await asyncio.create_subprocess_exec(
            *(command or reader_command()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=sum(getattr(subprocess, name, 0) for name in _WINDOWS_FLAGS),
        )
    except OSError as error:
        return f"the reader cannot be started: {error}"
    assert process.stdin is not None and process.stdout is not None
    try:
        with suppress(ConnectionError):
            process.stdin.write(job)
            process.stdin.close()
        try:
            async with asyncio.timeout(file_s):
                said = await process.stdout.read(_ANSWER_BYTES)
        except TimeoutError:
            return f"it took more than {file_s:g} s to read"
        with suppress(msgspec.MsgspecError):
            answer = msgspec.json.decode(said, type=_Answer)
            return answer.head or answer.wrong or "the reader said nothing"
        return f"its reader ended without an answer (code {await process.wait()})"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            while await process.stdout.read(_ANSWER_BYTES):
                pass  # `wait` waits for the pipe's end too
            await process.wait()

"""Has a file of heights read by a process of its own. Counterpart: `reader.py`, which runs there.

One rule: the engine's own process decodes no foreign picture, and a file that ends its reader is a file that is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.child import NotStarted, ended, own_command, running
from engine.terrain.tiles import Head

READ_TERRAIN = "--read-terrain"
FILE_S = 240.0
"""Longest that one file may take."""
_ANSWER_BYTES = 64 * 1024


class _Answer(msgspec.Struct):
    """What the reader says: the tile it wrote, or what is wrong."""

    head: Head | None = None
    wrong: str = ""


async def read_tile(
    path: str, out: Path, added_us: int, added_by: str, *, command: Sequence[str] = (), file_s: float = FILE_S
) -> Head | str:
    """Have a file read and its tile written to `out`; return the tile, or in words why it is refused. Cancel it to end it."""
    job = msgspec.json.encode({"path": path, "out": str(out), "added_us": added_us, "added_by": added_by})
    try:
        async with running(command or own_command(READ_TERRAIN)) as child:
            with suppress(ConnectionError):
                child.hears.write(job)
                child.hears.close()
            try:
                async with asyncio.timeout(file_s):
                    said = await child.says.read(_ANSWER_BYTES)
            except TimeoutError:
                return f"it took more than {file_s:g} s to read"
            with suppress(msgspec.MsgspecError):
                answer = msgspec.json.decode(said, type=_Answer)
                return answer.head or answer.wrong or "the reader said nothing"
            return f"its reader ended without an answer (code {await ended(child)})"
    except NotStarted as error:
        return f"the reader cannot be started: {error}"

"""Takes files in, and has photographs made of them. Counterparts: `photo_reader.py`, which runs as a process of its own;
`domain/blobs.py` says how a file comes; `blobs.py` keeps what is made.

Theory: a file comes from a window beside us within a second and is held in memory until it is whole, two at once at most; what a
broken-off one left gives way to the next. It is hashed, and then its reader has some time. One rule: the engine's own process
decodes no foreign picture, and a file that ends its reader is a file that is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from domain.blobs import BLOB_CAP_BYTES, PIECE_BYTES, DevelopPhoto, digest_of
from domain.errors import Refusal
from domain.photo import FILE_CAP_BYTES
from domain.text import clean_text
from domain.wire import Reply
from engine.child import NotStarted, own_command, running
from engine.photo_reader import Developed

READ_PHOTO = "--read-photo"
FILE_S = 30.0
"""Longest that one file may take."""
FILES_AT_ONCE = 2
_LINE_BYTES = 4_096


class Made(msgspec.Struct, frozen=True):
    """What a photograph is made of, and its bytes."""

    told: Developed
    picture: bytes
    thumb: bytes


class _Answer(msgspec.Struct):
    made: Developed | None = None
    wrong: str = ""


class Darkroom:
    """Files on their way in."""

    def __init__(self, command: Sequence[str] = (), file_s: float = FILE_S) -> None:
        self._command, self._file_s = command or own_command(READ_PHOTO), file_s
        self._coming: dict[str, bytearray] = {}
        self._reading = asyncio.Lock()

    async def take(self, piece: DevelopPhoto) -> Made | Reply:
        """Take a piece; return what came of the whole file, or what is answered until then, or why it is refused."""
        if not 0 < piece.size <= FILE_CAP_BYTES:
            most = f"at most {FILE_CAP_BYTES // 1024 // 1024} are taken"
            return _refused(piece, f"it has {piece.size / 1e6:.0f} MB, {most}", "size")
        if len(piece.data) > PIECE_BYTES:
            return _refused(piece, f"{len(piece.data)} bytes at once, at most {PIECE_BYTES}", "data")
        if piece.digest not in self._coming:
            while len(self._coming) >= FILES_AT_ONCE:
                del self._coming[next(iter(self._coming))]
            self._coming[piece.digest] = bytearray()
        held = self._coming[piece.digest]
        if not piece.data or piece.offset != len(held):
            return Reply(piece.request, result={"have": len(held)})
        held += piece.data
        if len(held) < piece.size:
            return Reply(piece.request, result={"have": len(held)})
        data = bytes(self._coming.pop(piece.digest))
        if len(data) != piece.size or digest_of(data) != piece.digest:
            return _refused(piece, "it is not what was announced: it changed on its way", "digest")
        async with self._reading:  # one reader at a time: what one may take is what all may
            made = await self._develop(data)
        return _refused(piece, made, "data") if isinstance(made, str) else made

    async def _develop(self, data: bytes) -> Made | str:
        """Return what the reader makes of a file, or in words why it is refused. Cancel it to end it."""
        try:
            async with running(self._command, _LINE_BYTES) as child, asyncio.timeout(self._file_s):
                with suppress(ConnectionError):
                    child.hears.write(data)
                    await child.hears.drain()
                child.hears.close()
                return await _heard(child.says)
        except TimeoutError:
            return f"it took more than {self._file_s:g} s to read"
        except NotStarted as error:
            return f"its reader cannot be started: {error}"


async def _heard(said: asyncio.StreamReader) -> Made | str:
    """Return what a reader says; it has decoded a stranger's file, and is believed as little."""
    with suppress(msgspec.MsgspecError, ValueError, asyncio.IncompleteReadError):
        answer = msgspec.json.decode(await said.readline(), type=_Answer)
        told = answer.made
        if told is None:
            return clean_text(answer.wrong, 300) or "its reader said nothing"
        if 0 < told.size <= BLOB_CAP_BYTES and 0 < told.thumb_size <= told.size + PIECE_BYTES:
            made = Made(told, await said.readexactly(told.size), await said.readexactly(told.thumb_size))
            if (digest_of(made.picture), digest_of(made.thumb)) == (told.digest, told.thumb):
                return made
    return "its reader ended without an answer"


def _refused(piece: DevelopPhoto, words: str, field: str) -> Reply:
    name = clean_text(piece.name, 120) or "The file"
    return Reply(piece.request, (Refusal("INVALID_INPUT", f"{name} is not taken: {words}", field),))

"""What an install and the server say to each other, over one WebSocket. Counterpart: `sync_server/live/frames.py`.

Theory: each side is heard of every five seconds; `socket.py` ends what is silent for longer.
One rule: what the server says ends in a message or in `LineLost`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import get_args

import msgspec

from domain.sync import FRAME_CAP_BYTES, ToInstall, ToServer, decode_to_install, encode
from domain.text import clean_text
from engine.sync.address import ServerAddress
from engine.sync.socket import LineLost, WebSocket
from engine.transport.tcp import Stream

__all__ = ["Line", "LineLost"]

PATH = "/api/v1/live"
KNOWN = frozenset(type.__struct_config__.tag for type in get_args(ToInstall))


class Line:
    """An open line. Made by `opened`."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    @classmethod
    async def opened(cls, stream: Stream, server: ServerAddress) -> Line:
        """Return a line once the server has agreed. Raises LineLost, and closes the stream."""
        return cls(await WebSocket.opened(stream, server, PATH, FRAME_CAP_BYTES))

    def tell(self, message: ToServer) -> None:
        """Send a message; what the system does not take at once waits in memory. One that hung up is told nothing more."""
        self._socket.send(encode(message))

    @property
    def waiting_bytes(self) -> int:
        """How much the system has not taken yet."""
        return self._socket.waiting_bytes

    async def hear(self) -> ToInstall:
        """Return the next message. Raises LineLost, also where nothing came for `DEAD_AFTER_S`."""
        data = await self._socket.receive()
        try:
            return decode_to_install(data)
        except msgspec.MsgspecError as error:
            raise LineLost(_strange(data, error)) from None

    def close(self, *, in_peace: bool = True) -> None:
        """Hang up; in peace the server hears of it."""
        self._socket.close(in_peace=in_peace)


def _strange(data: bytes, error: msgspec.MsgspecError) -> str:
    """Return what is wrong with a message: a kind of a later release, or no message."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if msgspec.msgpack.decode(data, type=_Tagged).type not in KNOWN:
            return "the server says what is newer than this program: update the app"
    return f"the server says what this program does not know: {clean_text(str(error), 200)}"


class _Tagged(msgspec.Struct):
    type: str

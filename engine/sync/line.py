"""What an install and the server say to each other, over one WebSocket. Counterpart: `sync_server/live/frames.py`.

Theory: each side is heard of every five seconds; `socket.py` ends what is silent for longer.
One rule: what the server says ends in a message or in `LineLost`; what only a newer program knows is passed over.
"""

from __future__ import annotations

import logging

import msgspec

from domain.newer import heard
from domain.sync import FRAME_CAP_BYTES, ToInstall, ToServer, encode
from domain.text import clean_text
from engine.sync.address import ServerAddress
from engine.sync.socket import LineLost, WebSocket
from engine.transport.tcp import Stream

__all__ = ["Line", "LineLost"]

PATH = "/api/v1/live"

_log = logging.getLogger("engine.sync")


class Line:
    """An open line. Made by `opened`."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.left_out = False
        """Whether there was more to the last message, which only a newer program knows."""
        self._met_newer = False

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
        """Return the next message that is known here. Raises LineLost, also where nothing came for `DEAD_AFTER_S`."""
        while True:
            data = await self._socket.receive()
            try:
                message, self.left_out = heard(data)
            except msgspec.MsgspecError as error:
                said = clean_text(str(error), 200)
                raise LineLost(f"the server says what this program does not know: {said}") from None
            if message is not None:
                return message
            if not self._met_newer:
                _log.info("newer_message")
            self._met_newer = True

    def close(self, *, in_peace: bool = True) -> None:
        """Hang up; in peace the server hears of it."""
        self._socket.close(in_peace=in_peace)

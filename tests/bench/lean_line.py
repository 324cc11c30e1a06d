"""A WebSocket client that costs little: two hundred of them on the machine of a bench stand for two hundred other machines.

Counterpart: `sync_server/live/door.py`. Theory: a client of a framework takes as long for a frame as the server does, of the same
two cores. One rule: whole binary frames only, as our server sends them; anything else is an error (RFC 6455).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_WHOLE_BINARY, _CLOSE, _MASKED = 0x82, 0x88, 0x80


class LeanLine(asyncio.Protocol):
    """One connection. `on_frame` is given what comes, once it is set; until then it waits."""

    def __init__(self) -> None:
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_over = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._on_frame: Callable[[bytes], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, _: Exception | None) -> None:
        self.is_over.set()

    def data_received(self, data: bytes) -> None:
        """Take bytes, and go over the frames that are whole."""
        self._buffer += data
        if not self.is_open.done():
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self._buffer = rest
            if head.split(b" ", 2)[1] == b"101":
                self.is_open.set_result(None)
            else:
                self.is_open.set_exception(ConnectionError(bytes(head[:200]).decode("latin-1")))
        if self._on_frame is not None:
            self._go_over(self._on_frame)

    def listen(self, on_frame: Callable[[bytes], None]) -> None:
        """Have frames given to somebody from now on."""
        self._on_frame = on_frame
        self._go_over(on_frame)

    def stall(self) -> None:
        """Read nothing more."""
        assert self._transport is not None
        self._transport.pause_reading()

    def go_on(self) -> None:
        """Read on."""
        assert self._transport is not None
        self._transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Send a binary frame. Its mask is zero, which leaves the bytes as they are."""
        assert self._transport is not None
        size = len(data)
        length = bytes((_MASKED | size,)) if size < 126 else bytes((_MASKED | 126,)) + size.to_bytes(2, "big")
        if size >= 65_536:
            length = bytes((_MASKED | 127,)) + size.to_bytes(8, "big")
        self._transport.write(bytes((_WHOLE_BINARY,)) + length + bytes(4) + data)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def _go_over(self, on_frame: Callable[[bytes], None]) -> None:
        at, buffer = 0, self._buffer
        while len(buffer) - at >= 2:
            size, begin = buffer[at + 1], at + 2
            if size >= 126:
                wide = 2 if size == 126 else 8
                if len(buffer) < begin + wide:
                    break
                size, begin = int.from_bytes(buffer[begin : begin + wide], "big"), begin + wide
            if len(buffer) < begin + size:
                break
            if buffer[at] == _CLOSE:
                self.close()
                return
            assert buffer[at] == _WHOLE_BINARY, f"a whole binary frame expected, got {buffer[at]:#x}"
            frame, at = bytes(buffer[begin : begin + size]), begin + size
            on_frame(frame)
        del buffer[:at]


async def lean_line(url: str) -> LeanLine:
    """Connect to a ws:// address. Raises OSError where that fails."""
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    _, line = await asyncio.get_running_loop().create_connection(LeanLine, parts.hostname, parts.port)
    assert line._transport is not None
    line._transport.write(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await line.is_open
    return line

"""A stream of bytes with two ends, and what carries it to another. Counterpart: `tunnels.py` joins them.

Theory: who reads waits for who writes, so what is on its way between two channels is one piece of `PIECE_BYTES` each way beside
the buffers of the two. When one side says no more (EOF), the other is told so once it took all that came before, and may still
speak, as TCP has it; when either breaks, both are cut.
One rule: a channel is read by one and written by one.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from engine.tasks import end, spawn

PIECE_BYTES = 64 * 1024
TAIL_S = 60.0
"""Longest that the last bytes before an EOF may wait for who is to take them."""


class ChannelLost(Exception):
    """A channel broke; the message says why."""


class Channel(Protocol):
    """One stream. All but `close` raise ChannelLost."""

    async def read(self) -> bytes:
        """Return what came, at most `PIECE_BYTES`; b"" where the other side says no more."""

    async def write(self, data: bytes) -> None:
        """Send; returns when there is room for more."""

    async def write_eof(self) -> None:
        """Say that no more comes from here; returns when nothing that was written needs this end any more."""

    def close(self, why: str = "") -> None:
        """Be done with it; what was not sent is dropped."""


class SocketChannel:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        writer.transport.set_write_buffer_limits(high=PIECE_BYTES)

    @classmethod
    async def of(cls, sock: socket.socket) -> SocketChannel:
        """Take over a socket that is connected."""
        return cls(*await asyncio.open_connection(sock=sock, limit=PIECE_BYTES))

    async def read(self) -> bytes:
        """As Channel."""
        try:
            return await self._reader.read(PIECE_BYTES)
        except OSError as error:
            raise ChannelLost(_said(error)) from None

    async def write(self, data: bytes) -> None:
        """As Channel."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise ChannelLost(_said(error)) from None

    async def write_eof(self) -> None:
        """As Channel."""
        transport = self._writer.transport
        with suppress(OSError):
            self._writer.write_eof()
        if not transport.get_write_buffer_size():
            return
        transport.set_write_buffer_limits(high=0)  # `drain` waits for all of it
        try:
            async with asyncio.timeout(TAIL_S):
                await self._writer.drain()
        except TimeoutError:
            raise ChannelLost(f"the last bytes were not taken within {TAIL_S:g} s") from None
        except OSError as error:
            raise ChannelLost(_said(error)) from None

    def close(self, why: str = "") -> None:
        """As Channel."""
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        else:
            self._writer.close()


async def join(
    near: Channel, far: Channel, on_out: Callable[[int], None], on_in: Callable[[int], None]
) -> str:
    """Carry bytes both ways until both sides said no more or one broke; close both, and return why the far one broke, or nothing.

    `on_out` hears how many bytes went from near to far, `on_in` the other way.
    """
    broken: list[tuple[Channel, str]] = []
    both_over = asyncio.Event()
    over = 0

    async def one_way(source: Channel, target: Channel, on_bytes: Callable[[int], None]) -> None:
        nonlocal over
        at = source
        try:
            while data := await source.read():
                at = target
                await target.write(data)
                on_bytes(len(data))
                at = source
            at = target
            await target.write_eof()
            over += 1
        except ChannelLost as error:
            broken.append((at, str(error)))
        if over == 2 or broken:
            both_over.set()

    tasks = (spawn("tunnel out", one_way(near, far, on_out)), spawn("tunnel in", one_way(far, near, on_in)))
    try:
        await both_over.wait()
    finally:
        await end(*tasks)
        why = broken[0][1] if broken else ""
        near.close(why)
        far.close(why)
    return why if broken and broken[0][0] is far else ""


def _said(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__

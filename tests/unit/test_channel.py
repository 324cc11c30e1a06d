"""Two channels that are joined: what was said last before the end arrives, however slowly it is taken."""

from __future__ import annotations

import asyncio
import socket

import pytest

from engine.access import channel
from engine.access.channel import SocketChannel, join
from tests.engine.tunnelling import WAIT_S, alone, until

TAIL = b"tail" * 15_000


class Saying:
    """A channel that says something and no more."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [data]
        self.has_said = False

    async def read(self) -> bytes:
        """As Channel."""
        if self._pieces:
            return self._pieces.pop()
        self.has_said = True
        return b""

    async def write(self, data: bytes) -> None:
        """As Channel."""

    async def write_eof(self) -> None:
        """As Channel."""

    def close(self, why: str = "") -> None:
        """As Channel."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends that hold little on their way; the second has nothing to say."""
    near, client = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    near.setblocking(False)
    client.shutdown(socket.SHUT_WR)
    return near, client


def nothing(_: int) -> None:
    """Count nothing."""


@alone
async def test_who_reads_slowly_has_the_tail_too() -> None:
    near, client = pair()
    with client:
        far = Saying(TAIL)
        joined = asyncio.create_task(join(await SocketChannel.of(near), far, nothing, nothing))
        await until(lambda: far.has_said)
        await asyncio.wait([joined], timeout=0.2)  # time to cut what is not read yet

        def read_all() -> bytes:
            client.settimeout(WAIT_S)
            return b"".join(iter(lambda: client.recv(65536), b""))

        assert await asyncio.to_thread(read_all) == TAIL
        assert await joined == ""


@alone
async def test_who_never_reads_holds_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "TAIL_S", 0.05)
    near, client = pair()
    with client:
        async with asyncio.timeout(WAIT_S):
            await join(await SocketChannel.of(near), Saying(TAIL), nothing, nothing)

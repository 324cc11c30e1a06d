"""Connections that say nothing, or too little, keep no place: raw sockets at a real server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from sync_server import connections
from tests.engine.tls_peers import issue
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import Live, living

ASK = b"GET /alive HTTP/1.1\r\nHost: a\r\n\r\n"
HALF = b"GET /alive HTTP/1.1\r\nHost: a\r\nX-Slow: "
FOR_EVER_S = 600
PAUSE_S = 0.05


class Peer:
    """A connection to a server; `ssl`: by TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def at(cls, live: Live, **options: object) -> Peer:
        return cls(*await asyncio.open_connection("127.0.0.1", port_of(live), **options))  # type: ignore[arg-type]

    async def is_cut(self) -> bool:
        """Wait for the end; tell whether it came without a word."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read(1) == b""
        return True

    async def drip(self) -> bool:
        """Send a byte now and then until the other side ends it; tell whether it did without a word."""
        cut = asyncio.ensure_future(self.is_cut())
        while not cut.done():
            self.writer.write(b"x")
            await asyncio.sleep(PAUSE_S)
        return cut.result()

    async def is_answered(self) -> bool:
        self.writer.write(ASK)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            return (await self.reader.readuntil(b'{"status":"alive"}')).startswith(b"HTTP/1.1 200 ")
        return False


async def answered(live: Live, **options: object) -> Peer:
    """Return a peer whose request was answered; on a machine that stands still one may be cut before it has asked."""
    while True:
        with contextlib.suppress(ConnectionError):
            peer = await Peer.at(live, **options)
            if await peer.is_answered():
                return peer


def port_of(live: Live) -> int:
    return int(live.url.partition("//")[2].partition("/")[0].rpartition(":")[2])


class Wire:
    """A transport that notes what is done with it."""

    def __init__(self) -> None:
        self.done: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_the_head_of_an_answer_goes_with_what_follows_at_once_and_waits_for_nothing_else() -> None:
    async def sent(*pieces: bytes, turns: bool = False, closes: bool = False) -> list[bytes]:
        wire = Wire()
        joined = connections.Joined(wire, asyncio.get_running_loop())  # type: ignore[arg-type]
        for piece in pieces:
            joined.write(piece)
            if turns:
                await asyncio.sleep(0)
        if closes:
            joined.close()
            assert wire.closed and joined.is_closing()
        else:
            await asyncio.sleep(0)
        return wire.done

    large = b"x" * (connections.JOINED_CAP_BYTES + 1)
    assert await sent(b"head", b"body") == [b"headbody"]
    assert await sent(b"head", b"") == [b"head"]
    assert await sent(b"head", b"body", b"more") == [b"headbody", b"more"]
    assert await sent(b"head", b"body", turns=True) == [b"head", b"body"]
    assert await sent(b"head", large) == [b"head", large]
    assert await sent(b"head") == await sent(b"head", closes=True) == [b"head"]
    assert await sent(b"head", b"body", closes=True) == [b"headbody"]
    lost = Wire()
    joined = connections.Joined(lost, asyncio.get_running_loop())  # type: ignore[arg-type]
    joined.write(b"head")
    lost.closed = True
    await asyncio.sleep(0)
    assert lost.done == []


async def test_who_says_nothing_or_too_little_is_cut_and_gives_its_place_back(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database, silent_s=1, connections=4) as live:
        later = await answered(live)
        later.writer.write(HALF)  # the second request of a connection
        kept = await answered(live)  # and says nothing more
        mute, halved = await Peer.at(live), await Peer.at(live)
        halved.writer.write(HALF)
        assert all(await asyncio.gather(later.drip(), halved.drip(), kept.is_cut(), mute.is_cut()))
        for _ in range(4):
            await answered(live)


async def test_beyond_the_cap_a_connection_is_closed_until_another_leaves(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database, silent_s=FOR_EVER_S, connections=2) as live:
        one, two = [await Peer.at(live) for _ in range(2)]
        assert await one.is_answered()
        assert await (await Peer.at(live)).is_cut()
        two.writer.close()
        await answered(live)


async def test_a_handshake_that_does_not_begin_takes_a_place_and_is_cut_too(
    server_database: ServerDatabase, tmp_path: Path
) -> None:
    shown = issue(tmp_path, "noc")
    settings = {"tls_cert": str(shown.path), "public_url": "https://127.0.0.1", "connections": 1}
    trusting = ssl.create_default_context(cafile=str(shown.path))
    async with living(server_database, silent_s=FOR_EVER_S, **settings) as live:
        mute = await Peer.at(live)
        assert await (await Peer.at(live)).is_cut(), "the place is taken"
        mute.writer.close()
    async with living(server_database, silent_s=1, **settings) as live:
        assert await (await Peer.at(live)).is_cut()
        await answered(live, ssl=trusting)


async def test_a_head_without_end_is_refused(server_database: ServerDatabase) -> None:
    async with living(server_database, silent_s=FOR_EVER_S) as live:
        peer = await Peer.at(live)
        peer.writer.write(HALF + b"x" * connections.HEAD_CAP_BYTES)
        assert (await peer.reader.read(100)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("last", [b"keep-alive", b"close"])
async def test_who_takes_no_answer_is_cut(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, last: bytes
) -> None:
    monkeypatch.setattr(connections, "STALL_S", 0.2)
    async with living(server_database, silent_s=FOR_EVER_S) as live:
        loop = asyncio.get_running_loop()
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.setblocking(False)
            await loop.sock_connect(peer, ("127.0.0.1", port_of(live)))
            ask = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\nConnection: " + last + b"\r\n\r\n"
            with pytest.raises(ConnectionError):
                while True:  # reads nothing, and asks for more and more
                    await loop.sock_sendall(peer, ask)
                    await asyncio.sleep(0.01)

"""Bodies without end, drops and deep values on real sockets of a server that is a process: refused early, and it grows by little.

Counterparts: `test_every_body.py`, every route without a socket; `test_connections.py`, heads that come slowly.
One rule: what is measured is the process's own: the most memory it ever had, and what it has read of its sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from pathlib import Path

import pytest

from sync_server.api import bodies
from tests.server.clients import Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import living
from tests.server.live_process import Process, process
from tests.server.pushing import pusher
from tests.server.test_connections import Peer, port_of

GIGABYTE = 1 << 30
PIECE = b"x" * 65_536
SENT_CAP_BYTES = 24 << 20
"""What a client gets rid of at most: a megabyte that is read, and what the two systems' buffers hold."""
GROWTH_CAP_BYTES = 48 << 20
AT_ONCE = 8
SLOW = 150
"""Clients of each kind that send a byte now and then."""


def most_memory(server: Process) -> int:
    """Return the most memory that a process ever had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.program.pid}/status").read_text("ascii"))
    assert found is not None
    return int(found[1]) * 1024


def address_of(server: Process) -> tuple[str, int]:
    host, _, port = server.address.partition("//")[2].rpartition(":")
    return host, int(port)


async def flood(server: Process, path: str, kind: str, token: str, *, chunked: bool) -> tuple[int, int]:
    """Send a gigabyte, or as much as is taken; return the status of the answer and how many bytes were taken."""
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIGABYTE}"
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nAuthorization: Bearer {token}\r\n{size}\r\n\r\n"
    piece = b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if chunked else PIECE
    loop, sent = asyncio.get_running_loop(), 0
    with socket.socket() as peer:
        peer.setblocking(False)
        await loop.sock_connect(peer, address_of(server))
        answer = asyncio.ensure_future(loop.sock_recv(peer, 64))  # before the reset that follows it
        await loop.sock_sendall(peer, head.encode())
        with contextlib.suppress(ConnectionError):
            while sent < GIGABYTE:
                await loop.sock_sendall(peer, piece)
                sent += len(piece)
        return int((await answer).split()[1]), sent


async def people(server: Server) -> tuple[str, str]:
    """Return the tokens of an engineer and of a device."""
    root = await server.found()
    await server.tenant(root)
    return (await server.member(root, "engineer")).token, (await pusher(server, root)).secret


async def test_a_gigabyte_is_refused_before_it_is_read_and_deep_values_cost_nothing(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer, device = await people(server)
    with process(server_database.requests) as told:
        json, form = "application/json", "application/x-www-form-urlencoded"
        reader, writer = await asyncio.open_connection(*address_of(told))
        deep = b"[" * 400_000 + b"]" * 400_000
        for content in (b'{"edits":%s}' % deep, deep, b'{"a":' * 150_000):
            head = f"POST /api/v1/edits HTTP/1.1\r\nHost: a\r\nContent-Type: {json}\r\nAuthorization: Bearer {engineer}\r\n"
            writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
            said = await reader.readuntil(b"}}")
            assert said.startswith(b"HTTP/1.1 422 "), said[:200]
        writer.close()
        before = most_memory(told)
        work = [
            flood(told, path, kind, token, chunked=chunked)
            for path, kind, token in (
                ("/api/v1/edits", json, engineer),
                ("/api/v1/telemetry", json, device),
                ("/admin/login", form, ""),
                ("/api/v1/auth/login", json, ""),
            )
            for chunked in (True, False)
            for _ in range(AT_ONCE // 4)
        ]
        done = await asyncio.gather(*work)
        assert {status for status, _ in done} == {413}
        assert max(sent for _, sent in done) < SENT_CAP_BYTES
        grown = most_memory(told) - before
        assert grown < GROWTH_CAP_BYTES, f"{grown / 2**20:.0f} MiB more"


async def test_many_who_send_a_byte_now_and_then_end_and_keep_nobody_waiting(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "WAIT_S", 3.0)
    async with living(server_database, silent_s=3, connections=2 * SLOW + 10) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        body = f"POST /api/v1/sites HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {root.token}\r\nContent-Length: 900\r\n"
        body += "Content-Type: application/json\r\n\r\n"
        slow: list[Peer] = []
        for number in range(2 * SLOW):
            slow.append(await Peer.at(live))
            slow[-1].writer.write(body.encode() if number % 2 else b"GET /alive HTTP/1.1\r\nX-Slow: ")
        ends = asyncio.gather(*(dripped(peer) for peer in slow))
        answered = 0
        while not ends.done():
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(live))
            writer.write(b"GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
            answered += 1
        said = ends.result()
        assert answered > 1
        assert {one[:13] for one in said[1::2]} == {b"HTTP/1.1 408 "}
        assert set(said[::2]) == {b""}
        assert await live.server.owner.fetchval("SELECT count(*) FROM site") == 0


async def dripped(peer: Peer) -> bytes:
    """Send a byte now and then until the other side says something or ends; return what it said."""
    answer = asyncio.ensure_future(peer.reader.read(64))
    while not answer.done():
        with contextlib.suppress(ConnectionError):
            peer.writer.write(b" ")
        await asyncio.sleep(0.2)
    try:
        return answer.result()
    except ConnectionError:
        return b""
    finally:
        peer.writer.transport.abort()

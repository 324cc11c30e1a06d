"""A server that has been asked too much is asked again in its time, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from domain.errors import RefusedByRule
from domain.vault import Secret
from engine.sync.address import ServerAddress
from engine.sync.calls import BUSY_S, ServerCalls
from engine.transport.tcp import TcpTransport

OPENED = b'{"success":true,"data":{"access_token":"a","refresh_token":"r"}}'
REFUSED = b'{"success":false,"error":{"code":"RATE_LIMIT_EXCEEDED","message":"too many requests"}}'


def answer(status: int, body: bytes, retry_after: str = "") -> bytes:
    head = f"HTTP/1.1 {status} So\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return (head + (f"Retry-After: {retry_after}\r\n" if retry_after else "") + "\r\n").encode() + body


@asynccontextmanager
async def calling(answers: Sequence[bytes], waits: list[float]) -> AsyncIterator[ServerCalls]:
    """Yield calls to a server that gives these answers, one a connection; `waits` gets how long was waited."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()

    async def wait(seconds_s: float) -> None:
        waits.append(seconds_s)

    tcp, server = TcpTransport(), await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield ServerCalls(tcp, ServerAddress("127.0.0.1", port, is_tls=False), wait=wait)
        assert not left
    finally:
        server.close()
        await tcp.close()


async def test_a_turn_is_waited_for_as_long_as_the_server_says() -> None:
    waits: list[float] = []
    busy = answer(429, REFUSED, "8"), answer(429, REFUSED)
    async with calling([*busy, answer(200, OPENED)], waits) as calls:
        assert (await calls.log_in("mara", Secret("x"), "", None)).access_token == "a"
    assert waits == [8.0, 1.0]


@pytest.mark.parametrize(
    ("answers", "waited"),
    [(3 * [answer(429, REFUSED, "2")], 2), ([answer(429, REFUSED, str(round(BUSY_S) + 1))], 0)],
)
async def test_who_is_refused_three_times_or_for_too_long_is_told(answers: list[bytes], waited: int) -> None:
    waits: list[float] = []
    async with calling(answers, waits) as calls:
        with pytest.raises(RefusedByRule) as caught:
            await calls.log_in("mara", Secret("x"), "", None)
    assert caught.value.refusals[0].code == "RATE_LIMIT_EXCEEDED"
    assert len(waits) == waited

"""TCP: every wait ends, every amount has a cap, every failure names the address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from domain.errors import BadReply, NoAnswer, Refused, Unsupported
from engine.transport.tcp import TcpTransport, bounded
from tests.engine.peers import Talk, tcp_peer
from tests.ports import free_port


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


def run(conversation: Callable[[TcpTransport], Awaitable[None]]) -> None:
    async def main() -> None:
        transport = TcpTransport()
        try:
            await conversation(transport)
        finally:
            await transport.close()

    asyncio.run(main())


def against(talk: Talk, conversation: Callable[[TcpTransport, int], Awaitable[None]]) -> None:
    async def main(tcp: TcpTransport) -> None:
        async with tcp_peer(talk) as port:
            await conversation(tcp, port)

    run(main)


def test_what_is_sent_is_read_without_waiting_for_more() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)).upper())
        await reader.read(1)

    async def conversation(tcp: TcpTransport, port: int) -> None:
        stream = await tcp.connect("127.0.0.1", port, 30.0)
        stream.budget_bytes = 100
        stream.write(b"hello")
        assert await stream.read() == b"HELLO"
        sock = stream._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    against(talk, conversation)


def test_a_closed_port_is_refused_by_name() -> None:
    async def conversation(tcp: TcpTransport) -> None:
        port = free_port()
        with pytest.raises(Refused, match=f"127.0.0.1:{port} refuses connections"):
            await tcp.connect("127.0.0.1", port, 30.0)

    run(conversation)


def test_a_connection_that_is_never_accepted_ends_in_time() -> None:
    async def conversation(tcp: TcpTransport) -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            with pytest.raises(NoAnswer, match=rf"no answer from 127.0.0.1:{port} in 0.1 s \(connecting\)"):
                for _ in range(4):
                    await tcp.connect("127.0.0.1", port, 0.1)

    run(conversation)


def test_a_byte_at_a_time_does_not_stretch_the_limit() -> None:
    sent = 0

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(b"x")
            sent += 1
            await asyncio.sleep(0.02)

    async def conversation(tcp: TcpTransport, port: int) -> None:
        stream = await tcp.connect("127.0.0.1", port, 30.0)
        stream.budget_bytes = 1000
        with pytest.raises(NoAnswer, match=r"in 1 s \(reading\)"):
            async with bounded(stream.where, "reading", 1.0):
                while True:
                    await stream.read()

    against(drip, conversation)
    assert sent > 2


def test_an_endless_reply_is_cut_at_the_budget() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async def conversation(tcp: TcpTransport, port: int) -> None:
        stream = await tcp.connect("127.0.0.1", port, 30.0)
        stream.budget_bytes = 1_000_000
        got = 0
        with pytest.raises(BadReply, match="sends more than it was asked for"):
            while True:
                got += len(await stream.read())
        assert got <= 1_000_000

    against(flood, conversation)


def test_a_device_that_hangs_up_is_said_to_have_closed() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def conversation(tcp: TcpTransport, port: int) -> None:
        stream = await tcp.connect("127.0.0.1", port, 30.0)
        with pytest.raises(Refused, match=f"127.0.0.1:{port} closed the connection"):
            await stream.read()
        assert stream.is_closed

    against(hang_up, conversation)


def test_a_reset_is_said_to_have_closed() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async def conversation(tcp: TcpTransport, port: int) -> None:
        stream = await tcp.connect("127.0.0.1", port, 30.0)
        stream.write(b"xy")
        with pytest.raises(Refused, match="closed the connection"):
            async with bounded(stream.where, "reading", 30.0):
                while True:
                    await stream.read()

    against(reset, conversation)


def test_whoever_brings_places_of_his_own_takes_none_of_those_that_polling_has() -> None:
    async def conversation(tcp: TcpTransport, port: int) -> None:
        tunnels = asyncio.Semaphore(1)
        async with tunnels:
            waiting = asyncio.ensure_future(tcp.connect_socket("127.0.0.1", port, 30.0, tunnels))
            (await tcp.connect("127.0.0.1", port, 30.0)).close()
            assert not waiting.done()
        (await waiting).close()

    against(silent, conversation)


def test_names_are_not_looked_up() -> None:
    async def conversation(tcp: TcpTransport) -> None:
        with pytest.raises(Unsupported, match=r"got 'router\.example' port 22"):
            await tcp.connect("router.example", 22, 30.0)

    run(conversation)


def test_closing_closes_what_is_open_and_lets_nothing_new_open() -> None:
    async def conversation(tcp: TcpTransport, port: int) -> None:
        stream = await tcp.connect("127.0.0.1", port, 30.0)
        await tcp.close()
        assert stream.is_closed
        with pytest.raises(NoAnswer, match="closing"):
            await tcp.connect("127.0.0.1", port, 30.0)

    against(silent, conversation)

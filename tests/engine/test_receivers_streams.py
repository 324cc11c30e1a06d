"""Syslog over TCP: read to its end, in batches, from so many connections, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from engine.transport import listening
from tests.engine.peers import until
from tests.engine.reception import Reception, here, run
from tests.ports import free_port


def over_tcp(conversation: Callable[[Reception, int], Awaitable[None]]) -> Reception:
    port = free_port()
    settings = msgspec.structs.replace(here(syslog_tcp_port=port), sender_burst=10_000)
    return run(lambda reception: conversation(reception, port), settings)


def test_a_stream_is_read_to_its_end_in_batches_the_last_line_without_a_feed_too() -> None:
    async def conversation(reception: Reception, port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(b"<13>line %d\n" % n for n in range(200)) + b"<13>the end")
        writer.write_eof()
        await until(lambda: len(reception.rows) == 201)
        writer.close()

    reception = over_tcp(conversation)
    assert [text for _, text in reception.said()] == [*(f"line {n}" for n in range(200)), "the end"]


def test_a_sender_has_so_many_connections_and_the_silent_ones_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "CONNECTIONS_CAP", 10)

    async def conversation(reception: Reception, port: int) -> None:
        async def connect(host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))

        first = [await connect("127.0.0.1") for _ in range(8)]
        reader, _ = await connect("127.0.0.1")
        assert await reader.read() == b""  # one too many: it is closed
        first[0][1].write(b"<13>still here\n")
        await until(lambda: len(reception.rows) == 1)
        second = [await connect("127.0.0.2") for _ in range(3)]
        assert await first[1][0].read() == b""  # the one that was silent for longest
        for number, (_, writer) in enumerate([first[0], *first[2:], *second]):
            writer.write(b"<13>%d\n" % number)
        await until(lambda: sum(reception.receivers.state.received.values()) == 11)
        for _, writer in [*first, *second]:
            writer.close()

    over_tcp(conversation)


def test_a_stream_of_nonsense_costs_its_sender_a_bounded_buffer() -> None:
    async def conversation(reception: Reception, port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\xff" * 3_000_000 + b"\n<13>sane\n")
        await until(lambda: ("syslog", "sane") in reception.said())
        listener = reception.receivers._open["syslog_tcp"].listener
        assert isinstance(listener, listening.StreamListener)
        assert [len(c._frames._held) for c in listener.connections] == [0]  # type: ignore[attr-defined]
        writer.close()

    over_tcp(conversation)

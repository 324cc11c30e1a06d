"""A server that says nothing any more: the line to it ends after 15 s, in virtual time, over a stream that the test plays."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol

from domain.sync import DEAD_AFTER_S, Alive, encode
from engine.sync.address import ServerAddress
from engine.sync.line import Line, LineLost
from tests.unit.virtual_time import run


class Stream:
    """A trusted connection whose other side speaks WebSocket, or falls silent."""

    def __init__(self) -> None:
        self.budget_bytes = 0
        self.is_closed = False
        self._server = ServerProtocol()
        self._data: asyncio.Queue[bytes] = asyncio.Queue()

    def write(self, data: bytes) -> None:
        """Hear what the engine says; agree to the protocol."""
        self._server.receive_data(data)
        for event in self._server.events_received():
            if isinstance(event, Request):
                self._server.send_response(self._server.accept(event))
            assert isinstance(event, Request | Frame)
        self._flush()

    def say(self, data: bytes) -> None:
        """Say a frame."""
        self._server.send_binary(data)
        self._flush()

    async def read(self) -> bytes:
        """Return what is said next, if ever."""
        return await self._data.get()

    def close(self) -> None:
        """Be closed."""
        self.is_closed = True

    def _flush(self) -> None:
        for data in self._server.data_to_send():
            self._data.put_nowait(data)


async def opened() -> tuple[Line, Stream]:
    """Return a line and its other side."""
    stream = Stream()
    line = await Line.opened(stream, ServerAddress("noc.example.org", 443))  # type: ignore[arg-type]
    return line, stream


def test_a_line_that_is_dead_without_saying_so_ends_in_time_and_not_before() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        line, stream = await opened()
        for _ in range(3):  # whoever is alive says so every five
            loop.call_later(DEAD_AFTER_S - 0.5, stream.say, encode(Alive(1)))
            assert isinstance(await line.hear(), Alive)
        began_s = loop.time()
        line.tell(Alive(2))  # to speak is not to hear
        with pytest.raises(LineLost, match=f"nothing was heard of the server for {DEAD_AFTER_S:g} s"):
            await line.hear()
        assert loop.time() - began_s == pytest.approx(DEAD_AFTER_S)

    run(main())


def test_a_server_that_takes_the_connection_and_agrees_to_nothing_is_left_in_time() -> None:
    class Deaf(Stream):
        def write(self, data: bytes) -> None:
            pass

    async def main() -> None:
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await Line.opened(Deaf(), ServerAddress("noc.example.org", 443))  # type: ignore[arg-type]
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(DEAD_AFTER_S)

    run(main())


def test_a_message_that_only_a_newer_program_knows_is_passed_over() -> None:
    async def main() -> None:
        line, stream = await opened()
        stream.say(msgspec.msgpack.encode({"type": "of_a_later_release"}))
        stream.say(encode(Alive(3)))
        assert await line.hear() == Alive(3) and not line.left_out

    run(main())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (msgspec.msgpack.encode({"type": "lease", "fence": "x", "for_s": 1.0}), "does not know"),
        (b"\xc1", "does not know"),
    ],
)
def test_what_this_program_does_not_know_ends_the_line_and_says_what_to_do(data: bytes, said: str) -> None:
    async def main() -> Any:
        line, stream = await opened()
        stream.say(data)
        with pytest.raises(LineLost, match=said):
            await line.hear()

    run(main())

"""Many streams in one line: what passes, what waits, what breaks the line, and what a lost line does."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

import pytest

from engine.access.bundle import CLOSE, CREDIT, DATA, EOF, OPEN, WINDOW_BYTES, BadFrame, Bundle, Strand
from engine.access.channel import PIECE_BYTES, ChannelLost


class Wire:
    """Two bundles; frames lie in between until they are carried."""

    def __init__(self) -> None:
        self.to_far: deque[bytes] = deque()
        self.to_near: deque[bytes] = deque()
        self.answered: list[Strand] = []
        self.near = Bundle(self.to_far.append)
        self.far = Bundle(self.to_near.append, self.answered.append)

    def carry(self) -> None:
        """Carry what lies there, and what that brings about."""
        while self.to_far or self.to_near:
            if self.to_far:
                self.far.hear(self.to_far.popleft())
            if self.to_near:
                self.near.hear(self.to_near.popleft())

    def joined(self) -> tuple[Strand, Strand]:
        """Return both ends of a new stream."""
        near = self.near.open()
        self.carry()
        return near, self.answered[-1]


def run(test: Callable[[Wire], object]) -> None:
    async def whole() -> None:
        await test(Wire())  # type: ignore[misc]

    asyncio.run(whole())


def test_what_is_written_at_one_end_is_read_at_the_other() -> None:
    async def test(wire: Wire) -> None:
        a, b = wire.joined()
        c, d = wire.joined()
        await a.write(b"one")
        await d.write(b"two")
        await a.write_eof()
        wire.carry()
        assert (await b.read(), await b.read(), await c.read()) == (b"one", b"", b"two")
        await b.write(b"still")
        wire.carry()
        assert await a.read() == b"still"

    run(test)


def test_one_that_is_not_read_waits_alone_and_holds_no_more_than_its_window() -> None:
    async def test(wire: Wire) -> None:
        slow, idle = wire.joined()
        quick, other = wire.joined()
        writing = asyncio.ensure_future(slow.write(bytes(WINDOW_BYTES + 1)))
        await asyncio.sleep(0)
        wire.carry()
        assert not writing.done()
        assert idle._held_bytes == WINDOW_BYTES
        await quick.write(b"x")
        wire.carry()
        assert await other.read() == b"x"
        got = 0
        while got < WINDOW_BYTES + 1:
            got += len(await idle.read())
            wire.carry()
            await asyncio.sleep(0)
            wire.carry()
        await writing

    run(test)


def test_whatever_order_ends_take_turns_in_all_bytes_come_in_theirs() -> None:
    async def test(wire: Wire) -> None:
        chance = random.Random(7)
        pairs = [wire.joined() for _ in range(4)]
        sent = [bytes(chance.randbytes(chance.randrange(3 * WINDOW_BYTES))) for _ in pairs]

        async def write(strand: Strand, data: bytes) -> None:
            await strand.write(data)
            await strand.write_eof()

        async def read(strand: Strand) -> bytes:
            got = b""
            while data := await strand.read():
                got += data
                await asyncio.sleep(0)
            return got

        async def carry() -> None:
            while True:
                for lane, bundle in ((wire.to_far, wire.far), (wire.to_near, wire.near)):
                    for _ in range(chance.randrange(4)):
                        if lane:
                            bundle.hear(lane.popleft())
                await asyncio.sleep(0)

        carrying = asyncio.ensure_future(carry())
        ends = [(a, b) if chance.random() < 0.5 else (b, a) for a, b in pairs]
        writing = [write(one, data) for (one, _), data in zip(ends, sent, strict=True)]
        got = await asyncio.gather(*(read(other) for _, other in ends), *writing)
        assert got[: len(sent)] == sent
        carrying.cancel()

    run(test)


def test_a_close_says_why_after_what_was_sent_is_read() -> None:
    async def test(wire: Wire) -> None:
        a, b = wire.joined()
        await b.write(b"last")
        b.close("10.0.0.1:22 refuses connections")
        wire.carry()
        assert await a.read() == b"last"
        with pytest.raises(ChannelLost, match="refuses connections"):
            await a.read()
        with pytest.raises(ChannelLost):
            await a.write(b"x")
        assert not wire.near._strands
        assert not wire.far._strands

    run(test)


def test_a_lost_line_ends_all_and_whoever_waits() -> None:
    async def test(wire: Wire) -> None:
        a, _ = wire.joined()
        reading = asyncio.ensure_future(a.read())
        await asyncio.sleep(0)
        wire.near.lose("hill hung up")
        with pytest.raises(ChannelLost, match="hill hung up"):
            await reading
        with pytest.raises(ChannelLost, match="hill hung up"):
            wire.near.open()

    run(test)


def test_whoever_ends_a_line_tells_each_stream_why_and_hears_nothing_more() -> None:
    async def test(wire: Wire) -> None:
        a, b = wire.joined()
        c, _ = wire.joined()
        wire.far.end("it carries nothing for others there")
        for strand in (a, c, b):
            wire.carry()
            with pytest.raises(ChannelLost, match="carries nothing for others"):
                await strand.read()
        wire.far.hear(bytes([OPEN, 0, 0, 0, 9]))
        assert len(wire.answered) == 2

    run(test)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x01\x00",
        bytes([99]) + bytes(4),
        bytes([OPEN, 0, 0, 0, 1]),
        bytes([DATA, 0, 0, 0, 1]) + bytes(WINDOW_BYTES + 1),
        bytes([CREDIT, 0, 0, 0, 1, 0, 0, 0, 1]),
        bytes([CREDIT, 0, 0, 0, 1, 0]),
    ],
    ids=["empty", "short", "unknown", "opened again", "beyond the window", "given too much", "half a number"],
)
def test_a_frame_that_breaks_the_rules_is_told_apart(frame: bytes) -> None:
    async def test(wire: Wire) -> None:
        wire.joined()
        with pytest.raises(BadFrame):
            wire.far.hear(frame)

    run(test)


def test_frames_of_streams_that_are_over_are_nothing() -> None:
    async def test(wire: Wire) -> None:
        wire.joined()
        for kind in (DATA, EOF, CLOSE, CREDIT):
            wire.far.hear(bytes([kind, 0, 0, 0, 9, 1]))

    run(test)


def test_the_end_that_opens_answers_nothing() -> None:
    async def test(wire: Wire) -> None:
        with pytest.raises(BadFrame):
            wire.near.hear(bytes([OPEN, 0, 0, 0, 1]))

    run(test)


def test_a_piece_is_no_larger_than_a_frame_may_be() -> None:
    async def test(wire: Wire) -> None:
        a, _ = wire.joined()
        await a.write(bytes(WINDOW_BYTES))
        assert max(map(len, wire.to_far)) == PIECE_BYTES + 5

    run(test)

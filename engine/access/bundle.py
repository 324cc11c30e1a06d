"""Many streams in one line of frames. Counterpart: itself, at the other end; `relay.py` has the line.

Theory: a frame is a kind, the number of a stream, and data. Who opens tunnels opens streams, the other end answers them. What a
stream may have on its way is `WINDOW_BYTES`; who reads gives back what he took. So one that nobody reads fills its own window
and holds up no other, and neither end holds more than its windows, whatever the line between takes.
One rule: a frame is somebody's data: what breaks these rules ends the line.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from itertools import count

from domain.text import clean_text
from domain.tunnels import CONNECTIONS_CAP
from engine.access.channel import PIECE_BYTES, ChannelLost

OPEN, DATA, EOF, CLOSE, CREDIT, BEAT = range(1, 7)
WINDOW_BYTES = 256 * 1024
GIVE_BACK_BYTES = WINDOW_BYTES // 4
WHY_CAP = 300
_HEAD = struct.Struct(">BI")
_AMOUNT = struct.Struct(">I")


class BadFrame(Exception):
    """The other end breaks the rules; the message says which."""


class Bundle:
    """The streams of one line. `send` takes a frame and never waits; `answer` gets each stream that the other end opens, None:
    it may open none."""

    def __init__(self, send: Callable[[bytes], None], answer: Callable[[Strand], None] | None = None) -> None:
        self._send = send
        self._answer = answer
        self._strands: dict[int, Strand] = {}
        self._numbers = count(1)
        self._last = 0
        self.why_lost: str | None = None

    def open(self) -> Strand:
        """Open a stream. Raises ChannelLost where the line is over."""
        if self.why_lost is not None:
            raise ChannelLost(self.why_lost)
        number = next(self._numbers)
        strand = self._strands[number] = Strand(self, number)
        self.send(OPEN, number)
        return strand

    def beat(self) -> None:
        """Say that this end lives."""
        self.send(BEAT, 0)

    def hear(self, frame: bytes) -> None:
        """Take a frame; of a line that is over none counts. Raises BadFrame."""
        if len(frame) < _HEAD.size:
            raise BadFrame(f"frames of {_HEAD.size} bytes and more expected, got {len(frame)}")
        kind, number = _HEAD.unpack_from(frame)
        data = frame[_HEAD.size :]
        if kind == BEAT or self.why_lost is not None:
            return
        if kind == OPEN:
            self._on_open(number)
            return
        if not DATA <= kind <= CREDIT:
            raise BadFrame(f"a kind of frame that is not known: {kind}")
        if (strand := self._strands.get(number)) is not None:
            strand.hear(kind, data)

    def lose(self, why: str) -> None:
        """The line is over, and all its streams."""
        if self.why_lost is None:
            self.why_lost = why
            strands, self._strands = list(self._strands.values()), {}
            for strand in strands:
                strand.lose(why)

    def end(self, why: str) -> None:
        """Be done with the line: of each stream the other end is told why."""
        for strand in list(self._strands.values()):
            strand.close(why)
            strand.lose(why)
        self.lose(why)

    def send(self, kind: int, number: int, data: bytes = b"") -> None:
        """Send a frame, if the line is there."""
        if self.why_lost is None:
            self._send(_HEAD.pack(kind, number) + data)

    def forget(self, number: int) -> None:
        """A stream is over here."""
        self._strands.pop(number, None)

    def _on_open(self, number: int) -> None:
        if self._answer is None or number <= self._last:
            raise BadFrame("a stream was opened that may not be")
        self._last = number
        if len(self._strands) >= CONNECTIONS_CAP:
            self.send(CLOSE, number, b"too many connections")
            return
        strand = self._strands[number] = Strand(self, number)
        self._answer(strand)


class Strand:
    """One stream of a bundle: a `Channel`."""

    def __init__(self, bundle: Bundle, number: int) -> None:
        self._bundle, self._number = bundle, number
        self._pieces: deque[bytes] = deque()
        self._held_bytes = self._taken_bytes = 0
        self._credit_bytes = WINDOW_BYTES
        self._has_ended = self._is_closed = False
        self._why_lost: str | None = None
        self._news = asyncio.Event()
        self.on_lost: Callable[[], object] | None = None
        """Hears at once that nothing is taken any more, for whoever neither reads nor writes."""

    async def read(self) -> bytes:
        """As Channel."""
        while not self._pieces:
            if self._has_ended:
                return b""
            if self._why_lost is not None:
                raise ChannelLost(self._why_lost)
            await self._wait()
        data = self._pieces.popleft()
        self._held_bytes -= len(data)
        self._taken_bytes += len(data)
        if self._taken_bytes >= GIVE_BACK_BYTES:
            self._bundle.send(CREDIT, self._number, _AMOUNT.pack(self._taken_bytes))
            self._taken_bytes = 0
        return data

    async def write(self, data: bytes) -> None:
        """As Channel."""
        rest = memoryview(data)
        while rest:
            while self._credit_bytes <= 0 and self._why_lost is None:
                await self._wait()
            if self._why_lost is not None:
                raise ChannelLost(self._why_lost)
            piece = rest[: min(self._credit_bytes, PIECE_BYTES)]
            self._credit_bytes -= len(piece)
            self._bundle.send(DATA, self._number, bytes(piece))
            rest = rest[len(piece) :]

    async def write_eof(self) -> None:
        """As Channel."""
        self._bundle.send(EOF, self._number)

    def close(self, why: str = "") -> None:
        """As Channel; the other end is told why."""
        if not self._is_closed:
            self._is_closed = True
            self._bundle.send(CLOSE, self._number, why.encode()[:WHY_CAP])
            self._bundle.forget(self._number)

    # What the bundle hears

    def hear(self, kind: int, data: bytes) -> None:
        """Take what the other end says. Raises BadFrame."""
        if kind == DATA:
            self._held_bytes += len(data)
            if self._has_ended or self._held_bytes + self._taken_bytes > WINDOW_BYTES:
                raise BadFrame("more was sent than there is room for")
            if data:
                self._pieces.append(data)
        elif kind == EOF:
            self._has_ended = True
        elif kind == CLOSE:
            self._bundle.forget(self._number)
            self._is_closed = True
            self.lose(clean_text(data.decode("utf-8", "replace"), WHY_CAP) or "the connection was closed")
        elif len(data) != _AMOUNT.size or _AMOUNT.unpack(data)[0] > WINDOW_BYTES - self._credit_bytes:
            raise BadFrame("more room was given back than was taken")
        else:
            self._credit_bytes += _AMOUNT.unpack(data)[0]
        self._news.set()

    def lose(self, why: str) -> None:
        """No more comes, and nothing is taken."""
        self._why_lost = why
        self._news.set()
        if self.on_lost is not None:
            self.on_lost()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

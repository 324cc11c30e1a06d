"""What server processes tell each other. Counterparts: `notices.py` and `stream.py`, the two ways; `hub.py`, who says and hears.

Theory: news ("something of this tenant was touched") are said by the transaction that writes (`sync.say`), hold nothing but an
id, and are told of until they are heard: what they mean is read from PostgreSQL. What is momentary (numbers, who was heard) is
said by `say`, goes to the other processes, and may be lost. Either goes by NATS where it is set, by LISTEN/NOTIFY where not.
What is said within a moment goes together, in frames as large as the way takes; what is larger than a frame goes in pieces. A
frame is signed with a key of the server's secret, which all processes share: a payload of anybody else is dropped and counted.
Signed are the run of its sender, a number that grows, and when: what was heard before is dropped and counted too, and so is what
is older than `FRESH_S` of a sender that was not heard yet, so that who can only repeat frames says nothing. Who is known
is so by numbers, whatever its clock does. News are kept by a way and come late, and may be repeated: a frame that is heard
as news counts for nothing else.
One rule: whoever may have missed news is told (`on_gap`), and asks the database.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from hashlib import blake2b
from itertools import count
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID, uuid4

import msgspec

from engine.tasks import end, keep
from sync_server.database import Database
from sync_server.security.keyring import Keyring

_log = logging.getLogger("sync_server.live")

PURPOSE = "bus 2"
FRESH_S = 60.0
"""How old the first frame of a sender may be, and how far the clocks of two servers may differ."""
KNOWN_S = 3_600.0
"""How long a sender is known that says nothing."""
APART_S = 120.0
"""How long it is said of a frame that was dropped for its age; again after as long."""
PAYLOAD_CAP_BYTES = 256 * 1024
WAITING_CAP_BYTES = 8 * 1024 * 1024
"""What may wait to be said; then the oldest is dropped."""
GATHER_S = 0.02
NEWS_AT_ONCE = 64
NEWS_CAP = 20_000
"""News that wait for a way; beyond, the others find out when they ask."""
RETRY_S = 1.0
PIECES_CAP = 256
"""Of one payload."""
WHOLES_CAP = 64
"""Payloads of which some pieces have come."""
_MAC_BYTES = 16
_HEAD_BYTES = 128
"""What a frame and a piece take beside the payload, at most."""

Hear: TypeAlias = Callable[[UUID, bytes], None]


class Piece(msgspec.Struct, array_like=True, frozen=True):
    """A payload, or the `place`th of `of` pieces of it; `number` says of which."""

    kind: str
    id: UUID
    payload: bytes
    number: int = 0
    place: int = 0
    of: int = 1


class Frame(msgspec.Struct, array_like=True, frozen=True):
    """What a process says at once: under a number that is greater than that of the frame before, and when, by its clock."""

    process: UUID
    number: int
    at_us: int
    pieces: tuple[Piece, ...]


class _Last(NamedTuple):
    """The newest number and time of a sender, and when it was heard by the monotonic clock."""

    number: int
    at_us: int
    heard_s: float


class News(NamedTuple):
    """A channel and an id."""

    channel: str
    id: UUID


class Way(Protocol):
    """How frames get to the other processes. `hear` and `gap` of the bus are called by `run`, which ends only when cancelled."""

    name: str
    is_up: bool
    why: str
    frame_bytes: int

    async def run(self, bus: Bus) -> None: ...
    async def carry(self, frames: Sequence[bytes]) -> None:
        """Send frames that may be lost. Raises OSError where they are."""
        ...

    @property
    def tell(self) -> Callable[[News, bytes], Awaitable[None]] | None:
        """What sends news that this process wrote, raising OSError where that is not certain; None: the database does."""


class Bus:
    """What this process says and hears. Made within its loop; `close` before the database."""

    def __init__(
        self,
        way: Way,
        database: Database,
        keyring: Keyring,
        now_s: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.process = uuid4()
        self.said = self.heard = self.dropped = self.broken = self.stale = 0
        """Payloads said, heard of others, not said for want of room or of a way; frames that were none of ours, and those that
        were heard before or are too old."""
        self._way = way
        self._keys = tuple(keyring.keys(PURPOSE).values())
        self._handlers: dict[str, Hear] = {}
        self._on_gap: Callable[[], None] = lambda: None
        self._out: deque[Piece] = deque()
        self._out_bytes = 0
        self._is_due = asyncio.Event()
        self._news: dict[News, None] = {}
        self._are_news_due = asyncio.Event()
        self._wholes: dict[tuple[UUID, int], dict[int, bytes]] = {}
        self._number = 0
        self._frames = count(1)
        self._last: dict[UUID, _Last] = {}
        """Of each process that was heard lately."""
        self._now_s = now_s
        self._clock = clock
        self._apart_s = 0.0
        self._apart_until_s = self._apart_said_s = -math.inf
        self._encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
        self._decoder = msgspec.msgpack.Decoder(Frame)
        self._database = database
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, handlers: dict[str, Hear], on_gap: Callable[[], None]) -> None:
        """Begin to hear: a handler for each kind and each channel; `on_gap` where news may have been missed."""
        self._handlers, self._on_gap = handlers, on_gap
        self._tasks.append(keep("bus", lambda: self._way.run(self)))
        self._tasks.append(keep("saying", self._say_all))
        if (tell := self._way.tell) is not None:
            self._database.on_said = self._on_said
            self._tasks.append(keep("telling news", lambda: self._tell_news(tell)))

    async def close(self) -> None:
        """Say and hear no more."""
        self._database.on_said = None
        await end(*self._tasks)

    @property
    def is_up(self) -> bool:
        """Whether news come as they happen; where not, rooms ask."""
        return self._way.is_up

    @property
    def why(self) -> str:
        """Why no news come, where the way knows more of it than that it was lost."""
        return self._way.why

    @property
    def way(self) -> str:
        """By what news come: "nats" or "postgresql"."""
        return self._way.name

    @property
    def knows_others(self) -> bool:
        """Whether another process was heard within the last hour."""
        return bool(self._last)

    @property
    def apart_s(self) -> float:
        """How far the clock of a sender is off that is not heard for it, by what came lately; 0 where there is none."""
        return self._apart_s if self._clock() < self._apart_until_s else 0.0

    def say(self, kind: str, tenant: UUID, payload: bytes) -> None:
        """Tell the other processes, soon; it is dropped where there is no way, or too much waits already."""
        if len(payload) > PAYLOAD_CAP_BYTES or not self.is_up:
            self.dropped += 1
            return
        room = self._way.frame_bytes - _HEAD_BYTES - _MAC_BYTES
        parts = [payload[at : at + room] for at in range(0, len(payload), room)] or [b""]
        self._number += 1
        for place, part in enumerate(parts):
            self._out.append(Piece(kind, tenant, part, self._number, place, len(parts)))
        self._out_bytes += len(payload)
        while self._out_bytes > WAITING_CAP_BYTES:
            self._out_bytes -= len(self._out.popleft().payload)
            self.dropped += 1
        self._is_due.set()

    # What the ways call

    def hear(self, data: bytes) -> None:
        """Take a frame, whoever it is of."""
        frame = self._opened(data)
        if frame is None:
            self.broken += 1
        elif frame.process != self.process and self._is_new(frame):
            for piece in frame.pieces:
                payload = piece.payload if piece.of == 1 else self._whole(frame.process, piece)
                if payload is not None:
                    self.heard += 1
                    self.notice(piece.kind, piece.id, payload)

    def hear_news(self, data: bytes) -> None:
        """Take a frame of news, which may be old; whatever else it says is nothing."""
        frame = self._opened(data)
        if frame is None or any(piece.payload or piece.of != 1 for piece in frame.pieces):
            self.broken += 1
        elif frame.process != self.process:
            for piece in frame.pieces:
                self.heard += 1
                self.notice(piece.kind, piece.id)

    def notice(self, kind: str, id: UUID, payload: bytes = b"") -> None:
        """Hand on what was heard; a bug in who hears it ends nothing."""
        handler = self._handlers.get(kind)
        if handler is None:
            return
        try:
            handler(id, payload)
        except (msgspec.MsgspecError, ValueError):  # a process of another version says it otherwise
            self.broken += 1

    def gap(self) -> None:
        """News may have been missed."""
        self._wholes.clear()
        self._on_gap()

    def framed(self, pieces: Iterable[Piece]) -> bytes:
        """Return a frame with its signature."""
        frame = Frame(self.process, next(self._frames), round(self._now_s() * 1e6), tuple(pieces))
        body = self._encoder.encode(frame)
        return _mac(self._keys[0], body) + body

    # Within

    def _opened(self, data: bytes) -> Frame | None:
        mac, body = data[:_MAC_BYTES], data[_MAC_BYTES:]
        if not any(hmac.compare_digest(mac, _mac(key, body)) for key in self._keys):
            return None
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, RecursionError):
            return None

    def _is_new(self, frame: Frame) -> bool:
        """Tell whether a frame was not heard before; the first of a sender is to be fresh."""
        now_us, now_s, last = round(self._now_s() * 1e6), self._clock(), self._last.get(frame.process)
        age_s = (now_us - frame.at_us) / 1e6
        if last is None and abs(age_s) > FRESH_S:
            self.stale += 1
            self._on_apart(age_s, now_s)
            return False
        if last is not None and frame.number <= last.number:
            self.stale += 1
            return False
        at_us = frame.at_us if last is None else max(frame.at_us, last.at_us)
        self._last[frame.process] = _Last(frame.number, at_us, now_s)
        least_us = now_us - round(FRESH_S * 1e6)  # what is older is dropped again for its age
        for id, one in list(self._last.items()):
            if now_s - one.heard_s > KNOWN_S and one.at_us < least_us:
                del self._last[id]
        return True

    def _on_apart(self, age_s: float, now_s: float) -> None:
        """Remember for a while that somebody is not heard for his clock, and say so."""
        self._apart_s, self._apart_until_s = abs(age_s), now_s + APART_S
        if now_s - self._apart_said_s >= APART_S:
            self._apart_said_s = now_s
            _log.warning("frame_too_old", extra={"age_s": round(age_s, 1)})

    def _whole(self, process: UUID, piece: Piece) -> bytes | None:
        """Return a payload once all pieces of it are here."""
        if not 0 <= piece.place < piece.of <= PIECES_CAP:
            return None
        key = process, piece.number
        parts = self._wholes.setdefault(key, {})
        parts[piece.place] = piece.payload
        if len(parts) == piece.of:
            del self._wholes[key]
            return b"".join(parts[place] for place in range(piece.of))
        while len(self._wholes) > WHOLES_CAP:
            del self._wholes[next(iter(self._wholes))]
        return None

    async def _say_all(self) -> None:
        while True:
            await self._is_due.wait()
            await asyncio.sleep(GATHER_S)
            self._is_due.clear()
            frames, count = self._taken()
            try:
                await self._way.carry(frames)
                self.said += count
            except OSError:
                self.dropped += count

    def _taken(self) -> tuple[list[bytes], int]:
        """Return what waits, in frames, and how many pieces it is."""
        frames: list[bytes] = []
        some: list[Piece] = []
        room, count = self._way.frame_bytes - _MAC_BYTES, len(self._out)
        size = _HEAD_BYTES
        while self._out:
            piece = self._out.popleft()
            needed = len(piece.payload) + len(piece.kind) + 40
            if some and size + needed > room:
                frames.append(self.framed(some))
                some, size = [], _HEAD_BYTES
            some.append(piece)
            size += needed
        self._out_bytes = 0
        return [*frames, self.framed(some)] if some else frames, count

    def _on_said(self, channel: str, text: str) -> None:
        """Take what a transaction of this process said: its own rooms hear it at once."""
        news = News(channel, UUID(text))
        self.notice(*news)
        if len(self._news) < NEWS_CAP:
            self._news[news] = None
        else:
            self.dropped += 1
        self._are_news_due.set()

    async def _tell_news(self, tell: Callable[[News, bytes], Awaitable[None]]) -> None:
        """Tell the others; what did not arrive for certain is told again, once and not as often as it was said."""
        while True:
            await self._are_news_due.wait()
            self._are_news_due.clear()
            news, self._news = list(self._news)[:NEWS_AT_ONCE], dict.fromkeys(list(self._news)[NEWS_AT_ONCE:])
            frames = [self.framed([Piece(*one, b"")]) for one in news]
            done = await asyncio.gather(*map(tell, news, frames), return_exceptions=True)
            for one, error in zip(news, done, strict=True):
                if isinstance(error, OSError):
                    self._news[one] = None
                elif error is not None:
                    raise error
                else:
                    self.said += 1
            if any(done):
                await asyncio.sleep(RETRY_S)
            if self._news:
                self._are_news_due.set()


def _mac(key: bytes, body: bytes) -> bytes:
    return blake2b(body, key=key, digest_size=_MAC_BYTES).digest()

"""Peers that break the rules, for tests of a client: each trick is one way to be wrong, and nothing else is.

Counterpart: `serving.py`, the routers that keep the rules. One rule: a trick ends when its client leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, cast

from simnet.agent import GET, Agent, Request, decode_request, encode_response
from simnet.ber import BerError, Oid, encode_integer
from simnet.datagrams import Datagrams
from simnet.loopback import System
from simnet.mib import Found
from simnet.mikrotik_mib import mib_of
from simnet.sentences import SentenceError, SentenceReader, encode_length, encode_sentence
from simnet.serving import SimulatedRouter

SnmpTrick = Literal[
    "silent",
    "garbage",
    "wrong_address",
    "wrong_port",
    "wrong_id",
    "wrong_community",
    "stuck_walk",
    "endless_walk",
    "cut_short",
    "huge_length",
    "twice",
]
ApiTrick = Literal[
    "refused",
    "silent",
    "garbage",
    "huge_word",
    "endless_reply",
    "endless_sentence",
    "drip",
    "wrong_tag",
    "hangs_up",
]

HOSTILE_IDENTITY = (
    "<img src=x onerror=alert(1)>\x1b[2J\x1b]0;owned\x07\u202eetanimret\u2066\u200f\x00\r\n\udcff\udcfe"
)
"""Markup, terminal escapes, bidi controls, NUL, a line break and octets that are no UTF-8."""

HUGE_WORD_BYTES = 250 * 1024 * 1024
_CHUNK = b"x" * 65_536
_COMMUNITY = "public"
_FIRST_STEP = 1_000_000


class HostileRouter(SimulatedRouter):
    """A router whose agent and API do one wrong thing each; None leaves the port closed.

    `pace_s` is the time between two octets of "drip".
    """

    def __init__(
        self, *, snmp: SnmpTrick | None = None, api: ApiTrick | None = None, pace_s: float = 1.0
    ) -> None:
        super().__init__(probes=("icmp",), community=_COMMUNITY)
        self._snmp = snmp
        self._api = api
        self._pace_s = pace_s
        self._trickster: _SnmpTrickster | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> HostileRouter:
        """Open the ports that the tricks need."""
        await super().__aenter__()
        system = System()
        if self._snmp is not None:
            agent = Agent(self.router, mib_of("mikrotik"), _COMMUNITY)
            self._trickster = _SnmpTrickster(
                self._snmp, lambda request: agent.respond(request, self.clock()), self._side_door(system)
            )
            await self._trickster.open(system.bind("udp", *self.snmp_address))
        if self._api is not None and self._api != "refused":
            self._server = await asyncio.start_server(
                self._converse, sock=system.bind("tcp", *self.api_address)
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything, whatever is under way."""
        if self._server:
            self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        if self._trickster:
            await self._trickster.close()
        await super().__aexit__(kind, error, trace)

    def _side_door(self, system: System) -> socket.socket | None:
        """A second socket to answer from: another address, or the own address and another port."""
        address, _ = self.snmp_address
        if self._snmp == "wrong_address":
            neighbour = self.loopback.endpoints[self.NEIGHBOUR]
            return system.bind("udp", neighbour.address, neighbour.snmp_port)
        return system.bind("udp", address, 0) if self._snmp == "wrong_port" else None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(ConnectionError, SentenceError):
                await _API_TRICKS[cast(ApiTrick, self._api)](reader, writer, self._pace_s)
        finally:
            self._writers.discard(writer)
            writer.close()


class _SnmpTrickster(Datagrams):
    """Answers every request wrongly; `respond` is what an honest agent would say."""

    def __init__(
        self, trick: SnmpTrick, respond: Callable[[Request], bytes], side_door: socket.socket | None
    ) -> None:
        super().__init__()
        self._trick = trick
        self._respond = respond
        self._side_door = side_door
        self._dice = random.Random(1)  # noqa: S311 - garbage, no secret

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._side_door:
            self._side_door.close()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        try:
            request = decode_request(data)
        except BerError:
            return
        if self._side_door:
            self._side_door.sendto(self._respond(request), addr)
            return
        for datagram in self._spoil(request):
            self.send(datagram, addr)

    def _spoil(self, request: Request) -> list[bytes]:
        reply = self._respond(request)
        spoil: dict[str, Callable[[], list[bytes]]] = {
            "silent": lambda: [],
            "garbage": lambda: [self._dice.randbytes(len(reply))],
            "wrong_id": lambda: [self._respond(replace(request, request_id=request.request_id ^ 1))],
            "wrong_community": lambda: [self._respond(replace(request, community=b"cilbup"))],
            "stuck_walk": lambda: [self._walk(request, reply, step=0)],
            "endless_walk": lambda: [self._walk(request, reply, step=1)],
            "cut_short": lambda: [reply[: len(reply) // 2]],
            "huge_length": lambda: [b"\x30\x84\xff\xff\xff\xff" + reply],
            "twice": lambda: [reply, reply],
        }
        return spoil[self._trick]()

    @staticmethod
    def _walk(request: Request, reply: bytes, step: int) -> bytes:
        """Answer every step of a walk with the name it asked for, or with one a little further, for ever."""
        if request.kind == GET:
            return reply
        found = [Found(_step(name) if step else name, encode_integer(1)) for name in request.names]
        return encode_response(request, found)


def _step(name: Oid) -> Oid:
    """Go one further inside the subtree that was asked for, and never out of it."""
    return (*name[:-1], name[-1] + 1) if name[-1] >= _FIRST_STEP else (*name, _FIRST_STEP)


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter, float], Any]


async def _commands(reader: asyncio.StreamReader) -> AsyncIterator[list[str]]:
    sentences = SentenceReader()
    while data := await reader.read(4096):
        for words in sentences.feed(data):
            yield words


def _tag_of(words: list[str]) -> list[str]:
    return [word for word in words if word.startswith(".tag=")]


async def _after_login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[str]:
    """Accept any login, and return the tag word of the first command after it."""
    async for words in _commands(reader):
        if words[0] != "/login":
            return _tag_of(words)
        writer.write(encode_sentence(["!done", *_tag_of(words)]))
    raise ConnectionResetError


async def _silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _pace_s: float) -> None:
    while await reader.read(4096):
        pass


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _pace_s: float) -> None:
    await reader.read(1)
    writer.write(b"\xff" + random.Random(2).randbytes(512))  # noqa: S311 - garbage, no secret
    await _silent(reader, writer, 0)


async def _huge_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _pace_s: float) -> None:
    await _after_login(reader, writer)
    writer.write(encode_length(HUGE_WORD_BYTES))
    for _ in range(HUGE_WORD_BYTES // len(_CHUNK)):
        writer.write(_CHUNK)
        await writer.drain()


async def _endless_reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _pace_s: float) -> None:
    tag = await _after_login(reader, writer)
    sentence = encode_sentence(["!re", *tag, "=name=again", "=comment=and again"]) * 100
    while True:
        writer.write(sentence)
        await writer.drain()


async def _endless_sentence(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _pace_s: float
) -> None:
    tag = await _after_login(reader, writer)
    writer.write(encode_sentence(["!re", *tag])[:-1])
    words = encode_sentence(["=name=again"] * 1000)[:-1]
    while True:
        writer.write(words)
        await writer.drain()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pace_s: float) -> None:
    await reader.read(1)
    for octet in encode_sentence(["!re", "=name=" + "slow" * 4000]):
        writer.write(bytes((octet,)))
        await writer.drain()
        await asyncio.sleep(pace_s)


async def _wrong_tag(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _pace_s: float) -> None:
    await _after_login(reader, writer)
    writer.write(
        encode_sentence(["!re", ".tag=nobody", "=name=x"]) + encode_sentence(["!done", ".tag=nobody"])
    )
    await _silent(reader, writer, 0)


async def _hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _pace_s: float) -> None:
    await _after_login(reader, writer)
    writer.write(encode_sentence(["!re", "=name=half of"])[:-6])


_API_TRICKS: dict[ApiTrick, Conversation] = {
    "silent": _silent,
    "garbage": _garbage,
    "huge_word": _huge_word,
    "endless_reply": _endless_reply,
    "endless_sentence": _endless_sentence,
    "drip": _drip,
    "wrong_tag": _wrong_tag,
    "hangs_up": _hangs_up,
}

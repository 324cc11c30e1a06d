"""How echoes get out of and into one ICMP socket. Counterpart: `icmp_flights.py`, which knows who waits for them.

Two ways: message by message, which every system has, and on 64-bit Linux a volley at a time (`icmp_volleys.py`).
One rule: a line tells when each message left and came and whose place it names; who may answer is not its business.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from array import array
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple, Protocol

from domain.errors import BadReply
from engine.protocols.icmp import VOLLEY_MESSAGE_BYTES, Volley, decode_echo_reply, split_payload
from engine.transport.drain import Arrivals, Drain, send_datagram
from engine.transport.receiving import ReceivingFactory, SocketAddress

Arrived = tuple[float, tuple[Any, Any, bytes, int]]
"""Of a reply: when it came (monotonic seconds); from whom (`Line.source`), what names its place (`Line.places`), what its payload
shares with the others of its try, and its sign."""

Deliver = Callable[[Iterable[Arrived]], None]
"""Takes what came, in the loop, and is done with it when it returns."""


class Departure(NamedTuple):
    """What became of messages, in their order: when each left, and which the system refuses to send.

    Shorter than what was to be sent where the socket's buffer is full.
    """

    left_s: list[float]
    refused: dict[int, OSError]


class Line(Protocol):
    """One socket, closed with it. `places` tells a reply's place by what names it, `volley` are the messages."""

    volley: Volley
    places: Mapping[Any, int]

    @property
    def overflowed(self) -> int:
        """What of a flood was never looked at."""

    def name(self, sockaddr: SocketAddress) -> Any:
        """Return an address as `send` wants it."""

    def source(self, sockaddr: SocketAddress) -> Hashable:
        """Return an address as it is told of a reply."""

    def start(self, loop: asyncio.AbstractEventLoop, deliver: Deliver) -> None:
        """Deliver from now on."""

    def send(
        self, payload: bytes, places: Sequence[int], names: Sequence[Any], signs: array[int]
    ) -> Departure:
        """Send the echoes of these places to these addresses, each with its sign."""

    def receive(self) -> None:
        """Deliver what came meanwhile, where who sends much would otherwise lose it."""

    async def close(self) -> None:
        """Close the socket."""


class LineFactory(Protocol):
    """Makes a line of a bound socket."""

    def __call__(self, sock: socket.socket, token: bytes, size: int) -> Line:
        """For volleys of up to `size`, whose payload begins with `token`. OSError where the system has no such way."""


class PlainLine:
    """Message by message, read by a `Drain`."""

    def __init__(
        self, sock: socket.socket, token: bytes, size: int, make_receiving: ReceivingFactory | None = None
    ) -> None:
        self._sock = sock
        self._version = 6 if sock.family == socket.AF_INET6 else 4
        self._ident = ident_of(sock)
        self._drain = Drain("icmp", make_receiving)
        self._deliver: Deliver | None = None
        self.volley = Volley(self._ident, token, size, self._version)
        self.places: Mapping[Any, int] = {place: place for place in range(size)}

    @property
    def overflowed(self) -> int:
        """What the thread could not hand over."""
        return self._drain.overflowed

    def name(self, sockaddr: SocketAddress) -> SocketAddress:
        """Return it as it is."""
        return sockaddr

    def source(self, sockaddr: SocketAddress) -> Hashable:
        """Return host and port."""
        return sockaddr[:2]

    def start(self, loop: asyncio.AbstractEventLoop, deliver: Deliver) -> None:
        """Deliver from now on; a thread reads where the loop can watch no socket."""
        self._deliver = deliver
        self._drain.add(self._sock, self._on_arrivals, stamped=True)
        self._drain.start(loop)

    def send(
        self, payload: bytes, places: Sequence[int], names: Sequence[SocketAddress], signs: array[int]
    ) -> Departure:
        """Send one after the other."""
        messages = self.volley.encode(payload, places, signs)
        departure = Departure([], {})
        for number, name in enumerate(names):
            at = number * VOLLEY_MESSAGE_BYTES
            now_s = monotonic()
            try:
                if not send_datagram(self._sock, messages[at : at + VOLLEY_MESSAGE_BYTES], name):
                    break
            except OSError as error:  # no route, a local firewall: the system says so at once
                departure.refused[number] = error
            departure.left_s.append(now_s)
        return departure

    def receive(self) -> None:
        """Leave it to the drain: it has its turn between two volleys."""

    async def close(self) -> None:
        """Close the socket."""
        await self._drain.close()

    def _on_arrivals(self, arrivals: Arrivals) -> None:
        found: list[Arrived] = []
        for at_s, data, address in arrivals.received:
            try:
                echo = decode_echo_reply(data, self._version)
            except BadReply:
                continue  # damaged, and so nobody's
            if echo is not None and (echo.ident == self._ident or self._sock.type != socket.SOCK_RAW):
                found.append((at_s, (address[:2], echo.sequence, *split_payload(echo.payload))))
        if found and self._deliver is not None:
            self._deliver(found)


def ident_of(sock: socket.socket) -> int:
    """Return the ident for a socket's echoes: what Linux writes into those of a datagram socket, else one at random."""
    if sys.platform == "linux" and sock.type == socket.SOCK_DGRAM:
        return int(sock.getsockname()[1])
    return int.from_bytes(os.urandom(2), "big")

"""SNMP over UDP: one socket per address family for all devices. Counterpart: `drain.py` reads it, `exchanges.py` matches.

One rule: a datagram is decoded only if its sender is being asked something; all others are dropped and counted unread.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterator

from domain.errors import BadReply, DeviceError, Unsupported
from engine.protocols.sealed import Sealed
from engine.protocols.snmp import MAX_REQUEST_ID, MIN_REQUEST_ID, Message, Pdu, decode_message
from engine.protocols.snmp_get import Get
from engine.protocols.snmp_v3 import Again, SealedQuestion
from engine.transport.addresses import name_endpoint, socket_address
from engine.transport.drain import Arrivals, Drain, send_datagram
from engine.transport.exchanges import Answered, Exchanges, Peer
from engine.transport.receiving import SocketAddress

SEND_BUFFER_BYTES = 1024 * 1024
_RESPONSE = int(Pdu.RESPONSE)

Snmp = Answered[Message]


class UdpTransport:
    """Asks SNMP agents. Built in a running loop; `close` ends its thread and fails what is in flight."""

    def __init__(self, *, in_flight_cap: int = 2_000, per_peer_cap: int = 4) -> None:
        self._sockets: dict[int, socket.socket] = {}
        self._drain = Drain("snmp-udp")
        for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 replies come from anywhere
            sock = _open(family, everywhere)
            if sock is not None:
                self._sockets[family] = sock
                self._drain.add(sock, self._on_arrivals, hears_refusals=True)
        self._exchanges: Exchanges[Message] = Exchanges(
            self._send,
            _request_ids().__next__,
            in_flight_cap=in_flight_cap,
            per_peer_cap=per_peer_cap,
        )
        self._drain.start(asyncio.get_running_loop())

    @property
    def dropped_datagrams(self) -> int:
        """Datagrams that were no awaited reply: late, twice, foreign, garbage, or part of a flood."""
        return self._exchanges.dropped + self._drain.overflowed

    @property
    def in_flight(self) -> int:
        """Questions on their way."""
        return self._exchanges.in_flight

    def peer(self, address: str, port: int) -> Peer[Message]:
        """Return whom to `ask`; give it back with `release`. Unsupported for what is no address of this computer's families."""
        family, sockaddr = socket_address(address, port)
        if family not in self._sockets:
            raise Unsupported(f"this computer has no sockets for addresses such as {address}")
        return self._exchanges.peer(sockaddr, name_endpoint(address, port))

    def release(self, peer: Peer[Message]) -> None:
        """Tell that a driver asks this peer no more."""
        self._exchanges.release(peer)

    def ask(
        self, peer: Peer[Message], encode: Callable[[int], bytes], timeout_s: float, retries: int
    ) -> asyncio.Future[Snmp]:
        """Send what `encode` makes of a request id, up to 1 + `retries` times.

        The future brings the reply, or NoAnswer, Refused, or BadReply where all that came was no SNMP. Whoever asks more
        than one question at a time cancels the rest when one fails.
        """
        return self._exchanges.ask(peer, encode, timeout_s, retries)

    async def close(self) -> None:
        """Close the sockets and end the thread."""
        self._exchanges.close()
        await self._drain.close()

    def _send(self, data: bytes, address: SocketAddress) -> bool:
        sock = self._sockets[socket.AF_INET if len(address) == 2 else socket.AF_INET6]
        try:
            sock.sendto(data, address)
        except OSError:
            return send_datagram(sock, data, address)
        return True

    def _on_arrivals(self, arrivals: Arrivals) -> None:
        exchanges = self._exchanges
        for at_s, data, address in arrivals.received:
            peer = exchanges.awaiting(address)
            if peer is None:
                continue
            known = _read_as_before(peer, data)
            if known is not None:
                exchanges.settle(peer, known.request_id, known, at_s)
                continue
            try:
                message = decode_message(data)
            except BadReply as why:
                exchanges.spoil(peer, why)
                continue
            if isinstance(message, Sealed):
                self._on_sealed(peer, message, at_s)
            elif message.pdu == _RESPONSE:
                asked = peer.numbers.get(message.request_id)
                if asked is not None and isinstance(asked[0].encode, Get):
                    asked[0].encode.learn(data, message)
                exchanges.settle(peer, message.request_id, message, at_s)
            else:
                exchanges.spoil(
                    peer, BadReply(f"expected a response, got a message of kind {message.pdu:#04x}")
                )
        for address in arrivals.refused:
            exchanges.refuse(address)

    def _on_sealed(self, peer: Peer[Message], sealed: Sealed, at_s: float) -> None:
        """Have a v3 message opened by the question whose number it bears."""
        exchanges = self._exchanges
        question = exchanges.find(peer, sealed.message_id)
        if question is None:
            return
        if not isinstance(question.encode, SealedQuestion):
            exchanges.spoil(peer, BadReply("an answer in SNMPv3 to a question with a community"))
            return
        try:
            opened = question.encode.open(sealed, at_s)
        except DeviceError as why:
            exchanges.doubt(question, why)
        else:
            if isinstance(opened, Again):
                exchanges.ask_again(question, opened.doubt)
            elif isinstance(opened, DeviceError):
                exchanges.fail(question, opened)
            else:
                exchanges.settle(peer, sealed.message_id, opened, at_s)


def _read_as_before(peer: Peer[Message], data: bytes) -> Message | None:
    """Read a reply by the layouts of what this peer is being asked; None where it has none of them.

    Nor where it is the answer to another kind of question, which is read varbind by varbind.
    """
    for question, _ in peer.numbers.values():
        if isinstance(question.encode, Get):
            message = question.encode.read(data)
            if message is not None:
                asked = peer.numbers.get(message.request_id)
                return message if asked is not None and isinstance(asked[0].encode, Get) else None
    return None


def _open(family: int, everywhere: str) -> socket.socket | None:
    """Return a socket bound to any port, or None where the computer has none of that family."""
    sock = None
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((everywhere, 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    except OSError:
        if sock is not None:
            sock.close()
        return None
    return sock


def _request_ids() -> Iterator[int]:
    """Go over numbers that nobody off the path can guess and that BER writes in four bytes."""
    while True:
        for bits in struct.unpack("1024I", os.urandom(4096)):
            yield max(bits & MAX_REQUEST_ID, MIN_REQUEST_ID)

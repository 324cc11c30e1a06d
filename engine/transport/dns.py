"""Questions to name servers: UDP by one socket per address family, TCP where an answer was cut. Counterpart: `drivers/dns.py`.

An id has only 16 bits, so what counts as the reply is also whether it repeats the question, which the driver looks at.
One rule: a datagram is looked at only if its sender is being asked something, and never if it is longer than a reply may be.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterator

from domain.errors import BadReply, Unsupported
from engine.protocols.dns import HEADER_BYTES
from engine.transport.addresses import name_endpoint, socket_address
from engine.transport.drain import Arrivals, Drain, send_datagram
from engine.transport.exchanges import Answered, Exchanges
from engine.transport.receiving import SocketAddress
from engine.transport.tcp import TcpTransport, bounded

UDP_CAP_BYTES = 4096
"""We do not announce that we take more than 512 (RFC 1035, section 4.2.1); some servers send more all the same."""

TCP_CAP_BYTES = 16 * 1024
_RESPONSE, _CUT = 0x80, 0x02
"""In the third byte of a message: QR and TC (RFC 1035, section 4.1.1)."""


class DnsTransport:
    """Asks name servers. Built in a running loop."""

    def __init__(self, tcp: TcpTransport) -> None:
        self._tcp = tcp
        self._sockets: dict[int, socket.socket] = {}
        self._drain = Drain("dns-udp")
        for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 replies come from anywhere
            sock = _open(family, everywhere)
            if sock is not None:
                self._sockets[family] = sock
                self._drain.add(sock, self._on_arrivals, hears_refusals=True)
        self._exchanges: Exchanges[bytes] = Exchanges(self._send, _ids().__next__)
        self._drain.start(asyncio.get_running_loop())

    @property
    def dropped_datagrams(self) -> int:
        """Datagrams that were no awaited reply."""
        return self._exchanges.dropped + self._drain.overflowed

    @property
    def in_flight(self) -> int:
        """Questions on their way."""
        return self._exchanges.in_flight

    async def ask(
        self, address: str, port: int, encode: Callable[[int], bytes], timeout_s: float, retries: int
    ) -> Answered[bytes]:
        """Send what `encode` makes of an id, up to 1 + `retries` times; return the reply's bytes. Raises DeviceError."""
        family, sockaddr = socket_address(address, port)
        if family not in self._sockets:
            raise Unsupported(f"this computer has no sockets for addresses such as {address}")
        peer = self._exchanges.peer(sockaddr, name_endpoint(address, port))
        try:
            answered = await self._exchanges.ask(peer, encode, timeout_s, retries)
        finally:
            self._exchanges.release(peer)
        if not answered.reply[2] & _CUT:
            return answered
        number = int.from_bytes(answered.reply[:2], "big")
        whole = await self._ask_by_tcp(address, port, encode(number), timeout_s)
        return Answered(whole, answered.rtt_us, answered.at_s)

    async def close(self) -> None:
        """Close the sockets and fail what is in flight."""
        self._exchanges.close()
        await self._drain.close()

    async def _ask_by_tcp(self, address: str, port: int, question: bytes, timeout_s: float) -> bytes:
        """Ask over a connection, where a message comes after its length in two bytes."""
        async with bounded(name_endpoint(address, port), "asking by TCP", timeout_s):
            stream = await self._tcp.connect(address, port, timeout_s)
            try:
                stream.budget_bytes = TCP_CAP_BYTES
                stream.write(struct.pack(">H", len(question)) + question)
                said = bytearray()
                while len(said) < 2 or len(said) < 2 + (said[0] << 8 | said[1]):
                    said += await stream.read()
            finally:
                stream.close()
        reply = bytes(said[2 : 2 + (said[0] << 8 | said[1])])
        if len(reply) < HEADER_BYTES or reply[:2] != question[:2]:
            raise BadReply(f"{stream.where} answers by TCP to something else")
        return reply

    def _send(self, data: bytes, address: SocketAddress) -> bool:
        sock = self._sockets[socket.AF_INET if len(address) == 2 else socket.AF_INET6]
        return send_datagram(sock, data, address)

    def _on_arrivals(self, arrivals: Arrivals) -> None:
        exchanges = self._exchanges
        for at_s, data, address in arrivals.received:
            peer = exchanges.awaiting(address)
            if peer is None:
                continue
            if not HEADER_BYTES <= len(data) <= UDP_CAP_BYTES or not data[2] & _RESPONSE:
                exchanges.spoil(peer, BadReply(f"{len(data)} bytes that are no DNS reply"))
            else:
                exchanges.settle(peer, int.from_bytes(data[:2], "big"), data, at_s)
        for address in arrivals.refused:
            exchanges.refuse(address)


def _open(family: int, everywhere: str) -> socket.socket | None:
    """Return a socket bound to any port, or None where the computer has none of that family."""
    sock = None
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((everywhere, 0))
    except OSError:
        if sock is not None:
            sock.close()
        return None
    return sock


def _ids() -> Iterator[int]:
    """Go over ids that nobody off the path can guess."""
    while True:
        yield from struct.unpack("512H", os.urandom(1024))

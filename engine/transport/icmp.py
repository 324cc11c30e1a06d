"""ICMP echo: one socket per address family for all pings. Counterpart: `drain.py` reads it, `exchanges.py` matches.

A datagram socket needs no rights where the system allows it, a raw one needs them; where neither is permitted, `notice` says
what to do and the ping driver asks by TCP instead. A raw socket hears the whole computer's ICMP, so a reply is ours by the
token its payload opens with. One rule: a missing right is a sentence for the user, never an exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from itertools import count

from domain.errors import BadReply, Unsupported
from engine.protocols.icmp import Echo, decode_echo_reply, encode_echo_request
from engine.transport.addresses import socket_address
from engine.transport.drain import Arrivals, Drain, send_datagram
from engine.transport.exchanges import Answered, Exchanges, Peer
from engine.transport.receiving import SocketAddress

PAYLOAD_BYTES = 32
_TOKEN_BYTES = 8
_NUMBER = struct.Struct(">I")
_ICMP_FILTER, _SOL_RAW, _ICMP6_FILTER = (
    1,
    255,
    1,
)  # linux/icmp.h, linux/icmpv6.h: types not to be received are set bits

_HOW_TO_PERMIT = {
    "linux": (
        'permit it with: sudo sysctl -w net.ipv4.ping_group_range="0 2147483647" (and the same line in /etc/sysctl.d), '
        "or give the engine's program the right: sudo setcap cap_net_raw+ep PROGRAM"
    ),
    "win32": "start Heliograph as administrator to permit it",
}


SocketFactory = Callable[[int, int, int], socket.socket]
"""Makes a socket of (family, kind, protocol) as `socket.socket` does; PermissionError or another OSError where it may not."""


class IcmpTransport:
    """Pings. Built in a running loop; `notice` is empty where the system permits it."""

    def __init__(self, make_socket: SocketFactory = socket.socket) -> None:
        self._token = os.urandom(_TOKEN_BYTES)
        self._ident = int.from_bytes(os.urandom(2), "big")
        self._sockets: dict[int, socket.socket] = {}
        self._drain = Drain("icmp")
        self.notice = ""
        for family, on_arrivals in (
            (socket.AF_INET, self._on_arrivals),
            (socket.AF_INET6, self._on_arrivals_v6),
        ):
            sock = _open(make_socket, family)
            if sock is not None:
                self._sockets[family] = sock
                self._drain.add(sock, on_arrivals, stamped=True)
            elif family == socket.AF_INET:
                how = _HOW_TO_PERMIT.get(sys.platform, "start the engine as root to permit it")
                self.notice = (
                    f"ICMP is not permitted on this computer, so ping probes connect by TCP instead; {how}"
                )
        numbers = count(int.from_bytes(os.urandom(3), "big"))
        self._exchanges: Exchanges[None] = Exchanges(self._send, lambda: next(numbers) & 0xFFFF_FFFF)
        self._drain.start(asyncio.get_running_loop())

    @property
    def dropped_datagrams(self) -> int:
        """Echo replies to us that nobody awaited, and what a flood cost."""
        return self._exchanges.dropped + self._drain.overflowed

    @property
    def in_flight(self) -> int:
        """Pings on their way."""
        return self._exchanges.in_flight

    def can_ping(self, address: str) -> bool:
        """Tell whether there is a socket for this address."""
        try:
            return socket_address(address, 0)[0] in self._sockets
        except Unsupported:
            return False

    def peer(self, address: str) -> Peer[None]:
        """Return whom to `ping`; give it back with `release`."""
        family, sockaddr = socket_address(address, 0)
        if family not in self._sockets:
            raise Unsupported(f"this computer may not ping addresses such as {address}")
        return self._exchanges.peer(sockaddr, address)

    def release(self, peer: Peer[None]) -> None:
        """Tell that a driver pings this peer no more."""
        self._exchanges.release(peer)

    def ping(self, peer: Peer[None], timeout_s: float, retries: int) -> asyncio.Future[Answered[None]]:
        """Send an echo request, up to 1 + `retries` times. The future brings the round trip, or NoAnswer."""
        version = 4 if len(peer.sockaddr) == 2 else 6
        return self._exchanges.ask(peer, partial(self._encode, version), timeout_s, retries)

    async def close(self) -> None:
        """Close the sockets and fail what is in flight."""
        self._exchanges.close()
        await self._drain.close()

    def _encode(self, version: int, number: int) -> bytes:
        payload = (self._token + _NUMBER.pack(number)).ljust(PAYLOAD_BYTES, b"\0")
        return encode_echo_request(Echo(self._ident, number & 0xFFFF, payload), version)

    def _send(self, data: bytes, address: SocketAddress) -> bool:
        sock = self._sockets[socket.AF_INET if len(address) == 2 else socket.AF_INET6]
        return send_datagram(sock, data, address)

    def _on_arrivals(self, arrivals: Arrivals, version: int = 4) -> None:
        for at_s, data, address in arrivals.received:
            try:
                echo = decode_echo_reply(data, version)
            except BadReply:
                continue  # damaged, and so nobody's
            if (
                echo is not None
                and echo.payload.startswith(self._token)
                and len(echo.payload) == PAYLOAD_BYTES
            ):
                (number,) = _NUMBER.unpack_from(echo.payload, _TOKEN_BYTES)
                peer = self._exchanges.awaiting(address)
                if peer is not None:
                    self._exchanges.settle(peer, number, None, at_s)

    def _on_arrivals_v6(self, arrivals: Arrivals) -> None:
        self._on_arrivals(arrivals, 6)


def _open(make_socket: SocketFactory, family: int) -> socket.socket | None:
    """Return a socket for echoes, datagram before raw, or None where neither is permitted."""
    v6 = family == socket.AF_INET6
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    openings: list[Callable[[], socket.socket]] = [
        partial(make_socket, family, socket.SOCK_DGRAM, protocol),
        partial(make_socket, family, socket.SOCK_RAW, protocol),
    ]
    for opening in openings:
        try:
            sock = opening()
        except OSError:
            continue
        try:
            sock.bind(("::" if v6 else "0.0.0.0", 0))  # noqa: S104 replies come from anywhere
        except OSError:
            sock.close()
            continue
        if sys.platform == "linux" and sock.type == socket.SOCK_RAW:
            with contextlib.suppress(OSError):
                _hear_replies_only(sock, v6)
        return sock
    return None


def _hear_replies_only(sock: socket.socket, v6: bool) -> None:
    """Have the kernel keep all but echo replies from a raw socket."""
    if v6:
        kept = [0xFFFF_FFFF] * 8
        kept[129 >> 5] &= ~(1 << (129 & 31))
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("@8I", *kept))
    else:
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("@I", 0xFFFF_FFFE))

"""ICMP echo: one socket per address family for all pings. Counterpart: `icmp_flights.py`, which knows who waits for what.

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

from domain.errors import Unsupported
from engine.protocols.icmp import TOKEN_BYTES
from engine.transport.addresses import socket_address
from engine.transport.exchanges import Answered
from engine.transport.icmp_flights import FLIGHT_SIZE, Flights, Peer
from engine.transport.icmp_lines import Line, LineFactory, PlainLine
from engine.transport.icmp_volleys import VolleyLine

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


def system_line(sock: socket.socket, token: bytes, size: int) -> Line:
    """Return the quickest line that this system has."""
    try:
        return VolleyLine(sock, token, size)
    except OSError:
        return PlainLine(sock, token, size)


class IcmpTransport:
    """Pings. Built in a running loop; `notice` is empty where the system permits it."""

    def __init__(
        self, make_socket: SocketFactory = socket.socket, make_line: LineFactory = system_line
    ) -> None:
        token = os.urandom(TOKEN_BYTES)
        self._flights: dict[int, Flights] = {}
        self._lines: list[Line] = []
        self.notice = ""
        for family in (socket.AF_INET, socket.AF_INET6):
            sock = _open(make_socket, family)
            if sock is not None:
                line = make_line(sock, token, FLIGHT_SIZE)
                self._lines.append(line)
                self._flights[family] = Flights(line, token)
            elif family == socket.AF_INET:
                how = _HOW_TO_PERMIT.get(sys.platform, "start the engine as root to permit it")
                self.notice = (
                    f"ICMP is not permitted on this computer, so ping probes connect by TCP instead; {how}"
                )

    @property
    def dropped_datagrams(self) -> int:
        """Echo replies to us that nobody awaited, and what a flood cost."""
        dropped = sum(flights.dropped for flights in self._flights.values())
        return dropped + sum(line.overflowed for line in self._lines)

    @property
    def in_flight(self) -> int:
        """Pings on their way."""
        return sum(flights.in_flight for flights in self._flights.values())

    def can_ping(self, address: str) -> bool:
        """Tell whether there is a socket for this address."""
        try:
            return socket_address(address, 0)[0] in self._flights
        except Unsupported:
            return False

    def peer(self, address: str) -> Peer:
        """Return whom to `ping`; give it back with `release`."""
        family, sockaddr = socket_address(address, 0)
        if family not in self._flights:
            raise Unsupported(f"this computer may not ping addresses such as {address}")
        return self._flights[family].peer(sockaddr, address)

    def release(self, peer: Peer) -> None:
        """Tell that a driver pings this peer no more."""
        peer.flights.release(peer)

    def ping(self, peer: Peer, timeout_s: float, retries: int) -> asyncio.Future[Answered[None]]:
        """Send an echo request, up to 1 + `retries` times. The future brings the round trip, or NoAnswer."""
        return peer.flights.ask(peer, timeout_s, retries)

    async def close(self) -> None:
        """Close the sockets and fail what is in flight."""
        for flights in self._flights.values():
            await flights.close()


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

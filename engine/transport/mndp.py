"""The socket on which devices of this computer's own LANs announce themselves. Counterpart: `protocols/mndp.py`.

Theory: WinBox and other programs listen on the same port, so it is shared, which each system has its own word for. A broadcast
leaves by one interface, that of the default route, unless it is told by which: Linux and macOS by an option of the socket, in
turn for each interface; Windows takes the way of the address that a socket is bound to, so there each has its turn.
One rule: anybody may send here, so a batch is read and then a rest taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from engine.protocols.mndp import PORT, REQUEST
from engine.transport.drain import Arrivals, Drain
from engine.transport.receiving import Datagram

BATCH, REST_S = 64, 0.05
"""Datagrams read at once, and the rest after a full batch: 1,280/s at most. A LAN of 500 devices sends 17/s."""

EVERYBODY = "255.255.255.255"
WAYS_CAP = 64
"""Interfaces by which a request goes: a computer with hundreds of tunnels has few LANs."""

_IP_UNICAST_IF = 50  # linux/in.h: an interface's index, high byte first; limited broadcasts follow it too
_IP_BOUND_IF = 25  # netinet/in.h of macOS: an interface's index
_REUSE_PORT = getattr(socket, "SO_REUSEPORT", 0x0200)  # sys/socket.h of macOS; Windows has none

MakeSocket = Callable[[], socket.socket]


class Lan(Protocol):
    """How a system shares a port and sends to everybody on each of its LANs."""

    def share(self, sock: socket.socket) -> None:
        """Let other programs have the same port. Raises OSError."""

    def send_everywhere(self, sock: socket.socket, data: bytes, port: int) -> int:
        """Send to everybody; return by how many ways it left."""


class IndexedLan:
    """Linux and macOS: a socket is told by which interface the next datagram goes.

    A port of UDP is shared on Linux by who sets SO_REUSEADDR: a broadcast comes to all of them. macOS wants SO_REUSEPORT too.
    """

    def __init__(
        self,
        option: int,
        layout: str,
        shares: Sequence[int],
        interfaces: Callable[[], Iterable[tuple[int, str]]] = socket.if_nameindex,
        target: str = EVERYBODY,
    ) -> None:
        self._option = option
        self._index = struct.Struct(layout)
        self._shares = shares
        self._interfaces = interfaces
        self._target = target

    def share(self, sock: socket.socket) -> None:
        """Set what the system shares by."""
        for option in self._shares:
            sock.setsockopt(socket.SOL_SOCKET, option, 1)

    def send_everywhere(self, sock: socket.socket, data: bytes, port: int) -> int:
        """Send by each interface; one that is down or has no address takes nothing."""
        sent = 0
        try:
            for index, _ in [*self._interfaces()][:WAYS_CAP]:
                with contextlib.suppress(OSError):
                    self._choose(sock, index)
                    sock.sendto(data, (self._target, port))
                    sent += 1
        finally:
            with contextlib.suppress(OSError):
                self._choose(sock, 0)
        return sent

    def _choose(self, sock: socket.socket, index: int) -> None:
        sock.setsockopt(socket.IPPROTO_IP, self._option, self._index.pack(index))


class AddressedLan:
    """Windows: a datagram to everybody goes by the interface whose address its socket is bound to.

    SO_REUSEADDR is what shares a port there. The sockets that send are bound to the same port, so that an answer to one of
    them comes to the port that is listened on, and are closed at once.
    """

    def __init__(
        self,
        addresses: Callable[[], Iterable[str]],
        make_socket: MakeSocket = lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        target: str = EVERYBODY,
    ) -> None:
        self._addresses = addresses
        self._make_socket = make_socket
        self._target = target

    def share(self, sock: socket.socket) -> None:
        """Set what the system shares by."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def send_everywhere(self, sock: socket.socket, data: bytes, port: int) -> int:
        """Send from each address of this computer."""
        sent = 0
        for address in [*dict.fromkeys(self._addresses())][:WAYS_CAP]:
            with contextlib.suppress(OSError), contextlib.closing(self._make_socket()) as sender:
                self.share(sender)
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sender.bind((address, port))
                sender.sendto(data, (self._target, port))
                sent += 1
        return sent


def own_addresses() -> list[str]:
    """Return this computer's IPv4 addresses as the resolver knows them: on Windows those of all interfaces."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return []
    return [str(sockaddr[0]) for *_, sockaddr in found]


def lan_of(platform: str) -> Lan:
    """Return the way of a system, named as `sys.platform` does."""
    if platform == "win32":
        return AddressedLan(own_addresses)
    if platform == "darwin":
        return IndexedLan(_IP_BOUND_IF, "=I", (socket.SO_REUSEADDR, _REUSE_PORT))
    return IndexedLan(_IP_UNICAST_IF, "!I", (socket.SO_REUSEADDR,))


class MndpListener:
    """Hears announcements until `close`. Built in a running loop; raises OSError where the port cannot be had.

    `deliver` gets what came, a batch at a time, requests of ours and of others among it.
    """

    def __init__(
        self, deliver: Callable[[list[Datagram]], None], *, port: int = PORT, lan: Lan | None = None
    ) -> None:
        self._lan = lan or lan_of(sys.platform)
        self._port = port
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._lan.share(self._sock)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._sock.bind(("0.0.0.0", port))  # noqa: S104 a broadcast comes to no single address
        except OSError:
            self._sock.close()
            raise

        def on_arrivals(arrivals: Arrivals) -> None:
            if arrivals.received:
                deliver(arrivals.received)

        self._drain = Drain("mndp", batch=BATCH, rest_s=REST_S)
        self._drain.add(self._sock, on_arrivals)
        self._drain.start(asyncio.get_running_loop())

    def ask(self) -> int:
        """Ask everybody on every LAN to announce themselves; return by how many ways the question left."""
        return self._lan.send_everywhere(self._sock, REQUEST, self._port)

    async def close(self) -> None:
        """Hear no more."""
        await self._drain.close()

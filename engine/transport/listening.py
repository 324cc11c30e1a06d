"""Ports on which anybody may send, datagrams and streams of messages. Counterpart: `engine/receivers` reads what they mean.

Theory: a stranger decides how much comes, so we decide how much is read: a batch, then a rest in which the system's buffer
fills (a datagram too many is the system's to drop, a stream waits). So a flood takes its share of the loop and no more.
One rule: a port is ours alone, on every address asked for, or OSError says why not.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol, cast

from engine.transport.addresses import socket_address
from engine.transport.drain import Arrivals, Drain, send_datagram
from engine.transport.receiving import Datagram, SocketAddress

BATCH, REST_S = 64, 0.005
"""Datagrams read at once, and the rest after a full batch: 12,800/s at most, of which the caps leave a few hundred."""

STREAM_BATCH, STREAM_REST_S = 32, 0.02
READ_BYTES = 16_384
CONNECTIONS_CAP, CONNECTIONS_PER_SENDER = 256, 8
"""Above the first the connection that was silent for longest is closed, above the second a new one."""

Answer = tuple[bytes, SocketAddress]
_EVERYWHERE = ((socket.AF_INET, ("0.0.0.0", 0)), (socket.AF_INET6, ("::", 0)))  # noqa: S104 what was asked for
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


class DatagramListener:
    """UDP. `deliver` gets a batch and returns what to send back. Built in a running loop; raises OSError."""

    def __init__(
        self, address: str, port: int, deliver: Callable[[list[Datagram]], Iterable[Answer]]
    ) -> None:
        self._deliver = deliver
        self._drain = Drain("listening", batch=BATCH, rest_s=REST_S)
        self._sockets = _bound(socket.SOCK_DGRAM, address, port)
        self.port = int(self._sockets[0].getsockname()[1])
        for sock in self._sockets:
            self._drain.add(sock, lambda arrivals, sock=sock: self._on_arrivals(sock, arrivals))  # type: ignore[misc]
        self._drain.start(asyncio.get_running_loop())

    async def close(self) -> None:
        """Stop listening."""
        await self._drain.close()

    def _on_arrivals(self, sock: socket.socket, arrivals: Arrivals) -> None:
        for data, address in self._deliver(arrivals.received):
            with contextlib.suppress(OSError):  # there is no way to the sender: it asks again
                send_datagram(sock, data, address)


class Frames(Protocol):
    """Cuts the bytes of one connection into messages."""

    def feed(self, data: bytes) -> None:
        """Add what came."""

    def take(self, limit: int) -> list[bytes]:
        """Return the next whole messages, at most `limit`."""


class StreamListener:
    """TCP, read only. `deliver` gets a sender's address and its messages. Made by `open`."""

    def __init__(
        self, make_frames: Callable[[], Frames], deliver: Callable[[str, list[bytes]], None]
    ) -> None:
        self.port = 0
        self.connections: OrderedDict[_Connection, None] = OrderedDict()
        self.make_frames = make_frames
        self.deliver = deliver
        self._servers: list[asyncio.Server] = []

    @classmethod
    async def open(
        cls,
        address: str,
        port: int,
        make_frames: Callable[[], Frames],
        deliver: Callable[[str, list[bytes]], None],
    ) -> StreamListener:
        """Listen. Raises OSError."""
        listener = cls(make_frames, deliver)
        sockets = _bound(socket.SOCK_STREAM, address, port)
        listener.port = int(sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        for sock in sockets:
            listener._servers.append(await loop.create_server(lambda: _Connection(listener), sock=sock))
        return listener

    async def close(self) -> None:
        """Stop listening and close what is open."""
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)

    def admit(self, connection: _Connection) -> bool:
        """Take up a connection, or tell that its sender has enough of them."""
        if sum(other.host == connection.host for other in self.connections) >= CONNECTIONS_PER_SENDER:
            return False
        if len(self.connections) >= CONNECTIONS_CAP:
            next(iter(self.connections)).abort()
        self.connections[connection] = None
        return True


class _Connection(asyncio.BufferedProtocol):
    """One sender's connection."""

    def __init__(self, listener: StreamListener) -> None:
        self.host = ""
        self._listener = listener
        self._frames = listener.make_frames()
        self._buffer = bytearray(READ_BYTES)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.host = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._listener.admit(self):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.connections.pop(self, None)
        self._transport = None

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self in self._listener.connections:
            self._listener.connections.move_to_end(self)
        self._frames.feed(bytes(self._buffer[:nbytes]))
        self._work()

    def eof_received(self) -> bool:
        self._frames.feed(b"\n")  # the last line of a sender that does not end it
        self._work()
        return False

    def abort(self) -> None:
        """Close at once."""
        self._listener.connections.pop(self, None)
        if self._transport is not None:
            self._transport.abort()

    def _work(self) -> None:
        """Hand on some messages; the sender waits while there are more."""
        messages = self._frames.take(STREAM_BATCH)
        if messages:
            self._listener.deliver(self.host, messages)
        is_more = len(messages) == STREAM_BATCH
        if is_more:
            asyncio.get_running_loop().call_later(STREAM_REST_S, self._work)
        transport = self._transport
        if transport is not None and not transport.is_closing():
            (transport.pause_reading if is_more else transport.resume_reading)()


def _bound(kind: socket.SocketKind, address: str, port: int) -> list[socket.socket]:
    """Return sockets bound to a port, on every address of this computer where `address` is ""; all, or OSError."""
    wanted = [(family, (where[0], port)) for family, where in _EVERYWHERE]
    sockets: list[socket.socket] = []
    try:
        for family, sockaddr in [socket_address(address, port)] if address else wanted:
            sock = None
            try:
                sock = socket.socket(family, kind)
                sockets.append(sock)
                _make_exclusive(sock, kind)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(sockaddr)
            except OSError as error:
                if address or family == socket.AF_INET or error.errno not in _NO_SUCH_FAMILY:
                    raise
                if sock is not None:  # a computer without IPv6
                    sockets.remove(sock)
                    sock.close()
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _make_exclusive(sock: socket.socket, kind: socket.SocketKind) -> None:
    """Let no other program share the port; and let ours have it back at once after a restart."""
    if sys.platform == "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    elif kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

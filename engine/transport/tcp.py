"""TCP to devices: connections with a time limit and a byte budget on everything. Counterpart: the drivers that talk over them.

One rule: no operation is without an end. `bounded` limits the time of a whole operation (a byte a second does not stretch
it) and turns what the network does into a DeviceError that names address and port; `Stream.budget_bytes` limits its size.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, cast

from domain.errors import BadReply, NoAnswer, Refused, Unsupported, Untrusted
from engine.transport.addresses import name_endpoint, socket_address
from engine.transport.tls import HANDSHAKE_BYTES, NotVouched, TlsSession, check_pin, fingerprint, make_context

CONNECTING_CAP = 256
"""Connections that may be in the making at a time."""

HELD_BYTES = 65_536
"""Where more is unread the system is not asked for more; a last piece of its own size (256 KiB at most) may come on top."""


class _Incoming(asyncio.Protocol):
    """What came over one connection and is unread. asyncio's own streams do the same at three times the cost."""

    def __init__(self) -> None:
        self.has_ended = False
        self.transport: asyncio.Transport
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._is_paused = False
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > HELD_BYTES and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """The peer says no more; True: we may."""
        self.has_ended = True
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended, self._error = True, exc
        self._wake()

    @property
    def is_over(self) -> bool:
        """Tell whether all was read that will ever come."""
        return self.has_ended and not self._pieces

    async def take(self) -> bytes:
        """Return the oldest piece, b"" at the end. Raises what broke the connection."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.has_ended:
                return b""
            self._news = asyncio.get_running_loop().create_future()
            try:
                await self._news
            finally:
                self._news = None
        data = self._pieces.popleft()
        self._held_bytes -= len(data)
        if self._is_paused and self._held_bytes <= HELD_BYTES:
            self._is_paused = False
            self.transport.resume_reading()
        return data

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


class Stream:
    """One open connection, plain or TLS. `budget_bytes` is what may still be read; whoever starts an operation sets it."""

    def __init__(self, incoming: _Incoming, where: str, on_close: Callable[[Stream], None]) -> None:
        self.where = where
        self.budget_bytes = 0
        self._incoming = incoming
        self._transport = incoming.transport
        self._on_close = on_close
        self._tls: TlsSession | None = None
        self._said_goodbye = False

    @property
    def certificate(self) -> bytes | None:
        """The device's certificate in DER, None where the connection is plain."""
        return self._tls.certificate if self._tls else None

    def write(self, data: bytes) -> None:
        """Send; what the system does not take at once waits in memory, so keep it small."""
        self._transport.write(self._tls.encrypt(data) if self._tls else data)

    @property
    def waiting_bytes(self) -> int:
        """How much of what was sent the system has not taken yet."""
        return self._transport.get_write_buffer_size()

    async def read(self) -> bytes:
        """Return the bytes that came, at least one. Refused when the device closed, BadReply beyond the budget."""
        while not self._said_goodbye:
            data = await self._receive()
            if self._tls is None:
                self._spend(len(data))
                return data
            plain, self._said_goodbye = self._tls.decrypt(data)
            self._spend(
                max(len(plain), len(data) // 2)
            )  # small records carry much that is not theirs to choose
            if answer := self._tls.take_outgoing():
                self._transport.write(answer)
            if plain:
                return plain
        raise Refused(f"{self.where} closed the connection")

    async def start_tls(self, session: TlsSession) -> None:
        """Shake hands. Raises NotVouched where the system's store vouches for the certificate not."""
        self.budget_bytes = HANDSHAKE_BYTES
        data = b""
        try:
            while not session.shake_hands(data):
                self._transport.write(session.take_outgoing())
                data = await self._receive()
                self._spend(len(data))
        except Refused:
            raise Refused(f"{self.where} closed the connection in the TLS handshake") from None
        finally:
            self._transport.write(session.take_outgoing())  # the last of the handshake, or why it ended
        self._tls = session

    @property
    def is_closed(self) -> bool:
        """Tell whether either side has closed."""
        return self._transport.is_closing() or self._incoming.is_over or self._said_goodbye

    def close(self) -> None:
        """Close; what was not sent yet is dropped."""
        self._on_close(self)
        if self._transport.get_write_buffer_size():
            self._transport.abort()
            return
        if self._tls is not None and not self._transport.is_closing():
            self._transport.write(self._tls.say_goodbye())
        self._transport.close()

    async def _receive(self) -> bytes:
        data = await self._incoming.take()
        if not data:
            raise Refused(f"{self.where} closed the connection")
        return data

    def _spend(self, size_bytes: int) -> None:
        self.budget_bytes -= size_bytes
        if self.budget_bytes < 0:
            raise BadReply(f"{self.where} sends more than it was asked for, and was cut off")


class bounded:
    """Limit what happens inside to `timeout_s`; `doing` is for the message: "connecting", "logging in"."""

    def __init__(self, where: str, doing: str, timeout_s: float) -> None:
        self._where = where
        self._doing = doing
        self._timeout_s = timeout_s
        self._timeout = asyncio.timeout(timeout_s)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            self._rename(TimeoutError())
        if isinstance(error, OSError):
            self._rename(error)

    def _rename(self, error: OSError) -> NoReturn:
        """Raise what the network did as a DeviceError."""
        where = self._where
        if isinstance(error, ConnectionRefusedError):
            raise Refused(f"{where} refuses connections: nobody listens there") from None
        if isinstance(error, ConnectionError):
            raise Refused(f"{where} closed the connection ({self._doing})") from None
        if isinstance(error, TimeoutError):
            raise NoAnswer(f"no answer from {where} in {self._timeout_s:g} s ({self._doing})") from None
        raise NoAnswer(f"cannot reach {where}: {error.strerror or error}") from None


class TcpTransport:
    """Opens connections, not too many at a time, and closes those that are left."""

    def __init__(self) -> None:
        self._connecting = asyncio.Semaphore(CONNECTING_CAP)
        self._streams: set[Stream] = set()
        self._closed = False
        self._pinning = make_context(verifying=False)
        self._verifying: ssl.SSLContext | None = None
        self._loading = asyncio.Lock()

    async def connect(self, address: str, port: int, timeout_s: float) -> Stream:
        """Return an open connection. Raises NoAnswer, Refused, or Unsupported for what is no address."""
        sock = await self.connect_socket(address, port, timeout_s)
        _, incoming = await asyncio.get_running_loop().create_connection(_Incoming, sock=sock)
        stream = Stream(incoming, name_endpoint(address, port), self._streams.discard)
        self._streams.add(stream)
        return stream

    async def connect_socket(
        self, address: str, port: int, timeout_s: float, places: asyncio.Semaphore | None = None
    ) -> socket.socket:
        """Return a connected socket, which is the caller's to close; otherwise as `connect`.

        It waits for one of `places`; None: of those by which devices are polled.
        """
        family, sockaddr = socket_address(address, port)
        where = name_endpoint(address, port)
        if self._closed:
            raise NoAnswer(f"{where} was not asked: the engine is closing")
        async with places or self._connecting, bounded(where, "connecting", timeout_s):
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:
                raise Unsupported(
                    f"this computer cannot open a connection to {where}: {error.strerror}"
                ) from None
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await asyncio.get_running_loop().sock_connect(sock, sockaddr)
            except BaseException:
                sock.close()
                raise
        return sock

    async def connect_tls(
        self, address: str, port: int, timeout_s: float, *, pin: str, server_name: str = ""
    ) -> Stream:
        """Return an open connection to the very device that is trusted, all of it within `timeout_s`.

        With a `pin` (SHA-256 of the certificate, hex) that certificate alone is; without one, a certificate that the system's
        store vouches for, made out to `server_name` or to the address. Raises Untrusted, and what `connect` raises.
        """
        where, name = name_endpoint(address, port), server_name or address.partition("%")[0]
        async with bounded(where, "connecting over TLS", timeout_s):
            if not pin:
                try:
                    return await self._secured(address, port, timeout_s, await self._trusting(), name)
                except NotVouched as error:
                    why = str(error)
            stream = await self._secured(address, port, timeout_s, self._pinning, name)
            try:
                certificate = stream.certificate or b""
                if not pin:  # asked once more, to see what nobody vouched for
                    seen = fingerprint(certificate)
                    raise Untrusted(
                        f"{where} shows a certificate that nobody has trusted ({why}): SHA-256 {seen}", seen
                    )
                check_pin(where, certificate, pin)
            except BaseException:
                stream.close()
                raise
            return stream

    async def close(self) -> None:
        """Close every connection that is still open."""
        self._closed = True
        for stream in [*self._streams]:
            stream.close()
        await asyncio.sleep(0)

    async def _secured(
        self, address: str, port: int, timeout_s: float, context: ssl.SSLContext, name: str
    ) -> Stream:
        stream = await self.connect(address, port, timeout_s)
        try:
            await stream.start_tls(TlsSession(context, name, stream.where))
        except BaseException:
            stream.close()
            raise
        return stream

    async def _trusting(self) -> ssl.SSLContext:
        async with self._loading:
            if self._verifying is None:
                self._verifying = await asyncio.to_thread(make_context, verifying=True)
            return self._verifying

"""TCP to devices: connections with a time limit and a byte budget on everything. Counterpart: the drivers that talk over them.

One rule: no operation is without an end. `bounded` limits the time of a whole operation (a byte a second does not stretch
it) and turns what the network does into a DeviceError that names address and port; `Stream.budget_bytes` limits its size.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from domain.errors import BadReply, NoAnswer, Refused, Unsupported
from engine.transport.addresses import name_endpoint, socket_address

CONNECTING_CAP = 256
"""Connections that may be in the making at a time."""

READ_BYTES = 65_536


class Stream:
    """One open connection. `budget_bytes` is what may still be read; whoever starts an operation sets it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        where: str,
        on_close: Callable[[Stream], None],
    ) -> None:
        self.where = where
        self.budget_bytes = 0
        self._reader = reader
        self._writer = writer
        self._on_close = on_close

    def write(self, data: bytes) -> None:
        """Send; what the system does not take at once waits in memory, so keep it small."""
        self._writer.write(data)

    async def read(self) -> bytes:
        """Return the bytes that came, at least one. Refused when the device closed, BadReply beyond the budget."""
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise Refused(f"{self.where} closed the connection")
        self.budget_bytes -= len(data)
        if self.budget_bytes < 0:
            raise BadReply(f"{self.where} sends more than it was asked for, and was cut off")
        return data

    @property
    def is_closed(self) -> bool:
        """Tell whether either side has closed."""
        return self._writer.is_closing() or self._reader.at_eof()

    def close(self) -> None:
        """Close; what was not sent yet is dropped."""
        self._on_close(self)
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        else:
            self._writer.close()


@asynccontextmanager
async def bounded(where: str, doing: str, timeout_s: float) -> AsyncIterator[None]:
    """Limit what happens inside to `timeout_s`; `doing` is for the message: "connecting", "logging in"."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except ConnectionRefusedError:
        raise Refused(f"{where} refuses connections: nobody listens there") from None
    except ConnectionError:
        raise Refused(f"{where} closed the connection ({doing})") from None
    except TimeoutError:
        raise NoAnswer(f"no answer from {where} in {timeout_s:g} s ({doing})") from None
    except OSError as error:
        raise NoAnswer(f"cannot reach {where}: {error.strerror or error}") from None


class TcpTransport:
    """Opens connections, not too many at a time, and closes those that are left."""

    def __init__(self) -> None:
        self._connecting = asyncio.Semaphore(CONNECTING_CAP)
        self._streams: set[Stream] = set()
        self._closed = False

    async def connect(self, address: str, port: int, timeout_s: float) -> Stream:
        """Return an open connection. Raises NoAnswer, Refused, or Unsupported for what is no address."""
        family, sockaddr = socket_address(address, port)
        where = name_endpoint(address, port)
        if self._closed:
            raise NoAnswer(f"{where} was not asked: the engine is closing")
        async with self._connecting, bounded(where, "connecting", timeout_s):
            loop = asyncio.get_running_loop()
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:
                raise Unsupported(
                    f"this computer cannot open a connection to {where}: {error.strerror}"
                ) from None
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.sock_connect(sock, sockaddr)
                reader, writer = await asyncio.open_connection(sock=sock)
            except BaseException:
                sock.close()
                raise
        stream = Stream(reader, writer, where, self._streams.discard)
        self._streams.add(stream)
        return stream

    async def close(self) -> None:
        """Close every connection that is still open."""
        self._closed = True
        for stream in [*self._streams]:
            stream.close()
        await asyncio.sleep(0)

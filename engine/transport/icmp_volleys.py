"""A volley of echoes in one system call, its replies in another (sendmmsg(2), recvmmsg(2)). Counterpart: `icmp_lines.py`.

Theory: in Python a `sendto` and a `recvfrom` cost more than the kernel's work on them. Here each message, address and stamp has
its place in one buffer that is made once; to send is to fill columns of it, to receive is to unpack it as a table, both in C.
The kernel stamps what comes (SO_TIMESTAMPNS); what leaves is stamped in even steps from before the call to after it, as it leaves
one by one. One rule: what does not lie in the table as a plain reply does goes the thorough way, through `decode_echo_reply`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import socket
import struct
import sys
from array import array
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from time import monotonic, time
from typing import Any, Literal, NamedTuple

from domain.errors import BadReply
from engine.protocols.icmp import (
    HEAD_BYTES,
    SHARED_BYTES,
    VOLLEY_MESSAGE_BYTES,
    Volley,
    decode_echo_reply,
    split_payload,
)
from engine.transport.drain import FULL, RECEIVE_BUFFER_BYTES, SEND_TRIES
from engine.transport.icmp_lines import Arrived, Deliver, Departure, ident_of
from engine.transport.receiving import OLDEST_S, SO_TIMESTAMPNS, SocketAddress

BATCH = 256
"""Replies read in one call: those of a flight and some more, so that mostly one call tells that there are no others."""

SENT_AT_ONCE = 64
"""Messages sent in one call: the fewer, the better it is known when each of them left."""

BATCHES_AT_ONCE = 4
"""Calls in a row before anything else has its turn."""

_NAMES = {socket.AF_INET: struct.Struct("=H2s4s8x"), socket.AF_INET6: struct.Struct("=H2s4x16sI")}
"""struct sockaddr_in, and sockaddr_in6 without a flow."""
_NO_CHECKSUMS = memoryview(bytes(2 * BATCH)).cast("H")
_IP_HEADER_BYTES = 20
_CHECKSUM_AT = 2


class _Field(NamedTuple):
    """Where in a buffer something lies, of each message one."""

    at: int
    step: int
    size: int


_CONTROL_BYTES = 32
"""struct cmsghdr, which takes 16, and a struct timespec."""
_NAME_BYTES = 32
_DATA_BYTES = 128
"""An IP header with all its options, the message, and more, to tell what is longer."""
_RECORD_BYTES = _CONTROL_BYTES + _NAME_BYTES + _DATA_BYTES
_CONTROL = _Field(0, _RECORD_BYTES, _CONTROL_BYTES)
_NAME = _Field(_CONTROL_BYTES, _RECORD_BYTES, _NAME_BYTES)
_DATA = _Field(_CONTROL_BYTES + _NAME_BYTES, _RECORD_BYTES, _DATA_BYTES)
_SECONDS_AT, _NANOSECONDS_AT = 16, 24
_SO_MEMINFO = 55
"""Nine numbers of a socket's memory, from Linux 4.12 on (asm-generic/socket.h, linux/sock_diag.h)."""
_MEMINFO = struct.Struct("=32xI")
"""The last of them: what was dropped because the buffer was full."""


class _Vector(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _MessageHeader(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """struct mmsghdr; `size` is what the kernel did with the message."""

    _fields_ = (("message", _MessageHeader), ("size", ctypes.c_uint32))


_HEADER_BYTES = ctypes.sizeof(_Header)


class _Table:
    """A buffer, and the headers that tell the kernel what of it belongs to which message."""

    def __init__(self, count: int, size: int, name: _Field, data: _Field, control: _Field | None) -> None:
        self._buffer = ctypes.create_string_buffer(size)
        self._vectors = (_Vector * count)()
        self._headers = (_Header * count)()
        start, vectors = ctypes.addressof(self._buffer), ctypes.addressof(self._vectors)
        for n in range(count):
            self._vectors[n] = _Vector(start + data.at + n * data.step, data.size)
            vector = vectors + n * ctypes.sizeof(_Vector)
            held = (start + control.at + n * control.step, control.size) if control else (None, 0)
            self._headers[n].message = (start + name.at + n * name.step, name.size, vector, 1, *held, 0)
        self._fresh = bytes(self._headers)
        self._words = memoryview(self._headers).cast("B").cast("I")
        self.bytes = memoryview(self._buffer).cast("B")
        self.headers_at = ctypes.addressof(self._headers)

    def renew(self, count: int) -> None:
        """Undo what the kernel wrote into the first headers."""
        ctypes.memmove(self.headers_at, self._fresh, count * _HEADER_BYTES)

    def sizes(self, at: int, count: int) -> list[int]:
        """Return a number of each of the first headers."""
        return self._words[at // 4 : count * _HEADER_BYTES // 4 : _HEADER_BYTES // 4].tolist()

    def column(self, code: Literal["H", "q"], at: int, count: int) -> memoryview[int]:
        """Return the number at `at` in each of the first records."""
        numbers = self.bytes.cast(code)
        step = _RECORD_BYTES // numbers.itemsize
        return numbers[at // numbers.itemsize : count * step : step]


class VolleyLine:
    """One ICMP socket of Linux."""

    def __init__(self, sock: socket.socket, token: bytes, size: int) -> None:
        self._send_many, self._receive_many = _system_calls()
        self._sock = sock
        self._version = 6 if sock.family == socket.AF_INET6 else 4
        self._ident = ident_of(sock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deliver: Deliver | None = None
        self._used = 0
        self._token = token
        self.volley = Volley(self._ident, token, size, self._version)
        self.places: Mapping[Any, int] = self.volley.heads
        self._name = _NAMES[sock.family]
        name_bytes = self._name.size
        self._messages_at = size * name_bytes
        self._outgoing = _Table(
            size,
            size * (name_bytes + VOLLEY_MESSAGE_BYTES),
            _Field(0, name_bytes, name_bytes),
            _Field(self._messages_at, VOLLEY_MESSAGE_BYTES, VOLLEY_MESSAGE_BYTES),
            None,
        )
        self._incoming = _Table(BATCH, BATCH * _RECORD_BYTES, _NAME, _DATA, _CONTROL)
        before = _IP_HEADER_BYTES if self._version == 4 and sock.type == socket.SOCK_RAW else 0
        self._plain_bytes = before + VOLLEY_MESSAGE_BYTES
        self._record = struct.Struct(
            f"={_NAME.at}x {name_bytes}s {_NAME_BYTES - name_bytes + before}x {HEAD_BYTES}s {SHARED_BYTES}s Q"
            f" {_DATA_BYTES - self._plain_bytes}x"
        )
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if self._send_many(sock.fileno(), self._outgoing.headers_at, 0, 0) < 0:
            raise _last_error()
        if self._receive_some() < 0 and ctypes.get_errno() not in FULL:
            raise _last_error()

    @property
    def overflowed(self) -> int:
        """What the kernel dropped because nobody had read what came before; 0 where it does not tell."""
        try:
            told = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
            return int(_MEMINFO.unpack(told)[0])
        except (OSError, struct.error):
            return 0

    def name(self, sockaddr: SocketAddress) -> bytes:
        """Return an address as the kernel writes it."""
        family, host = self._sock.family, socket.inet_pton(self._sock.family, sockaddr[0].partition("%")[0])
        return self._name.pack(family, sockaddr[1].to_bytes(2, "big"), host, *sockaddr[3:])

    def source(self, sockaddr: SocketAddress) -> Hashable:
        """Return the same."""
        return self.name(sockaddr)

    def start(self, loop: asyncio.AbstractEventLoop, deliver: Deliver) -> None:
        """Deliver from now on."""
        self._loop, self._deliver = loop, deliver
        loop.add_reader(self._sock, self.receive)

    def send(
        self, payload: bytes, places: Sequence[int], names: Sequence[bytes], signs: array[int]
    ) -> Departure:
        """Send them in one call, or in more where one is refused: that one is tried anew, and stepped over."""
        count, table, at = len(places), self._outgoing, self._messages_at
        packed, messages = b"".join(names), self.volley.encode(payload, places, signs)
        table.bytes[: len(packed)], table.bytes[at : at + len(messages)] = packed, messages
        left_s: list[float] = []
        refused: dict[int, OSError] = {}
        tries, fd = SEND_TRIES, self._sock.fileno()
        while (done := len(left_s)) < count:
            begun_s = monotonic()
            headers_at = table.headers_at + done * _HEADER_BYTES
            sent = self._send_many(fd, headers_at, min(count - done, SENT_AT_ONCE), 0)
            if sent > 0:
                step_s = (monotonic() - begun_s) / sent
                left_s += [begun_s + step_s * number for number in range(sent)]
                tries = SEND_TRIES
                continue
            error = _last_error()
            if error.errno in FULL:
                break
            tries -= 1
            if not tries:  # the first ones may have told of earlier messages
                refused[done] = error
                left_s.append(begun_s)
                tries = SEND_TRIES
        return Departure(left_s, refused)

    def receive(self) -> None:
        """Deliver what came."""
        for _ in range(BATCHES_AT_ONCE):
            count = self._receive_some()
            if count > 0 and self._deliver is not None:
                self._deliver(self._told(count))
            if count < BATCH and not (count < 0 and ctypes.get_errno() not in FULL):
                return  # else there is more, or what was told is the fate of something we sent

    async def close(self) -> None:
        """Close the socket."""
        if self._loop is not None:
            self._loop.remove_reader(self._sock)
        self._sock.close()

    def _receive_some(self) -> int:
        self._incoming.renew(self._used)
        count = self._receive_many(self._sock.fileno(), self._incoming.headers_at, BATCH, 0, None)
        self._used = min(
            max(count, 0) + 1, BATCH
        )  # a message that could not be read may have left its traces
        return count

    def _told(self, count: int) -> Iterable[Arrived]:
        """Return what the table holds after a call that brought so many."""
        table = self._incoming
        sizes = table.sizes(_Header.size.offset, count)
        control_sizes = table.sizes(_MessageHeader.control_size.offset, count)
        at_s = self._stamps(count, control_sizes)
        if sizes.count(self._plain_bytes) < count:
            return self._read_thoroughly(sizes, at_s)
        if self._version == 6:
            table.column("H", _DATA.at + _CHECKSUM_AT, count)[:] = _NO_CHECKSUMS[:count]
        return zip(at_s, self._record.iter_unpack(table.bytes[: count * _RECORD_BYTES]), strict=True)

    def _stamps(self, count: int, control_sizes: list[int]) -> list[float]:
        """Return when the kernel says that each came; now where it does not, or the wall clock was set."""
        now_s, wall_s = monotonic(), time()
        seconds = self._incoming.column("q", _SECONDS_AT, count).tolist()
        ages_s = wall_s - min(seconds), wall_s - max(seconds)
        if control_sizes.count(_CONTROL_BYTES) < count or max(map(abs, ages_s)) > OLDEST_S:
            return [now_s] * count
        nanoseconds = self._incoming.column("q", _NANOSECONDS_AT, count).tolist()
        ahead_s = now_s - wall_s
        if ages_s[0] == ages_s[1]:
            ahead_s += seconds[0]
            return [ahead_s + n * 1e-9 for n in nanoseconds]
        return [ahead_s + s + n * 1e-9 for s, n in zip(seconds, nanoseconds, strict=True)]

    def _read_thoroughly(self, sizes: list[int], at_s: list[float]) -> Iterable[Arrived]:
        """Read a batch of which something is not as it should be, message by message."""
        version = self._version
        for number, size in enumerate(sizes):
            record = bytes(self._incoming.bytes[number * _RECORD_BYTES : (number + 1) * _RECORD_BYTES])
            data = record[_DATA.at : _DATA.at + size]
            if size == _DATA_BYTES or self._token not in data:
                continue  # too long, or another program's
            try:
                echo = decode_echo_reply(data, version)
            except BadReply:
                continue  # damaged, and so nobody's
            if echo is not None:
                at = len(data) - len(echo.payload) - HEAD_BYTES
                head = data[at : at + HEAD_BYTES]
                if version == 6:
                    head = head[:_CHECKSUM_AT] + bytes(2) + head[_CHECKSUM_AT + 2 :]
                source = record[_NAME.at : _NAME.at + self._name.size]
                yield at_s[number], (source, head, *split_payload(echo.payload))


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def _system_calls() -> tuple[Callable[..., int], Callable[..., int]]:
    """Return sendmmsg and recvmmsg; OSError where there are none, or not as they are called here."""
    if sys.platform != "linux" or sys.byteorder != "little" or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise OSError(errno.ENOSYS, "volleys are for Linux on little-endian computers of 64 bits")
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        send_many, receive_many = libc.sendmmsg, libc.recvmmsg
    except AttributeError:
        raise OSError(errno.ENOSYS, "this C library has no sendmmsg") from None
    number, pointer = ctypes.c_int, ctypes.c_void_p
    send_many.argtypes = (number, pointer, ctypes.c_uint, number)
    receive_many.argtypes = (number, pointer, ctypes.c_uint, number, pointer)
    return send_many, receive_many

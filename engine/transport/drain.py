"""Empties datagram sockets and hands what came to the loop in batches. Counterpart: `udp.py` and `icmp.py`.

Theory: a loop that reads one datagram per turn is several times slower than one that reads until there is none. Where the
loop can watch a socket, it empties it itself: a thread beside it fights for the interpreter at each system call, which costs
40 % (docs/PERFORMANCE.md). Where it cannot (Windows' Proactor, whose own UDP goes deaf after a port-unreachable), a thread
empties the sockets and wakes the loop once per emptying. A datagram is stamped when it is read, or, where a round trip is all
that is asked for (ICMP), by Linux' kernel when it comes, so that a busy engine makes no ping look longer.
One rule: here bytes are read and stamped; what they mean is settled by `deliver`, always in the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import selectors
import socket
import struct
import sys
import threading
from collections.abc import Callable
from time import monotonic, time
from typing import Any, NamedTuple

SocketAddress = tuple[Any, ...]
"""What `recvfrom` says: (host, port) for IPv4, (host, port, flow, scope) for IPv6."""

Datagram = tuple[float, bytes, SocketAddress]
"""(monotonic seconds of receipt, payload, from where)."""

MAX_DATAGRAM_BYTES = 65_535
BATCH = 256
"""Datagrams read from one socket before anything else has its turn."""

WAITING_CAP = 16_384
"""Datagrams of the thread that may wait for the loop; the rest of a flood is dropped and counted."""

OLDEST_S = 10.0
"""A stamp further from now than this is not believed."""

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the system, which may give less: 256 replies overflow the usual 208 kB."""

_FULL = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})
_SEND_TRIES = 4

_MSG_ERRQUEUE = getattr(socket, "MSG_ERRQUEUE", 0)
_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h; Python names them from 3.14 on
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the control message carries a struct timespec of the wall clock
_TIMESPEC = struct.Struct("@ll")


class Arrivals(NamedTuple):
    """What one emptying brought. `refused` are addresses that answered "port unreachable" to something of ours."""

    received: list[Datagram]
    refused: list[SocketAddress]


class _Inlet:
    """One socket, and what the thread has read of it for the loop."""

    def __init__(self, sock: socket.socket, deliver: Callable[[Arrivals], None]) -> None:
        self.sock = sock
        self.deliver = deliver
        self.stamped = False
        self.lock = threading.Lock()
        self.waiting = Arrivals([], [])
        self.scheduled = False


class Drain:
    """Empties its sockets from `start` to `close`; `deliver` is called in the loop. `overflowed` counts what a flood cost."""

    def __init__(self, name: str) -> None:
        self.overflowed = 0
        self._name = name
        self._inlets: list[_Inlet] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: _DrainThread | None = None

    def add(
        self,
        sock: socket.socket,
        deliver: Callable[[Arrivals], None],
        *,
        hears_refusals: bool = False,
        stamped: bool = False,
    ) -> None:
        """Take over a socket, before `start`; it is closed with the drain. `stamped` by the kernel costs 2 us a datagram."""
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        inlet = _Inlet(sock, deliver)
        if sys.platform == "linux":
            v6 = sock.family == socket.AF_INET6
            level, option = (socket.IPPROTO_IPV6, _IPV6_RECVERR) if v6 else (socket.IPPROTO_IP, _IP_RECVERR)
            with contextlib.suppress(OSError):
                sock.setsockopt(level, option, int(hears_refusals))
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, int(stamped))
                inlet.stamped = stamped
        self._inlets.append(inlet)

    def start(self, loop: asyncio.AbstractEventLoop, *, in_thread: bool = False) -> None:
        """Begin to deliver into `loop`, which must be the running one; a thread reads where the loop cannot."""
        self._loop = loop
        if not in_thread:
            try:
                for inlet in self._inlets:
                    loop.add_reader(inlet.sock, self._empty_in_loop, inlet)
            except NotImplementedError:
                in_thread = True
        if in_thread:
            self._thread = _DrainThread(
                self._name, {inlet.sock: inlet for inlet in self._inlets}, self._empty_in_thread
            )
            self._thread.start()

    async def close(self) -> None:
        """Stop reading, then close the sockets."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.stop)
        for inlet in self._inlets:
            if self._loop is not None and self._thread is None:
                self._loop.remove_reader(inlet.sock)
            inlet.sock.close()

    def _empty_in_loop(self, inlet: _Inlet) -> None:
        arrivals = _read(inlet)
        if arrivals.received or arrivals.refused:
            inlet.deliver(arrivals)

    def _empty_in_thread(self, inlet: _Inlet) -> None:
        arrivals = _read(inlet)
        if not arrivals.received and not arrivals.refused:
            return
        with inlet.lock:
            waiting = inlet.waiting
            room = WAITING_CAP - len(waiting.received)
            waiting.received.extend(arrivals.received[:room])
            self.overflowed += max(0, len(arrivals.received) - room)
            waiting.refused.extend(arrivals.refused[: WAITING_CAP - len(waiting.refused)])
            wake = not inlet.scheduled
            inlet.scheduled = True
        if wake and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed before us
                self._loop.call_soon_threadsafe(self._deliver, inlet)

    def _deliver(self, inlet: _Inlet) -> None:
        with inlet.lock:
            arrivals, inlet.waiting = inlet.waiting, Arrivals([], [])
            inlet.scheduled = False
        inlet.deliver(arrivals)


def send_datagram(sock: socket.socket, data: bytes, address: SocketAddress) -> bool:
    """Send, and tell whether it left: False where the socket's buffer is full. OSError where there is no way to send it.

    What a host or router said to an earlier datagram is told to the next call, once, whomever that one is for.
    """
    for _ in range(_SEND_TRIES - 1):
        try:
            sock.sendto(data, address)
        except OSError as error:
            if error.errno in _FULL:
                return False
        else:
            return True
    sock.sendto(data, address)
    return True


class _DrainThread(threading.Thread):
    """Waits for sockets with something to read and has them emptied."""

    def __init__(
        self, name: str, inlets: dict[socket.socket, _Inlet], empty: Callable[[_Inlet], None]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._empty = empty
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        for sock, inlet in inlets.items():
            self._selector.register(sock, selectors.EVENT_READ, inlet)

    def run(self) -> None:
        """Go on until `stop` writes to the waker, which alone has no inlet."""
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                self._empty(key.data)

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._waker.send(b"\0")
        self.join()
        self._selector.close()
        self._wake.close()
        self._waker.close()


def _read(inlet: _Inlet) -> Arrivals:
    """Read a socket until it is empty, or a batch."""
    received: list[Datagram] = []
    refused: list[SocketAddress] = []
    sock = inlet.sock
    begun_s = monotonic()
    wall_to_monotonic_s = begun_s - time()
    for _ in range(BATCH):
        try:
            if inlet.stamped:
                data, ancillary, _, address = sock.recvmsg(MAX_DATAGRAM_BYTES, 64)
                at_s = _wall_s(ancillary) + wall_to_monotonic_s
                if not begun_s - OLDEST_S < at_s < begun_s + OLDEST_S:  # no stamp, or the wall clock was set
                    at_s = monotonic()
            else:
                data, address = sock.recvfrom(MAX_DATAGRAM_BYTES)
                at_s = monotonic()
            received.append((at_s, data, address))
        except BlockingIOError:
            break
        except (
            OSError
        ):  # a host refused an earlier datagram; on Windows that is all that is told (WSAECONNRESET)
            refused += _refusals(sock)
    if not received and not refused:
        refused = _refusals(sock)  # the error queue alone also wakes a reader
    return Arrivals(received, refused)


def _wall_s(ancillary: list[tuple[int, int, bytes]]) -> float:
    """Return when the kernel says a datagram came, 0 where it does not."""
    if len(ancillary) != 1 or len(ancillary[0][2]) != _TIMESPEC.size:
        return 0.0
    seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
    return float(seconds + nanoseconds * 1e-9)


def _refusals(sock: socket.socket) -> list[SocketAddress]:
    """Read the error queue (Linux, ip(7) IP_RECVERR): to whom we sent what a "port unreachable" came back for."""
    refused: list[SocketAddress] = []
    for _ in range(BATCH if _MSG_ERRQUEUE else 0):
        try:
            _, ancillary, _, address = sock.recvmsg(0, 512, _MSG_ERRQUEUE)
        except OSError:
            break
        for level, _, error in ancillary:  # struct sock_extended_err opens with the errno
            if level != socket.SOL_SOCKET and int.from_bytes(error[:4], sys.byteorder) == errno.ECONNREFUSED:
                refused.append(address)
    return refused

"""Empties datagram sockets and hands what came to the loop in batches. Counterpart: `udp.py` and `icmp.py`.

Theory: a loop that reads one datagram per turn is several times slower than one that reads until there is none. Where the
loop can watch a socket, it empties it itself: a thread beside it fights for the interpreter at each system call, which costs
40 % (docs/PERFORMANCE.md). Where it cannot (Windows' Proactor, whose own UDP goes deaf after a port-unreachable), a thread
empties the sockets and wakes the loop once per emptying. How one datagram is read and stamped is `receiving.py`'s.
Where anybody may send, a drain is given a rest: after a full batch it leaves its socket alone for a while, and what does not
go into the system's buffer meanwhile costs us nothing.
One rule: here bytes are read; what they mean is settled by `deliver`, always in the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from engine.transport.receiving import (
    Datagram,
    Receiving,
    ReceivingFactory,
    SocketAddress,
    system_receiving,
)

BATCH = 256
"""Datagrams read from one socket before anything else has its turn."""

WAITING_CAP = 16_384
"""Datagrams of the thread that may wait for the loop; the rest of a flood is dropped and counted."""

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the system, which may give less: 256 replies overflow the usual 208 kB."""

FULL = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})
SEND_TRIES = 4


class Arrivals(NamedTuple):
    """What one emptying brought. `refused` are addresses that answered "port unreachable" to something of ours."""

    received: list[Datagram]
    refused: list[SocketAddress]


class _Inlet:
    """One socket, and what the thread has read of it for the loop."""

    def __init__(
        self, sock: socket.socket, receiving: Receiving, deliver: Callable[[Arrivals], None]
    ) -> None:
        self.sock = sock
        self.receiving = receiving
        self.deliver = deliver
        self.lock = threading.Lock()
        self.waiting = Arrivals([], [])
        self.scheduled = False


class Drain:
    """Empties its sockets from `start` to `close`; `deliver` is called in the loop. `overflowed` counts what a flood cost."""

    def __init__(
        self,
        name: str,
        make_receiving: ReceivingFactory | None = None,
        *,
        batch: int = BATCH,
        rest_s: float = 0.0,
    ) -> None:
        self.overflowed = 0
        self._batch = batch
        self._rest_s = rest_s
        self._make_receiving = make_receiving or system_receiving()
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
        receiving = self._make_receiving(sock, hears_refusals=hears_refusals, stamped=stamped)
        self._inlets.append(_Inlet(sock, receiving, deliver))

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
        arrivals = _read(inlet, self._batch)
        if self._rest_s and self._loop is not None and len(arrivals.received) == self._batch:
            self._loop.remove_reader(inlet.sock)
            self._loop.call_later(self._rest_s, self._watch_again, inlet)
        if arrivals.received or arrivals.refused:
            inlet.deliver(arrivals)

    def _watch_again(self, inlet: _Inlet) -> None:
        if self._loop is not None and inlet.sock.fileno() >= 0:  # it may be closed by now
            self._loop.add_reader(inlet.sock, self._empty_in_loop, inlet)

    def _empty_in_thread(self, inlet: _Inlet) -> None:
        arrivals = _read(inlet, self._batch)
        if not arrivals.received and not arrivals.refused:
            return
        if self._rest_s and len(arrivals.received) == self._batch:
            time.sleep(self._rest_s)
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
    for _ in range(SEND_TRIES - 1):
        try:
            sock.sendto(data, address)
        except OSError as error:
            if error.errno in FULL:
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


def _read(inlet: _Inlet, batch: int) -> Arrivals:
    """Read a socket until it is empty, or a batch."""
    received: list[Datagram] = []
    refused: list[SocketAddress] = []
    receiving = inlet.receiving
    for _ in range(batch):
        try:
            received.append(receiving.receive())
        except BlockingIOError:
            break
        except (
            OSError
        ):  # a host refused an earlier datagram; on Windows that is all that is told (WSAECONNRESET)
            refused += receiving.refusals()
    if not received and not refused:
        refused = receiving.refusals()  # an error queue alone also wakes a reader
    return Arrivals(received, refused)

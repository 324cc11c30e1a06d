"""How one datagram is read from a socket, and when it is said to have come. Counterpart: `drain.py`, which empties sockets.

Theory: everywhere a datagram is stamped when it is read. Linux tells more: its kernel stamps a datagram when it comes, so that
a busy engine makes no ping look longer, and keeps an error queue that names who answered "port unreachable" (ip(7)).
One rule: only this module knows the difference between systems.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys
from time import monotonic, time
from typing import Any, Protocol

SocketAddress = tuple[Any, ...]
"""What `recvfrom` says: (host, port) for IPv4, (host, port, flow, scope) for IPv6."""

Datagram = tuple[float, bytes, SocketAddress]
"""(monotonic seconds of receipt, payload, from where)."""

MAX_DATAGRAM_BYTES = 65_535
OLDEST_S = 10.0
"""A stamp further from now than this is not believed."""

REFUSALS_AT_ONCE = 256
_ERRORS_BYTES = 512
_STAMP_BYTES = 64
_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h; Python names them from 3.14 on
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the control message carries a struct timespec of the wall clock
_TIMESPEC = struct.Struct("@ll")


class Receiving(Protocol):
    """Reads one socket that does not block."""

    def receive(self) -> Datagram:
        """Return the next datagram. Raises BlockingIOError without one, another OSError for the fate of one we sent."""

    def refusals(self) -> list[SocketAddress]:
        """Return who answered "port unreachable" to something of ours, where the system says it."""


class ReceivingFactory(Protocol):
    """Makes a socket ready and returns who reads it."""

    def __call__(self, sock: socket.socket, *, hears_refusals: bool, stamped: bool) -> Receiving:
        """`hears_refusals` and `stamped` (by the kernel) are wishes, kept where the system can."""


class PlainReceiving:
    """What every system has, and all that Windows and macOS have."""

    def __init__(self, sock: socket.socket, *, hears_refusals: bool, stamped: bool) -> None:
        self._sock = sock

    def receive(self) -> Datagram:
        """Return the next datagram, stamped now."""
        data, address = self._sock.recvfrom(MAX_DATAGRAM_BYTES)
        return monotonic(), data, address

    def refusals(self) -> list[SocketAddress]:
        """Return nobody: it is not said who."""
        return []


if sys.platform == "linux":

    class LinuxReceiving:
        """Reads what the kernel knows beside the bytes; a stamp costs 2 us a datagram."""

        def __init__(self, sock: socket.socket, *, hears_refusals: bool, stamped: bool) -> None:
            self._sock = sock
            self._stamped = False
            v6 = sock.family == socket.AF_INET6
            level, option = (socket.IPPROTO_IPV6, _IPV6_RECVERR) if v6 else (socket.IPPROTO_IP, _IP_RECVERR)
            with contextlib.suppress(OSError):
                sock.setsockopt(level, option, int(hears_refusals))
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, int(stamped))
                self._stamped = stamped

        def receive(self) -> Datagram:
            """Return the next datagram, stamped by the kernel if that was wished."""
            if not self._stamped:
                data, address = self._sock.recvfrom(MAX_DATAGRAM_BYTES)
                return monotonic(), data, address
            data, ancillary, _, address = self._sock.recvmsg(MAX_DATAGRAM_BYTES, _STAMP_BYTES)
            now_s = monotonic()
            at_s = _wall_s(ancillary) - time() + now_s
            is_believed = abs(at_s - now_s) < OLDEST_S  # else there is no stamp, or the wall clock was set
            return at_s if is_believed else now_s, data, address

        def refusals(self) -> list[SocketAddress]:
            """Read the error queue (IP_RECVERR): to whom we sent what a "port unreachable" came back for."""
            refused: list[SocketAddress] = []
            for _ in range(REFUSALS_AT_ONCE):
                try:
                    _, ancillary, _, address = self._sock.recvmsg(0, _ERRORS_BYTES, socket.MSG_ERRQUEUE)
                except OSError:
                    break
                for level, _, error in ancillary:  # struct sock_extended_err opens with the errno
                    number = int.from_bytes(error[:4], sys.byteorder)
                    if level != socket.SOL_SOCKET and number == errno.ECONNREFUSED:
                        refused.append(address)
            return refused

    def _wall_s(ancillary: list[tuple[int, int, bytes]]) -> float:
        """Return when the kernel says a datagram came, 0 where it does not."""
        if len(ancillary) != 1 or len(ancillary[0][2]) != _TIMESPEC.size:
            return 0.0
        seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
        return float(seconds + nanoseconds * 1e-9)


def system_receiving() -> ReceivingFactory:
    """Return the way of the system that this runs on."""
    if sys.platform == "linux":
        return LinuxReceiving
    return PlainReceiving

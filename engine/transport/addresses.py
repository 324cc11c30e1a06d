"""A device's address as sockets want it. Counterpart: `domain/rules.py`, which lets only numeric addresses in.

One rule: nothing is looked up; a name is refused, so that no poll ever waits for a name server.
"""

from __future__ import annotations

import socket

from domain.errors import Unsupported
from engine.transport.receiving import SocketAddress


def socket_address(address: str, port: int) -> tuple[int, SocketAddress]:
    """Return (family, socket address) of a numeric IPv4 or IPv6 address; Unsupported for anything else."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        found = socket.getaddrinfo(address.encode("ascii"), port, type=socket.SOCK_DGRAM, flags=flags)
    except (OSError, UnicodeError, OverflowError):
        raise Unsupported(
            f"an IPv4 or IPv6 address and port expected, got {address[:80]!r} port {port}"
        ) from None
    return found[0][0], found[0][4]


def name_endpoint(address: str, port: int) -> str:
    """Return "10.0.0.1:161" or "[fe80::1]:161" for messages."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def has_way(address: str) -> bool:
    """Tell whether this computer has a route to an address. Nothing is sent; what is no address has none."""
    try:
        family, found = socket_address(address, 9)
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.connect(found)
    except (Unsupported, OSError):
        return False
    return True

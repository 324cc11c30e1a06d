"""What to tell a user whose port cannot be listened on, and what to do about it. Counterpart: `receivers.py`.

One rule: what, which one, why, and a way out.
"""

from __future__ import annotations

import errno
import sys

from domain.receiving import ListenerKind
from engine.transport.addresses import name_endpoint

_WHAT: dict[ListenerKind, tuple[str, int]] = {
    "traps": ("Traps cannot be received on UDP port", 10_162),
    "syslog_udp": ("Syslog cannot be received on UDP port", 10_514),
    "syslog_tcp": ("Syslog cannot be received on TCP port", 10_514),
}
"""With a port that nobody needs a right for."""

_LINUX_WAY = "or allow it to every program with: sysctl net.ipv4.ip_unprivileged_port_start={port}"
_TAKEN = (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE))


def trouble_of(kind: ListenerKind, address: str, port: int, error: OSError) -> str:
    """Return a sentence about a port that the system does not give."""
    what, other = _WHAT[kind]
    where = f"{what} {port}" if not address else f"{what} {port} of {name_endpoint(address, port)}"
    if isinstance(error, PermissionError) and port < 1024:
        way = f"Choose a port such as {other} here and in the devices"
        more = f", {_LINUX_WAY.format(port=port)}" if sys.platform == "linux" else ""
        return f"{where}: ports below 1024 are an administrator's. {way}{more}."
    if error.errno in _TAKEN:
        return f"{where}: another program listens there. Stop it, or choose another port such as {other}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this computer does not have that address. Choose one of its own, or none for all."
    return f"{where}: {error.strerror or error}. Choose another port or address."

"""Whose a connection over loopback is, where the system tells. Counterpart: `tunnels.py` asks before it carries anything.

Theory: loopback is open to every user of a computer. Linux lists whose each socket is; there the other end's owner must be who
runs the engine, or root. Windows and macOS tell it to nobody without privileges or a foreign program: what connects there is
taken (`docs/decisions/0019-tunnels.md` says so). Where the other end was closed already there is no socket any more, and Linux
lists it as root's: it is nobody's.
One rule: where the list does not have the connection, it is somebody else's.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

LISTS = Path("/proc/net")
_HELD = ("01", "04", "05")
"""States in which somebody may still hold the other end: ESTABLISHED, and having said no more: FIN_WAIT1, FIN_WAIT2."""


def is_ours(sock: socket.socket, lists: Path = LISTS) -> bool:
    """Tell whether the other end of a connection within this computer may be of the user who runs this process."""
    if sys.platform != "linux":
        return True
    near, far = sock.getsockname(), sock.getpeername()
    wanted = (_hex(far), _hex(near))
    try:
        with (lists / "tcp").open(encoding="ascii", errors="replace") as rows:
            for row in rows:
                parts = row.split()
                if len(parts) > 9 and (parts[1], parts[2]) == wanted:
                    is_held = parts[3] in _HELD and parts[9] != "0"
                    return is_held and parts[7] in ("0", str(os.getuid()))
    except OSError:
        return False
    return False


def _hex(address: tuple[str, int]) -> str:
    host = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{host:08X}:{address[1]:04X}"

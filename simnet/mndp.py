"""A simulated router announces itself on the LAN, as MikroTik's do: MNDP over UDP. Counterpart: `router.py` says what it is.

One rule: it speaks at its own times and when it is asked to, and says nothing while it is dead.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import sys
from typing import Any

from simnet.clock import Clock
from simnet.datagrams import Datagrams
from simnet.menus_system import release_of
from simnet.router import Interface, Router

MNDP_PORT = 5678
EVERY_S = 30.0
LOOPBACK_BROADCAST = "127.255.255.255"


def write_announcement(port: Interface, at_s: float, sequence: int) -> bytes:
    """Return the datagram that a router sends out of a port."""
    router = port.router
    records: list[tuple[int, bytes]] = [
        (1, port.mac),
        (5, router.identity.encode()),
        (7, release_of(router).encode()),
        (8, b"MikroTik"),
        (10, struct.pack("<I", int(router.uptime_s(at_s)))),
        (11, f"{router.spec.serial[:4]}-{router.spec.serial[4:8]}".encode()),
        (12, router.board.name.encode()),
        (14, b"\x00"),
        (16, port.name.encode()),
        (17, ipaddress.IPv4Address(router.address).packed),
    ]
    written = b"".join(struct.pack(">HH", kind, len(content)) + content for kind, content in records)
    return struct.pack(">HH", 0, sequence & 0xFFFF) + written


class MndpSpeaker(Datagrams):
    """The announcing of one router. It listens at its own address, and at `broadcast`, for requests.

    Where a broadcast does not reach sockets of single addresses (everywhere but on Linux), requests come to the address alone.
    """

    def __init__(
        self,
        router: Router,
        clock: Clock,
        *,
        port: int = MNDP_PORT,
        broadcast: str = LOOPBACK_BROADCAST,
        every_s: float = EVERY_S,
    ) -> None:
        super().__init__()
        self.announced = 0
        self._router = router
        self._clock = clock
        self._target = (broadcast, port)
        self._every_s = every_s
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begin to announce."""
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sys.platform == "darwin":
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            bound.bind(self._target if sys.platform == "linux" else ("", self._target[1]))
            bound.setblocking(False)
        except OSError:
            bound.close()
            raise
        await self.open(bound)
        self._announce_in_turn()

    async def close(self) -> None:
        """Announce no more."""
        if self._timer is not None:
            self._timer.cancel()
        await super().close()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer a request by announcing."""
        if data == bytes(4):
            self.announce()

    def announce(self) -> None:
        """Say what the router is, out of each port that runs."""
        if not self._router.answering:
            return
        for port in self._router.interfaces:
            if port.running:
                self.announced += 1
                self.send(write_announcement(port, self._clock(), self.announced), self._target)

    def _announce_in_turn(self) -> None:
        self.announce()
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._announce_in_turn)

"""The UDP sockets of simulated routers: SNMP, as late, lossy or garbled as the router is. Counterpart: `agent.py` answers.

One rule: a router that is dead hears nothing; one that died meanwhile says nothing more.
"""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Any, cast

from simnet.agent import Agent
from simnet.clock import Clock
from simnet.router import Router


class Datagrams(asyncio.DatagramProtocol):
    """A UDP socket; `close` returns once its port is free again."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._is_free = asyncio.Event()

    async def open(self, bound: socket.socket) -> None:
        """Serve on a bound socket."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=bound)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None
        self._is_free.set()

    def send(self, datagram: bytes, addr: tuple[str | Any, int]) -> None:
        """Send, unless the socket is closed."""
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(datagram, addr)

    async def close(self) -> None:
        """Free the port."""
        if self._transport:
            self._transport.abort()
            await self._is_free.wait()


class SnmpEndpoint(Datagrams):
    """The UDP socket of one router."""

    def __init__(self, router: Router, agent: Agent, clock: Clock) -> None:
        super().__init__()
        self._router = router
        self._agent = agent
        self._clock = clock
        self._dice = random.Random(router.name)  # noqa: S311 - which datagram is lost, no secret

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer, or not."""
        router = self._router
        if not router.answering or (router.loss_pct and self._dice.random() * 100 < router.loss_pct):
            return
        reply = self._agent.answer(data, self._clock())
        if reply is None:
            return
        if router.garbled:
            reply = self._dice.randbytes(len(reply))
        if router.slow_ms:
            asyncio.get_running_loop().call_later(router.slow_ms / 1000, self._send_late, reply, addr)
        else:
            self.send(reply, addr)

    def _send_late(self, reply: bytes, addr: tuple[str | Any, int]) -> None:
        if self._router.answering:
            self.send(reply, addr)

"""Tunnels on a clock that a test turns, and routers that they lead to. Counterpart: `engine/access/`.

One rule: sockets are real; only who may, the inventory and the time are the test's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any
from uuid import UUID

import msgspec

from domain.errors import Refusal
from domain.inventory import Device, Probe
from domain.tunnels import CONNECT_S, CloseTunnel, OpenTunnel, PortPool, Tunnel, TunnelsState, Way
from domain.wire import Reply
from engine.access.channel import Channel, SocketChannel
from engine.access.tunnels import Reach, Tunnels
from engine.transport.tcp import TcpTransport
from tests.ports import free_port

ROUTER = UUID(int=1)
WAIT_S = 90.0


def alone(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a loop of its own."""

    @wraps(test)
    def run(*args: Any, **given: Any) -> None:
        asyncio.run(test(*args, **given))

    return run


async def until(found: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(WAIT_S):
        while not found():  # noqa: ASYNC110 whatever it is, the test waits for it
            await asyncio.sleep(0.002)


class EchoRouter:
    """Says back what it is told, at a port of loopback; counts what it heard."""

    def __init__(self) -> None:
        self.port = free_port()
        self.connections = 0
        self.heard = 0

    async def __aenter__(self) -> EchoRouter:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError):
            while data := await reader.read(65536):
                self.heard += len(data)
                writer.write(data)
                await writer.drain()
        writer.close()


def router(port: int, id: UUID = ROUTER, **given: Any) -> Device:
    """Return a device at loopback that a port is known of."""
    return Device(id, f"r{id.int}", "127.0.0.1", (Probe("tcp", port),), **given)


class Room:
    """Tunnels to the devices in `devices`."""

    def __init__(self, *devices: Device, pool: int = 4, reach: Reach | None = None) -> None:
        self.devices = {one.id: one for one in devices}
        self.now_s = 0.0
        self.why_not = ""
        self.way: Way | None = "direct"
        self.told: list[TunnelsState] = []
        self.noted: list[tuple[str, Tunnel]] = []
        self.kept: list[PortPool] = []
        self.left: list[UUID] = []
        self.leaving = asyncio.Event()
        """Whether what is left is left at once."""
        self.leaving.set()
        self.tcp = TcpTransport()
        ids = iter(range(1, 1000))
        first = min(free_port(), 60_000)
        self.tunnels = Tunnels(
            device_of=self.devices.get,
            way_to=lambda _: self.way,
            reach=reach or self.reach,
            leave=self._leave,
            why_not=lambda: self.why_not,
            on_told=self.told.append,
            note=lambda kind, tunnel: self.noted.append((kind, tunnel)),
            keep_pool=self._keep,
            pool=PortPool(first, pool),
            new_id=lambda: UUID(int=next(ids)),
            now_us=lambda: int(self.now_s * 1e6),
            clock=lambda: self.now_s,
        )

    async def __aenter__(self) -> Room:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.tunnels.close()
        await self.tcp.close()

    async def open(self, port: int, id: UUID = ROUTER) -> Tunnel:
        """Open a tunnel."""
        reply = await self.tunnels.answer(OpenTunnel(1, id, port, "mara"))
        assert not reply.refusals, reply.refusals
        return msgspec.convert(reply.result["tunnel"], Tunnel)

    async def refusal(self, port: int, id: UUID = ROUTER) -> Refusal:
        """Return why none is opened."""
        reply = await self.tunnels.answer(OpenTunnel(1, id, port, "mara"))
        return reply.refusals[0]

    async def close(self, tunnel: Tunnel) -> Reply:
        """End a tunnel."""
        return await self.tunnels.answer(CloseTunnel(2, tunnel.id))

    async def turn(self, after_s: float = 0.0) -> None:
        """Let time pass."""
        self.now_s += after_s
        await self.tunnels.turn()

    def now(self, tunnel: Tunnel) -> Tunnel:
        """Return how a tunnel stands."""
        return next(one for one in self.tunnels.state.tunnels if one.id == tunnel.id)

    async def reach(self, tunnel: Tunnel, device: Device) -> Channel:
        """Connect from here."""
        return await SocketChannel.of(
            await self.tcp.connect_socket(device.address, tunnel.target_port, CONNECT_S)
        )

    async def _leave(self, tunnel: UUID) -> None:
        self.left.append(tunnel)
        await self.leaving.wait()

    async def _keep(self, pool: PortPool) -> None:
        self.kept.append(pool)


async def talk(tunnel: Tunnel, data: bytes) -> bytes:
    """Say something through a tunnel and hang up; return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
    writer.write(data)
    writer.write_eof()
    back = b""
    with suppress(ConnectionResetError):  # it was cut before it was read
        async with asyncio.timeout(WAIT_S):
            back = await reader.read()
    writer.close()
    return back

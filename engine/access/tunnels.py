"""The tunnels of this computer: opened, counted, ended. Counterparts: `domain/tunnels.py` asks, `channel.py` carries.

Theory: a tunnel is a listener at 127.0.0.1 and one task for each connection, which asks `reach` for a channel to the device and
joins the two. A turn each second ends what nobody uses and tells the counts. What ended stays for a minute with why, so that
whoever looks is told. A device that is deleted, or that another address is given, ends its tunnels.
One rule: whom a tunnel leads to, and by which way, is asked when it opens and at each connection, never of who connects.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from domain.errors import DeviceError, Refusal
from domain.inventory import Device
from domain.text import clean_text
from domain.tunnels import (
    CONNECTIONS_CAP,
    ENDED_SHOWN_S,
    GIVE_WAY_S,
    IDLE_S,
    SILENT_S,
    TUNNELS_CAP,
    CloseTunnel,
    OpenTunnel,
    PortPool,
    SetPortPool,
    ShareTunnel,
    Tunnel,
    TunnelsState,
    Way,
    services_of,
    wrong_of,
)
from domain.wire import Reply
from engine.access.channel import Channel, ChannelLost, SocketChannel, join
from engine.access.neighbours import is_ours
from engine.tasks import end, spawn

_log = logging.getLogger("engine.access")

TURN_S = 1.0
LOOPBACK = "127.0.0.1"
NAME_CAP = 120
Reach = Callable[[Tunnel, Device], Awaitable[Channel]]
"""Opens a channel to where a tunnel leads. Raises DeviceError or ChannelLost."""


class _Open:
    """A tunnel while it is open."""

    def __init__(self, tunnel: Tunnel, address: str, server: asyncio.Server, now_s: float) -> None:
        self.tunnel = tunnel
        self.address = address
        self.server = server
        self.tasks: set[asyncio.Task[None]] = set()
        self.passed_s = self.used_s = now_s
        """When bytes last passed, and when somebody was last connected."""
        self.by_relay, self.has_line = 0, False
        """How many are connected by the server, and whether its line may still be there."""
        self.taken_by, self.leaves_s = "", 0.0
        """Who takes it over, and when it ends by that."""

    def count(self, now_s: float, *, to: int = 0, back: int = 0) -> None:
        """Count what passed."""
        self.passed_s = now_s
        told = self.tunnel
        self.tunnel = msgspec.structs.replace(
            told, to_bytes=told.to_bytes + to, from_bytes=told.from_bytes + back
        )


class Tunnels:
    """All tunnels of one engine. `device_of` looks into the inventory, `way_to` says how a device is reached (None: not at all),
    `why_not` why the person may not (empty: he may); `leave` hears that a tunnel is over, `on_told` gets the state whenever it is
    another, `note` what happened to a tunnel."""

    def __init__(
        self,
        *,
        device_of: Callable[[UUID], Device | None],
        way_to: Callable[[Device], Way | None],
        reach: Reach,
        leave: Callable[[UUID], Awaitable[None]],
        why_not: Callable[[], str],
        on_told: Callable[[TunnelsState], None],
        note: Callable[[str, Tunnel], None],
        keep_pool: Callable[[PortPool], Awaitable[None]],
        pool: PortPool,
        new_id: Callable[[], UUID],
        now_us: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._device_of, self._way_to, self._why_not = device_of, way_to, why_not
        self._reach, self._leave = reach, leave
        self._on_told, self._note, self._keep_pool = on_told, note, keep_pool
        self._new_id, self._now_us, self._clock = new_id, now_us, clock
        self._pool = pool if not wrong_of(pool) else PortPool()
        self._next = 0
        self._open: dict[UUID, _Open] = {}
        self._opening = asyncio.Lock()
        """One is opened at a time, so that a second click finds what the first opened."""
        self._ended: dict[UUID, tuple[Tunnel, float]] = {}
        self._told = TunnelsState(pool=self._pool)

    @property
    def state(self) -> TunnelsState:
        """All tunnels as they stand."""
        tunnels = [one.tunnel for one in self._open.values()] + [tunnel for tunnel, _ in self._ended.values()]
        return TunnelsState(tuple(sorted(tunnels, key=lambda one: (one.since_us, one.id))), self._pool)

    def give_way(self, id: UUID, by: str, for_s: float) -> None:
        """Somebody takes a tunnel over: it ends soon, and whoever has it is warned."""
        one = self._open.get(id)
        if one is not None and not one.tunnel.warning:
            for_s = min(max(for_s, 0.0), GIVE_WAY_S)
            one.leaves_s = self._clock() + for_s
            one.taken_by = clean_text(by, NAME_CAP) or "somebody"
            said = f"{one.taken_by} takes it over in {for_s:.0f} s"
            one.tunnel = msgspec.structs.replace(one.tunnel, warning=said)
            self._tell()

    async def answer(self, request: OpenTunnel | CloseTunnel | ShareTunnel | SetPortPool) -> Reply:
        """Return the one reply to a request."""
        match request:
            case OpenTunnel():
                return await self._on_open(request)
            case CloseTunnel():
                if request.tunnel in self._open:
                    await self._end(request.tunnel, "closed by hand")
                elif request.tunnel not in self._ended:
                    said = "this tunnel is over: open another"
                    return Reply(request.request, (Refusal("TUNNEL_NOT_FOUND", said, "tunnel"),))
                return Reply(request.request)
            case ShareTunnel():
                if (one := self._open.get(request.tunnel)) is None:
                    said = "this tunnel is over: open another"
                    return Reply(request.request, (Refusal("TUNNEL_NOT_FOUND", said, "tunnel"),))
                one.tunnel = msgspec.structs.replace(one.tunnel, is_shared=request.is_shared)
                self._tell()
                return Reply(request.request)
            case SetPortPool():
                if wrong := wrong_of(request.pool):
                    return Reply(request.request, (Refusal("INVALID_INPUT", wrong, "pool"),))
                await self._keep_pool(request.pool)
                self._pool, self._next = request.pool, 0
                self._tell()
                return Reply(request.request)

    async def turn(self) -> None:
        """End what is to end by now, forget what ended long ago, and tell the counts; to be called every `TURN_S`."""
        now_s = self._clock()
        for id, one in list(self._open.items()):
            if why := self._over(one, now_s):
                await self._end(id, why)
            elif one.has_line and one.tunnel.way != "relay" and not one.by_relay:
                one.has_line = False
                await self._leave(id)
        for id, (_, ended_s) in list(self._ended.items()):
            if now_s - ended_s >= ENDED_SHOWN_S:
                del self._ended[id]
        self._tell()

    async def close(self) -> None:
        """End all."""
        async with self._opening:
            for id in list(self._open):
                await self._end(id, "the engine ended")

    def _over(self, one: _Open, now_s: float) -> str:
        """Return why a tunnel is to end now; empty where it is not."""
        device = self._device_of(one.tunnel.device)
        if device is None:
            return "the device was deleted"
        if device.address != one.address or one.tunnel.target_port not in services_of(device):
            return "the device has another address or other ports now"
        if why := self._why_not():
            return why
        if one.taken_by and now_s >= one.leaves_s:
            return f"{one.taken_by} took it over"
        if one.tunnel.connections:
            one.used_s = now_s
            if now_s - one.passed_s >= SILENT_S:
                return f"nothing passed for {SILENT_S / 60:g} minutes"
        elif now_s - max(one.used_s, one.passed_s) >= IDLE_S:
            return f"nobody was connected for {IDLE_S / 60:g} minutes"
        return ""

    async def _on_open(self, request: OpenTunnel) -> Reply:
        async with self._opening:
            made = await self._opened(request)
        if isinstance(made, Refusal):
            extra = {"device_id": str(request.device), "port": request.port, "reason": made.message}
            _log.warning("tunnel_refused", extra=extra)
            return Reply(request.request, (made,))
        return Reply(request.request, result={"tunnel": msgspec.to_builtins(made)})

    async def _opened(self, request: OpenTunnel) -> Tunnel | Refusal:
        device = self._device_of(request.device)
        if device is None:
            return Refusal("DEVICE_NOT_FOUND", "the device is gone", "device")
        service = services_of(device).get(request.port)
        if service is None:
            said = f"port {request.port} is none that {clean_text(device.name, 60)} is administered by: add a TCP probe for it"
            return Refusal("PORT_NOT_ALLOWED", said, "port")
        if why := self._why_not():
            return Refusal("NOT_ALLOWED", why)
        way = "relay" if request.via is not None else self._way_to(device)
        if way is None:
            return Refusal("NOT_CONNECTED", _no_way_words(device))
        wanted = (device.id, request.port, request.via)
        for one in self._open.values():
            if (one.tunnel.device, one.tunnel.target_port, one.tunnel.via) == wanted:
                self._is_led(one, device)
                return one.tunnel
        if len(self._open) >= TUNNELS_CAP:
            said = f"{TUNNELS_CAP} tunnels are open: close one first"
            return Refusal("TOO_MANY_TUNNELS", said)
        sock = self._listening()
        if sock is None:
            last = self._pool.first + self._pool.count - 1
            said = (
                f"none of the ports {self._pool.first} to {last} is free: close a tunnel, or set other ports"
            )
            return Refusal("NO_FREE_PORT", said)
        id = self._new_id()
        server = await asyncio.start_server(
            lambda reader, writer: self._on_connection(id, reader, writer), sock=sock, limit=64 * 1024
        )
        tunnel = Tunnel(
            id,
            device.id,
            service,
            request.port,
            sock.getsockname()[1],
            way,
            clean_text(request.by, NAME_CAP),
            self._now_us(),
            via=request.via,
        )
        self._open[id] = _Open(tunnel, device.address, server, self._clock())
        self._note("tunnel_opened", tunnel)
        _log.info("tunnel_opened", extra={"device_id": str(device.id), "port": request.port, "way": way})
        self._tell()
        return tunnel

    def _listening(self) -> socket.socket | None:
        """Return a socket at the next free port of the pool; the one that was freed last comes last."""
        for step in range(self._pool.count):
            number = (self._next + step) % self._pool.count
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                if hasattr(
                    socket, "SO_EXCLUSIVEADDRUSE"
                ):  # else another user of Windows may listen there too
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
                else:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((LOOPBACK, self._pool.first + number))
                sock.listen(CONNECTIONS_CAP)
                sock.setblocking(False)
            except OSError:
                sock.close()
                continue
            self._next = number + 1
            return sock
        return None

    def _on_connection(self, id: UUID, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one = self._open.get(id)
        near = SocketChannel(reader, writer)
        if one is None:
            near.close()
            return
        sock: socket.socket = writer.get_extra_info("socket")
        if len(one.tasks) >= CONNECTIONS_CAP:
            self._trouble(one, f"{CONNECTIONS_CAP} connections are open: more are refused")
            near.close()
        elif not is_ours(sock):
            self._trouble(one, "another user of this computer tried to use it, and was refused")
            near.close()
        else:
            task = spawn("tunnel", self._carry(one, near), device_id=str(one.tunnel.device))
            one.tasks.add(task)
            task.add_done_callback(one.tasks.discard)

    async def _carry(self, one: _Open, near: SocketChannel) -> None:
        device = self._device_of(one.tunnel.device)
        if device is None or device.address != one.address:
            near.close()
            return
        if not self._is_led(one, device):
            near.close()
            return
        is_by_relay = one.tunnel.way == "relay"
        one.by_relay += is_by_relay
        one.has_line |= is_by_relay
        self._recount(one, 1)
        try:
            far = await self._reach(one.tunnel, device)
            why = await join(
                near,
                far,
                lambda size: one.count(self._clock(), to=size),
                lambda size: one.count(self._clock(), back=size),
            )
            if why:
                self._trouble(one, why)
        except (DeviceError, ChannelLost) as error:
            self._trouble(one, str(error))
        finally:
            near.close()
            one.by_relay -= is_by_relay
            self._recount(one, -1)

    def _is_led(self, one: _Open, device: Device) -> bool:
        """Lead a tunnel by the way by which its device is reached now: who polls it may be another since it opened. What is
        connected by the old way stays so. False where there is no way."""
        now = one.tunnel
        way = now.way if now.via is not None else self._way_to(device)
        if way is None:
            self._trouble(one, _no_way_words(device))
        elif way != now.way:
            one.tunnel = msgspec.structs.replace(now, way=way, is_shared=False)
            _log.info("tunnel_led_otherwise", extra={"device_id": str(device.id), "way": way})
        return way is not None

    def _recount(self, one: _Open, step: int) -> None:
        now = one.tunnel
        one.tunnel = msgspec.structs.replace(
            now, connections=now.connections + step, trouble="" if step > 0 else now.trouble
        )
        one.used_s = self._clock()
        if step > 0:
            one.passed_s = one.used_s
        self._tell()

    def _trouble(self, one: _Open, why: str) -> None:
        said = clean_text(why, 300)
        _log.warning("tunnel_trouble", extra={"device_id": str(one.tunnel.device), "reason": said})
        one.tunnel = msgspec.structs.replace(one.tunnel, trouble=said)
        self._tell()

    async def _end(self, id: UUID, why: str) -> None:
        one = self._open.pop(id, None)
        if one is None:
            return  # somebody else ended it meanwhile
        one.server.close()
        await end(*one.tasks)
        await self._leave(id)
        over = msgspec.structs.replace(one.tunnel, ended=clean_text(why, 300), connections=0)
        self._ended[id] = over, self._clock()
        self._note("tunnel_closed", over)
        _log.info(
            "tunnel_closed",
            extra={"device_id": str(over.device), "port": over.target_port, "reason": over.ended},
        )
        self._tell()

    def _tell(self) -> None:
        state = self.state
        if state != self._told:
            self._told = state
            self._on_told(state)


def _no_way_words(device: Device) -> str:
    return (
        f"the team's server is away, and this computer does not poll {clean_text(device.name, 60)}: "
        "whoever has its address here may be another device. Wait for the server, or have it polled from here"
    )

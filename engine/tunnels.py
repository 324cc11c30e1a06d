"""Builds what an engine has of tunnels. Counterpart: `compose.py`, which has the rest; `access/`, which carries.

One rule: as there: nothing here decides but by which way a device is reached.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from domain.crossing import FRAME_CAP_BYTES, PATH
from domain.errors import Refusal
from domain.inventory import Device
from domain.tunnels import (
    CONNECT_S,
    TELL_EVERY_S,
    GiveWay,
    Meet,
    PortPool,
    TakeOver,
    TakeTunnel,
    TeamTunnel,
    TellTunnels,
    Tunnel,
    TunnelRequest,
    TunnelsState,
    Way,
)
from domain.wire import Reply
from engine.access.channel import Channel, ChannelLost, SocketChannel
from engine.access.relay import Carrying, Relay
from engine.access.tunnels import TURN_S, Tunnels
from engine.journal import JournalPen
from engine.judge.outcome import Outcome
from engine.requests import Answer
from engine.state import State, Subject
from engine.storage import StorageFailed, Store, StoreThread
from engine.switchboard import Switchboard
from engine.sync.socket import WebSocket
from engine.tasks import keep
from engine.team import TeamPart
from engine.transport.tcp import TcpTransport

SETTING = "tunnels"
CONNECTING_CAP = 64
"""Connections of tunnels that may be in the making at a time; beside those by which devices are polled."""


class TunnelPart:
    """What an engine has of tunnels. Tells clients how they stand, and writes into the journal who opened which."""

    def __init__(  # noqa: PLR0917
        self,
        state: State,
        store: Store,
        thread: StoreThread,
        tcp: TcpTransport,
        pen: JournalPen,
        board: Switchboard,
        team: TeamPart,
        new_id: Callable[[], UUID],
        now_us: Callable[[], int],
    ) -> None:
        self._state, self._board, self._pen, self._tcp, self._now_us = state, board, pen, tcp, now_us
        self._team = team
        self._connecting = asyncio.Semaphore(CONNECTING_CAP)
        self._tunnels = Tunnels(
            device_of=lambda id: state.inventory.device(id),  # noqa: PLW0108 another by then
            way_to=self._way_to,
            reach=self._reach,
            leave=self._leave,
            why_not=team.why_no_tunnels,
            on_told=self._tell,
            note=self._note,
            keep_pool=lambda pool: thread.run(store.keep_setting, SETTING, msgspec.to_builtins(pool)),
            pool=_pool_in(store.setting(SETTING)),
            new_id=new_id,
            now_us=now_us,
            clock=time.monotonic,
        )
        state.tunnels = self._tunnels.state
        self._team_tunnels: tuple[TeamTunnel, ...] = ()
        self._said: tuple[TeamTunnel, ...] = ()
        self._said_s = float("-inf")
        self._relay: Relay | None = None
        self._carrying: Carrying | None = None
        if (desk := team.desk) is not None:
            install, token = desk.membership.install, team.login.stream_token
            self._relay = Relay(install, self._dial, token)
            self._carrying = Carrying(
                install,
                self._dial,
                token,
                lambda id: state.inventory.device(id),  # noqa: PLW0108 another by then
                self._why_not_carried,
                self._connect_for_others,
            )
            desk.client.on_tunnels = self._hear

    async def close(self) -> None:
        """End all, and what is carried for others."""
        await self._tunnels.close()
        if self._carrying is not None:
            await self._carrying.close()

    def room(self) -> tuple[Any, Answer]:
        """Return who answers what."""
        return TunnelRequest, self._answer

    def service(self) -> asyncio.Task[None]:
        """Return what runs for ever."""
        return keep("tunnels", self._run)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            await self._tunnels.turn()
            if self._carrying is not None:
                self._carrying.look_again()
            if self._team_tunnels and not self._is_online():
                self._hear(())
            self._say(self._tunnels.state.tunnels)

    async def _answer(self, request: TunnelRequest) -> Reply:
        if isinstance(request, TakeTunnel):
            return self._take(request)
        try:
            return await self._tunnels.answer(request)
        except StorageFailed as error:
            said = f"not written to disk: {error.message}"
            return Reply(request.request, (Refusal("STORAGE_FAILED", said),))

    def _way_to(self, device: Device) -> Way | None:
        """Return how a device is reached: from here where it is polled from here or there is no team, else by the server; None
        where that is away: who has a private address here may be another device."""
        if self._team.desk is None or self._board.polls(device):
            return "direct"
        return "relay" if self._is_online() else None

    def _is_online(self) -> bool:
        desk = self._team.desk
        return desk is not None and desk.state().reachability == "online"

    async def _reach(self, tunnel: Tunnel, device: Device) -> Channel:
        if tunnel.way == "direct" or self._relay is None:
            return await self._connect(device, tunnel.target_port)
        return await self._relay.reach(tunnel)

    async def _leave(self, tunnel: UUID) -> None:
        if self._relay is not None:
            await self._relay.leave(tunnel)

    async def _connect(self, device: Device, port: int) -> Channel:
        sock = await self._tcp.connect_socket(device.address, port, CONNECT_S, self._connecting)
        return await SocketChannel.of(sock)

    async def _connect_for_others(self, device: Device, port: int) -> Channel:
        if not self._team.is_collector and not self._board.polls(device):
            raise ChannelLost("another computer polls the device by now: go by the server")
        return await self._connect(device, port)

    async def _dial(self) -> WebSocket:
        calls = self._team.calls
        return await WebSocket.opened(await calls.connect(), calls.server, PATH, FRAME_CAP_BYTES, packs=False)

    def _why_not_carried(self, device: Device, port: int) -> str:
        """Return why a tunnel of somebody else is not carried from here; empty where it is: where this is the collector that
        polls the device, or somebody here shares a tunnel there."""
        if self._team.is_collector and device.polled_by in (None, self._state.vantage):
            return ""  # the server knows who of the collectors polls it by now
        wanted = (device.id, port, "direct", True, "")
        shared = self._tunnels.state.tunnels
        if any((one.device, one.target_port, one.way, one.is_shared, one.ended) == wanted for one in shared):
            return ""
        return "it carries nothing for others there"

    def _take(self, request: TakeTunnel) -> Reply:
        desk = self._team.desk
        if desk is not None and desk.client.say(TakeOver(request.install, request.tunnel)):
            return Reply(request.request)
        said = "the server is away: a tunnel is taken over by it alone"
        return Reply(request.request, (Refusal("NOT_CONNECTED", said),))

    def _hear(self, told: Meet | GiveWay | tuple[TeamTunnel, ...]) -> None:
        """Take what the server says of tunnels."""
        if isinstance(told, Meet):
            if self._carrying is not None:
                self._carrying.on_meet(told)
        elif isinstance(told, GiveWay):
            self._tunnels.give_way(told.tunnel, told.by, told.for_s)
        else:
            mine = self._state.vantage
            self._team_tunnels = tuple(one for one in told if one.install != mine)
            self._tell(self._tunnels.state)

    def _say(self, tunnels: tuple[Tunnel, ...]) -> None:
        """Tell the team what is open here, if that is news or was said long ago."""
        desk = self._team.desk
        if desk is None:
            return
        now_s = time.monotonic()
        said = tuple(
            TeamTunnel(one.id, one.device, one.service, one.target_port, one.way, one.since_us, one.is_shared)
            for one in tunnels
            if not one.ended
        )
        is_due = said != self._said or (bool(said) and now_s - self._said_s >= TELL_EVERY_S)
        if is_due and desk.client.say(TellTunnels(said)):
            self._said, self._said_s = said, now_s

    def _tell(self, told: TunnelsState) -> None:
        self._state.tunnels = msgspec.structs.replace(told, team=self._team_tunnels)
        self._board.touch([Subject("tunnels", None)])

    def _note(self, kind: Any, tunnel: Tunnel) -> None:
        body: dict[str, Any] = {"service": tunnel.service, "port": tunnel.target_port}
        body |= {"way": tunnel.way, "by": tunnel.by}
        if kind == "tunnel_closed":
            for_s = max(0, self._now_us() - tunnel.since_us) // 1_000_000
            body |= {"why": tunnel.ended, "for_s": for_s}
            body |= {"to_bytes": tunnel.to_bytes, "from_bytes": tunnel.from_bytes}
        row = self._pen.row(self._now_us(), kind, tunnel.device, **body)
        self._board.carry(Outcome(journal=[row]))


def _pool_in(kept: object) -> PortPool:
    """Return what ports were set; the usual ones where none were, or what is kept is none."""
    try:
        return PortPool() if kept is None else msgspec.convert(kept, PortPool)
    except msgspec.ValidationError:
        return PortPool()

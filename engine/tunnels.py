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

from domain.errors import Refusal
from domain.inventory import Device
from domain.tunnels import CONNECT_S, PortPool, Tunnel, TunnelRequest, TunnelsState, Way
from domain.wire import Reply
from engine.access.channel import Channel, SocketChannel
from engine.access.tunnels import Tunnels
from engine.journal import JournalPen
from engine.judge.outcome import Outcome
from engine.requests import Answer
from engine.state import State, Subject
from engine.storage import StorageFailed, Store, StoreThread
from engine.switchboard import Switchboard
from engine.tasks import keep
from engine.team import TeamPart
from engine.transport.tcp import TcpTransport

SETTING = "tunnels"


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
        self._tunnels = Tunnels(
            device_of=lambda id: state.inventory.device(id),  # noqa: PLW0108 another by then
            way_to=self._way_to,
            reach=self._reach,
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
        self.close = self._tunnels.close

    def room(self) -> tuple[Any, Answer]:
        """Return who answers what."""
        return TunnelRequest, self._answer

    def service(self) -> asyncio.Task[None]:
        """Return what runs for ever."""
        return keep("tunnels", self._tunnels.run)

    async def _answer(self, request: TunnelRequest) -> Reply:
        try:
            return await self._tunnels.answer(request)
        except StorageFailed as error:
            said = f"not written to disk: {error.message}"
            return Reply(request.request, (Refusal("STORAGE_FAILED", said),))

    def _way_to(self, device: Device) -> Way:
        """Return how a device is reached: from here where it is polled from here, or where there is nobody else to."""
        return "direct"

    async def _reach(self, tunnel: Tunnel, device: Device) -> Channel:
        sock = await self._tcp.connect_socket(device.address, tunnel.target_port, CONNECT_S)
        return await SocketChannel.of(sock)

    def _tell(self, told: TunnelsState) -> None:
        self._state.tunnels = told
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

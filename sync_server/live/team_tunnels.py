"""Who of a team has which tunnels open, and who takes one over. Counterparts: `room.py`, whose lines these are;
`engine/tunnels.py`, which says it.

Theory: an install says what it has open when that changes and each few seconds, to be forgotten soon where it says nothing more.
It goes to the rooms of all servers and to whoever may know who is there and reaches the device. Whose it is, is stamped on here.
One rule: it is kept by nobody; that somebody took a tunnel over is in the audit.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from uuid import UUID

import msgspec

from domain.sync import Live, encode
from domain.tunnels import (
    GIVE_WAY_S,
    TOLD_FOR_S,
    TUNNELS_CAP,
    GiveWay,
    TakeOver,
    TeamTunnel,
    TellTunnels,
    service_words,
)
from sync_server.live.line import Line
from sync_server.live.reached import Reached
from sync_server.live.relaying import GIVE_WAY
from sync_server.live.shelf import View, view_of
from sync_server.live.sifting import seen_devices
from sync_server.live.works import AWAY, Works
from sync_server.security import audit

TUNNELS = "tunnels"
"""Its kind, as it is relayed."""
INSTALLS_CAP = 1_000


class _Said(msgspec.Struct, array_like=True, frozen=True):
    """What one install has open."""

    install: UUID
    tunnels: tuple[TeamTunnel, ...]


class TeamTunnels:
    """Of one room."""

    def __init__(self, tenant: UUID, works: Works) -> None:
        self._tenant, self._works = tenant, works
        self._known: dict[UUID, tuple[tuple[TeamTunnel, ...], float]] = {}
        self._taken: dict[UUID, float] = {}
        """When tunnels were taken over of late."""
        self._news = 0
        """Grows with each news."""
        self._told: dict[UUID, int] = {}
        """Which news each line has taken."""

    async def say(self, line: Line, said: TellTunnels) -> None:
        """An install says what it has open: relay what of it leads to devices that its person reaches, with whose it is. Raises
        as `Database.transaction` does."""
        person = line.person
        if person is None or not line.who.may("tunnels:write"):
            return
        told = said.tunnels[:TUNNELS_CAP]
        async with self._works.database.transaction(line.who) as transaction:
            seen = await seen_devices(transaction, [one.device for one in told])
        now_us = self._works.now_us()
        stamped = tuple(
            msgspec.structs.replace(
                one,
                install=person.install,
                by=person.name,
                computer=person.computer,
                since_us=max(0, min(now_us, one.since_us)),
                is_shared=one.is_shared and one.way == "direct",
            )
            for one in told
            if one.device in seen
        )
        self._works.relay(self._tenant, TUNNELS, _encoder.encode(_Said(person.install, stamped)))

    def leave(self, line: Line) -> None:
        """An install is gone, and what it had open."""
        if line.install is not None and line.install in self._known:
            self._works.relay(self._tenant, TUNNELS, _encoder.encode(_Said(line.install, ())))

    def take(self, payload: bytes, now_s: float) -> bool:
        """Take what was relayed here; return whether it is news."""
        said = _decoder.decode(payload)
        old, _ = self._known.pop(said.install, ((), 0.0))
        if said.tunnels and len(self._known) < INSTALLS_CAP:
            self._known[said.install] = said.tunnels, now_s
        if old == said.tunnels:
            return False
        self._news += 1
        return True

    def shared(self, install: UUID, device: UUID, port: int) -> TeamTunnel | None:
        """Return the tunnel to a port of a device by which others may go at an install, if there is one."""
        tunnels, _ = self._known.get(install, ((), 0.0))
        return next((t for t in tunnels if t.is_shared and (t.device, t.target_port) == (device, port)), None)

    def keeps_back(self, install: UUID, device: UUID, port: int) -> bool:
        """Tell whether an install that is heard says that it shares no tunnel there; of one that says nothing it is not known."""
        return install in self._known and self.shared(install, device, port) is None

    async def take_over(self, line: Line, asked: TakeOver) -> None:
        """Somebody takes a tunnel over: its install is told, where he may; it is written down."""
        tunnels, _ = self._known.get(asked.install, ((), 0.0))
        tunnel = next((one for one in tunnels if one.id == asked.tunnel), None)
        if tunnel is None or line.person is None or not line.who.may("tunnels:write"):
            return
        now_s = time.monotonic()
        self._taken = {id: at_s for id, at_s in self._taken.items() if now_s - at_s < GIVE_WAY_S}
        if tunnel.id in self._taken:
            return  # it gives way already
        with suppress(*AWAY):
            async with self._works.database.transaction(line.who) as transaction:
                if not await transaction.fetchval("SELECT true FROM device WHERE id = $1", tunnel.device):
                    return
                detail = {"tunnel": str(tunnel.id), "of": tunnel.by, "computer": tunnel.computer}
                detail["what"] = service_words(tunnel.service, tunnel.target_port)
                await audit.record(
                    transaction, line.who, "tunnel.taken_over", ("device", tunnel.device), detail
                )
            self._taken[tunnel.id] = now_s  # only now: who may not take it over holds up nobody who may
            give = GiveWay(asked.install, asked.tunnel, line.person.name, GIVE_WAY_S)
            self._works.relay(self._tenant, GIVE_WAY, encode(give))

    async def tell(self, lines: Collection[Line], reached: Reached, now_s: float) -> None:
        """Tell each line what it has not heard, a new one also that there is nothing; one without room hears it the next time.
        Raises as `Database.transaction` does."""
        for install, (_, at_s) in list(self._known.items()):
            if now_s - at_s > TOLD_FOR_S:
                del self._known[install]
                self._news += 1
        looking = [line for line in lines if "presence" in line.topics and line.who.may("edits:read")]
        due = [line for line in looking if self._told.get(line.id) != self._news]
        self._told = {line.id: self._told[line.id] for line in looking if line.id in self._told}
        seen = await reached.by_view([line.who for line in due if view_of(line.who).sites is not None])
        tunnels = [one for some, _ in self._known.values() for one in some]
        packed: dict[View, bytes] = {}
        for line in due:
            view = view_of(line.who)
            if view not in packed:
                some = [one for one in tunnels if view.sites is None or one.device in seen[view]]
                packed[view] = encode(Live(tunnels=tuple(some)))
            if line.tell(packed[view]):
                self._told[line.id] = self._news  # with what came while it was asked who reaches what


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Said)

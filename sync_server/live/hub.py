"""All lines of this server: rooms, what is heard of the other servers, who may still be there. Counterpart: `main.py` makes it.

Theory: whatever any server writes is news that `bus.py` brings, and where it does not, the rooms ask every few seconds. News
name a tenant and tell nothing: what is told is read as whom it is told to. That a session, membership or install ended is news
too, and is asked each minute besides.
One rule: a line is in one room, and whoever leaves it last turns off the light.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from domain.inventory import Device
from domain.sync import HEARTBEAT_S, Cycles
from domain.tunnels import services_of
from engine.tasks import end, keep
from sync_server import inventory
from sync_server.charts import Charts
from sync_server.ingest import Ingest
from sync_server.ledger import NEWS
from sync_server.live import carried, others, polling, presence, relaying, team_tunnels
from sync_server.live.bus import Bus, Hear
from sync_server.live.crossings import Astray, Crossing, Crossings
from sync_server.live.fairness import Fairness
from sync_server.live.frames import COPIED, COPIED_S, HangUp
from sync_server.live.intake import Intake
from sync_server.live.line import Line
from sync_server.live.map_room import MapRoom, Viewer
from sync_server.live.places import Places
from sync_server.live.pushed import Pushed
from sync_server.live.room import Room
from sync_server.live.works import AWAY, Works
from sync_server.live.written import Wrote
from sync_server.push.held import Message
from sync_server.samples import Samples
from sync_server.security.principal import Principal
from sync_server.services import Services

if TYPE_CHECKING:
    from sync_server.tracing import Traces

Connected = Line | Viewer | Crossing | Astray
ACCESS = "heliograph_access"
"""The channel on which a tenant or an account is named whose access changed."""
DEAF = "deaf"
"""What a server says of itself that has the turn at the broker, while that is away."""
CHANNELS = (NEWS, presence.PEOPLE, polling.POLLING, ACCESS)
LESS = "who carries it may not any more"
ASK_S = 60.0
ASK_DEAF_S = 10.0
"""The same while no news come."""
READING_AT_ONCE = 4
CHARTS_AT_ONCE = 2
"""Of all lines, a tenant after the other: whoever looks at many charts leaves the database to those who poll."""
PUSHED_APART_S = 0.02
"""Between two parts of what was pushed, that the line of who judges has room for each."""
CLOSE_S = 8.0
LATE_S = 3.0
"""How soon those who are hung up because the server stops may come again; each a little later than the other."""


class Hub:
    """The lines of a server. Made within its loop, closed before the database."""

    def __init__(
        self, services: Services, samples: Samples, ingest: Ingest, bus: Bus, traces: Traces | None = None
    ) -> None:
        self.rooms: dict[UUID, Room] = {}
        self.map_rooms: dict[UUID, MapRoom] = {}
        self.crossings = Crossings()
        self.is_closing = False
        self.greeting = 0
        """Sockets that have not said who they are."""
        self.places = Places(services.settings.live_lines, services.settings.live_tenant_lines)
        """Of all who were admitted: lines, looks at a map, ends of tunnels and those that look for theirs."""
        self.bus = bus
        self._admission = services.admission
        self.works = Works(
            services.database,
            samples,
            Charts(samples, services.settings.raw_days),
            ingest,
            Intake(services.database, self._on_wrote),
            asyncio.Semaphore(READING_AT_ONCE),
            Fairness(CHARTS_AT_ONCE),
            lambda: time.time_ns() // 1000,
            self._on_numbers,
            self.relay,
            traces,
            self._hears_pushes,
        )
        self.is_broker_away: Callable[[], bool] = lambda: False
        """Whether this server is to take what comes by a broker, and cannot."""
        self._deaf_until_s = 0.0
        self._pushed = Pushed()
        self._asked: asyncio.Queue[UUID] = asyncio.Queue()
        self._tasks = (
            keep("asking who was told of", self._ask_told),
            keep("asking all", self._ask_all),
            keep("saying who pushed", self._say_heard),
            keep("saying what was pushed", self._say_pushed),
        )
        handlers: dict[str, Hear] = {
            NEWS: self._on_news,
            presence.PEOPLE: self._to_room(lambda room, _: room.on_people()),
            polling.POLLING: self._to_room(lambda room, _: room.on_beat()),
            DEAF: lambda *_: self._on_deaf(),
            ACCESS: lambda id, _: self._asked.put_nowait(id),
            others.HERE: self._to_room(Room.on_here),
            others.NUMBERS: self._to_room(Room.on_numbers_elsewhere),
            others.HEARD: self._to_room(Room.on_heard_elsewhere),
            relaying.SEEN: self._to_room(lambda room, data: room.on_relayed(relaying.SEEN, data)),
            carried.CARRIED: self._to_room(lambda room, data: room.on_relayed(carried.CARRIED, data)),
            relaying.MEET: self._to_room(lambda room, data: room.on_relayed(relaying.MEET, data)),
            relaying.GIVE_WAY: self._to_room(lambda room, data: room.on_relayed(relaying.GIVE_WAY, data)),
            team_tunnels.TUNNELS: self._to_room(
                lambda room, data: room.on_relayed(team_tunnels.TUNNELS, data)
            ),
            relaying.ASK: self._to_room(lambda room, data: room.on_relayed(relaying.ASK, data)),
            relaying.PUSHED: self._to_room(lambda room, data: room.on_relayed(relaying.PUSHED, data)),
        }
        bus.start(handlers, self._on_gap)

    async def close(self) -> None:
        """Hang up on everybody, and wait until they are gone."""
        self.is_closing = True
        for number, one in enumerate(self.connected()):
            one.hang_up(HangUp("CLOSING", "the server stops", LATE_S + number % 100 / 50))
        await _ended(self.connected())
        await end(*self._tasks)
        for room in list(self.rooms.values()):
            await room.close()
        for maps in list(self.map_rooms.values()):
            await maps.close()
        await self.bus.close()

    def lines(self) -> list[Line]:
        """Return all lines."""
        return [line for room in self.rooms.values() for line in room.lines]

    def connected(self) -> list[Connected]:
        """Return all lines, those who look at a map, all tunnels, and ends that look for theirs."""
        viewers = (viewer for room in self.map_rooms.values() for viewer in room.viewers)
        return [*self.lines(), *viewers, *self.crossings.all.values(), *self.crossings.astray]

    @property
    def behind(self) -> int:
        """How many lines have not taken what is the newest."""
        return sum(room.behind for room in self.rooms.values())

    async def serve(self, line: Line, tenant: UUID, first: bytes, on_left: Callable[[], None]) -> None:
        """Have a line in its room until it ends; `on_left` hears that it has left."""
        await self._replace(line, tenant)
        room = self.rooms.get(tenant)
        if room is None:
            room = self.rooms[tenant] = Room(tenant, self.works, self.bus)
        room.enter(line)
        in_peace = False
        try:
            in_peace = await line.run(first)
        finally:
            room.leave(line)
            if not room.lines and self.rooms.get(tenant) is room:
                del self.rooms[tenant]
                await room.close()
            line.ended.set()
            on_left()
            if line.install is not None:
                with suppress(*AWAY):  # it is not heard any more, and so goes by itself
                    await presence.leave(
                        self.works.database, tenant, line.install, line.id, in_peace=in_peace
                    )

    async def show_map(self, viewer: Viewer, first: bytes) -> None:
        """Have somebody look at the map of his tenant until he ends."""
        assert viewer.who.tenant is not None, "a map is of a tenant"
        tenant = viewer.who.tenant
        room = self.map_rooms.get(tenant)
        if room is None:
            room = self.map_rooms[tenant] = MapRoom(tenant, self.works)
        room.enter(viewer)
        try:
            await viewer.run(room, first)
        finally:
            room.leave(viewer)
            if not room.viewers and self.map_rooms.get(tenant) is room:
                del self.map_rooms[tenant]
                await room.close()
            viewer.ended.set()

    async def _replace(self, line: Line, tenant: UUID) -> None:
        """Have no two lines of one install: what the old one had begun is over before the new one begins."""
        room = self.rooms.get(tenant)
        olds = (
            [old for old in room.lines if line.install is not None and old.install == line.install]
            if room
            else []
        )
        for old in olds:
            old.hang_up(HangUp("TOO_MANY", COPIED, COPIED_S))
        await _ended(olds)

    # What is heard

    def _to_room(self, tell: Callable[[Room, bytes], None]) -> Hear:
        """Return what hands on to the room of a tenant, where it has one here."""

        def hear(tenant: UUID, payload: bytes) -> None:
            if (room := self.rooms.get(tenant)) is not None:
                tell(room, payload)

        return hear

    def _on_news(self, tenant: UUID, _: bytes) -> None:
        if (room := self.rooms.get(tenant)) is not None:
            room.on_news()
        if (maps := self.map_rooms.get(tenant)) is not None:
            maps.on_news()

    def _on_wrote(self, tenant: UUID, wrote: Wrote) -> None:
        """Something that was told here is on disk: its news come, too, or have come."""
        if (room := self.rooms.get(tenant)) is not None:
            room.on_wrote(wrote)

    def _on_gap(self) -> None:
        """News may have been missed: ask all."""
        for room in list(self.rooms.values()):
            room.on_gap()
        for maps in self.map_rooms.values():
            maps.on_news()

    def _on_numbers(self, tenant: UUID, cycles: Cycles) -> None:
        if (room := self.rooms.get(tenant)) is not None:
            room.on_numbers(cycles)

    def on_pushed(self, tenant: UUID, stored: Sequence[Message]) -> None:
        """Devices of a tenant pushed what they measured: who judges hears of it, at whichever server."""
        self._pushed.note(tenant, stored)
        if (room := self.rooms.get(tenant)) is not None:
            room.on_heard((message.device, message.heard_us) for message in stored if message.device)

    async def _say_heard(self) -> None:
        """Tell other servers which devices pushed of tenants that have no line here."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if self.is_broker_away():
                self.bus.say(DEAF, UUID(int=0), b"")
            for tenant, heard in self._pushed.heard().items():
                if tenant not in self.rooms:
                    others.say_heard(self.bus, tenant, list(heard.items()))

    async def _say_pushed(self) -> None:
        """Tell who judges, at whichever server, what devices pushed last."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for tenant, parts in self._pushed.numbers().items():
                if tenant not in self.rooms and not self.bus.knows_others:
                    continue
                for part in parts:
                    self.relay(tenant, relaying.PUSHED, part)
                    await asyncio.sleep(PUSHED_APART_S)

    def _hears_pushes(self) -> bool:
        """Tell whether it would be heard here what devices push, at whichever server."""
        is_deaf = self.is_broker_away() or time.monotonic() < self._deaf_until_s
        return not is_deaf and (self.bus.is_up or not self.bus.knows_others)

    def _on_deaf(self) -> None:
        """Another server says that it should hear the broker, and does not."""
        self._deaf_until_s = time.monotonic() + 3 * HEARTBEAT_S

    def relay(self, tenant: UUID, kind: str, payload: bytes) -> None:
        """Carry what is said to installs of a tenant, at whichever server; it may be lost."""
        room = self.rooms.get(tenant)
        if room is not None:
            room.on_relayed(kind, payload)
        if room.others.are_there(time.monotonic()) if room is not None else self.bus.knows_others:
            self.bus.say(kind, tenant, payload)

    # Who may still be there

    async def _ask_told(self) -> None:
        while True:
            id = await self._asked.get()
            await self._ask_again([one for one in self.connected() if _is_of(one, id)])

    async def _ask_all(self) -> None:
        while True:
            for _ in range(round(ASK_S / ASK_DEAF_S)):
                await asyncio.sleep(ASK_DEAF_S)
                if not self.bus.is_up:
                    break
            await self._ask_again(self.connected())

    async def _ask_again(self, connected: Sequence[Connected]) -> None:
        for line in connected:
            try:
                why = await self._reason(line)
                if why is None and isinstance(line, Line) and line.devices:
                    await line.look_again(line.devices)
            except AWAY:
                return  # whoever is there stays until it can be asked again
            if why is not None:
                line.hang_up(why)

    async def _reason(self, line: Connected) -> HangUp | None:
        """Return why a line is not to be here any more."""
        if isinstance(line, Line) and line.install is not None:  # asked first: the session ends with it
            async with self.works.database.transaction(line.who) as transaction:
                if not await transaction.fetchval(OWN_INSTALL, line.install, line.who.id):
                    return HangUp("INSTALL_REVOKED", "this install was revoked")
        now: Principal | None = await self._admission.again(line.who)
        if now is None:
            return HangUp("SESSION_OVER", "the session is over: log in again")
        if not _is_as_before(line.who, now):
            return HangUp("CLOSING", "what you may do here has changed", 0.5)
        return await self._reason_of(line) if isinstance(line, Crossing) else None

    async def _reason_of(self, crossing: Crossing) -> HangUp | None:
        async with self.works.database.transaction(crossing.who) as transaction:
            device: Device | None = await inventory.thing(transaction, "device", crossing.device)
        if device is None:
            return HangUp("NOT_FOUND", "the device is not there any more, or not for you")
        if device.address != crossing.address or crossing.port not in services_of(device):
            return HangUp("NOT_FOUND", "the device has another address or other ports now")
        if (who := crossing.carried_by) is None:
            return None
        now: Principal | None = await self._admission.again(who)
        why = LESS if now is None or not _is_as_before(who, now) else ""
        why = why or await self.why_not_carried(crossing, who)
        return HangUp("REFUSED", f"{crossing.carrier_name}: {why}") if why else None

    async def why_not_carried(self, crossing: Crossing, who: Principal) -> str:
        """Return why somebody is not to carry a tunnel; empty where he is. Raises as `Database.transaction` does."""
        if crossing.is_shared:
            if not who.may("tunnels:write"):
                return LESS
            room = self.rooms.get(crossing.who.tenant) if crossing.who.tenant is not None else None
            if room is not None and room.tunnels.keeps_back(crossing.carrier, crossing.device, crossing.port):
                return "that tunnel is not shared any more"
        async with self.works.database.transaction(who) as transaction:
            if not await transaction.fetchval(OWN_INSTALL, crossing.carrier, who.id):
                return "this install was revoked"
            is_seen = await transaction.fetchval("SELECT true FROM device WHERE id = $1", crossing.device)
        return "" if is_seen else LESS


def _is_of(one: Connected, id: UUID) -> bool:
    """Tell whether somebody is there by an account, or of a tenant."""
    people = one.people if isinstance(one, Crossing) else [one.who]
    return any(id in (who.tenant, who.id) for who in people)


def _is_as_before(old: Principal, now: Principal) -> bool:
    return (now.role, now.permissions, now.reach) == (old.role, old.permissions, old.reach)


async def _ended(lines: Sequence[Connected]) -> None:
    """Wait until lines have ended, but not for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            for line in lines:
                await line.ended.wait()


OWN_INSTALL = "SELECT true FROM identity.install WHERE id = $1 AND account_id = $2 AND proven_us IS NOT NULL AND ended_us IS NULL"

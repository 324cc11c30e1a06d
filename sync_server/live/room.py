"""The lines of a tenant at this server, and what they are told together. Counterpart: `hub.py` makes it, `line.py` is told.

Theory: when something was touched, or a line can take more, the room waits `GATHER_S` for more of either and then does a round.
Lines that see the same and stand at the same revision are told by one read and one encoding, however many they are; what a round
reads is of one moment, so that afterwards all who took it stand together. Whoever is further behind reads by himself, off the
same shelf. A line without credit is passed over; the next round finds it where it is.
What other processes have to tell that is momentary comes and goes by `others.py`.
One rule: a round costs by what was touched and by who takes, never by who does not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from domain.sync import HEARTBEAT_S, LOADS_AT_ONCE, Alive, Cycles, Lease, Live, Loads, encode
from domain.tunnels import TakeOver, TellTunnels
from engine.tasks import end, keep, spawn
from sync_server.live import presence
from sync_server.live.bus import Bus
from sync_server.live.carried import CARRIED, Carried
from sync_server.live.frames import COPIED, COPIED_S, HangUp
from sync_server.live.freshness import Freshness
from sync_server.live.line import Line
from sync_server.live.others import Others, heard_in, numbers_in
from sync_server.live.reached import Reached
from sync_server.live.reading import Cursor, Page, begun
from sync_server.live.relaying import Relaying
from sync_server.live.shelf import Shelf, View
from sync_server.live.team_tunnels import TUNNELS, TeamTunnels
from sync_server.live.works import AWAY, Works
from sync_server.live.written import Wrote

GATHER_S = 0.03
PEOPLE_S = 0.2
"""How long moves of people are gathered."""
TICK_S = 3.0
"""How often it is said who was heard; with `presence.LEASE_S` the longest way to another judge."""
VIEWS_AT_ONCE = 2
"""Reads of a round at a time: the places where lines read are all tenants'."""
TOGETHER = 8
"""Revisions at which lines stand that are told together; those who stand at older ones read by themselves."""
ACROSS_S = 0.2
"""How long numbers are gathered that other processes' lines watch."""
LOOK_S = 5.0
"""A notice may be lost with the connection that brings it: how often it is asked without one."""


class Room:
    """A tenant that has listeners. Made with its first line, closed with its last."""

    def __init__(self, tenant: UUID, works: Works, bus: Bus) -> None:
        self.tenant = tenant
        self.lines: set[Line] = set()
        self.others = Others(tenant, bus)
        self._works = works
        self._bus = bus
        self._across_due = asyncio.Event()
        self._due = asyncio.Event()
        self._people_due = asyncio.Event()
        self._tick_due = asyncio.Event()
        self._is_news = True
        """Whether something may have been touched since the last round."""
        self._newest = 0
        self._shelf = Shelf(works.database, works.reading)
        self._round_reads = asyncio.Semaphore(VIEWS_AT_ONCE)
        self._reached = Reached(works.database, tenant)
        self._lease: presence.Lease | None = None
        self._holder = ""
        self._relaying = Relaying(tenant, self.lines, works)
        self._carried = Carried()
        self.tunnels = TeamTunnels(tenant, works)
        self._freshness = Freshness(self.lines, self.others, self._reached)
        self._alive_s = 0.0
        self._looked_s = time.monotonic()
        name = str(tenant)
        self._tasks = (
            keep(f"rounds {name}", self._rounds),
            keep(f"people {name}", self._tell_people),
            keep(f"ticks {name}", self._ticks),
            keep(f"across {name}", self._tell_others),
        )

    async def close(self) -> None:
        """End its work; its lines are gone. That is said before anything is waited for: another room may be here by then."""
        self.others.say_gone()
        await end(*self._tasks)

    def enter(self, line: Line) -> None:
        """Have a line told what the others are told."""
        self.lines.add(line)
        line.room = self
        if line.wants_entries:
            line.fall_behind()
        self._people_due.set()
        self._tick_due.set()
        self._across_due.set()

    def leave(self, line: Line) -> None:
        """Forget a line."""
        self.lines.discard(line)
        self.tunnels.leave(line)
        line.room = None
        self._tick_due.set()

    @property
    def behind(self) -> int:
        """How many lines have not taken what is the newest here."""
        return sum(line.wants_entries and line.cursor < self._newest for line in self.lines)

    # What is heard

    def on_news(self) -> None:
        """Something was touched."""
        self._is_news = True
        self._due.set()

    def on_wrote(self, wrote: Wrote) -> None:
        """This process wrote something, which so needs not be read."""
        self._shelf.written.note(wrote)

    def on_people(self) -> None:
        """Somebody came, went or moved, or another judges."""
        self._people_due.set()
        self._tick_due.set()

    def on_beat(self) -> None:
        """A line may be told what it polls, or others poll something now."""
        self._tick_due.set()

    def on_seen(self, line: Line, report: bytes) -> None:
        """A run saw something of what it polls."""
        self._relaying.see(line, report)

    def on_loads(self, line: Line, loads: Loads) -> None:
        """Who judges says what links carry."""
        lease = self._lease
        is_judge = lease is not None and (line.install, loads.fence) == (lease.install, lease.fence)
        if is_judge and len(loads.links) <= LOADS_AT_ONCE:
            self._works.relay(self.tenant, CARRIED, msgspec.msgpack.encode(loads.links))

    async def on_tunnels(self, line: Line, said: TellTunnels | TakeOver) -> None:
        """An install says which tunnels it has open, or takes one over. Raises as `Database.transaction` does."""
        if isinstance(said, TellTunnels):
            await self.tunnels.say(line, said)
        else:
            spawn("taking over", self.tunnels.take_over(line, said))

    def on_ask(self, devices: Sequence[tuple[UUID, UUID | None]]) -> None:
        """Somebody wants devices asked at once."""
        self._relaying.ask(devices)

    def on_relayed(self, kind: str, payload: bytes) -> None:
        """Something was carried here from another line, or another server."""
        if kind == CARRIED:
            self._carried.take(payload)
        elif kind == TUNNELS:
            if self.tunnels.take(payload, time.monotonic()):
                self._tick_due.set()
        else:
            self._relaying.on_relayed(kind, payload)

    def on_gap(self) -> None:
        """Anything may have been missed, and others may not have heard that this room is here."""
        self.on_news()
        self.on_people()
        self.others.say_again()
        self._across_due.set()

    def on_ready(self, line: Line) -> None:
        """A line can take more."""
        if self._is_news or line.sent < self._newest:
            self._due.set()

    async def page(self, line: Line, cursor: Cursor) -> Page:
        """Return what a line reads that has fallen behind. Raises as `Database.transaction` does."""
        return await self._shelf.page(line.who, line.view, cursor, line.told_by)

    def on_moved(self, line: Line) -> None:
        """A line wants to hear of other things."""
        self._people_due.set()
        self._across_due.set()

    def on_numbers(self, cycles: Cycles) -> None:
        """Numbers of this tenant are on disk: whoever watches the devices sees them, and all hear that these were heard."""
        self.on_heard((device, at_us) for device, at_us, _ in cycles.cycles)
        self._show(cycles)
        if self.others.note(cycles.cycles):
            self._across_due.set()

    def on_heard(self, heard: Iterable[tuple[UUID, int]]) -> None:
        """Something of devices came to this process: all hear that these were heard."""
        self._freshness.note_here(heard)

    def on_here(self, payload: bytes) -> None:
        """Another process has lines of this tenant, or has none any more. Raises ValueError."""
        self.others.on_here(payload, time.monotonic())
        if self.others.is_asked:
            self._across_due.set()

    def on_numbers_elsewhere(self, payload: bytes) -> None:
        """Another process took numbers that somebody watches. Raises ValueError."""
        self._show(numbers_in(payload))

    def on_heard_elsewhere(self, payload: bytes) -> None:
        """Another process knows when devices were heard. Raises ValueError."""
        self._freshness.note(heard_in(payload))

    def _show(self, cycles: Cycles) -> None:
        for line in self.lines:
            if line.devices and "metric_update" in line.topics:
                numbers = tuple(one for one in cycles.cycles if one[0] in line.devices)
                if numbers:
                    line.tell(encode(Live(numbers=numbers)))

    # What is told

    async def _rounds(self) -> None:
        while True:
            await self._due.wait()
            await asyncio.sleep(GATHER_S)
            self._due.clear()
            try:
                await self._round()
            except* AWAY:  # it is asked again before long, and then catches up
                await asyncio.sleep(1.0)
                self._due.set()

    async def _round(self) -> None:
        ready = [line for line in self.lines if line.is_ready]
        if not ready:
            return
        is_news, self._is_news = self._is_news, False
        groups: dict[View, list[Line]] = {}
        for line in ready:
            groups.setdefault(line.view, []).append(line)
        try:
            async with asyncio.TaskGroup() as telling:  # each sees other things, so each reads for itself
                for lines in groups.values():
                    telling.create_task(self._tell(lines, is_news=is_news))
        except BaseException:
            self._is_news = True
            raise
        self._shelf.keep(line.view for line in self.lines)

    async def _tell(self, lines: Iterable[Line], *, is_news: bool) -> None:
        """Tell lines that see the same what they have not heard yet."""
        by_cursor: dict[int, list[Line]] = {}
        for line in lines:
            if is_news or line.sent < self._newest:
                by_cursor.setdefault(line.sent, []).append(line)
        together = sorted(by_cursor, reverse=True)[:TOGETHER]
        for cursor in by_cursor.keys() - set(together):
            for line in by_cursor[cursor]:
                line.fall_behind()
        if not together:
            return
        first = by_cursor[together[0]][0]
        async with self._round_reads:
            pages = await self._shelf.pages(first.who, first.view, [begun(c) for c in together])
        for cursor, page in zip(together, pages, strict=True):
            self._newest = max(self._newest, page.revision)
            is_short = page.rest is None and len(page.parts) <= 1
            for line in by_cursor[cursor]:
                if line not in self.lines or not line.is_ready or line.sent != cursor:
                    continue
                if not is_short:
                    line.fall_behind()
                elif page.parts:
                    line.deliver(page.parts[0])

    async def _tell_people(self) -> None:
        while True:
            await self._people_due.wait()
            await asyncio.sleep(PEOPLE_S)
            self._people_due.clear()
            listening = [
                line for line in self.lines if "presence" in line.topics and line.who.may("edits:read")
            ]
            told: bytes | None = None
            try:
                for line in listening:
                    is_limited = line.who.reach.sites is not None
                    if told is None or is_limited:
                        async with self._works.database.transaction(line.who) as transaction:
                            people = await presence.people(transaction)
                            data = encode(Live(people=people, pollers=await presence.pollers(transaction)))
                        told = told if is_limited else data
                    else:
                        data = told
                    if not line.tell(data):
                        self._people_due.set()
            except AWAY:
                await asyncio.sleep(1.0)
                self._people_due.set()

    # Who is there, and who judges

    async def _ticks(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TICK_S):
                    await self._tick_due.wait()
            except TimeoutError:
                pass
            self._tick_due.clear()
            now_s = time.monotonic()
            is_beat = now_s - self._alive_s >= HEARTBEAT_S - TICK_S / 2
            if is_beat:
                self._alive_s = now_s
                hears = self._works.hears_pushes()
                alive = encode(Alive(self._works.now_us(), hears_pushes=hears, revision=self._newest))
                for line in list(self.lines):
                    line.tell(alive)
                self._across_due.set()
            if now_s - self._looked_s >= LOOK_S:
                self._looked_s = now_s
                self.on_news()
                if not self._bus.is_up:
                    self._people_due.set()
            try:
                await self._hear()
                await self.tunnels.tell(self.lines, self._reached, now_s)
                if is_beat:
                    await self._freshness.tell(now_s)
                    await self._carried.tell(self.lines, self._reached)
            except AWAY:
                await asyncio.sleep(1.0)
            await asyncio.sleep(GATHER_S)

    async def _tell_others(self) -> None:
        """Tell other processes what is here, and the numbers that are watched there."""
        while True:
            await self._across_due.wait()
            await asyncio.sleep(ACROSS_S)
            self._across_due.clear()
            watched = (line.devices for line in self.lines if "metric_update" in line.topics)
            self.others.say_here(frozenset().union(*watched), time.monotonic())
            self.others.say_numbers()

    async def _hear(self) -> None:
        """Say who was heard, and tell each line who judges."""
        present = {line.id: line for line in self.lines if line.person is not None}
        beats = self._relaying.beats()
        now_s = time.monotonic()
        signs = {
            id: presence.Sign(
                round((now_s - line.heard_s) * 1e6), line.ahead_us, line.untold, line.sees_nothing
            )
            for id, line in present.items()
        }
        heard = await presence.hear(self._works.database, self.tenant, signs)
        for id in heard.replaced:
            await self._return(present[id])
        if 0 < heard.over_s < TICK_S:  # others wait for what somebody holds who is not heard
            asyncio.get_running_loop().call_later(heard.over_s, self._tick_due.set)
        beats = {id: beat for id, beat in beats.items() if id not in heard.replaced}
        self._relaying.tell(heard.holding, heard.lease.install if heard.for_s > 0 else None, beats)
        lease = heard.lease
        is_other = lease != self._lease and (
            self._lease is None or (lease.install, lease.fence) != (self._lease.install, self._lease.fence)
        )
        if is_other:
            self._carried.forget()
        is_other = is_other or heard.holder != self._holder
        self._lease, self._holder = lease, heard.holder
        for line in list(self.lines):
            if line.person is None:
                continue
            if line.install == lease.install and heard.for_s > 0:
                line.tell_lease(Lease(lease.fence, heard.for_s, heard.holder))
            elif is_other or not line.is_told or line.fence:
                line.tell_lease(Lease(0, 0.0, heard.holder))

    async def _return(self, line: Line) -> None:
        """Put back the row of a line that the database lost; one that another line took the place of ends."""
        if line not in self.lines or line.person is None:
            return
        async with self._works.database.transaction(line.who) as transaction:
            is_there = await transaction.fetchval(_TAKEN, line.person.install)
            if not is_there:
                await presence.arrive(transaction, line.who, line.person, line.id, line.fitness, line.run_id)
        if is_there:
            line.hang_up(HangUp("TOO_MANY", COPIED, COPIED_S))


_TAKEN = "SELECT true FROM sync.line WHERE install_id = $1"

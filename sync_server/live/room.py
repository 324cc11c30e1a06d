"""The lines of a tenant at this server, and what they are told together. Counterpart: `hub.py` makes it, `line.py` is told.

Theory: when something was touched, or a line can take more, the room waits `GATHER_S` for more of either and then does a round.
Lines that may see the same (all sites, equal permissions) and are at one of the last heads are told by one read and one encoding:
each head is read from once, however many lines are there, and to be told something twice is harmless, so whoever is between two
heads is told from the lower one. Whoever is further behind, or sees some sites only, reads by himself. A line without credit is
passed over; the next round finds it where it is.
One rule: a round costs by what was touched and by who takes, never by who does not.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from uuid import UUID

from domain.roles import Permission
from domain.sync import HEARTBEAT_S, Alive, Cycles, Lease, Live, encode
from engine.tasks import end, keep
from sync_server.live import presence
from sync_server.live.frames import HangUp
from sync_server.live.line import Line
from sync_server.live.reading import begun, read_page
from sync_server.live.works import AWAY, Works

GATHER_S = 0.03
PEOPLE_S = 0.2
"""How long moves of people are gathered."""
TICK_S = 3.0
"""How often it is said who was heard; with `presence.LEASE_S` the longest way to another judge."""
HEADS = 8
"""Heads from which lines are told together."""
LOOK_S = 5.0
"""A notice may be lost with the connection that brings it: how often it is asked without one."""
View = frozenset[Permission]


class Room:
    """A tenant that has listeners. Made with its first line, closed with its last."""

    def __init__(self, tenant: UUID, works: Works) -> None:
        self.tenant = tenant
        self.lines: set[Line] = set()
        self._works = works
        self._due = asyncio.Event()
        self._people_due = asyncio.Event()
        self._tick_due = asyncio.Event()
        self._is_news = True
        """Whether something may have been touched since the newest head."""
        self._newest = 0
        self._heads: dict[View, deque[int]] = {}
        self._lease: presence.Lease | None = None
        self._holder = ""
        self._alive_s = 0.0
        self._looked_s = time.monotonic()
        name = str(tenant)
        self._tasks = (
            keep(f"rounds {name}", self._rounds),
            keep(f"people {name}", self._tell_people),
            keep(f"ticks {name}", self._ticks),
        )

    async def close(self) -> None:
        """End its work; its lines are gone."""
        await end(*self._tasks)

    def enter(self, line: Line) -> None:
        """Have a line told what the others are told."""
        self.lines.add(line)
        line.room = self
        if line.wants_entries:
            line.fall_behind()
        self._people_due.set()
        self._tick_due.set()

    def leave(self, line: Line) -> None:
        """Forget a line."""
        self.lines.discard(line)
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

    def on_people(self) -> None:
        """Somebody came, went or moved, or another judges."""
        self._people_due.set()
        self._tick_due.set()

    def on_ready(self, line: Line) -> None:
        """A line can take more."""
        if self._is_news or line.cursor < self._newest:
            self._due.set()

    def on_moved(self, line: Line) -> None:
        """A line's person looks at something else, or it wants to hear of others."""
        self._people_due.set()

    def on_numbers(self, cycles: Cycles) -> None:
        """Numbers of this tenant are on disk: whoever watches the devices sees them."""
        for line in self.lines:
            if line.devices and "metric_update" in line.topics:
                numbers = tuple(one for one in cycles.cycles if one[0] in line.devices)
                if numbers:
                    line.show(Live(numbers=numbers))

    # What is told

    async def _rounds(self) -> None:
        while True:
            await self._due.wait()
            await asyncio.sleep(GATHER_S)
            self._due.clear()
            try:
                await self._round()
            except AWAY:  # it is asked again before long, and then catches up
                await asyncio.sleep(1.0)
                self._due.set()

    async def _round(self) -> None:
        ready = [line for line in self.lines if line.is_ready]
        if not ready:
            return
        is_news, self._is_news = self._is_news, False
        groups: dict[View, list[Line]] = {}
        for line in ready:
            if line.who.reach.sites is None:
                groups.setdefault(line.who.permissions, []).append(line)
            elif is_news or line.cursor < self._newest:
                line.fall_behind()
        try:
            for view, lines in groups.items():
                await self._tell(view, lines, is_news=is_news)
        except BaseException:
            self._is_news = True
            raise
        for view in [view for view in self._heads if view not in self._views()]:
            del self._heads[view]

    def _views(self) -> set[View]:
        return {line.who.permissions for line in self.lines if line.who.reach.sites is None}

    async def _tell(self, view: View, lines: Iterable[Line], *, is_news: bool) -> None:
        """Tell lines that may see the same what they have not heard yet."""
        heads = self._heads.setdefault(view, deque(maxlen=HEADS))
        at_head: dict[int, list[Line]] = {}
        for line in lines:
            head = max((head for head in heads if head <= line.cursor), default=None)
            if head is None and not heads:
                heads.append(head := line.cursor)
            if head is None:
                line.fall_behind()
            else:
                at_head.setdefault(head, []).append(line)
        for head, some in sorted(at_head.items(), reverse=True):
            if not is_news and head >= self._newest:
                continue
            page = await read_page(self._works.database, some[0].who, begun(head))
            self._newest = max(self._newest, page.revision)
            if page.revision not in heads and page.rest is None:
                heads.append(page.revision)
            is_short = page.rest is None and len(page.parts) <= 1
            for line in some:
                if line not in self.lines or not line.is_ready:
                    continue
                if not is_short:
                    line.fall_behind()
                elif page.parts:
                    line.deliver(page.parts[0])
                else:
                    line.cursor = max(line.cursor, page.revision)

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
                            data = encode(Live(people=await presence.people(transaction)))
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
            if now_s - self._alive_s >= HEARTBEAT_S - TICK_S / 2:
                self._alive_s = now_s
                alive = encode(Alive(self._works.now_us()))
                for line in list(self.lines):
                    line.tell(alive)
            if now_s - self._looked_s >= LOOK_S:
                self._looked_s = now_s
                self.on_news()
            try:
                await self._hear()
            except AWAY:
                await asyncio.sleep(1.0)
            await asyncio.sleep(GATHER_S)

    async def _hear(self) -> None:
        """Say who was heard, and tell each line who judges."""
        present = {line.id: line for line in self.lines if line.person is not None}
        now_s = time.monotonic()
        ages_us = {id: round((now_s - line.heard_s) * 1e6) for id, line in present.items()}
        heard = await presence.hear(self._works.database, self.tenant, ages_us)
        for id in heard.replaced:
            await self._return(present[id])
        lease = heard.lease
        is_other = lease != self._lease and (
            self._lease is None or (lease.install, lease.fence) != (self._lease.install, self._lease.fence)
        )
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
                await presence.arrive(transaction, line.who, line.person, line.id, line.fitness)
        if is_there:
            line.hang_up(HangUp("TOO_MANY", "this install has connected anew", 0.0))


_TAKEN = "SELECT true FROM sync.line WHERE install_id = $1"

"""Who looks at the map of a tenant in a browser, and what they are told. Counterpart: `hub.py` makes it, `map_door.py` lets in.

Theory: when something was touched, what each sort of person sees is read again and told as what differs. Those who see the same
are told the same bytes; who comes, or was too slow for a round, is told the whole. After a round there is a rest, ten times as
long as it took: a large network that never stands still costs a tenth of a processor, and no more.
One rule: a viewer only listens; what it says besides "alive" ends it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

import msgspec

from domain.sync import DEAD_AFTER_S, HEARTBEAT_S
from engine.tasks import end, keep
from sync_server.live.frames import HangUp, Peer
from sync_server.live.map_fates import Graph
from sync_server.live.map_state import MapState, read_map, told
from sync_server.live.outgoing import SEND_S
from sync_server.live.shelf import View, view_of
from sync_server.live.works import AWAY, Works
from sync_server.security.principal import Principal

GATHER_S = 0.1
REST_LEAST_S = 1.0
REST = 10
LOOK_S = 20.0
"""How often it is read though nobody said that anything was touched: plans begin and end by themselves."""
SAID_CAP_BYTES = 256
ALIVE = b'{"alive":true}'


class _Gone(Exception):
    """The other side is not there any more."""


class Viewer:
    """A page that shows the map to somebody."""

    def __init__(self, who: Principal, peer: Peer) -> None:
        self.who = who
        self.ended = asyncio.Event()
        self.due = asyncio.Event()
        self._peer = peer
        self._ending: asyncio.Future[HangUp] = asyncio.get_running_loop().create_future()

    def hang_up(self, why: HangUp) -> None:
        """End it; it is told why."""
        if not self._ending.done():
            self._ending.set_result(why)

    async def run(self, room: MapRoom, first: bytes) -> None:
        """Serve it until it ends; `first` is sent first."""
        why: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._write(room, first), self._await_end()):
                    group.create_task(work)
                await self._read()
                raise _Gone
        except* (_Gone, OSError):
            pass
        except* HangUp as ended:
            why = ended.exceptions[0]
        if isinstance(why, HangUp):
            await self._peer.refuse(why)

    async def _await_end(self) -> None:
        raise await self._ending

    async def _read(self) -> None:
        while True:
            try:
                async with asyncio.timeout(DEAD_AFTER_S):
                    data = await self._peer.receive()
            except TimeoutError:
                self._peer.abort()
                return
            if data is None:
                return
            if len(data) > SAID_CAP_BYTES:
                raise HangUp("BAD_MESSAGE", "who looks at the map says nothing but that it is there")

    async def _write(self, room: MapRoom, first: bytes) -> None:
        await self._send(first)
        version = 0
        while True:
            self.due.clear()
            version, frames = await room.frames_for(self, version)
            for frame in frames:
                await self._send(frame)
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self.due.wait()
            except TimeoutError:
                await self._send(ALIVE)

    async def _send(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await self._peer.send(data)
        except TimeoutError:
            self._peer.abort()
            raise


class _Sight:
    """What those see who see the same, and the frames that tell it."""

    def __init__(self) -> None:
        self.version = 0
        self.state: MapState | None = None
        self.news: list[bytes] = []
        """What tells this version to who has the one before."""
        self._whole: list[bytes] = []

    async def show(self, state: MapState) -> bool:
        """Take up what is seen now; return whether that is something else than before."""
        news = await asyncio.to_thread(_frames, self.state, state)
        if not news:
            return False
        self.news, self.state, self._whole = news, state, []
        self.version += 1
        return True

    async def whole(self) -> list[bytes]:
        """Return what tells all to who has nothing."""
        if not self._whole and self.state is not None:
            state = self.state
            made = await asyncio.to_thread(_frames, None, state)
            if state is self.state:
                self._whole = made
            return made
        return self._whole


class MapRoom:
    """The viewers of a tenant's map at this server. Made with the first, closed with the last."""

    def __init__(self, tenant: UUID, works: Works) -> None:
        self.viewers: set[Viewer] = set()
        self._works = works
        self._graph = Graph(tenant)
        self._sights: dict[View, _Sight] = {}
        self._due = asyncio.Event()
        self._task = keep(f"map {tenant}", self._rounds)

    async def close(self) -> None:
        """End its work; its viewers are gone."""
        await end(self._task)

    def enter(self, viewer: Viewer) -> None:
        """Have somebody told what is to be seen."""
        self.viewers.add(viewer)
        if view_of(viewer.who) not in self._sights:
            self._due.set()

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer, and what nobody sees any more."""
        self.viewers.discard(viewer)
        seen = {view_of(one.who) for one in self.viewers}
        for view in self._sights.keys() - seen:
            del self._sights[view]

    def on_news(self) -> None:
        """Something was touched."""
        self._due.set()

    async def frames_for(self, viewer: Viewer, version: int) -> tuple[int, Iterable[bytes]]:
        """Return the version that is seen now, and the frames that tell it to who has another one; 0 is nothing."""
        sight = self._sights.get(view_of(viewer.who))
        if sight is None or sight.version == version:
            return version, ()
        if version and sight.version == version + 1:
            return sight.version, sight.news
        now = sight.version
        return now, await sight.whole()

    async def _rounds(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._due.wait()
            await asyncio.sleep(GATHER_S)
            self._due.clear()
            began_s = time.monotonic()
            try:
                await self._round()
            except AWAY:
                self._due.set()
            await asyncio.sleep(max(REST_LEAST_S, REST * (time.monotonic() - began_s)))

    async def _round(self) -> None:
        fates = None
        for view, who in {view_of(viewer.who): viewer.who for viewer in self.viewers}.items():
            async with self._works.reading:
                fates = fates or await self._graph.read(self._works.database, self._works.now_us())
                state = await read_map(self._works.database, who, fates)
            sight = self._sights.setdefault(view, _Sight())
            if await sight.show(state):
                for viewer in self.viewers:
                    if view_of(viewer.who) == view:
                        viewer.due.set()


def _frames(before: MapState | None, now: MapState) -> list[bytes]:
    return [msgspec.json.encode({"map": part}) for part in told(before, now)]

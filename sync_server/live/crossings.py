"""Where the two ends of a tunnel meet, and pass bytes on. Counterparts: `tunnel_door.py` lets them in; `domain/crossing.py`.

Theory: who opens waits here until who carries has come; then two loops take a frame from one end and give it to the other. A loop
reads no further until the other side has taken what it had, so a tunnel holds a frame each way beside the system's buffers. Each
end says something every few seconds, and one that does not is gone. A tunnel is over when either end leaves, breaks or is silent,
when the person may no longer, or when the server stops: both ends are told why.
One rule: no frame is looked into; it is counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Literal
from uuid import UUID

from domain.crossing import FRAME_CAP_BYTES, MEET_S, Met, encode
from domain.sync import DEAD_AFTER_S
from sync_server.live.frames import HangUp, Peer, first_of
from sync_server.live.outgoing import SEND_S
from sync_server.security.principal import Principal

PERSON_CAP, TENANT_CAP, SERVER_CAP = 16, 64, 512
"""Tunnels at a time of one person, one tenant, one server."""
ASTRAY_CAP = 8
"""Ends of one person at a time that look for another server."""

Kind = Literal["collector", "shared"]
Direction = Literal["to", "from"]
"""As seen from who opened it."""


class Crossing:
    """One tunnel by this server, to a port of a device that had an address when it began. `carrier` is the install that is to
    come, `carrier_name` its computer, `is_shared`: a colleague's, who shares a tunnel of his."""

    def __init__(  # noqa: PLR0917
        self,
        id: UUID,
        who: Principal,
        device: UUID,
        address: str,
        port: int,
        carrier: UUID,
        carrier_name: str,
        *,
        is_shared: bool = False,
    ) -> None:
        self.id, self.who = id, who
        self.device, self.address, self.port = device, address, port
        self.carrier, self.carrier_name, self.is_shared = carrier, carrier_name, is_shared
        self.carried_by: Principal | None = None
        """Who came with the carrying end."""
        self.ended = asyncio.Event()
        self.passed: Counter[Direction] = Counter()
        self.began_s = time.monotonic()
        self._arrival: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()
        self._ending: asyncio.Future[HangUp] = asyncio.get_running_loop().create_future()

    def hang_up(self, why: HangUp) -> None:
        """End it; both ends are told."""
        if not self._ending.done():
            self._ending.set_result(why)

    @property
    def kind(self) -> Kind:
        """Who is to carry it: a collector, or a colleague who shares a tunnel."""
        return "shared" if self.is_shared else "collector"

    @property
    def people(self) -> list[Principal]:
        """Whose rights it needs: who opened it, and who carries it."""
        return [self.who] if self.carried_by is None else [self.who, self.carried_by]

    def arrive(self, far: Peer, carried_by: Principal, refusal: str) -> bool:
        """Whoever carries has come, or says why not; False where somebody has come already."""
        if self._arrival.done() or self.ended.is_set():
            return False
        if refusal:
            self.hang_up(HangUp("REFUSED", f"{self.carrier_name}: {refusal}"))
        self.carried_by = carried_by
        self._arrival.set_result(far)
        return True

    async def run(self, near: Peer) -> HangUp:
        """Carry frames until it is over; return why."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._raise_ending())
                async with asyncio.timeout(MEET_S):
                    far = await asyncio.shield(self._arrival)
                await asyncio.sleep(0)  # a refusal comes first
                for peer in (near, far):
                    await peer.send(encode(Met(self.carrier_name)))
                group.create_task(self._one_way(near, far, "whoever opened it", is_out=True))
                group.create_task(self._one_way(far, near, self.carrier_name, is_out=False))
        except* HangUp as ended:
            why = first_of(ended)
        except* TimeoutError:
            why = HangUp("NO_ANSWER", f"{self.carrier_name} did not come within {MEET_S:g} s")
        finally:
            self.ended.set()
        return why

    async def end_far(self, why: HangUp) -> None:
        """Tell whoever carries that it is over."""
        if self._arrival.done():
            await self._arrival.result().refuse(why)

    async def _raise_ending(self) -> None:
        raise await self._ending

    async def _one_way(self, source: Peer, target: Peer, whose: str, *, is_out: bool) -> None:
        while True:
            try:
                async with asyncio.timeout(DEAD_AFTER_S):
                    data = await source.receive()
            except TimeoutError:
                raise HangUp("SILENT", f"nothing was heard of {whose} for {DEAD_AFTER_S:g} s") from None
            if data is None:
                raise HangUp("LEFT", f"{whose} hung up")
            if len(data) > FRAME_CAP_BYTES:
                raise HangUp("BAD_MESSAGE", f"{whose}: frames of at most {FRAME_CAP_BYTES} bytes expected")
            self.passed["to" if is_out else "from"] += len(data)
            try:
                async with asyncio.timeout(SEND_S):
                    await target.send(data)
            except TimeoutError:
                raise HangUp("SILENT", "the other end takes nothing") from None


class Astray:
    """An end whose tunnel waits at another server. It stays connected while it looks for that one: a proxy that gives each
    connection to the server with the fewest would send it here for ever."""

    def __init__(self, who: Principal) -> None:
        self.who = who
        self.ended = asyncio.Event()
        self._ending: asyncio.Future[HangUp] = asyncio.get_running_loop().create_future()

    def hang_up(self, why: HangUp) -> None:
        """End it."""
        if not self._ending.done():
            self._ending.set_result(why)

    async def stay(self, peer: Peer, elsewhere: HangUp) -> HangUp:
        """Tell it so, and wait until it leaves; return why it is over."""
        why = elsewhere
        try:
            async with asyncio.timeout(MEET_S), asyncio.TaskGroup() as group:
                group.create_task(self._raise_ending())
                await peer.send(encode(elsewhere.refused))
                await peer.receive()
                raise elsewhere
        except* HangUp as ended:
            why = first_of(ended)
        except* TimeoutError:
            pass
        finally:
            self.ended.set()
        return why

    async def _raise_ending(self) -> None:
        raise await self._ending


class Crossings:
    """All tunnels by this server, and figures of them since its start."""

    def __init__(self) -> None:
        self.all: dict[UUID, Crossing] = {}
        self.opened: Counter[Kind] = Counter()
        self.ended: Counter[str] = Counter()
        """By the code of why; those too that were refused before they were open."""
        self._passed: Counter[Direction] = Counter()
        """Of those that are over."""
        self.astray: set[Astray] = set()
        """Ends that look for another server."""

    def begin(self, crossing: Crossing) -> None:
        """One is here, and waits for its other end."""
        self.all[crossing.id] = crossing
        self.opened[crossing.kind] += 1

    def end(self, crossing: Crossing, why: HangUp) -> None:
        """One is over."""
        del self.all[crossing.id]
        self.ended[why.refused.code] += 1
        self._passed += crossing.passed

    async def lead_astray(self, who: Principal, peer: Peer, elsewhere: HangUp) -> HangUp:
        """Have an end stay that looks for another server, where not too many of the same person do; return why it is over."""
        if sum(one.who.id == who.id for one in self.astray) >= ASTRAY_CAP:
            return elsewhere
        one = Astray(who)
        self.astray.add(one)
        try:
            return await one.stay(peer, elsewhere)
        finally:
            self.astray.discard(one)

    def open(self) -> Counter[Kind]:
        """Return how many there are now."""
        return Counter(one.kind for one in self.all.values())

    def passed(self) -> Counter[Direction]:
        """Return how many bytes passed, those of what is open too."""
        return sum((one.passed for one in self.all.values()), self._passed)

    def why_full(self, who: Principal) -> str:
        """Return why no more tunnels are to begin; empty where one may."""
        persons = Counter(one.who.id for one in self.all.values())
        tenants = Counter(one.who.tenant for one in self.all.values())
        if persons[who.id] >= PERSON_CAP:
            return f"{PERSON_CAP} tunnels of yours are open at this server: close one first"
        if tenants[who.tenant] >= TENANT_CAP:
            return f"{TENANT_CAP} tunnels of this network are open at this server"
        return "as many tunnels as may be are open at this server" if len(self.all) >= SERVER_CAP else ""

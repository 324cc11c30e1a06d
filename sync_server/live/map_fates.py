"""Which silent devices of a tenant are causes, which lie behind one, who is worked on. Counterpart: `engine/judge/faults.py`.

Theory: the team's judge tells statuses, not what follows from them: each engine reads causes off the graph by itself, and so does
the map of the server, of the same graph. It knows the whole tenant, whoever looks: that a device is affected is so whether or not
its cause is in sight. Derived links stand in nobody's inventory until they are adopted, so they do not count here.
One rule: a fate names a cause by its id and nothing else of it; who may not see that device is not told the id either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from domain.inventory import PUSHED, Entity, Inventory, Kind, is_paused
from domain.maintenance import under_work
from domain.topology import Causes
from engine.judge.network import Network
from engine.judge.suspects import Suspects
from sync_server.database import Database, Transaction, Work
from sync_server.inventory import things

_SHAPE = """
    SELECT coalesce(max(revision), 0) FROM sync.touched WHERE kind IN ('site', 'device', 'link', 'maintenance')
"""
_HEALTH = f"""
    SELECT DISTINCT ON (device_id) device_id, status, since_us, NOT probes ? '{PUSHED}' AS is_asked FROM health
    ORDER BY device_id, heard_us DESC
"""
_FALLEN = "SELECT link_id, since_us FROM link_state WHERE status = 'down'"
_TOGETHER_S = 120.0
_KINDS: tuple[Kind, ...] = ("site", "device", "link", "maintenance")


class Fates(NamedTuple):
    """`behind`: affected devices, each with its first cause (None: nobody knows); `planned`: paused, or worked on."""

    behind: dict[UUID, UUID | None]
    planned: frozenset[UUID]


class Graph:
    """What a tenant's network hangs together by, kept while somebody looks at its map."""

    def __init__(self, tenant: UUID) -> None:
        self._tenant = tenant
        self._shape = -1
        self._inventory = Inventory()
        self._network = Network(self._inventory)

    async def read(self, database: Database, now_us: int) -> Fates:
        """Return the fates as they are. Raises as `Database.transaction` does."""
        async with database.transaction(Work(self._tenant), is_snapshot=True) as transaction:
            await self._follow(transaction)
            health = await transaction.fetch(_HEALTH)
            fallen = await transaction.fetch(_FALLEN)
        return await asyncio.to_thread(self._fates, health, fallen, now_us)

    def _fates(self, health: Sequence[Record], fallen: Sequence[Record], now_us: int) -> Fates:
        planned, _ = under_work(self._inventory, now_us)
        paused = (one.id for one in self._inventory.devices() if is_paused(one, now_us))
        planned = planned.union(paused)
        states = {UUID(int=id.int): (status, since_us, is_asked) for id, status, since_us, is_asked in health}
        if not any(status == "down" for status, *_ in states.values()):
            return Fates({}, planned)
        causes = Causes(self._network.topology, _TOGETHER_S)
        for id, (status, since_us, is_asked) in states.items():
            causes.set_state(id, "paused" if id in planned else status, since_us, is_asked=is_asked)
        for id, since_us in fallen:
            causes.set_link(UUID(int=id.int), True, since_us)
        suspects = Suspects(causes, _TOGETHER_S)
        suspects.look(lambda id: states[id][1] if id in states else 0)
        behind: dict[UUID, UUID | None] = {}
        for id, (status, *_) in states.items():
            if status != "down" or id not in self._network.topology:
                continue
            verdict = causes.verdict(id)
            if verdict.kind == "affected" or id in suspects.of:
                behind[id] = next(iter(suspects.told(id, verdict.roots)), None)
        return Fates(behind, planned)

    async def _follow(self, transaction: Transaction) -> None:
        """Read the inventory anew where it is another."""
        shape = await transaction.fetchval(_SHAPE)
        if shape == self._shape:
            return
        entities: dict[str, dict[UUID, Entity]] = {}
        for kind in _KINDS:
            entities[kind] = {thing.id: thing for thing in await things(transaction, kind, "true")}
        inventory = Inventory(entities)
        self._inventory, self._network = inventory, Network(inventory)
        self._network.settle(inventory)
        self._shape = shape

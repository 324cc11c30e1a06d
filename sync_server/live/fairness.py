"""So many at a time of all tenants, one tenant after the other. Counterpart: `doing.py`, which reads charts by it.

Theory: whoever finds no place waits with his tenant; a place that becomes free goes to the tenant whose turn it is, to the one
of it that has waited longest. So a tenant that asks for a thousand charts has a second one waited for by no other tenant.
One rule: where nobody else waits, one tenant may have all places.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID


class Fairness:
    """Made within the loop that it is used in."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[UUID, deque[asyncio.Future[None]]] = {}
        """Tenants in the order of their turns."""

    @asynccontextmanager
    async def place(self, tenant: UUID) -> AsyncIterator[None]:
        """Have a place while in it, after a wait where none is free."""
        await self._enter(tenant)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, tenant: UUID) -> None:
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it had been given a place by then
                self._leave()
            raise

    def _leave(self) -> None:
        """Give a place to who is next, and its tenant the last turn."""
        while self._waiting:
            tenant = next(iter(self._waiting))
            queue = self._waiting.pop(tenant)
            given = None
            while queue and (given is None or given.cancelled()):
                given = queue.popleft()
            if queue:
                self._waiting[tenant] = queue
            if given is not None and not given.cancelled():
                given.set_result(None)
                return
        self._free += 1

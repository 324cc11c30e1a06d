"""Who changes a tenant waits here for who is just at it. Counterparts: `things.alter_at_once`, the tenant's row in `ledger.py`.

Theory: of two who change one tenant at a time the database lets one through and the other has to begin anew, for what he judged
is of a revision that is gone. So at one server they come one after the other, in the order in which they came, and no connection
is held by who waits. Another server's changes, installs' and edits are still met at the tenant's row, which alone decides.
One rule: this saves work and guards nothing; who has waited too long goes on as if there was no queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    inside: int = 0
    """Who has the turn and who waits for it."""


class Queues:
    """One at a time of each tenant, for one server."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._queues: dict[UUID, _Queue] = {}

    @asynccontextmanager
    async def turn(self, tenant: UUID | None) -> AsyncIterator[None]:
        """Wait for one's turn in a tenant, which lasts until this is left; without a tenant there is nobody to wait for."""
        if tenant is None:
            yield
            return
        queue = self._queues.setdefault(tenant, _Queue())
        queue.inside += 1
        is_held = False
        try:
            is_held = await self._wait(queue.lock)
            yield
        finally:
            if is_held:
                queue.lock.release()
            queue.inside -= 1
            if not queue.inside:
                del self._queues[tenant]

    async def _wait(self, lock: asyncio.Lock) -> bool:
        try:
            async with asyncio.timeout(self._wait_s):
                return await lock.acquire()
        except TimeoutError:
            return False

"""What tenants use: requests, polls and their numbers, by day. Counterpart: `identity.usage`, the admin's pages of usage.

Theory: counting costs a request nothing but an addition here; what was counted is written once a minute, all tenants in one
statement. A kill loses the minute: nothing is billed by it.
What is counted is of the day it was used on, also where it is written after midnight (UTC).
One rule: what could not be written is kept and written with the next.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NamedTuple
from uuid import UUID

import asyncpg

from sync_server.database import Database, DatabaseBusy

_log = logging.getLogger("sync_server.usage")

WRITE_EVERY_S = 60.0
DAY_S = 86_400
_WRITE = "SELECT identity.count_usage($1, $2, $3, $4, $5, $6)"


class Used(NamedTuple):
    """How much of everything."""

    requests: int = 0
    polls: int = 0
    numbers: int = 0
    bytes: int = 0


class Usage:
    """Counts, for one server. `run` is to be kept by `engine.tasks.keep`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[tuple[UUID, int], Used] = {}
        """By tenant and day since 1970."""

    def add(self, tenant: UUID, used: Used) -> None:
        """Count something for a tenant, today."""
        self._add(tenant, int(time.time() // DAY_S), used)

    def _add(self, tenant: UUID, day: int, used: Used) -> None:
        before = self._used.get((tenant, day), Used())
        self._used[tenant, day] = Used(*(old + new for old, new in zip(before, used, strict=True)))

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write down what was counted since the last time."""
        used, self._used = self._used, {}
        if not used:
            return
        whose, amounts = zip(*used, strict=True), zip(*used.values(), strict=True)
        try:
            await self._database.ask(_WRITE, *map(list, whose), *map(list, amounts))
        except (OSError, DatabaseBusy, asyncpg.PostgresError) as error:
            _log.warning("usage_not_written", extra={"reason": str(error)})
            for (tenant, day), one in used.items():
                self._add(tenant, day, one)

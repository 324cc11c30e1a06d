"""What anybody may ask of the server's health costs the database one look a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from engine.storage.migration import HEAD
from sync_server.database import Database
from sync_server.health import KEPT_S, Health


class Counted:
    """A database that counts its transactions and answers with a schema's version."""

    def __init__(self) -> None:
        self.looks = 0
        self.version = HEAD

    @asynccontextmanager
    async def transaction(self, who: object) -> AsyncIterator[Any]:
        self.looks += 1
        yield SimpleNamespace(fetchval=self.fetchval)

    async def fetchval(self, statement: str) -> str:
        await asyncio.sleep(0)
        return self.version


async def test_many_who_ask_at_once_cost_one_look_and_a_later_one_another() -> None:
    database, now_s = Counted(), [100.0]
    health = Health(cast("Database", database), lambda: now_s[0])
    parts = await asyncio.gather(*(health.database_part() for _ in range(50)))
    assert {part["status"] for part in parts} == {"up"}
    assert database.looks == 1
    database.version = "0001"
    now_s[0] += KEPT_S
    assert (await health.database_part())["status"] == "down"
    assert database.looks == 2

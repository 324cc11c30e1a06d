"""What anybody may ask of the server's health tells which part is down, and costs the database one look a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from engine.storage.migration import HEAD
from sync_server.database import Database
from sync_server.health import KEPT_S, Health, broker_part, ingest_part
from sync_server.ingest import Ingest
from sync_server.push.mqtt import Subscriber
from sync_server.samples import Cycle
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.pushing import at, broker, until


class Counted:
    """A database that counts its transactions and answers with a schema's version."""

    def __init__(self) -> None:
        self.looks = 0
        self.version = HEAD

    @asynccontextmanager
    async def transaction(self, who: object) -> AsyncIterator[Any]:
        self.looks += 1
        yield SimpleNamespace(fetchval=self.fetchval)

    async def look_for_room(self) -> None:
        """There is room."""

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


async def test_any_part_that_is_down_is_told_and_one_of_another_server_is_not() -> None:
    health = Health(cast("Database", Counted()))
    ingest, broker = SimpleNamespace(is_full=False), SimpleNamespace(is_running=False, is_connected=False)
    health.parts["ingest"] = lambda: ingest_part(cast("Ingest", ingest))
    health.parts["broker"] = lambda: broker_part(cast("Subscriber", broker))

    async def said() -> dict[str, str | float]:
        return {name: part["status"] for name, part in (await health.all_parts()).items()}

    assert await said() == {"database": "up", "ingest": "up"}
    broker.is_running = ingest.is_full = True
    assert await said() == {"database": "up", "ingest": "down", "broker": "down"}
    ingest.is_full, broker.is_connected = False, True
    assert await said() == {"database": "up", "ingest": "up", "broker": "up"}


async def test_a_broker_that_is_away_is_told_and_keeps_nobody_from_the_server(
    server_database: ServerDatabase,
) -> None:
    with broker() as mosquitto:
        async with serving(server_database, **at(mosquitto)) as server:
            nobody = server.somebody().http

            async def part() -> tuple[int, str]:
                said = await nobody.get("/health")
                found = said.json()["parts"].get("broker", {"status": "another server's turn"})
                return said.status_code, found["status"]

            await until(part, (200, "up"))
            mosquitto.stop()
            await until(part, (503, "down"))
            assert [(await nobody.get(path)).status_code for path in ("/ready", "/api/readiness")] == [
                200,
                200,
            ]
            mosquitto.start()
            await until(part, (200, "up"))


async def test_a_queue_that_is_full_is_told(server_database: ServerDatabase) -> None:
    async with serving(server_database, ingest_queue=1, ingest_flush_ms=60_000) as server:
        ingest = server.app.state.ingest
        cycle = Cycle(UUID(int=1), UUID(int=1), 1, ingest._samples.learn([(1, "")]), bytes(4))
        waits = asyncio.ensure_future(ingest.put(UUID(int=1), [cycle], 1))
        await asyncio.sleep(0)  # it waits in there now
        said = await server.somebody().http.get("/health")
        assert (said.status_code, said.json()["parts"]["ingest"]["status"]) == (503, "down")
        waits.cancel()

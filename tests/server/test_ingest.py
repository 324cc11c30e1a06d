"""The queue of samples: cycles go together, are acknowledged when they are on disk, and are refused where there is no room."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import msgspec
import pytest
from sqlalchemy import insert, text

from domain.metrics import CATALOGUE
from engine.storage import tables
from sync_server.database import Database
from sync_server.ingest import Ingest, IngestFull, Taken
from sync_server.samples import Caps, Cycle, Samples, Written
from sync_server.settings import Settings
from tests.server.conftest import ServerDatabase

ONE, TWO, VANTAGE = UUID(int=1), UUID(int=2), UUID(int=99)
SERIES = [(CATALOGUE["rtt_ms"].key, "")]
NOW_US = time.time_ns() // 1000


class Bench:
    """A queue on a database, and what was stored."""

    def __init__(self, made: ServerDatabase, database: Database, settings: Settings) -> None:
        self.made = made
        self.samples = Samples(database, 3, Caps(settings.tenant_sources, settings.tenant_schemas))
        self.ingest = Ingest(self.samples, settings)
        self.schema = self.samples.learn(SERIES)

    def cycles(self, first: int, count: int, device: int = 1) -> list[Cycle]:
        """Return cycles of a device."""
        data = struct.pack("<f", 1.5)
        return [
            Cycle(VANTAGE, UUID(int=device), NOW_US - 1000 * n, self.schema, data)
            for n in range(first, first + count)
        ]

    def asked(self, statement: str) -> int:
        """Return a number, asked as a superuser."""
        with self.made.engine(self.made.admin).begin() as connection:
            return int(connection.execute(text(statement)).scalar_one())

    def stored(self) -> int:
        """Return how many rows there are, of all tenants."""
        return self.asked("SELECT count(*) FROM sample")


Run = Callable[..., None]


@pytest.fixture
def bench(server_database: ServerDatabase) -> Run:
    """Return what runs a piece of work on a queue with some settings."""
    with server_database.engine(server_database.admin).begin() as connection:
        for key, tenant in enumerate((ONE, TWO), 1):
            connection.execute(insert(tables.tenant), {"key": key, "id": tenant, "name": f"Tenant {key}"})
        connection.execute(text("SELECT keep_partitions(:now_us, 3, 30, 1)"), {"now_us": NOW_US})

    def run(work: Callable[[Bench], Awaitable[None]], **changed: int) -> None:
        async def whole() -> None:
            settings = msgspec.structs.replace(server_database.settings, **changed)
            database = await Database.open(settings)
            server = Bench(server_database, database, settings)
            try:
                await work(server)
            finally:
                await server.ingest.close()
                await database.close()

        asyncio.run(whole())

    return run


async def put_all(server: Bench, puts: int, tenant: UUID = ONE) -> list[Taken]:
    """Put some cycles at a time, from many senders at once."""
    return await asyncio.gather(
        *(server.ingest.put(tenant, server.cycles(10 * n, 10), NOW_US) for n in range(puts))
    )


def test_what_is_acknowledged_is_on_disk_and_the_tenants_own(bench: Run) -> None:
    async def work(server: Bench) -> None:
        assert await put_all(server, 5) == [Taken(0, 0)] * 5
        assert (server.stored(), server.ingest.waiting, server.ingest.lag_s) == (50, 0, 0.0)
        await put_all(server, 2, TWO)
        assert server.asked("SELECT count(*) FROM sample WHERE tenant_key = 2") == 20

    bench(work, ingest_flush_ms=1)


def test_cycles_of_many_senders_go_in_together(bench: Run) -> None:
    async def work(server: Bench) -> None:
        await put_all(server, 30)
        assert server.asked("SELECT count(DISTINCT xmin::text) FROM sample") == 3

    bench(work, ingest_batch=100, ingest_flush_ms=60_000)


def test_a_full_queue_takes_nothing_and_says_when_to_come_again(bench: Run) -> None:
    async def work(server: Bench) -> None:
        first = asyncio.create_task(server.ingest.put(ONE, server.cycles(0, 10), NOW_US))
        await asyncio.sleep(0)
        assert server.ingest.waiting == 10
        with pytest.raises(IngestFull) as refused:
            await server.ingest.put(TWO, server.cycles(0, 6), NOW_US)
        assert refused.value.retry_after_s == 60
        await server.ingest.close()
        assert await first == Taken(0, 0)
        assert server.stored() == 10
        with pytest.raises(IngestFull):
            await server.ingest.put(ONE, server.cycles(20, 1), NOW_US)

    bench(work, ingest_queue=15, ingest_flush_ms=60_000)


def test_a_sender_that_goes_away_takes_nobodys_cycles_with_it(bench: Run) -> None:
    async def work(server: Bench) -> None:
        gone = asyncio.create_task(server.ingest.put(ONE, server.cycles(0, 5), NOW_US))
        stays = asyncio.create_task(server.ingest.put(ONE, server.cycles(5, 5), NOW_US))
        await asyncio.sleep(0)
        gone.cancel()
        await server.ingest.close()
        assert await stays == Taken(0, 0)
        assert server.stored() == 10

    bench(work, ingest_flush_ms=60_000)


def test_what_the_database_does_not_take_is_not_acknowledged_and_may_be_sent_again(bench: Run) -> None:
    async def work(server: Bench) -> None:
        with server.made.engine(server.made.admin).begin() as connection:
            connection.execute(text("REVOKE INSERT ON sample FROM heliograph_requests"))
        outcomes = await asyncio.gather(
            *(server.ingest.put(ONE, server.cycles(10 * n, 10), NOW_US) for n in range(3)),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [asyncpg.InsufficientPrivilegeError] * 3
        with server.made.engine(server.made.admin).begin() as connection:
            connection.execute(text("GRANT INSERT ON sample TO heliograph_requests"))
        assert await put_all(server, 3) == [Taken(0, 0)] * 3
        assert server.stored() == 30

    bench(work, ingest_flush_ms=1)


def test_a_connection_that_was_cut_is_replaced(bench: Run) -> None:
    async def work(server: Bench) -> None:
        await put_all(server, 1)
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'heliograph_requests'"
        assert server.asked(f"{cut} AND datname = current_database()") >= 1
        for _ in range(20):
            try:
                await put_all(server, 3)
                break
            except (OSError, asyncpg.PostgresError):
                continue
        assert server.stored() == 30

    bench(work, ingest_flush_ms=1)


def test_a_tenant_may_make_up_no_more_devices_and_lists_than_its_caps(bench: Run) -> None:
    async def work(server: Bench) -> None:
        many = [cycle for device in range(1, 6) for cycle in server.cycles(0, 1, device)]
        assert await server.samples.write(ONE, many, NOW_US) == Written(3, 2, 0)
        assert await server.samples.write(TWO, many, NOW_US) == Written(3, 2, 0)
        taken = await server.ingest.put(ONE, server.cycles(1, 2, 1) + server.cycles(1, 2, 5), NOW_US)
        assert taken == Taken(2, 0)
        other = server.samples.learn([(CATALOGUE["if_in_bps"].key, "ether1")])
        (cycle,) = server.cycles(9, 1)
        assert await server.samples.write(ONE, [cycle._replace(schema=other)], NOW_US) == Written(0, 1, 0)
        assert server.asked("SELECT count(*) FROM sample_source") == 6
        assert server.asked("SELECT count(*) FROM sample_schema") == 2

    bench(work, tenant_sources=3, tenant_schemas=1, ingest_flush_ms=1)


def test_keys_that_were_known_are_asked_anew_when_they_are_gone(bench: Run) -> None:
    async def work(server: Bench) -> None:
        await server.samples.write(ONE, server.cycles(0, 5), NOW_US)
        with server.made.engine(server.made.admin).begin() as connection:
            connection.execute(text("DELETE FROM sample"))
            connection.execute(text("DELETE FROM sample_source"))
            connection.execute(text("DELETE FROM sample_schema"))
        assert (await server.samples.write(ONE, server.cycles(0, 5), NOW_US)).rows == 5
        assert server.asked("SELECT count(*) FROM sample JOIN sample_source s ON s.key = source_key") == 5

    bench(work)

"""How PostgreSQL goes about what is asked most. Counterparts: `r0019_plans.py`, `r0025_boxes.py`, `api/devices.py`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import pytest
from sqlalchemy import text

from domain.roles import Reach
from migrations.guards import REQUESTS
from sync_server.api import pollers, sharing, wraps
from sync_server.database import Database, Transaction, Work
from sync_server.live import presence
from tests.server.conftest import ServerDatabase

TENANT, DEVICES = UUID(int=1), 2_000
WHOLE = Work(TENANT)
LIMITED = Work(TENANT, UUID(int=2), reach=Reach(frozenset([UUID(int=3)])))
_FILL = """
    INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note)
    SELECT CAST(:tenant AS uuid), gen_random_uuid(), 'router ' || n, '10.1.' || n / 250 || '.' || n % 250, '[]', 'access', 3,
        30, false, '' FROM generate_series(1, :devices) n
"""
DAY_US = 86_400_000_000
_DAYS = "SELECT keep_partitions((extract(epoch FROM now()) * 1000000)::bigint, 10, 30, 1)"
_SOURCES = (
    "INSERT INTO sample_source (tenant_id, device_id, vantage) SELECT tenant_id, id, id FROM device LIMIT 50"
)
_READ = """
    SELECT substring(relname FROM '[0-9]+$')::integer AS day FROM pg_stat_xact_user_tables
    WHERE relname ~ '^sample_[0-9]+$' AND coalesce(idx_scan, 0) + seq_scan > 0 ORDER BY 1
"""
_PLACES = "UPDATE device SET place = ST_SetSRID(ST_MakePoint(random() * 10, random() * 10), 4326)"
_BOX = "SELECT id FROM {}s_in_box(2, 2, 4, 4, NULL, NULL, $1)"
_WALKED = "SELECT pg_stat_get_xact_numscans(CAST('ix_device_' || $1 AS regclass))"
_PAGE = "SELECT id FROM device t ORDER BY t.name, t.id LIMIT 51"
ASKED_OFTEN = (
    "identity.admit_user",
    "identity.admit_key",
    "identity.audit_hash",
    "current_tenant_key",
    "newest_samples",
)


def test_a_page_of_many_devices_walks_the_index_of_names(server_database: ServerDatabase) -> None:
    async def work(transaction: Transaction) -> None:
        plan = "\n".join(row[0] for row in await transaction.fetch(f"EXPLAIN {_PAGE}"))
        assert "ix_device_name" in plan and "Sort" not in plan, plan

    _in_a_tenant(server_database, work)


@pytest.mark.parametrize("cap", [1, 51, 100_000])
def test_a_box_is_looked_up_in_the_index_of_boxes_however_few_are_wanted(
    server_database: ServerDatabase, cap: int
) -> None:
    async def work(transaction: Transaction) -> None:
        for times in range(1, 9):
            found = await transaction.fetch(_BOX.format("device"), cap)
            assert 0 < len(found) <= cap
            assert await transaction.fetchval(_WALKED, "place") == times
        assert await transaction.fetchval(_WALKED, "name") == 0
        assert await transaction.fetch(_BOX.format("site"), cap) == []

    _in_a_tenant(server_database, work, also=(_PLACES,))


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (presence._POLLERS, (1, 1)),
        (presence._PEOPLE, (1, 1)),
        (pollers._LIST, ()),
        (wraps.NAMED_HOLDERS, ()),
        (sharing._SHARED, (None, 1, 1)),
    ],
)
def test_which_computers_matter_is_found_out_once_and_not_for_each_of_them(
    server_database: ServerDatabase, statement: str, given: tuple[object, ...]
) -> None:
    async def work(transaction: Transaction) -> None:
        plan = "\n".join(row[0] for row in await transaction.fetch(f"EXPLAIN (VERBOSE) {statement}", *given))
        assert "hashed SubPlan" in plan, plan

    _in_a_tenant(server_database, work, LIMITED)


def test_whose_names_one_may_know_is_not_asked_under_the_lock_of_the_tenant(
    server_database: ServerDatabase,
) -> None:
    async def work(transaction: Transaction) -> None:
        plan = "\n".join(row[0] for row in await transaction.fetch(f"EXPLAIN {wraps.HELD_HOLDERS}"))
        assert "LockRows" in plan and "device" not in plan, plan

    _in_a_tenant(server_database, work, LIMITED)


def test_what_is_asked_often_keeps_its_plans(server_database: ServerDatabase) -> None:
    with server_database.engine(server_database.admin).connect() as connection:
        languages = connection.execute(
            text(
                "SELECT CAST(p.oid AS regproc)::text, l.lanname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
                " WHERE CAST(p.oid AS regproc)::text = ANY (:names)"
            ),
            {"names": list(ASKED_OFTEN)},
        )
        assert dict(map(tuple, languages)) == dict.fromkeys(ASKED_OFTEN, "plpgsql")


def test_the_newest_samples_are_planned_once_and_sought_in_the_days_asked_for_alone(
    server_database: ServerDatabase,
) -> None:
    async def work(transaction: Transaction) -> None:
        said = "SELECT proconfig FROM pg_proc WHERE proname = 'newest_samples'"
        assert await transaction.fetchval(said) == ["plan_cache_mode=force_generic_plan"]
        devices = [row["device_id"] for row in await transaction.fetch("SELECT device_id FROM sample_source")]
        since_us = time.time_ns() // 1000 - DAY_US
        await transaction.fetch("SELECT FROM newest_samples($1::uuid[], $2)", devices, since_us)
        days = {row["day"] for row in await transaction.fetch(_READ)}
        assert days and min(days) == since_us // DAY_US, days

    _in_a_tenant(server_database, work, also=(_DAYS, _SOURCES))


def _in_a_tenant(
    server_database: ServerDatabase,
    work: Callable[[Transaction], Awaitable[None]],
    who: Work = WHOLE,
    also: Sequence[str] = (),
) -> None:
    """Do some work as the requests' role for a tenant of many devices."""
    with server_database.engine(server_database.admin).connect() as connection:
        connection.execute(text("INSERT INTO tenant (key, id, name) VALUES (1, :id, 'One')"), {"id": TENANT})
        connection.execute(text(_FILL), {"tenant": TENANT, "devices": DEVICES})
        for statement in also:
            connection.execute(text(statement))
        connection.commit()
        connection.execute(text("ANALYZE device"))
        connection.commit()

    async def whole() -> None:
        database = await Database.open(server_database.settings)
        try:
            async with database.transaction(who) as transaction:
                assert await transaction.fetchval("SELECT current_user::text") == REQUESTS
                await work(transaction)
        finally:
            await database.close()

    asyncio.run(whole())

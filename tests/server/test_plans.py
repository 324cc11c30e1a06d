"""How PostgreSQL goes about what is asked most. Counterparts: `migrations/versions/r0019_plans.py`, `api/devices.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import text

from migrations.guards import REQUESTS
from sync_server.database import Database, Transaction, Work
from tests.server.conftest import ServerDatabase

TENANT, DEVICES = UUID(int=1), 2_000
_FILL = """
    INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note)
    SELECT CAST(:tenant AS uuid), gen_random_uuid(), 'router ' || n, '10.1.' || n / 250 || '.' || n % 250, '[]', 'access', 3,
        30, false, '' FROM generate_series(1, :devices) n
"""
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


def _in_a_tenant(server_database: ServerDatabase, work: Callable[[Transaction], Awaitable[None]]) -> None:
    """Do some work as the requests' role for a tenant of many devices."""
    with server_database.engine(server_database.admin).connect() as connection:
        connection.execute(text("INSERT INTO tenant (key, id, name) VALUES (1, :id, 'One')"), {"id": TENANT})
        connection.execute(text(_FILL), {"tenant": TENANT, "devices": DEVICES})
        connection.commit()
        connection.execute(text("ANALYZE device"))
        connection.commit()

    async def whole() -> None:
        database = await Database.open(server_database.settings)
        try:
            async with database.transaction(Work(TENANT)) as transaction:
                assert await transaction.fetchval("SELECT current_user::text") == REQUESTS
                await work(transaction)
        finally:
            await database.close()

    asyncio.run(whole())

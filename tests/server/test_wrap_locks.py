"""Whoever writes wraps, whoever revokes an install and what forgets secrets lock in one order: installs, then wraps."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from tests.server.clients import Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_installs import proven
from tests.server.test_secrets import engineers, login, put, team, told

HELD = "UPDATE identity.install SET seen_us = seen_us WHERE id = $1"
TAKEN = (
    "UPDATE identity.wrap SET until_us = until_us WHERE install_id = $1 AND credential_id = ANY ($2::uuid[])"
)
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def until_it_waits(server: Server) -> None:
    for _ in range(6_000):
        if await server.owner.fetchval(WAITING):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it waits for nobody")


async def test_whoever_writes_wraps_and_who_revokes_wait_for_each_other_in_one_order(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, _, credential = await team(server)
        van, spare = await proven(engineer), await proven(admin, "Spare")
        await engineers(admin, credential)
        await put(engineer, credential, told(van, spare))
        revoking = await asyncpg.connect(server_database.admin)
        for person, method, path, body in (
            (engineer, "POST", f"/installs/{van}/wraps", None),
            (admin, "PUT", f"/credentials/{credential}/secret", told(van, spare)),
        ):
            async with (
                revoking.transaction()
            ):  # what identity.end_install does, with somebody between its two statements
                await revoking.execute(HELD, UUID(van))
                written = asyncio.ensure_future(person.ask(method, path, body))
                await until_it_waits(server)
                await revoking.execute(TAKEN, UUID(van), [UUID(credential)])
            assert (await written).status_code == 200, path
        await revoking.close()


async def test_an_install_that_is_revoked_while_it_fetches_gets_nothing(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, tenant, credential = await team(server)
        van = await proven(engineer)
        await engineers(admin, credential)
        await put(engineer, credential, told(van))
        revoking = await asyncpg.connect(server_database.admin)
        async with revoking.transaction():
            await revoking.execute("SELECT set_config('heliograph.tenant', $1, true)", tenant)
            await revoking.execute("SELECT identity.end_install($1)", UUID(van))
            asked = asyncio.ensure_future(engineer.refused("POST", f"/installs/{van}/wraps"))
            await until_it_waits(server)
        assert await asked == (404, "INSTALL_NOT_FOUND")
        await revoking.close()


async def test_what_forgets_secrets_waits_for_who_revokes_before_it_holds_any_wrap(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, tenant, first = await team(server)
        van, second = await proven(engineer), await login(server, tenant)
        for credential in (first, second):
            await engineers(admin, credential)
            await put(engineer, credential, told(van))
            await server.owner.execute("DELETE FROM credential WHERE id = $1", UUID(credential))
        revoking, other = [await asyncpg.connect(server_database.admin) for _ in range(2)]
        for ours, theirs in ((first, second), (second, first)):
            async with revoking.transaction():
                await revoking.execute(HELD, UUID(van))
                await revoking.execute(TAKEN, UUID(van), [UUID(ours)])
                forgotten = asyncio.ensure_future(forgotten_and_undone(other))
                await until_it_waits(server)
                await revoking.execute(TAKEN, UUID(van), [UUID(theirs)])
            assert await forgotten == 0
        for one in (revoking, other):
            await one.close()


async def forgotten_and_undone(connection: Any) -> int:
    """Forget at once what is over, say how many wraps still open something, and undo it."""
    undone = connection.transaction()
    await undone.start()
    try:
        await connection.execute("SELECT identity.forget(-1000000)")
        found = await connection.fetchval("SELECT count(*) FROM identity.wrap WHERE wrapped IS NOT NULL")
    finally:
        await undone.rollback()
    return int(found)

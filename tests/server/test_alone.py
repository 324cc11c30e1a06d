"""Who reads by single statements is asked about with each of them: what ends or changes holds from the next request on.

Counterparts: `Database.read`, `security/admission.py`, `routes.read_alone`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from sync_server.database import Database, Standing, Work
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_database import ONE, SETTINGS, TWO, on, two_tenants
from tests.server.test_devices import a_device, names
from tests.server.test_keys import make_key

__all__ = ["two_tenants"]
ENDS = {
    "session": "UPDATE identity.session SET ended_us = 1 WHERE account_id = $1",
    "token": "INSERT INTO identity.revoked_token SELECT jti, 9e15 FROM (SELECT $2::uuid AS jti) r WHERE $1::uuid <> jti",
    "account": "UPDATE identity.account SET off_us = 1 WHERE id = $1",
    "membership": "UPDATE identity.membership SET off_us = 1 WHERE account_id = $1",
    "tenant": "UPDATE identity.tenant_state SET off_us = 1 WHERE $1::uuid IS NOT NULL",
}
NOBODY, NOTHING = "(SELECT 'me' AS name WHERE {0}::text = 'here')", "SELECT name FROM site"


@pytest.mark.parametrize("statement_cache", [200, 0])
def test_a_statement_that_is_alone_sees_its_tenant_and_leaves_nothing_behind(
    two_tenants: ServerDatabase, statement_cache: int
) -> None:
    async def work(database: Database) -> None:
        for _ in range(8):  # so often that PostgreSQL keeps a plan
            for tenant, seen in ((ONE, ["Site 1"]), (TWO, ["Site 2"]), (None, []), (UUID(int=3), [])):
                rows = await database.read(Work(tenant), Standing(NOBODY, ("here",), "(me)"), NOTHING)
                assert [row["name"] for row in rows] == seen
            async with database._lent() as connection:
                assert await connection.fetchval(SETTINGS) in (None, "//")

    on(two_tenants, work, pool_max=1, statement_cache=statement_cache)


@pytest.mark.parametrize("standing", [("gone", "(me)"), ("here", "(you)")])
def test_who_is_another_by_now_is_given_nothing(
    two_tenants: ServerDatabase, standing: tuple[str, str]
) -> None:
    async def work(database: Database) -> None:
        asked, said = standing
        assert await database.read(Work(ONE), Standing(NOBODY, (asked,), said), NOTHING) == []

    on(two_tenants, work)


def test_a_statement_that_is_alone_keeps_its_order_and_its_arguments(two_tenants: ServerDatabase) -> None:
    async def work(database: Database) -> None:
        statement = "SELECT n FROM generate_series(1, $1::integer) n WHERE n <> $2 ORDER BY -n LIMIT 3"
        rows = await database.read(Work(ONE), Standing(NOBODY, ("here",), "(me)"), statement, 9, 8)
        assert [row["n"] for row in rows] == [9, 7, 6]
        with pytest.raises(asyncpg.DataError):
            await database.read(Work(ONE), Standing(NOBODY, ("here",), "(me)"), statement, "nine", 8)

    on(two_tenants, work)


@pytest.mark.parametrize("path", ["/devices", "/sites", "/devices/{device}", f"/devices/{UUID(int=5)}"])
@pytest.mark.parametrize("what", ENDS)
async def test_what_has_ended_has_ended_for_the_next_read(
    server_database: ServerDatabase, what: str, path: str
) -> None:
    async with serving(server_database) as server:
        person, jti, device = await a_reader(server)
        path = path.format(device=device)
        before = (await person.ask("GET", path)).status_code
        assert before in (200, 404)
        assert (await person.ask("GET", path)).status_code == before
        account = UUID(person.opened["user"]["id"])
        await server.owner.execute(ENDS[what], account, *([jti] if what == "token" else []))
        assert await person.refused("GET", path) == (401, "INVALID_CREDENTIALS")


async def test_a_reach_that_changes_holds_for_the_next_read(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        person, _, _ = await a_reader(server)
        assert [await names(person, "/devices") for _ in range(2)] == [["R1"]] * 2
        limit = "UPDATE identity.membership SET sites = $1 WHERE account_id = $2"
        account = UUID(person.opened["user"]["id"])
        await server.owner.execute(limit, [UUID(int=1)], account)
        assert await names(person, "/devices") == []
        assert await names(person, "/devices") == []
        await server.owner.execute(limit, None, account)
        assert await names(person, "/devices") == ["R1"]


async def test_who_ends_between_two_statements_is_given_nothing(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        person, _, _ = await a_reader(server)
        await person.get("/metrics/latest")
        read, seen = Database.read, 0

        async def ending(self: Database, *arguments: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == 2:
                await server.owner.execute("UPDATE identity.session SET ended_us = 1")
            return await read(self, *arguments)

        monkeypatch.setattr(Database, "read", ending)
        assert await person.refused("GET", "/metrics/latest") == (401, "INVALID_CREDENTIALS")
        assert seen == 2


async def test_a_role_that_changes_holds_for_the_next_read(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        person, _, _ = await a_reader(server)
        await person.get("/rules")
        account = UUID(person.opened["user"]["id"])
        change = "UPDATE identity.membership SET role = $1 WHERE account_id = $2"
        await server.owner.execute(change, "wall", account)
        assert await person.refused("GET", "/rules") == (403, "INSUFFICIENT_PERMISSIONS")
        assert await person.refused("GET", "/rules") == (403, "INSUFFICIENT_PERMISSIONS")
        await server.owner.execute(change, "viewer", account)
        assert await person.get("/rules")


async def test_a_key_that_ended_reads_nothing_more(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        person, _, _ = await a_reader(server, "tenant_admin")
        made: Any = await make_key(person, scopes=["read"])
        holder = Person(server.somebody().http, made["secret"])
        assert [await names(holder, "/devices") for _ in range(2)] == [["R1"]] * 2
        await server.owner.execute("UPDATE identity.api_key SET scopes = '{metrics}'")
        assert await holder.refused("GET", "/rules") == (403, "INSUFFICIENT_PERMISSIONS")
        await server.owner.execute("UPDATE identity.api_key SET ended_us = 1")
        assert await holder.refused("GET", "/devices") == (401, "INVALID_CREDENTIALS")


async def test_what_a_guest_reads_is_written_down_each_time_until_his_session_ends(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        for _ in range(3):
            await root.get("/devices")
        assert (
            await server.owner.fetchval("SELECT count(*) FROM identity.audit WHERE act = 'tenant.read'") == 3
        )


async def a_reader(server: Server, role: str = "viewer") -> tuple[Person, UUID, str]:
    """Return a member of a tenant with one device, the id of the member's token, and the device's."""
    root = await server.found()
    await server.tenant(root)
    device = await a_device(await server.member(root, "engineer"), "R1", "10.0.0.1")
    person = await server.member(root, role)
    claims = server.services.admission._tokens.verify(person.token, server.services.now_s())
    return person, claims.jti, device["id"]

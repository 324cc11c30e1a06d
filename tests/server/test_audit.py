"""The audit: one row an act, in the act's own transaction, that nobody changes; what the platform reads elsewhere is in it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from sync_server.database import Work
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase


async def acts(person: Person, query: str = "") -> list[str]:
    """Return what somebody's tenant has in its audit, the newest first."""
    return [row["act"] for row in await person.get(f"/audit?limit=200{query}")]


async def a_tenant(server: Server) -> tuple[Person, Person, str]:
    """Return the platform's administrator, who has left the tenant again, and the tenant's, and its id."""
    root = await server.found()
    tenant = await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    root.token = (await root.post("/auth/switch", {"tenant": None}))["access_token"]
    return root, admin, tenant


async def test_every_act_is_one_row_that_says_who_what_whom_and_from_where(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, admin, tenant = await a_tenant(server)
        before = len(await acts(admin))
        body = {"login": "x@example.org", "name": "X <b>", "role": "viewer"}
        headers = {"User-Agent": "curl/8\x1b[31m", "X-Request-ID": "my-own-id"}
        invited = (await admin.ask("POST", "/users", body, expect=201, headers=headers)).json()["data"]
        await admin.ask("PATCH", f"/users/{invited['user']['id']}", {"role": "manager"}, expect=200)
        assert await admin.refused("POST", "/users", body) == (409, "USER_ALREADY_EXISTS")
        rows = await admin.get("/audit")
        assert len(rows) == before + 2
        changed, made = rows[:2]
        assert (made["act"], made["subject_kind"], made["subject"]) == (
            "user.invited",
            "user",
            invited["user"]["id"],
        )
        assert (made["actor_kind"], made["address"], made["agent"]) == ("user", "192.0.2.1", "curl/8")
        assert made["request"] == "my-own-id"
        assert changed["detail"] == {"changed": {"role": "manager"}}
        secret = invited["link"].partition("#")[2]
        assert secret not in str(rows)
        stored = await server.owner.fetch("SELECT * FROM identity.audit WHERE tenant_id = $1", tenant)
        assert len(stored) == len(rows)


async def test_an_act_that_fails_leaves_no_row_and_no_act(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        _, admin, _ = await a_tenant(server)
        before = await acts(admin)
        await server.owner.execute(
            "ALTER TABLE identity.audit ADD CONSTRAINT no CHECK (act <> 'user.invited') NOT VALID"
        )
        body = {"login": "x@example.org", "name": "X", "role": "viewer"}
        assert await admin.refused("POST", "/users", body) == (422, "INVALID_INPUT")
        assert await acts(admin) == before
        assert (
            await server.owner.fetchval("SELECT count(*) FROM identity.account WHERE login = 'x@example.org'")
            == 0
        )


async def test_what_the_platform_reads_and_enters_elsewhere_is_written_down_there(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root, admin, tenant = await a_tenant(server)
        link = await root.post(
            "/platform/users", {"login": "op@platform", "name": "Op", "role": "platform_operator"}, expect=201
        )
        body = {"token": link["link"].partition("#")[2], "password": "an operators password"}
        await server.somebody().post("/auth/link/take", body, expect=204)
        operator = await server.log_in("op@platform", "an operators password")
        opened = await operator.post("/auth/switch", {"tenant": tenant})
        operator.token = opened["access_token"]
        before = len(await acts(admin))
        await operator.ask("GET", "/users?limit=7", expect=200, headers={"User-Agent": "Firefox"})
        rows = await admin.get("/audit")
        assert len(rows) == before + 1
        assert (rows[0]["act"], rows[0]["actor_name"], rows[0]["agent"]) == ("tenant.read", "Op", "Firefox")
        assert rows[0]["detail"] == {"method": "GET", "path": "/api/v1/users"}
        assert rows[1]["act"] == "tenant.entered"
        assert await operator.refused("POST", "/users", {"login": "abc", "name": "Y", "role": "viewer"}) == (
            403,
            "INSUFFICIENT_PERMISSIONS",
        )
        assert "tenant.switched" in await acts(root)
        await admin.get("/users")
        assert len(await acts(admin)) == before + 1


async def test_the_audit_is_read_by_who_may_in_his_own_tenant_with_filters(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root, admin, _ = await a_tenant(server)
        other = await server.tenant(root)
        stranger = await server.member(root, "tenant_admin")
        assert "user.invited" in await acts(stranger)
        assert set(await acts(admin, "&act=session.")) == {"session.opened"}
        assert await acts(admin, "&act=%25") == []
        assert await acts(admin, f"&actor={other}") == []
        mine = admin.opened["user"]["id"]
        assert set(await acts(admin, f"&subject={mine}")) >= {"user.invited"}
        rows = await admin.get("/audit")
        assert await acts(admin, f"&since_us={rows[0]['at_us']}") == [rows[0]["act"]]
        assert rows[0]["act"] not in await acts(admin, f"&until_us={rows[0]['at_us']}&act={rows[0]['act']}x")
        assert not {row["hash"] for row in rows} & {row["hash"] for row in await stranger.get("/audit")}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE identity.audit SET actor_name = 'somebody else'",
        "DELETE FROM identity.audit",
        "TRUNCATE identity.audit",
        "INSERT INTO identity.audit SELECT * FROM identity.audit",
    ],
)
async def test_nobody_changes_the_audit_neither_a_request_nor_the_owner(
    server_database: ServerDatabase, statement: str
) -> None:
    async with serving(server_database) as server:
        root, _, tenant = await a_tenant(server)
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UniqueViolationError)):
            await server.owner.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with server.services.database.transaction(Work(None, is_platform=True)) as transaction:
                await transaction.execute(statement)
        assert (await root.get("/audit/verify"))["is_whole"]
        assert tenant


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE identity.audit SET actor_name = 'somebody else' WHERE seq = 2",
        "UPDATE identity.audit SET at_us = at_us + 1 WHERE seq = 2",
        "UPDATE identity.audit SET detail = '{}' WHERE seq = 2",
        "DELETE FROM identity.audit WHERE seq = 2",
        "DELETE FROM identity.audit WHERE seq = (SELECT max(seq) FROM identity.audit WHERE tenant_id = $1)",
    ],
)
async def test_who_changes_it_past_the_database_breaks_the_chain(
    server_database: ServerDatabase, statement: str
) -> None:
    async with serving(server_database) as server:
        _, admin, tenant = await a_tenant(server)
        verdict = await admin.get("/audit/verify")
        assert verdict["is_whole"]
        assert verdict["rows"] == len(await acts(admin))
        await server.owner.execute("ALTER TABLE identity.audit DISABLE TRIGGER only_added_to")
        given = [tenant] if "$1" in statement else []
        await server.owner.execute(
            statement.replace(" WHERE seq = 2", f" WHERE seq = 2 AND tenant_id = '{tenant}'"), *given
        )
        verdict = await admin.get("/audit/verify")
        assert not verdict["is_whole"]
        assert verdict["broken_seq"] >= 2


async def test_acts_at_one_moment_stand_one_after_another_in_a_whole_chain(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as one, serving(server_database) as two:
        _, admin, _ = await a_tenant(one)
        people = [admin, two.somebody(admin.token)]
        bodies = [{"login": f"u{n}@example.org", "name": "U", "role": "viewer"} for n in range(20)]
        await asyncio.gather(
            *(people[n % 2].post("/users", body, expect=201) for n, body in enumerate(bodies))
        )
        rows = await admin.get("/audit?limit=200")
        assert [row["seq"] for row in rows] == list(range(len(rows), 0, -1))
        assert [row["at_us"] for row in rows] == sorted((row["at_us"] for row in rows), reverse=True)
        assert (await admin.get("/audit/verify"))["is_whole"]

"""Who operates the platform: made, changed, closed, removed; somebody is always left."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from tests.server.clients import PASSWORD, Person, Server, serving
from tests.server.conftest import ServerDatabase


async def an_operator(server: Server, root: Person, role: str = "platform_operator") -> tuple[str, Person]:
    """Make an account of the platform whose person is logged in; return its id and the person."""
    login = f"{uuid4().hex[:8]}@platform"
    made = await root.post("/platform/users", {"login": login, "name": "Op", "role": role}, expect=201)
    taken = {"token": made["link"].partition("#")[2], "password": PASSWORD}
    await server.somebody().post("/auth/link/take", taken, expect=204)
    return made["user"]["id"], await server.log_in(login)


async def test_an_operator_is_changed_locked_out_let_in_and_removed(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        id, operator = await an_operator(server, root)
        assert await operator.refused("PATCH", f"/platform/users/{id}", {"role": "platform_admin"}) == (
            403,
            "INSUFFICIENT_PERMISSIONS",
        )
        said = await root.ask("PATCH", f"/platform/users/{id}", {"role": "platform_admin"}, expect=200)
        assert said.json()["data"]["role"] == "platform_admin"
        await operator.ask("PATCH", f"/platform/users/{id}", {"name": "Olga"}, expect=200)
        await root.ask("PATCH", f"/platform/users/{id}", {"is_off": True}, expect=200)
        assert await operator.refused("GET", "/tenants") == (401, "INVALID_CREDENTIALS")
        login = (await root.get(f"/platform/users/{id}"))["login"]
        again = await operator.refused("POST", "/auth/login", {"login": login, "password": PASSWORD})
        assert again == (401, "INVALID_CREDENTIALS")
        assert await root.refused("POST", f"/platform/users/{id}/link") == (409, "USER_CONFLICT")
        await root.ask("PATCH", f"/platform/users/{id}", {"is_off": False}, expect=200)
        assert await operator.refused("GET", "/tenants") == (401, "INVALID_CREDENTIALS")
        operator = await server.log_in(login)
        await root.ask("DELETE", f"/platform/users/{id}", expect=204)
        assert await operator.refused("GET", "/tenants") == (401, "INVALID_CREDENTIALS")
        assert await root.refused("GET", f"/platform/users/{id}") == (404, "USER_NOT_FOUND")
        body = {"login": login, "name": "Olga again", "role": "platform_operator"}
        await root.post("/platform/users", body, expect=201)
        acts = [row["act"] for row in await root.get("/audit?act=platform.user")]
        assert acts[:2] == ["platform.user_made", "platform.user_removed"]


async def test_the_last_administrator_of_the_platform_stays_one(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        mine = next(user["id"] for user in await root.get("/platform/users"))
        await an_operator(server, root)
        unopened = {"login": "new@platform", "name": "New", "role": "platform_admin"}
        await root.post("/platform/users", unopened, expect=201)  # has no password yet: cannot administer
        last = (409, "LAST_ADMIN_CONFLICT")
        assert await root.refused("PATCH", f"/platform/users/{mine}", {"role": "platform_operator"}) == last
        assert await root.refused("PATCH", f"/platform/users/{mine}", {"is_off": True}) == last
        assert await root.refused("DELETE", f"/platform/users/{mine}") == last
        id, second = await an_operator(server, root, "platform_admin")
        both = await asyncio.gather(
            root.ask("DELETE", f"/platform/users/{id}"), second.ask("DELETE", f"/platform/users/{mine}")
        )
        assert sorted(said.status_code for said in both)[0] == 204
        kept = await server.owner.fetchval(
            "SELECT count(*) FROM identity.account WHERE platform_role = 'platform_admin' AND password IS NOT NULL"
        )
        assert kept == 1


async def test_who_operated_the_platform_stays_what_he_is_in_a_tenant_and_keys_he_made_for_it_end(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = await server.tenant(root)
        id, operator = await an_operator(server, root, "platform_admin")
        operator.token = (await operator.post("/auth/switch", {"tenant": tenant}))["access_token"]
        made = await operator.post("/keys", {"name": "K", "scopes": ["read"]}, expect=201)
        key = server.somebody(made["secret"])
        for _ in range(2):
            await key.get("/devices")
        written = "SELECT actor, address, detail FROM identity.audit WHERE act = 'tenant.read' AND actor_kind = 'key'"
        rows = await server.owner.fetch(written)
        assert [str(row["actor"]) for row in rows] == [made["key"]["id"]] * 2, "what a guest's key reads"
        assert all(row["address"] and "/devices" in row["detail"] for row in rows)
        login = (await root.get(f"/platform/users/{id}"))["login"]
        await root.post("/users", {"login": login, "name": "Op", "role": "viewer"}, expect=201)
        await root.ask("PATCH", f"/platform/users/{id}", {"is_off": True}, expect=200)
        await root.ask("DELETE", f"/platform/users/{id}", expect=204)
        assert await key.refused("GET", "/devices") == (401, "INVALID_CREDENTIALS")
        member = next(user for user in await root.get("/users") if user["login"] == login)
        invited = await root.post(f"/users/{member['id']}/link")
        taken = {"token": invited["link"].partition("#")[2], "password": "another long password"}
        await server.somebody().post("/auth/link/take", taken, expect=204)
        person = await server.log_in(login, "another long password")
        assert (await person.get("/auth/me"))["role"] == "viewer"


async def test_a_platforms_link_and_a_lost_authenticator_are_for_the_platforms_accounts_alone(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        member = (await server.member(root, "viewer")).opened["user"]["id"]
        id, operator = await an_operator(server, root)
        for path in (f"/platform/users/{member}/link", f"/platform/users/{uuid4()}/link"):
            assert await root.refused("POST", path) == (404, "USER_NOT_FOUND")
        assert await root.refused("DELETE", f"/platform/users/{member}/totp") == (404, "USER_NOT_FOUND")
        assert await root.refused("PATCH", f"/platform/users/{member}", {}) == (404, "USER_NOT_FOUND")
        await server.owner.execute(
            "UPDATE identity.account SET totp = 'x', totp_on = true WHERE id = $1::uuid", id
        )
        await root.ask("DELETE", f"/platform/users/{id}/totp", expect=204)
        assert not (await root.get(f"/platform/users/{id}"))["totp_on"]
        link = (await root.post(f"/platform/users/{id}/link"))["link"]
        taken = {"token": link.partition("#")[2], "password": "an entirely new password"}
        await server.somebody().post("/auth/link/take", taken, expect=204)
        assert await operator.refused("GET", "/tenants") == (401, "INVALID_CREDENTIALS")

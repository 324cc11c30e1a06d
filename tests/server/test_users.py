"""Members, roles, invitations, tenants: what each may do to another, and what a tenant learns of an account it shares."""

from __future__ import annotations

from uuid import uuid4

import pytest

from sync_server.security.tokens import opaque_hash
from tests.server.clients import PASSWORD, Person, Server, serving
from tests.server.conftest import ServerDatabase


async def two_tenants(server: Server) -> tuple[Person, Person, Person]:
    """Return the platform's administrator and those of two tenants."""
    root = await server.found()
    await server.tenant(root, "North")
    north = await server.member(root, "tenant_admin", "north@example.org")
    await server.tenant(root, "South")
    south = await server.member(root, "tenant_admin", "south@example.org")
    return root, north, south


async def test_a_member_is_invited_accepts_and_is_listed_where_he_belongs(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, north, south = await two_tenants(server)
        body = {"login": "Maria@Example.org", "name": "María", "role": "engineer"}
        invited = await north.post("/users", body, expect=201)
        assert invited["user"]["login"] == "maria@example.org"
        assert invited["user"]["accepted_us"] is None
        token = invited["link"].partition("/link#")[2]
        nobody = server.somebody()
        invited_to = (await north.get("/auth/me"))["tenant"]
        assert await nobody.post("/auth/link", {"token": token}) == {
            "purpose": "invitation",
            "has_password": False,
            "login": "maria@example.org",
            "tenant": invited_to,
            "tenant_name": "North",
        }
        weak = await nobody.refused("POST", "/auth/link/take", {"token": token, "password": "maria-maria-1"})
        assert weak == (422, "INVALID_INPUT")
        await nobody.post("/auth/link/take", {"token": token, "password": PASSWORD}, expect=204)
        again = await nobody.refused("POST", "/auth/link/take", {"token": token, "password": PASSWORD})
        assert again == (404, "LINK_NOT_FOUND")
        maria = await server.log_in("MARIA@example.org")
        me = await maria.get("/auth/me")
        assert (me["name"], me["role"]) == ("María", "engineer")
        assert {user["login"] for user in await north.get("/users")} == {
            "maria@example.org",
            "north@example.org",
        }
        assert [user["login"] for user in await south.get("/users")] == ["south@example.org"]
        assert await north.refused("POST", "/users", body) == (409, "USER_ALREADY_EXISTS")


async def test_an_invitation_tells_nothing_of_an_account_elsewhere_and_asks_for_its_password(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, north, south = await two_tenants(server)
        engineer = await server.member(north, "engineer", "both@example.org")
        await server.owner.execute("UPDATE identity.account SET totp = '\\x00', totp_on = true")
        stranger = {"login": "new@example.org", "name": "New", "role": "viewer"}
        known = {"login": "both@example.org", "name": "Both", "role": "viewer"}
        first, second = [await south.post("/users", body, expect=201) for body in (stranger, known)]
        assert {*first["user"]} == {*second["user"]}
        assert (second["user"]["totp_on"], second["user"]["seen_us"]) == (False, None)
        refused = await south.refused("DELETE", f"/users/{second['user']['id']}/totp")
        assert refused == (403, "INSUFFICIENT_PERMISSIONS")
        await north.post(f"/users/{second['user']['id']}/link")
        await server.owner.execute("UPDATE identity.account SET totp = NULL, totp_on = false")
        assert {k for k, v in first["user"].items() if v is None} == {
            k for k, v in second["user"].items() if v is None
        }
        token = second["link"].partition("#")[2]
        nobody = server.somebody()
        other = {"token": token, "password": "a password of the thief"}
        assert await nobody.refused("POST", "/auth/link/take", other) == (401, "INVALID_CREDENTIALS")
        assert len((await engineer.get("/auth/me"))["tenants"]) == 1
        await nobody.post("/auth/link/take", {"token": token, "password": PASSWORD}, expect=204)
        assert [choice["name"] for choice in (await engineer.get("/auth/me"))["tenants"]] == [
            "North",
            "South",
        ]


async def test_nobody_opens_an_account_anew_that_others_share(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root, north, south = await two_tenants(server)
        engineer = await server.member(north, "engineer", "both@example.org")
        id = engineer.opened["user"]["id"]
        early = (await north.post(f"/users/{id}/link"))["link"].partition("#")[2]
        await server.member(south, "viewer", "both@example.org")
        for admin in (north, south):
            said = await admin.refused("POST", f"/users/{id}/link")
            assert said == (403, "INSUFFICIENT_PERMISSIONS")
            said = await admin.refused("DELETE", f"/users/{id}/totp")
            assert said == (403, "INSUFFICIENT_PERMISSIONS")
        late = {"token": early, "password": "a password of the thief"}
        assert await server.somebody().refused("POST", "/auth/link/take", late) == (404, "LINK_NOT_FOUND")
        link = (await root.post(f"/users/{id}/link"))["link"].partition("#")[2]
        new = "chosen by its own person"
        await server.somebody().post("/auth/link/take", {"token": link, "password": new}, expect=204)
        assert await engineer.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        await server.log_in("both@example.org", new)


async def test_an_invitation_ends_with_the_membership_that_it_was_for(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        body = {"login": "x@example.org", "name": "X", "role": "tenant_admin"}
        first = await north.post("/users", body, expect=201)
        await north.ask("DELETE", f"/users/{first['user']['id']}", expect=204)
        second = await north.post("/users", {**body, "role": "viewer"}, expect=201)
        nobody = server.somebody()
        old, new = (one["link"].partition("#")[2] for one in (first, second))
        taken = {"token": old, "password": PASSWORD}
        assert await nobody.refused("POST", "/auth/link/take", taken) == (404, "LINK_NOT_FOUND")
        await nobody.post("/auth/link/take", {"token": new, "password": PASSWORD}, expect=204)


async def test_a_password_for_an_account_that_has_one_by_now_is_not_dropped_in_silence(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        body = {"login": "x@example.org", "name": "X", "role": "viewer"}
        link = (await north.post("/users", body, expect=201))["link"].partition("#")[2]
        take = "SELECT identity.take_link($1, 'a hash')"
        await server.owner.execute(
            "UPDATE identity.account SET password = 'theirs' WHERE login = $1", body["login"]
        )
        row = await server.services.database.ask(take, opaque_hash(link))
        assert row is not None
        assert not row[0]
        kept = await server.owner.fetchval(
            "SELECT password FROM identity.account WHERE login = $1", body["login"]
        )
        assert kept == "theirs"


async def test_a_new_password_ends_the_links_that_would_set_another(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        viewer = await server.member(north, "viewer")
        link = (await north.post(f"/users/{viewer.opened['user']['id']}/link"))["link"].partition("#")[2]
        await viewer.post("/auth/password", {"old": PASSWORD, "new": "another good long one"}, expect=204)
        taken = {"token": link, "password": "a password of the finder"}
        said = await server.somebody().refused("POST", "/auth/link/take", taken)
        assert said == (404, "LINK_NOT_FOUND")


async def test_a_lowered_role_holds_from_the_next_request_on(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        manager = await server.member(north, "manager")
        await manager.get("/users")
        path = f"/users/{manager.opened['user']['id']}"
        await north.ask("PATCH", path, {"role": "viewer"}, expect=200)
        assert await manager.refused("GET", "/users") == (403, "INSUFFICIENT_PERMISSIONS")
        await north.ask("PATCH", path, {"is_off": True}, expect=200)
        assert await manager.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        await north.ask("PATCH", path, {"is_off": False}, expect=200)
        again = await server.log_in(manager.opened["user"]["login"])
        await north.ask("DELETE", path, expect=204)
        assert await again.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        assert await again.refused(
            "POST", "/auth/refresh", {"refresh_token": again.opened["refresh_token"]}
        ) == (
            401,
            "TOKEN_EXPIRED",
        )


@pytest.mark.parametrize("role", ["platform_admin", "platform_operator"])
async def test_a_tenant_makes_nobody_of_the_platform(server_database: ServerDatabase, role: str) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        body = {"login": "x@example.org", "name": "X", "role": role}
        assert await north.refused("POST", "/users", body) == (422, "INVALID_INPUT")
        viewer = await server.member(north, "viewer")
        path = f"/users/{viewer.opened['user']['id']}"
        assert await north.refused("PATCH", path, {"role": role}) == (422, "INVALID_INPUT")


async def test_the_last_administrator_stays_one(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        path = f"/users/{north.opened['user']['id']}"
        for method, body in (("PATCH", {"role": "viewer"}), ("PATCH", {"is_off": True}), ("DELETE", None)):
            assert await north.refused(method, path, body) == (409, "LAST_ADMIN_CONFLICT")
        await server.member(north, "tenant_admin")
        await north.ask("PATCH", path, {"role": "viewer"}, expect=200)


@pytest.mark.parametrize(
    "more",
    [
        {"accepted_us": 1},
        {"tenant": str(uuid4())},
        {"tenant_id": str(uuid4())},
        {"id": str(uuid4())},
        {"platform_role": "platform_admin"},
        {"password": PASSWORD},
    ],
)
async def test_nothing_is_assigned_that_was_not_offered(
    server_database: ServerDatabase, more: dict[str, object]
) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        body = {"login": "x@example.org", "name": "X", "role": "viewer", **more}
        assert await north.refused("POST", "/users", body) == (422, "INVALID_INPUT")
        path = f"/users/{north.opened['user']['id']}"
        assert await north.refused("PATCH", path, more) == (422, "INVALID_INPUT")
        assert len(await north.get("/users")) == 1


async def test_sites_limit_whom_they_name_and_nobody_gives_more_than_he_has(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, north, south = await two_tenants(server)
        site, foreign = uuid4(), uuid4()
        for admin, id in ((north, site), (south, foreign)):
            tenant = (await admin.get("/auth/me"))["tenant"]
            await server.owner.execute(
                "INSERT INTO site (tenant_id, id, name, region, note) VALUES ($1, $2, 'Hill', '', '')",
                tenant,
                id,
            )
        body = {"login": "x@example.org", "name": "X", "role": "engineer", "sites": [str(foreign)]}
        assert await north.refused("POST", "/users", body) == (404, "SITE_NOT_FOUND")
        limited = await server.member(north, "tenant_admin", sites=[str(site)])
        assert (await limited.get("/auth/me"))["sites"] == [str(site)]
        wide = {"login": "y@example.org", "name": "Y", "role": "viewer"}
        assert await limited.refused("POST", "/users", wide) == (403, "INSUFFICIENT_PERMISSIONS")
        await limited.post("/users", {**wide, "sites": [str(site)]}, expect=201)


async def test_an_administrator_of_some_sites_does_nothing_to_a_member_who_reaches_more(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        site = str(uuid4())
        await server.owner.execute(
            "INSERT INTO site (tenant_id, id, name, region, note) VALUES ($1, $2, 'Hill', '', '')",
            (await north.get("/auth/me"))["tenant"],
            site,
        )
        limited = await server.member(north, "tenant_admin", sites=[site])
        local = await server.member(north, "engineer", sites=[site])
        acts: list[tuple[str, str, dict[str, object] | None, int]] = [
            ("PATCH", "", {"name": "Mine", "sites": [site]}, 200),
            ("POST", "/link", None, 200),
            ("DELETE", "/sessions", None, 204),
            ("DELETE", "/totp", None, 204),
            ("DELETE", "", None, 204),
        ]
        for method, path, body, done in acts:
            theirs, his = (f"/users/{one.opened['user']['id']}{path}" for one in (north, local))
            said = await limited.refused(method, theirs, body)
            assert said == (403, "INSUFFICIENT_PERMISSIONS"), (method, path)
            await limited.ask(method, his, body, expect=done)


async def test_a_closed_tenant_is_closed_for_its_people_and_its_rows_stay(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root, north, south = await two_tenants(server)
        id = (await north.get("/auth/me"))["tenant"]
        assert await north.refused("PATCH", f"/tenants/{id}", {"is_off": True}) == (
            403,
            "INSUFFICIENT_PERMISSIONS",
        )
        await root.ask("PATCH", f"/tenants/{id}", {"is_off": True}, expect=200)
        assert await north.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        login = {"login": "north@example.org", "password": PASSWORD}
        assert await north.refused("POST", "/auth/login", login) == (403, "INSUFFICIENT_PERMISSIONS")
        await south.get("/users")
        await root.ask("PATCH", f"/tenants/{id}", {"is_off": False}, expect=200)
        await server.log_in("north@example.org")


async def test_a_tenant_is_found_by_those_who_belong_to_it_and_by_no_other(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root, north, south = await two_tenants(server)
        id = (await south.get("/auth/me"))["tenant"]
        assert await north.refused("POST", "/auth/switch", {"tenant": id}) == (404, "TENANT_NOT_FOUND")
        assert await north.refused("POST", "/auth/switch", {"tenant": None}) == (
            403,
            "INSUFFICIENT_PERMISSIONS",
        )
        body = {"login": "north@example.org", "password": PASSWORD, "tenant": id}
        assert await north.refused("POST", "/auth/login", body) == (404, "TENANT_NOT_FOUND")
        assert await north.refused("GET", "/tenants") == (403, "INSUFFICIENT_PERMISSIONS")
        assert [row["name"] for row in await root.get("/tenants")] == ["North", "South"]
        assert (await north.get("/tenant"))["name"] == "North"


async def test_a_list_comes_in_pages_that_meet_and_a_cursor_of_elsewhere_is_refused(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, north, _ = await two_tenants(server)
        for number in range(7):
            body = {"login": f"u{number}@example.org", "name": "U", "role": "viewer"}
            await north.post("/users", body, expect=201)
        seen, cursor = [], ""
        while True:
            said = (await north.ask("GET", f"/users?limit=3&cursor={cursor}", expect=200)).json()
            seen += [user["login"] for user in said["data"]]
            cursor = said["meta"]["page"].get("next", "")
            if not cursor:
                break
        assert seen == ["north@example.org", *(f"u{number}@example.org" for number in range(7))]
        for wrong in ("cursor=x", "cursor=MTI", "limit=0", "limit=201", "limit=many"):
            assert await north.refused("GET", f"/users?{wrong}") == (422, "INVALID_INPUT")

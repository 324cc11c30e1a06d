"""API keys: shown once, no more than an engineer nor their maker, over when they or their maker are."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase


async def an_admin(server: Server) -> Person:
    """Return the administrator of a tenant."""
    root = await server.found()
    await server.tenant(root)
    return await server.member(root, "tenant_admin")


async def make_key(admin: Person, **fields: object) -> dict[str, object]:
    """Make a key and return it with its secret."""
    made: dict[str, object] = await admin.post(
        "/keys", {"name": "Grafana", "scopes": ["read"], **fields}, expect=201
    )
    return made


def with_key(server: Server, secret: object, **headers: str) -> dict[str, object]:
    return {"headers": {"X-API-Key": str(secret), **headers}}


async def test_a_key_is_shown_once_and_kept_as_a_hash(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        made = await make_key(admin)
        secret = str(made["secret"])
        listed = await admin.ask("GET", "/keys", expect=200)
        assert secret not in listed.text
        assert listed.json()["data"][0]["prefix"] == secret[:10]
        rows = await server.owner.fetch("SELECT * FROM identity.api_key")
        assert secret not in str([dict(row) for row in rows])
        assert secret not in (await admin.ask("GET", "/audit", expect=200)).text
        by_bearer = server.somebody(secret)
        assert await by_bearer.refused("GET", "/auth/me") == (403, "INSUFFICIENT_PERMISSIONS")


@pytest.mark.parametrize("path", ["/users", "/keys", "/audit", "/tenants", "/tenant"])
async def test_a_key_reaches_nothing_beyond_an_engineer(server_database: ServerDatabase, path: str) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        scopes = ["read", "metrics", "write_device", "write_alert", "write_config"]
        made = await make_key(admin, scopes=scopes)
        said = await server.somebody().refused("GET", path, **with_key(server, made["secret"]))
        assert said == (403, "INSUFFICIENT_PERMISSIONS")


async def test_nobody_gives_a_key_what_he_has_not(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        for scopes in (["everything"], [], ["read", "tenant_admin"]):
            status, _ = await admin.refused("POST", "/keys", {"name": "K", "scopes": scopes})
            assert status == 422
        viewer = await server.member(admin, "viewer")
        body = {"name": "K", "scopes": ["read"]}
        assert await viewer.refused("POST", "/keys", body) == (403, "INSUFFICIENT_PERMISSIONS")


async def admitted(server: Server, secret: object) -> int:
    """Return the status that a key gets: 403 is one that is known."""
    response = await server.somebody().ask("GET", "/users", **with_key(server, secret))
    return response.status_code


async def test_a_key_ends_with_its_time_with_its_ending_and_with_its_makers_membership(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        other = await server.member(admin, "tenant_admin")
        first, second, third = [await make_key(by, days=30) for by in (admin, admin, other)]
        assert [await admitted(server, one["secret"]) for one in (first, second, third)] == [403] * 3
        id = first["key"]["id"]  # type: ignore[index]
        await admin.ask("DELETE", f"/keys/{id}", expect=204)
        assert await admitted(server, first["secret"]) == 401
        await admin.ask("DELETE", f"/users/{other.opened['user']['id']}", expect=204)
        assert await admitted(server, third["secret"]) == 401
        assert await admitted(server, second["secret"]) == 403
        await server.owner.execute("UPDATE identity.api_key SET until_us = identity.now_us()")
        assert await admitted(server, second["secret"]) == 401
        assert await admitted(server, "hgk_" + "A" * 43) == 401


async def test_a_key_loses_what_its_maker_loses(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        other = await server.member(admin, "tenant_admin")
        made = await make_key(other, scopes=["write_device"])
        from sync_server.security.principal import Origin

        async def may_write() -> bool:
            who = await server.services.admission.admit(str(made["secret"]), Origin("192.0.2.1"), "api")
            return who.may("devices:write")

        assert await may_write()
        await admin.ask("PATCH", f"/users/{other.opened['user']['id']}", {"role": "viewer"}, expect=200)
        assert not await may_write()


async def test_a_wrong_header_is_not_made_good_by_another(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        secret = (await make_key(admin))["secret"]
        for headers in ({"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
            said = await server.somebody().refused("GET", "/users", **with_key(server, secret, **headers))
            assert said == (401, "INVALID_CREDENTIALS")


async def test_many_instances_know_a_key_that_ends_at_once(server_database: ServerDatabase) -> None:
    async with serving(server_database) as one, serving(server_database) as two:
        admin = await an_admin(one)
        made = await make_key(admin)
        assert await asyncio.gather(admitted(one, made["secret"]), admitted(two, made["secret"])) == [
            403,
            403,
        ]
        await admin.ask("DELETE", f"/keys/{made['key']['id']}", expect=204)  # type: ignore[index]
        assert await asyncio.gather(admitted(one, made["secret"]), admitted(two, made["secret"])) == [
            401,
            401,
        ]

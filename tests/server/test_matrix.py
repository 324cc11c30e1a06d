"""Every route x role x tenant, read from the OpenAPI document: a route that is added falls under it, or fails it until it does.

Theory: a route says in the document what it allows (`x-allow`), and `allowed.py` says it too. Here everybody tries everything:
somebody without a token, every role and a key with all scopes in one tenant, and the administrator of that tenant with the
other tenant's ids.
One rule: a route with an id in its path has a line in `THINGS`, which says how the other tenant makes such a thing.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from random import randrange
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from domain.roles import PERMISSIONS, ROLES, SCOPES, key_permissions
from tests.server.allowed import API, allowed
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase

ENDING = {("POST", "/auth/logout"), ("POST", "/auth/switch")}
"""Routes that change who asks: tried by those who may not only."""


async def _user(admin: Person) -> str:
    body = {"login": f"{uuid4().hex[:8]}@example.org", "name": "U", "role": "viewer"}
    return str((await admin.post("/users", body, expect=201))["user"]["id"])


async def _key(admin: Person) -> str:
    return str((await admin.post("/keys", {"name": "K", "scopes": ["read"]}, expect=201))["key"]["id"])


async def _session(admin: Person) -> str:
    return str((await admin.get("/auth/sessions"))[0]["id"])


async def _tenant(admin: Person) -> str:
    return str((await admin.get("/auth/me"))["tenant"])


async def _install(admin: Person) -> str:
    key = base64.b64encode(X25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    body = {"name": "Van", "kind": "window", "public_key": key}
    return str((await admin.post("/installs", body, expect=201))["install"]["id"])


async def _credential(admin: Person) -> str:
    id = uuid4()
    tenant = (await admin.get("/auth/me"))["tenant"]
    await admin.opened["owner"].execute(
        "INSERT INTO credential (tenant_id, id, name, kind, \"user\") VALUES ($1, $2, 'Login', 'routeros_login', 'admin')",
        tenant,
        id,
    )
    return str(id)


async def _site(admin: Person) -> str:
    return str((await admin.post("/sites", {"name": "S"}, expect=201))["id"])


async def _device(admin: Person) -> str:
    address = f"10.{randrange(256)}.{randrange(256)}.{randrange(256)}"
    return str((await admin.post("/devices", {"name": "D", "address": address}, expect=201))["id"])


async def _link(admin: Person) -> str:
    ends = {"a": await _device(admin), "b": await _device(admin)}
    return str((await admin.post("/links", ends, expect=201))["id"])


async def _rule(admin: Person) -> str:
    return str((await admin.post("/rules", {"name": "R", "kind": "device_down"}, expect=201))["id"])


async def _tag(admin: Person) -> str:
    tag = str(uuid4())
    await admin.ask(
        "PATCH", f"/devices/{await _device(admin)}", {"tags": [tag]}, expect=200, headers={"If-Match": "*"}
    )
    return tag


async def _alert(admin: Person) -> str:
    message = {"key": "k", "title": "T", "device": await _device(admin)}
    return str((await admin.post("/alerts", message))["id"])


async def _edit(admin: Person) -> str:
    await _site(admin)
    return str((await admin.get("/edits"))[0]["edit"]["id"])


async def _hook(admin: Person) -> str:
    return str((await admin.post("/hooks", {"name": "H"}, expect=201))["hook"]["id"])


async def _push_key(admin: Person) -> str:
    return str((await admin.post("/push-keys", {"name": "P"}, expect=201))["key"]["id"])


async def _held(admin: Person) -> str:
    made = await admin.post("/push-keys", {"name": "P"}, expect=201)
    headers = {"Authorization": f"Bearer {made['secret']}"}
    await admin.post("/telemetry", {"messages": [{"values": {}}]}, headers=headers)
    return str((await admin.get("/quarantine"))[0]["id"])


async def _picture(admin: Person) -> str:
    id, tenant = uuid4().hex * 2, (await admin.get("/auth/me"))["tenant"]
    await admin.opened["owner"].execute(
        "INSERT INTO diagram (tenant_id, id, name, background, background_width, note)"
        " VALUES ($1, $2, $3, $4, 1000, $3)",
        tenant,
        uuid4(),
        "D",
        id,
    )
    return id


THINGS: dict[str, Callable[[Person], Awaitable[str]]] = {
    "/users/{id}": _user,
    "/platform/users/{id}": _user,
    "/operators/{id}": _user,
    "/keys/{id}": _key,
    "/auth/sessions/{id}": _session,
    "/tenants/{id}": _tenant,
    "/installs/{id}": _install,
    "/credentials/{id}": _credential,
    "/devices/{id}": _device,
    "/sites/{id}": _site,
    "/links/{id}": _link,
    "/rules/{id}": _rule,
    "/tags/{id}": _tag,
    "/alerts/{id}": _alert,
    "/edits/{id}": _edit,
    "/hooks/{id}": _hook,
    "/push-keys/{id}": _push_key,
    "/quarantine/{id}": _held,
    "/pictures/{id}": _picture,
}
"""How an administrator makes, or finds, a thing of his tenant, by the beginning of the paths that name one."""


def operations(server: Server) -> list[tuple[str, str, str]]:
    """Return method, path under /api/v1 and what is allowed, of every route of the API."""
    paths = server.app.openapi()["paths"]
    return [
        (method.upper(), path.removeprefix("/api/v1"), operation["x-allow"])
        for path, methods in sorted(paths.items())
        if path.startswith("/api/v1")
        for method, operation in methods.items()
    ]


async def test_every_route_takes_what_is_written_down_for_it(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        paths = server.app.openapi()["paths"]
    found = {}
    for method, path, allow in operations(server):
        of = paths[f"/api/v1{path}"][method.lower()]["x-of"]
        found[method, path] = allow if of == "tenant" else f"{allow} of {of}"
    assert found == allowed(API), "a route is not as tests/server/allowed.py says"


async def everybody(server: Server, root: Person) -> dict[str, Person]:
    """Return somebody of every role in the tenant that the platform's administrator has entered, and a key of all scopes."""
    found = {role: await server.member(root, role) for role in ROLES if not role.startswith("platform")}
    made = await found["tenant_admin"].post("/keys", {"name": "All", "scopes": list(SCOPES)}, expect=201)
    body = {"login": "op@platform", "name": "Op", "role": "platform_operator"}
    link = (await root.post("/platform/users", body, expect=201))["link"].partition("#")[2]
    password = {"token": link, "password": "an operators password"}
    await server.somebody().post("/auth/link/take", password, expect=204)
    operator = await server.log_in("op@platform", "an operators password")
    tenant = (await root.get("/auth/me"))["tenant"]
    operator.token = (await operator.post("/auth/switch", {"tenant": tenant}))["access_token"]
    return {
        **found,
        "platform_admin": root,
        "platform_operator": operator,
        "key": server.somebody(made["secret"]),
    }


def may(actor: str, allow: str) -> bool:
    """Tell whether the table of roles lets an actor through."""
    if allow == "signed in":
        return actor != "key"
    if actor == "key":
        return allow in key_permissions(SCOPES, PERMISSIONS["tenant_admin"])
    return allow in PERMISSIONS[actor]  # type: ignore[index]


async def test_every_route_admits_whom_the_table_of_roles_admits_and_nobody_else(
    server_database: ServerDatabase,
) -> None:
    wrong: list[Any] = []
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        actors = await everybody(server, root)
        listed = operations(server)
        assert len(listed) > 30
        for method, path, allow in listed:
            target = path.replace("{id}", str(uuid4()))
            body = {} if method in ("POST", "PATCH", "PUT") else None
            nobody = await server.somebody().ask(method, target, body)
            if (nobody.status_code == 401) is (allow == "anybody") and path != "/auth/refresh":
                wrong.append((method, path, "nobody", nobody.status_code))
            for actor, person in actors.items():
                passes = allow == "anybody" or may(actor, allow)
                if allow == "anybody" or (passes and (method, path) in ENDING):
                    continue
                said = await person.ask(method, target, body)
                refused = said.status_code == 403
                if refused is passes or said.status_code in (401, 429) or said.status_code >= 500:
                    wrong.append((method, path, actor, said.status_code, said.text[:200]))
    assert wrong == []


async def test_another_tenants_things_are_not_found_as_if_they_were_not(
    server_database: ServerDatabase,
) -> None:
    wrong: list[Any] = []
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        north = await server.member(root, "tenant_admin")
        await server.tenant(root)
        south = await server.member(root, "tenant_admin")
        south.opened["owner"] = server.owner
        for method, path, _ in operations(server):
            if "{" not in path:
                continue
            maker = next((make for prefix, make in THINGS.items() if path.startswith(prefix)), None)
            assert maker is not None, f"{path}: say in THINGS how such a thing is made"
            id = await maker(south)
            for body in ({}, {"name": "Mine"}) if method in ("POST", "PATCH", "PUT") else (None,):
                theirs = await north.ask(method, path.replace("{id}", id), body)
                none = await north.ask(method, path.replace("{id}", str(uuid4())), body)
                same = (theirs.status_code, theirs.json()["error"]["code"]) == (
                    none.status_code,
                    none.json()["error"]["code"],
                )
                if not same or theirs.status_code not in (403, 404, 422):
                    wrong.append(
                        (method, path, body, theirs.status_code, none.status_code, theirs.text[:200])
                    )
        assert len(await south.get("/users")) >= 2
        assert {key["ended_us"] for key in await south.get("/keys")} == {None}
    assert wrong == []


@pytest.mark.parametrize("header", ["X-Tenant-ID", "X-Tenant", "X-Forwarded-User", "X-Org"])
async def test_no_header_names_a_tenant(server_database: ServerDatabase, header: str) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        north = await server.member(root, "tenant_admin")
        other = await server.tenant(root)
        said = await north.get("/users", headers={header: other})
        assert [user["id"] for user in said] == [north.opened["user"]["id"]]
        assert (await north.get(f"/users?tenant={other}&tenant_id={other}")) == said

"""Every route x role x tenant, read from the OpenAPI document: a route that is added falls under it, or fails it until it does.

Theory: a route says in the document what it allows (`x-allow`), and `allowed.py` says it too. Here everybody tries everything:
somebody without a token, every role and a key with all scopes.
Counterpart: `test_foreign_ids.py`, the other tenant's ids.
One rule: nothing is listed here but what the document says.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from domain.roles import PERMISSIONS, ROLES, SCOPES, key_permissions
from tests.server.allowed import API, allowed
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase

ENDING = {("POST", "/auth/logout"), ("POST", "/auth/switch")}
"""Routes that change who asks: tried by those who may not only."""


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

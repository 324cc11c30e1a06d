"""What somebody sends who means harm, to every route and form: endless and deep bodies, fields not offered, foreign pages.

Counterpart: `test_bad_input.py`, the same at single routes and more; the routes are read from OpenAPI and the pages themselves.
One rule: nothing is listed here but what is not asked, with the reason.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from sync_server import admin as pages
from sync_server import api
from sync_server.api.routes import Body
from tests.server.asking import REQUESTS
from tests.server.clients import PASSWORD, URL, Person, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_matrix import operations
from tests.server.things import side_of, thing_of

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CHANGING = ("POST", "PATCH", "PUT", "DELETE")
MOST_BYTES = 2 * 1_048_576
ENDING = ("/auth/logout", "/admin/logout")
"""Who asks these is out afterwards."""


def declared() -> Iterator[tuple[str, str, type[Body]]]:
    """Go over method, path and type of the body of every route of the API that takes one."""
    for router in api.routers():
        for route in router.routes:
            takes = getattr(getattr(route, "endpoint", None), "declared", (None,))[0]
            if isinstance(route, APIRoute) and takes is not None:
                yield next(iter(route.methods)), route.path.removeprefix("/api/v1"), takes


def forms() -> list[tuple[str, str]]:
    """Return path of, and who may send, every form of the admin pages."""
    routes = [route for router in pages.routers() for route in router.routes if isinstance(route, APIRoute)]
    return [
        (route.path, route.openapi_extra["x-allow"])
        for route in routes
        if route.openapi_extra is not None and "POST" in route.methods
    ]


def test_every_body_has_the_fields_of_its_type_and_no_other() -> None:
    loose = [
        (method, path, takes.__name__)
        for method, path, takes in declared()
        if not takes.__struct_config__.forbid_unknown_fields
    ]
    assert loose == []
    assert len(list(declared())) > 40


async def test_whose_a_thing_is_and_what_somebody_may_is_in_no_body_that_does_not_offer_it(
    server_database: ServerDatabase,
) -> None:
    wrong = []
    fields = {f"{method} {path}": takes.__struct_fields__ for method, path, takes in declared()}
    async with serving(server_database) as server:
        side = await side_of(server, await server.found())
        for (method, path), build in REQUESTS.items():
            if not (offered := fields.get(f"{method} {path}")) or path.startswith("/hooks/"):
                continue
            id = await thing_of(path).make(side)
            asked = await build(side, id, side)
            asker = side.root if path.startswith("/platform/") else side.admin
            for more in ("tenant_id", "tenant", "id", "role", "account", "maker", "made_us", "revision"):
                if more in offered:
                    continue
                target = path.replace("{id}", id)
                said = await asker.ask(
                    method, target, {**asked.body, more: str(uuid4())}, headers=asked.headers
                )
                if said.status_code != 422 or more not in said.text:
                    wrong.append((method, path, more, said.status_code))
    assert wrong == []


class Endless:
    """A body that goes on for a gigabyte, and how much of it was taken."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self) -> AsyncIterator[bytes]:
        """Give another piece."""
        for _ in range(16_384):
            self.sent += 65_536
            yield b"x" * 65_536


async def test_no_route_and_no_form_takes_a_body_without_end(server_database: ServerDatabase) -> None:
    wrong: list[Any] = []
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        takes = {(method, path) for method, path, _ in declared()}
        for method, path, _ in operations(server):
            if path in ENDING:
                continue
            body = Endless()
            said = await root.ask(method, path.replace("{id}", str(uuid4())), content=body(), headers=JSON)
            fits = said.status_code == 413 if (method, path) in takes else said.status_code < 500
            if not fits or body.sent > MOST_BYTES:
                wrong.append((method, path, said.status_code, body.sent))
        for path, allow in forms():
            if path in ENDING:
                continue
            body = Endless()
            headers = FORM if allow == "anybody" else {**FORM, "Authorization": f"Bearer {root.token}"}
            target = path.replace("{id}", str(uuid4()))
            answer = await root.http.post(target, content=body(), headers=headers)
            if answer.status_code not in (404, 413, 422, 400) or body.sent > MOST_BYTES:
                wrong.append(("form", path, answer.status_code, body.sent))
    assert wrong == []


@pytest.mark.parametrize("shape", ["lists", "things", "number", "text"])
async def test_deep_and_huge_json_is_refused_by_every_route(
    server_database: ServerDatabase, shape: str
) -> None:
    wrong: list[Any] = []
    content = {
        "lists": b"[" * 200_000 + b"]" * 200_000,
        "things": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "number": b'{"name":1' + b"0" * 400_000 + b"}",
        "text": b'{"name":"' + b"\\u0000" * 60_000 + b'"}',
    }[shape]
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        for method, path, takes in declared():
            for data in (content, b'{"%s":%s}' % (takes.__struct_fields__[0].encode(), content)):
                target = path.replace("{id}", str(uuid4()))
                said = await root.ask(method, target, content=data, headers={**JSON, "If-Match": "*"})
                if not 400 <= said.status_code < 500:
                    wrong.append((method, path, said.status_code, said.text[:200]))
        assert (await root.http.get("/ready")).status_code == 200
    assert wrong == []


async def browser_of(person: Person, login: str) -> tuple[Person, str]:
    """Return somebody who has logged in at a browser, and the token of the session that its pages send."""
    body = {"login": login, "password": PASSWORD, "cookies": True}
    opened = await person.post("/auth/login", body, headers={"Origin": URL})
    return person, opened["csrf_token"]


async def test_with_cookies_alone_another_sites_page_changes_nothing_anywhere(
    server_database: ServerDatabase,
) -> None:
    wrong: list[Any] = []
    async with serving(server_database) as server:
        root = await server.found()
        tenant = await server.tenant(root)
        browser, token = await browser_of(server.somebody(), "root@platform")
        await browser.post("/auth/switch", {"tenant": tenant}, headers={"Origin": URL, "X-CSRF-Token": token})
        token = browser.http.cookies["heliograph_csrf"]
        _, others = await browser_of(server.somebody(), "root@platform")
        asked = [
            (method, f"/api/v1{path}")
            for method, path, allow in operations(server)
            if method in CHANGING and allow != "anybody"
        ]
        asked += [("POST", path) for path, allow in forms() if allow != "anybody"]
        bad = (
            {"Origin": "https://evil.example", "X-CSRF-Token": token},
            {"Origin": "null", "X-CSRF-Token": token},
            {"Origin": URL},
            {"Origin": URL, "X-CSRF-Token": others},
            {"Origin": URL, "X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"},
        )
        for method, path in asked:
            target = path.replace("{id}", str(uuid4()))
            for headers in bad:
                said = await browser.http.request(
                    method, target, headers={**headers, "If-Match": "*"}, json={}
                )
                if said.status_code != 403:
                    wrong.append((method, path, headers, said.status_code))
        assert len(asked) > 80
        good = {"Origin": URL, "X-CSRF-Token": token}
        assert (
            await browser.http.request("POST", "/api/v1/sites", headers=good, json={"name": "S"})
        ).status_code == 201
    assert wrong == []

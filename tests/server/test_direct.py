"""What goes straight to its route is read as FastAPI reads it; what is not plain is left to FastAPI. Counterpart: `direct.py`."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Query
from fastapi.routing import APIRoute

from sync_server import api
from sync_server.api.direct import Direct, plain_routes
from sync_server.api.errors import handle_errors, refused
from sync_server.api.routes import Call, Routes
from sync_server.api.things import IfMatch

ID, OTHER = UUID(int=7 << 64), UUID(int=2**128 - 1)
LEFT_TO_FASTAPI = {
    "PATCH /api/v1/tags/{id}",
    "DELETE /api/v1/tags/{id}",
    "POST /api/v1/hooks/{id}",
    "GET /api/v1/maps/{id}",
    "PUT /api/v1/maps/{id}",
    "GET /api/v1/pictures/{id}",
    "PUT /api/v1/pictures/{id}",
    "POST /api/v1/telemetry",
}
"""What has words in its path, or reads headers of its own."""
routes = Routes("probes")


@routes.route("GET", "/probes", allow="anybody", paged=True)
async def list_probes(
    call: Call, *, site: UUID | None = None, q: Annotated[str, Query(max_length=9)] = ""
) -> Any:
    """Tell what was asked for."""
    return {"site": site, "q": q, "limit": call.page.limit, "after": call.page.after}


@routes.route("GET", "/probes/{id}/of/{other}", allow="anybody")
async def read_probe(call: Call, id: UUID, other: UUID) -> Any:
    """Tell what was asked for."""
    return {"id": id, "other": other}


@routes.route("PATCH", "/probes/{id}", allow="anybody")
async def change_probe(call: Call, id: UUID, *, if_match: IfMatch = None) -> Any:
    """Tell what was asked for; refuse `"old"`."""
    if if_match == '"old"':
        raise refused("VERSION_STALE", "too old")
    return {"id": id, "if_match": if_match}


@pytest.mark.parametrize(
    ("method", "path", "headers", "is_plain"),
    [
        ("GET", "/probes", {}, True),
        ("GET", "/probes?limit=7", {}, True),
        ("GET", "/probes?limit=007", {}, True),
        ("GET", "/probes?limit=200&cursor=WyJhIl0", {}, True),
        ("GET", "/probes?cursor=a-b_C", {}, True),
        ("GET", "/probes?limit=201", {}, False),
        ("GET", "/probes?limit=0", {}, False),
        ("GET", "/probes?limit=-1", {}, False),
        ("GET", "/probes?limit=7cursor=a", {}, False),
        ("GET", "/probes?cursor=a%20b", {}, False),
        ("GET", "/probes?cursor=", {}, False),
        ("GET", "/probes?limit=1&limit=2", {}, False),
        ("GET", f"/probes?site={ID}", {}, False),
        ("GET", "/probes?q=much+too+long+words", {}, False),
        ("GET", "/probes?else=1", {}, False),
        ("GET", "/probes/", {}, False),
        ("POST", "/probes", {}, False),
        ("GET", f"/probes/{ID}/of/{OTHER}", {}, True),
        ("GET", f"/probes/{ID}/of/{OTHER}?limit=1", {}, False),
        ("GET", f"/probes/{ID.hex}/of/{OTHER}", {}, False),
        ("GET", f"/probes/{str(OTHER).upper()}/of/{OTHER}", {}, False),
        ("GET", f"/probes/{ID}/of/me", {}, False),
        ("GET", f"/probes/{ID}/of/{{}}", {}, False),
        ("PATCH", "/probes/{}", {}, False),
        ("GET", f"/probes/{ID}/of/{OTHER}/more", {}, False),
        ("PATCH", f"/probes/{ID}", {}, True),
        ("PATCH", f"/probes/{ID}", {"If-Match": '"a", "b"'}, True),
        ("PATCH", f"/probes/{ID}", {"If-Match": '"old"'}, True),
        ("PATCH", f"/probes/{ID}", {"If-Match": "a" * 1001}, False),
        ("DELETE", f"/probes/{ID}", {}, False),
    ],
)
async def test_a_request_is_answered_as_by_fastapi_and_a_plain_one_without_it(
    method: str, path: str, headers: dict[str, str], is_plain: bool
) -> None:
    answers = []
    for is_direct in (True, False):
        app = FastAPI()
        app.state.services = None
        handle_errors(app)
        inner: list[str] = []

        async def noted(
            scope: Any, receive: Any, send: Any, app: Any = app, inner: list[str] = inner
        ) -> None:
            inner.append(scope["path"])
            await FastAPI.__call__(app, scope, receive, send)

        app.include_router(routes.router)
        whole = Within(Direct(noted, app, [routes.router]) if is_direct else noted, app)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(whole), base_url="http://noc.test"
        ) as http:
            got = await http.request(method, f"/api/v1{path}", headers=headers)
        answers.append((got.status_code, got.content, sorted(got.headers.items())))
        assert bool(inner) == (not (is_direct and is_plain))
    assert answers[0] == answers[1]


def test_all_routes_but_the_known_ones_can_be_asked_directly() -> None:
    routers = api.routers()
    direct = plain_routes(routers)
    every = {
        (method, route.path): route
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    taken = {id(plain.route) for plain in direct.values()}
    left = {f"{method} {path}" for (method, path), route in every.items() if id(route) not in taken}
    assert left == LEFT_TO_FASTAPI


class Within:
    """ASGI application that says which FastAPI it belongs to, as that does before its middleware."""

    def __init__(self, app: Any, outer: FastAPI) -> None:
        self._app, self._outer = app, outer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app({**scope, "app": self._outer}, receive, send)

"""Requests of a plain shape go straight to their route; FastAPI reads and answers every other. Counterpart: `routes.py`.

Theory: FastAPI tries pattern after pattern and reads parameters by pydantic, which costs more than the work of most routes. Here
a path is found in one table by its shape, and a request is taken where nothing is to be interpreted: ids as this server writes
them, `limit` in digits, the cursor of a page, If-Match. A filter, a wrong value, an unknown path: all of that is FastAPI's, whose
word stays the only one on what is refused.
One rule: what is taken here is read as FastAPI reads it; `tests/server/test_direct.py` asks both.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sync_server.api.pages import CURSOR_CAP, DEFAULT_LIMIT, LIMIT_RANGE
from sync_server.api.things import HEADER_CAP

_ID = re.compile(r"(?<=/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=/|$)")
_PAGE = re.compile(rb"(?:limit=([0-9]{1,3}))?(?:(?:^|(?<=[0-9])&)cursor=([A-Za-z0-9_-]{1,%d}))?" % CURSOR_CAP)
MATCH = "if_match"
"""The one header that is read here, as routes name it."""
_PLACE = re.compile(r"\{(\w+)\}")


class Plain(NamedTuple):
    """A route that may be asked directly: the names of the ids in its path, and what it is given where nothing is said."""

    route: APIRoute
    ids: tuple[str, ...]
    given: Mapping[str, Any]
    is_paged: bool
    takes_match: bool


class Direct:
    """ASGI middleware, the innermost: carries out plain requests, passes the others on."""

    def __init__(self, app: ASGIApp, outer: FastAPI, routers: Iterable[APIRouter]) -> None:
        self._app = app
        self._handlers = outer.exception_handlers
        self._routes = plain_routes(routers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and (found := self._read(scope)) is not None:
            plain, given = found
            scope["route"] = plain.route  # for the log and the figures
            response = await self._carry_out(plain.route.endpoint, Request(scope, receive, send), given)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _read(self, scope: Scope) -> tuple[Plain, dict[str, Any]] | None:
        """Return the route of a request and its arguments, None where there is anything to interpret."""
        path: str = scope["path"]
        plain = self._routes.get((scope["method"], _ID.sub("{}", path)))
        if plain is None or scope.get("root_path"):
            return None
        ids = _ID.findall(path) if plain.ids else []
        if len(ids) != len(plain.ids):
            return None  # braces stand in the path itself
        given = {**plain.given, **dict(zip(plain.ids, map(UUID, ids), strict=True))}
        if query := scope["query_string"]:
            if not plain.is_paged or (page := _PAGE.fullmatch(query)) is None:
                return None
            low, high = LIMIT_RANGE
            if page[1]:
                given["limit"] = int(page[1])
                if not low <= given["limit"] <= high:
                    return None
            if page[2]:
                given["cursor"] = page[2].decode()
        if plain.takes_match:
            tags = [value for name, value in scope["headers"] if name == b"if-match"]
            if len(tags) > 1 or any(len(tag) > HEADER_CAP for tag in tags):
                return None
            if tags:
                given[MATCH] = tags[0].decode("latin-1")
        return plain, given

    async def _carry_out(
        self, endpoint: Callable[..., Awaitable[Response]], request: Request, given: dict[str, Any]
    ) -> Response:
        try:
            return await endpoint(request, **given)
        except Exception as error:
            for kind in type(error).__mro__:
                if kind is not Exception and (handler := self._handlers.get(kind)) is not None:
                    return await handler(request, error)  # type: ignore[no-any-return, misc]
            raise


def plain_routes(routers: Iterable[APIRouter]) -> dict[tuple[str, str], Plain]:
    """Return the routes that may be asked directly, by method and shape of the path."""
    found: dict[tuple[str, str], Plain] = {}
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and (plain := _plain(route)) is not None:
                shape = _PLACE.sub("{}", route.path)
                for method in route.methods or ():
                    found.setdefault((method, shape), plain)  # as FastAPI: the first counts
    return found


def _plain(route: APIRoute) -> Plain | None:
    """Return a route as it is asked directly; None where it has parameters that are not known here."""
    if not hasattr(route.endpoint, "declared"):
        return None
    parameters = dict(inspect.signature(route.endpoint).parameters)
    parameters.pop("request")
    ids = tuple(_PLACE.findall(route.path))
    if any(parameters.pop(name).annotation is not UUID for name in ids):
        return None
    if any(one.default is inspect.Parameter.empty for one in parameters.values()):
        return None
    read = route.dependant
    if {one.name for one in (*read.header_params, *read.cookie_params, *read.body_params)} - {MATCH}:
        return None
    given = {name: one.default for name, one in parameters.items()}
    is_paged = given.get("limit") == DEFAULT_LIMIT and "cursor" in given
    return Plain(route, ids, given, is_paged, MATCH in given)

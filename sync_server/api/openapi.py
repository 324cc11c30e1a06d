"""The OpenAPI document: what every route takes, gives and refuses. Counterpart: `routes.py`, whose declarations it reads.

One rule: what is here is made of the types that the routes decode and encode with; nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from sync_server.api.envelope import Failure, Meta

_REFUSALS = {
    "401": "No token, or one that is not of this server, or too old.",
    "403": "The permission is missing, or it is another site's page.",
    "404": "There is no such thing in this tenant.",
    "408": "The body did not come in time.",
    "409": "It is there already, or is in use.",
    "413": "The body is too large.",
    "415": "Another body than application/json.",
    "422": "The request is not as expected.",
    "429": "Too many requests; Retry-After says when to come again.",
    "503": "The server cannot answer now; Retry-After says when to come again.",
    "507": "The disk of the server's database is full, nothing was changed; Retry-After says when to come again.",
}
_OF_VERSIONS = {
    "412": "It was changed meanwhile: another ETag than If-Match says.",
    "428": "If-Match is missing: say what it is that is changed.",
}
_TEMPLATE = "#/components/schemas/{name}"


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Have the application tell of its routes; `routers` are those it was given."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, routers)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, routes=app.routes)
    declared = [
        (made["paths"][route.path][method.lower()], route.endpoint.declared)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and hasattr(route.endpoint, "declared")
        for method in route.methods or ()
    ]
    types: list[Any] = [Failure, Meta]
    for _, (takes, gives) in declared:
        types += [kind for kind in (takes, gives) if kind is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    of_type = {repr(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    for operation, (takes, gives) in declared:
        _complete(operation, takes, gives, of_type)
    parts = made.setdefault("components", {})
    parts["schemas"] = components
    parts["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "heliograph_access"},
    }
    return made


def _complete(operation: dict[str, Any], takes: Any, gives: Any, of_type: dict[str, Any]) -> None:
    if takes is not None:
        operation["requestBody"] = {"required": True, "content": _json(of_type[repr(takes)])}
    if operation["x-allow"] != "anybody":
        operation["security"] = [{"bearer": []}, {"key": []}, {"cookie": []}]
    for status, response in operation["responses"].items():
        if status.startswith("2") and status != "204":
            data = of_type[repr(gives)] if gives is not None else {"type": "null"}
            response["content"] = _json(
                {
                    "type": "object",
                    "required": ["success", "data", "meta"],
                    "properties": {"success": {"const": True}, "data": data, "meta": of_type[repr(Meta)]},
                }
            )
    has_versions = any(one["name"].lower() == "if-match" for one in operation.get("parameters", ()))
    for status, said in (_REFUSALS | (_OF_VERSIONS if has_versions else {})).items():
        operation["responses"][status] = {"description": said, "content": _json(of_type[repr(Failure)])}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

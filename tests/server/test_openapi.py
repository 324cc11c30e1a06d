"""What the OpenAPI document says of every route is so: schemathesis makes right and wrong requests of it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.server.clients import Person, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_devices import a_device

EXAMPLES = 6
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@dataclass
class Listening:
    """A server that listens: where, its document, and the token of somebody in it."""

    url: str
    document: dict[str, Any]
    token: str


@asynccontextmanager
async def listening(database: ServerDatabase) -> AsyncIterator[Listening]:
    async with serving(database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        await fill(admin)
        bound = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(server.app, lifespan="off", log_config=None, access_log=False)
        listener = uvicorn.Server(config)
        running = asyncio.create_task(listener.serve([bound]))
        try:
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            yield Listening(url, server.app.openapi(), admin.token)
        finally:
            listener.should_exit = True
            await running


async def fill(admin: Person) -> None:
    """Have one thing of each kind, so that lists are no empty ones."""
    site = await admin.post("/sites", {"name": "S", "lng": 10.0, "lat": 47.0}, expect=201)
    ends = [await a_device(admin, f"R{n}", f"10.0.0.{n}", site=site["id"], tags=["t"]) for n in (1, 2)]
    await admin.post("/links", {"a": ends[0]["id"], "b": ends[1]["id"]}, expect=201)
    await admin.post("/rules", {"name": "R", "kind": "device_down"}, expect=201)
    alert = await admin.post("/alerts", {"key": "k", "title": "T", "device": ends[0]["id"]})
    await admin.post(f"/alerts/{alert['id']}/comment", {"text": "hm"})
    await admin.post("/hooks", {"name": "H"}, expect=201)
    await admin.post("/keys", {"name": "K", "scopes": ["read"]}, expect=201)


async def test_every_route_is_as_its_document_says(server_database: ServerDatabase) -> None:
    async with listening(server_database) as here:
        wrong = await asyncio.to_thread(tried, here)
    assert wrong == []


def tried(here: Listening) -> list[str]:
    """Make requests of every route; return what was not as the document says."""
    schema = from_dict(json.loads(json.dumps(here.document, default=str)))
    wrong: list[str] = []
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        method, path = operation.method.upper(), operation.path
        if not path.startswith("/api/v1/") or (path.startswith("/api/v1/auth/") and method != "GET"):
            continue  # those of the session would end it
        count += 1
        try:
            try_one(operation, here)
        except (Exception, FailureGroup) as error:
            wrong.append(f"{method} {path}: {str(error)[:1500]}")
    assert count > 50
    return wrong


def try_one(operation: Any, here: Listening) -> None:
    """Make some requests of a route."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        headers = {"Authorization": f"Bearer {here.token}"}
        response = case.call(base_url=here.url, headers=headers, timeout=60)
        case.validate_response(response, checks=CHECKS)

    ask()


async def test_the_document_has_the_body_the_data_and_the_failures_of_every_route(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        document = server.app.openapi()
        missing = []
        for path, methods in document["paths"].items():
            for method, one in methods.items():
                if not path.startswith("/api/v1/"):
                    continue
                answers = one["responses"]
                good = next(status for status in answers if status.startswith("2"))
                if not {"401", "403", "422", "429", "503"} <= set(answers) or (
                    good != "204" and "content" not in answers[good]
                ):
                    missing.append((method, path))
        assert missing == []
        made = document["paths"]["/api/v1/devices"]["post"]
        assert made["requestBody"]["content"]["application/json"]["schema"]
        assert "412" in document["paths"]["/api/v1/devices/{id}"]["patch"]["responses"]


async def test_no_page_of_a_third_party_is_served_where_the_cookies_are(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        for path in ("/docs", "/redoc"):
            assert (await server.somebody().http.get(path)).status_code == 404

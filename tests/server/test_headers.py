"""Every answer carries what protects a browser: each route of the API, page, file and refusal, read from the app itself."""

from __future__ import annotations

from uuid import uuid4

from fastapi.routing import APIRoute

from sync_server import admin
from sync_server.admin.files import STAMP
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.test_matrix import operations

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-API-Version": None,
    "X-Request-ID": None,
    "Cache-Control": None,
    "Content-Security-Policy": None,
}
"""Headers of every answer; None is any text."""


async def test_every_route_and_page_has_the_headers_that_protect_who_reads_it(
    server_database: ServerDatabase,
) -> None:
    wrong: list[object] = []
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        api = [(method, f"/api/v1{path}") for method, path, _ in operations(server)]
        pages = {
            (method, route.path)
            for router in admin.routers()
            for route in router.routes
            if isinstance(route, APIRoute)
            for method in route.methods
        }
        files = [
            ("GET", f"/admin/static/{STAMP}/{name}") for name in ("admin.css", "admin.js", "mark.svg", "none")
        ]
        other = [
            ("GET", path) for path in ("/health", "/ready", "/alive", "/metrics", "/openapi.json", "/nowhere")
        ]
        asked = [*api, *sorted(pages), *files, *other]
        assert len(asked) > 150
        for method, path in asked:
            target = path.replace("{id}", str(uuid4()))
            for token in ("", root.token):
                if method == "POST" and path.endswith(("/logout", "/switch")):
                    continue  # they change who asks
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                said = await root.http.request(
                    method, target, headers=headers, content=b"{}" if method != "GET" else None
                )
                for name, value in ALWAYS.items():
                    if name not in said.headers or (value is not None and said.headers[name] != value):
                        wrong.append((method, path, name, said.headers.get(name)))
                policy = said.headers.get("Content-Security-Policy", "")
                if (
                    "default-src 'none'" not in policy
                    or "frame-ancestors" not in policy
                    or "unsafe" in policy
                ):
                    wrong.append((method, path, policy))
                is_kept = "immutable" in said.headers["Cache-Control"]
                if (
                    is_kept is not (said.status_code == 200 and "/static/" in path)
                    and "no-store" not in said.headers["Cache-Control"]
                ):
                    wrong.append((method, path, said.headers["Cache-Control"]))
                if said.headers.get("Server", "").startswith("uvicorn") or "X-Powered-By" in said.headers:
                    wrong.append((method, path, "it says what it is made of"))
    assert wrong == [], "\n".join(map(str, wrong[:20]))

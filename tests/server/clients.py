"""A server in the test's own loop on a real database, and people who use it over HTTP. Counterpart: `sync_server/main.py`.

One rule: nothing here reaches behind the API but `Server.owner`, which plays the clock and the thief.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import msgspec
from fastapi import FastAPI

from domain.vault import Secret
from sync_server.main import opened
from sync_server.services import Services
from tests.server.conftest import ServerDatabase

URL = "http://noc.test"
PASSWORD = "a good long password"
ROOMY = {
    "secret": Secret("the secret of a server that is tested"),
    "public_url": URL,
    "password_memory_kib": 64,
    "password_passes": 1,
    "limit_auth_per_min": 1_000_000,
    "limit_api_per_min": 1_000_000,
    "limit_monitoring_per_min": 1_000_000,
    "limit_bulk_per_h": 1_000_000,
    "limit_pictures_per_min": 1_000_000,
    "limit_maps_per_min": 1_000_000,
    "limit_tenant_per_min": 1_000_000,
    "pool_min": 1,
    "pool_max": 8,
    "pool_wait_s": 60.0,
    "statement_timeout_s": 120.0,
    "raw_days": 3,
    "hour_days": 7,
}
"""Of a server on a new database: it makes a partition for each day that it keeps before it serves, and few are soon made."""
_numbers = itertools.count(1)


@dataclass
class Person:
    """Somebody at a client of the API: `token` is sent with each request, if there is one."""

    http: httpx.AsyncClient
    token: str = ""
    opened: dict[str, Any] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: Any = None, *, expect: int | None = None, **options: Any
    ) -> httpx.Response:
        """Send a request; fail where the status is not the expected one."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        if body is not None:
            options["json"] = body
        response = await self.http.request(method, f"/api/v1{path}", headers=headers, **options)
        assert expect is None or response.status_code == expect, f"{method} {path}: {response.text}"
        return response

    async def get(self, path: str, **options: Any) -> Any:
        """Return the data of a GET."""
        return (await self.ask("GET", path, expect=200, **options)).json()["data"]

    async def post(self, path: str, body: Any = None, expect: int = 200, **options: Any) -> Any:
        """Return the data of a POST, None where there is none."""
        response = await self.ask("POST", path, body, expect=expect, **options)
        return response.json().get("data") if response.content else None

    async def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        """Return status and code of a failure."""
        response = await self.ask(method, path, body, **options)
        return response.status_code, response.json()["error"]["code"]


@dataclass
class Server:
    """A server, and whoever is made in it."""

    app: FastAPI
    database: ServerDatabase
    owner: asyncpg.Connection[Any]

    @property
    def services(self) -> Services:
        """What it works with."""
        services: Services = self.app.state.services
        return services

    def somebody(self, token: str = "", address: str = "192.0.2.1", agent: str = "test") -> Person:
        """Return a client without, or with, a token."""
        transport = httpx.ASGITransport(self.app, client=(address, 40_000))
        http = httpx.AsyncClient(transport=transport, base_url=URL, headers={"User-Agent": agent})
        return Person(http, token)

    async def log_in(self, login: str, password: str = PASSWORD, **more: Any) -> Person:
        """Return somebody who has logged in."""
        person = self.somebody()
        person.opened = await person.post("/auth/login", {"login": login, "password": password, **more})
        person.token = person.opened["access_token"]
        return person

    async def stop_clock(self) -> None:
        """Let the database's clock stand: what is counted in a minute is no matter of how fast a test goes, and when."""
        now_us = await self.owner.fetchval("SELECT identity.now_us()")
        await self.owner.execute(
            "CREATE OR REPLACE FUNCTION identity.now_us() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS"
            f" $$ SELECT {now_us}::bigint $$"
        )

    async def found(self) -> Person:
        """Return the first administrator of the platform."""
        token = await self.services.links.offer_founding()
        body = {"token": token, "login": "root@platform", "name": "Root", "password": PASSWORD}
        await self.somebody().post("/auth/founding", body, expect=204)
        return await self.log_in("root@platform")

    async def tenant(self, root: Person, name: str = "") -> str:
        """Make a tenant and return its id; the administrator has entered it."""
        made = await root.post("/tenants", {"name": name or f"Tenant {next(_numbers)}"}, expect=201)
        opened = await root.post("/auth/switch", {"tenant": made["id"]})
        root.token = opened["access_token"]
        id: str = made["id"]
        return id

    async def member(self, admin: Person, role: str, login: str = "", **more: Any) -> Person:
        """Return a new member of the tenant that an administrator works in."""
        login = login or f"{role}{next(_numbers)}@example.org"
        body = {"login": login, "name": f"One {role}", "role": role, **more}
        invited = await admin.post("/users", body, expect=201)
        token = invited["link"].partition("#")[2]
        await self.somebody().post("/auth/link/take", {"token": token, "password": PASSWORD}, expect=204)
        person = await self.log_in(login)
        person.opened["user"] = invited["user"]
        return person


@asynccontextmanager
async def serving(database: ServerDatabase, **settings: Any) -> AsyncIterator[Server]:
    """Yield a server with room for every request, unless told otherwise."""
    chosen = msgspec.structs.replace(database.settings, **{**ROOMY, **settings})
    owner = await asyncpg.connect(database.admin)
    try:
        async with opened(chosen) as app:
            yield Server(app, database, owner)
    finally:
        await owner.close()

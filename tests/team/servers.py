"""A server of the test's own that engines reach over TCP, plain or with a certificate of its own.

Counterpart: `tests/server/clients.py`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from sync_server.certificate import Certificate
from sync_server.main import opened
from sync_server.serving import Server as Listener
from sync_server.serving import configured
from tests.ports import free_port
from tests.server.clients import ROOMY, Person, Server
from tests.server.conftest import ServerDatabase


class _Quiet(Listener):
    """A server that leaves the test's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Stop when told."""
        yield


@dataclass
class Reached(Server):
    """A server at `url`."""

    url: str = ""

    async def invite(self, admin: Person, role: str, login: str, **more: Any) -> str:
        """Return an invitation of a new member of the tenant that an administrator works in."""
        body = {"login": login, "name": f"One {role}", "role": role, **more}
        link: str = (await admin.post("/users", body, expect=201))["link"]
        return link


@asynccontextmanager
async def listening(
    database: ServerDatabase, certificate: Path | None = None, port: int = 0, **settings: Any
) -> AsyncIterator[Reached]:
    """Yield a server on a port of this computer, where another may listen later; with a certificate and its key in a file it
    speaks TLS."""
    sock = socket.create_server(("127.0.0.1", port or free_port()), backlog=64)
    url = f"{'https' if certificate else 'http'}://127.0.0.1:{sock.getsockname()[1]}"
    shown = {"tls_cert": str(certificate or "")}
    chosen = msgspec.structs.replace(database.settings, **{**ROOMY, "public_url": url, **shown, **settings})
    owner = await asyncpg.connect(database.admin)
    try:
        async with opened(chosen) as app:
            config = configured(app, chosen, Certificate.of(chosen))
            server = _Quiet(config, app.state.hub, chosen)
            task = asyncio.get_running_loop().create_task(server.serve([sock]))
            try:
                yield Reached(app, database, owner, url)
            finally:
                server.should_exit = server.force_exit = True
                await task
    finally:
        sock.close()
        await owner.close()

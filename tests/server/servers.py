"""Several servers on one database, and a NATS between them or none. Counterpart: `sync_server/live/bus.py`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import UUID

import httpx
import pytest

from domain.sync import Welcome
from domain.vault import Secret
from tests.ports import free_port
from tests.server.clients import Person
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, Live, Replica, living
from tests.server.live_process import Process, process
from tools.nats import NatsServer

WAYS = ("postgresql", "nats")
TOKEN = "of who scrapes"
SCRAPED = {"metrics_token": Secret(TOKEN)}


def beat_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rooms beat several times a second."""
    monkeypatch.setattr("sync_server.live.room.HEARTBEAT_S", 0.3)
    monkeypatch.setattr("sync_server.live.room.TICK_S", 0.1)


@contextmanager
def nats(more: str = "", files: Mapping[str, bytes] | None = None) -> Iterator[NatsServer]:
    """Yield a nats-server that listens."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-nats-"))
    made = NatsServer(folder, more, files, free_port())
    try:
        made.start()
        yield made
    finally:
        made.kill()
        rmtree(folder, ignore_errors=True)


@dataclass
class Team:
    """A server in the test's loop, another as a process, and the NATS between them."""

    live: Live
    other: Process
    nats: NatsServer | None

    async def join_other(self, person: Person, install: UUID | None = None, **more: Any) -> Replica:
        """Return a replica at the server that is a process."""
        return await join_at(self.live, self.other, person, install, **more)

    @property
    def bus(self) -> Any:
        """The bus of the server in the test's loop."""
        return self.live.server.app.state.hub.bus


async def join_at(
    live: Live, server: Process, person: Person, install: UUID | None = None, **more: Any
) -> Replica:
    """Return a replica at some server of the team that has a snapshot."""
    install = install or await live.install(person)
    replica = await Live(live.server, server.live).connect(person, install, **more)
    replica.welcome = await replica.hear(Welcome)
    await replica.hear_all()
    return replica


@asynccontextmanager
async def two_servers(database: ServerDatabase, way: str, **settings: Any) -> AsyncIterator[Team]:
    """Yield two servers that tell each other by a way, one of them a process."""
    with by(way) as (server, address), process(database.requests, **settings, **address) as other:
        async with living(database, **settings, **address) as live:
            team = Team(live, other, server)
            await until(lambda: team.bus.is_up)
            yield team


@asynccontextmanager
async def two_here(
    database: ServerDatabase, way: str, **settings: Any
) -> AsyncIterator[tuple[Live, Live, NatsServer | None]]:
    """Yield two servers in the test's loop that tell each other by a way, and the NATS of it."""
    with by(way) as (server, address):
        async with (
            living(database, **settings, **address) as one,
            living(database, **settings, **address) as other,
        ):
            buses = [live.server.app.state.hub.bus for live in (one, other)]
            await until(lambda: all(bus.is_up for bus in buses))
            yield one, other, server


@contextmanager
def by(way: str) -> Iterator[tuple[NatsServer | None, dict[str, Any]]]:
    """Yield the NATS of a way, if it has one, and the settings of servers at it."""
    if way == "nats":
        with nats() as server:
            yield server, {"nats_url": Secret(f"nats://127.0.0.1:{server.port}")}
    else:
        yield None, {}


def figure_of(server: Process, name: str) -> Callable[[], Awaitable[int]]:
    """Return what tells a figure of a server that is a process, 0 where nothing was counted; it was given `SCRAPED`."""

    async def ask() -> int:
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            said = (await http.get(f"{server.address}/metrics", headers=headers)).text
        found = (line.split()[1] for line in said.splitlines() if line.startswith(name + " "))
        return int(float(next(found, "0")))

    return ask


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s, "it does not come to hold"
        await asyncio.sleep(0.02)

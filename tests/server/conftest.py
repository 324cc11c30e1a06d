"""A database on a real PostGIS for every test that asks for one."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url

from domain.vault import Secret
from migrations.guards import OWNER, REQUESTS
from sync_server.push.budgets import Budgets
from sync_server.settings import Settings
from tests import postgres

PATIENCE_S = 60.0
"""What nobody is to wait for and no test tries."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in a loop of its own, for ten minutes at most."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**given), 600))
    return True


@pytest.fixture(autouse=True, scope="module")
def patient() -> Iterator[None]:
    """Let a machine that is busy, or stands still for seconds, pass for no silence and no failure; who tests that sets it."""
    with pytest.MonkeyPatch.context() as changed:
        for name in (
            "live.line.DEAD_AFTER_S",
            "live.map_room.DEAD_AFTER_S",
            "health.CHECK_S",
            "watching.ASK_S",
            "api.hashing.ANSWER_S",
        ):
            changed.setattr(f"sync_server.{name}", PATIENCE_S)
        yield


@pytest.fixture(autouse=True, scope="module")
def unhurried() -> Iterator[None]:
    """Let who stood still keep what he holds, and who comes slowly come in: who tests how long either lasts sets it."""
    with pytest.MonkeyPatch.context() as changed:
        for name in (
            *(f"{room}.DEAD_AFTER_S" for room in ("crossings", "presence", "tunnel_door")),
            "greeting.HELLO_S",
            "presence.LEASE_S",
        ):
            changed.setattr(f"sync_server.live.{name}", PATIENCE_S)
        for name in ("HOLD_US", "BACK_US"):
            changed.setattr(f"sync_server.live.polling.{name}", round(PATIENCE_S * 1e6))
        yield


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have buckets of what is pushed fill at no time, however long a test takes."""
    now_s = time.monotonic()
    spend = Budgets.spend
    monkeypatch.setattr(Budgets, "spend", lambda budgets, *whose: spend(budgets, *whose[:2], now_s))


@pytest.fixture(scope="session")
def postgres_sockets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the socket folder of the cluster that all workers of this run share."""
    with postgres.shared_cluster(meeting_of(tmp_path_factory)) as sockets:
        yield sockets


def meeting_of(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of this run know."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def postgis(postgres_sockets: Path) -> Iterator[Engine]:
    """Yield an engine on an empty database with PostGIS."""
    with postgres.fresh_database(postgres_sockets, f"test_{uuid4().hex}") as name:
        yield from _engine_on(postgres_sockets, name)


@pytest.fixture
def bare_postgres(postgres_sockets: Path) -> Iterator[Engine]:
    """Yield an engine on an empty database that PostGIS has not been put into yet."""
    with postgres.fresh_database(postgres_sockets, f"test_{uuid4().hex}", "template0") as name:
        yield from _engine_on(postgres_sockets, name)


@dataclass(frozen=True)
class ServerDatabase:
    """A migrated database, and how its roles log in: who makes requests, the owner of the schema, a superuser."""

    name: str
    requests: str
    owner: str
    admin: str

    @property
    def settings(self) -> Settings:
        """A server's settings for it."""
        return Settings(database_url=Secret(self.requests), owner_database_url=Secret(self.owner), pool_min=0)

    def engine(self, url: str) -> Engine:
        """Return an engine (SQLAlchemy, psycopg) that logs in as one of the three."""
        return create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)


@pytest.fixture(scope="session")
def server_template(tmp_path_factory: pytest.TempPathFactory, postgres_sockets: Path) -> str:
    """Return the name of the template that databases of servers are copied from."""
    return postgres.server_template(meeting_of(tmp_path_factory), postgres_sockets)


@pytest.fixture
def server_database(postgres_sockets: Path, server_template: str) -> Iterator[ServerDatabase]:
    """Yield a new database of a server, migrated by its owner."""
    with postgres.fresh_database(postgres_sockets, f"test_{uuid4().hex}", server_template) as name:
        urls = (postgres.url_of(postgres_sockets, name, role) for role in (REQUESTS, OWNER, "postgres"))
        yield ServerDatabase(name, *urls)


def _engine_on(sockets: Path, name: str) -> Iterator[Engine]:
    url = make_url(postgres.url_of(sockets, name)).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool)
    yield engine
    engine.dispose()

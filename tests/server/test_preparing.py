"""Two who prepare a cluster at a time, from different databases of it: the second waits, and finds nothing left to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from domain.vault import Secret
from migrations.guards import OWNER, REQUESTS
from sync_server.preparing import make_roles, prepare
from tests import postgres
from tests.server.conftest import ServerDatabase

WAIT_S = 60.0
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "


@contextmanager
def held(address: str, statement: str) -> Iterator[Callable[[str, int], None]]:
    """Hold a lock until the block ends; yield what waits until so many statements wait for one."""
    with psycopg.connect(address) as holder, psycopg.connect(address, autocommit=True) as looker:

        def waiting(which: str, count: int) -> None:
            until_s = time.monotonic() + WAIT_S
            while looker.execute(WAITS + which).fetchone() != (count,):
                assert time.monotonic() < until_s, "nobody waits"
                time.sleep(0.01)

        holder.execute(statement)
        yield waiting


def test_roles_are_changed_by_one_at_a_time_from_whichever_database(
    server_database: ServerDatabase, postgres_sockets: Path
) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(postgres.url_of(postgres_sockets, "postgres")) as one,
        psycopg.connect(server_database.admin) as other,
        psycopg.connect(server_database.admin, autocommit=True) as looker,
    ):
        make_roles(one)
        second = pool.submit(make_roles, other)
        until_s = time.monotonic() + WAIT_S
        while looker.execute(f"{WAITS}pid = {other.info.backend_pid}").fetchone() != (1,):
            assert time.monotonic() < until_s and not second.done()
            time.sleep(0.01)
        one.commit()
        second.result(WAIT_S)


def test_a_database_that_two_make_at_the_same_moment_is_made_once(
    server_database: ServerDatabase, postgres_sockets: Path
) -> None:
    name = f"test_{uuid4().hex}"
    owner, requests = (Secret(postgres.url_of(postgres_sockets, name, role)) for role in (OWNER, REQUESTS))
    from_where = Secret(postgres.url_of(postgres_sockets, "postgres")), Secret(server_database.admin)
    try:
        with ThreadPoolExecutor(2) as pool:
            with held(server_database.admin, "LOCK TABLE pg_catalog.pg_database IN SHARE MODE") as waiting:
                made = [pool.submit(prepare, admin, owner, requests) for admin in from_where]
                waiting(f"query LIKE 'CREATE DATABASE \"{name}\"%'", 2)
            assert [one.result(WAIT_S) for one in made] == [name, name]
    finally:
        postgres.drop(postgres_sockets, name)

"""A migration of a database with data is cut off at its statements, and its process is killed: it is as it was, and goes on.

Counterparts: `test_schema_postgis.py`, an empty database; `sync_server/migrating.py` and `preparing.py`, which are killed.
One rule: what was there before is there after each cut, row by row.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from engine.storage import migration
from migrations.guards import OWNER, REQUESTS
from tests.engine.histories import Cut, check, migrate, raise_cut, stopped_at
from tools.cluster import running, url_of

OLD = "0010"
TENANT, PERSON, SECRET, SITE = (UUID(int=number) for number in range(1, 5))
PATIENCE_S = 120.0
KEPT = ("tenant", "site", "device", "identity.account", "identity.membership", "identity.secret")


@pytest.fixture(scope="module")
def own_sockets() -> Iterator[Path]:
    """Yield the sockets of a cluster of these tests alone: what is killed while it changes roles disturbs nobody."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with running(folder, {"max_connections": "40", "fsync": "off"}) as sockets:
            yield sockets
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def old(own_sockets: Path) -> Iterator[Engine]:
    """Yield an engine, the owner's, on a server's database of an older revision with a tenant's data."""
    name = f"test_{uuid4().hex}"
    assert prepare_at(own_sockets, name).wait(PATIENCE_S) == 0
    url = make_url(url_of(own_sockets, name, OWNER)).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool)
    try:
        migrate(engine, OLD)
        fill(engine)
        yield engine
    finally:
        engine.dispose()
        drop(own_sockets, name)


FILL = (
    f"SELECT set_config('heliograph.tenant', '{TENANT}', true)",
    f"INSERT INTO tenant (id, name) VALUES ('{TENANT}', 'One')",
    f"INSERT INTO site (tenant_id, id, name, region, note) VALUES ('{TENANT}', '{SITE}', 'S', '', '')",
    "INSERT INTO device (tenant_id, id, name, address, probes, role, site_id, subscribers, interval_s, paused, note)"
    f" SELECT '{TENANT}', gen_random_uuid(), 'D' || n, '10.0.0.' || n, '[]', 'access', '{SITE}', 0, 60, false, ''"
    " FROM generate_series(1, 50) AS n",
    f"INSERT INTO identity.account (id, login, name, made_us) VALUES ('{PERSON}', 'a@example.org', 'A', 1)",
    "INSERT INTO identity.membership (tenant_id, account_id, name, role, made_us)"
    f" VALUES ('{TENANT}', '{PERSON}', 'A', 'viewer', 1)",
    f"INSERT INTO identity.secret VALUES ('{TENANT}', '{SECRET}', decode(repeat('00', 28), 'hex'), 1, '{{}}', NULL)",
)
"""A tenant with devices, a person and a secret, as the older revision has them."""


def fill(engine: Engine) -> None:
    """Write a tenant's data."""
    with engine.begin() as connection:
        for statement in FILL:
            connection.exec_driver_sql(statement)


def kept(engine: Engine) -> tuple[str, dict[str, int], str]:
    """Return revision and how many rows there are, and a digest of what stands in the tables that stay as they are."""
    with engine.begin() as connection:
        connection.execute(text(f"SELECT set_config('heliograph.tenant', '{TENANT}', true)"))
        counts = {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in KEPT
        }
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        names = "SELECT md5(string_agg(d.name || s.name || d.address, '|' ORDER BY d.id)) FROM device d JOIN site s"
        digest = connection.execute(text(f"{names} ON s.id = d.site_id")).scalar_one()
    return revision, counts, digest


def test_a_migration_with_data_is_as_it_was_wherever_it_is_cut_off(old: Engine) -> None:
    before = kept(old)
    assert before[0] == OLD and all(before[1].values())
    number = 1
    while True:
        try:
            with stopped_at(old, number, raise_cut) as said:
                migrate(old)
        except Cut:
            assert kept(old) == before, said[-1]
            number += 1
        else:
            break  # it has fewer statements
    assert number > 20
    assert kept(old) == (migration.HEAD, *before[1:])
    check(old)


@pytest.mark.parametrize("table", ["identity.secret", "site"])
def test_a_migration_that_is_killed_while_it_works_is_as_it_was_and_runs_again(
    old: Engine, own_sockets: Path, table: str
) -> None:
    before = kept(old)
    name = str(old.url.database)
    with psycopg.connect(url_of(own_sockets, name), autocommit=True) as watcher:
        with psycopg.connect(url_of(own_sockets, name)) as holder:
            holder.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE".encode())
            process = migrate_at(own_sockets, name)
            until(watcher, "wait_event_type = 'Lock'", 1)
            process.kill()
            assert process.wait(PATIENCE_S) < 0
        until(watcher, f"usename = '{OWNER}'", 0)
    assert kept(old) == before
    assert migrate_at(own_sockets, name).wait(PATIENCE_S) == 0
    assert kept(old) == (migration.HEAD, *before[1:])
    check(old)


def test_a_preparation_that_is_killed_at_any_moment_runs_again(own_sockets: Path) -> None:
    name = f"test_{uuid4().hex}"
    try:
        for wait_s in (0.4, 0.6, 0.8, 1.0, 1.3):
            process = prepare_at(own_sockets, name)
            time.sleep(wait_s)
            process.kill()
            process.wait(PATIENCE_S)
        assert prepare_at(own_sockets, name).wait(PATIENCE_S) == 0
        assert migrate_at(own_sockets, name).wait(PATIENCE_S) == 0
    finally:
        drop(own_sockets, name)


def until(watcher: psycopg.Connection, condition: str, count: int) -> None:
    """Wait until so many other connections of the database are as told."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND "
    until_s = time.monotonic() + PATIENCE_S
    while (found := watcher.execute((asked + condition).encode()).fetchone()) is None or found[0] != count:
        assert time.monotonic() < until_s, f"{count} connections with {condition} expected, got {found}"
        time.sleep(0.05)


def prepare_at(sockets: Path, name: str) -> subprocess.Popen[bytes]:
    """Start to prepare a database."""
    return command(sockets, name, "prepare")


def migrate_at(sockets: Path, name: str) -> subprocess.Popen[bytes]:
    """Start to migrate a database."""
    return command(sockets, name, "migrate")


def command(sockets: Path, name: str, word: str) -> subprocess.Popen[bytes]:
    """Start a command of the server at a database."""
    said = {
        "DATABASE_URL": url_of(sockets, name, REQUESTS),
        "OWNER_DATABASE_URL": url_of(sockets, name, OWNER),
        "ADMIN_DATABASE_URL": url_of(sockets, "postgres"),
    }
    environment = {**os.environ, **{f"HELIOGRAPH_{key}": value for key, value in said.items()}}
    return subprocess.Popen(
        [sys.executable, "-m", "sync_server", word], env=environment, stderr=subprocess.DEVNULL
    )


def drop(sockets: Path, name: str) -> None:
    """Take a database away."""
    with psycopg.connect(url_of(sockets, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

"""The drill: a backup is taken while samples come in, the database is lost, and everything comes back with its guards."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine, insert, text

from domain.metrics import CATALOGUE
from domain.vault import Secret
from engine.storage import migration, tables
from engine.storage.migration import HEAD
from migrations.guards import OWNER, REQUESTS
from sync_server.backing_up import BackupFailed, back_up, check_restored, restore
from sync_server.database import Database, Work
from sync_server.migrating import migrate_to_head
from sync_server.preparing import prepare
from sync_server.samples import Cycle, Samples
from sync_server.sealing import Key
from tests import postgres
from tests.server.conftest import ServerDatabase
from tests.server.guards import holes_in
from tests.server.test_serving import run

ONE, TWO = UUID(int=1), UUID(int=2)
NOW_US = time.time_ns() // 1000


@contextmanager
def unmade(postgres_sockets: Path) -> Iterator[ServerDatabase]:
    """Yield the addresses of a database that is not there yet; it is dropped in the end."""
    name = f"test_{uuid4().hex}"
    yield ServerDatabase(
        name, *(postgres.url_of(postgres_sockets, name, role) for role in (REQUESTS, OWNER, "postgres"))
    )
    postgres.drop(postgres_sockets, name)


@pytest.fixture
def elsewhere(postgres_sockets: Path) -> Iterator[ServerDatabase]:
    """Yield the addresses of a database that is not there yet."""
    with unmade(postgres_sockets) as made:
        yield made


def settings_of(made: ServerDatabase, sockets: Path) -> dict[str, str]:
    """Return the settings of a server's commands on a database."""
    return {
        "HELIOGRAPH_DATABASE_URL": made.requests,
        "HELIOGRAPH_OWNER_DATABASE_URL": made.owner,
        "HELIOGRAPH_ADMIN_DATABASE_URL": postgres.url_of(sockets, "postgres"),
    }


async def fill(made: ServerDatabase) -> None:
    """Write two tenants' samples."""
    database = await Database.open(made.settings)
    try:
        samples = Samples(database, 3)
        schema = samples.learn([(CATALOGUE["rtt_ms"].key, "")])
        for tenant in (ONE, TWO):
            cycles = [Cycle(ONE, ONE, NOW_US - n, schema, struct.pack("<f", tenant.int)) for n in range(500)]
            assert (await samples.write(tenant, cycles, NOW_US)).rows == 500
    finally:
        await database.close()


def epoch_of(made: ServerDatabase) -> UUID:
    """Return what installs know a history by."""
    with made.engine(made.admin).connect() as connection:
        epoch: UUID = connection.execute(text("SELECT epoch FROM sync.epoch")).scalar_one()
    return epoch


async def seen_by(made: ServerDatabase, tenant: UUID | None) -> int:
    """Return how many samples the requests' role sees for a tenant."""
    database = await Database.open(made.settings)
    try:
        async with database.transaction(Work(tenant)) as transaction:
            return int(await transaction.fetchval("SELECT count(*) FROM sample"))
    finally:
        await database.close()


def test_the_drill(
    server_database: ServerDatabase, elsewhere: ServerDatabase, postgres_sockets: Path, tmp_path: Path
) -> None:
    with server_database.engine(server_database.admin).begin() as connection:
        for key, tenant in enumerate((ONE, TWO), 1):
            connection.execute(insert(tables.tenant), {"key": key, "id": tenant, "name": f"Tenant {key}"})
        connection.execute(text("SELECT keep_partitions(:now_us, 3, 30, 1)"), {"now_us": NOW_US})
    asyncio.run(fill(server_database))
    file = tmp_path / "heliograph.dump"
    done = run("backup", str(file), **settings_of(server_database, postgres_sockets))
    assert done.returncode == 0, done.stderr
    assert {one.name for one in tmp_path.iterdir()} == {file.name, f"{file.name}.manifest"}
    assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == {0o600}
    said = json.loads(done.stderr.splitlines()[-1])
    assert (said["size_bytes"], said["sealed"]) == (file.stat().st_size, False)

    done = run("restore", str(file), **settings_of(elsewhere, postgres_sockets))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stderr.splitlines()[-1])
    assert (said["event"], said["tenants"], said["checked"]) == ("restored", 2, True)
    assert asyncio.run(seen_by(elsewhere, ONE)) == 500
    assert asyncio.run(seen_by(elsewhere, None)) == 0
    with elsewhere.engine(elsewhere.admin).connect() as connection:
        assert holes_in(connection) == []
    assert epoch_of(elsewhere) != epoch_of(server_database), "installs see that it was restored"
    assert run("migrate", **settings_of(elsewhere, postgres_sockets)).returncode == 0
    done = run("check", str(file), **settings_of(elsewhere, postgres_sockets))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stderr.splitlines()[-1])
    assert (said["event"], said["rows"] > 1000) == ("checked", True)

    again = run("restore", str(file), **settings_of(elsewhere, postgres_sockets))
    assert again.returncode == 4
    assert "is not empty" in again.stderr
    assert asyncio.run(seen_by(elsewhere, ONE)) == 500


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ("DELETE FROM sample WHERE ctid = (SELECT ctid FROM sample LIMIT 1)", "rows, "),
        (
            "INSERT INTO tenant (key, id, name) VALUES (9, gen_random_uuid(), 'X')",
            "public.tenant has 1 rows, 0 expected",
        ),
        ("ALTER TABLE device DISABLE ROW LEVEL SECURITY", "public.device has no row-level security"),
        ("DROP POLICY own_rows ON identity.hook", "identity.hook is guarded by"),
        ("UPDATE alembic_version SET version_num = '0001'", "revision 0001, "),
    ],
)
def test_what_did_not_come_back_as_it_was_is_said_and_not_served(
    server_database: ServerDatabase, postgres_sockets: Path, tmp_path: Path, spoilt: str, said: str
) -> None:
    admin, requests = Secret(postgres.url_of(postgres_sockets, "postgres")), Secret(server_database.requests)
    file = tmp_path / "b"
    with server_database.engine(server_database.admin).begin() as connection:
        connection.execute(text("SELECT keep_partitions(:now_us, 3, 30, 1)"), {"now_us": NOW_US})
    if "sample" in spoilt:
        with server_database.engine(server_database.admin).begin() as connection:
            connection.execute(insert(tables.tenant), {"key": 1, "id": ONE, "name": "One"})
            connection.execute(insert(tables.tenant), {"key": 2, "id": TWO, "name": "Two"})
        asyncio.run(fill(server_database))
    back_up(admin, requests, file)
    assert check_restored(admin, requests, file) is not None
    with psycopg.connect(server_database.admin) as connection:
        connection.execute(spoilt)
    with pytest.raises(BackupFailed, match=said):
        check_restored(admin, requests, file)
    (tmp_path / "b.manifest").write_text("{}")
    with pytest.raises(BackupFailed, match="no manifest of a backup"):
        check_restored(admin, requests, file)


def test_a_backup_of_the_version_before_brings_that_version_back(
    elsewhere: ServerDatabase, postgres_sockets: Path, tmp_path: Path
) -> None:
    admin, file = Secret(postgres.url_of(postgres_sockets, "postgres")), tmp_path / "before"
    before = f"{int(HEAD) - 1:04}"
    with unmade(postgres_sockets) as old:
        owner, requests = Secret(old.owner), Secret(old.requests)
        prepare(admin, owner, requests)
        with old.engine(old.owner).begin() as connection:
            command.upgrade(migration.config_for(connection), before)
        with psycopg.connect(old.admin) as superuser:
            superuser.execute("INSERT INTO tenant (key, id, name) VALUES (1, gen_random_uuid(), 'North')")
        back_up(admin, requests, file)
        assert migrate_to_head(owner) == HEAD
        with pytest.raises(BackupFailed, match=f"revision {HEAD}, {before} expected"):
            check_restored(admin, requests, file)
    restored = restore(admin, Secret(elsewhere.owner), Secret(elsewhere.requests), file)
    assert (restored.revision, restored.tenants, restored.checked) == (before, 1, True)
    assert migrate_to_head(Secret(elsewhere.owner)) == HEAD, "and forward again"


def test_half_a_backup_leaves_nothing_and_a_whole_one_can_follow(
    server_database: ServerDatabase, elsewhere: ServerDatabase, postgres_sockets: Path, tmp_path: Path
) -> None:
    file, half = tmp_path / "whole", tmp_path / "half"
    assert run("backup", str(file), **settings_of(server_database, postgres_sockets)).returncode == 0
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    done = run("restore", str(half), **settings_of(elsewhere, postgres_sockets))
    assert done.returncode == 4
    assert "pg_restore failed" in done.stderr
    with create_engine(elsewhere.admin.replace("postgresql:", "postgresql+psycopg:")).connect() as connection:
        assert connection.execute(text("SELECT to_regclass('public.tenant')")).scalar_one() is None
    assert run("restore", str(file), **settings_of(elsewhere, postgres_sockets)).returncode == 0


def test_a_backup_overwrites_nothing_and_one_that_fails_leaves_no_file(
    server_database: ServerDatabase, postgres_sockets: Path, tmp_path: Path
) -> None:
    file = tmp_path / "heliograph.dump"
    file.write_text("the last good one")
    settings = settings_of(server_database, postgres_sockets)
    done = run("backup", str(file), **settings)
    assert (done.returncode, file.read_text()) == (4, "the last good one")
    settings["HELIOGRAPH_DATABASE_URL"] = postgres.url_of(postgres_sockets, "no_such_database", REQUESTS)
    done = run("backup", str(tmp_path / "other"), **settings)
    assert done.returncode == 4
    assert [path.name for path in tmp_path.iterdir()] == ["heliograph.dump"]


def test_a_sealed_backup_is_opened_by_its_key_alone_and_is_never_in_the_clear(
    server_database: ServerDatabase, elsewhere: ServerDatabase, postgres_sockets: Path, tmp_path: Path
) -> None:
    name = "Canary tenant of the drill"
    with server_database.engine(server_database.admin).begin() as connection:
        connection.execute(insert(tables.tenant), {"key": 1, "id": ONE, "name": name})
    keys = [tmp_path / "ours.key", tmp_path / "spare.key", tmp_path / "theirs.key"]
    made = [run("backup-key", str(key)) for key in keys]
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600] * 3
    assert run("backup-key", str(keys[0])).returncode == 1, "a key is never written over"
    recipients = ", ".join(one.stdout.strip() for one in made[:2])
    clear, file = tmp_path / "clear", tmp_path / "sealed"
    source = settings_of(server_database, postgres_sockets)
    assert run("backup", str(clear), **source).returncode == 0
    done = run("backup", str(file), HELIOGRAPH_BACKUP_RECIPIENTS=recipients, **source)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["sealed"] is True
    assert clear.read_bytes()[:5] == b"PGDMP"
    sealed = file.read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1\n")
    assert b"PGDMP" not in sealed
    assert keys[0].read_text().strip() not in done.stderr

    target = settings_of(elsewhere, postgres_sockets)
    cut, changed = tmp_path / "cut", tmp_path / "changed"
    cut.write_bytes(sealed[:-20])
    changed.write_bytes(sealed[:-200] + bytes([sealed[-200] ^ 1]) + sealed[-199:])
    for wrong, key, code, said in (
        (file, None, 2, "BACKUP_IDENTITY is missing"),
        (file, keys[2], 4, "cannot be opened"),
        (cut, keys[0], 4, "cannot be opened"),
        (changed, keys[0], 4, "cannot be opened"),
    ):
        given = {} if key is None else {"HELIOGRAPH_BACKUP_IDENTITY_FILE": str(key)}
        done = run("restore", str(wrong), **given, **target)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    with psycopg.connect(target["HELIOGRAPH_ADMIN_DATABASE_URL"]) as connection:
        there = connection.execute("SELECT FROM pg_database WHERE datname = %s", [elsewhere.name]).fetchone()
    assert there is None, "what cannot be opened makes not even a database"

    done = run("restore", str(file), HELIOGRAPH_BACKUP_IDENTITY_FILE=str(keys[1]), **target)
    assert done.returncode == 0, done.stderr
    with elsewhere.engine(elsewhere.admin).connect() as connection:
        assert connection.execute(text("SELECT name FROM tenant")).scalar_one() == name
        assert holes_in(connection) == []


def test_a_sealed_backup_that_fails_leaves_no_file_and_a_wrong_key_makes_none(
    server_database: ServerDatabase, postgres_sockets: Path, tmp_path: Path
) -> None:
    settings = settings_of(server_database, postgres_sockets)
    recipient = run("backup-key", str(tmp_path / "key")).stdout.strip()
    done = run(
        "backup", str(tmp_path / "b"), HELIOGRAPH_BACKUP_RECIPIENTS=f"{recipient},age1nonsense", **settings
    )
    assert (done.returncode, "number 2 is none" in done.stderr) == (2, True)
    done = run("backup", str(tmp_path / "b"), HELIOGRAPH_BACKUP_RECIPIENTS=" , ", **settings)
    assert (done.returncode, "there is none" in done.stderr) == (2, True)
    settings["HELIOGRAPH_DATABASE_URL"] = postgres.url_of(postgres_sockets, "no_such_database", REQUESTS)
    done = run("backup", str(tmp_path / "b"), HELIOGRAPH_BACKUP_RECIPIENTS=recipient, **settings)
    assert (done.returncode, "cannot be read" in done.stderr) == (4, True)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_full_disk_and_a_file_that_changes_while_it_is_put_back_are_said(
    server_database: ServerDatabase,
    elsewhere: ServerDatabase,
    postgres_sockets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin, key, file = Secret(postgres.url_of(postgres_sockets, "postgres")), Key(), tmp_path / "b"
    source, owner, target = map(Secret, (server_database.requests, elsewhere.owner, elsewhere.requests))
    opened = os.open

    def open_full(path: Any, *more: Any, **named: Any) -> int:
        return (
            opened("/dev/full", os.O_WRONLY) if path == tmp_path / "b.part" else opened(path, *more, **named)
        )

    with monkeypatch.context() as full:
        full.setattr(os, "open", open_full)
        with pytest.raises(BackupFailed, match="No space left"):
            back_up(admin, source, file, key.recipient)
    back_up(admin, source, file, key.recipient)
    monkeypatch.setattr("sync_server.backing_up.check", lambda *_: None)  # as if it changed after
    whole = file.read_bytes()
    for changed in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:30] + b"?" + whole[31:]):
        file.write_bytes(changed)
        with pytest.raises(BackupFailed, match="changed while it was put back"):
            restore(admin, owner, target, file, key.identity)
    with psycopg.connect(elsewhere.admin) as connection:
        assert connection.execute("SELECT to_regclass('public.tenant')").fetchone() == (None,)

"""Backup and restore of a server's database by PostgreSQL's own programs. Counterpart: `preparing.py`, which makes the ground.

Theory: a backup is one moment of the whole database (`pg_dump`, custom format), read while the server serves. It is taken and
put back by a superuser, since row-level security holds even the schema's owner. Roles belong to the cluster and not to the
database: `prepare` makes them first, then owners, rights and policies come back with the tables. What installs were told since
is not there any more: a restore raises the epoch, by which they see it. With keys to seal to (`sealing.py`) nothing of it is
ever on a disk in the clear.
One rule: a restore happens whole or not at all, and never over a database that has something in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.vault import Secret
from sync_server.preparing import prepare
from sync_server.recovery import Manifest, differences, manifest_of, path_of, read_manifest
from sync_server.sealing import NotOpened, NotSealed, check, is_sealed, seal, unseal

LIBPQ = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
"""What of an address goes into the environment of PostgreSQL's programs: arguments are seen by everybody on a machine."""
SAID_CAP = 2_000
NO_IDENTITY = Secret("")
WAITS = "--lock-wait-timeout=60s"
"""How long pg_dump waits for a table: who drops one waits for the moment that the manifest is of, and pg_dump for him."""


class BackupFailed(Exception):
    """A backup or a restore did not happen; the text is for the administrator."""


class Backup(NamedTuple):
    """A backup that was made; `sealed`: nobody reads it without a key."""

    size_bytes: int
    sealed: bool
    took_s: float


class Restored(NamedTuple):
    """A backup that was put back: the revision it has, how many tenants, how long it took; `checked` against its manifest."""

    revision: str
    tenants: int
    took_s: float
    checked: bool


class Checked(NamedTuple):
    """A database that is as its backup's manifest says: tables and rows that were compared."""

    tables: int
    rows: int


def back_up(admin: Secret, requests: Secret, path: Path, recipients: str = "") -> Backup:
    """Write the database that `requests` names into a new file, as the superuser of `admin`, sealed to `recipients` if any.

    Raises BackupFailed, SettingRefused, OSError. The file has its name when it is whole and on disk; only its owner may read it.
    """
    name, started_s = _database_of(requests), time.monotonic()
    if path.exists():
        raise BackupFailed(f"{path} is there already")
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    beside = path_of(path)
    beside.unlink(missing_ok=True)
    try:
        handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb", buffering=0) as stream, _moment(admin, name) as (snapshot, manifest):
            command = ["pg_dump", "--format=custom", "--no-password", f"--snapshot={snapshot}", WAITS]
            if sealed := bool(recipients.strip()):
                with _running(admin, name, command, stdout=subprocess.PIPE) as dump:
                    assert dump.stdout is not None
                    try:
                        seal(dump.stdout, stream, recipients)
                    except NotSealed as error:
                        raise BackupFailed(f"{path} was not written: {error}") from None
            else:
                with _running(admin, name, command, stdout=stream.fileno()):
                    pass
            os.fsync(stream.fileno())
        beside.touch(0o600)
        beside.write_bytes(msgspec.json.encode(manifest))
        part.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    finally:
        part.unlink(missing_ok=True)
    return Backup(path.stat().st_size, sealed, time.monotonic() - started_s)


def restore(
    admin: Secret, owner: Secret, requests: Secret, path: Path, identity: Secret = NO_IDENTITY
) -> Restored:
    """Make roles and database where they are missing, put a backup into it, look at what came; `identity` opens a sealed one.

    Raises BackupFailed, SettingRefused, psycopg.Error, OSError; nothing of the backup is there then.
    """
    started_s = time.monotonic()
    with path.open(
        "rb", buffering=0
    ) as stream:  # whoever puts it back reads the file itself, from where this one stands
        if sealed := is_sealed(stream):
            try:
                check(stream, identity)
            except (NotOpened, OSError) as error:
                raise BackupFailed(f"{path} cannot be opened: {error}") from None
        name = prepare(admin, owner, requests)
        with psycopg.connect(admin.value, dbname=name) as connection:
            if connection.execute("SELECT to_regclass('public.tenant')").fetchone() != (None,):
                raise BackupFailed(f"the database {name} is not empty: drop it, or name another")
        command = [
            "pg_restore",
            "--no-password",
            "--single-transaction",
            "--exit-on-error",
            f"--dbname={name}",
        ]
        if sealed:
            with _running(admin, name, command, stdin=subprocess.PIPE) as putting:
                assert putting.stdin is not None
                try:
                    unseal(stream, putting.stdin, identity)
                except BrokenPipeError:
                    raise  # pg_restore has ended, and says why
                except (NotOpened, OSError) as error:
                    raise BackupFailed(f"{path} changed while it was put back: {error}") from None
                putting.stdin.close()
        else:
            with _running(admin, name, command, stdin=stream.fileno()):
                pass
    with psycopg.connect(admin.value, dbname=name, autocommit=True) as connection:
        raise_epoch(connection)
        connection.execute("ANALYZE")
        found = connection.execute(
            "SELECT version_num, (SELECT count(*) FROM tenant) FROM alembic_version"
        ).fetchone()
    if found is None:
        raise BackupFailed(f"{path} is no backup of a server: it has no revision")
    has_manifest = check_restored(admin, requests, path) is not None
    return Restored(str(found[0]), int(found[1]), time.monotonic() - started_s, has_manifest)


def check_restored(admin: Secret, requests: Secret, path: Path) -> Checked | None:
    """Hold the database that `requests` names against the manifest of a backup; None where it has none, and only the guards were
    looked at. Raises BackupFailed where anything is another, psycopg.Error, OSError."""
    try:
        expected = read_manifest(path)
    except ValueError as error:
        raise BackupFailed(str(error)) from None
    with psycopg.connect(admin.value, dbname=_database_of(requests)) as connection:
        if wrong := differences(expected, connection):
            said = "; ".join(wrong)
            raise BackupFailed(f"what is there is not what was backed up, do not serve it: {said}")
    return None if expected is None else Checked(len(expected.rows), sum(expected.rows.values()))


def raise_epoch(connection: psycopg.Connection) -> None:
    """Have every install told everything anew, and send anew what it has: what was confirmed since the backup is gone."""
    if connection.execute("SELECT to_regclass('sync.epoch')").fetchone() != (None,):
        connection.execute("UPDATE sync.epoch SET epoch = gen_random_uuid()")


@contextmanager
def _moment(admin: Secret, name: str) -> Iterator[tuple[str, Manifest]]:
    """Yield a snapshot that pg_dump may read by as long as this lasts, and the manifest of it. Raises BackupFailed."""
    try:
        with psycopg.connect(admin.value, dbname=name, autocommit=True) as connection:
            connection.execute("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0")
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert row is not None
            yield str(row[0]), manifest_of(connection)
    except psycopg.Error as error:
        raise BackupFailed(f"the database {name} cannot be read: {error}") from None


def _database_of(address: Secret) -> str:
    name = conninfo_to_dict(address.value).get("dbname")
    if not name:
        raise BackupFailed("the address of the requests' role names no database")
    return str(name)


@contextmanager
def _running(
    admin: Secret, name: str, command: list[str], stdin: int | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of PostgreSQL's programs as the superuser, to its end; where the caller fails it is killed. Raises BackupFailed."""
    if shutil.which(command[0]) is None:
        raise BackupFailed(
            f"{command[0]} is not here: install PostgreSQL's client programs (postgresql-client)"
        )
    asked = conninfo_to_dict(admin.value)
    env = {LIBPQ[key]: str(value) for key, value in asked.items() if key in LIBPQ and value is not None}
    with (
        TemporaryFile() as said,
        subprocess.Popen(
            command,
            env={**os.environ, **env, "PGDATABASE": name},
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout if stdout is not None else subprocess.DEVNULL,
            stderr=said,
            bufsize=0,  # nothing is left to be written to one that has ended
        ) as process,
    ):
        try:
            yield process
        except BrokenPipeError:
            pass  # it has ended, and says why
        except BaseException:
            process.kill()
            raise
        if process.wait():
            said.seek(0)
            words = said.read().decode("utf-8", "replace").strip()[-SAID_CAP:]
            raise BackupFailed(f"{command[0]} failed: {words}")

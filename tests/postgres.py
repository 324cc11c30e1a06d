"""A PostgreSQL with PostGIS of the tests' own: no port, no system service, gone with the last test that uses it.

Theory: the workers of a run share one cluster. Whoever is first, under a file lock, starts a *keeper*, this file as a
process; every worker leaves a file with its process id beside it. The keeper starts the cluster (as an unprivileged user
when it is root: PostgreSQL refuses root), and when none of those processes lives it stops it and deletes everything, also
after a kill -9 of the whole run. A test gets a database of its own, copied from a template that has PostGIS.
One rule: a missing PostgreSQL or PostGIS is a failure that says what to install, never a skip.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from domain.vault import Secret
from migrations.guards import OWNER, REQUESTS
from sync_server.migrating import migrate_to_head
from sync_server.preparing import allow_login, make_ground, make_roles
from tools.cluster import NoPostgres, binaries, give_away, url_of

START_CAP_S = 90.0
POLL_S = 0.2
TEMPLATE = "heliograph_template"
SERVER_TEMPLATE = "heliograph_server_template"
ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "shared_preload_libraries": "postgis-3",
}


@contextmanager
def shared_cluster(meeting: Path) -> Iterator[Path]:
    """Yield the socket folder of the run's cluster; `meeting` is a folder that all workers of the run know."""
    users = meeting / "postgres-users"
    users.mkdir(parents=True, exist_ok=True)
    mine = users / str(os.getpid())
    with (meeting / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mine.touch()
        ready = meeting / "postgres.json"
        if not _serves(ready):
            ready.unlink(missing_ok=True)
            _start_keeper(meeting, ready)
    try:
        yield Path(json.loads(ready.read_text())["sockets"])
    finally:
        mine.unlink(missing_ok=True)


@contextmanager
def fresh_database(sockets: Path, name: str, template: str = TEMPLATE) -> Iterator[str]:
    """Yield the name of a new database that is dropped afterwards."""
    _ask(sockets, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield name
    finally:
        drop(sockets, name)


def drop(sockets: Path, name: str) -> None:
    """Drop a database if it is there; PostgreSQL waits for who is thrown out for five seconds only."""
    until_s = time.monotonic() + START_CAP_S
    while True:
        try:
            _ask(sockets, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            return
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > until_s:
                raise


def server_template(meeting: Path, sockets: Path) -> str:
    """Return the name of a template of a server's database, made once a run: owned and migrated by the owner of the schema."""
    with (meeting / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = meeting / "postgres-server-template"
        if not made.exists():
            with psycopg.connect(host=str(sockets), user="postgres", dbname="postgres") as connection:
                make_roles(connection)
                allow_login(connection, OWNER, None)
                allow_login(connection, REQUESTS, None)
            _ask(sockets, f"DROP DATABASE IF EXISTS {SERVER_TEMPLATE}")
            _ask(sockets, f"CREATE DATABASE {SERVER_TEMPLATE} TEMPLATE {TEMPLATE} OWNER {OWNER}")
            with psycopg.connect(host=str(sockets), user="postgres", dbname=SERVER_TEMPLATE) as connection:
                make_ground(connection)
            migrate_to_head(Secret(url_of(sockets, SERVER_TEMPLATE, OWNER)))
            made.touch()
    return SERVER_TEMPLATE


def _ask(sockets: Path, statement: str, database: str = "postgres") -> None:
    with psycopg.connect(host=str(sockets), user="postgres", dbname=database, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def _serves(ready: Path) -> bool:
    try:
        _ask(Path(json.loads(ready.read_text())["sockets"]), "SELECT 1")
    except (FileNotFoundError, psycopg.OperationalError):
        return False
    return True


def _start_keeper(meeting: Path, ready: Path) -> None:
    said = meeting / "postgres-keeper.log"
    with said.open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres", str(meeting)],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until_s = time.monotonic() + START_CAP_S
    while not ready.exists():
        if keeper.poll() is not None or time.monotonic() > until_s:
            raise NoPostgres(f"the tests' PostgreSQL did not start:\n{said.read_text()[-4000:]}")
        time.sleep(POLL_S / 4)


# The keeper


def keep(meeting: Path) -> None:
    """Run a cluster while any process that is named in the meeting's folder lives."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    who = give_away(folder)
    server: subprocess.Popen[bytes] | None = None
    try:
        bin, data = binaries(), folder / "data"
        made = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([bin / "initdb", *made], check=True, **who)
        options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        command = [bin / "postgres", "-D", data, "-k", folder, *options]
        server = subprocess.Popen(command, start_new_session=True, **who)
        _make_template(folder, server)
        part = meeting / "postgres.json.part"
        part.write_text(json.dumps({"sockets": str(folder)}))
        part.replace(meeting / "postgres.json")
        while server.poll() is None and _anybody(meeting / "postgres-users"):
            time.sleep(POLL_S)
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGQUIT)
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _make_template(sockets: Path, server: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + START_CAP_S
    while True:
        try:
            _ask(sockets, f"CREATE DATABASE {TEMPLATE}")
            break
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until_s:
                raise
            time.sleep(POLL_S / 4)
    _ask(sockets, "CREATE EXTENSION postgis", TEMPLATE)


def _anybody(users: Path) -> bool:
    if not users.is_dir():
        return False
    return any(_lives(int(path.name)) for path in users.iterdir())


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    keep(Path(sys.argv[1]))

"""A PostgreSQL of our own: the system's programs, a private data folder, no port. Counterpart: `./dev server`, tests and benches.

Theory: the cluster is reached through a socket in a folder that only its user (and root) can enter, so nobody needs a password.
PostgreSQL refuses to run as root; for root it is run as `postgres` or `nobody`.
One rule: what is missing is named with what to install.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

START_CAP_S = 90.0
POLL_S = 0.05


class NoPostgres(Exception):
    """PostgreSQL 15 or later with PostGIS is needed, and it is not here or does not start."""


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL that is installed, 15 or later."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found = [path for path in found if path.parent.name.isdigit() and int(path.parent.name) >= 15]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    raise NoPostgres("no PostgreSQL 15 or later: apt-get install postgresql postgresql-15-postgis-3")


def give_away(folder: Path) -> dict[str, Any]:
    """Let whoever is to run PostgreSQL own a folder; return how `subprocess` runs a program as that user."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": folder}
    raise NoPostgres("as root, PostgreSQL is run as 'postgres' or 'nobody', and neither user exists")


@contextmanager
def running(folder: Path, settings: Mapping[str, str], within: Sequence[str] = ()) -> Iterator[Path]:
    """Run a cluster whose data lies in a folder, made where there is none; yield the folder of its socket. Raises NoPostgres.

    `within`: the words of a program that makes what PostgreSQL is to run in, and becomes it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    who = give_away(folder)
    sockets = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    give_away(sockets)
    server: subprocess.Popen[bytes] | None = None
    try:
        bin, data = binaries(), folder / "data"
        with (folder / "postgres.log").open("ab") as log:
            if not (data / "PG_VERSION").exists():
                made: list[str | Path] = [
                    "-D",
                    data,
                    "-U",
                    "postgres",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                ]
                subprocess.run([bin / "initdb", *made], check=True, stdout=log, stderr=log, **who)
            options = [f"-c{name}={value}" for name, value in {**settings, "listen_addresses": ""}.items()]
            command: list[str | Path] = [*within, bin / "postgres", "-D", data, "-k", sockets, *options]
            server = subprocess.Popen(command, start_new_session=True, stdout=log, stderr=log, **who)
        _wait(sockets, server, folder)
        yield sockets
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGINT)  # fast: clients are cut off, everything is on disk
            server.wait()
        shutil.rmtree(sockets, ignore_errors=True)


def url_of(sockets: Path, database: str, role: str = "postgres") -> str:
    """Return the address of a database as libpq and asyncpg take it."""
    return f"postgresql://{role}@/{database}?host={sockets}"


def _wait(sockets: Path, server: subprocess.Popen[bytes], folder: Path) -> None:
    until_s = time.monotonic() + START_CAP_S
    while True:
        try:
            psycopg.connect(url_of(sockets, "postgres")).close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > until_s:
                left = folder / "data" / "postmaster.pid"
                if (
                    server.poll() is not None and left.exists()
                ):  # it is another's: ours would have taken it along
                    raise NoPostgres(
                        f"PostgreSQL runs on {folder} already, as process {left.read_text().split()[0]}: stop what started it;"
                        " if that was killed, end PostgreSQL with kill -INT and that number"
                    ) from None
                said = (folder / "postgres.log").read_text("utf-8", "replace")[-2000:]
                raise NoPostgres(f"PostgreSQL did not start ({error}):\n{said}") from None
            time.sleep(POLL_S)

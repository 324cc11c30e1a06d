"""A PostgreSQL on a disk of a few megabytes of its own, to be filled. Counterpart: `tools/cluster.py`, which runs it.

Theory: a file system in memory is mounted where only PostgreSQL's own processes see it, in namespaces of their own: no root is
needed, and nothing is left however the test ends. What fills it is a file that PostgreSQL's superuser writes.
One rule: the disk is full as disks are, by ENOSPC of the kernel, for data and for PostgreSQL's log alike.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from migrations.guards import OWNER, REQUESTS
from tests.server.conftest import ServerDatabase
from tests.server.test_kills import prepared
from tools.cluster import running, url_of

MEGABYTE = 1 << 20
_ON_A_DISK = (
    'mkdir "$0/disk" && mount -t tmpfs -o "size=$1,mode=700" none "$0/disk" && cp -a "$0/data" "$0/disk/"'
    ' && mount --bind "$0/disk/data" "$0/data" && shift && exec setpriv --inh-caps=-all --ambient-caps=-all "$@"'
)


@dataclass
class SmallDisk:
    """A server's database on it."""

    database: ServerDatabase
    folder: Path

    def fill(self) -> None:
        """Write until there is no room at all."""
        ballast = self.folder / "disk" / "ballast"
        self._ask(f"head -c 1G /dev/zero > {ballast} || true")

    def make_room(self) -> None:
        """Take away what filled it."""
        self._ask(f"rm {self.folder / 'disk' / 'ballast'}")

    def _ask(self, command: str) -> None:
        with psycopg.connect(self.database.admin, autocommit=True) as connection:
            statement = sql.SQL("COPY (SELECT) TO PROGRAM {}").format(sql.Literal(command))
            connection.execute(statement)


@contextmanager
def small_disk(free_bytes: int) -> Iterator[SmallDisk]:
    """Yield a server's database on a disk that has so much room."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with prepared(folder) as sockets, psycopg.connect(url_of(sockets, "hg")) as connection:
            connection.execute("DELETE FROM tenant")  # tenants are made over the API here
        used = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
        spaces = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount"]
        within = [*spaces, "sh", "-c", _ON_A_DISK, str(folder), str(used + free_bytes)]
        with running(folder, {"max_connections": "40"}, within) as sockets:
            urls = (url_of(sockets, "hg", role) for role in (REQUESTS, OWNER, "postgres"))
            yield SmallDisk(ServerDatabase("hg", *urls), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

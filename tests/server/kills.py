"""What tests and benches of faults kill, and how they count what was lost. Counterpart: `cycle_sender.py`, which sends.

One rule: only what the sender has said to be acknowledged counts, and only what a superuser finds on disk is there.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import psycopg

from migrations.guards import REQUESTS
from tests.server.cycle_sender import AT_ONCE
from tools.cluster import url_of

PATIENCE_S = 120.0
"""Of a busy machine; how fast it really recovers is the bench's figure."""


class Sender:
    """The process that sends, and what was acknowledged to it."""

    def __init__(self, sockets: Path, run: int, database: str) -> None:
        self._admin = url_of(sockets, database)
        self._run = run
        self.acknowledged: list[tuple[int, int]] = []
        self._rest = b""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.server.cycle_sender",
                url_of(sockets, database, REQUESTS),
                str(run),
            ],
            stdout=subprocess.PIPE,
        )

    def listen(self, lines: int) -> None:
        """Wait for so many more acknowledgements."""
        wanted, until_s = len(self.acknowledged) + lines, time.monotonic() + PATIENCE_S
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < until_s, "nothing is acknowledged any more"
            assert self._process.poll() is None, "the sender ended"
            self._read(1.0)

    def kill(self) -> None:
        """Kill it, and hear what it had said."""
        self._process.kill()
        self._process.wait()
        self.drain()

    def drain(self) -> None:
        """Hear what it has said up to now."""
        while self._read(0.0):
            pass

    def _read(self, wait_s: float) -> bool:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        if not select.select([handle], [], [], wait_s)[0]:
            return False
        data = os.read(handle, 65_536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.acknowledged += [(int(a), int(b)) for a, b in (line.split() for line in lines)]
        return bool(data)

    def lost(self) -> int:
        """Return how many acknowledged cycles are not on disk."""
        lost = 0
        with psycopg.connect(self._admin) as connection:
            for sender, first_us in self.acknowledged:
                row = connection.execute(
                    "SELECT count(*) FROM sample JOIN sample_source s ON s.key = source_key"
                    " WHERE s.device_id = %s AND at_us >= %s AND at_us < %s",
                    [UUID(int=self._run * 1000 + sender), first_us, first_us + AT_ONCE],
                ).fetchone()
                assert row is not None
                lost += AT_ONCE - row[0]
        return lost


def backends(sockets: Path) -> list[int]:
    """Return the processes that serve the sender."""
    with psycopg.connect(url_of(sockets, "postgres")) as connection:
        asked = "SELECT pid FROM pg_stat_activity WHERE usename = %s"
        return [row[0] for row in connection.execute(asked, [REQUESTS]).fetchall()]


def processes(sockets: Path) -> list[int]:
    """Return all of PostgreSQL's processes, the one that starts the others first."""
    with psycopg.connect(url_of(sockets, "postgres")) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    first = int((Path(row[0]) / "postmaster.pid").read_text().splitlines()[0])
    return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]

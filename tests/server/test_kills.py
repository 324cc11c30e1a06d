"""Killed at random moments under load, server or database, stopped or full: what was acknowledged is on disk."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from domain.vault import Secret
from migrations.guards import OWNER, REQUESTS
from sync_server.migrating import migrate_to_head
from sync_server.preparing import prepare
from tests.server.cycle_sender import AT_ONCE
from tools.cluster import running, url_of

ROUNDS = 3
LINES_A_ROUND = 40
PATIENCE_S = 120.0
"""Of a busy machine; how fast it really recovers is the bench's figure."""


@pytest.fixture(scope="module")
def durable() -> Iterator[Path]:
    """Yield the sockets of a cluster that keeps what it commits, with a server's database."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with running(folder, {"max_connections": "40", "restart_after_crash": "on"}) as sockets:
            owner = Secret(url_of(sockets, "hg", OWNER))
            prepare(Secret(url_of(sockets, "postgres")), owner, Secret(url_of(sockets, "hg", REQUESTS)))
            migrate_to_head(owner)
            with psycopg.connect(url_of(sockets, "hg")) as connection:
                connection.execute("INSERT INTO tenant (key, id, name) VALUES (1, %s, 'One')", [UUID(int=1)])
                connection.execute("SELECT keep_partitions(%s, 3, 30, 1)", [time.time_ns() // 1000])
            yield sockets
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Sender:
    """The process that sends, and what was acknowledged to it."""

    def __init__(self, sockets: Path, run: int) -> None:
        self.run = run
        self.acknowledged: list[tuple[int, int]] = []
        self._rest = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.cycle_sender", url_of(sockets, "hg", REQUESTS), str(run)],
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

    def lost(self, sockets: Path) -> int:
        """Return how many acknowledged cycles are not on disk."""
        lost = 0
        with psycopg.connect(url_of(sockets, "hg")) as connection:
            for sender, first_us in self.acknowledged:
                row = connection.execute(
                    "SELECT count(*) FROM sample JOIN sample_source s ON s.key = source_key"
                    " WHERE s.device_id = %s AND at_us >= %s AND at_us < %s",
                    [UUID(int=self.run * 1000 + sender), first_us, first_us + AT_ONCE],
                ).fetchone()
                assert row is not None
                lost += AT_ONCE - row[0]
        return lost


def backends(sockets: Path) -> list[int]:
    """Return the processes that serve the sender."""
    with psycopg.connect(url_of(sockets, "postgres")) as connection:
        asked = "SELECT pid FROM pg_stat_activity WHERE usename = %s"
        return [row[0] for row in connection.execute(asked, [REQUESTS]).fetchall()]


def test_a_killed_server_has_lost_nothing_that_it_acknowledged(durable: Path) -> None:
    for number in range(ROUNDS):
        sender = Sender(durable, number + 1)
        try:
            sender.listen(LINES_A_ROUND + number)
        finally:
            sender.kill()
        assert sender.lost(durable) == 0


def test_a_killed_database_has_lost_nothing_and_the_server_goes_on_by_itself(durable: Path) -> None:
    dice = random.Random(7)
    sender = Sender(durable, 100)
    try:
        for _ in range(ROUNDS):
            sender.listen(LINES_A_ROUND)
            os.kill(dice.choice(backends(durable)), signal.SIGKILL)  # PostgreSQL throws all away and recovers
        sender.listen(LINES_A_ROUND)
    finally:
        sender.kill()
    assert sender.lost(durable) == 0


def test_a_database_that_stands_still_is_waited_for(durable: Path) -> None:
    sender = Sender(durable, 200)
    try:
        sender.listen(LINES_A_ROUND)
        stopped = backends(durable)
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        time.sleep(6)  # longer than a statement may take
        for process in stopped:
            os.kill(process, signal.SIGCONT)
        sender.listen(LINES_A_ROUND)
    finally:
        sender.kill()
    assert sender.lost(durable) == 0

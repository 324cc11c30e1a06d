"""Killed at random moments under load, server or database, stopped or full: what was acknowledged is on disk."""

from __future__ import annotations

import asyncio
import random
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import psycopg
import pytest

from domain.metrics import CATALOGUE
from domain.vault import Secret
from migrations.guards import OWNER, REQUESTS
from sync_server.database import Database
from sync_server.migrating import migrate_to_head
from sync_server.preparing import prepare
from sync_server.samples import Cycle, Samples
from sync_server.settings import Settings
from tests.server.kills import Sender, crash, processes, tell
from tools.cluster import running, url_of

ROUNDS = 3
LINES_A_ROUND = 40
ONE = UUID(int=1)
FULL_BYTES = 18 << 20
"""More than a segment of PostgreSQL's log, less than the day's samples are to have: no file may become larger."""


@contextmanager
def prepared(folder: Path) -> Iterator[Path]:
    """Yield the sockets of a cluster that keeps what it commits, with a server's database and a tenant."""
    with running(folder, {"max_connections": "40"}) as sockets:
        owner = Secret(url_of(sockets, "hg", OWNER))
        prepare(Secret(url_of(sockets, "postgres")), owner, Secret(url_of(sockets, "hg", REQUESTS)))
        migrate_to_head(owner)
        with psycopg.connect(url_of(sockets, "hg")) as connection:
            connection.execute("INSERT INTO tenant (id, name) VALUES (%s, 'One')", [ONE])
            connection.execute("SELECT keep_partitions(%s, 3, 30, 1)", [time.time_ns() // 1000])
        yield sockets


@pytest.fixture(scope="module")
def durable() -> Iterator[Path]:
    """Yield the sockets of a cluster for all tests that kill it."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with prepared(folder) as sockets:
            yield sockets
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_killed_server_has_lost_nothing_that_it_acknowledged(durable: Path) -> None:
    for number in range(ROUNDS):
        sender = Sender(durable, number + 1, "hg")
        try:
            sender.listen(LINES_A_ROUND + number)
        finally:
            sender.kill()
        assert sender.lost() == 0


def test_a_killed_database_has_lost_nothing_and_the_server_goes_on_by_itself(durable: Path) -> None:
    dice = random.Random(7)
    sender = Sender(durable, 100, "hg")
    try:
        for _ in range(ROUNDS):
            sender.listen(LINES_A_ROUND)
            crash(durable, dice)
            sender.drain()  # from here on what is heard was acknowledged since
        sender.listen(LINES_A_ROUND)
    finally:
        sender.kill()
    assert sender.lost() == 0


def test_a_database_that_stands_still_is_waited_for(durable: Path) -> None:
    sender = Sender(durable, 200, "hg")
    try:
        sender.listen(LINES_A_ROUND)
        stopped = processes(durable)
        tell(stopped, signal.SIGSTOP)
        time.sleep(6)  # longer than a statement may take
        sender.drain()
        tell(stopped, signal.SIGCONT)
        sender.listen(LINES_A_ROUND)
    finally:
        sender.kill()
    assert sender.lost() == 0


async def fill(sockets: Path, first: int, batches: int) -> tuple[int, bool]:
    """Write wide cycles; return how many were acknowledged, and whether the database took no more."""
    series = [(CATALOGUE["if_in_bps"].key, f"ether{number:03}") for number in range(450)]
    database = await Database.open(Settings(database_url=Secret(url_of(sockets, "hg", REQUESTS)), pool_min=0))
    samples, acknowledged, now_us = Samples(database, 3), 0, time.time_ns() // 1000
    schema, data = samples.learn(series), bytes(4 * len(series))
    try:
        for batch in range(first, first + batches):
            at = [now_us - 500 * batch - n for n in range(500)]
            cycles = [Cycle(ONE, ONE, at_us, schema, data) for at_us in at]
            try:
                acknowledged += (await samples.write(ONE, cycles, now_us)).rows
            except (OSError, asyncpg.PostgresError):
                return acknowledged, True
        return acknowledged, False
    finally:
        await database.close()


def test_a_disk_that_is_full_refuses_what_it_cannot_hold_and_keeps_what_it_has() -> None:
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, hard))  # PostgreSQL inherits it
        try:
            with prepared(folder) as sockets:
                acknowledged, is_full = asyncio.run(fill(sockets, 0, 40))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert is_full
        with running(folder, {}) as sockets:
            assert asyncio.run(fill(sockets, 100, 1)) == (500, False)
            with psycopg.connect(url_of(sockets, "hg")) as connection:
                found = connection.execute("SELECT count(*) FROM sample").fetchone()
        assert found == (acknowledged + 500,)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

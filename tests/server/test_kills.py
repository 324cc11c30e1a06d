"""Killed at random moments under load, server or database, stopped or full: what was acknowledged is on disk."""

from __future__ import annotations

import os
import random
import shutil
import signal
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
from tests.server.kills import Sender, backends, processes
from tools.cluster import running, url_of

ROUNDS = 3
LINES_A_ROUND = 40


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
            os.kill(dice.choice(backends(durable)), signal.SIGKILL)  # PostgreSQL throws all away and recovers
        sender.listen(LINES_A_ROUND)
    finally:
        sender.kill()
    assert sender.lost() == 0


def test_a_database_that_stands_still_is_waited_for(durable: Path) -> None:
    sender = Sender(durable, 200, "hg")
    try:
        sender.listen(LINES_A_ROUND)
        stopped = processes(durable)
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        time.sleep(6)  # longer than a statement may take
        for process in stopped:
            os.kill(process, signal.SIGCONT)
        sender.listen(LINES_A_ROUND)
    finally:
        sender.kill()
    assert sender.lost() == 0

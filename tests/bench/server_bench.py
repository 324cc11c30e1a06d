"""A server's database for benches: its own cluster, durable as in production, migrated, with tenants.

Counterpart: `tools/cluster.py`, which runs it. One rule: nothing is made faster by losing what was acknowledged.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import uvloop

from domain.vault import Secret
from migrations.guards import OWNER, REQUESTS
from sync_server.migrating import migrate_to_head
from sync_server.preparing import prepare
from sync_server.settings import Settings
from tools.cluster import running, url_of

NAME = "heliograph"
TENANTS = 10
TUNED = {"shared_buffers": "1GB", "max_wal_size": "4GB", "wal_compression": "lz4"}
"""What any guide to PostgreSQL says for a machine of this size; `fsync` and `synchronous_commit` stay on."""
RAW_DAYS = 3
T = TypeVar("T")


@contextmanager
def bench_database() -> Iterator[tuple[Settings, str]]:
    """Yield the settings of a server with ten tenants and days for samples, and how a superuser logs in."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-bench-", dir="/var/tmp"))
    try:
        with running(folder, TUNED) as sockets:
            admin, owner, requests = (
                Secret(url_of(sockets, *who)) for who in (("postgres",), (NAME, OWNER), (NAME, REQUESTS))
            )
            prepare(admin, owner, requests)
            migrate_to_head(owner)
            superuser = url_of(sockets, NAME)
            with psycopg.connect(superuser, autocommit=True) as connection:
                for key in range(1, TENANTS + 1):
                    connection.execute(
                        "INSERT INTO tenant (key, id, name) VALUES (%s, %s, %s)",
                        [key, UUID(int=key), str(key)],
                    )
                connection.execute(
                    "SELECT keep_partitions(%s, %s, 30, 1)", [time.time_ns() // 1000, RAW_DAYS]
                )
            yield Settings(database_url=requests, raw_days=RAW_DAYS), superuser
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Do a piece of work on the loop that a server has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of all is not above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]

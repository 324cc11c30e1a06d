"""A team on real parts: a laptop that was away for a month, with 10,000 edits; a fresh install that joins 20,000 devices.

Counterpart: `bench_sync.py`, the same in the model. One rule: engines on a disk, PostGIS as durable as in production; server and
engine share one process here, so each figure holds the work of both.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg

from engine.compose import new_id
from tests.bench.server_bench import bench_database, run_loop
from tests.server.conftest import ServerDatabase
from tests.team.away import change_meanwhile, come_back, found, work_for_a_month
from tests.team.engines import join, running, team
from tests.team.servers import listening

EDITS = int(os.environ.get("HELIOGRAPH_BENCH_EDITS", "10000"))
AWAY_DEVICES = 1_000
JOINED = 20_000
PRUNE_EVERY_H = 1
PROBES = json.dumps([{"kind": "icmp"}])


def run() -> dict[str, float]:
    """Return the figures."""
    figures: dict[str, float] = {}
    for measure in (_joined, _away):
        with _database() as database, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            figures |= run_loop(measure(database, Path(folder)))
    return figures


async def _away(database: ServerDatabase, folder: Path) -> dict[str, float]:
    async with listening(database) as server:
        port = int(server.url.rpartition(":")[2])
        (mara, joe), made = await found(server, folder, AWAY_DEVICES)
    began_s = time.monotonic()
    notes = await work_for_a_month(mara, made, EDITS, PRUNE_EVERY_H)
    worked_s = time.monotonic() - began_s
    async with listening(database, port=port) as server:
        theirs = await change_meanwhile(joe, made)
        away = await come_back(server, mara, notes, theirs)
    assert away.edits == EDITS, "all were on the disk after the kill"
    return {
        "real_edits": EDITS,
        "real_month_s": worked_s,
        "real_start_s": away.start_s,
        "real_merge_s": away.merge_s,
        "real_clashed": away.tray,
    }


async def _joined(database: ServerDatabase, folder: Path) -> dict[str, float]:
    async with listening(database) as server:
        await team(server, folder)
        root = await server.log_in("root@platform")
        _fill(database.admin)
        login = "mara@example.org"
        tenant = await server.owner.fetchval("SELECT tenant_id FROM device LIMIT 1")
        root.token = (await root.post("/auth/switch", {"tenant": str(tenant)}))["access_token"]
        await server.member(root, "engineer", login)
        began_s = time.monotonic()
        profile = await join(folder / "mara", server, login)
        joined_s = time.monotonic() - began_s
        async with running(profile) as mara:
            await mara.until(lambda: mara.team.is_synced and mara.team.synced_us)
            took_s = time.monotonic() - began_s
            assert len(mara.state.inventory.tables["device"]) == JOINED
    return {"join_20k_s": joined_s, "snapshot_20k_s": took_s}


def _fill(superuser: str) -> None:
    """Put devices, each with its status, into the one tenant that people made."""
    ids = [new_id() for _ in range(JOINED)]
    with psycopg.connect(superuser) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE tenant SET revision = revision + 1 RETURNING id, revision")
        tenant, revision = cursor.fetchone() or (None, 0)
        vantage = UUID(int=1)
        cursor.executemany(
            "INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note, place)"
            " VALUES (%s, %s, %s, %s, %s, 'access', 3, 30, true, 'key at the baker',"
            " ST_SetSRID(ST_MakePoint(9 + random(), 47 + random()), 4326))",
            [
                (tenant, id, f"router {n}", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", PROBES)
                for n, id in enumerate(ids)
            ],
        )
        cursor.executemany(
            "INSERT INTO health (tenant_id, device_id, vantage, status, since_us, heard_us, probes, reason)"
            " VALUES (%s, %s, %s, 'up', 1, 1, '{}', '')",
            [(tenant, id, vantage) for id in ids],
        )
        cursor.executemany(
            "INSERT INTO sync.touched VALUES (%s, %s, %s, %s)",
            [(tenant, kind, id, revision) for id in ids for kind in ("device", "health")],
        )


@contextmanager
def _database() -> Iterator[ServerDatabase]:
    with bench_database() as (settings, superuser):
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("DELETE FROM tenant")
            connection.execute("SELECT setval(pg_get_serial_sequence('tenant', 'key'), 10)")
        yield ServerDatabase("heliograph", settings.database_url.value, superuser, superuser)

"""The drill at size: a server's database is backed up, lost, put back, checked, and a server on it answers people again.

Figures: `database_mb` (on disk; HELIOGRAPH_BENCH_MB asks for it, 200 else), `rows`, `backup_s`, `backup_mb`; `restore_s`, with
the check of every table's rows and guards; `serving_s`, from the start of the server to what is asked of it; `rto_s`: from the
start of the restore until somebody has logged in, seen a list of devices and a chart.
One rule: what is asked of the server that came back is asked over HTTP, and what it shows was there before the loss.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from domain.vault import Secret
from migrations.guards import OWNER, REQUESTS
from sync_server.backing_up import back_up, restore
from sync_server.database import Database
from sync_server.samples import Cycle, Samples
from sync_server.settings import PREFIX, Settings
from tests.bench.bench_http import _DEVICES, SECRET, URL, _serving
from tests.bench.bench_ingest import WIDE, packed, series_of
from tests.bench.server_bench import RAW_DAYS, TENANTS, bench_database, run_loop
from tools.cluster import url_of

MEGABYTES = int(os.environ.get("HELIOGRAPH_BENCH_MB", "200"))
DEVICES = 500
"""Of each tenant."""
ROW_BYTES = 500
STEP_US = 30_000_000
LOGIN = {"login": "root@bench", "password": "a good long password"}
_MORE = """
    INSERT INTO sample (source_key, at_us, schema_key, tenant_key, data)
    SELECT source_key, at_us - n * %s::bigint, schema_key, tenant_key, data FROM sample, generate_series(1, %s) n
"""


def run() -> dict[str, Any]:
    """Return the figures."""
    with bench_database() as (settings, superuser):
        device = _fill(settings, superuser)
        sockets = Path(superuser.partition("host=")[2])
        asked_before = _found_and_ask(settings, device)
        admin = Secret(url_of(sockets, "postgres"))
        owner, requests = (Secret(url_of(sockets, "elsewhere", role)) for role in (OWNER, REQUESTS))
        with psycopg.connect(superuser, autocommit=True) as connection:
            row = connection.execute(
                "SELECT pg_database_size(current_database()), (SELECT count(*) FROM sample)"
            ).fetchone()
            assert row is not None
        file = sockets.parent / f"{sockets.name}.dump"
        try:
            made = back_up(admin, settings.database_url, file)
            started_s = time.monotonic()
            restored = restore(admin, owner, requests, file)
        finally:
            for one in (file, file.with_name(file.name + ".manifest")):
                one.unlink(missing_ok=True)
        assert restored.checked
        before_s = time.monotonic()
        with _serving(Settings(database_url=requests, raw_days=RAW_DAYS)) as (port, _):
            serving_s = time.monotonic() - before_s
            asked_after = _ask(port, device)
            rto_s = time.monotonic() - started_s
    assert asked_after == asked_before, "another list or chart than before the loss"
    return {
        "database_mb": round(row[0] / 1e6),
        "rows": row[1],
        "backup_s": round(made.took_s, 1),
        "backup_mb": round(made.size_bytes / 1e6),
        "restore_s": round(restored.took_s, 1),
        "serving_s": round(serving_s, 1),
        "rto_s": round(rto_s, 1),
    }


def _fill(settings: Settings, superuser: str) -> UUID:
    """Give each tenant devices and each device cycles, until the database has its size; return a device of the first tenant."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        devices = {
            tenant: [row[0] for row in connection.execute(_DEVICES, [UUID(int=tenant), DEVICES]).fetchall()]
            for tenant in range(1, TENANTS + 1)
        }
        run_loop(_first_cycles(settings, devices))
        more = MEGABYTES * 1_000_000 // (TENANTS * DEVICES * ROW_BYTES)
        connection.execute(_MORE, [STEP_US, more])
        connection.execute("VACUUM ANALYZE")
    return devices[1][0]


async def _first_cycles(settings: Settings, devices: dict[int, list[UUID]]) -> None:
    database = await Database.open(settings)
    samples, dice, now_us = Samples(database, RAW_DAYS), random.Random(1), time.time_ns() // 1000
    schema = samples.learn(series_of(WIDE))
    try:
        for tenant, ids in devices.items():
            cycles = [Cycle(UUID(int=99), id, now_us, schema, packed(WIDE, dice)) for id in ids]
            await samples.write(UUID(int=tenant), cycles, now_us)
    finally:
        await database.close()


def _found_and_ask(settings: Settings, device: UUID) -> Any:
    """Make the platform's administrator on the server that is to be lost; return what he is shown there."""
    env = {
        **os.environ,
        f"{PREFIX}DATABASE_URL": settings.database_url.value,
        f"{PREFIX}SECRET": SECRET,
        f"{PREFIX}PUBLIC_URL": URL,
    }
    said = subprocess.run(
        [sys.executable, "-m", "sync_server", "found"], env=env, check=True, capture_output=True, text=True
    )
    token = said.stdout.strip().partition("#")[2]
    with _serving(settings) as (port, _):
        line = http.client.HTTPConnection("127.0.0.1", port)
        _send(line, "POST", "/auth/founding", {**LOGIN, "token": token, "name": "Root"})
        return _ask(port, device)


def _ask(port: int, device: UUID) -> Any:
    """Log in, enter the first tenant; return the names of its first devices and a chart of a day."""
    line = http.client.HTTPConnection("127.0.0.1", port)
    access = _send(line, "POST", "/auth/login", LOGIN)["access_token"]
    access = _send(line, "POST", "/auth/switch", {"tenant": str(UUID(int=1))}, access)["access_token"]
    listed = _send(line, "GET", "/devices?limit=50", None, access)
    to_us = (time.time_ns() // 1000 // 86_400_000_000 + 1) * 86_400_000_000
    asked = f"metric=if_in_bps&instance=ether7&from_us={to_us - 2 * 86_400_000_000}&to_us={to_us}"
    chart = _send(line, "GET", f"/devices/{device}/series?{asked}", None, access)
    assert len(listed) == 50 and chart["at_us"], "an empty list or chart"
    return [one["name"] for one in listed], chart


def _send(line: http.client.HTTPConnection, method: str, path: str, body: Any, access: str = "") -> Any:
    headers = {"Content-Type": "application/json", "Host": URL.removeprefix("http://")}
    headers |= {"Authorization": f"Bearer {access}"} if access else {}
    line.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
    answer = line.getresponse()
    data = answer.read()
    assert answer.status < 300, data[:300]
    return json.loads(data)["data"] if data else None

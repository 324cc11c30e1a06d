"""A box that holds 1 % of a tenant's 100,000 devices, asked of a server's database under row-level security.

Figures: `least_ms`, `p50_ms`, `p95_ms` of the box's devices as Python values, asked as a list asks: one statement that proves who
asks and sets the tenant; `whole_p50_ms`, `whole_p95_ms` in a transaction (begin, tenant set, the same, commit) where nobody is
proven; `devices` in a box, `begin_ms` of a transaction that asks nothing, `database_ms` (PostgreSQL's own time).
One rule: a second tenant's 10,000 devices stand in the same region, and none of them may be seen.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import Any
from uuid import UUID

import psycopg

from sync_server.database import Database, Standing, Work
from sync_server.settings import Settings
from tests.bench.bench_http import PERSON
from tests.bench.server_bench import bench_database, percentile, run_loop

DEVICES, OTHERS = 100_000, 10_000
ASKED = 500
BOX_DEG = 1.0
"""A hundredth of the region of ten degrees by ten."""
ONE = Work(UUID(int=1), UUID(int=5))
SESSION = UUID(int=6)
WHO = Standing(
    "identity.admit_user({0}, {1}, {2}, {3})", (ONE.id, SESSION, UUID(int=7), ONE.tenant), "(P,engineer,,f)"
)
_FILL = """
    INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note, place)
    SELECT %s, gen_random_uuid(), 'router ' || n, '10.' || n / 65025 || '.' || n / 255 %% 255 || '.' || n %% 255,
        '[]', 'access', 3, 30, false, 'key at the baker', ST_SetSRID(ST_MakePoint(random() * 10, random() * 10), 4326)
    FROM generate_series(1, %s) n
"""
_BOX = "SELECT id, lng, lat FROM devices_in_box($1, $2, $3, $4, 5000)"


def run() -> dict[str, Any]:
    """Return the figures."""
    with bench_database() as (settings, superuser):
        with psycopg.connect(superuser, autocommit=True) as connection:
            for tenant, count in ((1, DEVICES), (2, OTHERS)):
                connection.execute(_FILL, [UUID(int=tenant), count])
            connection.execute(
                PERSON, {"id": ONE.id, "session": SESSION, "tenant": ONE.tenant, "login": "somebody"}
            )
            connection.execute("VACUUM ANALYZE device")  # autovacuum does it within a minute
        return run_loop(_ask(settings))


async def _ask(settings: Settings) -> dict[str, Any]:
    database = await Database.open(settings)
    dice = random.Random(1)
    begun_ms, asked_ms, whole_ms, counts, own_ms = [], [], [], [], []
    try:
        for number in range(ASKED):
            west, south = dice.uniform(0, 10 - BOX_DEG), dice.uniform(0, 10 - BOX_DEG)
            box = west, south, west + BOX_DEG, south + BOX_DEG
            started_s = time.perf_counter()
            async with database.transaction(ONE):
                pass
            begun_ms.append((time.perf_counter() - started_s) * 1e3)
            started_s = time.perf_counter()
            counts.append(len(await database.read(ONE, WHO, _BOX, *box)))
            asked_ms.append((time.perf_counter() - started_s) * 1e3)
            started_s = time.perf_counter()
            async with database.transaction(ONE) as transaction:
                assert len(await transaction.fetch(_BOX, *box)) == counts[-1]
            whole_ms.append((time.perf_counter() - started_s) * 1e3)
            if number % 10 == 0:
                async with database.transaction(ONE) as transaction:
                    plan = await transaction.fetch(f"EXPLAIN ANALYZE {_BOX}", *box)
                own_ms.append(float(plan[-1][0].split()[2]))
    finally:
        await database.close()
    return {
        "least_ms": round(min(asked_ms), 2),
        "p50_ms": round(percentile(asked_ms, 0.5), 2),
        "p95_ms": round(percentile(asked_ms, 0.95), 2),
        "whole_p50_ms": round(percentile(whole_ms, 0.5), 2),
        "whole_p95_ms": round(percentile(whole_ms, 0.95), 2),
        "devices": round(statistics.mean(counts)),
        "begin_ms": round(percentile(begun_ms, 0.5), 2),
        "database_ms": round(percentile(own_ms, 0.5), 2),
    }

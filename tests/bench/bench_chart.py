"""A day of one series, to 500 points, among 100 million values that ingest wrote, under row-level security.

Figures: `least_ms`, `p50_ms`, `p95_ms` of a whole transaction (tenant set, sources, schemas, rows, merging) by wall clock,
`database_ms` (PostgreSQL's own time for the rows), `values` and `bytes_per_value` on disk with indexes, `written_per_s`.
One rule: rows come by `Samples.write`, cycle by cycle of all devices, as pollers send them; nothing is sorted afterwards.
"""

from __future__ import annotations

import os
import random
import time
from typing import Any
from uuid import UUID

import psycopg

from sync_server import charts
from sync_server.charts import Charts, Wanted
from sync_server.database import Database, Work
from sync_server.samples import Cycle, Samples
from sync_server.settings import Settings
from tests.bench.bench_ingest import VANTAGE, WIDE, device_of, packed, series_of
from tests.bench.server_bench import RAW_DAYS, TENANTS, bench_database, percentile, run_loop

MILLIONS = int(os.environ.get("HELIOGRAPH_BENCH_MILLIONS", "100"))
STEP_US = 30_000_000
CYCLES = 24 * 120
"""Of a device in a day."""
AT_ONCE = 8
"""Cycles of a device that go into a batch: four minutes."""
ASKED = 200
_SIZE = """
    SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'sample'::regclass
"""


def run() -> dict[str, Any]:
    """Return the figures."""
    with bench_database() as (settings, superuser):
        devices = max(1, MILLIONS * 1_000_000 // (WIDE * CYCLES * TENANTS))
        to_us = (time.time_ns() // 1000 // STEP_US) * STEP_US
        figures = run_loop(_fill(settings, devices, to_us - CYCLES * STEP_US))
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE sample")  # autovacuum does it in a while
            row = connection.execute(_SIZE).fetchone()
            assert row is not None
            figures["bytes_per_value"] = round(float(row[0]) / figures["values"], 2)
        return {**figures, **run_loop(_ask(settings, devices, to_us))}


async def _fill(settings: Settings, devices: int, from_us: int) -> dict[str, Any]:
    database = await Database.open(settings)
    samples, dice = Samples(database, RAW_DAYS), random.Random(1)
    schema = samples.learn(series_of(WIDE))
    datas = [packed(WIDE, dice) for _ in range(1_000)]
    now_us, started_s, rows = time.time_ns() // 1000, time.perf_counter(), 0
    try:
        for first in range(0, CYCLES, AT_ONCE):
            for tenant in range(1, TENANTS + 1):
                cycles = [
                    Cycle(
                        VANTAGE,
                        device_of(tenant, device),
                        from_us + (first + n) * STEP_US,
                        schema,
                        datas[dice.randrange(len(datas))],
                    )
                    for n in range(AT_ONCE)
                    for device in range(devices)
                ]
                rows += (await samples.write(UUID(int=tenant), cycles, now_us)).rows
    finally:
        await database.close()
    spent_s = time.perf_counter() - started_s
    return {"values": rows * WIDE, "written_per_s": round(rows * WIDE / spent_s)}


async def _ask(settings: Settings, devices: int, to_us: int) -> dict[str, Any]:
    database = await Database.open(settings)
    reader = Charts(Samples(database, RAW_DAYS), RAW_DAYS)
    dice, took_ms, own_ms = random.Random(3), [], []
    try:
        for number in range(ASKED):
            tenant, device = dice.randint(1, TENANTS), dice.randrange(devices)
            wanted = Wanted(
                device_of(tenant, device),
                "if_in_bps",
                f"ether{dice.randrange(WIDE)}",
                to_us - 86_400_000_000,
                to_us,
            )
            started_s = time.perf_counter()
            async with database.transaction(Work(UUID(int=tenant))) as transaction:
                found = await reader.points(transaction, wanted)
            took_ms.append((time.perf_counter() - started_s) * 1e3)
            assert len(found.at_us) > 400, len(found.at_us)
            if number % 10 == 0:
                async with database.transaction(Work(UUID(int=tenant))) as transaction:
                    sources = [row["key"] for row in await transaction.fetch(charts._SOURCES, wanted.device)]
                    keys = [row[0] for row in await transaction.fetch("SELECT key FROM sample_schema")]
                    span = wanted.from_us, wanted.to_us
                    plan = await transaction.fetch(
                        f"EXPLAIN ANALYZE {charts._RAW}", sources, *span, keys, [1] * len(keys)
                    )
                own_ms.append(float(plan[-1][0].split()[2]))
    finally:
        await database.close()
    return {
        "least_ms": round(min(took_ms), 1),
        "p50_ms": round(percentile(took_ms, 0.5), 1),
        "p95_ms": round(percentile(took_ms, 0.95), 1),
        "database_ms": round(percentile(own_ms, 0.5), 1),
    }

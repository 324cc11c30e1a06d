"""Packed cycles into a server's database, durable and under row-level security: how fast, and whether anything is lost.

Figures: `values_per_s` (cycles of 100 values of ten tenants, written one batch after the other, wall clock), `us_per_cycle` of
this process' CPU; then `messages_per_s` through the queue for `seconds` (a message is a cycle of ten values, sent by its time
whether or not others were acknowledged), `acknowledged`, `lost` (acknowledged and not on disk), `pushed_back`,
`ack_p50_ms`, `ack_p99_ms`, `us_per_message` of this process; `latest_ms` (the newest cycles of 1,000 devices, in one read).
One rule: what counts as lost is found by counting rows as a superuser, not by what the server says.
"""

from __future__ import annotations

import asyncio
import os
import random
import struct
import time
from typing import Any
from uuid import UUID

import psycopg

from domain.metrics import CATALOGUE
from engine.storage.samples import Series
from sync_server.database import Database, Work
from sync_server.ingest import Ingest, IngestFull
from sync_server.samples import Cycle, Samples
from sync_server.settings import Settings
from tests.bench.server_bench import RAW_DAYS, TENANTS, bench_database, percentile, run_loop

WIDE, NARROW = 100, 10
DEVICES = 1_000
"""Of each tenant."""
BATCH = 1_000
WRITTEN = 200
"""Batches of the first part: 20 million values."""
MESSAGES_PER_S = 20_000
SECONDS = int(os.environ.get("HELIOGRAPH_BENCH_SECONDS", "60"))
TICK_S = 0.02
VANTAGE = UUID(int=99)


def series_of(width: int) -> list[Series]:
    """Return so many series of a router's ports."""
    key = CATALOGUE["if_in_bps"].key
    return sorted((key, f"ether{number}") for number in range(width))


def packed(width: int, dice: random.Random) -> bytes:
    """Return a cycle's values."""
    base = dice.random() * 1e8
    return struct.pack(f"<{width}f", *[base + number * 1e5 for number in range(width)])


def device_of(tenant: int, number: int) -> UUID:
    """Return a device's id."""
    return UUID(int=tenant * 1_000_000 + number)


def run() -> dict[str, Any]:
    """Return the figures."""
    with bench_database() as (settings, superuser):
        figures = run_loop(_write(settings))
        before = _rows(superuser)
        pushed = run_loop(_push(settings))
        stored = _rows(superuser) - before
        latest = run_loop(_latest(settings))
        return {**figures, **pushed, "lost": pushed["acknowledged"] - stored, **latest}


def _rows(superuser: str) -> int:
    with psycopg.connect(superuser) as connection:
        row = connection.execute("SELECT count(*) FROM sample").fetchone()
        assert row is not None
        return int(row[0])


async def _write(settings: Settings) -> dict[str, float]:
    database = await Database.open(settings)
    samples, dice = Samples(database, RAW_DAYS), random.Random(1)
    schema = samples.learn(series_of(WIDE))
    now_us = time.time_ns() // 1000
    spent_s = spent_cpu_s = 0.0
    try:
        for number in range(WRITTEN):
            tenant, round_number = number % TENANTS + 1, number // TENANTS
            cycles = [
                Cycle(
                    VANTAGE,
                    device_of(tenant, device % DEVICES),
                    now_us - 3_600_000_000 + round_number * 30_000_000,
                    schema,
                    packed(WIDE, dice),
                )
                for device in range(BATCH)
            ]
            started_s, started_cpu_s = time.perf_counter(), time.process_time()
            written = await samples.write(UUID(int=tenant), cycles, now_us)
            spent_s += time.perf_counter() - started_s
            spent_cpu_s += time.process_time() - started_cpu_s
            assert written.rows == BATCH, written
    finally:
        await database.close()
    cycles_written = WRITTEN * BATCH
    return {
        "values_per_s": round(cycles_written * WIDE / spent_s),
        "cycles_per_s": round(cycles_written / spent_s),
        "us_per_cycle": round(spent_cpu_s / cycles_written * 1e6, 1),
    }


async def _push(settings: Settings) -> dict[str, Any]:
    database = await Database.open(settings)
    samples, dice = Samples(database, RAW_DAYS), random.Random(2)
    ingest = Ingest(samples, settings)
    schema = samples.learn(series_of(NARROW))
    devices = [[device_of(tenant, number) for number in range(DEVICES)] for tenant in range(TENANTS + 1)]
    datas = [packed(NARROW, dice) for _ in range(100)]
    acknowledged = pushed_back = sent = 0
    took_ms: list[float] = []
    cpu_s = time.process_time()

    async def push(tenant: int, cycles: list[Cycle]) -> None:
        nonlocal acknowledged, pushed_back
        started_s = time.perf_counter()
        try:
            taken = await ingest.put(UUID(int=tenant), cycles, time.time_ns() // 1000)
        except IngestFull:
            pushed_back += len(cycles)
            return
        acknowledged += len(cycles) - taken.refused
        took_ms.append((time.perf_counter() - started_s) * 1e3)

    began_s = time.perf_counter()
    began_us = time.time_ns() // 1000 - SECONDS * 1_000_000
    async with asyncio.TaskGroup() as pushes:
        while (spent_s := time.perf_counter() - began_s) < SECONDS:
            due = int(spent_s * MESSAGES_PER_S)
            while sent < due:
                tenant, at_us = sent // TENANTS % TENANTS + 1, began_us + sent
                cycles = [
                    Cycle(VANTAGE, devices[tenant][(sent + n) % DEVICES], at_us + n, schema, datas[n])
                    for n in range(TENANTS)
                ]
                pushes.create_task(push(tenant, cycles))
                sent += TENANTS
            await asyncio.sleep(TICK_S)
    await ingest.close()
    await database.close()
    return {
        "seconds": SECONDS,
        "messages_per_s": round(acknowledged / SECONDS),
        "us_per_message": round((time.process_time() - cpu_s) / sent * 1e6, 1),
        "acknowledged": acknowledged,
        "pushed_back": pushed_back,
        "ack_p50_ms": round(percentile(took_ms, 0.5)),
        "ack_p99_ms": round(percentile(took_ms, 0.99)),
    }


async def _latest(settings: Settings) -> dict[str, float]:
    database = await Database.open(settings)
    samples, took_ms = Samples(database, RAW_DAYS), []
    devices = [device_of(1, number) for number in range(DEVICES)]
    try:
        for _ in range(20):
            started_s = time.perf_counter()
            async with database.transaction(Work(UUID(int=1))) as transaction:
                assert len(await samples.latest(transaction, devices, time.time_ns() // 1000)) == DEVICES
            took_ms.append((time.perf_counter() - started_s) * 1e3)
    finally:
        await database.close()
    return {"latest_ms": round(percentile(took_ms, 0.5), 1)}

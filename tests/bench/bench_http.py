"""The server's API under load: one process, row-level security, audit and limits on, as in production.

Ten tenants of 1,000 devices each, with numbers; 70 % of requests list 50 devices, 20 % read a device's newest numbers,
10 % change a device (an edit, a revision, a row of the audit). Limits count and are far. Figures: `p50_ms`, `p95_ms`,
`p99_ms` from when each request was due, at `rate_per_s` (1,000, or HELIOGRAPH_BENCH_RATE), the rate that was reached, `failed`;
CPU per request of server, database and generator; and `sustained_per_s`: what the process answers when sixteen ask again at once.
One rule: what is not answered 200 counts as failed, and the database is durable.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg

from domain.roles import PERMISSIONS
from sync_server.database import Database
from sync_server.samples import Cycle, Samples
from sync_server.security.keyring import Keyring
from sync_server.security.tokens import ACCESS_S, AccessTokens, Claims
from sync_server.settings import PREFIX, Settings
from tests.bench.bench_ingest import RAW_DAYS, packed, series_of
from tests.bench.http_load import NEW, Plan, Told
from tests.bench.server_bench import TENANTS, bench_database, percentile, run_loop

DEVICES = 1_000
"""Of each tenant."""
PEOPLE = 5
"""Of each tenant, in turn."""
RATE_PER_S = float(os.environ.get("HELIOGRAPH_BENCH_RATE", "1000"))
SECONDS = float(os.environ.get("HELIOGRAPH_BENCH_SECONDS", "60"))
WARM_S = 5.0
CONNECTIONS, AT_ONCE = 64, 16
VARIETY = 2_000
"""Different requests of a kind."""
SECRET = "a secret of a bench that is worth nothing to anybody"
URL = "http://bench.test"
_CAPPED = ("LIMIT_API_PER_MIN", "LIMIT_MONITORING_PER_MIN", "LIMIT_TENANT_PER_MIN")
FAR = dict.fromkeys(_CAPPED, "1000000")
_DEVICES = """
    INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note, place)
    SELECT %s, gen_random_uuid(), 'router ' || n, '10.1.' || n / 250 || '.' || n %% 250, '[{"kind": "icmp"}]', 'access', 3, 30,
        false, 'key at the baker', ST_SetSRID(ST_MakePoint(random() * 10, random() * 10), 4326)
    FROM generate_series(1, %s) n RETURNING id
"""
_HEALTH = """
    INSERT INTO health (tenant_id, device_id, vantage, status, since_us, heard_us, probes, reason)
    SELECT %s, id, %s, 'up', 1, 1, '{}', '' FROM device WHERE tenant_id = %s
"""
PERSON = """
    WITH made AS (INSERT INTO identity.account (id, login, name, made_us) VALUES (%(id)s, %(login)s, 'P', 1)),
    joined AS (INSERT INTO identity.membership VALUES (%(tenant)s, %(id)s, 'P', 'engineer', NULL, 1, 1))
    INSERT INTO identity.session VALUES (%(session)s, %(id)s, %(tenant)s, 'program', '', '', 1, 1, 9e15)
"""


def run() -> dict[str, Any]:
    """Return the figures."""
    with bench_database() as (settings, superuser):
        devices = _fill(superuser)
        run_loop(_store(settings, devices))
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        kinds = _requests(superuser, devices)
        with _serving(settings) as (port, server):
            cores = sorted(os.sched_getaffinity(0))
            core = cores[-1] if len(cores) > 1 else None
            own = (f"/proc/{server}/stat",)

            def load(rate_per_s: float, seconds: float, connections: int) -> tuple[Told, float, float]:
                plan = Plan("127.0.0.1", port, kinds, rate_per_s, seconds, connections, core)
                before = _cpu_s(own), _cpu_s(_backends(superuser))
                told = subprocess.run(
                    [sys.executable, "-m", "tests.bench.http_load"],
                    input=msgspec.json.encode(plan),
                    stdout=subprocess.PIPE,
                    check=True,
                ).stdout
                after = _cpu_s(own), _cpu_s(_backends(superuser))
                found = msgspec.json.decode(told, type=Told)
                return found, after[0] - before[0], after[1] - before[1]

            load(0, WARM_S, AT_ONCE)
            fast, *_ = load(0, max(WARM_S, SECONDS / 4), AT_ONCE)
            told, server_s, database_s = load(RATE_PER_S, SECONDS, CONNECTIONS)
    took_ms = [one for kind in told.took_ms.values() for one in kind]
    count = len(took_ms)
    return {
        "rate_per_s": RATE_PER_S,
        "achieved_per_s": round(count / told.spent_s),
        "requests": count,
        "failed": count - told.statuses.get("200", 0),
        **{f"p{n}_ms": round(percentile(took_ms, n / 100), 1) for n in (50, 95, 99)},
        **{f"p99_{kind}_ms": round(percentile(took, 0.99), 1) for kind, took in told.took_ms.items()},
        "server_us": round(server_s / count * 1e6),
        "database_us": round(database_s / count * 1e6),
        "generator_us": round(told.cpu_s / count * 1e6),
        "generator_late_ms": round(told.late_ms, 1),
        "bytes": round(told.bytes / count),
        "sustained_per_s": round(sum(map(len, fast.took_ms.values())) / fast.spent_s),
    }


def _fill(superuser: str) -> dict[int, list[UUID]]:
    found: dict[int, list[UUID]] = {}
    with psycopg.connect(superuser, autocommit=True) as connection:
        for tenant in range(1, TENANTS + 1):
            rows = connection.execute(_DEVICES, [UUID(int=tenant), DEVICES]).fetchall()
            found[tenant] = [row[0] for row in rows]
            connection.execute(_HEALTH, [UUID(int=tenant), UUID(int=99), UUID(int=tenant)])
    return found


async def _store(settings: Settings, devices: dict[int, list[UUID]]) -> None:
    """Give each device the cycles of some minutes."""
    database = await Database.open(settings)
    samples, dice = Samples(database, RAW_DAYS), random.Random(1)
    schema, now_us = samples.learn(series_of(20)), time.time_ns() // 1000
    try:
        for tenant, ids in devices.items():
            for ago in range(20, 0, -1):
                at_us = now_us - ago * 30_000_000
                cycles = [Cycle(UUID(int=99), id, at_us, schema, packed(20, dice)) for id in ids]
                await samples.write(UUID(int=tenant), cycles, now_us)
    finally:
        await database.close()


def _requests(superuser: str, devices: dict[int, list[UUID]]) -> dict[str, tuple[float, list[str]]]:
    """Return whole requests of people who are logged in, by kind."""
    tokens, now_s = AccessTokens(Keyring([SECRET]), URL), int(time.time())
    heads: list[tuple[int, str]] = []
    with psycopg.connect(superuser, autocommit=True) as connection:
        for number in range(TENANTS * PEOPLE):
            tenant = number % TENANTS + 1
            who = {"id": uuid4(), "session": uuid4(), "tenant": UUID(int=tenant), "login": uuid4().hex}
            connection.execute(PERSON, who)
            may = tuple(sorted(PERMISSIONS["engineer"]))
            claims = Claims(who["id"], who["tenant"], who["session"], uuid4(), now_s, now_s + ACCESS_S, may)
            heads.append((tenant, f"Host: {URL}\r\nAuthorization: Bearer {tokens.sign(claims)}\r\n"))

    def text(number: int, method: str, path: str, body: str = "") -> str:
        more = ""
        if body:
            more = f"If-Match: *\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"{method} /api/v1{path} HTTP/1.1\r\n{heads[number % len(heads)][1]}{more}\r\n{body}"

    def device(number: int) -> UUID:
        return devices[heads[number % len(heads)][0]][number * 7 % DEVICES]

    turns = range(VARIETY)
    return {
        "list": (0.7, [text(n, "GET", "/devices?limit=50") for n in turns]),
        "latest": (0.2, [text(n, "GET", f"/devices/{device(n)}/metrics") for n in turns]),
        "change": (
            0.1,
            [text(n, "PATCH", f"/devices/{device(n)}", json.dumps({"note": NEW})) for n in turns],
        ),
    }


@contextmanager
def _serving(settings: Settings) -> Iterator[tuple[int, int]]:
    """Yield the port of a server that runs as in production, and its process."""
    given = {
        "DATABASE_URL": settings.database_url.value,
        "SECRET": SECRET,
        "PUBLIC_URL": URL,
        "LISTEN_PORT": "0",
        "RAW_DAYS": str(RAW_DAYS),
        **FAR,
    }
    environment = {**os.environ, **{PREFIX + name: value for name, value in given.items()}}
    log = Path("/var/tmp/heliograph-bench-http.log")
    with log.open("w") as said:
        process = subprocess.Popen([sys.executable, "-m", "sync_server", "run"], env=environment, stderr=said)
    try:
        yield _port_in(log, process), process.pid
    finally:
        process.terminate()
        process.wait()
        log.unlink()


def _port_in(log: Path, process: subprocess.Popen[bytes]) -> int:
    while True:
        for line in log.read_text().splitlines():
            if line.startswith("{") and (said := json.loads(line)).get("event") == "serving":
                return int(said["address"].rpartition(":")[2])
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)


def _backends(superuser: str) -> tuple[str, ...]:
    with psycopg.connect(superuser) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
    return tuple(f"/proc/{row[0]}/stat" for row in rows)


def _cpu_s(files: tuple[str, ...]) -> float:
    """Return what processes have used: user and system, of all their threads."""
    ticks = 0
    for file in files:
        try:
            fields = Path(file).read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")

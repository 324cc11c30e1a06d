"""Three workers beside a server share 3,000 devices; the one that also judges is killed where it stands.

Figures: `double_polls`: questions that a device got less than half its interval after another worker had asked it, from the
moment the work was shared on; `devices_skipped`: devices that nobody asked for longer than two intervals before the kill;
`takeover_s`: from the kill until the last device of the dead worker was asked by another; `takeover_p50_s`; `cpu_ms_per_poll` of
the workers and `server_cpu_ms_per_poll` of the server (PostgreSQL is not in it), both over the calm phase; `polls_per_s`;
`shares`: devices that each worker asked then; `up` devices in the database at the end, and how many were ever told to be `down`.
One rule: who asked is what the devices saw, by the port that the question came from.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from domain.ids import RANDOM_BYTES, uuid7
from tests.bench.bench_fanout import TENANT, found, tenant
from tests.bench.name_agent import RECORD
from tests.bench.server_bench import bench_database, percentile, run_loop
from tests.server.clients import PASSWORD
from tests.server.live_process import Process, process

WORKERS = 3
DEVICES = int(os.environ.get("HELIOGRAPH_BENCH_DEVICES", "3000"))
INTERVAL_S = 10.0
CALM_S, AFTER_S = 20.0, 25.0
PATIENCE_S = 60.0
FIRST = ipaddress.IPv4Address("127.18.0.1")
ROOT = Path(__file__).resolve().parents[2]


def run() -> dict[str, Any]:
    """Return the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heliograph-lease-")))
        settings, superuser = stack.enter_context(bench_database())
        token = run_loop(found(settings))
        server = stack.enter_context(process(settings.database_url.value))
        port = stack.enter_context(_name_servers(folder / "asked"))
        folders = run_loop(_join(server, token, folder))
        _fill(superuser, port)
        workers = [stack.enter_context(_worker(one)) for one in folders]
        figures = _measure(server, superuser, folder / "asked", workers)
    return {"devices": DEVICES, "workers": WORKERS, "interval_s": INTERVAL_S, **figures}


@contextmanager
def _name_servers(asked: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.bench.name_agent", "--first", str(FIRST), "--asked", str(asked)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as program:
        assert program.stdout is not None
        try:
            yield int(program.stdout.readline())
        finally:
            program.kill()


@contextmanager
def _worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "engine", "--profile", str(folder), "--collector"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as program:
        try:
            yield program
        finally:
            program.kill()


async def _join(server: Process, token: str, folder: Path) -> list[Path]:
    """Have the workers join a team as collectors; return their folders."""
    async with httpx.AsyncClient(base_url=server.address + "/api/v1", timeout=60) as http:
        await tenant(http, token)
        body = {"login": "boss@example.org", "name": "Boss", "role": "tenant_admin"}
        answer = await http.post("/users", json=body)
        answer.raise_for_status()
        link = server.address + "/link#" + answer.json()["data"]["link"].partition("#")[2]
    folders: list[Path] = []
    for number in range(WORKERS):
        who = [link] if number == 0 else [server.address, "--login", "boss@example.org"]
        named = ["--profile", str(folder / f"worker{number}"), "--computer", f"worker{number}"]
        command = [sys.executable, "-m", "engine", "join", *who, *named, "--collector", "--password-stdin"]
        await asyncio.to_thread(
            subprocess.run, command, input=PASSWORD.encode(), capture_output=True, check=True, cwd=ROOT
        )
        folders.append(folder / f"worker{number}" / "teams" / str(TENANT))
    return folders


def _fill(superuser: str, port: int) -> None:
    probes = json.dumps([{"kind": "dns", "port": port, "target": "example.com A"}])
    ids = [uuid7(time.time_ns() // 1000, os.urandom(RANDOM_BYTES)) for _ in range(DEVICES)]
    with psycopg.connect(superuser) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note)"
            " VALUES (%s, %s, %s, %s, %s, 'other', 0, %s, false, '')",
            [
                (TENANT, id, f"N{number}", str(FIRST + number), probes, INTERVAL_S)
                for number, id in enumerate(ids)
            ],
        )
        cursor.execute("UPDATE tenant SET revision = revision + 1 WHERE id = %s RETURNING revision", [TENANT])
        (revision,) = cursor.fetchone() or (0,)
        cursor.executemany(
            "INSERT INTO sync.touched VALUES (%s, 'device', %s, %s)", [(TENANT, id, revision) for id in ids]
        )


def _measure(
    server: Process, superuser: str, asked: Path, workers: list[subprocess.Popen[bytes]]
) -> dict[str, Any]:
    by_port = _wait_until_shared(asked)
    shared_s = time.monotonic()
    engines = {_port_of(worker.pid, by_port): worker for worker in workers}
    spent_s = [_cpu_s(worker.pid) for worker in workers], _cpu_s(server.program.pid)
    time.sleep(CALM_S)
    workers_s = sum(_cpu_s(w.pid) - was for w, was in zip(workers, spent_s[0], strict=True))
    server_s = _cpu_s(server.program.pid) - spent_s[1]
    with psycopg.connect(superuser, autocommit=True) as connection:
        row = connection.execute(
            "SELECT i.name FROM sync.lease l JOIN identity.install i ON i.id = l.install_id WHERE l.name = 'judge'"
        ).fetchone()
        assert row is not None, "nobody judges"
        victim = workers[int(row[0].removeprefix("worker"))]
        killed_s = time.monotonic()
        victim.kill()
        time.sleep(AFTER_S)
        up = connection.execute("SELECT count(*) FROM health WHERE status = 'up'").fetchone()
        down = connection.execute(
            "SELECT count(*) FROM journal WHERE kind = 'status' AND body->>'status' IN ('down', 'degraded')"
        ).fetchone()
    (dead,) = (port for port, worker in engines.items() if worker is victim)
    records = [one for one in _records(asked) if one[0] >= shared_s]
    calm = [one for one in records if one[0] < killed_s]
    taken = _takeovers(records, dead, killed_s)
    return {
        "double_polls": _double_polls(records),
        "devices_skipped": _skipped(calm, shared_s, killed_s),
        "takeover_s": round(max(taken), 1),
        "takeover_p50_s": round(percentile(taken, 0.5), 1),
        "cpu_ms_per_poll": round(workers_s / len(calm) * 1e3, 3),
        "server_cpu_ms_per_poll": round(server_s / len(calm) * 1e3, 3),
        "polls_per_s": round(len(calm) / CALM_S, 1),
        "shares": sorted(Counter({number: port for _, number, port in calm}.values()).values()),
        "up": up[0] if up else 0,
        "told_down": down[0] if down else 0,
    }


def _wait_until_shared(asked: Path) -> dict[int, int]:
    """Wait until each worker asks its part, and for an interval nothing has moved; return how many devices each port asks."""
    until_s = time.monotonic() + PATIENCE_S
    before: dict[int, int] = {}
    while time.monotonic() < until_s:
        time.sleep(INTERVAL_S)
        now_s = time.monotonic()
        here = {number: port for at_s, number, port in _records(asked) if at_s > now_s - 1.5 * INTERVAL_S}
        if len(here) == DEVICES and here == before and len(set(here.values())) == WORKERS:
            return dict(Counter(here.values()))
        before = here
    said = f"{len(before)} devices are asked by {len(set(before.values()))} workers"
    raise RuntimeError(f"the devices were not shared within {PATIENCE_S:g} s: {said}")


def _port_of(pid: int, ports: dict[int, int]) -> int:
    """Return which of the ports is a process's."""
    found = {one.laddr.port for one in psutil.Process(pid).net_connections("udp4")} & ports.keys()
    (port,) = found
    return int(port)


def _records(asked: Path) -> list[tuple[float, int, int]]:
    data = asked.read_bytes()
    return list(RECORD.iter_unpack(data[: len(data) // RECORD.size * RECORD.size]))


def _double_polls(records: list[tuple[float, int, int]]) -> int:
    last: dict[int, tuple[float, int]] = {}
    count = 0
    for at_s, number, port in records:
        was_s, was = last.get(number, (0.0, port))
        count += was != port and at_s - was_s < INTERVAL_S / 2
        last[number] = at_s, port
    return count


def _skipped(calm: list[tuple[float, int, int]], from_s: float, to_s: float) -> int:
    last = dict.fromkeys(range(DEVICES), from_s)
    skipped: set[int] = set()
    for at_s, number, _ in calm:
        if at_s - last[number] > 2 * INTERVAL_S:
            skipped.add(number)
        last[number] = at_s
    return len(skipped | {number for number, at_s in last.items() if to_s - at_s > 2 * INTERVAL_S})


def _takeovers(records: list[tuple[float, int, int]], dead: int, killed_s: float) -> list[float]:
    """Return how long after the kill each device of the dead worker was asked again; one that never was, until the end."""
    owner = {number: port for at_s, number, port in records if at_s < killed_s}
    mine = {number for number, port in owner.items() if port == dead}
    again: dict[int, float] = {}
    for at_s, number, port in records:
        if number in mine and at_s > killed_s and port != dead:
            again.setdefault(number, at_s - killed_s)
    return [again.get(number, AFTER_S) for number in mine]


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)

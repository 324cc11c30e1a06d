"""A team of 200 at one server, to whom 2,000 changes a second are told: how soon each hears, and what those cost who take none.

One of the 200 is a real window with its engine and its page: `painted_p50_ms`, `painted_p95_ms` and `painted_per_s`, from when
the one who judges tells the oldest of what a frame shows until the page says that the frame is on the screen.
Figures: `delivered_p50_ms`, `delivered_p95_ms`, `delivered_p99_ms` (from when the one who judges tells until each of the others
has it; the server is a process, the others share one, durable PostgreSQL; the clock is the machine's), `told_per_s`,
`frames_per_s`, `bytes_per_change`, `server_us_per_delivery` (its CPU for one change at one client). Then the same with 20 of them
stalled, who say that they live and read nothing: `stalled_p95_ms`, and `stalled_client_cost_pct`, by how much the p95 of the
others is longer; half of the time without them is before and half after, for tables grow meanwhile and the machine's other work
comes and goes.
One rule: of frames that are the same for many only one is decoded, as that is the clients' cost and not the server's.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import psutil
import psycopg

from domain.health import Health
from domain.sync import Alive, Hello, Taken, Tell, encode
from domain.team import JoinTeam
from domain.vault import Secret
from sync_server.database import Database
from sync_server.services import Services
from sync_server.settings import Settings
from tests.bench.lean_line import LeanLine, lean_line
from tests.bench.server_bench import bench_database, percentile, run_loop
from tests.server.clients import PASSWORD, ROOMY
from tests.server.live_process import Process, process
from tests.team.joins import joining

CLIENTS, STALLED = 200, 20
CHANGES_PER_S = 2_000
TELLS_PER_S = 20
DEVICES = 5_000
SECONDS = int(os.environ.get("HELIOGRAPH_BENCH_SECONDS", "20"))
SETTLE_S = 3.0
WINDOW_S = 120.0
"""Until the window's map stands still."""
TENANT = UUID(int=1)


class _Seen(msgspec.Struct):
    since_us: int


class _Frame(msgspec.Struct):
    """What is looked at of a frame."""

    type: str
    revision: int = 0
    fence: int = 0
    message: str = ""
    health: tuple[_Seen, ...] = ()


class _Read(msgspec.Struct):
    taken: bytes
    is_entries: bool
    told_us: list[int]


_decoder = msgspec.msgpack.Decoder(_Frame)


@dataclass
class _Heard:
    """What clients heard while it was measured, and what it cost the server."""

    took_ms: list[float] = field(default_factory=list)
    painted_ms: list[float] = field(default_factory=list)
    frames: int = 0
    bytes: int = 0
    told: int = 0
    cpu_s: float = 0.0
    seconds: float = 0.0

    def figures(self) -> dict[str, Any]:
        """Return what it says."""
        took, painted = self.took_ms, self.painted_ms
        return {
            "delivered_p50_ms": round(percentile(took, 0.5), 1),
            "delivered_p95_ms": round(percentile(took, 0.95), 1),
            "delivered_p99_ms": round(percentile(took, 0.99), 1),
            "painted_p50_ms": round(percentile(painted, 0.5), 1),
            "painted_p95_ms": round(percentile(painted, 0.95), 1),
            "painted_per_s": round(len(painted) / self.seconds, 1),
            "told_per_s": round(self.told / self.seconds),
            "delivered_per_s": round(len(took) / self.seconds),
            "frames_per_s": round(self.frames / self.seconds),
            "bytes_per_change": round(self.bytes / max(1, len(took)), 1),
            "server_us_per_delivery": round(self.cpu_s / max(1, len(took)) * 1e6, 2),
        }


class _Team:
    """All clients of the bench; what they hear goes to `heard` while that is set."""

    def __init__(self) -> None:
        self.heard: _Heard | None = None
        self._read: dict[bytes, _Read] = {}

    def listen(self, line: LeanLine) -> None:
        """Take what comes, until the line ends."""

        def take(data: bytes) -> None:
            read = self._decoded(data)
            if not read.is_entries:
                return
            line.send(read.taken)
            if (heard := self.heard) is not None:
                now_us = time.time_ns() // 1000
                heard.frames += 1
                heard.bytes += len(data)
                heard.took_ms += [(now_us - at_us) / 1e3 for at_us in read.told_us]

        line.listen(take)

    async def look(self, window: asyncio.subprocess.Process, still: asyncio.Event) -> None:
        """Take what the real window says, until it ends."""
        assert window.stdout is not None
        async for line in window.stdout:
            stamp_us, painted_us = json.loads(line)
            if not stamp_us:
                still.set()
            elif self.heard is not None:
                self.heard.painted_ms.append((painted_us - stamp_us) / 1e3)

    def _decoded(self, data: bytes) -> _Read:
        if (read := self._read.get(data)) is None:
            frame = _decoder.decode(data)
            taken = encode(Taken(frame.revision))
            read = _Read(taken, frame.type == "entries", [one.since_us for one in frame.health])
            if len(self._read) > 50:
                self._read.clear()
            self._read[data] = read
        return read


def run() -> dict[str, Any]:
    """Return the figures."""
    with bench_database() as (settings, superuser):
        token = run_loop(found(settings))
        more: dict[str, object] = {"live_tenant_lines": 1_000, "pool_max": 10}
        with process(settings.database_url.value, **more) as server, TemporaryDirectory() as profiles:
            return run_loop(_measure(server, superuser, token, Path(profiles)))


async def found(settings: Settings) -> str:
    """Return what founds the platform."""
    chosen = msgspec.structs.replace(settings, secret=ROOMY["secret"])
    database = await Database.open(chosen)
    services = Services.of(chosen, database)
    try:
        return await services.links.offer_founding() or ""
    finally:
        services.close()
        await database.close()


async def _measure(server: Process, superuser: str, token: str, profiles: Path) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=server.address + "/api/v1", timeout=60) as http:
        own, account = await tenant(http, token)
        installs = [uuid4() for _ in range(CLIENTS - 1)]
        devices = [uuid4() for _ in range(DEVICES)]
        _fill(superuser, own, account, installs, devices)
        judge, fence = await _judge(http, server, installs[0])
        team, lines = _Team(), [judge]
        window, still = await _window(http, server, profiles), asyncio.Event()
        breathing = asyncio.create_task(_breathe(lines))
        looking = asyncio.create_task(team.look(window, still))
        for install in installs[1:]:
            line = await _connected(http, server, install)
            lines.append(line)
            team.listen(line)
        try:
            async with asyncio.timeout(WINDOW_S):
                await still.wait()
            calm, stalled = _Heard(), _Heard()
            telling = server, team, judge, installs[0], fence, devices
            await _phase(*telling, calm, SECONDS / 2)
            for line in lines[1 : STALLED + 1]:
                line.stall()
            await _phase(*telling, stalled, SECONDS)
            for line in lines[1 : STALLED + 1]:
                line.go_on()
            await _phase(*telling, calm, SECONDS / 2)
        finally:
            window.terminate()
            for task in (breathing, looking):
                task.cancel()
            for line in lines:
                line.close()
            await asyncio.gather(window.wait(), breathing, looking, return_exceptions=True)
    now, then = calm.figures(), stalled.figures()
    cost_pct = 100 * (then["delivered_p95_ms"] / now["delivered_p95_ms"] - 1)
    return {
        "clients": CLIENTS,
        "seconds": SECONDS,
        **now,
        "stalled_p95_ms": then["delivered_p95_ms"],
        "stalled_painted_p95_ms": then["painted_p95_ms"],
        "stalled_server_us_per_delivery": then["server_us_per_delivery"],
        "stalled_client_cost_pct": round(max(0.0, cost_pct), 1),
    }


async def _phase(
    server: Process,
    team: _Team,
    judge: LeanLine,
    install: UUID,
    fence: int,
    devices: list[UUID],
    heard: _Heard,
    seconds: float,
) -> None:
    """Tell for some seconds, and have added to `heard` how soon it was heard."""
    cpu = psutil.Process(server.program.pid)
    a_tell = CHANGES_PER_S // TELLS_PER_S
    told = tells = 0
    before = 0.0
    began_s = time.perf_counter()
    while (passed_s := time.perf_counter() - began_s) < SETTLE_S + seconds:
        if passed_s >= SETTLE_S and team.heard is None:
            team.heard, before = heard, sum(cpu.cpu_times()[:2])
        now_us = time.time_ns() // 1000
        first = told % len(devices)
        some = [devices[(first + number) % len(devices)] for number in range(a_tell)]
        health = tuple(Health(device, install, "up", now_us, now_us) for device in some)
        judge.send(encode(Tell(tells, health=health, fence=fence)))
        told, tells = told + a_tell, tells + 1
        heard.told += a_tell if team.heard is not None else 0
        await asyncio.sleep(max(0.0, tells / TELLS_PER_S - (time.perf_counter() - began_s)))
    await asyncio.sleep(1.0)
    team.heard = None
    heard.cpu_s += sum(cpu.cpu_times()[:2]) - before
    heard.seconds += seconds


async def tenant(http: httpx.AsyncClient, token: str) -> tuple[str, str]:
    """Found the platform and enter a tenant; return the tenant and the account."""

    async def post(path: str, body: dict[str, Any]) -> Any:
        answer = await http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()["data"] if answer.content else None

    await post(
        "/auth/founding", {"token": token, "login": "root@platform", "name": "Root", "password": PASSWORD}
    )
    opened = await post("/auth/login", {"login": "root@platform", "password": PASSWORD})
    http.headers["Authorization"] = f"Bearer {opened['access_token']}"
    opened = await post("/auth/switch", {"tenant": str(TENANT)})
    http.headers["Authorization"] = f"Bearer {opened['access_token']}"
    me = (await http.get("/auth/me")).json()["data"]
    return str(TENANT), me["id"]


def _fill(superuser: str, tenant: str, account: str, installs: list[UUID], devices: list[UUID]) -> None:
    with psycopg.connect(superuser) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO identity.install (tenant_id, id, account_id, name, kind, public_key, made_us, proven_us)"
            " VALUES (%s, %s, %s, 'Bench', 'window', %s, 1, 1)",
            [(tenant, id, account, id.bytes * 2) for id in installs],
        )
        cursor.executemany(
            "INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note, place)"
            " VALUES (%s, %s, %s, %s, '[]', 'other', 0, 30, false, '', ST_Point(%s, %s, 4326))",
            [
                (
                    tenant,
                    id,
                    f"R{n}",
                    f"10.{n // 65536}.{n // 256 % 256}.{n % 256}",
                    9 + n % 100 / 40,
                    46 + n // 100 / 40,
                )
                for n, id in enumerate(devices)
            ],
        )
        cursor.execute("UPDATE tenant SET revision = 1 WHERE id = %s", [tenant])
        cursor.executemany(
            "INSERT INTO sync.touched VALUES (%s, 'device', %s, 1)", [(tenant, id) for id in devices]
        )


async def _window(http: httpx.AsyncClient, server: Process, profiles: Path) -> asyncio.subprocess.Process:
    """Start a real window of a member who has joined."""
    answer = await http.post("/users", json={"login": "mara@example.org", "name": "Mara", "role": "engineer"})
    answer.raise_for_status()
    async with joining(profiles / "mara") as here:
        link = answer.json()["data"]["link"]  # the server does not know its port
        asked = JoinTeam(1, f"{server.address}/link#{link.partition('#')[2]}", "", Secret(PASSWORD))
        reply = await here.answer(asked)
        if reply.refusals:
            raise RuntimeError(str(reply.refusals))
    command = [sys.executable, "-m", "tests.bench.painting_window", reply.result["profile"]]
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)


async def _connected(http: httpx.AsyncClient, server: Process, install: UUID) -> LeanLine:
    token = (await http.post("/auth/stream-token")).json()["data"]["token"]
    line = await lean_line(server.live)
    line.send(encode(Hello(1, token, install)))
    return line


async def _judge(http: httpx.AsyncClient, server: Process, install: UUID) -> tuple[LeanLine, int]:
    """Return the line that has the lease, and its fence; what it hears besides is taken and not measured."""
    line = await _connected(http, server, install)
    fenced: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def take(data: bytes) -> None:
        frame = _decoder.decode(data)
        if frame.type == "entries":
            line.send(encode(Taken(frame.revision)))
        elif frame.type == "refused":
            raise RuntimeError(frame.message)
        elif frame.type == "lease" and frame.fence and not fenced.done():
            fenced.set_result(frame.fence)

    line.listen(take)
    return line, await fenced


async def _breathe(lines: list[LeanLine]) -> None:
    """Say for all that they live, whether they read or not."""
    while True:
        for line in list(lines):
            line.send(encode(Alive(0)))
        await asyncio.sleep(4.0)

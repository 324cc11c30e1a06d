"""How soon a real server answers over HTTP again after a kill -9 of it or of PostgreSQL, and whether anything answered is lost.

Figures: `server_recovery_s`, `database_recovery_s` (median and most, from the kill to the next edit that is answered 200; the
server's start is in it), `stopped_s` (how long PostgreSQL was stopped whole) and `after_stop_s`; `edits` and `messages` that were
answered 200, `lost` of either, `doubled` edits.
Counterpart: `bench_recovery.py`, samples alone and without HTTP.
One rule: kills are at random moments under load, who gets no answer sends the same again, and a superuser counts what is on disk.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from migrations.guards import OWNER, REQUESTS
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.kills import crash, processes, tell
from tests.server.live_process import process
from tests.server.pushing import pusher
from tests.server.test_kills import prepared
from tools.cluster import url_of

KILLS = int(os.environ.get("HELIOGRAPH_BENCH_KILLS", "5"))
STOPPED_S = int(os.environ.get("HELIOGRAPH_BENCH_SECONDS", "60"))
WRITERS = 3
"""Of edits, and of telemetry."""
PATIENCE_S = 120.0
PAUSE_S = 0.02


class Writer(threading.Thread):
    """Sends one thing after the other, each until it is answered 200; `done` names those."""

    def __init__(self, address: str, path: str, token: str, make: Callable[[], tuple[str, Any]]) -> None:
        super().__init__(daemon=True)
        self._http = httpx.Client(base_url=address, timeout=10, headers={"Authorization": f"Bearer {token}"})
        self._path, self._make = path, make
        self.done: list[str] = []
        self.is_over = False

    def run(self) -> None:
        """Send until it is over."""
        name, body = self._make()
        while not self.is_over:
            try:
                is_done = self._http.post(self._path, json=body).status_code == 200
            except httpx.TransportError:
                is_done = False
            if is_done:
                self.done.append(name)
                name, body = self._make()
            else:
                time.sleep(PAUSE_S)
        self._http.close()


def run() -> dict[str, Any]:
    """Return the figures."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-bench-", dir="/var/tmp"))
    try:
        with prepared(folder) as sockets:
            with psycopg.connect(url_of(sockets, "hg")) as connection:
                connection.execute("DELETE FROM tenant")  # it is made over the API here
            urls = (url_of(sockets, "hg", role) for role in (REQUESTS, OWNER, "postgres"))
            return _measured(ServerDatabase("hg", *urls), sockets)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _keys(database: ServerDatabase) -> tuple[str, str]:
    """Return keys that hold for as long as it takes: of a program that edits, of a device that pushes."""
    async with serving(database) as server:
        root = await server.found()
        await server.tenant(root)
        mast = await pusher(server, root)
        made = await root.post("/keys", {"name": "K", "scopes": ["write_device"]}, expect=201)
        return made["secret"], mast.secret


def _edit() -> tuple[str, Any]:
    id, fields = str(uuid4()), {"name": f"S {uuid4()}"}
    step = {"kind": "site", "id": str(uuid4()), "before": None, "after": fields}
    return id, {"edits": [{"id": id, "at_us": 1, "title": "T", "steps": [step]}]}


def _message() -> tuple[str, Any]:
    at_us = time.time_ns() // 1000
    return str(at_us), {"messages": [{"values": {"level": 1}, "at_us": at_us}]}


def _measured(database: ServerDatabase, sockets: Path) -> dict[str, Any]:
    editing, pushing = asyncio.run(_keys(database))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address, dice = f"http://127.0.0.1:{port}/api/v1", random.Random(1)
    editors = [Writer(address, "/edits", editing, _edit) for _ in range(WRITERS)]
    pushers = [Writer(address, "/telemetry", pushing, _message) for _ in range(WRITERS)]
    server_s: list[float] = []
    database_s: list[float] = []
    with ExitStack() as ended:
        server = ended.enter_context(process(database.requests, listen_port=port))
        for one in editors + pushers:
            one.start()
        _await(editors, 50)
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.2, 1.5))
            server.kill()
            began_s = time.monotonic()
            server = ended.enter_context(process(database.requests, listen_port=port))
            _await(editors, 1)
            server_s.append(time.monotonic() - began_s)
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.2, 1.5))
            began_s = time.monotonic()
            crash(sockets, dice)
            _await(editors, WRITERS + 1)  # so many may have been on their way
            database_s.append(time.monotonic() - began_s)
        stopped = processes(sockets)
        tell(stopped, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        tell(stopped, signal.SIGCONT)
        began_s = time.monotonic()
        _await(editors, WRITERS + 1)
        after_s = time.monotonic() - began_s
        for one in editors + pushers:
            one.is_over = True
            one.join()
    return {
        "server_recovery_s": [round(median(server_s), 2), round(max(server_s), 2)],
        "database_recovery_s": [round(median(database_s), 2), round(max(database_s), 2)],
        "stopped_s": STOPPED_S,
        "after_stop_s": round(after_s, 2),
        **_counted(database, editors, pushers),
    }


def _await(writers: list[Writer], more: int) -> None:
    """Wait until so many more are answered."""
    wanted = sum(len(one.done) for one in writers) + more
    until_s = time.monotonic() + PATIENCE_S
    while sum(len(one.done) for one in writers) < wanted:
        assert time.monotonic() < until_s, "nothing is answered any more"
        time.sleep(0.002)


def _counted(database: ServerDatabase, editors: list[Writer], pushers: list[Writer]) -> dict[str, int]:
    edits = {id for one in editors for id in one.done}
    messages = [int(at_us) for one in pushers for at_us in one.done]
    with psycopg.connect(database.admin) as connection:
        kept = {str(row[0]) for row in connection.execute("SELECT id FROM edit").fetchall()}
        times = {row[0] for row in connection.execute("SELECT at_us FROM sample").fetchall()}
        row = connection.execute("SELECT count(*) - count(DISTINCT name) FROM site").fetchone()
    assert row is not None
    lost = len(edits - kept) + len(set(messages) - times)
    return {"edits": len(edits), "messages": len(messages), "lost": lost, "doubled": row[0]}

"""Whether the server lives and may be sent work. Counterpart: load balancers, systemd, people at night.

`/alive` answers while the process does. `/health` answers 503 when any part is down and says which; `/ready` answers 503 when
requests would not be answered, which is the database's doing alone: a broker that is away is no reason to send nobody here, nor
is a disk that is full, as what is on it can be read; and news that are late are no part that is down: all servers have them late
when NATS is away.
One rule: what is said here needs no log-in, so it says nothing that an attacker would like to know.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import TypeAlias

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from engine import VERSION
from engine.storage.migration import HEAD
from sync_server.database import Database, DatabaseBusy, Work
from sync_server.ingest import Ingest
from sync_server.live.bus import Bus
from sync_server.push.mqtt import Subscriber

CHECK_S = 2.0
KEPT_S = 1.0

Part: TypeAlias = dict[str, str | float]

router = APIRouter(tags=["health"])


@router.get("/alive")
@router.get("/api/health")
async def read_alive() -> JSONResponse:
    """Tell that the process lives."""
    return JSONResponse({"status": "alive"})


@router.get("/health")
async def read_health(request: Request) -> JSONResponse:
    """Tell of each part whether it works; 503 where one does not."""
    parts = await _health(request).all_parts()
    is_well = all(part["status"] != "down" for part in parts.values())
    said = {"status": "healthy" if is_well else "unhealthy", "version": VERSION, "parts": parts}
    return JSONResponse(said, 200 if is_well else 503)


@router.get("/ready")
@router.get("/api/readiness")
async def read_ready(request: Request) -> JSONResponse:
    """Tell whether requests would be answered; 503 where they would not. `news`: "late" where installs hear later than else.
    `storage`: "full" where the database's disk takes nothing more: what is read is answered, what would be written is 507."""
    is_ready = (await _health(request).database_part())["status"] == "up"
    database: Database = request.app.state.database
    news = _health(request).parts["news"]()
    assert news is not None, "every server has news"
    said = {"status": "ready" if is_ready else "not ready", "news": news["status"]}
    return JSONResponse(said | {"storage": "full" if database.is_full else "up"}, 200 if is_ready else 503)


def _health(request: Request) -> Health:
    found: Health = request.app.state.health
    return found


def storage_part(database: Database) -> Part:
    """Return whether the database's disk takes what is written."""
    if database.is_full:
        return {"status": "down", "why": "the disk of the database is full: what would be written is refused"}
    return {"status": "up"}


def ingest_part(ingest: Ingest) -> Part:
    """Return whether there is room for samples."""
    if ingest.is_full:
        return {"status": "down", "why": "samples wait for the disk and their senders are told to wait"}
    return {"status": "up"}


def broker_part(subscriber: Subscriber) -> Part | None:
    """Return whether the broker is connected, None where another server takes from it."""
    if not subscriber.is_running:
        return None
    return {"status": "up"} if subscriber.is_connected else {"status": "down", "why": "the broker is away"}


def news_part(bus: Bus) -> Part:
    """Return by what news of other servers come, and whether they come or are asked for every few seconds; also where a server is
    not heard because of its clock."""
    said: Part = {"status": "up" if bus.is_up else "late", "by": bus.way}
    why = (f"clocks {bus.apart_s:.0f} s apart" if bus.apart_s else "") if bus.is_up else bus.why
    return said | {"why": why} if why else said


class Health:
    """What was found of each part, for whoever asks: anybody may, as often as he likes, and it costs one look a second.

    One who asks while somebody looks waits for what that one finds.
    """

    def __init__(self, database: Database, now_s: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._now_s = now_s
        self._lock = asyncio.Lock()
        self._part: Part = {}
        self._until_s = -math.inf
        self.parts: dict[str, Callable[[], Part | None]] = {}
        """What else is looked at, by name; a look takes no time, and finds None where a part is not this server's now."""

    async def all_parts(self) -> dict[str, Part]:
        """Return every part by name: `status` "up", "late" or "down", `why` where it says why."""
        found = {"database": await self.database_part()}
        return found | {name: part for name, look in self.parts.items() if (part := look()) is not None}

    async def database_part(self) -> Part:
        """Return whether the database answers, and with the schema that this version needs; at most `KEPT_S` old."""
        async with self._lock:
            if self._now_s() >= self._until_s:
                self._part = await self._look()
                self._until_s = self._now_s() + KEPT_S
            return self._part

    async def _look(self) -> Part:
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(CHECK_S):
                async with self._database.transaction(Work()) as transaction:
                    found = await transaction.fetchval("SELECT version_num FROM alembic_version")
                await self._database.look_for_room()
        except (OSError, DatabaseBusy, TimeoutError, asyncpg.PostgresError):
            return {"status": "down"}
        if found != HEAD:
            return {
                "status": "down",
                "why": "the schema is another version's: run `heliograph-server migrate`",
            }
        return {"status": "up", "took_ms": round((time.monotonic() - began_s) * 1000, 1)}

"""Whether the server lives and may be sent work. Counterpart: load balancers, systemd, people at night.

`/alive` answers while the process does. `/health` and `/ready` answer 503 when a part is down: `/health` says which, `/ready`
says it in one word. One rule: what is said here needs no log-in, so it says nothing that an attacker would like to know.
"""

from __future__ import annotations

import asyncio
import time

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from engine import VERSION
from engine.storage.migration import HEAD
from sync_server.database import Database, DatabaseBusy, Work

CHECK_S = 2.0

router = APIRouter(tags=["health"])


@router.get("/alive")
async def read_alive() -> JSONResponse:
    """Tell that the process lives."""
    return JSONResponse({"status": "alive"})


@router.get("/health")
async def read_health(request: Request) -> JSONResponse:
    """Tell of each part whether it works; 503 where one does not."""
    parts = {"database": await _database_part(request.app.state.database)}
    is_well = all(part["status"] == "up" for part in parts.values())
    said = {"status": "healthy" if is_well else "unhealthy", "version": VERSION, "parts": parts}
    return JSONResponse(said, 200 if is_well else 503)


@router.get("/ready")
async def read_ready(request: Request) -> JSONResponse:
    """Tell whether requests would be answered; 503 where they would not."""
    is_ready = (await _database_part(request.app.state.database))["status"] == "up"
    return JSONResponse({"status": "ready" if is_ready else "not ready"}, 200 if is_ready else 503)


async def _database_part(database: Database) -> dict[str, str | float]:
    began_s = time.monotonic()
    try:
        async with asyncio.timeout(CHECK_S), database.transaction(Work()) as transaction:
            found = await transaction.fetchval("SELECT version_num FROM alembic_version")
    except (
        OSError,
        DatabaseBusy,
        TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ):
        return {"status": "down"}
    if found != HEAD:
        return {"status": "down", "why": "the schema is another version's: run `heliograph-server migrate`"}
    return {"status": "up", "took_ms": round((time.monotonic() - began_s) * 1000, 1)}

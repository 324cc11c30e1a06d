"""Builds the server: every long-lived object once, in order, closed in reverse. Counterpart: `__main__.py`, the process.

One rule: nothing here decides; it puts together.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from engine import VERSION
from engine.tasks import end, keep
from sync_server import health
from sync_server.charts import Charts
from sync_server.database import Database
from sync_server.ingest import Ingest
from sync_server.samples import Caps, Samples
from sync_server.settings import Settings
from sync_server.upkeep import Upkeep

_log = logging.getLogger("sync_server")

BACKLOG = 2048
STOPS = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[FastAPI]:
    """Yield the application with all that it needs in `app.state`: `settings`, `database`, `samples`, `ingest`,
    `charts`.

    Raises OSError or asyncpg.PostgresError where the database cannot be used.
    """
    app = FastAPI(title="Heliograph", version=VERSION)
    app.state.settings = settings
    app.state.database = await Database.open(settings)
    upkeep = Upkeep(app.state.database, settings)
    caps = Caps(settings.tenant_sources, settings.tenant_schemas)
    app.state.samples = Samples(app.state.database, settings.raw_days, caps)
    app.state.ingest = Ingest(app.state.samples, settings)
    app.state.charts = Charts(app.state.samples, settings.raw_days)
    tasks: list[asyncio.Task[None]] = []
    try:
        await upkeep.keep_partitions(time.time_ns() // 1000)
        tasks.append(keep("upkeep", upkeep.run))
        app.include_router(health.router)
        yield app
    finally:
        await app.state.ingest.close()
        await end(*tasks)
        await app.state.database.close()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises what `opened` does, and OSError where the address cannot be listened on."""
    async with opened(settings) as app:
        family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
        listening = socket.create_server(
            (settings.listen_host, settings.listen_port), family=family, backlog=BACKLOG
        )
        host, port = listening.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=round(settings.stop_s),
            )
        )
        _log.info("serving", extra={"address": address})
        await server.serve([listening])
        _log.info("stopping")
    _log.info("stopped")


class _Server(uvicorn.Server):
    """A server that returns when it was stopped: its own way is to raise the signal once more."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in peace at the first signal; at the second SIGINT at once."""
        before = {number: signal.signal(number, self.handle_exit) for number in STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

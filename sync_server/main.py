"""Builds the server: every long-lived object once, in order, closed in reverse. Counterpart: `serving.py`, which
listens.

One rule: nothing here decides; it puts together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from engine import VERSION
from engine.tasks import end, keep
from sync_server import admin, api, health, metrics
from sync_server.api.direct import Direct
from sync_server.api.errors import handle_errors
from sync_server.api.headers import Headers
from sync_server.api.openapi import describe
from sync_server.certificate import Certificate
from sync_server.charts import Charts
from sync_server.database import Database
from sync_server.ingest import Ingest
from sync_server.live import door, map_door, tunnel_door
from sync_server.live.bus import Bus, Way
from sync_server.live.hub import CHANNELS, Hub
from sync_server.live.notices import Notices
from sync_server.live.stream import Stream
from sync_server.push.again import Deliveries
from sync_server.push.intake import Intake
from sync_server.push.keys import PushKeys
from sync_server.push.mqtt import Subscriber, broker_of
from sync_server.samples import Caps, Samples
from sync_server.services import Services
from sync_server.settings import Settings
from sync_server.tracing import Traces, Tracing
from sync_server.turns import Turn
from sync_server.upkeep import Upkeep
from sync_server.watching import Watching


@asynccontextmanager
async def opened(settings: Settings, certificate: Certificate | None = None) -> AsyncIterator[FastAPI]:
    """Yield the application with all that it needs in `app.state`: `settings`, `database`, `health`, `services`, `samples`,
    `ingest`, `charts`, `metrics`, `hub`, `push_keys`, `intake`, `watching`.

    Raises OSError or asyncpg.PostgresError where the database cannot be used, SettingRefused.
    """
    app = FastAPI(title="Heliograph", version=VERSION, docs_url=None, redoc_url=None)
    app.state.settings = settings
    async with AsyncExitStack() as closing:
        traces = Traces.of(settings)
        if traces is not None:
            closing.push_async_callback(asyncio.to_thread, traces.close)
        app.state.database = database = await Database.open(
            settings, None if traces is None else traces.watch
        )
        closing.push_async_callback(database.close)
        app.state.health = health.Health(database)
        parts = app.state.health.parts
        parts["storage"] = lambda: health.storage_part(database)
        upkeep = Upkeep(database, settings)
        await upkeep.keep_partitions(time.time_ns() // 1000)
        caps = Caps(settings.tenant_sources, settings.tenant_schemas)
        app.state.services = services = Services.of(settings, database)
        closing.callback(services.close)
        closing.push_async_callback(services.usage.write)
        closing.push_async_callback(services.hashing.close)
        app.state.samples = Samples(database, settings.raw_days, caps, services.usage)
        app.state.charts = Charts(app.state.samples, settings.raw_days)
        tasks = (
            keep("turn of upkeep", Turn(database, "upkeep", upkeep.run).run),
            keep("forgetting", services.forget_what_is_over),
            keep("usage", services.usage.run),
        )
        closing.push_async_callback(end, *tasks)
        app.state.ingest = ingest = Ingest(app.state.samples, settings)
        closing.push_async_callback(ingest.close)
        parts["ingest"] = lambda: health.ingest_part(ingest)
        bus = Bus(_way(database, settings), database, services.keyring)
        parts["news"] = lambda: health.news_part(bus)
        app.state.hub = hub = Hub(services, app.state.samples, ingest, bus, traces)
        closing.push_async_callback(hub.close)
        app.state.metrics = metrics.Metrics(database, ingest, hub)
        app.state.push_keys = push_keys = PushKeys(database, settings)
        registry = app.state.metrics.registry
        app.state.intake = intake = Intake(
            database,
            app.state.samples,
            ingest,
            keys=push_keys,
            settings=settings,
            registry=registry,
            on_heard=hub.on_pushed,
        )
        pushing = [keep("device keys", push_keys.run)]
        if broker := broker_of(settings):
            subscriber = Subscriber(broker, intake, Deliveries(database), settings, registry)
            turn = Turn(database, f"broker, as {settings.mqtt_client}", subscriber.run)
            pushing.append(keep("turn at the broker", turn.run))
            hub.is_broker_away = lambda: subscriber.is_running and not subscriber.is_connected
            parts["broker"] = lambda: health.broker_part(subscriber)
        closing.push_async_callback(end, *pushing)
        app.state.watching = watching = Watching(database, ingest, app.state.metrics, certificate=certificate)
        closing.push_async_callback(end, keep("watching", watching.run))
        _wrap(app, traces)
        handle_errors(app)
        routers = (health.router, metrics.router, *api.routers(), *admin.routers())
        for router in (*routers, door.router, map_door.router, tunnel_door.router):
            app.include_router(router)
        describe(app, routers)
        yield app


def _wrap(app: FastAPI, traces: Traces | None) -> None:
    """Put what every request goes through around an application, from the inside out."""
    app.add_middleware(Direct, outer=app, routers=api.routers())
    app.add_middleware(metrics.Counting, metrics=app.state.metrics)
    if traces is not None:
        app.add_middleware(Tracing, traces=traces)
    app.add_middleware(Headers)


def _way(database: Database, settings: Settings) -> Way:
    """Return how servers tell each other."""
    return Stream(settings) if settings.nats_url.value else Notices(database, settings, CHANNELS)

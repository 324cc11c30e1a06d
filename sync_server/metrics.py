"""Figures of a server for Prometheus, and a log line for each request. Counterpart: `watching.py`, which judges some of them.

Theory: counting is a middleware around all routes, and labels are the routes' own patterns: a stranger who makes up paths
makes up no label. What is counted in the database comes of one function for all tenants that tells numbers only, asked once a
minute at most. One rule: no figure names a tenant, a device or a person.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections import Counter as Counts
from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine import VERSION
from sync_server.database import Database, DatabaseBusy, Work
from sync_server.ingest import Ingest
from sync_server.live.crossings import Direction, Kind
from sync_server.live.hub import Hub
from sync_server.settings import Settings

_log = logging.getLogger("sync_server.requests")

ASKED_EVERY_S = 60.0
SLOW_S = 2.0
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0)
NO_ROUTE = "(none)"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


_FIGURES = "SELECT * FROM platform_figures() UNION ALL SELECT * FROM identity.activity()"


class Metrics:
    """All figures of one server."""

    def __init__(self, database: Database, ingest: Ingest, hub: Hub) -> None:
        self.hub = hub
        self._database = database
        self._asked_s = -ASKED_EVERY_S
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests_total", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.durations = Histogram(
            "http_request_duration_seconds",
            "How long a request took until its last byte.",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._devices = Gauge("active_devices", "Devices that are not paused.", registry=registry)
        self._statuses = Gauge(
            "device_online_status",
            "Devices by status, as each vantage sees them.",
            ("status",),
            registry=registry,
        )
        self._alerts = Gauge(
            "alerts_generated_total",
            "Alerts that were ever raised, by severity.",
            ("severity",),
            registry=registry,
        )
        self._opened = Gauge(
            "alerts_opened_last_hour", "Alerts raised within an hour.", ("severity",), registry=registry
        )
        self._open = Gauge(
            "alerts_open", "Alerts that are not cleared, by severity.", ("severity",), registry=registry
        )
        self._people = Gauge(
            "active_people", "People who used the server lately.", ("within",), registry=registry
        )
        self._sessions = Gauge("open_sessions", "Sessions that live.", ("kind",), registry=registry)
        self._availability = Gauge(
            "sla_compliance_ratio",
            "Share of devices with a known status that are not down.",
            registry=registry,
        )
        self.alerting = Gauge(
            "self_alert",
            "1 where the server is not well in this respect.",
            ("name", "severity"),
            registry=registry,
        )
        version = Gauge(
            "heliograph_build_info", "1; its label is the version.", ("version",), registry=registry
        )
        version.labels(VERSION).set(1)
        for name, what, read in (
            (
                "active_database_connections",
                "Open connections to the database.",
                lambda: database.open_connections,
            ),
            ("idle_database_connections", "Those that wait for work.", lambda: database.idle_connections),
            ("ingest_waiting_cycles", "Cycles that are not on disk yet.", lambda: ingest.waiting),
            ("ingest_lag_seconds", "How long the oldest of them has waited.", lambda: ingest.lag_s),
            ("live_lines", "Installs and pages that are connected.", lambda: len(hub.connected())),
            ("live_lines_behind", "Those that have not taken what is the newest.", lambda: hub.behind),
            (
                "live_dropped",
                "What lines asked more than they may, or others said that they had no room for, since the start.",
                hub.works.dropped.total,
            ),
            ("bus_up", "1 where news of other servers come as they happen.", lambda: float(hub.bus.is_up)),
            ("bus_said", "Payloads told to other servers since the start.", lambda: hub.bus.said),
            ("bus_heard", "Payloads heard of other servers.", lambda: hub.bus.heard),
            ("bus_dropped", "Payloads that found no way or no room.", lambda: hub.bus.dropped),
            ("bus_broken", "Payloads that were of no server of ours.", lambda: hub.bus.broken),
            ("bus_stale", "Those that were heard before, or are too old.", lambda: hub.bus.stale),
            (
                "bus_apart_seconds",
                "How far the clock of a server is that is not heard for it.",
                lambda: hub.bus.apart_s,
            ),
        ):
            Gauge(name, what, registry=registry).set_function(read)
        self._tunnels_ended = Gauge(
            "tunnels_ended",
            "Tunnels by this server that ended, or were refused, since the start, by why.",
            ("reason",),
            registry=registry,
        )
        open_now = Gauge(
            "tunnels_open", "Tunnels by this server, by who carries them.", ("carrier",), registry=registry
        )
        opened = Gauge("tunnels_opened", "Those that began since the start.", ("carrier",), registry=registry)
        for kind in get_args(Kind):
            open_now.labels(kind).set_function(partial(_count_of, hub.crossings.open, kind))
            opened.labels(kind).set_function(partial(_count_of, lambda: hub.crossings.opened, kind))
        passed = Gauge(
            "tunnels_bytes",
            "Bytes that they carried, to devices and from them.",
            ("direction",),
            registry=registry,
        )
        for way in get_args(Direction):
            passed.labels(way).set_function(partial(_count_of, hub.crossings.passed, way))

    async def exposed(self) -> bytes:
        """Return all figures as Prometheus reads them; those of the database are at most a minute old."""
        now_s = time.monotonic()
        if now_s - self._asked_s >= ASKED_EVERY_S:
            try:
                async with self._database.transaction(Work()) as transaction:
                    found = await transaction.fetch(_FIGURES)
            except (OSError, DatabaseBusy, asyncpg.PostgresError):
                pass  # the old ones stay; `self_alert` and `/health` say that the database is gone
            else:
                self._asked_s = now_s
                self._take({(row["figure"], row["label"]): row["amount"] for row in found})
        for reason, count in self.hub.crossings.ended.items():
            self._tunnels_ended.labels(reason).set(count)
        return generate_latest(self.registry)

    def _take(self, found: dict[tuple[str, str], int]) -> None:
        self._devices.set(found.get(("devices", "active"), 0))
        labelled = {
            "status": self._statuses,
            "alerts": self._alerts,
            "alerts_hour": self._opened,
            "alerts_open": self._open,
            "people": self._people,
            "sessions": self._sessions,
        }
        for gauge in labelled.values():
            gauge.clear()
        for (figure, label), amount in found.items():
            if figure in labelled:
                labelled[figure].labels(label).set(amount)
        known = sum(
            amount for (figure, label), amount in found.items() if figure == "status" and label != "unknown"
        )
        self._availability.set(1 - found.get(("status", "down"), 0) / known if known else 1)


def _count_of(counts: Callable[[], Counts[Any]], key: str) -> float:
    return float(counts()[key])


class Counting:
    """ASGI middleware: counts and logs every request. Put inside of what gives requests their ids."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through and write down how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s, status = time.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            took_s = time.monotonic() - started_s
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.durations.labels(method, route).observe(took_s)
            is_odd = status >= 500 or took_s >= SLOW_S
            level = logging.WARNING if is_odd else logging.INFO if scope["method"] != "GET" else logging.DEBUG
            if _log.isEnabledFor(level):
                said = {"method": method, "route": route, "status": status, "took_ms": round(took_s * 1e3, 1)}
                _log.log(level, "request", extra={**_ids_of(scope), **said})


router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=PlainTextResponse)
async def read_metrics(request: Request) -> Response:
    """Tell all figures, to who has the token of the settings; to anybody else there is nothing here."""
    settings: Settings = request.app.state.settings
    wanted = f"Bearer {settings.metrics_token.value}".encode()
    given = request.headers.get("Authorization", "").encode()
    if not settings.metrics_token.value or not hmac.compare_digest(wanted, given):
        return PlainTextResponse("not found\n", 404)
    metrics: Metrics = request.app.state.metrics
    return Response(await metrics.exposed(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _ids_of(scope: Scope) -> dict[str, Any]:
    """Return the ids that others have given the request: its own, its tenant's once it is known, its trace's."""
    state = scope.get("state", {})
    return {
        name: state[name] for name in ("request_id", "tenant_id", "trace_id") if state.get(name) is not None
    }

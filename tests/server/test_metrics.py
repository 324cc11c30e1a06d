"""Figures for Prometheus under the names that are promised, for who has the token; alerts of the server about itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import msgspec
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text
from starlette.types import Message

from domain.vault import Secret
from engine.storage import tables
from sync_server import watching
from sync_server.certificate import Certificate
from sync_server.ingest import Ingest
from sync_server.main import opened
from sync_server.metrics import Metrics
from sync_server.watching import Blocks, Watching
from tests.server.conftest import ServerDatabase
from tests.server.servers import until

TOKEN = "a token of a test"
SECRET = Secret("a secret of a test that nobody can guess")
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'heliograph_requests'
"""
Run = Callable[[Callable[[FastAPI], Awaitable[None]]], None]


@pytest.fixture
def serve(server_database: ServerDatabase) -> Run:
    """Return what runs a piece of work on a whole application."""

    def run(work: Callable[[FastAPI], Awaitable[None]]) -> None:
        async def whole() -> None:
            changed = {"metrics_token": Secret(TOKEN), "secret": SECRET}
            few_days = msgspec.structs.replace(server_database.settings, raw_days=1, hour_days=7, **changed)
            async with opened(few_days) as app:
                await work(app)

        asyncio.run(whole())

    return run


async def asked(app: FastAPI, path: str, token: str | None = TOKEN, method: str = "GET") -> tuple[int, str]:
    """Return the status and text of an answer."""
    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "server": ("test", 80),
        "client": ("127.0.0.1", 1),
    }
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(message.get("body", b"") for message in said[1:]).decode()


_OF_THIS_MACHINE = {"memory", "processor", "database_slow", "cache_miss"}
ALERT = """
    INSERT INTO alert (tenant_id, id, rule, subject, severity, opened_us, cleared_us, reason, acknowledged_by, count)
    VALUES (:tenant, :id, 'r', :id, 'critical', identity.now_us() - (:hours * 3600 + 60) * 1000000::bigint,
        CASE WHEN CAST(:id AS uuid) = '00000000-0000-0000-0000-000000000002' THEN 1 END, '', '', 1)
"""
PEOPLE = """
    INSERT INTO identity.account (id, login, name, made_us)
        SELECT gen_random_uuid(), 'person' || n, 'P', 1 FROM generate_series(1, 3) n;
    INSERT INTO identity.session
        SELECT gen_random_uuid(), id, NULL, 'program', '', '', 1, identity.now_us() - ago_h * 3600000000 - 60000000,
            identity.now_us() + CASE WHEN ago_h < 30 THEN 600000000 ELSE -1 END
        FROM identity.account JOIN (VALUES ('person1', 0), ('person2', 5), ('person3', 30)) AS v (login, ago_h) USING (login)
"""


async def figures(app: FastAPI) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every figure by name and labels."""
    status, body = await asked(app, "/metrics")
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def test_the_promised_names_are_there_with_figures_of_all_tenants(
    serve: Run, server_database: ServerDatabase
) -> None:
    with server_database.engine(server_database.admin).begin() as connection:
        for key in (1, 2):
            connection.execute(insert(tables.tenant), {"key": key, "id": UUID(int=key), "name": str(key)})
            for number, status in enumerate(("up", "down", "unknown", "degraded")):
                row = {
                    "tenant_id": UUID(int=key),
                    "device_id": UUID(int=number),
                    "vantage": UUID(int=9),
                    "status": status,
                    "since_us": 1,
                    "heard_us": 1,
                    "probes": {},
                    "reason": "",
                }
                connection.execute(insert(tables.health), row)
            for number, hours in enumerate((0, 2, 2)):
                connection.execute(
                    text(ALERT), {"tenant": UUID(int=key), "id": UUID(int=number), "hours": hours}
                )
        connection.execute(text(PEOPLE))

    async def work(app: FastAPI) -> None:
        assert (await asked(app, "/alive"))[0] == 200
        assert (await asked(app, "/made/up/by/a/stranger"))[0] == 404
        found = await figures(app)
        names = {name for name, _ in found}
        assert names >= {
            "http_requests_total",
            "http_request_duration_seconds_bucket",
            "active_database_connections",
            "active_devices",
            "sla_compliance_ratio",
            "alerts_opened_last_hour",
            "alerts_open",
            "alerts_generated_total",
            "device_online_status",
            "active_people",
            "open_sessions",
            "ingest_waiting_cycles",
            "ingest_lag_seconds",
        }
        assert found["device_online_status", (("status", "down"),)] == 2
        assert found["alerts_opened_last_hour", (("severity", "critical"),)] == 2
        assert found["alerts_open", (("severity", "critical"),)] == 4
        assert found["active_people", (("within", "hour"),)] == 1
        assert found["active_people", (("within", "day"),)] == 2
        assert found["open_sessions", (("kind", "program"),)] == 2
        assert found["sla_compliance_ratio", ()] == pytest.approx(2 / 3)
        counted = {labels: value for (name, labels), value in found.items() if name == "http_requests_total"}
        assert counted[("method", "GET"), ("route", "/alive"), ("status", "200")] == 1
        assert not any("stranger" in str(labels) for labels in counted)

    serve(work)


@pytest.mark.parametrize("token", [None, "", "another", TOKEN + "x"])
def test_without_the_token_there_is_no_such_page(serve: Run, token: str | None) -> None:
    async def work(app: FastAPI) -> None:
        status, body = await asked(app, "/metrics", token)
        assert (status, "http_requests" in body) == (404, False)

    serve(work)


def test_every_request_is_a_log_line_that_slow_or_failed_ones_raise(
    serve: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, "sync_server.requests")
    monkeypatch.setattr("sync_server.metrics.SLOW_S", 600.0)

    async def work(app: FastAPI) -> None:
        await asked(app, "/alive")
        await asked(app, "/alive", method="POST")

    serve(work)
    lines = [(r.levelname, vars(r)["route"], vars(r)["status"]) for r in caplog.records if r.msg == "request"]
    assert lines == [("DEBUG", "/alive", 200), ("INFO", "/alive", 405)]


def test_what_is_slow_or_missed_is_an_alert_when_it_lasts(serve: Run, tmp_path: Path) -> None:
    async def work(app: FastAPI) -> None:
        state = app.state
        here = Watching(
            state.database, state.ingest, Metrics(state.database, state.ingest, state.hub), tmp_path
        )
        wanted = {"processor", "database_slow", "cache_miss"}
        here.rules = tuple(rule for rule in here.rules if rule.name in wanted)
        await here.look(0)
        assert {rule.name: rule.read() is not None for rule in here.rules} == {
            "processor": True,
            "database_slow": True,
            "cache_miss": False,
        }
        here._blocks_since = Blocks(4_000, 7_000)
        assert here.rules[-1].read() == pytest.approx(7 / 11)
        here.rules = tuple(rule._replace(read=lambda: 0.9) for rule in here.rules)
        assert await here.look(10) == set()
        assert await here.look(70) == {"database_slow"}
        assert await here.look(310) == wanted

    serve(work)


def test_a_fault_is_an_alert_of_the_server_about_itself_until_it_is_over(
    serve: Run, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    used = 5

    async def work(app: FastAPI) -> None:
        nonlocal used
        state = app.state
        figures = Metrics(state.database, state.ingest, state.hub)
        here = Watching(state.database, state.ingest, figures, tmp_path)
        here.rules = tuple(rule for rule in here.rules if rule.name not in _OF_THIS_MACHINE)
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=10, used=used))
        assert await here.look(0) == set()
        await until(lambda: state.hub.bus.is_up)
        used = 9
        figures.requests.labels("GET", "/x", "500").inc()
        assert await here.look(100) == {"disk"}
        figures.requests.labels("GET", "/x", "500").inc()
        assert await here.look(221) == {"disk", "error_rate"}
        assert b'self_alert{name="error_rate",severity="critical"} 1.0' in await figures.exposed()
        used = 5
        state.hub.bus._on_apart(-90.0, time.monotonic())
        assert await here.look(222) == {"clocks_apart"}
        state.hub.bus._apart_until_s = 0.0
        assert await here.look(222) == set()
        with server_database.engine(server_database.admin).begin() as connection:
            connection.execute(text(f'ALTER DATABASE "{server_database.name}" CONNECTION LIMIT 0'))
            connection.execute(text(CUT))
        assert await here.look(223) == {"database_unreachable"}
        with server_database.engine(server_database.admin).begin() as connection:
            connection.execute(text(f'ALTER DATABASE "{server_database.name}" CONNECTION LIMIT -1'))
        for _ in range(server_database.settings.pool_max):  # each connection finds out for itself
            await here.look(224)
        assert await here.look(225) == set()

    serve(work)


@pytest.mark.parametrize(
    ("name", "severity", "for_s", "at_bound", "beyond"),
    [
        ("memory", "critical", 0, 89, 91),
        ("slow_answers", "warning", 300, 2.0, 2.1),
        ("certificate_ends", "warning", 0, 14.0, 13.9),
        ("queue_backlog", "warning", 60, 1_000, 1_001),
        ("queue_lag", "critical", 0, 300.0, 300.1),
    ],
)
def test_a_rule_is_an_alert_beyond_its_bound_after_its_time(
    serve: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    severity: str,
    for_s: float,
    at_bound: float,
    beyond: float,
) -> None:
    monkeypatch.setattr(watching, "MEMINFO", tmp_path / "meminfo")
    ingest, certificate = SimpleNamespace(waiting=0, lag_s=0.0), SimpleNamespace(days_left=14.0)

    async def work(app: FastAPI) -> None:
        figures = Metrics(app.state.database, app.state.ingest, app.state.hub)
        queue, shown = cast("Ingest", ingest), cast("Certificate", certificate)
        here = Watching(app.state.database, queue, figures, tmp_path, shown)
        here.rules = tuple(rule for rule in here.rules if rule.name == name)
        assert len(here.rules) == 1

        async def found(value: float, at_s: float) -> list[tuple[str, str]]:
            match name:
                case "memory":
                    watching.MEMINFO.write_text(f"MemTotal: 100 kB\nMemAvailable: {100 - value} kB\n")
                case "slow_answers":
                    figures.requests.labels("GET", "/x", "200").inc()
                    figures.durations.labels("GET", "/x").observe(value)
                case "certificate_ends":
                    certificate.days_left = value
                case "queue_backlog":
                    ingest.waiting = value
                case "queue_lag":
                    ingest.lag_s = value
            await here.look(at_s)
            return [(rule.name, rule.severity) for rule in here.held]

        assert await found(at_bound, 0) == await found(at_bound, 1_000) == []
        if for_s:
            assert await found(beyond, 2_000) == await found(beyond, 1_999 + for_s) == []
        assert await found(beyond, 2_000 + for_s) == [(name, severity)]
        assert await found(at_bound, 2_001 + for_s) == []

    serve(work)

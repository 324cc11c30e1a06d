"""The server as a process: refused with a reason, started, healthy, ill when its database is another's, stopped with 0."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from sync_server.preparing import allow_login
from sync_server.serving import SWEEPS, settle
from tests import postgres
from tests.server.conftest import PATIENCE_S, ServerDatabase

PROGRAM = [sys.executable, "-m", "sync_server"]


def run(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Do one command of the server's, and its arguments, with nothing but these settings."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
    return subprocess.run(
        [*PROGRAM, *command],
        env={**env, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def asked(address: str, path: str) -> tuple[int, dict[str, object]]:
    """Return the status and body of an answer."""
    try:
        with urllib.request.urlopen(address + path, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def until_answered(address: str, path: str, status: int) -> dict[str, object]:
    """Return the body of an answer once it is of a status: a verdict is kept for a moment, and a busy machine may be late."""
    until_s = time.monotonic() + PATIENCE_S
    while (said := asked(address, path))[0] != status:
        assert time.monotonic() < until_s, said
        time.sleep(0.1)
    return said[1]


def test_it_serves_tells_how_it_is_and_stops_in_peace(server_database: ServerDatabase) -> None:
    settings = {
        "HELIOGRAPH_DATABASE_URL": server_database.requests,
        "HELIOGRAPH_LISTEN_PORT": "0",
        "HELIOGRAPH_SECRET": "a secret of a test that nobody can guess",
    }
    server = subprocess.Popen(
        [*PROGRAM, "run"], env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        address = next(
            line["address"] for line in map(json.loads, server.stderr) if line["event"] == "serving"
        )
        assert asked(address, "/alive") == (200, {"status": "alive"})
        assert until_answered(address, "/ready", 200)["status"] == "ready"
        assert until_answered(address, "/health", 200)["status"] == "healthy"
        with server_database.engine(server_database.admin).begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        while (said := until_answered(address, "/ready", 503))["news"] != "up":
            time.sleep(0.1)
        assert said == {"status": "not ready", "news": "up", "storage": "up"}
        until_answered(address, "/health", 503)
        assert asked(address, "/alive")[0] == 200
        server.send_signal(signal.SIGTERM)
        assert server.wait(120) == 0
    finally:
        server.kill()
        server.wait()


def test_a_bare_cluster_is_prepared_and_migrated_and_both_may_be_done_again(postgres_sockets: Path) -> None:
    name = f"test_prepared_{os.getpid()}"
    settings = {
        f"HELIOGRAPH_{key}_URL": postgres.url_of(postgres_sockets, database, role)
        for key, database, role in (
            ("ADMIN_DATABASE", "postgres", "postgres"),
            ("OWNER_DATABASE", name, "heliograph_owner"),
            ("DATABASE", name, "heliograph_requests"),
        )
    }
    for command in ("prepare", "prepare", "migrate", "migrate"):
        done = run(command, **settings)
        assert done.returncode == 0, done.stderr
    with psycopg.connect(settings["HELIOGRAPH_DATABASE_URL"]) as connection:
        assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("1min",)
        assert connection.execute("SHOW jit").fetchone() == ("off",)


def test_what_the_start_has_made_is_not_walked_while_the_server_serves() -> None:
    before, kept = gc.get_threshold(), [object()]
    try:
        settle()
        assert gc.get_threshold() == SWEEPS
        assert gc.get_freeze_count() and not any(one is kept for one in gc.get_objects())
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_a_password_reaches_postgresql_hashed_since_it_logs_statements(postgres_sockets: Path) -> None:
    said: list[bytes] = []
    with psycopg.connect(postgres.url_of(postgres_sockets, "postgres")) as connection:
        role = f"test_{uuid4().hex}"
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        connection.execute("SET LOCAL log_statement = 'all'; SET LOCAL client_min_messages = 'log'")
        connection.add_notice_handler(lambda notice: said.append((notice.message_primary or "").encode()))
        allow_login(connection, role, "geheim'%")
        assert connection.execute(
            "SELECT starts_with(rolpassword, 'SCRAM-SHA-256$') FROM pg_authid WHERE rolname = %s", [role]
        ).fetchone() == (True,)
        connection.rollback()
    assert any(b"PASSWORD 'SCRAM" in one for one in said)
    assert not any(b"geheim" in one for one in said)


@pytest.mark.parametrize(
    ("command", "changed", "said"),
    [
        ("migrate", {"OWNER_DATABASE_URL": ""}, "an address that begins with postgresql:// expected"),
        ("migrate", {"OWNER_DATABASE_URL": None}, "HELIOGRAPH_OWNER_DATABASE_URL is missing"),
        ("migrate", {"OWNER_DATABASE_URL": "admin"}, "migrations are run by heliograph_owner, got postgres"),
        ("run", {"DATABASE_URL": None}, "HELIOGRAPH_DATABASE_URL is missing"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    server_database: ServerDatabase, command: str, changed: dict[str, str | None], said: str
) -> None:
    settings: dict[str, str | None] = {
        "DATABASE_URL": server_database.requests,
        "OWNER_DATABASE_URL": server_database.owner,
        **{name: server_database.admin if value == "admin" else value for name, value in changed.items()},
    }
    done = run(command, **{f"HELIOGRAPH_{name}": v for name, v in settings.items() if v is not None})
    assert done.returncode == 2
    assert said in done.stderr

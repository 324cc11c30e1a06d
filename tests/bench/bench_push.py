"""Telemetry that other systems push, durable, through the whole server: over HTTP in batches and over MQTT with a real broker.

Figures, of 100 devices of a tenant, a key each, five values a message: `http_messages_per_s`, `http_us_per_value` (CPU of the
server's process), `http_ack_p99_ms` of requests with `batch` messages; `mqtt_messages_per_s`, `mqtt_us_per_value` of payloads
with `batch` messages; `mqtt_single_messages_per_s` and `mqtt_single_us_per_value` of payloads with one; `lost`, of all that was
acknowledged or published. The senders are processes of their own and send as fast as they are answered.
One rule: what counts as lost is found by counting rows as a superuser.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import psycopg

from sync_server.security.tokens import new_opaque, opaque_hash
from tests.bench.server_bench import bench_database, percentile
from tools.broker import SERVER, Mosquitto

DEVICES, VALUES, BATCH = 100, 5, 200
BATCHES = int(os.environ.get("HELIOGRAPH_BENCH_BATCHES", "1000"))
SINGLES = 20_000
SENDERS = 4
TENANT = UUID(int=1)
START_CAP_S, PATIENCE_S = 120.0, 600.0
PASSWORD = "bench"
ROOT = Path(__file__).resolve().parents[2]


def run() -> dict[str, Any]:
    """Return the figures."""
    folder, of_broker = (Path(tempfile.mkdtemp(prefix="heliograph-bench-", dir="/var/tmp")) for _ in range(2))
    try:
        with bench_database() as (settings, superuser):
            keys = _prepared(superuser)
            rights = f"\nuser field\ntopic write tenant/{TENANT}/device/+/telemetry\n"
            broker = Mosquitto(of_broker, {SERVER: PASSWORD, "field": PASSWORD}, rights)
            broker.start()
            try:
                with psycopg.connect(superuser, autocommit=True) as connection:
                    return _measured(settings.database_url.value, broker.port, keys, connection, folder)
            finally:
                broker.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(of_broker, ignore_errors=True)


def _prepared(superuser: str) -> list[tuple[str, str]]:
    """Make devices and keys; return each device with its key."""
    made = [(str(UUID(int=1_000_000 + number)), new_opaque("push")) for number in range(DEVICES)]
    account = UUID(int=9)
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO identity.account (id, login, name, password, made_us) VALUES (%s, 'bench', 'Bench', 'x', 0)",
            [account],
        )
        for number, (device, key) in enumerate(made):
            connection.execute(
                "INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note)"
                " VALUES (%s, %s, 'D', %s, '[]', 'access', 0, 30, false, '')",
                [TENANT, device, f"10.0.{number // 250}.{number % 250}"],
            )
            connection.execute(
                "INSERT INTO identity.push_key (tenant_id, id, name, prefix, hash, device_id, maker, made_us)"
                " VALUES (%s, %s, 'K', 'hgd_', %s, %s, %s, 0)",
                [TENANT, device, opaque_hash(key), device, account],
            )
    return made


def _measured(
    url: str, port: int, keys: list[tuple[str, str]], connection: psycopg.Connection[Any], folder: Path
) -> dict[str, Any]:
    plan = folder / "keys.json"
    plan.write_text(json.dumps(keys))
    env = {
        **os.environ,
        "HELIOGRAPH_DATABASE_URL": url,
        "HELIOGRAPH_SECRET": "the secret of a server that is measured",
        "HELIOGRAPH_LISTEN_PORT": "0",
        "HELIOGRAPH_RAW_DAYS": "3",
        "HELIOGRAPH_INGEST_FLUSH_MS": "50",
        "HELIOGRAPH_PUSH_DEVICE_PER_S": "1000000",
        "HELIOGRAPH_PUSH_TENANT_PER_S": "1000000",
        "HELIOGRAPH_MQTT_BROKER": f"mqtt://127.0.0.1:{port}",
        "HELIOGRAPH_MQTT_PASSWORD": PASSWORD,
    }
    log = folder / "server.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "sync_server", "run"], cwd=ROOT, env=env, stdout=stream, stderr=stream
        )
    try:
        address = _address(server, log)
        took = psutil.Process(server.pid)
        http, acks_ms = _round(took, connection, ["http", address], plan, BATCHES, BATCH)
        many, _ = _round(took, connection, ["mqtt", str(port)], plan, BATCHES, BATCH)
        single, _ = _round(took, connection, ["mqtt", str(port)], plan, SINGLES, 1)
    finally:
        server.terminate()
        server.wait()
    return {
        "batch": BATCH,
        "values_a_message": VALUES,
        **{f"http_{name}": value for name, value in http.items()},
        "http_ack_p99_ms": round(percentile(acks_ms, 0.99)),
        **{f"mqtt_{name}": value for name, value in many.items()},
        **{f"mqtt_single_{name}": value for name, value in single.items()},
        "lost": http["lost"] + many["lost"] + single["lost"],
    }


def _round(
    server: psutil.Process,
    connection: psycopg.Connection[Any],
    way: list[str],
    plan: Path,
    payloads: int,
    batch: int,
) -> tuple[dict[str, Any], list[float]]:
    """Have the senders send, and wait until all of it is on disk or nothing comes any more."""
    before, cpu = _rows(connection), server.cpu_times()
    started_s = time.perf_counter()
    share = payloads // SENDERS
    program = [sys.executable, "-m", "tests.bench.push_sender", *way, str(plan), str(share), str(batch)]
    senders = [
        subprocess.Popen([*program, str(number)], cwd=ROOT, stdout=subprocess.PIPE)
        for number in range(SENDERS)
    ]
    said = [json.loads(sender.communicate()[0]) for sender in senders]
    sent = sum(one["acknowledged"] for one in said)
    stored, until_s = _rows(connection) - before, time.perf_counter() + PATIENCE_S
    while stored < sent and time.perf_counter() < until_s:
        time.sleep(0.1)
        stored = _rows(connection) - before
    spent_s, spent = time.perf_counter() - started_s, server.cpu_times()
    cpu_s = spent.user + spent.system - cpu.user - cpu.system
    figures = {
        "messages_per_s": round(stored / spent_s),
        "us_per_value": round(cpu_s / max(1, stored) / VALUES * 1e6, 2),
        "lost": sent - stored,
    }
    return figures, [ms for one in said for ms in one["acks_ms"]]


def _rows(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM sample").fetchone()
    assert row is not None
    return int(row[0])


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    until_s = time.monotonic() + START_CAP_S
    while True:
        said = log.read_text("utf-8", "replace").replace(" ", "")
        if '"address":"' in said and '"broker_connected"' in said:
            return said.partition('"address":"')[2].partition('"')[0]
        assert server.poll() is None and time.monotonic() < until_s, said
        time.sleep(0.05)

"""A server that is killed while telemetry comes: what it acknowledged is there, what it did not is sent again, each once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.pushing import BROKER_PASSWORD, WAIT_S, Publisher, broker, pushed_to, pusher, until

GIVEN_UP = "UPDATE sync.turn SET until_us = identity.now_us()"
"""The time of who took from the broker is over: nobody waits for it here."""
ROOT = Path(__file__).resolve().parents[2]
MESSAGES, AT_ONCE = 400, 5


@contextmanager
def process(
    database: ServerDatabase, log: Path, **settings: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Yield a server as a process, and its address; it is killed at the end at the latest."""
    named = {f"HELIOGRAPH_{name.upper()}": value for name, value in settings.items()}
    env = {
        **os.environ,
        "HELIOGRAPH_DATABASE_URL": database.requests,
        "HELIOGRAPH_SECRET": "the secret of a server that is tested",
        "HELIOGRAPH_LISTEN_PORT": "0",
        "HELIOGRAPH_INGEST_FLUSH_MS": "20",
        **named,
    }
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "sync_server", "run"], cwd=ROOT, env=env, stderr=stream, stdout=stream
        )
    try:
        yield server, _address(server, log)
    finally:
        server.kill()
        server.wait()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    until_s = time.monotonic() + WAIT_S * 2
    while True:
        said = log.read_text("utf-8", "replace")
        if '"address":' in said.replace(" ", ""):
            return said.replace(" ", "").partition('"address":"')[2].partition('"')[0]
        assert server.poll() is None, said
        assert time.monotonic() < until_s, said
        time.sleep(0.05)


async def test_what_was_acknowledged_over_http_is_there_after_a_kill(
    server_database: ServerDatabase, tmp_path: Path
) -> None:
    async with pushed_to(server_database) as (server, root):
        mast = await pusher(server, root)
    began_us = time.time_ns() // 1000
    acknowledged: list[int] = []

    async def send(address: str, sender: int) -> None:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {mast.secret}"}, timeout=30) as http:
            for number in range(10_000):
                at_us = began_us - sender * 10_000 - number
                body = {"messages": [{"at_us": at_us, "values": {"level": 1}}]}
                answer = await http.post(f"{address}/api/v1/telemetry", json=body)
                if answer.status_code == 200:
                    acknowledged.append(at_us)

    async def acknowledgements() -> bool:
        return len(acknowledged) >= 60

    with process(server_database, tmp_path / "log", push_device_per_s="100000") as (killed, address):
        senders = [asyncio.ensure_future(send(address, sender)) for sender in range(8)]
        await until(acknowledgements, True)
        killed.kill()
        outcomes = await asyncio.gather(*senders, return_exceptions=True)
    assert {isinstance(outcome, httpx.TransportError) for outcome in outcomes} == {True}
    async with serving(server_database) as later:
        stored = "SELECT count(DISTINCT at_us) FROM sample WHERE at_us = ANY ($1::bigint[])"
        assert await later.owner.fetchval(stored, acknowledged) == len(acknowledged)


async def test_what_was_not_acknowledged_to_the_broker_comes_again_after_a_kill(
    server_database: ServerDatabase, tmp_path: Path
) -> None:
    async with pushed_to(server_database) as (server, root):
        mast = await pusher(server, root)
    began_us = time.time_ns() // 1000
    with broker({mast.device: "m"}) as mosquitto:
        settings: dict[str, Any] = {
            "mqtt_broker": f"mqtt://127.0.0.1:{mosquitto.port}",
            "mqtt_password": BROKER_PASSWORD,
            "push_device_per_s": "100000",
        }
        publisher = Publisher(mosquitto, mast.device, "m")

        async def publish(first: int, last: int) -> None:
            for start in range(first, last, AT_ONCE):
                values = [
                    {"key": mast.secret, "at_us": began_us - number, "values": {"level": number}}
                    for number in range(start, start + AT_ONCE)
                ]
                await publisher.publish(mast.topic(), *values)

        async def is_connected() -> bool:
            return '"broker_connected"' in (tmp_path / "one").read_text("utf-8")

        async def some_are_stored() -> bool:
            return await mast.stored() >= 20

        async with serving(server_database) as watching:
            mast.server = watching
            with process(server_database, tmp_path / "one", **settings) as (killed, _):
                await until(is_connected, True)
                sending = asyncio.ensure_future(publish(0, MESSAGES // 2))
                await until(some_are_stored, True)
                killed.kill()
                await sending
            await watching.owner.execute(GIVEN_UP)
            await publish(MESSAGES // 2, MESSAGES)
            before = await mast.stored()
            with process(server_database, tmp_path / "two", **settings):
                await until(mast.stored, MESSAGES)
        assert 20 <= before < MESSAGES
        publisher.close()

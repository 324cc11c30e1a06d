"""What tests of pushed telemetry share: devices with keys, a broker, publishers. Counterpart: `sync_server/push/`.

One rule: what is stored is counted as a superuser, who sees all tenants.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from domain.vault import Secret
from tests.ports import free_port
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tools.broker import SERVER, Mosquitto

WAIT_S = 120.0
BROKER_PASSWORD = "of the server at the broker"


class Pusher:
    """A device of a tenant with a key of its own."""

    def __init__(self, server: Server, tenant: str, device: str, made: dict[str, Any]) -> None:
        self.server, self.tenant, self.device = server, tenant, device
        self.secret: str = made["secret"]
        self.key: str = made["key"]["id"]
        self.http = server.somebody(self.secret)

    async def push(self, *messages: dict[str, Any], expect: int = 200) -> Any:
        """Send messages over HTTP; return the data of the answer."""
        return await self.http.post("/telemetry", {"messages": list(messages)}, expect=expect)

    def topic(self, kind: str = "telemetry") -> str:
        """Return where it publishes."""
        return f"tenant/{self.tenant}/device/{self.device}/{kind}"

    async def stored(self) -> int:
        """Return how many messages of it are on disk."""
        counted = (
            "SELECT count(*) FROM sample JOIN sample_source s ON s.key = source_key WHERE s.device_id = $1"
        )
        found: int = await self.server.owner.fetchval(counted, self.device)
        return found


async def device_of(admin: Person) -> str:
    """Make a device and return its id."""
    number = uuid4().int
    address = f"10.{number % 250}.{number // 250 % 250}.{number // 62_500 % 250}"
    return str((await admin.post("/devices", {"name": "Mast", "address": address}, expect=201))["id"])


async def pusher(server: Server, admin: Person, device: str = "", **more: Any) -> Pusher:
    """Return a device of the tenant that an administrator works in, with a key."""
    device = device or await device_of(admin)
    tenant = (await admin.get("/auth/me"))["tenant"]
    made = await admin.post("/push-keys", {"name": "Mast", "device": device, **more}, expect=201)
    return Pusher(server, tenant, device, made)


@asynccontextmanager
async def pushed_to(database: ServerDatabase, **settings: Any) -> AsyncIterator[tuple[Server, Person]]:
    """Yield a server and its platform's administrator, who is in a tenant."""
    async with serving(database, **{"ingest_flush_ms": 5, **settings}) as server:
        root = await server.found()
        await server.tenant(root)
        yield server, root


@contextmanager
def broker(passwords: Mapping[str, str] | None = None, more_rights: str = "") -> Iterator[Mosquitto]:
    """Yield a broker that listens."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-mqtt-"))
    made = Mosquitto(folder, {SERVER: BROKER_PASSWORD, **(passwords or {})}, more_rights, free_port())
    try:
        made.start()
        yield made
    finally:
        made.stop()
        rmtree(folder, ignore_errors=True)


def at(broker: Mosquitto) -> dict[str, Any]:
    """Return the settings of a server at a broker."""
    return {"mqtt_broker": f"mqtt://127.0.0.1:{broker.port}", "mqtt_password": Secret(BROKER_PASSWORD)}


class Publisher:
    """A client of the broker that publishes at QoS 1."""

    def __init__(self, broker: Mosquitto, user: str, password: str) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, user, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(user, password)
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(1_000)
        self.refused = 0
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def _on_publish(self, _: Any, __: Any, ___: int, reason: Any, ____: Any) -> None:
        self.refused += reason.is_failure

    async def publish(self, topic: str, *payloads: bytes | dict[str, Any]) -> None:
        """Publish payloads, and wait until the broker has them."""
        sent = [
            self._client.publish(topic, one if isinstance(one, bytes) else json.dumps(one), 1)
            for one in payloads
        ]
        await asyncio.to_thread(lambda: [one.wait_for_publish(WAIT_S) for one in sent])

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()


async def until(asked: Any, wanted: Any) -> None:
    """Wait until an awaitable thing has a value."""
    until_s = time.monotonic() + WAIT_S
    while (got := await asked()) != wanted:
        assert time.monotonic() < until_s, f"{wanted} expected, got {got}"
        await asyncio.sleep(0.02)

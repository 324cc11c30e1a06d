"""A process of the bench `push`: sends messages as fast as they are acknowledged, and says how many were.

push_sender http ADDRESS | mqtt PORT, then KEYS PAYLOADS BATCH NUMBER
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

AT_ONCE = 4
TENANT = UUID(int=1)
IN_FLIGHT = 1_000


def batches(count: int, batch: int, number: int) -> Iterator[list[dict[str, Any]]]:
    """Yield what each payload holds: no two messages have the same time."""
    at_us = time.time_ns() // 1000 - 3_600_000_000 * (number + 1)
    for _ in range(count):
        messages = []
        for _ in range(batch):
            at_us += 1
            values = {
                "battery_pct": 88.5,
                "vibration_g": 0.1,
                "pressure_psi": 31.2,
                "humidity_pct": 55,
                "door": True,
            }
            messages.append({"at_us": at_us, "values": values})
        yield messages


async def over_http(
    address: str, keys: list[list[str]], payloads: Iterator[list[dict[str, Any]]]
) -> dict[str, Any]:
    """Send payloads, some at a time."""
    acknowledged, acks_ms = 0, []
    numbered = enumerate(payloads)

    async def send(http: httpx.AsyncClient) -> None:
        nonlocal acknowledged
        for number, messages in numbered:
            headers = {"Authorization": f"Bearer {keys[number % len(keys)][1]}"}
            started_s = time.perf_counter()
            answer = await http.post(
                f"{address}/api/v1/telemetry", json={"messages": messages}, headers=headers
            )
            acks_ms.append((time.perf_counter() - started_s) * 1e3)
            acknowledged += answer.json()["data"]["stored"]

    async with httpx.AsyncClient(timeout=60) as http:
        await asyncio.gather(*(send(http) for _ in range(AT_ONCE)))
    return {"acknowledged": acknowledged, "acks_ms": acks_ms}


def over_mqtt(
    port: int, keys: list[list[str]], payloads: Iterator[list[dict[str, Any]]], name: str
) -> dict[str, Any]:
    """Publish payloads at QoS 1."""
    client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("field", "bench")
    client.max_inflight_messages_set(IN_FLIGHT)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    published = 0
    last = []
    for number, messages in enumerate(payloads):
        device, key = keys[number % len(keys)]
        payload = json.dumps({"key": key, "messages": messages})
        last.append(client.publish(f"tenant/{TENANT}/device/{device}/telemetry", payload, 1))
        published += len(messages)
        if len(last) >= IN_FLIGHT:
            last.pop(0).wait_for_publish(60)
    for one in last:
        one.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()
    return {"acknowledged": published, "acks_ms": []}


if __name__ == "__main__":
    way, where, plan, count, batch, number = sys.argv[1:]
    known = json.loads(Path(plan).read_text())
    given = batches(int(count), int(batch), int(number))
    if way == "http":
        print(json.dumps(asyncio.run(over_http(where, known, given))))
    else:
        print(json.dumps(over_mqtt(int(where), known, given, f"sender{number}")))

"""A GET of ten OIDs per CPU second: our codec on one drained socket against the clients others poll with.

One rule: only the client's own CPU counts (`process_time`), and a peer is compared with the run of ours just before it.
"""

from __future__ import annotations

import asyncio
import json
import platform
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from engine.protocols.snmp import MIN_REQUEST_ID, decode_message, encode_get
from tests.bench.bench_pipeline import pipeline_figures
from tests.bench.exporter import exporter_client
from tests.bench.exporter import version as exporter_version
from tests.bench.snmp_agent import COMMUNITY, OIDS, SOCKET_BYTES, VARIANTS, reply

PAIRS = 7
IN_FLIGHT = 64
GETS = {
    "ours": 10_000,
    "gufo": 4_000,
    "gufo_sync": 4_000,
    "aiosnmp": 1_500,
    "pysnmp": 120,
    "snmp_exporter": 1_000,
}
"""How many GETs one run of each makes: a quarter to half a CPU second."""

Client = Callable[[int], float]
"""Makes so many GETs and returns the CPU seconds they took."""


@contextmanager
def agent() -> Iterator[int]:
    """Run the agent in a process of its own; give its port."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "tests.bench.snmp_agent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def our_client(port: int) -> Client:
    """Our codec: one socket for all, emptied whenever it has something, no event loop."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
    client.connect(("127.0.0.1", port))
    client.setblocking(False)

    def get(count: int) -> float:
        started = time.process_time()
        pending: set[int] = set()
        sent = 0
        while sent < count or pending:
            while sent < count and len(pending) < IN_FLIGHT:
                request_id = MIN_REQUEST_ID + sent
                client.send(encode_get(request_id, COMMUNITY, OIDS))
                pending.add(request_id)
                sent += 1
            select.select([client], [], [], 5)
            try:
                while True:
                    message = decode_message(client.recv(65_535))
                    pending.remove(message.request_id)
            except BlockingIOError:
                pass
        return time.process_time() - started

    return get


def _concurrently(get_one: Callable[[int], Awaitable[object]], runner: asyncio.Runner) -> Client:
    """Keep IN_FLIGHT of an asyncio client's GETs going; `get_one` is told which of the lanes asks."""

    async def lane(number: int, gets: int) -> None:
        for _ in range(gets):
            await get_one(number)

    async def run_lanes(count: int) -> float:
        started = time.process_time()
        await asyncio.gather(*(lane(number, max(1, count // IN_FLIGHT)) for number in range(IN_FLIGHT)))
        return time.process_time() - started

    return lambda count: runner.run(run_lanes(count)) * count / (max(1, count // IN_FLIGHT) * IN_FLIGHT)


def gufo_client(port: int, runner: asyncio.Runner) -> Client:
    """gufo-snmp as its documentation uses it: one kept session a device."""
    from gufo.snmp.aio import SnmpSession

    async def open_sessions() -> list[SnmpSession]:
        return [SnmpSession("127.0.0.1", port=port, community="public", timeout=5) for _ in range(IN_FLIGHT)]

    sessions = runner.run(open_sessions())
    oids = list(OIDS)
    return _concurrently(lambda number: sessions[number].get_many(oids), runner)


def gufo_sync_client(port: int) -> Client:
    """gufo-snmp without a loop: one device after another, each answer waited for."""
    from gufo.snmp.sync import SnmpSession

    session = SnmpSession("127.0.0.1", port=port, community="public", timeout=5)
    oids = list(OIDS)

    def get(count: int) -> float:
        started = time.process_time()
        for _ in range(count):
            session.get_many(oids)
        return time.process_time() - started

    return get


def aiosnmp_client(port: int, runner: asyncio.Runner) -> Client:
    """aiosnmp with one connection for all."""
    from aiosnmp import Snmp

    session = Snmp(host="127.0.0.1", port=port, community="public", timeout=5, validate_source_addr=False)
    runner.run(session.__aenter__())
    oids = list(OIDS)
    return _concurrently(lambda _: session.get(oids), runner)


def pysnmp_client(port: int, runner: asyncio.Runner) -> Client:
    """pysnmp's lighter architecture, with one dispatcher for all and MIB look-up off."""
    from pysnmp.hlapi.v1arch.asyncio import (
        CommunityData,
        ObjectIdentity,
        ObjectType,
        SnmpDispatcher,
        UdpTransportTarget,
        get_cmd,
    )

    async def prepare() -> tuple[SnmpDispatcher, UdpTransportTarget]:
        return SnmpDispatcher(), await UdpTransportTarget.create(("127.0.0.1", port), timeout=5)

    dispatcher, target = runner.run(prepare())
    community = CommunityData("public", mpModel=1)

    async def get_one(_: int) -> None:
        varbinds = [ObjectType(ObjectIdentity(oid)) for oid in OIDS]
        error, *_rest = await get_cmd(dispatcher, community, target, *varbinds, lookupMib=False)
        assert error is None, error

    return _concurrently(get_one, runner)


def decode_us() -> float:
    """Return the median time our codec takes for one reply."""
    replies = [reply(MIN_REQUEST_ID + variant, variant) for variant in range(VARIANTS)]
    times = []
    for _ in range(PAIRS):
        started = time.process_time()
        for _ in range(50):
            for data in replies:
                decode_message(data)
        times.append((time.process_time() - started) / (50 * VARIANTS))
    return statistics.median(times) * 1e6


def run() -> dict[str, dict[str, object]]:
    """Return the figures, and which peers and system they are of."""
    with agent() as port, asyncio.Runner() as runner, exporter_client(port, OIDS) as exporter:
        ours = our_client(port)
        peers = {
            "gufo": gufo_client(port, runner),
            "gufo_sync": gufo_sync_client(port),
            "aiosnmp": aiosnmp_client(port, runner),
            "pysnmp": pysnmp_client(port, runner),
            "snmp_exporter": exporter,
        }
        for name, client in {"ours": ours, **peers}.items():
            client(max(IN_FLIGHT, GETS[name] // 10))  # imports, caches, sockets
        rates: dict[str, list[float]] = {name: [] for name in GETS}
        ratios: dict[str, list[float]] = {name: [] for name in peers}
        for _ in range(PAIRS):
            for name, client in peers.items():
                own_rate = GETS["ours"] / ours(GETS["ours"])
                peer_rate = GETS[name] / client(GETS[name])
                rates["ours"].append(own_rate)
                rates[name].append(peer_rate)
                ratios[name].append(own_rate / peer_rate)
    figures = {f"vs_{name}_x": round(statistics.median(values), 2) for name, values in ratios.items()}
    figures |= {f"{name}_get_per_cpu_s": round(statistics.median(values)) for name, values in rates.items()}
    figures["decode_us"] = round(decode_us(), 2)
    figures |= pipeline_figures()
    loop = f"ours and gufo_sync: none; pipeline and others: asyncio {type(asyncio.new_event_loop()).__name__}"
    return {
        "figures": dict(figures),
        "peers": {
            "gufo-snmp": version("gufo-snmp"),
            "aiosnmp": version("aiosnmp"),
            "pysnmp": version("pysnmp"),
            "prometheus-snmp-exporter": exporter_version(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "loop": loop,
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=1) + "\n")

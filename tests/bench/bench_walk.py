"""A walk of 48 ports by ten columns per CPU second: ours in the engine's own session against the clients others walk with.

One rule: only the client's own CPU counts, and ours and theirs alternate.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

PORTS = 48
COLUMNS = tuple(f"1.3.6.1.2.1.2.2.1.{n}" for n in (2, 3, 6, 7, 8, 14, 20)) + tuple(
    f"1.3.6.1.2.1.31.1.1.1.{n}" for n in (1, 6, 10)
)
PAIRS = 5
IN_FLIGHT = 16
WALKS = {"ours": 200, "gufo": 100, "aiosnmp": 40, "pysnmp": 2}
REPETITIONS = 24

Walk = Callable[[int], Awaitable[int]]
"""Walks all columns in a lane and returns how many values came."""


@contextlib.contextmanager
def agent() -> Iterator[int]:
    """Run a router of 48 ports in a process of its own; give its port."""
    command = [sys.executable, "-m", "tests.bench.fleet_agent", "--first", "127.0.0.1"]
    environment = {**os.environ, "HELIOGRAPH_AGENT_PORTS": str(PORTS)}
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=environment) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def our_walk(port: int) -> Walk:
    """Our session, all columns abreast."""
    from engine.drivers.snmp_session import SnmpSession
    from engine.transport.udp import UdpTransport

    udp = UdpTransport(per_peer_cap=IN_FLIGHT)
    sessions = [
        SnmpSession(udp, ("127.0.0.1", port), "public", timeout_s=5.0, retries=1) for _ in range(IN_FLIGHT)
    ]

    async def walk(lane: int) -> int:
        session = sessions[lane]
        session.limit(30.0)
        return sum(map(len, (await session.walk(COLUMNS)).values()))

    return walk


def gufo_walk(port: int) -> Walk:
    """gufo-snmp's GETBULK iterator, column after column."""
    from gufo.snmp.aio import SnmpSession

    sessions = [
        SnmpSession("127.0.0.1", port=port, community="public", timeout=5, max_repetitions=REPETITIONS)
        for _ in range(IN_FLIGHT)
    ]

    async def walk(lane: int) -> int:
        count = 0
        for column in COLUMNS:
            async for _ in sessions[lane].getbulk(column):
                count += 1
        return count

    return walk


def aiosnmp_walk(port: int) -> Walk:
    """aiosnmp's bulk walk, column after column."""
    from aiosnmp import Snmp

    session = Snmp(host="127.0.0.1", port=port, community="public", timeout=5, validate_source_addr=False)

    async def walk(_: int) -> int:
        return sum([len(await session.bulk_walk(c, max_repetitions=REPETITIONS)) for c in COLUMNS])

    return walk


def pysnmp_walk(port: int) -> Walk:
    """pysnmp's lighter architecture with MIB look-up off, column after column."""
    from pysnmp.hlapi.v1arch.asyncio import (
        CommunityData,
        ObjectIdentity,
        ObjectType,
        SnmpDispatcher,
        UdpTransportTarget,
        bulk_walk_cmd,
    )

    dispatcher, community = SnmpDispatcher(), CommunityData("public", mpModel=1)

    async def walk(_: int) -> int:
        target = await UdpTransportTarget.create(("127.0.0.1", port), timeout=5)
        count = 0
        for column in COLUMNS:
            rows = bulk_walk_cmd(
                dispatcher,
                community,
                target,
                0,
                REPETITIONS,
                ObjectType(ObjectIdentity(column)),
                lookupMib=False,
                lexicographicMode=False,
            )
            async for error, _status, _index, varbinds in rows:
                assert error is None, error
                count += len(varbinds)
        return count

    return walk


async def _spent_s(walk: Walk, count: int) -> float:
    """Return the CPU seconds of so many walks, a few of them abreast."""

    async def lane(number: int, walks: int) -> None:
        for _ in range(walks):
            found = await walk(number)
            assert found >= PORTS * len(COLUMNS), found

    lanes = min(IN_FLIGHT, count)
    began_s = time.process_time()
    await asyncio.gather(*(lane(number, count // lanes) for number in range(lanes)))
    return (time.process_time() - began_s) * count / (count // lanes * lanes)


async def _figures(port: int) -> dict[str, float]:
    ours = our_walk(port)
    peers = {"gufo": gufo_walk(port), "aiosnmp": aiosnmp_walk(port), "pysnmp": pysnmp_walk(port)}
    rates: dict[str, list[float]] = {name: [] for name in WALKS}
    ratios: dict[str, list[float]] = {name: [] for name in peers}
    for pair in range(-1, PAIRS):  # the first warms up
        for name, walk in peers.items():
            own = WALKS["ours"] / await _spent_s(ours, WALKS["ours"])
            peer = WALKS[name] / await _spent_s(walk, WALKS[name])
            if pair >= 0:
                rates["ours"].append(own)
                rates[name].append(peer)
                ratios[name].append(own / peer)
    figures = {f"vs_{name}_x": round(statistics.median(found), 2) for name, found in ratios.items()}
    return figures | {f"{n}_walks_per_cpu_s": round(statistics.median(f), 1) for n, f in rates.items()}


def run() -> dict[str, Any]:
    """Return the figures."""
    with agent() as port:
        figures = asyncio.run(_figures(port))
    peers = {name: version(name) for name in ("gufo-snmp", "aiosnmp", "pysnmp")}
    return {"figures": figures, "peers": peers | {"python": platform.python_version()}}

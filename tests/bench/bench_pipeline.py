"""A poll of ten OIDs per CPU second: our whole pipeline against a bare GET of gufo-snmp's kept asyncio sessions.

Ours is what the engine runs: transport, decoding, the SNMP driver with its rates, an Answer with a Reading. The slow looks that
a driver takes every 20 cycles are not in it. One rule: only the client's own CPU counts, and ours and theirs alternate.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from operator import truediv
from pathlib import Path

from engine.drivers import snmp as driver_module
from engine.drivers.profiles import Profiles
from engine.drivers.snmp import SnmpDriver
from engine.drivers.snmp_session import SnmpSession
from engine.transport.udp import UdpTransport

PAIRS = 41
DEVICES = 64
READINGS = 15
"""Of each device in one run: many short runs, so that what else the machine does hits both alike."""

OIDS_PER_GET = 10


@contextmanager
def router_agent() -> Iterator[int]:
    """Run the agent in a process of its own; give its port."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "tests.bench.router_agent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


class OurPipeline:
    """So many drivers on one transport, past their first looks."""

    def __init__(self) -> None:
        self._udp: UdpTransport | None = None
        self._drivers: list[SnmpDriver] = []

    async def open(self, port: int) -> tuple[str, ...]:
        """Let every driver look once and settle; return the OIDs that each asks from then on."""
        self._udp = UdpTransport(per_peer_cap=DEVICES)
        profiles = Profiles()
        for _ in range(DEVICES):
            session = SnmpSession(self._udp, ("127.0.0.1", port), "public", timeout_s=5.0, retries=1)
            self._drivers.append(SnmpDriver(session, profiles=profiles, limit_s=30.0))
        for driver in self._drivers:
            for _ in range(2):
                await driver.read()
        (oids,) = self._drivers[0]._plan.batches
        assert len(oids) == OIDS_PER_GET, oids
        return oids

    async def run(self, readings: int) -> float:
        """Return the readings per CPU second."""

        async def lane(driver: SnmpDriver) -> None:
            for _ in range(readings):
                answer = await driver.read()
                assert len(answer.reading.values) >= 3

        started = time.process_time()
        await asyncio.gather(*map(lane, self._drivers))
        return readings * DEVICES / (time.process_time() - started)

    async def close(self) -> None:
        """Close the socket."""
        if self._udp is not None:
            await self._udp.close()


def _gufo_run(port: int, oids: tuple[str, ...]) -> Callable[[int], Awaitable[float]]:
    """Return what makes so many GETs with each of gufo's sessions, and tells the GETs per CPU second."""
    from gufo.snmp.aio import SnmpSession as GufoSession

    sessions = [GufoSession("127.0.0.1", port=port, community="public", timeout=5) for _ in range(DEVICES)]
    asked = list(oids)

    async def lane(session: GufoSession, gets: int) -> None:
        for _ in range(gets):
            await session.get_many(asked)

    async def run(gets: int) -> float:
        started = time.process_time()
        await asyncio.gather(*(lane(session, gets) for session in sessions))
        return gets * DEVICES / (time.process_time() - started)

    return run


async def _compare() -> dict[str, float]:
    driver_module.LOOK_EVERY_CYCLES = 1_000_000
    pipeline = OurPipeline()
    ours: list[float] = []
    theirs: list[float] = []
    with router_agent() as port:
        run_gufo = _gufo_run(port, await pipeline.open(port))
        gc.collect()
        gc.freeze()  # what was made at the start is no garbage, for either
        for _ in range(PAIRS + 2):
            ours.append(await pipeline.run(READINGS))
            theirs.append(await run_gufo(READINGS))
        await pipeline.close()
        gc.unfreeze()
    del ours[:2], theirs[:2]  # the first of each fill caches
    return {
        "pipeline_vs_gufo_x": round(statistics.median(map(truediv, ours, theirs)), 2),
        "pipeline_per_cpu_s": round(statistics.median(ours)),
        "pipeline_gufo_get_per_cpu_s": round(statistics.median(theirs)),
    }


def pipeline_figures() -> dict[str, float]:
    """Return the figures; the ratio is the median of the pairs' ratios."""
    return asyncio.run(_compare())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(pipeline_figures(), indent=1) + "\n")

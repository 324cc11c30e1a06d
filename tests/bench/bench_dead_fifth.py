"""What a fifth of silent devices does to the others: the living's poll cycle, with all alive and with every fifth dead.

Figures: `living_cycle_growth_pct` (mean time between two polls of a living device, with the dead against without),
`living_cycle_p99_growth_pct`, `false_downs` (living devices that were called down). One rule: the same engine, the same devices.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.bench.bench_fleet import FIRST, agent, fill, poll_times
from tests.engine.engine_process import EngineProcess

DEVICES = int(os.environ.get("HELIOGRAPH_BENCH_DEVICES", "1000"))
INTERVAL_S = 10.0
SETTLE_S = 45.0
MEASURE_S = 60.0
EVERY = 5


def _gaps_s(silent_every: int) -> tuple[list[float], int]:
    """Return the times between polls of devices that answer, and how many of those were called down."""
    with tempfile.TemporaryDirectory() as folder, agent(silent_every) as port:
        profile = Path(folder) / "profile"
        fill(profile, port, DEVICES, INTERVAL_S)
        with EngineProcess(profile) as engine:
            client = engine.client()
            time.sleep(SETTLE_S)
            since_us = time.time_ns() // 1000
            time.sleep(MEASURE_S)
            until_us = time.time_ns() // 1000
            dead = {str(FIRST + n) for n in range(0, DEVICES, EVERY)} if silent_every else set()
            downs = sum(
                client.state["device", id].address not in dead and health.status == "down"
                for (table, id), health in list(client.state.items())
                if table == "health"
            )
            time.sleep(3.0)
            times = poll_times(profile / "heliograph.db", since_us, until_us)
            engine.stop()
    return [(b - a) / 1e6 for at in times.values() for a, b in pairwise(at)], downs


def run() -> dict[str, Any]:
    """Return the figures."""
    alive, _ = _gaps_s(0)
    living, downs = _gaps_s(EVERY)
    worst = [statistics.quantiles(gaps, n=100)[98] for gaps in (alive, living)]
    figures = {
        "living_cycle_growth_pct": 100 * (statistics.fmean(living) / statistics.fmean(alive) - 1),
        "living_cycle_p99_growth_pct": 100 * (worst[1] / worst[0] - 1),
        "living_cycle_s": statistics.fmean(living),
        "false_downs": downs,
    }
    return {
        "figures": {name: round(value, 2) for name, value in figures.items()},
        "peers": {"devices": str(DEVICES)},
    }

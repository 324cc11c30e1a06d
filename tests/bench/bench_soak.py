"""A thousand simulated routers and half an hour of random faults: what grows, and who is called down that is not.

Every few seconds a router is killed, slowed, loses or garbles, and is revived later; the others are never touched.
Figures: `false_downs` (a router that was never touched called down), `missed_downs` (killed for longer than the
schedule promises, and not called down), memory and descriptors at the first and the last quarter, `mb_per_hour` (the slope of a
line through the second half), `polls_per_s`, `minutes`.
The engine is given ten minutes first: what a router has that is asked for rarely is learned in its first twenty cycles.
One rule: `HELIOGRAPH_SOAK_MINUTES` and `HELIOGRAPH_BENCH_DEVICES` say how long and how many.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from engine.monitor.schedule import FIRST_SWEEP_PER_S, promised_down_s
from tests.bench.bench_fleet import cpu_s, pss_mb
from tests.engine.engine_process import EngineProcess, Typist

DEVICES = int(os.environ.get("HELIOGRAPH_BENCH_DEVICES", "1000"))
MINUTES = float(os.environ.get("HELIOGRAPH_SOAK_MINUTES", "30"))
INTERVAL_S = 30.0
SETTLE_S = 600.0
FAULT_EVERY_S = 5.0
FAULT_LASTS_S = (20.0, 240.0)
FAULTS = (("kill",), ("slow", "800"), ("lose", "30"), ("garble",))
TOUCHED_SHARE = 0.3
SLACK_S = 20.0
"""More than the promise, for a machine that others use."""


class _Simulator:
    def __init__(self, folder: Path) -> None:
        self._state = folder / "simnet"
        self._inventory = folder / "inventory.json"
        command = [sys.executable, "-m", "simnet", "run", "--devices", str(DEVICES), "--with-parent"]
        self.process = subprocess.Popen(
            [*command, "--state", str(self._state), "--inventory", str(self._inventory), "--processes", "2"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def inventory(self) -> dict[str, Any]:
        """Return what an operator would type in, once the network is there."""
        deadline_s = time.monotonic() + 120
        while time.monotonic() < deadline_s:
            try:
                found: dict[str, Any] = json.loads(self._inventory.read_text())
            except (OSError, ValueError):
                time.sleep(0.5)
                continue
            return found
        raise RuntimeError("the simulator did not write its inventory in 120 s")

    def tell(self, *words: str) -> None:
        """Give a command."""
        command = [sys.executable, "-m", "simnet", words[0], "--state", str(self._state), *words[1:]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def run() -> dict[str, Any]:
    """Return the figures."""
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulator = _Simulator(folder)
        try:
            return _soak(simulator, folder / "profile", dice)
        finally:
            simulator.process.terminate()
            simulator.process.wait(timeout=30)


def _soak(simulator: _Simulator, profile: Path, dice: random.Random) -> dict[str, Any]:
    typist = Typist(simulator.inventory(), INTERVAL_S)
    with EngineProcess(profile) as engine:
        client = engine.client()
        refused = typist.type_in(client).refusals
        assert not refused, refused[:3]
        pid = engine.process.pid
        names = [given["name"] for given in simulator.inventory()["devices"]]
        touched = set(dice.sample(names, int(len(names) * TOUCHED_SHARE)))
        by_id: dict[UUID, str] = {typist.ids[name]: name for name in names}
        time.sleep(SETTLE_S + DEVICES / FIRST_SWEEP_PER_S)
        faulty: dict[str, tuple[float, float, bool]] = {}
        false_downs: set[str] = set()
        missed_downs = 0
        held_mb: list[float] = []
        held_at_s: list[float] = []
        open_files: list[int] = []
        began_s, began_cpu_s = time.monotonic(), cpu_s(pid)
        while (now_s := time.monotonic()) < began_s + MINUTES * 60:
            status = {
                by_id[id]: health.status
                for (table, id), health in list(client.state.items())
                if table == "health" and id in by_id
            }
            for router, (since_s, until_s, is_dead) in list(faulty.items()):
                late = now_s - since_s > promised_down_s(INTERVAL_S) + SLACK_S
                if is_dead and late and status.get(router) not in ("down", "stale"):
                    missed_downs += 1
                    faulty[router] = (since_s, until_s, False)  # counted once
                if now_s > until_s:
                    simulator.tell("revive", router)
                    del faulty[router]
            for router, word in status.items():
                if word == "down" and router not in touched:
                    false_downs.add(router)
            rest = sorted(touched - faulty.keys())
            if rest:
                router, fault = dice.choice(rest), dice.choice(FAULTS)
                simulator.tell(fault[0], router, *fault[1:])
                faulty[router] = (now_s, now_s + dice.uniform(*FAULT_LASTS_S), fault[0] == "kill")
            client.heard.clear()
            held_mb.append(pss_mb(pid))
            held_at_s.append(time.monotonic())
            open_files.append(_descriptors(pid))
            time.sleep(FAULT_EVERY_S)
        share = 100 * (cpu_s(pid) - began_cpu_s) / (time.monotonic() - began_s)
        state = client.latest("engine", None)  # type: ignore[arg-type]
        engine.stop()
    quarter, half = max(1, len(held_mb) // 4), len(held_mb) // 2
    slope_per_s = statistics.linear_regression(held_at_s[half:], held_mb[half:]).slope
    figures = {
        "minutes": MINUTES,
        "devices": float(DEVICES),
        "false_downs": float(len(false_downs)),
        "missed_downs": float(missed_downs),
        "first_quarter_mb": statistics.fmean(held_mb[:quarter]),
        "last_quarter_mb": statistics.fmean(held_mb[-quarter:]),
        "mb_per_hour": slope_per_s * 3600,
        "first_quarter_descriptors": statistics.fmean(open_files[:quarter]),
        "last_quarter_descriptors": statistics.fmean(open_files[-quarter:]),
        "core_share_pct": share,
        "polls_per_s": state.polls_per_s,
        "start_jitter_p99_ms": state.schedule_lag_p99_ms,
    }
    return {"figures": {key: round(value, 2) for key, value in figures.items()}, "peers": {}}

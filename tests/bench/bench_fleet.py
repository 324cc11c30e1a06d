"""Ten thousand routers, a hundred numbers each, every thirty seconds: the whole engine with its disk, the simulator apart.

Figures: `core_share_pct` of one core over whole cycles, `missed_cycles` (a router's rows further apart than one and a half
intervals), `start_jitter_p99_ms` (how late polls are, of all polls, against each router's own earliest, by their times on disk),
`worst_seconds_ms` (how late polls began in the worst of a hundred seconds, as the engine says it), `values_per_s` on disk,
`checksum_off_pct` (mean rate on disk against the rate that the routers really have), `engine_pss_mb`.
One rule: nothing is left out: SNMP, rates, health, samples and journal on disk, a client attached.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.edit import Edit, apply, creation
from domain.ids import uuid7
from domain.inventory import Credential, Device, Inventory, Probe
from domain.journal import JournalRow
from domain.wire import QuerySeries
from engine.monitor.schedule import FIRST_SWEEP_PER_S
from engine.profile import Profile
from engine.storage import Store
from engine.vault import Vault
from tests.bench.fleet_agent import IN_BPS
from tests.engine.engine_process import EngineProcess

FIRST = ipaddress.IPv4Address("127.16.0.1")
DEVICES = int(os.environ.get("HELIOGRAPH_BENCH_DEVICES", "10000"))
INTERVAL_S = 30.0
SETTLE_CYCLES = 3
CYCLES = 4
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def agent(silent_every: int = 0) -> Iterator[int]:
    """Run the routers in a process of their own; give their port."""
    command = [sys.executable, "-m", "tests.bench.fleet_agent", "--first", str(FIRST)]
    with subprocess.Popen(
        [*command, "--silent-every", str(silent_every)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def fill(folder: Path, port: int, devices: int, interval_s: float) -> None:
    """Write a profile whose inventory is the fleet."""
    profile = Profile.open(folder)
    store = Store.open(profile.database, now_us=time.time_ns() // 1000, new_id=_new_id, tenant_name="Fleet")
    credential = Credential(_new_id(), "public", "snmp_community")
    sealed = Vault.open(store, profile.folder).seal(credential.id, "public")
    probe = Probe("snmp", port, credential.id)
    steps = [creation("credential", credential)]
    for number in range(devices):
        device = Device(_new_id(), f"R{number:05d}", str(FIRST + number), (probe,), interval_s=interval_s)
        steps.append(creation("device", device))
    inventory = Inventory()
    edit = Edit(_new_id(), time.time_ns() // 1000, "bench", "A fleet", tuple(steps))
    apply(inventory, edit)
    row = JournalRow(store.loaded.origin, store.loaded.next_seq, edit.at_us, "edit_applied", None, {})
    store.apply_edit(edit, inventory, row, {credential.id: sealed})
    store.close()
    profile.close()


def _new_id() -> UUID:
    return uuid7(time.time_ns() // 1000, os.urandom(10))


def cpu_s(pid: int) -> float:
    """Return the CPU a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def pss_mb(pid: int) -> float:
    """Return what a process holds, shared pages by share."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) / 1024 for line in rollup.splitlines() if line.startswith("Pss:"))


def poll_times(database: Path, since_us: int, until_us: int) -> dict[int, list[int]]:
    """Return when each source was polled, from the disk."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found: dict[int, list[int]] = {}
        query = "SELECT source_key, at_us FROM sample WHERE at_us BETWEEN ? AND ? ORDER BY at_us"
        for source, at_us in connection.execute(query, (since_us, until_us)):
            found.setdefault(source, []).append(at_us)
        return found


def jitters_ms(times: dict[int, list[int]]) -> list[float]:
    """Return how much later each poll was than its router's place in the interval: that of the earliest of its polls."""
    interval_us = int(INTERVAL_S * 1e6)
    found: list[float] = []
    for at in times.values():
        cycles = [round((one - at[0]) / interval_us) for one in at]
        late_us = [one - cycle * interval_us for one, cycle in zip(at, cycles, strict=True)]
        found += [(late - min(late_us)) / 1000 for late in late_us]
    return found


def run() -> dict[str, Any]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder, agent() as port:
        profile = Path(folder) / "profile"
        fill(profile, port, DEVICES, INTERVAL_S)
        with EngineProcess(profile) as engine:
            client = engine.client()
            time.sleep(DEVICES / FIRST_SWEEP_PER_S + SETTLE_CYCLES * INTERVAL_S)
            began_us, began_cpu_s, began_s = (
                time.time_ns() // 1000,
                cpu_s(engine.process.pid),
                time.monotonic(),
            )
            lags_ms: list[float] = []
            for _ in range(int(CYCLES * INTERVAL_S)):
                time.sleep(1.0)
                lags_ms.append(client.latest("engine", None).schedule_lag_p99_ms)  # type: ignore[arg-type]
                client.heard.clear()
            used_s, took_s = cpu_s(engine.process.pid) - began_cpu_s, time.monotonic() - began_s
            until_us = time.time_ns() // 1000
            held_mb = pss_mb(engine.process.pid)
            device = next(id for table, id in client.state if table == "device")
            asked = client.ask(lambda n: QuerySeries(n, device, "if_in_bps", "ether7", began_us, until_us))
            checked = asked.result["value"]
            time.sleep(3.0)
            times = poll_times(profile / "heliograph.db", began_us, until_us)
            engine.stop()
    slack_us = INTERVAL_S * 1.5e6
    missed = sum(b - a > slack_us for at in times.values() for a, b in pairwise(at))
    missed += sum(max(0, CYCLES - 1 - len(at)) for at in times.values()) + CYCLES * (DEVICES - len(times))
    polls = sum(map(len, times.values()))
    figures = {
        "core_share_pct": 100 * used_s / took_s,
        "us_per_value": 1e6 * used_s / (polls * 100),
        "missed_cycles": missed,
        "start_jitter_p99_ms": statistics.quantiles(jitters_ms(times), n=100)[98],
        "worst_seconds_ms": statistics.quantiles(lags_ms, n=100)[98],
        "values_per_s": polls * 100 / took_s,
        "checksum_off_pct": 100 * abs(statistics.fmean(checked) / IN_BPS - 1),
        "engine_pss_mb": held_mb,
    }
    return {
        "figures": {name: round(value, 2) for name, value in figures.items()},
        "peers": {"devices": str(DEVICES), "interval_s": str(INTERVAL_S)},
    }

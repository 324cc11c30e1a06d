"""Ten thousand devices lost behind one node, and a link that flaps for an hour: what is told, when, and at what cost.

Judge, graph, rules and a poller's schedule in virtual time; only the sockets are not real. A POP carries a relay, the relay 100
trees of 100 devices; their silence begins within five seconds, each device at its own moment, the relay last. Figures:
`root_alerts` (the cause's), `false_alerts` (anybody else's), `first_alert_s` (from the last observation that was needed, the miss
that called the relay down), `tick_p99_ms` and
`judge_cpu_s` (CPU of the judge's ticks and folds over the storm), `shown_s` (until the fault held all 10,000), and
`recovery_alerts` (when all is back). `flap_notices`: alerts opened or reopened by a link that turns every second for an hour.
One rule: what is told is counted from the journal.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from domain.inventory import Device, Link
from engine.journal import JournalPen
from engine.judge.judge import Judge
from engine.state import State
from tests.unit.court import Court, ports
from tests.unit.town import Town, node

DEVICES = int(os.environ.get("HELIOGRAPH_BENCH_DEVICES", "10000"))
TREES = 100
STORM_S = 5.0
FLAPS_S = 3600
POP = node(1, "pop", "pop")
RELAY = node(2, "relay")


class _Storm(Town):
    """A town that falls silent device by device, and clocks what the judge costs."""

    def __init__(self, *entities: Any) -> None:
        self.silent_from_s: dict[UUID, float] = {}
        self.ticks_ms: list[float] = []
        self.cpu_s = 0.0
        super().__init__(POP, *entities)

    def reached(self) -> set[UUID]:
        """Return the devices that are not silent yet."""
        return {
            d.id for d in self.state.inventory.devices() if self.silent_from_s.get(d.id, 1e9) > self.now_s
        }

    def make_judge(self, state: State, pen: JournalPen) -> Judge:
        """Return a judge whose folds and ticks are clocked."""
        judge = super().make_judge(state, pen)
        judge.observe, judge.tick = self._clocked(judge.observe), self._clocked(judge.tick, self.ticks_ms)  # type: ignore[method-assign]
        return judge

    def _clocked(self, call: Callable[..., None], each_ms: list[float] | None = None) -> Callable[..., None]:
        def clocked(*given: Any) -> None:
            began_s = time.process_time()
            call(*given)
            used_s = time.process_time() - began_s
            self.cpu_s += used_s
            if each_ms is not None:
                each_ms.append(used_s * 1000)

        return clocked


def _network() -> _Storm:
    devices: list[Device] = [node(10 + n, f"D{n:05d}", "access", 1) for n in range(DEVICES)]
    links = [Link(UUID(int=1 << 64), POP.id, RELAY.id)]
    each = DEVICES // TREES
    for n, one in enumerate(devices):
        place = n % each
        above = devices[n - place + (place - 1) // 2] if place else RELAY
        links.append(Link(UUID(int=(1 << 64) + 1 + n), above.id, one.id))
    return _Storm(POP, RELAY, *devices, *links)


def _storm() -> dict[str, float]:
    town = _network()
    town.runs(60)
    assert {h.status for h in town.state.health.values()} == {"up"}
    fell_s = town.now_s
    ids = [id for id in town.state.health if id not in (POP.id, RELAY.id)]
    town.silent_from_s = {id: fell_s + STORM_S * n / len(ids) for n, id in enumerate(ids)}
    town.silent_from_s[RELAY.id] = fell_s + STORM_S
    town.ticks_ms.clear()
    town.cpu_s = 0.0
    needed_s = shown_s = None
    for _ in range(180):
        town.runs(1)
        if needed_s is None and town.state.health[RELAY.id].status == "down":
            needed_s = town.now_s
        fault = town.state.faults.get(RELAY.id)
        if shown_s is None and fault is not None and len(fault.affected) == DEVICES:
            shown_s = town.now_s
    opened = [row for row in town.rows if row.kind == "alert_opened"]
    causes = [row for row in opened if row.subject == RELAY.id]
    first_s = min((town.now_s - (town.now_us - row.at_us) / 1e6 for row in causes), default=float("inf"))
    ticks_ms, cpu_s = list(town.ticks_ms), town.cpu_s
    town.silent_from_s = {}
    town.runs(240)
    after = [row for row in town.rows if row.kind in ("alert_opened", "alert_reopened")]
    return {
        "root_alerts": float(len(causes)),
        "false_alerts": float(len(opened) - len(causes)),
        "first_alert_s": first_s - (needed_s if needed_s is not None else float("inf")),
        "shown_s": (shown_s or float("inf")) - fell_s,
        "recovery_alerts": float(len(after) - len(opened)),
        "still_open": float(len(town.open_names())),
        "tick_p99_ms": statistics.quantiles(ticks_ms, n=100)[98],
        "judge_cpu_s": cpu_s,
    }


def _flap() -> float:
    a, b = node(1, "a"), node(2, "b")
    court = Court(a, b, Link(UUID(int=7), a.id, b.id, "ether1", "ether1"))
    for second in range(FLAPS_S):
        court.now_s += 1
        for end in (a, b):
            court.answers(end, ports("ether1", float(second % 2)), probe="icmp")
        court.judge.tick(court.now_us, 1_000.0 + court.now_s)
    return float(sum(row.kind in ("alert_opened", "alert_reopened") for row in court.rows))


def run() -> dict[str, Any]:
    """Return the figures."""
    figures = {**_storm(), "flap_notices": _flap()}
    return {
        "figures": {key: round(value, 2) for key, value in figures.items()},
        "peers": {"devices": str(DEVICES)},
    }

"""Two hundred random faults in five hundred simulated routers on a real backbone: is every cause named, and nothing else?

A whole engine polls over SNMP, API and ping every five seconds; what has no path to the vantage is silent. Some faults run at
once, in parts of the network that do not touch. Kinds: a router, a POP or a link that others hang on dies; a link of a ring is
cut, which loses nobody; two at once; one behind another (told when the first is mended); a POP and a link of a ring.
What is right: of a dead router its name; of a cut link the link or, where its far side is dark, the first device behind it. A
fault behind a fault is a wrong name until the first is mended, and has to be told then.
Figures: `recall_pct` of causes that were named, by a fault that is shown and an alert that is open; `precision_pct` of what was
named (faults that are shown, and alerts that opened) that is a cause; `children_alerted`: alerts about anything else, ever
opened; `affected_right_pct` of faults that show as affected exactly what the simulator says is unreachable; `p50_s`, `p95_s`
from fault to alert; `wrong_after_mending`: alerts that recovery opened; `not_calm`: rounds after which something was open still;
`worst_load` of the machine: where others starve the simulator, its routers answer pings and nothing else.
One rule: `HELIOGRAPH_FAULTS` and `HELIOGRAPH_BENCH_DEVICES` say how many; what was wrong is told line by line on stderr.
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
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from domain.alert_rules import DEFAULT_RULES
from domain.alerts import Alert
from domain.edit import creation
from domain.fault import Fault
from domain.health import Health
from engine.monitor.schedule import FIRST_SWEEP_PER_S
from simnet.control import send_command
from tests.bench.bench_fleet import cpu_s
from tests.bench.fault_plan import Act, Plan, Scenario
from tests.engine.client import TestClient
from tests.engine.engine_process import EngineProcess, Typist

TOPOLOGY = "sndlib/germany50"
DEVICES = int(os.environ.get("HELIOGRAPH_BENCH_DEVICES", "500"))
FAULTS = int(os.environ.get("HELIOGRAPH_FAULTS", "200"))
INTERVAL_S = 5.0
AT_ONCE = max(2, DEVICES // 40)
DEEP_EVERY = 3
"""In every third round faults behind faults are mended one after the other, which takes longer."""
TOLD_S, CALM_S = 60.0, 150.0
"""How long is waited until all is told, and until all is calm again."""
LATE_S = 5.0
"""How long is listened for what is told late, though it should not be."""
STATUSES = frozenset({"device_down", "device_degraded", "device_stale", "link_down", "port_down", "cut_off"})


class Simulator:
    """The simulator as a process; `tell` gives it a command."""

    def __init__(self, folder: Path) -> None:
        self._state, self._inventory = folder / "simnet", folder / "inventory.json"
        command = [sys.executable, "-m", "simnet", "run", "--topology", TOPOLOGY, "--devices", str(DEVICES)]
        command += ["--with-parent", "--processes", "2", "--state", str(self._state)]
        self.process = subprocess.Popen(
            [*command, "--inventory", str(self._inventory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
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

    def tell(self, *words: str) -> str:
        """Give a command and return what was said."""
        is_done, said = send_command(self._state, words)
        assert is_done, said
        return said

    def dark(self) -> frozenset[str]:
        """Return the routers that answer nobody."""
        marks = json.loads(self.tell("status"))["routers"]
        return frozenset(name for name, said in marks.items() if {"dead", "cut off"} & set(said))

    def end(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=30)


class Listener:
    """What the engine says, by the names of the simulator."""

    def __init__(self, client: TestClient, ids: dict[str, UUID], devices: int) -> None:
        self._client, self._devices = client, devices
        self._names = {id: name for name, id in ids.items()}

    def faults(self) -> dict[str, frozenset[str]]:
        """Return what is affected, by cause."""
        return {self._name(one.subject): frozenset(map(self._name, one.affected)) for one in self._all(Fault)}

    def alerts(self, since_us: int = 0) -> list[tuple[str, Alert]]:
        """Return the alerts on statuses that opened since then, and what they are about."""
        found = [one for one in self._all(Alert) if one.kind in STATUSES and one.opened_us >= since_us]
        return [(self._name(one.subject), one) for one in found]

    def calling(self) -> dict[str, Alert]:
        """Return the open alerts that a cause has, by what they are about."""
        causes = ("device_down", "link_down", "cut_off")
        return {name: one for name, one in self.alerts() if one.is_open and one.kind in causes}

    def is_calm(self) -> bool:
        """Tell whether every device is up, and nothing is told."""
        up = sum(one.status == "up" for one in self._all(Health))
        return up == self._devices and not self.faults() and not any(a.is_open for _, a in self.alerts())

    def unrest(self) -> list[str]:
        """Return what is not calm."""
        down = [f"{self._name(h.device)} is {h.status}" for h in self._all(Health) if h.status != "up"]
        still = [f"{alert.kind} {name} open" for name, alert in self.alerts() if alert.is_open]
        return [*down, *still, *(f"{name} a fault" for name in self.faults())]

    def _all(self, kind: type[Any]) -> list[Any]:
        self._client.heard.clear()
        return [one for one in list(self._client.state.values()) if isinstance(one, kind)]

    def _name(self, id: UUID) -> str:
        return self._names.get(id, "the poller's own line")


class Score:
    """What came of it."""

    def __init__(self) -> None:
        self.causes = self.named = self.right = self.told = 0
        self.scenarios = self.affected_right = 0
        self.children = self.wrong_after = self.not_calm = self.untrue = 0
        self.waits_s: list[float] = []
        self.load = 0.0

    def figures(self) -> dict[str, float]:
        """Return the figures."""
        waits_s = sorted(self.waits_s) or [float("nan")]
        return {
            "faults": float(self.scenarios),
            "causes": float(self.causes),
            "recall_pct": 100 * self.named / max(1, self.causes),
            "precision_pct": 100 * self.right / max(1, self.told),
            "children_alerted": float(self.children),
            "affected_right_pct": 100 * self.affected_right / max(1, self.scenarios),
            "wrong_after_mending": float(self.wrong_after),
            "not_calm": float(self.not_calm),
            "simulator_disagreed": float(self.untrue),
            "p50_s": statistics.median(waits_s),
            "p95_s": waits_s[(len(waits_s) - 1) * 95 // 100],
            "max_s": waits_s[-1],
            "worst_load": self.load,
        }


class Round:
    """Some faults at once: done, told, judged, mended."""

    def __init__(self, simulator: Simulator, listener: Listener, plan: Plan, score: Score) -> None:
        self._simulator, self._listener, self._plan, self._score = simulator, listener, plan, score
        self._done_us: dict[Act, int] = {}

    def run(self, scenarios: list[Scenario], dice: random.Random) -> None:
        """Do them, judge what is told, mend them."""
        began_us = _now_us()
        acts = [act for one in scenarios for act in one.acts]
        dice.shuffle(acts)
        for act in acts:
            self._simulator.tell(act.verb, act.what)
            self._done_us[act] = _now_us()
        _wait(TOLD_S, lambda: all(self._is_told(one) for one in scenarios))
        time.sleep(LATE_S)
        if self._simulator.dark() != self._plan.dark(acts):
            self._score.untrue += 1
        self._judge(scenarios, began_us)
        self._mend(scenarios)

    def _is_told(self, one: Scenario) -> bool:
        calling, faults = self._listener.calling(), self._listener.faults()
        causes = self._plan.causes(one.acts)
        return all(cause.names & calling.keys() & faults.keys() for cause in causes) and self._shows(one)

    def _shows(self, one: Scenario) -> bool:
        """Tell whether what is shown as affected is what has no path, but for the causes."""
        faults = self._listener.faults()
        names = {name for cause in self._plan.causes(one.acts) for name in cause.names} & faults.keys()
        shown = frozenset().union(*(faults[name] for name in names))
        return shown == self._plan.dark(one.acts) - names

    def _judge(self, scenarios: list[Scenario], began_us: int) -> None:
        calling, faults = self._listener.calling(), self._listener.faults()
        right: set[str] = set()
        score = self._score
        for one in scenarios:
            score.scenarios += 1
            for cause in self._plan.causes(one.acts):
                right |= cause.names
                score.causes += 1
                named = cause.names & calling.keys() & faults.keys()
                score.named += bool(named)
                if named:
                    opened_us = min(calling[name].opened_us for name in named)
                    score.waits_s.append((opened_us - self._done_us[cause.act]) / 1e6)
                    if score.waits_s[-1] > 25:
                        _say(f"slow: {one.kind}: {' '.join(cause.act)} after {score.waits_s[-1]:.1f} s")
                else:
                    _say(f"not named: {one.kind}: {' '.join(cause.act)}")
            shows = self._shows(one)
            score.affected_right += shows
            if not shows:
                names = {name for cause in self._plan.causes(one.acts) for name in cause.names}
                dark = sorted(self._plan.dark(one.acts))
                _say(
                    f"affected: {one}: {dark} shown { {n: sorted(faults[n]) for n in names if n in faults} }"
                )
        opened = self._listener.alerts(began_us)
        told = {*faults, *(name for name, _ in opened)}
        score.told += len(told)
        score.right += len(told & right)
        for name in sorted(told - right):
            _say(f"wrong name: {name}")
        score.children += self._count_wrong(opened, right, "child")

    def _mend(self, scenarios: list[Scenario]) -> None:
        inner = [act for one in scenarios for act in one.inner]
        began_us = _now_us()
        for one in scenarios:
            for act in one.outer:
                self._simulator.tell(*act.undone_by)
        expected: set[str] = set()
        if inner:
            causes = self._plan.causes(inner)
            expected = {name for cause in causes for name in cause.names}
            _wait(CALM_S, lambda: all(c.names & self._listener.calling().keys() for c in causes))
            time.sleep(LATE_S)
            calling = self._listener.calling()
            self._score.causes += len(causes)
            for cause in causes:
                self._score.named += bool(cause.names & calling.keys())
                if not cause.names & calling.keys():
                    _say(f"not named when the first was mended: {' '.join(cause.act)}")
            for act in inner:
                self._simulator.tell(*act.undone_by)
        if not _wait(CALM_S, self._listener.is_calm):
            self._score.not_calm += 1
            _say(f"not calm: {self._listener.unrest()[:10]}")
        self._score.wrong_after += self._count_wrong(
            self._listener.alerts(began_us), expected, "after mending"
        )

    def _count_wrong(self, opened: Iterable[tuple[str, Alert]], right: set[str], when: str) -> int:
        wrong = [(name, alert) for name, alert in opened if name not in right]
        for name, alert in wrong:
            _say(f"{when}: {alert.kind} {name}: {alert.reason} [{alert.cleared_why}]")
        return len(wrong)


def run() -> dict[str, Any]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulator = Simulator(folder)
        try:
            return _bench(simulator, folder / "profile")
        finally:
            simulator.end()


def _bench(simulator: Simulator, profile: Path) -> dict[str, Any]:
    dice, score = random.Random(11), Score()
    inventory = simulator.inventory()
    typist, plan = Typist(inventory, INTERVAL_S), Plan(inventory, dice)
    flapping = next(rule for rule in DEFAULT_RULES if rule.kind == "flapping")
    # a year's faults in twenty minutes: whoever flaps is believed after five minutes only
    typist.steps.append(creation("rule", msgspec.structs.replace(flapping, is_on=False)))
    with EngineProcess(profile) as engine:
        client = engine.client()
        refused = typist.type_in(client).refusals
        assert not refused, refused[:3]
        listener = Listener(client, typist.ids, DEVICES)
        assert _wait(120 + DEVICES / FIRST_SWEEP_PER_S, listener.is_calm), listener.unrest()[:10]
        time.sleep(20 * INTERVAL_S)  # what a router has that is asked for rarely is learned in twenty cycles
        kinds = plan.kinds(FAULTS)
        deep = [kind for kind in kinds if kind == "nested"]
        flat = [kind for kind in kinds if kind != "nested"]
        began_s, began_cpu_s = time.monotonic(), cpu_s(engine.process.pid)
        number = 0
        while deep or flat:
            number += 1
            if deep and (number % DEEP_EVERY == 0 or not flat):
                scenarios = plan.round(deep, AT_ONCE)
            else:
                scenarios = plan.round(flat, AT_ONCE)
            Round(simulator, listener, plan, score).run(scenarios, dice)
            score.load = max(score.load, os.getloadavg()[0])
            _say(
                f"{score.scenarios} of {FAULTS} faults after {time.monotonic() - began_s:.0f} s, load {os.getloadavg()[0]:.1f}"
            )
        took_s = time.monotonic() - began_s
        share = 100 * (cpu_s(engine.process.pid) - began_cpu_s) / took_s
        engine.stop()
    figures = {**score.figures(), "core_share_pct": share, "minutes": took_s / 60}
    return {
        "figures": {key: round(value, 2) for key, value in figures.items()},
        "peers": {"devices": str(DEVICES), "topology": TOPOLOGY},
    }


def _wait(limit_s: float, holds: Callable[[], bool]) -> bool:
    """Tell whether something came to hold in time."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        if holds():
            return True
        time.sleep(0.5)
    return holds()


def _now_us() -> int:
    return time.time_ns() // 1000


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")

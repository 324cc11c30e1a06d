"""The graph at 1,000, 20,000 and 100,000 devices: what-if, flaps, building, memory; and whether it equals networkx from scratch.

A provider's network: POPs in a ring with chords, trees of relays behind them of which some are joined crosswise, access devices
on the relays. `impact_Nk_ms` is the 95th percentile of 100 what-ifs, from a leaf to two POPs at once, dominators and routes at
hand; `what_if_anew_Nk_ms` is the first one after an edit, with all that is derived. `flap_Nk_ms` is the 95th percentile of one
state's change with what it turned, who is weakened and the roots read back, a tenth of the network and more being dark behind
one POP, half of the flaps within. `equal_to_networkx` is 1 where every answer compared was the same.
One rule: no figure is asserted; times are of the CPU, which nothing here waits for, so that a busy machine tells the same.
"""

from __future__ import annotations

import gc
import platform
import random
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import networkx as nx

from domain.topology import Causes, Topology, impact, single_points
from tests.unit.topology_oracle import Plan

SIZES = {"1k": 1_000, "20k": 20_000, "100k": 100_000}
WHAT_IFS = 100
FLAPS = 2_000
SOURCE = UUID(int=0)


def provider(count: int) -> Plan:
    """Return the plan of a provider's network with so many devices."""
    chance = random.Random(count)
    plan = Plan()
    devices = [UUID(int=(1 << 100) + n) for n in range(count)]
    pops, relays = max(4, count // 500), count // 8
    links: list[tuple[int, int]] = [(n, (n + 1) % pops) for n in range(pops)]
    links += [(n, (n + pops // 2) % pops) for n in range(0, pops, 5)]
    for n in range(pops, pops + relays):
        links.append((n, chance.randrange(pops) if n < 4 * pops else chance.randrange(n // 5, n)))
        if chance.random() < 0.2:
            links.append((n, chance.randrange(max(0, n - 40), n)))
    for n in range(pops + relays, count):
        relay = chance.randrange(pops, pops + relays)
        links.append((n, relay))
        site = relay if chance.random() < 0.5 else n
        plan.weights[devices[n]] = (chance.randrange(40), UUID(int=(2 << 100) + site))
    for n in range(pops + relays):
        plan.weights[devices[n]] = (0, UUID(int=(2 << 100) + n))
    plan.links = {UUID(int=(3 << 100) + k): (devices[a], devices[b]) for k, (a, b) in enumerate(links)}
    plan.entries = {devices[0], devices[pops // 3]}
    return plan


def build(plan: Plan) -> Topology:
    """Put a plan into a graph."""
    topology = Topology()
    for device, (subscribers, site) in plan.weights.items():
        topology.put_node(device, subscribers, site)
    for link, (a, b) in plan.links.items():
        topology.put_link(link, a, b)
    topology.set_entries(plan.entries)
    return topology


def _timed_ms(act: Callable[[], object]) -> float:
    began_ns = time.thread_time_ns()
    act()
    return (time.thread_time_ns() - began_ns) / 1e6


def _p95(taken_ms: Iterable[float]) -> float:
    ordered = sorted(taken_ms)
    return round(ordered[int(len(ordered) * 0.95)], 2)


def _what_ifs(plan: Plan) -> list[tuple[list[UUID], list[UUID]]]:
    """Return the sets to fail: POPs alone and in pairs, relays, leaves, core links, and mixtures."""
    chance = random.Random(7)
    devices, links = sorted(plan.weights), sorted(plan.links)
    pops, relays = max(4, len(devices) // 500), len(devices) // 8
    kinds: list[Callable[[], tuple[list[UUID], list[UUID]]]] = [
        lambda: ([devices[chance.randrange(pops)]], []),
        lambda: (chance.sample(devices[:pops], 2), []),
        lambda: ([devices[chance.randrange(pops, pops + relays)]], []),
        lambda: ([], [links[chance.randrange(pops)]]),
        lambda: (chance.sample(devices, 5), chance.sample(links, 5)),
    ]
    return [kinds[n % len(kinds)]() for n in range(WHAT_IFS)]


def _impacts_equal(plan: Plan, topology: Topology, sets: list[tuple[list[UUID], list[UUID]]]) -> bool:
    before = plan.reached()
    for failed, links in sets:
        found, after = impact(topology, failed, links), plan.reached(failed, links)
        lost = set(failed) | (before.keys() - after.keys())
        if set(found.devices) != lost or (set(found.sites), found.subscribers) != plan.weigh(lost):
            return False
    return True


def _dominators_equal(plan: Plan, topology: Topology) -> tuple[bool, float]:
    """Return whether the dominators agree, and what networkx took for them."""
    graph = nx.DiGraph(plan.graph())
    theirs: dict[UUID, UUID | None] = {}
    taken_ms = _timed_ms(lambda: theirs.update(nx.immediate_dominators(graph, SOURCE)))
    above, index = topology.structure.above, topology.index
    slots = {SOURCE: topology.structure.source, **index}
    return all(
        slots[d] == above[slots[v]] for v, d in theirs.items() if v != SOURCE and d is not None
    ), taken_ms


def _flaps_ms(plan: Plan, topology: Topology) -> tuple[list[float], bool]:
    """Flap devices inside and outside a large outage; return what each took, and whether all is as if computed anew."""
    chance = random.Random(11)
    causes = Causes(topology)
    pops = sorted(plan.weights)[: max(4, len(plan.weights) // 500)]
    dead = max((p for p in pops if p not in plan.entries), key=lambda pop: len(topology.behind(pop)))
    dark = [dead, *topology.behind(dead)]
    hidden = set(dark)
    lit = [device for device in plan.weights if device not in hidden]
    states = {**dict.fromkeys(lit, "up"), **dict.fromkeys(dark, "down")}
    for device, state in states.items():
        causes.set_state(device, state)  # type: ignore[arg-type]
    causes.take_changes()
    taken_ms = []
    for _ in range(FLAPS):
        device = chance.choice(dark if chance.random() < 0.5 else lit)
        state = states[device] = "up" if states[device] == "down" else "down"

        def flap(device: UUID = device, state: Any = state) -> None:
            causes.set_state(device, state)
            causes.take_changes()
            causes.verdict(device)
            causes.weakened()
            causes.roots()

        taken_ms.append(_timed_ms(flap))
    anew = Causes(topology)
    for device, state in states.items():
        anew.set_state(device, state)  # type: ignore[arg-type]
    equal = anew.roots() == causes.roots() and anew.weakened() == causes.weakened()
    equal = equal and all(anew.verdict(device) == causes.verdict(device) for device in states)
    if len(states) <= SIZES["1k"]:
        plan.live = {device for device, state in states.items() if state == "up"}
        plan.down = dict.fromkeys((device for device, state in states.items() if state == "down"), 0)
        equal = equal and all(set(causes.verdict(v).roots) == why for v, why in plan.explain().items())
    return taken_ms, equal


def _memory_mb(plan: Plan) -> dict[str, float]:
    tracemalloc.start()
    topology = build(plan)
    built = tracemalloc.get_traced_memory()[0]
    impact(topology, sorted(plan.weights)[:1])
    assert topology.sums
    derived = tracemalloc.get_traced_memory()[0]
    causes = Causes(topology)
    for device in plan.weights:
        causes.set_state(device, "up")
    causes.take_changes()
    watched = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {"graph": built / 1e6, "derived": (derived - built) / 1e6, "causes": (watched - derived) / 1e6}


def _figures(name: str, count: int) -> dict[str, float]:
    plan = provider(count)
    found: dict[str, float] = {}
    made: list[Topology] = []
    found[f"build_{name}_ms"] = _timed_ms(lambda: made.append(build(plan)))
    topology = made[0]
    gc.collect()
    found[f"dominators_{name}_ms"] = _timed_ms(lambda: topology.structure)
    found[f"routes_{name}_ms"] = _timed_ms(lambda: topology.routes)
    found[f"single_points_{name}_ms"] = _timed_ms(lambda: single_points(topology, 100))
    sets = _what_ifs(plan)
    asked_ms = [_timed_ms(lambda one=one: impact(topology, *one)) for one in sets]
    found[f"impact_{name}_ms"], found[f"impact_{name}_max_ms"] = _p95(asked_ms), max(asked_ms)
    link, (a, b) = next(iter(plan.links.items()))
    topology.remove_link(link)
    topology.put_link(link, a, b)
    found[f"what_if_anew_{name}_ms"] = _timed_ms(lambda: impact(topology, *sets[1]))
    equal, found[f"networkx_dominators_{name}_ms"] = _dominators_equal(plan, topology)
    equal = equal and _impacts_equal(plan, topology, sets[: 10 if count > SIZES["20k"] else 30])
    gc.collect()
    taken_ms, same = _flaps_ms(plan, topology)
    found[f"flap_{name}_ms"], found[f"flap_{name}_max_ms"] = _p95(taken_ms), max(taken_ms)
    found |= {f"{what}_{name}_mb": mb for what, mb in _memory_mb(plan).items()}
    return found | {f"equal_to_networkx_{name}": int(equal and same)}


def run() -> dict[str, Any]:
    """Run the bench and return its figures."""
    figures: dict[str, float] = {}
    for name, count in SIZES.items():
        figures |= _figures(name, count)
    rounded = {key: round(value, 2) for key, value in figures.items()}
    rounded["equal_to_networkx"] = min(rounded.pop(f"equal_to_networkx_{name}") for name in SIZES)
    return {"figures": rounded, "peers": {"networkx": nx.__version__, "python": platform.python_version()}}

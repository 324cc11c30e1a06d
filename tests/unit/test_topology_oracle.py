"""Whatever is edited and whatever flaps, the graph answers what networkx finds from scratch: `topology_oracle.py`."""

from __future__ import annotations

from itertools import pairwise, takewhile
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.topology import Causes, Topology, impact, single_points, way_after
from tests.unit.topology_oracle import Plan

DEVICES = [UUID(int=n) for n in range(1, 10)]
LINKS = [UUID(int=n) for n in range(100, 116)]
SITES = [None, *(UUID(int=n) for n in range(200, 204))]
STATES = ("up", "degraded", "down", "down", "unknown", "stale", "paused")
SOME_US = st.sampled_from([0, 60_000_000, 200_000_000, 330_000_000])


def plan(draw: st.DrawFn) -> tuple[Plan, Topology]:
    """Draw a network, told to both."""
    count = draw(st.integers(1, len(DEVICES)))
    devices = DEVICES[:count]
    told, topology = Plan(), Topology()
    for device in devices:
        weight = draw(st.integers(0, 5)), draw(st.sampled_from(SITES))
        told.weights[device] = weight
        topology.put_node(device, *weight)
    for link in LINKS[: draw(st.integers(0, len(LINKS))) if count > 1 else 0]:
        a, b = draw(st.permutations(devices).map(lambda order: order[:2]))
        told.links[link] = (a, b)
        topology.put_link(link, a, b)
    told.entries = draw(st.sets(st.sampled_from(devices), max_size=3))
    topology.set_entries(told.entries)
    return told, topology


plans = st.composite(plan)()


@settings(max_examples=100, deadline=None)
@given(plans, st.data())
def test_an_impact_is_what_a_search_without_the_failed_finds(
    both: tuple[Plan, Topology], data: st.DataObject
) -> None:
    told, topology = both
    failed = data.draw(st.sets(st.sampled_from(sorted(told.weights)), max_size=3))
    links = data.draw(st.sets(st.sampled_from(sorted(told.links)), max_size=3)) if told.links else set()
    before, after = told.reached(), told.reached(failed, links)
    found = impact(topology, failed, links)
    lost = failed | (before.keys() - after.keys())
    assert set(found.devices) == lost
    assert (set(found.sites), found.subscribers) == told.weigh(lost)
    assert set(found.degraded) == told.loses_second_way(failed, links) - lost
    graph = told.graph(failed, links)
    for device in told.weights:
        old, new = topology.way(device), way_after(topology, found, device)
        stands = all(v not in failed for v in old) and all(graph.has_edge(a, b) for a, b in pairwise(old))
        assert len(old) == before.get(device, 0)
        if device in lost:
            assert new == ()
            continue
        assert (device in found.rerouted) == (not stands)
        assert len(new) == after.get(device, 0)
        assert (device in found.turned) == (old[1:2] != new[1:2])
        assert all(graph.has_edge(a, b) for a, b in pairwise(new))
        assert not new or new[-1] in told.entries


@settings(max_examples=100, deadline=None)
@given(plans)
def test_single_points_are_those_whose_impact_takes_others(both: tuple[Plan, Topology]) -> None:
    told, topology = both
    expected = []
    for kind, things, own in (("device", told.weights, 1), ("link", told.links, 0)):
        for id in things:
            without = ([id], ()) if kind == "device" else ((), [id])
            lost = told.reached().keys() - told.reached(*without).keys()
            if len(lost) > own:
                sites, subscribers = told.weigh(lost)
                expected.append((subscribers, len(lost), len(sites), kind, id))
    found = [(p.subscribers, p.devices, p.sites, p.kind, p.id) for p in single_points(topology)]
    assert sorted(found) == sorted(expected)
    assert [p[:3] for p in found] == sorted((p[:3] for p in found), reverse=True)
    assert single_points(topology, 2) == single_points(topology)[:2]


@settings(max_examples=50, deadline=None)
@given(plans)
def test_dominance_is_what_a_search_without_the_device_finds(both: tuple[Plan, Topology]) -> None:
    told, topology = both
    for a in told.weights:
        hanging = told.reached().keys() - told.reached([a]).keys() - {a}
        assert set(topology.behind(a)) == hanging
        assert all(topology.dominates(a, b) == (b in hanging) for b in told.weights)


class Flaps(RuleBasedStateMachine):
    """Edits, states and links told to both at random; after each one every answer must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.told, self.topology = Plan(), Topology()
        self.causes = Causes(self.topology)
        self.verdicts: dict[UUID, str] = {}
        self.blasts: dict[UUID, set[UUID]] = {}
        self.was_cut_off = False

    @initialize(both=plans, live=st.sets(st.sampled_from(DEVICES)))
    def begin(self, both: tuple[Plan, Topology], live: set[UUID]) -> None:
        self.told, self.topology = both
        self.causes = Causes(self.topology)
        for device in live:
            self.turn(device, "up", 0)

    @rule(device=st.sampled_from(DEVICES), subscribers=st.integers(0, 5), site=st.sampled_from(SITES))
    def weigh(self, device: UUID, subscribers: int, site: UUID | None) -> None:
        if device in self.told.weights:
            self.told.weights[device] = (subscribers, site)
            self.topology.put_node(device, subscribers, site)

    @rule(
        kind=st.sampled_from(["add", "remove", "join", "join", "part", "enter"]),
        devices=st.permutations(DEVICES).map(lambda order: order[:2]),
        link=st.sampled_from(LINKS),
    )
    def edit(self, kind: str, devices: list[UUID], link: UUID) -> None:
        told, topology, (a, b) = self.told, self.topology, devices
        known = told.weights.keys()
        if kind == "add" and a not in known:
            told.weights[a] = (1, None)
            topology.put_node(a, 1)
        elif kind == "remove" and a in known:
            del told.weights[a]
            told.links = {k: both for k, both in told.links.items() if a not in both}
            told.entries.discard(a)
            topology.remove_node(a)
        elif kind == "join" and {a, b} <= known:
            told.links[link] = (a, b)
            topology.put_link(link, a, b)
        elif kind == "part" and link in told.links:
            del told.links[link]
            topology.remove_link(link)
        elif kind == "enter":
            told.entries = {v for v in devices if v in known}
            topology.set_entries(told.entries)

    @rule(
        turns=st.lists(
            st.tuples(st.sampled_from(DEVICES), st.sampled_from(STATES), SOME_US), min_size=1, max_size=9
        )
    )
    def turn_many(self, turns: list[tuple[UUID, str, int]]) -> None:
        for turn in turns:
            self.turn(*turn)

    @rule(device=st.sampled_from(DEVICES), state=st.sampled_from(STATES), since_us=SOME_US)
    def turn(self, device: UUID, state: str, since_us: int) -> None:
        self.told.live.discard(device)
        self.told.down.pop(device, None)
        if state == "down":
            self.told.down[device] = since_us
        elif state in ("up", "degraded"):
            self.told.live.add(device)
        self.causes.set_state(device, state, since_us)  # type: ignore[arg-type]

    @rule(link=st.sampled_from(LINKS), is_down=st.booleans(), since_us=SOME_US)
    def turn_link(self, link: UUID, is_down: bool, since_us: int) -> None:
        self.told.fallen.pop(link, None)
        if is_down:
            self.told.fallen[link] = since_us
        self.causes.set_link(link, is_down, since_us)

    @invariant()
    def every_answer_is_that_of_a_full_recompute(self) -> None:
        told, causes = self.told, self.causes
        expected = told.explain()
        roots = {v for v, why in expected.items() if why == {v}}
        assert causes.cut_off == told.is_cut_off()
        assert causes.roots() == tuple(sorted(roots, key=lambda v: (told.down[v], v)))
        for device in told.weights:
            verdict = causes.verdict(device)
            assert verdict.kind == (
                "clear" if device not in expected else "root" if device in roots else "affected"
            )
            assert set(verdict.roots) == expected.get(device, set()), device
        blasts = told.blasts()
        hanging = {v: told.reached().keys() - told.reached([v]).keys() - {v} for v in told.weights}
        quiet = told.quiet()
        for device in told.weights:
            blast = causes.blast(device)
            assert set(blast.devices) == blasts.get(device, set())
            assert len(blast.devices) == len(set(blast.devices))
            assert (set(blast.sites), blast.subscribers) == told.weigh(blast.devices, told.quiet())
        assert set(causes.blast(None).devices) == expected.keys()
        assert causes.weakened() == told.weakened()
        for root in roots:
            found = causes.witnesses(root)
            assert set(found) <= told.live
            over = [v for v in quiet if root in hanging[v]]
            assert root in told.entries or over or not hanging[root].intersection(found)
        assert causes.suspects() == ({} if told.is_cut_off() else self.suspects(hanging, expected))

    def suspects(self, hanging: dict[UUID, set[UUID]], expected: dict[UUID, set[UUID]]) -> dict[UUID, UUID]:
        """Return whom to suspect, by definition: over each silent device, going up, the quiet with nothing live behind them."""
        told, found = self.told, {}
        for device, roots in expected.items():
            above = sorted((v for v in hanging if device in hanging[v]), key=lambda v: len(hanging[v]))
            tops = list(takewhile(lambda v: v in told.quiet() and not hanging[v] & told.live, above))
            if tops and not told.down.keys() & above and roots <= hanging[tops[-1]]:
                found[device] = tops[-1]
        return found

    @invariant()
    def what_turned_was_told(self) -> None:
        expected, blasts = self.told.explain(), self.told.blasts()
        verdicts = {v: "root" if why == {v} else "affected" for v, why in expected.items()}
        changes = self.causes.take_changes()
        if not self.was_cut_off and not self.told.is_cut_off():
            devices = verdicts.keys() | self.verdicts.keys()
            turned = {v for v in devices if verdicts.get(v) != self.verdicts.get(v)}
            assert turned & self.told.weights.keys() <= changes.devices
            assert {v for v, blast in blasts.items() if blast != self.blasts.get(v)} <= changes.roots
            assert changes.roots <= blasts.keys()
        self.verdicts, self.blasts, self.was_cut_off = verdicts, blasts, self.told.is_cut_off()


Flaps.TestCase.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
TestFlapsAndEdits = Flaps.TestCase

"""What links would carry: as if everybody's traffic were sent anew over the ways that stand, and nothing appears or is lost."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.topology import LinkNow, LinkThen, Topology, impact, moved_load, way_after

DEVICES = [UUID(int=n) for n in range(1, 10)]
LINKS = [UUID(int=n) for n in range(100, 116)]
SOME_BPS = st.integers(0, 9).map(lambda n: n * 1e6)
Loads = dict[tuple[UUID, UUID], float]


class Net:
    """A network in which everybody's own traffic is known, and from it what each link carries."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.topology = Topology()
        devices = DEVICES[: draw(st.integers(2, len(DEVICES)))]
        for device in devices:
            self.topology.put_node(device)
        self.links: dict[UUID, tuple[UUID, UUID]] = {}
        for link in LINKS[: draw(st.integers(1, len(LINKS)))]:
            a, b = draw(st.permutations(devices).map(lambda order: order[:2]))
            self.links[link] = (a, b)
            self.topology.put_link(link, a, b)
        self.topology.set_entries(draw(st.sets(st.sampled_from(devices), min_size=1, max_size=3)))
        self.own = {device: (draw(SOME_BPS), draw(SOME_BPS)) for device in devices}
        self.capacity = {link: draw(st.sampled_from([None, 0, 10**8, 10**9])) for link in self.links}
        self.on_ways = self.carried({device: self.topology.way(device) for device in devices})
        self.now = {link: self._now(link, draw) for link in self.links}

    def carried(self, ways: dict[UUID, tuple[UUID, ...]]) -> Loads:
        """Return what goes from device to device where everybody sends over these ways."""
        found: Loads = {}
        for device, way in ways.items():
            up, down = self.own[device]
            for a, b in pairwise(way):
                found[a, b] = found.get((a, b), 0.0) + up
                found[b, a] = found.get((b, a), 0.0) + down
        return found

    def beside(self, link: UUID) -> list[UUID]:
        """Return the links that join what this one joins."""
        return [id for id, both in self.links.items() if set(both) == set(self.links[link])]

    def _now(self, link: UUID, draw: st.DrawFn) -> LinkNow:
        """The first of parallel links carries it all; what is on no way carries something else."""
        a, b = self.links[link]
        if (a, b) not in self.on_ways:
            return LinkNow(a, b, draw(SOME_BPS), draw(SOME_BPS))
        is_first = self.beside(link)[0] == link
        loads = (self.on_ways[a, b], self.on_ways[b, a]) if is_first else (0.0, 0.0)
        return LinkNow(a, b, *loads)


nets = st.composite(Net)()


@settings(max_examples=150, deadline=None)
@given(nets, st.data())
def test_what_links_would_carry_is_what_all_would_send_over_the_ways_that_stand(
    net: Net, data: st.DataObject
) -> None:
    failed = data.draw(st.sets(st.sampled_from(sorted(net.own)), max_size=2))
    cut = data.draw(st.sets(st.sampled_from(sorted(net.links)), max_size=3))
    found = impact(net.topology, failed, cut)
    moved = moved_load(net.topology, found, failed, cut, net.now.get, capacity_bps=net.capacity.__getitem__)
    lost = set(found.devices)
    ways = {device: way_after(net.topology, found, device) for device in net.own if device not in lost}
    wanted = net.carried(ways)
    then = {row.link: row for row in moved.links}
    assert moved.unknown == ()
    for link, (a, b) in net.links.items():
        if link in cut or {a, b} & lost:
            assert link not in then
            continue
        standing = [id for id in net.beside(link) if id not in cut]
        there = sum(_load(net, then, id, a) for id in standing)
        back = sum(_load(net, then, id, b) for id in standing)
        if (a, b) in net.on_ways:
            assert (there, back) == pytest.approx((wanted.get((a, b), 0.0), wanted.get((b, a), 0.0)), abs=3)
        else:
            before = [sum(_now(net, id, end) for id in net.beside(link)) for end in (a, b)]
            more = wanted.get((a, b), 0.0), wanted.get((b, a), 0.0)
            assert (there, back) == pytest.approx((before[0] + more[0], before[1] + more[1]), abs=3)


def _now(net: Net, link: UUID, start: UUID) -> float:
    """Return what a link carries now from one of its ends."""
    now = net.now[link]
    return (now.ab_bps if now.a == start else now.ba_bps) or 0.0


def _load(net: Net, then: dict[UUID, LinkThen], link: UUID, start: UUID) -> float:
    """Return what a link would carry from one of its ends."""
    row = then.get(link)
    if row is None:
        return _now(net, link, start)
    return (row.ab_bps if net.now[link].a == start else row.ba_bps) or 0.0


@settings(max_examples=100, deadline=None)
@given(nets, st.data())
def test_nothing_appears_and_nothing_is_lost_but_what_the_lost_sent(net: Net, data: st.DataObject) -> None:
    """At every device that stands, what comes in more goes out more, but for its own; entries miss what the lost sent."""
    failed = data.draw(st.sets(st.sampled_from(sorted(net.own)), max_size=2))
    found = impact(net.topology, failed)
    moved = moved_load(net.topology, found, failed, (), net.now.get, capacity_bps=net.capacity.__getitem__)
    lost = set(found.devices)
    balance = dict.fromkeys(net.own, 0.0)
    for row in moved.links:
        a, b = net.links[row.link]
        balance[a] += row.ba_more_bps - row.ab_more_bps
        balance[b] += row.ab_more_bps - row.ba_more_bps
    entries = {net.topology.ids[slot] for slot in net.topology.entries}
    edge = dict.fromkeys(net.own, 0.0)
    for device in net.own:  # what ends at a device that is lost is on no link that is told of
        way = net.topology.way(device)
        for a, b in pairwise(way):
            if device in (lost | found.rerouted.keys()) and (a in lost) != (b in lost):
                up, down = net.own[device]
                edge[b if a in lost else a] += (down - up) if b in lost else (up - down)
    for device in net.own.keys() - lost - entries:
        assert balance[device] == pytest.approx(edge[device], abs=5)


A, B, C, D = DEVICES[:4]


def alike(link: UUID) -> int:
    """All links can carry the same."""
    return 10**8


def square(**loads: float | None) -> tuple[Topology, dict[UUID, LinkNow]]:
    """Return D behind B before A, the entry, with a second way over C."""
    topology, now = Topology(), {}
    for device in (A, B, C, D):
        topology.put_node(device)
    for number, (name, one, other) in enumerate((("ba", B, A), ("ca", C, A), ("db", D, B), ("dc", D, C))):
        topology.put_link(LINKS[number], one, other)
        bps = loads.get(name, 0.0)
        now[LINKS[number]] = LinkNow(one, other, bps, bps)
    topology.set_entries([A])
    return topology, now


def test_the_load_of_who_sends_another_way_is_on_that_way() -> None:
    topology, now = square(ba=9e7, db=6e7, ca=5e7)
    found = impact(topology, [B])
    rows = {row.link: row for row in moved_load(topology, found, [B], (), now.get, capacity_bps=alike).links}
    assert {link: row.ab_bps for link, row in rows.items()} == {LINKS[1]: 1.1e8, LINKS[3]: 6e7}
    assert {row.ab_more_bps for row in rows.values()} == {6e7}


def test_a_load_that_nobody_knows_is_said_to_be_unknown_and_never_taken_for_none() -> None:
    topology, now = square(ba=9e7, db=None, ca=5e7)
    moved = moved_load(topology, impact(topology, [B]), [B], (), now.get, capacity_bps=alike)
    assert (moved.links, moved.unknown) == ((), (D,))
    topology, now = square(ba=9e7, db=6e7, ca=None)
    moved = moved_load(topology, impact(topology, [B]), [B], (), now.get, capacity_bps=alike)
    rows = {row.link: row for row in moved.links}
    assert (rows[LINKS[1]].ab_bps, rows[LINKS[1]].ab_more_bps) == (None, 6e7)


def test_the_links_beside_one_that_fails_take_its_load_by_their_capacity() -> None:
    topology, now = square(db=9e7, ba=9e7)
    capacities: dict[UUID, int] = {}
    for number, capacity_bps in ((10, 2 * 10**8), (11, 10**8)):
        topology.put_link(LINKS[number], A, B)
        now[LINKS[number]] = LinkNow(A, B, 1e6, 2e6)
        capacities[LINKS[number]] = capacity_bps
    cut = [LINKS[0]]
    found = impact(topology, (), cut)
    assert not found.rerouted
    rows = {
        row.link: row
        for row in moved_load(topology, found, (), cut, now.get, capacity_bps=capacities.__getitem__).links
    }
    assert {link: (row.ab_bps, row.ba_bps) for link, row in rows.items()} == {
        LINKS[10]: (6.1e7, 6.2e7),
        LINKS[11]: (3.1e7, 3.2e7),
    }


@pytest.mark.parametrize(
    ("capacities", "taken"),
    [
        ((0, 10**8), (0.0, 9e7)),
        ((0, None), (0.0, 9e7)),
        ((None, 10**8), (4.5e7, 4.5e7)),
        ((0, 0), (4.5e7, 4.5e7)),
    ],
)
def test_a_link_that_can_carry_nothing_takes_nothing_over_and_one_that_nobody_knows_of_its_share(
    capacities: tuple[int | None, int | None], taken: tuple[float, float]
) -> None:
    topology, now = square(db=9e7, ba=9e7)
    can: dict[UUID, int | None] = {}
    for number, capacity_bps in zip((10, 11), capacities, strict=True):
        topology.put_link(LINKS[number], A, B)
        now[LINKS[number]] = LinkNow(A, B, 0.0, 0.0)
        can[LINKS[number]] = capacity_bps
    cut = [LINKS[0]]
    found = impact(topology, (), cut)
    rows = moved_load(topology, found, (), cut, now.get, capacity_bps=can.__getitem__).links
    assert {row.link: row.ab_bps for row in rows} == {
        LINKS[number]: bps for number, bps in zip((10, 11), taken, strict=True) if bps
    }


def test_what_a_link_takes_over_of_one_that_nobody_measures_is_not_known() -> None:
    topology, now = square(db=9e7, ba=None)
    topology.put_link(LINKS[10], A, B)
    now[LINKS[10]] = LinkNow(A, B, 1e6, 2e6)
    cut = [LINKS[0]]
    (row,) = moved_load(topology, impact(topology, (), cut), (), cut, now.get, capacity_bps=alike).links
    assert (row.link, row.ab_bps, row.ba_bps) == (LINKS[10], None, None)
    assert row.ab_more_bps > 0


def test_what_runs_off_the_ways_is_counted_and_not_followed() -> None:
    topology, now = square(dc=3e7, db=6e7, ba=6e7)
    assert moved_load(topology, impact(topology, [C]), [C], (), now.get, capacity_bps=alike).stray_bps == 6e7

"""The laws of the layout: the same network is the same paper, what is fixed stays, nothing lies on anything."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from uuid import UUID

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.layout import CELL, Point, arrange, place_beside, sketch
from domain.layout_stress import Cancelled

Edges = list[tuple[int, int]]


def ids(count: int) -> list[UUID]:
    """Return ids that are easy to read."""
    return [UUID(int=i + 1) for i in range(count)]


def linked(edges: Sequence[tuple[int, int]]) -> list[tuple[UUID, UUID]]:
    """Return links by id."""
    return [(UUID(int=a + 1), UUID(int=b + 1)) for a, b in edges]


def provider(count: int, seed: int) -> Edges:
    """Return a ring of POPs, relays below them and customers below those, as providers build."""
    chance = random.Random(seed)
    pops, relays = max(3, count // 40), max(2, count // 8)
    edges = [(i, (i + 1) % pops) for i in range(pops)]
    for i in range(pops, pops + relays):
        edges.append((i, chance.randrange(i) if chance.random() < 0.3 else chance.randrange(pops)))
    edges += [(i, chance.randrange(pops, pops + relays)) for i in range(pops + relays, count)]
    return edges


networks = st.integers(1, 24).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40),
    )
)


@given(networks, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_same_network_gives_the_same_paper_in_whatever_order_it_comes(
    network: tuple[int, Edges], chance: random.Random
) -> None:
    count, edges = network
    things, links = ids(count), linked(edges)
    first = arrange(things, links)
    chance.shuffle(things)
    turned = [(b, a) for a, b in links]
    chance.shuffle(turned)
    assert arrange(things, turned) == first


@given(networks)
@settings(max_examples=60, deadline=None)
def test_no_two_things_stand_on_or_beside_each_other(network: tuple[int, Edges]) -> None:
    count, edges = network
    places = list(arrange(ids(count), linked(edges)).values())
    assert len(places) == count
    for i, (x, y) in enumerate(places):
        assert all(abs(x - u) >= 2 * CELL[0] or abs(y - v) >= 2 * CELL[1] for u, v in places[:i])


@given(networks, st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), max_size=6, unique=True))
@settings(max_examples=60, deadline=None)
def test_what_is_fixed_stays_where_it_is(network: tuple[int, Edges], at: list[Point]) -> None:
    count, edges = network
    fixed = {id: (x * 171.3, y * 77.7) for id, (x, y) in zip(ids(count), at, strict=False)}
    places = arrange(ids(count), linked(edges), fixed)
    assert {id: places[id] for id in fixed} == fixed
    assert len(places) == count


@given(networks, st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_what_is_new_moves_nothing_and_stands_on_nothing(network: tuple[int, Edges], fresh: int) -> None:
    count, edges = network
    places = arrange(ids(count), linked(edges))
    more = [(count + i, (count + i) % count) for i in range(fresh)]
    new = place_beside(ids(count + fresh), linked([*edges, *more]), places)
    assert new.keys() == set(ids(count + fresh)[count:])
    assert len({*places.values(), *new.values()}) == count + fresh


def test_what_is_new_stands_near_what_it_is_linked_to() -> None:
    edges = provider(150, 2)
    places = arrange(ids(150), linked(edges))
    [(x, y)] = place_beside(ids(151), linked([*edges, (150, 40)]), places).values()
    u, v = places[UUID(int=41)]
    assert abs(x - u) + abs(y - v) < 500


def test_who_waits_no_more_is_not_made_to_wait() -> None:
    with pytest.raises(Cancelled):
        arrange(ids(300), linked(provider(300, 1)), on_progress=lambda share: share < 0.3)


def test_progress_grows_to_the_whole() -> None:
    seen: list[float] = []

    def note(share: float) -> bool:
        seen.append(share)
        return True

    arrange(ids(300), linked(provider(300, 1)), on_progress=note)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize(
    ("count", "edges"),
    [
        (40, provider(40, 1)),
        (150, provider(150, 2)),
        (400, provider(400, 3)),
        (64, [(a, b) for a, b in nx.convert_node_labels_to_integers(nx.grid_2d_graph(8, 8)).edges]),
        (57, list(nx.balanced_tree(7, 2).edges)),
    ],
    ids=["40", "150", "400", "grid", "tree"],
)
def test_fewer_links_cross_than_in_the_drawing_of_networkx(count: int, edges: Edges) -> None:
    places = arrange(ids(count), linked(edges))
    ours = {i: places[UUID(int=i + 1)] for i in range(count)}
    graph = nx.Graph(edges)
    theirs = {i: (float(x), float(y)) for i, (x, y) in nx.spring_layout(graph, seed=1).items()}
    assert _crossings(edges, ours) <= _crossings(edges, theirs)
    assert _unevenness(edges, ours) < 1.0


def _crossings(edges: Edges, at: dict[int, Point]) -> int:
    def side(a: int, b: int, c: int) -> float:
        (ax, ay), (bx, by), (cx, cy) = at[a], at[b], at[c]
        return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)

    return sum(
        side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
        for i, (a, b) in enumerate(edges)
        for c, d in edges[i + 1 :]
        if len({a, b, c, d}) == 4
    )


def _unevenness(edges: Edges, at: dict[int, Point]) -> float:
    lengths = [((at[a][0] - at[b][0]) ** 2 + (at[a][1] - at[b][1]) ** 2) ** 0.5 for a, b in edges]
    return float(statistics.pstdev(lengths) / statistics.mean(lengths))


def test_a_sketch_has_everything_in_its_order_and_can_be_given_up() -> None:
    edges = provider(400, 3)
    things, links = [*ids(400), UUID(int=900)], linked(edges)
    drawn = sketch(things, links)
    assert drawn.keys() == set(things)
    assert drawn == sketch(reversed(things), reversed(links))
    linked_apart = statistics.median(math.dist(drawn[a], drawn[b]) for a, b in links)
    apart = statistics.median(
        math.dist(drawn[a], drawn[b]) for a, b in zip(things, things[200:], strict=False)
    )
    assert linked_apart < apart / 2
    with pytest.raises(Cancelled):
        sketch(things, links, lambda share: False)

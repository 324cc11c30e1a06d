"""Parts that come, join, split and go are those that networkx finds in what is inside: `domain/topology/parts.py`."""

from __future__ import annotations

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.topology.parts import OUTSIDE, Parts

SLOTS = 14
PAIRS = st.lists(st.tuples(st.integers(0, SLOTS - 1), st.integers(0, SLOTS - 1)), min_size=10, max_size=22)


@settings(max_examples=150, deadline=None)
@given(PAIRS, st.sets(st.integers(0, SLOTS - 1)), st.lists(st.integers(0, SLOTS - 1), max_size=30))
def test_after_every_toggle_parts_and_tallies_are_those_of_a_search(
    pairs: list[tuple[int, int]], first: set[int], toggles: list[int]
) -> None:
    graph = nx.Graph()
    graph.add_nodes_from(range(SLOTS))
    graph.add_edges_from((a, b) for a, b in pairs if a != b)
    parts = Parts(SLOTS, lambda v: list(graph[v]), lambda v: (v % 3, 7))
    parts.fill(first)
    inside = set(first)
    for v in [None, *toggles]:
        if v in inside:
            parts.discard(v)
            inside.discard(v)
        elif v is not None:
            parts.add(v)
            inside.add(v)
        expected = {frozenset(part) for part in nx.connected_components(graph.subgraph(inside))}
        numbers = {parts.part[v] for v in inside}
        assert {frozenset(w for w in inside if parts.part[w] == number) for number in numbers} == expected
        assert parts.tally.keys() == numbers
        assert all(parts.part[w] == OUTSIDE for w in range(SLOTS) if w not in inside)
        for part in expected:
            tally = {key: n for key in range(3) if (n := sum(w % 3 == key for w in part))}
            assert parts.tally[parts.part[min(part)]] == {**tally, 7: len(part)}
            assert frozenset(parts.reach(min(part))) == part

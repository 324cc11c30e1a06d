"""Roads are ranked by the cities they join, and come out as few long lines."""

from itertools import pairwise

import numpy as np

from basemap.road_graph import RoadGraph, join_edges, merge_close_nodes, read_road_graph
from basemap.road_tiers import distance_km, find_way, neighbour_pairs, rank_edges


def graph_of(places: list[tuple[float, float]], edges: list[tuple[int, int]]) -> RoadGraph:
    lng_lat = np.array(places)
    return RoadGraph(lng_lat, {edge: distance_km(lng_lat[edge[0]], lng_lat[edge[1]]) for edge in edges})


LADDER = graph_of(
    [(9.0, 47.0), (9.5, 47.0), (10.0, 47.0), (9.0, 47.3), (9.5, 47.3), (10.0, 47.3)],
    [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)],
)


def test_a_graph_module_is_read_as_text(tmp_path) -> None:
    path = tmp_path / "world.py"
    path.write_text(
        "from x import G\ngraph=[{1: 1.5, 2: 2.5}, {0: 1.5}, {0: 2.5}]\nnodes=[[47.0, 9.0], [47.1, 9.1], [47.2, 9.2]]\n"
    )
    graph = read_road_graph(path)
    assert graph.length_km == {(0, 1): 1.5, (0, 2): 2.5}
    assert graph.lng_lat[1].tolist() == [9.1, 47.1]


def test_the_road_between_two_cities_ranks_above_the_rest() -> None:
    cities = np.array([[9.01, 47.0], [9.99, 47.0]])
    assert rank_edges(LADDER, [cities], [500.0]) == {(0, 1): 0, (1, 2): 0}


def test_a_road_keeps_the_first_level_that_needs_it() -> None:
    major = np.array([[9.0, 47.0], [10.0, 47.0]])
    every = np.array([[9.0, 47.0], [10.0, 47.0], [10.0, 47.3]])
    rank = rank_edges(LADDER, [major, every], [500.0, 500.0])
    assert rank[(0, 1)] == 0
    assert rank[(2, 5)] == 1
    assert (3, 4) not in rank


def test_a_way_prefers_a_road_in_use_to_a_slightly_shorter_one() -> None:
    square = graph_of(
        [(9.0, 47.0), (9.5, 47.2), (9.5, 46.78), (10.0, 47.0)], [(0, 1), (1, 3), (0, 2), (2, 3)]
    )
    adjacent = [
        [(1, 10.0), (2, 11.0)],
        [(0, 10.0), (3, 10.0)],
        [(0, 11.0), (3, 11.0)],
        [(1, 10.0), (2, 11.0)],
    ]
    assert find_way(square, adjacent, 0, 3, []) == [0, 1, 3]
    assert find_way(square, adjacent, 0, 3, [(0, 2), (2, 3)]) == [0, 2, 3]


def test_there_is_no_way_between_separate_islands() -> None:
    islands = graph_of([(9.0, 47.0), (9.1, 47.0), (11.0, 47.0), (11.1, 47.0)], [(0, 1), (2, 3)])
    assert find_way(islands, [[(1, 8.0)], [(0, 8.0)], [(3, 8.0)], [(2, 8.0)]], 0, 3, []) == []


def test_cities_far_apart_are_no_neighbours() -> None:
    cities = np.array([[9.0, 47.0], [9.2, 47.0], [9.1, 47.1], [30.0, 50.0]])
    assert sorted(neighbour_pairs(cities, 100.0)) == [(0, 1), (0, 2), (1, 2)]


def test_lines_go_straight_on_at_a_crossing() -> None:
    cross = graph_of(
        [(9.0, 47.0), (9.5, 47.0), (10.0, 47.0), (9.5, 47.3), (9.5, 46.7)], [(0, 1), (1, 2), (1, 3), (1, 4)]
    )
    assert sorted(min(line, line[::-1]) for line in join_edges(cross, set(cross.length_km))) == [
        [0, 1, 2],
        [3, 1, 4],
    ]


def test_every_edge_is_in_exactly_one_line() -> None:
    lines = join_edges(LADDER, set(LADDER.length_km))
    walked = [tuple(sorted(step)) for line in lines for step in pairwise(line)]
    assert sorted(walked) == sorted(LADDER.length_km)


def test_a_ring_road_is_one_closed_line() -> None:
    ring = graph_of([(9.0, 47.0), (9.5, 47.0), (9.5, 47.3)], [(0, 1), (1, 2), (0, 2)])
    (line,) = join_edges(ring, set(ring.length_km))
    assert line[0] == line[-1]
    assert len(line) == 4


def test_nodes_of_one_junction_become_one() -> None:
    junction = graph_of([(9.0011, 47.0011), (9.0012, 47.0012), (9.5, 47.2)], [(0, 1), (1, 2)])
    merged = merge_close_nodes(junction, 0.002)
    assert len(merged.lng_lat) == 2
    assert len(merged.length_km) == 1

"""Tells trunk roads from the rest by who needs them.

Counterpart: `road_graph.py`, whose edges have lengths but no classes.
Rule: a road is as important as the cities it joins by the shortest way. Cities and their ranks are Natural Earth's only,
so that roads stay a layer of OpenStreetMap and the public domain.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray

from basemap.feature import KM_PER_DEG, to_mercator
from basemap.road_graph import Edge, RoadGraph

SHARED_ROAD_DISCOUNT = 0.75
"""A road that already leads somewhere is preferred: ways bundle into one trunk road instead of running side by side."""

_NEAREST_ROAD_DEG = 0.3
_LONGEST_DETOUR = 2.5


def rank_edges(
    graph: RoadGraph, levels: list[NDArray[np.float64]], longest_km: list[float]
) -> dict[Edge, int]:
    """Level of each edge that lies on a way between neighbouring cities of a level; the first level that needs it."""
    adjacent = _adjacency(graph)
    tree = shapely.STRtree(shapely.points(to_mercator(graph.lng_lat)))
    rank: dict[Edge, int] = {}
    for level, (cities, most_km) in enumerate(zip(levels, longest_km, strict=True)):
        at, nodes = tree.query_nearest(
            shapely.points(to_mercator(cities)), max_distance=_NEAREST_ROAD_DEG, all_matches=False
        )
        node_of = dict(zip(at.tolist(), nodes.tolist(), strict=True))
        for start, end in neighbour_pairs(cities, most_km):
            if start in node_of and end in node_of:
                way = find_way(graph, adjacent, node_of[start], node_of[end], rank)
                for first, second in pairwise(way):
                    rank.setdefault((min(first, second), max(first, second)), level)
    return rank


def neighbour_pairs(cities: NDArray[np.float64], most_km: float) -> list[tuple[int, int]]:
    """Pairs of cities with no other between them (Delaunay neighbours), shortest first."""
    flat = to_mercator(cities)
    distinct, first_of = np.unique(flat, axis=0, return_index=True)
    index_of = {tuple(place): int(index) for place, index in zip(distinct.tolist(), first_of, strict=True)}
    sides = shapely.delaunay_triangles(shapely.multipoints(distinct), only_edges=True)
    pairs = []
    for side in shapely.get_parts(sides):
        first, second = (index_of[tuple(place)] for place in shapely.get_coordinates(side).tolist())
        if (km := distance_km(cities[first], cities[second])) <= most_km:
            pairs.append((km, min(first, second), max(first, second)))
    return [(first, second) for _, first, second in sorted(pairs)]


def find_way(
    graph: RoadGraph, adjacent: list[list[tuple[int, float]]], start: int, end: int, used: Iterable[Edge]
) -> list[int]:
    """The nodes of the shortest way, roads in `used` counted at a discount; nothing if it is a long way round (A*)."""
    used_edges = used if isinstance(used, dict) else set(used)
    goal = graph.lng_lat[end].tolist()
    goal_scale = math.cos(math.radians(goal[1]))
    places = graph.lng_lat

    def at_least_km(node: int) -> float:
        lng_deg, lat_deg = places[node]
        off = math.hypot((lng_deg - goal[0]) * goal_scale, lat_deg - goal[1])
        return off * KM_PER_DEG * SHARED_ROAD_DISCOUNT * 0.95

    most_km = _LONGEST_DETOUR * distance_km(places[start], places[end]) + 20.0
    best_km = {start: 0.0}
    came_from: dict[int, int] = {}
    done: set[int] = set()
    queue = [(at_least_km(start), start)]
    while queue:
        estimate_km, node = heapq.heappop(queue)
        if node == end:
            way = [end]
            while way[-1] != start:
                way.append(came_from[way[-1]])
            return way[::-1]
        if node in done or estimate_km > most_km:
            continue
        done.add(node)
        here_km = best_km[node]
        for other, km in adjacent[node]:
            is_used = ((node, other) if node < other else (other, node)) in used_edges
            there_km = here_km + km * (SHARED_ROAD_DISCOUNT if is_used else 1.0)
            if there_km < best_km.get(other, math.inf):
                best_km[other] = there_km
                came_from[other] = node
                heapq.heappush(queue, (there_km + at_least_km(other), other))
    return []


def distance_km(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Along the great circle, between two places given as lng, lat."""
    lng_1, lat_1, lng_2, lat_2 = np.radians([*first, *second])
    half = np.sin((lat_2 - lat_1) / 2) ** 2 + np.cos(lat_1) * np.cos(lat_2) * np.sin((lng_2 - lng_1) / 2) ** 2
    return float(2 * np.degrees(np.arcsin(np.sqrt(half))) * KM_PER_DEG)


def _adjacency(graph: RoadGraph) -> list[list[tuple[int, float]]]:
    adjacent: list[list[tuple[int, float]]] = [[] for _ in graph.lng_lat]
    for (first, second), km in graph.length_km.items():
        adjacent[first].append((second, km))
        adjacent[second].append((first, km))
    return adjacent

"""The layer `roads`: highways, major roads and railways.

Counterpart: `road_tiers.py`, which ranks roads by the cities they join.
Rule: the graphs know crossings, not bends: a road between two crossings is a straight line, a railway is true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray

from basemap.antimeridian import cut
from basemap.feature import Feature, Value, simplify
from basemap.grade import Grade
from basemap.road_graph import Edge, RoadGraph, join_edges, merge_close_nodes, read_road_graph
from basemap.road_tiers import rank_edges
from basemap.shapefile import read_rows
from basemap.sources import Sources

_CROSSING_PX = 0.6
_TOLERANCE_PX = 0.6
_STUB_KM = 3.0
_SHORT_KM = 6.0
"""Shorter pieces of lesser roads and railways are left out."""
_LONGEST_EDGE_KM = 150.0
"""Beyond it an edge is a ferry or a gap in the data, not a road."""

_MAJOR_CITY_RANK = 4
_LEVELS: list[tuple[int, dict[str, Value]]] = [
    (4, {"kind": "highway", "kind_detail": "motorway", "min_zoom": 4}),
    (6, {"kind": "major_road", "kind_detail": "primary", "min_zoom": 6}),
    (7, {"kind": "major_road", "kind_detail": "secondary", "min_zoom": 7}),
]
"""First tile zoom and properties of roads between major cities, between all cities, and of the rest."""
_RAIL_LEVELS: list[tuple[int, dict[str, Value]]] = [
    (zoom, {"kind": "rail", "kind_detail": "rail", "min_zoom": zoom}) for zoom in (6, 7)
]
"""The same of railways between major cities, and of the rest."""


def build_roads(sources: Sources, grade: Grade) -> Iterator[Feature]:
    graph = tidy(read_road_graph(sources.road_graphs / "world_highways.py"), grade)
    places, ranks = _read_cities(sources)
    major = places[ranks <= _MAJOR_CITY_RANK]
    yield from _by_level(graph, rank_edges(graph, [major, places], [900.0, 500.0]), _LEVELS, grade)
    railways = tidy(read_road_graph(sources.road_graphs / "world_railways.py"), grade)
    yield from _by_level(railways, rank_edges(railways, [major], [900.0]), _RAIL_LEVELS, grade)


def tidy(graph: RoadGraph, grade: Grade) -> RoadGraph:
    """Crossings as single nodes, without what is no road and without dead ends too short to see."""
    merged = merge_close_nodes(graph, _CROSSING_PX * grade.pixel_deg)
    lengths = {edge: km for edge, km in merged.length_km.items() if km <= _LONGEST_EDGE_KM}
    degree = Counter(node for edge in lengths for node in edge)
    kept = {
        edge: km for edge, km in lengths.items() if km > _STUB_KM or min(degree[node] for node in edge) > 1
    }
    return RoadGraph(merged.lng_lat, kept)


def _by_level(
    graph: RoadGraph, rank: dict[Edge, int], levels: list[tuple[int, dict[str, Value]]], grade: Grade
) -> Iterator[Feature]:
    """What no level needs is of the last."""
    last = len(levels) - 1
    for level, (zoom, properties) in enumerate(levels):
        edges = {edge for edge in graph.length_km if rank.get(edge, last) == level}
        for nodes in join_edges(graph, edges):
            if level == last and sum_km(graph, nodes) < _SHORT_KM:
                continue
            for line in shapely.get_parts(cut(shapely.linestrings(graph.lng_lat[nodes]))):
                yield Feature(simplify(line, _TOLERANCE_PX * grade.pixel_deg), zoom, properties)


def sum_km(graph: RoadGraph, nodes: list[int]) -> float:
    return sum(graph.length_km[min(pair), max(pair)] for pair in pairwise(nodes))


def _read_cities(sources: Sources) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows = read_rows(sources.natural_earth / "ne_10m_populated_places_simple.shp", ["scalerank"], "latin1")
    cities = [(place.x, place.y, row["scalerank"]) for place, row in rows]
    return np.array([city[:2] for city in cities]), np.array([city[2] for city in cities], dtype=np.int64)

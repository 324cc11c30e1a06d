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
from basemap.feature import PIXEL_AT_ZOOM_7_DEG, Feature, Value, simplify
from basemap.road_graph import Edge, RoadGraph, join_edges, merge_close_nodes, read_road_graph
from basemap.road_tiers import rank_edges
from basemap.shapefile import read_rows
from basemap.sources import Sources

_CROSSING_DEG = 0.6 * PIXEL_AT_ZOOM_7_DEG
_TOLERANCE_DEG = 0.6 * PIXEL_AT_ZOOM_7_DEG
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
_RAIL: dict[str, Value] = {"kind": "rail", "kind_detail": "rail", "min_zoom": 7}


def build_roads(sources: Sources) -> Iterator[Feature]:
    graph = tidy(read_road_graph(sources.road_graphs / "world_highways.py"))
    places, ranks = _read_cities(sources)
    levels = [places[ranks <= _MAJOR_CITY_RANK], places]
    rank = rank_edges(graph, levels, [900.0, 500.0])
    for level, (zoom, properties) in enumerate(_LEVELS):
        edges = {edge for edge in graph.length_km if rank.get(edge, len(levels)) == level}
        yield from _lines(graph, edges, zoom, properties)
    railways = tidy(read_road_graph(sources.road_graphs / "world_railways.py"))
    yield from _lines(railways, set(railways.length_km), 7, _RAIL)


def tidy(graph: RoadGraph) -> RoadGraph:
    """Crossings as single nodes, without what is no road and without dead ends too short to see."""
    merged = merge_close_nodes(graph, _CROSSING_DEG)
    lengths = {edge: km for edge, km in merged.length_km.items() if km <= _LONGEST_EDGE_KM}
    degree = Counter(node for edge in lengths for node in edge)
    kept = {
        edge: km for edge, km in lengths.items() if km > _STUB_KM or min(degree[node] for node in edge) > 1
    }
    return RoadGraph(merged.lng_lat, kept)


def _lines(graph: RoadGraph, edges: set[Edge], zoom: int, properties: dict[str, Value]) -> Iterator[Feature]:
    for nodes in join_edges(graph, edges):
        if zoom == _LEVELS[-1][0] and sum_km(graph, nodes) < _SHORT_KM:
            continue
        for line in shapely.get_parts(cut(shapely.linestrings(graph.lng_lat[nodes]))):
            yield Feature(simplify(line, _TOLERANCE_DEG), zoom, properties)


def sum_km(graph: RoadGraph, nodes: list[int]) -> float:
    return sum(graph.length_km[min(pair), max(pair)] for pair in pairwise(nodes))


def _read_cities(sources: Sources) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows = read_rows(sources.natural_earth / "ne_10m_populated_places_simple.shp", ["scalerank"], "latin1")
    cities = [(place.x, place.y, row["scalerank"]) for place, row in rows]
    return np.array([city[:2] for city in cities]), np.array([city[2] for city in cities], dtype=np.int64)

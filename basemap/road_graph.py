"""Road and railway graphs, and their way into long lines.

Counterpart: the PyPI package scgraph-data, whose modules hold OpenStreetMap's network as a graph: nodes with places,
edges with lengths and nothing else. They are read as text, never imported.
Rule: an edge is (lower node, higher node); node positions are lng, lat in degrees.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from basemap.feature import from_mercator, to_mercator

Edge = tuple[int, int]

_STRAIGHT_ON_COS = math.cos(math.radians(50.0))


@dataclass(frozen=True)
class RoadGraph:
    """Positions of the nodes, and the length of each edge in kilometres."""

    lng_lat: NDArray[np.float64]
    length_km: dict[Edge, float]


def read_road_graph(path: Path) -> RoadGraph:
    """A module that says `graph=[{node: km, ...}, ...]` and `nodes=[[lat, lng], ...]`, each on one line."""
    text = path.read_text(encoding="ascii")
    literals = {
        match[1]: match[2] for match in re.finditer(r"^(graph|nodes)\s*=\s*(.*)$", text, re.MULTILINE)
    }
    neighbours = json.loads(re.sub(r"(\d+):", r'"\1":', literals["graph"]))
    lat_lng = np.array(json.loads(literals["nodes"]), dtype=np.float64)
    lengths = {
        (node, int(other)): float(km)
        for node, row in enumerate(neighbours)
        for other, km in row.items()
        if node < int(other)
    }
    return RoadGraph(lat_lng[:, ::-1].copy(), lengths)


def merge_close_nodes(graph: RoadGraph, cell_deg: float) -> RoadGraph:
    """One node for all in a square of the map: a junction of many ramps becomes a crossing."""
    flat = to_mercator(graph.lng_lat)
    _, member_of = np.unique(np.floor(flat / cell_deg).astype(np.int64), axis=0, return_inverse=True)
    member_of = member_of.ravel()
    counts = np.bincount(member_of)
    middle = np.column_stack([np.bincount(member_of, flat[:, axis]) / counts for axis in (0, 1)])
    lengths: dict[Edge, float] = {}
    for (first, second), km in graph.length_km.items():
        edge = _edge(int(member_of[first]), int(member_of[second]))
        if edge[0] != edge[1]:
            lengths[edge] = min(km, lengths.get(edge, math.inf))
    return RoadGraph(np.round(from_mercator(middle), 5), lengths)


def join_edges(graph: RoadGraph, edges: set[Edge]) -> list[list[int]]:
    """Node lists that hold each edge once and go straight on at every crossing, so that there are few of them."""
    flat = to_mercator(graph.lng_lat)
    neighbours: dict[int, list[int]] = defaultdict(list)
    for first, second in sorted(edges):
        neighbours[first].append(second)
        neighbours[second].append(first)
    onward = {node: _pair_straight(flat, node, others) for node, others in neighbours.items()}
    left = set(edges)
    lines = []
    for edge in sorted(edges):
        if edge in left:
            left.discard(edge)
            forth = _follow(edge, onward, left)
            back = _follow((edge[1], edge[0]), onward, left)
            lines.append(back[::-1] + forth[2:] if len(back) > 2 else forth)
    return lines


def _follow(edge: Edge, onward: dict[int, dict[int, int]], left: set[Edge]) -> list[int]:
    line = list(edge)
    while (following := onward[line[-1]].get(line[-2])) is not None and _edge(line[-1], following) in left:
        left.discard(_edge(line[-1], following))
        line.append(following)
    return line


def _pair_straight(flat: NDArray[np.float64], node: int, others: list[int]) -> dict[int, int]:
    """Which neighbour one goes on to when coming from another; two neighbours always go on to one another."""
    if len(others) == 2:
        return {others[0]: others[1], others[1]: others[0]}
    toward = flat[others] - flat[node]
    toward /= np.maximum(np.hypot(toward[:, 0], toward[:, 1]), 1e-12)[:, None]
    turns = [
        (float(toward[a] @ toward[b]), a, b) for a in range(len(others)) for b in range(a + 1, len(others))
    ]
    pairs: dict[int, int] = {}
    for cosine, a, b in sorted(turns):
        if cosine < -_STRAIGHT_ON_COS and others[a] not in pairs and others[b] not in pairs:
            pairs[others[a]], pairs[others[b]] = others[b], others[a]
    return pairs


def _edge(first: int, second: int) -> Edge:
    return (first, second) if first < second else (second, first)

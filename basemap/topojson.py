"""Reads the polygons of a TopoJSON file.

Counterpart: the npm package world-atlas. Format: https://github.com/topojson/topojson-specification (quantized arcs).
Rule: rings come out as the file has them; `antimeridian.cut` makes them fit the map.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Shape:
    """A named polygon or multipolygon; `id` is what the file calls it (world-atlas: ISO 3166 numeric)."""

    id: str
    name: str
    polygons: list[BaseGeometry]


def read_shapes(path: Path, object_name: str) -> Iterator[Shape]:
    topology = json.loads(path.read_text(encoding="utf-8"))
    scale, translate = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + translate for arc in topology["arcs"]]
    for item in topology["objects"][object_name]["geometries"]:
        nested = {"Polygon": [item.get("arcs")], "MultiPolygon": item.get("arcs")}.get(item["type"], [])
        polygons = [_polygon(rings, arcs) for rings in nested]
        yield Shape(str(item.get("id", "")), str(item["properties"]["name"]), polygons)


def _polygon(rings: list[list[int]], arcs: list[NDArray[np.float64]]) -> BaseGeometry:
    shell, *holes = (_ring(ring, arcs) for ring in rings)
    return shapely.Polygon(shell, holes)


def _ring(references: list[int], arcs: list[NDArray[np.float64]]) -> Any:
    """Arcs follow one another and share their end points; a negative reference is an arc walked backwards."""
    pieces = [arcs[~reference][::-1] if reference < 0 else arcs[reference] for reference in references]
    joined = np.vstack([pieces[0], *(piece[1:] for piece in pieces[1:])])
    return shapely.linearrings(joined)

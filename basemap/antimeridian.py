"""Cuts lines and areas that cross 180 degrees of longitude.

Counterpart: every reader whose source joins Chukotka, Fiji or Antarctica across the edge of the map.
Rule: what comes out lies within [-180, 180] and draws no band across the world.
"""

from __future__ import annotations

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

Coordinates = NDArray[np.float64]

WORLD = shapely.box(-180.0, -90.0, 180.0, 90.0)
_FULL_TURN_DEG = 360.0


def unwrap(coordinates: Coordinates) -> Coordinates:
    """The same path without jumps: a step of more than 180 degrees goes the short way, beyond 180 if need be."""
    turns = np.round(np.diff(coordinates[:, 0]) / _FULL_TURN_DEG) * _FULL_TURN_DEG
    unwrapped = coordinates.copy()
    unwrapped[1:, 0] -= np.cumsum(turns)
    return unwrapped


def cut(geometry: BaseGeometry) -> BaseGeometry:
    """A line, area or collection of them, cut at 180 degrees; parts of other kinds that a cut leaves are dropped."""
    parts = [piece for part in shapely.get_parts(geometry) for piece in _cut_part(part)]
    if not parts:
        return type(geometry)()
    return shapely.union_all(parts) if _is_area(geometry) else shapely.multilinestrings(parts)


def _cut_part(part: BaseGeometry) -> list[BaseGeometry]:
    if part.geom_type == "Polygon":
        return _fold(_unwrap_polygon(part), "Polygon")
    if part.geom_type in ("LineString", "LinearRing"):
        return _fold(shapely.linestrings(unwrap(shapely.get_coordinates(part))), "LineString")
    raise TypeError(f"only lines and areas can be cut, got {part.geom_type}")


def _unwrap_polygon(polygon: BaseGeometry) -> BaseGeometry:
    shell = _unwrap_ring(shapely.get_coordinates(polygon.exterior))
    middle_deg = (shell[:, 0].min() + shell[:, 0].max()) / 2
    holes = []
    for interior in polygon.interiors:
        hole = _unwrap_ring(shapely.get_coordinates(interior))
        turns = np.round((middle_deg - (hole[:, 0].min() + hole[:, 0].max()) / 2) / _FULL_TURN_DEG)
        hole[:, 0] += turns * _FULL_TURN_DEG
        holes.append(hole)
    return shapely.make_valid(shapely.Polygon(shell, holes))


def _unwrap_ring(ring: Coordinates) -> Coordinates:
    """A ring that goes once around a pole does not close when unwrapped: it is led along that pole."""
    unwrapped = unwrap(ring)
    turn_deg = unwrapped[-1, 0] - unwrapped[0, 0]
    if abs(turn_deg) < _FULL_TURN_DEG / 2:
        return unwrapped
    pole_deg = 90.0 if unwrapped[:, 1].mean() > 0 else -90.0
    along_pole = [[unwrapped[-1, 0], pole_deg], [unwrapped[0, 0], pole_deg], unwrapped[0].tolist()]
    return np.vstack([unwrapped, along_pole])


def _fold(geometry: BaseGeometry, kind: str) -> list[BaseGeometry]:
    """What lies beyond an edge of the world comes back in at the other edge."""
    west_deg, _, east_deg, _ = geometry.bounds
    pieces: list[BaseGeometry] = []
    for turn in range(int((west_deg + 180) // _FULL_TURN_DEG), int((east_deg + 180) // _FULL_TURN_DEG) + 1):
        moved = shapely.transform(geometry, lambda xy, turn=turn: xy - [turn * _FULL_TURN_DEG, 0.0])
        inside = shapely.intersection(moved, WORLD)
        pieces += [part for part in _flatten(inside) if part.geom_type == kind and not part.is_empty]
    return pieces


def _flatten(geometry: BaseGeometry) -> list[BaseGeometry]:
    if geometry.geom_type.startswith("Multi") or geometry.geom_type == "GeometryCollection":
        return [piece for part in geometry.geoms for piece in _flatten(part)]
    return [geometry]


def _is_area(geometry: BaseGeometry) -> bool:
    return bool(geometry.geom_type in ("Polygon", "MultiPolygon"))

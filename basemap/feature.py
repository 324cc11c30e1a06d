"""One thing on the map, on its way to a tile.

Counterpart: `tiles.py`, which writes features as GeoJSON lines, a file for each layer.
Rule: coordinates are lng, lat in degrees; tolerances are in degrees of longitude, so that they are the same number
of pixels at every latitude.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

Value = str | int | float | bool
Properties = dict[str, Value]

KM_PER_DEG = 111.2
MERCATOR_LIMIT_DEG = 85.0511287
PIXEL_AT_ZOOM_7_DEG = 360.0 / 2**7 / 512
"""One pixel of a 512 px tile at zoom 7, in degrees of longitude."""


@dataclass(frozen=True)
class Feature:
    """A geometry with the properties a style asks for, and the first zoom whose tiles hold it."""

    geometry: BaseGeometry
    min_tile_zoom: int
    properties: Properties = field(default_factory=dict)


def to_mercator(lng_lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Web Mercator with a unit of one degree of longitude; latitudes beyond its limit are held at it."""
    lat_rad = np.radians(np.clip(lng_lat[:, 1], -MERCATOR_LIMIT_DEG, MERCATOR_LIMIT_DEG))
    return np.column_stack([lng_lat[:, 0], np.degrees(np.arcsinh(np.tan(lat_rad)))])


def from_mercator(x_y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([x_y[:, 0], np.degrees(np.arctan(np.sinh(np.radians(x_y[:, 1]))))])


def simplify(geometry: BaseGeometry, tolerance_deg: float) -> BaseGeometry:
    """As simplified as `tolerance_deg` allows on the map, valid, with small rings gone instead of collapsed."""
    flat = shapely.transform(geometry, to_mercator)
    return shapely.transform(shapely.simplify(flat, tolerance_deg, preserve_topology=True), from_mercator)


def map_area_deg2(geometry: BaseGeometry) -> float:
    """The area on the map, in square degrees of longitude: what decides whether something can be seen."""
    return float(shapely.area(shapely.transform(geometry, to_mercator)))

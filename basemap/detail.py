"""How much detail a stretch of shore, river or border gets: more where people live.

Counterpart: `feature.simplify`, which treats all ground alike.
Rule: half of the world's shore is far from any village; what is saved there pays for towns elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

from basemap.cities import City
from basemap.feature import KM_PER_DEG, from_mercator, to_mercator
from basemap.grade import Grade

_SQUARE_DEG = 0.25
_CORNER_DEG = np.array([180.0, 90.0])
_VILLAGE_POPULATION = 1000
_REACH_KM = 30.0


class Detail:
    """Knows how fine the build is and which squares of the world lie near a village; simplifies with two tolerances."""

    def __init__(self, cities: Iterable[City], grade: Grade) -> None:
        self.grade = grade
        columns, rows = round(360 / _SQUARE_DEG), round(180 / _SQUARE_DEG)
        self._is_inhabited = np.zeros((columns, rows), bool)
        high_deg = _REACH_KM / KM_PER_DEG
        for city in cities:
            if city.population >= _VILLAGE_POPULATION:
                wide_deg = high_deg / max(math.cos(math.radians(city.lat_deg)), 0.05)
                west, south = self._square(city.lng_deg - wide_deg, city.lat_deg - high_deg)
                east, north = self._square(city.lng_deg + wide_deg, city.lat_deg + high_deg)
                self._is_inhabited[np.arange(west, east + 1) % columns, max(south, 0) : north + 1] = True

    def is_near_people(self, lng_lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        columns, rows = self._is_inhabited.shape
        squares = np.floor((lng_lat + _CORNER_DEG) / _SQUARE_DEG).astype(np.int64)
        return np.asarray(self._is_inhabited[squares[:, 0] % columns, np.clip(squares[:, 1], 0, rows - 1)])

    def simplify(self, geometry: BaseGeometry, near_px: float, far_px: float) -> BaseGeometry:
        """Lines and areas, off by so many pixels of the last zoom; closed rings stay closed and keep at least a triangle.

        Rings are treated one by one: where two come to touch, the tiler mends it, which takes minutes here.
        """
        if geometry.geom_type == "Polygon":
            shell, *holes = (
                self._thin(ring, near_px, far_px) for ring in [geometry.exterior, *geometry.interiors]
            )
            return shapely.Polygon(shell, holes)
        if geometry.geom_type == "LineString":
            return shapely.linestrings(self._thin(geometry, near_px, far_px))
        return type(geometry)([self.simplify(part, near_px, far_px) for part in shapely.get_parts(geometry)])

    def _thin(self, line: BaseGeometry, near_px: float, far_px: float) -> NDArray[np.float64]:
        """Each run of vertices that are near, or far, is thinned on its own, its ends kept."""
        lng_lat = np.asarray(shapely.get_coordinates(line), dtype=np.float64)
        is_near = self.is_near_people(lng_lat)
        flat = to_mercator(lng_lat)
        ends = [0, *np.flatnonzero(np.diff(is_near.astype(np.int8))).tolist(), len(flat) - 1]
        thinned = [flat[:1]]
        for start, end in pairwise(ends):
            if end > start:
                tolerance_deg = (near_px if is_near[end] else far_px) * self.grade.pixel_deg
                run = shapely.simplify(shapely.linestrings(flat[start : end + 1]), tolerance_deg)
                thinned.append(shapely.get_coordinates(run)[1:])
        joined = from_mercator(np.vstack(thinned))
        is_ring = len(lng_lat) > 3 and bool((lng_lat[0] == lng_lat[-1]).all())
        return (
            joined
            if not is_ring or len(joined) > 3
            else lng_lat[[0, len(lng_lat) // 3, 2 * len(lng_lat) // 3, 0]]
        )

    @staticmethod
    def _square(lng_deg: float, lat_deg: float) -> tuple[int, int]:
        return math.floor((lng_deg + 180.0) / _SQUARE_DEG), math.floor((lat_deg + 90.0) / _SQUARE_DEG)

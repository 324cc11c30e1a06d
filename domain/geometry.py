"""Places on the Earth: WGS 84 degrees, longitude always first. Counterpart: WKB in storage, GeoJSON in the page.

One rule: a place is a `LngLat` or None; half a place does not exist.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius R1 of the Earth (IUGG)."""


class LngLat(NamedTuple):
    """A place: `lng` -180 to 180, `lat` -90 to 90, in degrees."""

    lng: float
    lat: float


def is_place(lng: float, lat: float) -> bool:
    """Tell whether two numbers are a place (finite and in range)."""
    return math.isfinite(lng) and math.isfinite(lat) and -180.0 <= lng <= 180.0 and -90.0 <= lat <= 90.0


def distance_m(a: LngLat, b: LngLat) -> float:
    """Return the great-circle distance in metres (haversine; within 0.5 % of the ellipsoid)."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat, half_lng = (lat_b - lat_a) / 2, math.radians(b.lng - a.lng) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lng) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def bearing_deg(a: LngLat, b: LngLat) -> float:
    """Return the initial bearing from `a` to `b`: 0 north, 90 east, below 360."""
    lat_a, lat_b, lng = math.radians(a.lat), math.radians(b.lat), math.radians(b.lng - a.lng)
    east = math.sin(lng) * math.cos(lat_b)
    north = math.cos(lat_a) * math.sin(lat_b) - math.sin(lat_a) * math.cos(lat_b) * math.cos(lng)
    return math.degrees(math.atan2(east, north)) % 360.0


def path_length_m(path: list[LngLat]) -> float:
    """Return the length of a polyline in metres; 0 for fewer than two points."""
    return sum(distance_m(a, b) for a, b in pairwise(path))

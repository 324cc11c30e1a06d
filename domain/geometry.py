"""Places on the Earth: WGS 84 degrees, longitude always first. Counterpart: WKB in storage, GeoJSON in the page.

One rule: a place is a `LngLat` or None; half a place does not exist.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius R1 of the Earth (IUGG)."""
EQUATOR_RADIUS_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
POLE_RADIUS_M = EQUATOR_RADIUS_M * (1 - FLATTENING)
"""The ellipsoid WGS 84."""
_TURNS_CAP = 100


class LngLat(NamedTuple):
    """A place: `lng` -180 to 180, `lat` -90 to 90, in degrees."""

    lng: float
    lat: float


def is_place(lng: float, lat: float) -> bool:
    """Tell whether two numbers are a place (finite and in range)."""
    return math.isfinite(lng) and math.isfinite(lat) and -180.0 <= lng <= 180.0 and -90.0 <= lat <= 90.0


class Way(NamedTuple):
    """The shortest way from one place to another: how long, where it sets out, and where it comes in from the other end."""

    distance_m: float
    bearing_deg: float
    back_bearing_deg: float


def way(a: LngLat, b: LngLat) -> Way:
    """Return the geodesic on the WGS 84 ellipsoid, to a millimetre (T. Vincenty, Survey Review 176, 1975, inverse formula).

    Between places that lie nearly opposite each other on the Earth, where that has no end, the great circle is returned.
    Bearings are from true north, 0 to below 360; of one place to itself it is 0.
    """
    lng = math.radians((b.lng - a.lng + 180.0) % 360.0 - 180.0)
    u_a, u_b = (math.atan((1.0 - FLATTENING) * math.tan(math.radians(p.lat))) for p in (a, b))
    sin_a, cos_a, sin_b, cos_b = math.sin(u_a), math.cos(u_a), math.sin(u_b), math.cos(u_b)
    turned = lng
    for _ in range(_TURNS_CAP):
        sin_l, cos_l = math.sin(turned), math.cos(turned)
        sin_s = math.hypot(cos_b * sin_l, cos_a * sin_b - sin_a * cos_b * cos_l)
        if sin_s == 0.0:
            return Way(0.0, 0.0, 0.0)
        cos_s = sin_a * sin_b + cos_a * cos_b * cos_l
        arc = math.atan2(sin_s, cos_s)
        sin_azimuth = cos_a * cos_b * sin_l / sin_s
        cos2_azimuth = 1.0 - sin_azimuth * sin_azimuth
        cos_middle = cos_s - 2.0 * sin_a * sin_b / cos2_azimuth if cos2_azimuth > 1e-15 else 0.0
        c = FLATTENING / 16.0 * cos2_azimuth * (4.0 + FLATTENING * (4.0 - 3.0 * cos2_azimuth))
        before = turned
        inner = cos_middle + c * cos_s * (2.0 * cos_middle * cos_middle - 1.0)
        turned = lng + (1.0 - c) * FLATTENING * sin_azimuth * (arc + c * sin_s * inner)
        if abs(turned - before) < 1e-12:
            break
    else:
        return _great_circle(a, b)
    u2 = cos2_azimuth * (EQUATOR_RADIUS_M**2 - POLE_RADIUS_M**2) / POLE_RADIUS_M**2
    high = 1.0 + u2 / 16_384.0 * (4_096.0 + u2 * (-768.0 + u2 * (320.0 - 175.0 * u2)))
    low = u2 / 1_024.0 * (256.0 + u2 * (-128.0 + u2 * (74.0 - 47.0 * u2)))
    squared = 2.0 * cos_middle * cos_middle - 1.0
    third = low / 6.0 * cos_middle * (4.0 * sin_s * sin_s - 3.0) * (4.0 * cos_middle * cos_middle - 3.0)
    bent = low * sin_s * (cos_middle + low / 4.0 * (cos_s * squared - third))
    sin_l, cos_l = math.sin(turned), math.cos(turned)
    out = math.atan2(cos_b * sin_l, cos_a * sin_b - sin_a * cos_b * cos_l)
    back = math.atan2(-cos_a * sin_l, cos_b * sin_a - sin_b * cos_a * cos_l)
    return Way(POLE_RADIUS_M * high * (arc - bent), _turn_deg(out), _turn_deg(back))


def distance_m(a: LngLat, b: LngLat) -> float:
    """Return how far it is over the ellipsoid, in metres."""
    return way(a, b).distance_m


def bearing_deg(a: LngLat, b: LngLat) -> float:
    """Return the bearing at `a` of the way to `b`: 0 north, 90 east, below 360."""
    return way(a, b).bearing_deg


def place_towards(start: LngLat, bearing: float, distance: float) -> LngLat:
    """Return the place so many metres off in a direction, on a sphere: to draw with (within 0.5 % of the ellipsoid)."""
    arc, turned, lat = distance / EARTH_RADIUS_M, math.radians(bearing), math.radians(start.lat)
    sin_lat = math.sin(lat) * math.cos(arc) + math.cos(lat) * math.sin(arc) * math.cos(turned)
    lng = math.atan2(
        math.sin(turned) * math.sin(arc) * math.cos(lat), math.cos(arc) - math.sin(lat) * sin_lat
    )
    return LngLat(_lng(start.lng + math.degrees(lng)), math.degrees(math.asin(max(-1.0, min(1.0, sin_lat)))))


def places_between(a: LngLat, b: LngLat, count: int) -> list[LngLat]:
    """Return `count` (2 or more) places at even steps along the great circle, both ends among them."""
    ends = [_vector(place) for place in (a, b)]
    arc = math.acos(max(-1.0, min(1.0, sum(p * q for p, q in zip(*ends, strict=True)))))
    if arc < 1e-9:
        east, north = (b.lng - a.lng + 180.0) % 360.0 - 180.0, b.lat - a.lat
        shares = [i / (count - 1) for i in range(1, count - 1)]
        return [a, *(LngLat(a.lng + east * share, a.lat + north * share) for share in shares), b]
    found = [a]
    for i in range(1, count - 1):
        share = i / (count - 1)
        near, far = math.sin((1 - share) * arc) / math.sin(arc), math.sin(share * arc) / math.sin(arc)
        x, y, z = (near * p + far * q for p, q in zip(*ends, strict=True))
        found.append(LngLat(math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))))
    return [*found, b]


def path_length_m(path: list[LngLat]) -> float:
    """Return the length of a polyline in metres; 0 for fewer than two points."""
    return sum(distance_m(a, b) for a, b in pairwise(path))


def _great_circle(a: LngLat, b: LngLat) -> Way:
    lat_a, lat_b, lng = math.radians(a.lat), math.radians(b.lat), math.radians(b.lng - a.lng)
    h = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(lng / 2) ** 2
    far_m = 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))
    return Way(far_m, _sphere_bearing(lat_a, lat_b, lng), _sphere_bearing(lat_b, lat_a, -lng))


def _sphere_bearing(lat_a: float, lat_b: float, lng: float) -> float:
    east = math.sin(lng) * math.cos(lat_b)
    north = math.cos(lat_a) * math.sin(lat_b) - math.sin(lat_a) * math.cos(lat_b) * math.cos(lng)
    return _turn_deg(math.atan2(east, north))


def _turn_deg(angle: float) -> float:
    turned = math.degrees(angle) % 360.0
    return 0.0 if turned == 360.0 else turned


def _lng(lng: float) -> float:
    return lng if -180.0 <= lng <= 180.0 else (lng + 180.0) % 360.0 - 180.0


def _vector(place: LngLat) -> tuple[float, float, float]:
    lng, lat = math.radians(place.lng), math.radians(place.lat)
    return math.cos(lat) * math.cos(lng), math.cos(lat) * math.sin(lng), math.sin(lat)

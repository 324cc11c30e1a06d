"""Ways over the ellipsoid, held against published ones, and places along them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.geometry import LngLat, distance_m, place_towards, places_between, way

places = st.builds(LngLat, st.floats(-180, 180), st.floats(-89, 89))
near = st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))


@pytest.mark.parametrize(
    ("a", "b", "metres", "out_deg", "back_deg"),
    [
        # C. F. F. Karney, GeographicLib's own example: JFK to LHR
        (LngLat(-73.8, 40.6), LngLat(-0.5, 51.6), 5_551_759.400, 51.198883, 287.821777),
        # one degree along the equator and one along a meridian, from the radii of WGS 84
        (LngLat(0, 0), LngLat(1, 0), 111_319.491, 90, 270),
        (LngLat(0, 0), LngLat(0, 1), 110_574.389, 0, 180),
        # over the antimeridian
        (LngLat(179.5, 0), LngLat(-179.5, 0), 111_319.491, 90, 270),
        (LngLat(7, 46), LngLat(7, 46), 0, 0, 0),
    ],
)
def test_published_ways(a: LngLat, b: LngLat, metres: float, out_deg: float, back_deg: float) -> None:
    found = way(a, b)
    assert found.distance_m == pytest.approx(metres, abs=0.001)
    assert (found.bearing_deg, found.back_bearing_deg) == pytest.approx((out_deg, back_deg), abs=1e-6)


@given(places, near)
def test_a_way_back_is_as_long_and_turned_around(a: LngLat, step: tuple[float, float]) -> None:
    b = LngLat((a.lng + step[0] + 180) % 360 - 180, a.lat + step[1])
    assume(abs(step[0]) + abs(step[1]) > 1e-4)
    there, back = way(a, b), way(b, a)
    assert there.distance_m == pytest.approx(back.distance_m, abs=1e-4)
    for one, other in (
        (there.bearing_deg, back.back_bearing_deg),
        (there.back_bearing_deg, back.bearing_deg),
    ):
        assert math.cos(math.radians(one - other)) == pytest.approx(1)
        assert 0 <= one < 360


@given(places, places)
def test_even_the_worst_pair_of_places_has_a_way(a: LngLat, b: LngLat) -> None:
    assert 0 <= distance_m(a, b) <= 20_037_509


@given(places, st.floats(0, 360), st.floats(10, 300_000))
def test_a_place_so_far_off_is_so_far_off(start: LngLat, bearing: float, far_m: float) -> None:
    there = place_towards(start, bearing, far_m)
    assert distance_m(start, there) == pytest.approx(far_m, rel=0.006)
    assert -180 <= there.lng <= 180


@given(places, near, st.integers(2, 60))
def test_places_between_go_in_even_steps_from_end_to_end(
    a: LngLat, step: tuple[float, float], count: int
) -> None:
    b = LngLat((a.lng + step[0] + 180) % 360 - 180, a.lat + step[1])
    found = places_between(a, b, count)
    assert (len(found), found[0], found[-1]) == (count, a, b)
    whole = distance_m(a, b)
    for one, other in pairwise(found):
        assert distance_m(one, other) == pytest.approx(whole / (count - 1), rel=0.01, abs=0.01)

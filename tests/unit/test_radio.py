"""Radio paths: what the way costs, what stands in it, where a sector looks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.geometry import LngLat, distance_m, way
from domain.radio import (
    Profile,
    Sector,
    earth_bulge_m,
    free_space_loss_db,
    fresnel_radius_m,
    ray_m,
    received_dbm,
    sector_outline,
    unknown_m,
    worst_of,
)

far = st.floats(10, 300_000)
mhz = st.floats(100, 100_000)


def flat(length_m: float = 10_000.0, count: int = 101, **bumps: float) -> Profile:
    """Return level ground at sea level, with hills at percent of the way: flat(p50=30.0)."""
    grounds: list[float | None] = [0.0] * count
    for at, height_m in bumps.items():
        grounds[int(at[1:]) * (count - 1) // 100] = height_m
    return Profile([length_m * i / (count - 1) for i in range(count)], grounds)


def test_reference_values_of_the_field() -> None:
    assert free_space_loss_db(33_300, 915) == pytest.approx(122.117, abs=0.001)
    assert fresnel_radius_m(5_000, 5_000, 915) == pytest.approx(28.6, abs=0.05)
    # ITU-R P.526: with k = 4/3 the bulge in the middle of 50 km is 36.8 m
    assert earth_bulge_m(25_000, 25_000) == pytest.approx(36.8, abs=0.05)
    assert received_dbm(23, 19, 25, 120) == -53


@given(far, mhz)
def test_twice_as_far_costs_six_decibels(distance: float, frequency: float) -> None:
    more = free_space_loss_db(2 * distance, frequency) - free_space_loss_db(distance, frequency)
    assert more == pytest.approx(6.0206, abs=1e-3)


@given(far, far, mhz)
def test_the_zone_is_the_same_from_both_ends_and_widest_in_the_middle(
    a: float, b: float, frequency: float
) -> None:
    here = fresnel_radius_m(a, b, frequency)
    assert here == pytest.approx(fresnel_radius_m(b, a, frequency))
    assert here <= fresnel_radius_m((a + b) / 2, (a + b) / 2, frequency) * (1 + 1e-9)
    assert fresnel_radius_m(0, b, frequency) == 0
    wavelength_m = 299_792_458 / (frequency * 1e6)
    beside = math.hypot(a, here) + math.hypot(b, here) - (a + b)
    if here < a / 20 and here < b / 20:  # the way over the rim is half a wave longer, where the zone is slim
        assert beside == pytest.approx(wavelength_m / 2, rel=0.01, abs=1e-6)


def test_high_masts_over_flat_ground_are_clear_and_low_ones_are_not() -> None:
    assert (worst := worst_of(flat(), 60, 60, 5_800)) is not None and worst.state == "clear"
    assert worst.distance_m == pytest.approx(5_000, abs=3_000)
    assert (worst := worst_of(flat(), 6, 6, 5_800)) is not None and worst.state == "grazed"
    assert (worst := worst_of(flat(), 1, 1, 5_800)) is not None and worst.state == "blocked"


def test_a_hill_is_where_it_is_worst_and_by_how_much() -> None:
    worst = worst_of(flat(p30=55.0), 60, 60, 5_800)
    assert worst is not None and worst.distance_m == 3_000
    bulge_m = earth_bulge_m(3_000, 7_000)
    assert worst.clearance_m == pytest.approx(60 - 55 - bulge_m)
    assert worst.fresnel_share == pytest.approx(worst.clearance_m / fresnel_radius_m(3_000, 7_000, 5_800))


@given(st.lists(st.floats(0, 2_000), min_size=3, max_size=50), st.floats(1, 200), st.floats(0, 100))
def test_higher_masts_never_make_it_worse(grounds: list[float], height_m: float, more_m: float) -> None:
    profile = Profile([100.0 * i for i in range(len(grounds))], grounds)
    low, high = (
        worst_of(profile, height_m, height_m, 5_800),
        worst_of(profile, height_m + more_m, height_m, 5_800),
    )
    assert low is not None and high is not None
    assert high.fresnel_share >= low.fresnel_share - 1e-9


def test_where_nobody_knows_the_ground_nothing_is_said_of_it() -> None:
    holes = Profile([0.0, 1_000.0, 2_000.0, 3_000.0], [10.0, None, None, 10.0])
    assert worst_of(holes, 10, 10, 5_800) is None
    assert unknown_m(holes) == pytest.approx(1_500)
    assert ray_m(Profile([0.0, 1_000.0], [None, 10.0]), 10, 10) is None
    assert worst_of(Profile([0.0, 500.0, 1_000.0], [None, 5.0, 10.0]), 10, 10, 5_800) is None
    ray = ray_m(Profile([0.0, 500.0, 1_000.0], [100.0, None, 200.0]), 10, 20)
    assert ray == [110, 165, 220]


@given(
    st.builds(LngLat, st.floats(-180, 180), st.floats(-80, 80)),
    st.floats(0, 360),
    st.floats(1, 359),
    st.floats(100, 100_000),
)
def test_a_sector_is_a_wedge_with_its_antenna_at_the_tip(
    place: LngLat, azimuth_deg: float, beam_deg: float, range_m: float
) -> None:
    ring = sector_outline(place, Sector(azimuth_deg, beam_deg, range_m))
    assert ring[0] == ring[-1] == pytest.approx(place, abs=1e-9)
    for corner in ring[1:-1]:
        assert abs(corner.lng - place.lng) <= 180 + 1e-9
        there = LngLat((corner.lng + 180) % 360 - 180, corner.lat)
        assert distance_m(place, there) == pytest.approx(range_m, rel=0.006)
        off_deg = (way(place, there).bearing_deg - azimuth_deg + 180) % 360 - 180
        assert abs(off_deg) <= beam_deg / 2 + 0.5


def test_an_omni_is_a_circle_without_a_tip() -> None:
    place = LngLat(12, 46)
    ring = sector_outline(place, Sector(0, 360, 1_000))
    assert ring[0] == ring[-1] and place not in ring and len(ring) == 61

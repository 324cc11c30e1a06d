"""Places as people type and paste them; what only looks like one is none."""

from __future__ import annotations

import pytest

from domain.coordinates import TYPED_CAP, place_words, read_places
from domain.geometry import LngLat


@pytest.mark.parametrize(
    "typed",
    [
        "47.55N 10.3E",
        "47°33'N 10°18'E",
        "10°18'E 47°33'N",
        "N47.55, E10.3",
        "47° 33' 0\" N, 10° 18' 0\" E",
        "47°33′N 10°18′O",
        "(47.55 N; 10.3 E)",
        "47°33'00''N 10°18'00''E",
        "47,55 N 10,3 E",
        "n 47.55 e 10.3",
    ],
)
def test_a_place_with_letters_is_read_whatever_its_order(typed: str) -> None:
    (place,) = read_places(typed)
    assert place == pytest.approx((10.3, 47.55))


@pytest.mark.parametrize(
    "typed", ["47.55 10.31", "47.55, 10.31", "47.55,10.31", "47,55 10,31", "47.55; 10.31"]
)
def test_bare_numbers_are_latitude_first_and_the_other_order_is_the_second_reading(typed: str) -> None:
    assert read_places(typed) == (LngLat(10.31, 47.55), LngLat(47.55, 10.31))


def test_south_and_west_and_signs_are_negative() -> None:
    assert read_places("33.9 S 151.2 W") == (LngLat(-151.2, -33.9),)
    assert read_places("-33.9 151.2") == (LngLat(151.2, -33.9),)
    assert read_places("\u221233.9 -70.5")[0] == LngLat(-70.5, -33.9)


def test_where_the_first_cannot_be_a_latitude_the_order_is_the_other() -> None:
    assert read_places("151.2 -33.9") == (LngLat(151.2, -33.9),)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "10.0.0.1",
        "10.0.0.1 10.0.0.2",
        "12 13",
        "7.16.1",
        "47.5",
        "91.1 92.2",
        "47.5 200.5",
        "47.55 N 10.3 N",
        "N 47.55 N 10.3 E",
        "47°61'N 10°18'E",
        "-47.5 S 10.3 E",
        "router 47.5 10.3",
        "1.5 " * TYPED_CAP,
        "nan inf",
    ],
)
def test_what_is_not_surely_a_place_is_none(typed: str) -> None:
    assert read_places(typed) == ()


def test_a_place_is_written_as_it_can_be_read_again() -> None:
    for place in (LngLat(10.31, 47.55), LngLat(-70.5, -33.9), LngLat(0.0, 0.0)):
        assert read_places(place_words(place)) == (place,)

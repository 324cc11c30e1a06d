"""Well-known binary, held against shapely."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from domain.geometry import LngLat
from engine.storage.wkb import decode_bends, decode_point, encode_bends, encode_point

numbers = st.floats(allow_nan=False, allow_infinity=False)
points = st.tuples(numbers, numbers)


@given(points)
def test_a_point_is_the_same_to_shapely(point: tuple[float, float]) -> None:
    place = LngLat(*point)
    assert encode_point(place) == shapely.to_wkb(shapely.Point(point), byte_order=1)
    for order in (0, 1):
        for srid in (False, True):
            theirs = shapely.set_srid(shapely.Point(point), 4326)
            assert decode_point(shapely.to_wkb(theirs, byte_order=order, include_srid=srid)) == place


@given(st.lists(points, min_size=1, max_size=20))
def test_bends_are_the_same_to_shapely(bends: list[tuple[float, float]]) -> None:
    assert encode_bends(bends) == shapely.to_wkb(shapely.MultiPoint(bends), byte_order=1)
    for order in (0, 1):
        theirs = shapely.set_srid(shapely.MultiPoint(bends), 4326)
        assert decode_bends(shapely.to_wkb(theirs, byte_order=order, include_srid=True)) == tuple(bends)


@given(st.binary(max_size=80))
def test_other_bytes_are_a_value_error(data: bytes) -> None:
    for decode in (decode_point, decode_bends):
        try:
            decode(data)
        except ValueError:
            continue


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_cut_multipoint_is_a_value_error(cut: int) -> None:
    whole = encode_bends([(1.0, 2.0), (3.0, 4.0)])
    with pytest.raises(ValueError, match="WKB"):
        decode_bends(whole[:-cut])


def test_a_count_beyond_the_bytes_makes_no_list_of_it() -> None:
    with pytest.raises(ValueError, match="4294967295 points does not fit"):
        decode_bends(b"\x01\x04\x00\x00\x00\xff\xff\xff\xff")

"""Ids sort by time, the later fact holds, and distances are the Earth's."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fact import Fact, best, later
from domain.geometry import LngLat, bearing_deg, distance_m, is_place, path_length_m
from domain.ids import uuid7

DEVICE, VANTAGE = UUID(int=1), UUID(int=2)
facts = st.builds(
    Fact,
    st.just(DEVICE),
    st.just("identity"),
    st.just("snmp"),
    st.just(VANTAGE),
    st.integers(0, 3),
    st.text(max_size=2),
)


@given(
    st.integers(0, 2**47 * 1000),
    st.integers(0, 2**40),
    st.binary(min_size=10, max_size=10),
    st.binary(min_size=10, max_size=10),
)
def test_ids_are_version_7_and_sort_by_time(at_us: int, gap_us: int, one: bytes, other: bytes) -> None:
    first, second = uuid7(at_us, one), uuid7(at_us + gap_us + 2, other)
    assert first.version == 7 and first.variant == "specified in RFC 4122"
    assert first < second
    assert first.int >> 80 == at_us // 1000


def test_an_id_needs_its_ten_bytes() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        uuid7(1, b"short")


@given(st.permutations([Fact(DEVICE, "f", "snmp", VANTAGE, n % 3, str(n)) for n in range(5)]))
def test_facts_converge_in_whatever_order_they_come(order: list[Fact]) -> None:
    now = None
    for fact in order:
        now = later(now, fact)
    assert now is not None and (now.at_us, now.value) == (2, "2")


@given(facts, facts)
def test_later_does_not_depend_on_the_order(one: Fact, other: Fact) -> None:
    assert later(one, other).value == later(other, one).value


def test_the_better_source_is_believed_and_gone_fields_are_left_out() -> None:
    told = [
        Fact(DEVICE, "identity", "snmp", VANTAGE, 9, "by snmp"),
        Fact(DEVICE, "identity", "routeros", VANTAGE, 1, "by api"),
        Fact(DEVICE, "serial", "routeros", VANTAGE, 1, None),
    ]
    assert {field: fact.value for field, fact in best(told).items()} == {"identity": "by api"}
    assert told[0].address != told[1].address


def test_known_distances_and_bearings() -> None:
    kempten, lindau = LngLat(10.31389, 47.72674), LngLat(9.68431, 47.54612)
    assert distance_m(kempten, lindau) == pytest.approx(51_250, rel=0.005)
    assert distance_m(LngLat(0, 0), LngLat(0, 1)) == pytest.approx(110_574.39, abs=0.01)
    assert bearing_deg(LngLat(0, 0), LngLat(1, 0)) == pytest.approx(90)
    assert bearing_deg(LngLat(0, 0), LngLat(0, -1)) == pytest.approx(180)
    assert bearing_deg(kempten, lindau) == pytest.approx(247, abs=1.5)
    assert path_length_m([LngLat(0, 0), LngLat(0, 1), LngLat(0, 2)]) == pytest.approx(221_149.45, abs=0.01)
    assert path_length_m([LngLat(0, 0)]) == 0


@pytest.mark.parametrize(
    ("lng", "lat", "place"), [(0, 0, True), (180, -90, True), (180.1, 0, False), (float("nan"), 0, False)]
)
def test_what_a_place_is(lng: float, lat: float, place: bool) -> None:
    assert is_place(lng, lat) is place

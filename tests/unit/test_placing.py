"""The box around places is the smallest, also where they lie on both sides of the antimeridian."""

from __future__ import annotations

import pytest

from app.placing import box_of
from domain.geometry import LngLat


@pytest.mark.parametrize(
    ("lngs", "west_east"),
    [
        ([10.0, 11.0], (10.0, 11.0)),
        ([179.0, -179.0, 178.0], (178.0, -179.0)),
        ([-100.0, 10.0], (-100.0, 10.0)),
        ([5.0], (5.0, 5.0)),
    ],
)
def test_a_box_goes_the_short_way_around(lngs: list[float], west_east: tuple[float, float]) -> None:
    box = box_of(LngLat(lng, lat) for lat, lng in enumerate(lngs))
    assert box == (west_east[0], 0, west_east[1], len(lngs) - 1)
    assert box_of([]) is None

"""Measuring in the real page: legs with bearings, the whole, an area, copied values, miles."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from domain.geometry import EQUATOR_RADIUS_M, FLATTENING, LngLat, bearing_deg, distance_m
from tests.map.conftest import Stage
from tests.map.networks import id_of
from tests.map.test_editing_on_the_map import Hands


@pytest.fixture
def ruler(stage: Stage) -> Iterator[Hands]:
    """Hands with the ruler."""
    made = Hands(stage)
    made.hold("ruler")
    yield made
    made.tools.set_units("metric")
    made.close()


def box_km2(west: float, south: float, east: float, north: float) -> float:
    """Return what lies between two meridians and two parallels of WGS 84 (J. P. Snyder, Map Projections, 1987, 3-12)."""
    e2 = FLATTENING * (2 - FLATTENING)
    e = math.sqrt(e2)

    def up_to(lat: float) -> float:
        sine = math.sin(math.radians(lat))
        return (1 - e2) * (sine / (1 - e2 * sine**2) + math.atanh(e * sine) / e) / 2

    return EQUATOR_RADIUS_M**2 * math.radians(east - west) * (up_to(north) - up_to(south)) / 1e6


def legs(ruler: Hands) -> list[str]:
    code = "[...document.querySelectorAll('#tool li')].map((li) => li.textContent).join('\\n')"
    return str(ruler.stage.js(code)).splitlines()


def total(ruler: Hands) -> str:
    return str(ruler.stage.js("document.querySelector('#tool span').textContent"))


def test_the_way_along_devices_is_what_the_engine_computes(stage: Stage, ruler: Hands) -> None:
    names = ("Kempten", "Hauchenberg", "Grünten")
    for name in names:
        ruler.click(ruler.at(name))
    ruler.key(Qt.Key.Key_Return)
    places = [stage.place_of(id_of(name)) for name in names]
    wanted_km = (distance_m(places[0], places[1]) + distance_m(places[1], places[2])) / 1000
    assert float(total(ruler).removesuffix(" km")) == pytest.approx(wanted_km, rel=0.03)
    first, second = legs(ruler)
    assert first.startswith("1: ")
    assert float(first.split(", ")[1].removesuffix("°")) == pytest.approx(
        bearing_deg(places[0], places[1]), abs=3
    )
    assert second.startswith("2: ")
    assert [event for event in stage.events if event[0] == "device_clicked"] == []


def test_a_closed_way_has_an_area_and_what_is_read_can_be_copied(stage: Stage, ruler: Hands) -> None:
    at = ruler.at("Kempten")
    for corner in (QPoint(0, 0), QPoint(120, 0), QPoint(120, 120), QPoint(0, 0)):
        ruler.click(at + corner)
    assert "within" in total(ruler)
    assert "km²" in total(ruler)
    said = total(ruler)
    stage.js("[...document.querySelectorAll('#tool button')].find((b) => b.textContent === 'Copy').click()")
    stage.settle()
    copied = QApplication.clipboard().text().splitlines()
    assert copied[0] == said
    assert copied[1:] == legs(ruler)


@pytest.mark.parametrize(
    ("lat", "wide_deg", "zoom"), [(47.0, 0.1, 11.0), (-33.9, 0.1, 11.3), (69.6, 0.25, 10.0)]
)
@pytest.mark.parametrize("way_round", [1, -1])
def test_an_area_is_that_of_the_ground_and_not_of_the_screen(
    stage: Stage, ruler: Hands, lat: float, wide_deg: float, zoom: float, way_round: int
) -> None:
    west, south, east, north = 18.0, lat, 18.0 + wide_deg, lat + 0.1
    stage.view.look_at((west + east) / 2, (south + north) / 2, zoom)
    stage.until(lambda: abs(stage.stand_still()["zoom"] - zoom) < 0.01, "the box in view")
    corners = [LngLat(west, south), LngLat(east, south), LngLat(east, north), LngLat(west, north)]
    for corner in (*corners[::way_round], corners[::way_round][0]):
        ruler.click(stage.pixel(corner))
    stage.until(lambda: "within" in total(ruler), "the area")
    said, unit = total(ruler).split(" within ")[0].split()
    assert unit == "km²"
    assert float(said) == pytest.approx(box_km2(west, south, east, north), rel=0.01)


def test_backspace_takes_the_last_point_and_escape_clears_before_it_leaves(
    stage: Stage, ruler: Hands
) -> None:
    for name in ("Kempten", "Hauchenberg", "Grünten"):
        ruler.click(ruler.at(name))
    ruler.key(Qt.Key.Key_Backspace)
    ruler.key(Qt.Key.Key_Return)
    assert legs(ruler) == []
    assert "bearing" in total(ruler)
    ruler.key(Qt.Key.Key_Escape)
    assert "click along" in ruler.hint()
    assert ruler.tools.tool == "ruler"
    ruler.key(Qt.Key.Key_Escape)
    stage.until(lambda: ruler.tools.tool == "", "the ruler put down")


def test_miles_are_read_where_people_want_them(stage: Stage, ruler: Hands) -> None:
    for name in ("Kempten", "Grünten"):
        ruler.click(ruler.at(name))
    ruler.key(Qt.Key.Key_Return)
    in_km = float(total(ruler).split(" km")[0])
    ruler.tools.set_units("imperial")
    stage.until(lambda: " mi" in total(ruler), "miles")
    assert float(total(ruler).split(" mi")[0]) == pytest.approx(in_km / 1.609344, abs=0.01)

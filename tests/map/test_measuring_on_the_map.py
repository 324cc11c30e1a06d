"""Measuring in the real page: legs with bearings, the whole, an area, copied values, miles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from domain.geometry import bearing_deg, distance_m
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

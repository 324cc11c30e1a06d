"""A network on both sides of the antimeridian is one place on the map, and a box across it is one box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPoint

from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import device


def test_a_network_across_the_antimeridian_is_framed_and_a_box_drawn_over_it_crosses(
    stages: Callable[..., Stage],
) -> None:
    devices = (device("Taveuni", 179.5, -17.0), device("Vanua Balavu", -179.5, -17.4))
    stage = stages(Changed(1, initial=True, devices=devices))
    seen = stage.stand_still()
    assert seen["zoom"] > 6 and abs(abs(seen["center"][0]) - 180) < 0.1
    stage.view.frame_box(178.0, -19.0, -178.0, -16.0)
    stage.until(lambda: stage.report()["zoom"] < seen["zoom"])
    framed = stage.stand_still()
    assert framed["zoom"] > 5 and abs(abs(framed["center"][0]) - 180) < 0.5
    boxes: list[Any] = []
    stage.view.maps.box_drawn.connect(boxes.append)
    stage.view.maps.draw_box()
    stage.settle()
    stage.drag(QPoint(300, 200), QPoint(500, 300))
    stage.until(lambda: bool(boxes), "the box")
    west, south, east, north = boxes[0]
    assert 178 < west < 180 and -180 < east < -178 and south < north

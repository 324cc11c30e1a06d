"""Flying to a place that is no device: the camera goes there and a pin stands on it, until the next click."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint

from tests.map.conftest import Stage


def pins(stage: Stage) -> int:
    return int(stage.js("document.querySelectorAll('.pin').length"))


def test_a_place_is_flown_to_and_marked_until_the_next_click(stage: Stage) -> None:
    stage.view.fly_to_place(9.68, 47.54)
    stage.until(
        lambda: stage.report()["center"] == pytest.approx([9.68, 47.54], abs=1e-4), "the camera there"
    )
    assert stage.report()["zoom"] >= 11
    assert pins(stage) == 1
    stage.view.fly_to_place(9.7, 47.6)
    stage.until(lambda: stage.report()["center"] == pytest.approx([9.7, 47.6], abs=1e-4), "the second place")
    assert pins(stage) == 1
    stage.click(QPoint(60, 300))
    stage.until(lambda: pins(stage) == 0, "no pin after a click")

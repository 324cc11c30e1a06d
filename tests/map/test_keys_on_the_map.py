"""The map by the keyboard alone: Tab reaches it, the arrows move it. Keys come as a window gives them to the page.

One rule: a key that a page was too busy to take is pressed again, as a person would, until what it does is seen; who listens to
none is found by that it never is.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.map.conftest import Stage

ON_THE_MAP = "document.hasFocus() && document.activeElement.matches('canvas.maplibregl-canvas')"


def press_until(stage: Stage, key: Qt.Key, done: Callable[[], bool], what: str) -> None:
    """Press a key, and again, until what it does is seen."""

    def pressed() -> bool:
        QTest.keyClick(stage.hands, key)
        QTest.qWait(50)
        return done()

    stage.until(pressed, what)


@pytest.mark.parametrize(
    ("key", "axis", "sign"),
    [
        (Qt.Key.Key_Right, 0, 1),
        (Qt.Key.Key_Left, 0, -1),
        (Qt.Key.Key_Up, 1, 1),
        (Qt.Key.Key_Down, 1, -1),
    ],
)
def test_tab_reaches_the_map_and_an_arrow_moves_it_its_way(
    stage: Stage, key: Qt.Key, axis: int, sign: int
) -> None:
    stage.view.activateWindow()
    stage.view.setFocus()
    press_until(stage, Qt.Key.Key_Tab, lambda: bool(stage.js(ON_THE_MAP)), "the focus on the map")
    before = stage.stand_still()["center"]
    press_until(stage, key, lambda: (stage.report()["center"][axis] - before[axis]) * sign > 0, f"{key}")
    after = stage.stand_still()["center"]
    assert (after[axis] - before[axis]) * sign > 0
    assert after[1 - axis] == pytest.approx(before[1 - axis], abs=1e-3)

"""The past in the real page: in a solid frame that says when, ages from there, rings where now differs, left by one key."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from app.look import themes
from domain.wire import Changed, Removed
from tests.map.conftest import HEIGHT_PX, Stage
from tests.map.networks import device, health, id_of, news, small

DARK, LIGHT = themes()["dark"], themes()["light"]
HAUCHENBERG, GRUNTEN = id_of("Hauchenberg"), id_of("Grünten")
AT_US = 1_700_000_000_000_000
LABEL = "22:13:20, Tuesday 14 November 2023 \u2013 900 d ago"


@pytest.fixture
def past(stage: Stage) -> Iterator[Stage]:
    """The small network as if it were long ago."""
    stage.view.show_past(AT_US, LABEL, ["Load is the mean of the hour"], {GRUNTEN: "degraded"})
    stage.until(lambda: _is_framed(stage))
    yield stage
    stage.view.leave_past()
    stage.until(lambda: not _is_framed(stage))


def _is_framed(stage: Stage) -> bool:
    return bool(stage.js("!(document.getElementById('past')?.hidden ?? true)"))


def _edge_share(stage: Stage, wanted: str) -> float:
    image = stage.view.grab().toImage()
    return sum(image.pixelColor(0, y) == QColor(wanted) for y in range(HEIGHT_PX)) / HEIGHT_PX


def _at(stage: Stage, id: object) -> QPoint:
    return stage.pixel(stage.place_of(id))  # type: ignore[arg-type]


def test_the_past_is_in_a_solid_frame_that_says_when_and_what_is_uncertain(past: Stage) -> None:
    past.until(lambda: _edge_share(past, DARK.accent.accent) > 0.98)
    said = str(past.js("document.querySelector('#past').textContent"))
    assert LABEL in said and "not live" in said and "Load is the mean of the hour" in said
    past.view.set_theme("light")
    past.until(lambda: _edge_share(past, LIGHT.accent.accent) > 0.98)


def test_a_ring_in_the_colour_of_now_stands_where_now_differs_and_nowhere_else(past: Stage) -> None:
    past.until(lambda: past.shows(_at(past, GRUNTEN), DARK.status["degraded"], 22))
    assert not past.shows(_at(past, HAUCHENBERG), DARK.status["degraded"], 22)
    past.view.leave_past()
    past.until(lambda: not past.shows(_at(past, GRUNTEN), DARK.status["degraded"], 22))


def test_a_ring_of_now_goes_with_its_device_into_a_ring_of_devices(past: Stage) -> None:
    past.until(lambda: past.shows(_at(past, GRUNTEN), DARK.status["degraded"], 22))
    past.tell(Changed(3, devices=(device("Beside", *past.place_of(GRUNTEN)),)))
    past.until(lambda: not past.shows(_at(past, GRUNTEN), DARK.status["degraded"], 22))
    past.tell(Changed(4, removed=(Removed("device", id_of("Beside")),)))
    past.until(lambda: past.shows(_at(past, GRUNTEN), DARK.status["degraded"], 22))


def test_the_label_is_the_same_button_whatever_it_says(past: Stage) -> None:
    past.js("document.querySelector('#past button').focus()")
    past.view.show_past(AT_US + 1_000_000, "22:13:21", ["Another note"], {})
    past.until(lambda: "22:13:21" in str(past.js("document.activeElement.textContent")))
    assert past.js("document.querySelectorAll('#past button').length") == 1
    assert past.js("document.querySelector('#past .note:last-child').textContent") == "Another note"
    assert past.js("document.querySelectorAll('#past .note').length") == 1


@pytest.mark.parametrize("leave", ["key", "click"])
def test_escape_and_a_click_on_the_label_leave(past: Stage, leave: str) -> None:
    told: list[bool] = []
    past.view.past_left.connect(lambda: told.append(True))
    if leave == "key":
        QTest.keyClick(past.hands, Qt.Key.Key_Escape)
    else:
        past.js("document.querySelector('#past button').click()")
    past.until(lambda: told)


def test_the_page_says_when_it_stands_still(past: Stage) -> None:
    told: list[bool] = []
    past.tell(news(health("Hauchenberg", "down")))
    past.view.when_still(lambda: told.append(True))
    past.until(lambda: told)
    at = _at(past, HAUCHENBERG)
    past.until(lambda: past.shows(at, DARK.status["down"], 14))


def test_a_page_that_died_is_in_the_past_again(stages: Callable[..., Stage]) -> None:
    one = stages(small())
    one.view.show_past(AT_US, LABEL, [], {})
    one.until(lambda: _is_framed(one))
    one.view._load()
    one.until(lambda: one.view._ready)
    one.until(lambda: _is_framed(one))


def test_a_place_that_is_linked_to_is_looked_at(past: Stage) -> None:
    past.view.look_at(10.25, 47.5, 9.5)
    past.until(lambda: past.stand_still()["zoom"] == 9.5)


def test_a_page_that_is_still_coming_looks_where_it_was_told_to_and_says_when_it_stands_there(
    stages: Callable[..., Stage],
) -> None:
    one = stages(small())
    told: list[bool] = []
    one.view._load()
    one.view.look_at(10.25, 47.5, 9.5)
    one.view.when_still(lambda: told.append(True))
    assert not one.view._ready
    one.until(lambda: told)
    assert one.report()["zoom"] == 9.5

"""The status symbols as the page really draws them, at the smallest size of the street zooms: told apart without colour."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import get_args

import msgspec
import pytest
from PySide6.QtCore import QPoint

from app.look import ThemeName, themes
from domain.fault import Fault
from domain.geometry import LngLat
from domain.health import Status
from domain.wire import Changed, Removed
from tests.map.conftest import Stage
from tests.map.networks import device, health, id_of
from tests.ui.seen import Pixels, as_deuteranope, difference, in_grey, pixels

CAUSE = id_of("elsewhere")
PLACE = LngLat(10.0, 47.0)
REACH_PX = 14
LEAST = 10.0
"""Root mean square over the box of 29 px: four times what is just noticed on a whole box, and a wide margin to drawing noise."""


def seen_as(stage: Stage, status: str) -> Pixels:
    """Return the pixels around an access device of that status; its name is blank."""
    thing = msgspec.structs.replace(device("x", *PLACE), name=" ", paused=status == "maintenance")
    shown: Status = {"maintenance": "up", "affected": "down"}.get(status, status)  # type: ignore[assignment]
    faults = (Fault(CAUSE, "device", 1, (thing.id,)),) if status == "affected" else ()
    stage.tell(Changed(2, removed=(Removed("fault", CAUSE),)))
    stage.tell(Changed(2, devices=(thing,), health=(health("x", shown),), faults=faults))
    at = stage.pixel(PLACE)
    ink = themes()[stage.view._theme].status[status]
    stage.until(lambda: stage.shows(at, ink, REACH_PX), status)
    return grabbed(stage, at)


def seen_as_would_be(stage: Stage, fate: str) -> Pixels:
    """Return the pixels around an access device that is up and of which something else would become."""
    thing = msgspec.structs.replace(device("x", *PLACE), name=" ")
    stage.tell(Changed(2, devices=(thing,), health=(health("x", "up"),), removed=(Removed("fault", CAUSE),)))
    stage.view.show_what_if(**{"failed": (), fate: (thing.id,)})
    at = stage.pixel(PLACE)
    look = themes()[stage.view._theme]
    ink = {
        "failed": look.status["down"],
        "lost": look.status["affected"],
        "weakened": look.status["degraded"] if stage.view._theme == "dark" else look.degraded_edge,
    }[fate]
    stage.until(lambda: stage.shows(at, ink, REACH_PX) and not stage.shows(at, look.status["up"], 6), fate)
    seen = grabbed(stage, at)
    stage.view.leave_what_if()
    return seen


def grabbed(stage: Stage, at: QPoint) -> Pixels:
    """Return the pixels of the box around a point."""
    stage.still()
    image = stage.view.grab().toImage()
    return pixels(image.copy(at.x() - REACH_PX, at.y() - REACH_PX, 2 * REACH_PX + 1, 2 * REACH_PX + 1))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_any_two_statuses_and_what_would_be_differ_in_grey_and_for_a_deuteranope(
    stages: Callable[..., Stage], theme: ThemeName
) -> None:
    stage = stages(Changed(1, initial=True, devices=(device("x", *PLACE),)), theme=theme)
    assert stage.report()["zoom"] >= 12
    pictures = {status: seen_as(stage, status) for status in [*get_args(Status), "maintenance", "affected"]}
    pictures |= {f"would be {fate}": seen_as_would_be(stage, fate) for fate in ("failed", "lost", "weakened")}
    for eyes in (in_grey, as_deuteranope):
        seen = {status: eyes(picture) for status, picture in pictures.items()}
        for one, other in itertools.combinations(seen, 2):
            apart = difference(seen[one], seen[other])
            assert apart >= LEAST, f"{one} and {other}: {apart:.1f} {eyes.__name__} in {theme}"


def test_a_paused_router_is_a_notched_square_on_the_map_and_its_dot_is_gone(stage: Stage) -> None:
    ink = themes()["dark"].status
    paused = msgspec.structs.replace(stage.model.inventory.device(device("Grünten", 0, 0).id), paused=True)  # type: ignore[type-var]
    at = stage.pixel(stage.place_of(paused.id))
    stage.tell_and_see(Changed(3, devices=(paused,), health=(health("Grünten", "down"),)))
    stage.until(lambda: stage.shows(at, ink["maintenance"], 6))
    stage.until(lambda: not stage.shows(at, ink["down"]) and not stage.shows(at, ink["up"], 6), "no dot")

"""A link that is down between devices of one ring is seen: at the ring, at every zoom, and in the open fan of its site.

Counterpart: `countInRings` in `map_assets/src/rings.js`, `map_assets/src/fan.js`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor

from app.look import themes
from domain.geometry import LngLat
from domain.inventory import Link
from domain.load import LinkState
from domain.wire import Changed
from tests.map.conftest import Stage, near
from tests.map.networks import device, health, id_of, news

RED = themes()["dark"].status["down"]
PLACE = LngLat(10.3, 47.6)
ROUND_IT_PX = 30
"""From a ring's middle to the outside of its marks."""


def site(status: str = "down") -> Changed:
    """Return the router and the switch of one site, both up, with a link between them."""
    devices = device("Router", *PLACE), device("Switch", *PLACE)
    link = Link(id_of("patch"), devices[0].id, devices[1].id, kind="copper", capacity_bps=10**9)
    return Changed(
        1,
        initial=True,
        devices=devices,
        links=(link,),
        health=tuple(health(each.name, "up") for each in devices),
        link_states=(LinkState(link.id, "down" if status == "down" else "up", 1, 1, 0.0, 0.0),),
    )


def test_a_link_that_is_down_inside_a_site_is_seen_at_every_zoom_and_in_its_fan(
    stages: Callable[..., Stage], tmp_path: Path
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    stage.tell(site())
    for zoom in range(19):
        stage.view.look_at(*PLACE, float(zoom))
        stage.until(lambda z=zoom: abs(stage.report()["zoom"] - z) < 0.6, f"zoom {zoom}")  # type: ignore[misc]
        at = stage.pixel(PLACE)
        stage.until(lambda at=at: stage.shows(at, RED, ROUND_IT_PX), f"red at zoom {zoom}")  # type: ignore[misc]
    at = stage.pixel(PLACE)
    stage.click(at)
    between = at + QPoint(0, 27)
    stage.until(lambda: stage.shows(between, RED, 5), "the link in the fan")
    stage.click(between)
    stage.until(lambda: bool(stage.events))
    assert stage.events == [("link_clicked", id_of("patch"))]
    stage.tell(news(LinkState(id_of("patch"), "up", 1, 1, 0.0, 0.0)))
    stage.until(lambda: not stage.shows(at, RED, 60), "well again")


def test_the_mark_of_a_link_between_two_devices_of_a_fan_is_not_under_the_ring_in_its_middle(
    stages: Callable[..., Stage], tmp_path: Path
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    stage.tell(site())
    stage.view.look_at(*PLACE, 14.0)
    stage.until(lambda: abs(stage.stand_still()["zoom"] - 14) < 0.1)
    at = stage.pixel(PLACE)
    stage.until(lambda: stage.shows(at, RED, ROUND_IT_PX), "the ring, which a click before it would miss")
    stage.click(at)
    arms = [at + QPoint(4, way * (26 + arm)) for way in (1, -1) for arm in (4, -4)]
    stage.until(lambda: sum(stage.shows(arm, RED, 1) for arm in arms) == 2, "both arms of its x on one side")


def test_a_link_that_would_fail_inside_a_ring_is_marked_there_and_no_more_when_one_has_left(
    stages: Callable[..., Stage], tmp_path: Path
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    stage.tell(site("up"))
    stage.view.look_at(*PLACE, 9.0)
    stage.until(lambda: abs(stage.stand_still()["zoom"] - 9) < 0.1)
    at = stage.pixel(PLACE)
    assert not stage.shows(at, RED, ROUND_IT_PX)
    stage.view.show_what_if([id_of("patch")])
    stage.until(lambda: stage.shows(at, RED, ROUND_IT_PX), "the mark of what would fail")
    stage.view.leave_what_if()
    stage.until(lambda: not stage.shows(at, RED, ROUND_IT_PX), "nothing fails")


@pytest.mark.parametrize("count", [5, 12, 120])
def test_the_mark_of_what_is_down_leaves_the_count_of_its_ring_free(
    stages: Callable[..., Stage], tmp_path: Path, count: int
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    names = [f"R{n}" for n in range(count)]
    devices = tuple(device(name, *PLACE) for name in names)
    stage.tell(Changed(1, initial=True, devices=devices, health=tuple(health(n, "up") for n in names)))
    stage.view.look_at(*PLACE, 9.0)
    stage.until(lambda: stage.stand_still()["zoom"] == 9.0)
    at = stage.pixel(PLACE)
    ink = QColor(themes()["dark"].text.text)

    def said() -> set[tuple[int, int]]:
        image = stage.view.grab().toImage()
        spots = ((x, y) for x in range(-13, 14) for y in range(-6, 6))
        return {(x, y) for x, y in spots if near(image.pixelColor(at.x() + x, at.y() + y), ink)}

    stage.until(lambda: bool(said()), "the count")
    stage.still()
    whole = said()
    stage.tell(news(health("R0", "down")))
    stage.until(lambda: stage.shows(at, RED, ROUND_IT_PX), "the mark")
    stage.still()
    stage.until(lambda: said() == whole, "the count, as free as before")

"""Links drawn as one from afar: a bundle does what its links do, under a filter and in a what-if. Counterpart: `bundles.js`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor

from app.look import ThemeName, themes
from app.map.sieve import Sifted
from domain.geometry import LngLat
from domain.inventory import Link
from domain.load import LinkState
from domain.topology import LinkThen
from domain.wire import Changed
from tests.map.conftest import Stage, near
from tests.map.networks import device, health, id_of, news

GIG = 10**9
WEST, EAST = LngLat(8.0, 47.6), LngLat(13.0, 47.6)
NAMES = ("W0", "W1", "W2", "E0", "E1", "E2")
BUSY, QUIET = id_of("busy"), id_of("quiet")
ZOOM = 6.0
DIM = 0.35
"""How opaque a link is that has stepped back (`map_assets/src/style.js`)."""


def two_towns() -> Changed:
    """Return two rings, and between them a link at 60 % and one at 10 %."""
    devices = tuple(
        device(name, place.lng, place.lat + 0.03 * i, role="access" if i else "pop")
        for side, place in (("W", WEST), ("E", EAST))
        for i, name in enumerate(name for name in NAMES if name[0] == side)
    )
    links = (
        Link(BUSY, id_of("W0"), id_of("E0"), kind="fibre", capacity_bps=10 * GIG),
        Link(QUIET, id_of("E1"), id_of("W1"), kind="fibre", capacity_bps=10 * GIG),
    )
    states = (LinkState(BUSY, "up", 1, 1, 6 * GIG, 6 * GIG), LinkState(QUIET, "up", 1, 1, GIG, GIG))
    up = tuple(health(name, "up") for name in NAMES)
    return Changed(1, initial=True, devices=devices, links=links, health=up, link_states=states)


@pytest.fixture
def stage(stages: Callable[..., Stage], tmp_path: Path) -> Stage:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    stage.tell(two_towns())
    stage.stand_still()
    look(stage, ZOOM)
    return stage


def look(stage: Stage, zoom: float) -> None:
    stage.view.look_at((WEST.lng + EAST.lng) / 2, WEST.lat, zoom)
    stage.until(lambda: abs(stage.stand_still()["zoom"] - zoom) < 0.01)


def on_the_way(stage: Stage) -> QPoint:
    """Return a place on the first half of the bundle, beside its arrows."""
    return stage.pixel(LngLat(WEST.lng + 0.4 * (EAST.lng - WEST.lng), WEST.lat))


def wears(stage: Stage, load: str, theme: ThemeName, *, opacity: float = 1) -> bool:
    """Tell whether the bundle is drawn in a colour of the scale, so much of it over the ground."""
    color, ground = QColor(load), QColor(themes()[theme].surface.ground)
    parts = (
        (color.red(), ground.red()),
        (color.green(), ground.green()),
        (color.blue(), ground.blue()),
    )
    want = QColor(*(round(a * opacity + b * (1 - opacity)) for a, b in parts))
    return any(near(seen, want) for seen in stage.colors_near(on_the_way(stage), 3))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_bundle_steps_back_with_its_links_and_shows_what_those_carry_that_a_filter_leaves(
    stage: Stage, theme: ThemeName
) -> None:
    load = themes()[theme].load
    stage.view.set_theme(theme)
    stage.until(lambda: wears(stage, load[3], theme), "the busiest of both")
    stage.view.sieve.show(Sifted("“1”", (id_of("W1"), id_of("E1")), 6))
    stage.until(lambda: wears(stage, load[1], theme), "the one that is left, as it is")
    stage.view.sieve.show(Sifted("“2”", (id_of("W2"), id_of("E2")), 6))
    stage.until(lambda: wears(stage, load[3], theme, opacity=DIM), "both stepped back")
    assert not wears(stage, load[3], theme)
    stage.view.sieve.show(None)
    stage.until(lambda: wears(stage, load[3], theme), "all again")


def test_a_bundle_steps_back_at_the_next_zoom_as_well_and_its_links_where_they_stand_alone(
    stage: Stage,
) -> None:
    load = themes()["dark"].load[3]
    stage.view.sieve.show(Sifted("“2”", (id_of("W2"),), 6))
    stage.until(lambda: wears(stage, load, "dark", opacity=DIM))
    look(stage, 5.0)
    stage.until(lambda: wears(stage, load, "dark", opacity=DIM), "one zoom further out")
    look(stage, 8.0)
    stage.until(lambda: wears(stage, load, "dark", opacity=DIM), "without rings")
    look(stage, ZOOM)
    stage.view.sieve.show(None)
    stage.until(lambda: wears(stage, load, "dark"), "all again")


def test_what_fares_badly_brings_its_bundle_forward(stage: Stage) -> None:
    load = themes()["dark"].load
    stage.view.sieve.show(Sifted("“2”", (id_of("W2"),), 6))
    stage.until(lambda: wears(stage, load[3], "dark", opacity=DIM))
    stage.tell(news(health("W1", "degraded"), health("E1", "stale")))
    stage.until(lambda: wears(stage, load[1], "dark"), "the link between two faults")
    stage.tell(news(health("W1", "up"), health("E1", "up")))
    stage.until(lambda: wears(stage, load[3], "dark", opacity=DIM), "as before")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_bundle_wears_the_load_that_its_links_would_have_and_follows_them(
    stage: Stage, theme: ThemeName
) -> None:
    load = themes()[theme].load
    stage.view.set_theme(theme)
    stage.until(lambda: wears(stage, load[3], theme))
    stage.view.show_what_if([BUSY], [], loads=[LinkThen(QUIET, 9.5 * GIG, 9.5 * GIG, 8.5 * GIG, 8.5 * GIG)])
    stage.until(lambda: wears(stage, load[5], theme), "what would move to the other link")
    stage.view.show_what_if([BUSY], [], loads=[LinkThen(QUIET, 4e9, 4e9, 3e9, 3e9)])
    stage.until(lambda: wears(stage, load[2], theme), "what would move there now")
    stage.view.show_what_if([id_of("W2")])
    stage.until(lambda: wears(stage, load[3], theme, opacity=DIM), "nothing of it changes")
    stage.tell(news(LinkState(BUSY, "up", 1, 2, 0.0, 0.0)))
    stage.until(lambda: wears(stage, load[1], theme, opacity=DIM), "what it carries goes on below")
    stage.view.leave_what_if()
    stage.until(lambda: wears(stage, load[1], theme), "what is")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_casing_of_what_moves_lies_around_the_bundle_and_where_links_stand_alone_around_the_link(
    stage: Stage, theme: ThemeName
) -> None:
    ink = QColor(themes()[theme].text.text)
    stage.view.set_theme(theme)

    def casing(at: QPoint) -> list[int]:
        """Return how far above and below a place the casing's ink is seen, sharp or half on a pixel."""
        image = stage.view.grab().toImage()
        column = {y: image.pixelColor(at.x(), at.y() + y) for y in range(-14, 15)}
        return [y for y, seen in column.items() if _apart(seen, ink) < 200]

    def lies_around(at: QPoint) -> bool:
        rows = casing(at)
        return bool(rows) and min(rows) < 0 < max(rows) and abs(min(rows) + max(rows)) <= 2

    stage.until(lambda: casing(on_the_way(stage)) == [], "nothing but the bundle")
    stage.view.show_what_if([id_of("W2")], loads=[LinkThen(QUIET, 9.5 * GIG, None, 8.5 * GIG, 0.0)])
    stage.until(lambda: lies_around(on_the_way(stage)), "around the bundle")
    look(stage, 5.0)
    stage.until(lambda: lies_around(on_the_way(stage)), "around that of the next zoom out")
    look(stage, 8.0)
    quiet = stage.pixel(LngLat(WEST.lng + 0.4 * (EAST.lng - WEST.lng), WEST.lat + 0.03))
    stage.until(lambda: lies_around(quiet), "around the link itself")
    assert casing(stage.pixel(LngLat(WEST.lng + 0.4 * (EAST.lng - WEST.lng), WEST.lat - 0.1))) == []
    look(stage, ZOOM)
    stage.view.leave_what_if()
    stage.until(lambda: casing(on_the_way(stage)) == [], "what is")


def _apart(a: QColor, b: QColor) -> int:
    return abs(a.red() - b.red()) + abs(a.green() - b.green()) + abs(a.blue() - b.blue())

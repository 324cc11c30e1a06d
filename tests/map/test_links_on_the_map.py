"""How links look, by the page's own pixels: dashes of radio links, widths by capacity and zoom, arrows, bends, what flows.

Counterpart: `linkLayers` in `map_assets/src/layers.js`; the figures are those of look.md. One rule: both themes are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QImage

from app.look import ThemeName, themes
from domain.geometry import LngLat
from domain.inventory import Link, LinkKind
from domain.load import LinkState
from domain.wire import Changed
from tests.map import lettering
from tests.map.conftest import Stage, near
from tests.map.networks import device, health, id_of

LAT = 47.6
WEST, EAST = LngLat(9.8, LAT), LngLat(10.3, LAT)
MIDDLE = LngLat(10.05, LAT)
LINK, GIG = id_of("way"), 10**9
PILL_SHARES = (0.27, 0.73)
"""How far along a link stands what it carries: from its first end, and from its other end."""
READ_ABOUT = 4.5
"""Least contrast of text that is read (WCAG 2.2, 1.4.3)."""


class Way:
    """A link from west to east in the middle of the screen, and eyes for it."""

    def __init__(self, stage: Stage, theme: ThemeName) -> None:
        self.stage, self.tokens = stage, themes()[theme]

    def pill(self, west: LngLat, east: LngLat, share: float, *texts: str) -> str:
        """Return which of some texts a link along a parallel says there, legibly; nothing where it says none of them."""
        at = self.stage.pixel(LngLat(west.lng + (east.lng - west.lng) * share, west.lat))
        image, ground = self.picture(), QColor(self.tokens.surface.panel)
        inks = (lettering.contrast(each, ground) for each in lettering.colors(image, at, 56, 11))
        if max(inks) < READ_ABOUT:
            return ""
        return lettering.read(image, at, texts, weight="Medium", size_px=11, ground=ground)

    def draw(
        self,
        kind: LinkKind = "fibre",
        capacity_bps: int = GIG,
        loads: tuple[float, float] = (0.6, 0.6),
        path: tuple[tuple[float, float], ...] = (),
    ) -> None:
        """Show the link; loads are shares of its capacity."""
        west, east = device("West", *WEST), device("East", *EAST)
        link = Link(LINK, west.id, east.id, kind=kind, capacity_bps=capacity_bps, path=path)
        ab_bps, ba_bps = (capacity_bps * share for share in loads)
        state = LinkState(LINK, "up", 1, 1, ab_bps, ba_bps)
        up = (health("West", "up"), health("East", "up"))
        self.stage.tell(
            Changed(1, initial=True, devices=(west, east), links=(link,), health=up, link_states=(state,))
        )

    def look(self, zoom: float) -> QPoint:
        """Bring the middle to the middle, and return where it is."""
        self.stage.view.look_at(*MIDDLE, zoom)
        self.stage.until(lambda: abs(self.stage.stand_still()["zoom"] - zoom) < 0.01)
        self.stage.still()
        return self.stage.pixel(MIDDLE)

    def picture(self) -> QImage:
        return self.stage.view.grab().toImage()

    def has(self, image: QImage, x: int, y: int, load: int) -> bool:
        return near(image.pixelColor(x, y), QColor(self.tokens.load[load]))

    def thick_px(self, x: int, y: int, load: int) -> int:
        """Return in how many rows around a point the colour of a load is."""
        image = self.picture()
        return sum(self.has(image, x, row, load) for row in range(y - 14, y + 15))

    def pieces(self, columns: Iterable[int], y: int, load: int) -> int:
        """Return in how many pieces a row has the colour of a load."""
        image = self.picture()
        shown = [self.has(image, x, y, load) for x in columns]
        return sum(now and not was for was, now in zip([False, *shown], shown, strict=False))


@pytest.fixture(params=["dark", "light"])
def way(request: pytest.FixtureRequest, stages: Callable[..., Stage], tmp_path: Path) -> Way:
    theme: ThemeName = request.param
    return Way(stages(None, basemap=tmp_path / "none.pmtiles", theme=theme), theme)


def test_a_radio_link_is_dashed_and_a_cable_is_not(way: Way) -> None:
    at = way.look(11)
    columns = range(at.x() - 200, at.x() - 40)
    for kind, least, most in (("wireless", 3, 9), ("fibre", 1, 1), ("copper", 1, 1)):
        way.draw(kind)  # type: ignore[arg-type]
        way.stage.until(
            lambda least=least, most=most: least <= way.pieces(columns, at.y(), 3) <= most,  # type: ignore[misc]
            f"{kind} in {least} to {most} pieces",
        )


@pytest.mark.parametrize(("capacity_bps", "width"), [(10 * GIG, 5), (GIG, 3.8), (100_000_000, 2.2)])
def test_a_link_is_as_wide_as_its_capacity_and_the_zoom_say(
    way: Way, capacity_bps: int, width: float
) -> None:
    way.draw(capacity_bps=capacity_bps)
    for zoom, factor in ((8.7, 0.8), (11, 1.25), (14, 2)):
        at = way.look(zoom)
        wanted = width * factor
        way.stage.until(
            lambda at=at, wanted=wanted: wanted - 2 <= way.thick_px(at.x() - 60, at.y(), 3) <= wanted + 0.5,  # type: ignore[misc]
            f"{wanted:.1f} px at zoom {zoom}",
        )


def test_each_half_has_its_own_load_and_they_meet_in_arrows(way: Way) -> None:
    way.draw(loads=(0.95, 0.3))
    at = way.look(11)
    way.stage.until(lambda: way.thick_px(at.x() - 60, at.y(), 5) >= 3, "what flows east, on the west half")
    way.stage.until(lambda: way.thick_px(at.x() + 60, at.y(), 2) >= 3, "what flows west, on the east half")
    assert way.thick_px(at.x() + 60, at.y(), 5) == way.thick_px(at.x() - 60, at.y(), 2) == 0
    for side, load in ((-1, 5), (1, 2)):
        thick = [way.thick_px(at.x() + side * px, at.y(), load) for px in range(2, 18)]
        line = way.thick_px(at.x() + side * 60, at.y(), load)
        assert max(thick) > line, "wider than the line behind it"
        assert thick[0] < max(thick), "and pointed towards the middle"


def test_a_link_goes_by_its_bends_and_not_straight(way: Way) -> None:
    bend = LngLat(10.0, 47.68)
    way.draw(path=((bend.lng, bend.lat),))
    way.look(9.5)
    for start, end in ((WEST, bend), (bend, EAST)):
        for share in (0.3, 0.8):
            lng, lat = start.lng + (end.lng - start.lng) * share, start.lat + (end.lat - start.lat) * share
            spot = way.stage.pixel(LngLat(lng, lat))
            way.stage.until(lambda spot=spot: way.stage.shows(spot, way.tokens.load[3], 2), f"{lng}, {lat}")  # type: ignore[misc]
    straight = way.stage.pixel(LngLat(10.0, LAT))
    assert not way.stage.shows(straight, way.tokens.load[3], 8)


def test_what_flows_each_way_is_said_on_a_link_from_a_zoom_on_and_not_from_afar(way: Way) -> None:
    said = ("600 Mb/s", "250 Mb/s", "40 Mb/s")

    def pills() -> list[str]:
        return [way.pill(WEST, EAST, share, *said) for share in PILL_SHARES]

    way.draw(loads=(0.6, 0.25))
    for zoom, shown in ((10.1, True), (9.9, False), (11, True), (8.5, False)):
        way.look(zoom)
        wanted = ["600 Mb/s", "250 Mb/s"] if shown else ["", ""]
        way.stage.until(lambda wanted=wanted: pills() == wanted, f"{wanted} at zoom {zoom}")  # type: ignore[misc]
    way.look(10.1)
    way.draw(loads=(0.04, 0.6))
    way.stage.until(lambda: pills() == ["40 Mb/s", "600 Mb/s"], "what flows now")


def both(*ends: tuple[str, LngLat, LngLat, float]) -> Changed:
    """Return links of 1 Gb/s that are up, each with its name, its ends and what it carries both ways, as a share."""
    devices = [device(name + end, *place) for name, a, b, _ in ends for end, place in (("a", a), ("b", b))]
    links = [Link(id_of(name), id_of(name + "a"), id_of(name + "b"), capacity_bps=GIG) for name, *_ in ends]
    states = [LinkState(id_of(name), "up", 1, 1, GIG * share, GIG * share) for name, _, _, share in ends]
    return Changed(
        1,
        initial=True,
        devices=tuple(devices),
        links=tuple(links),
        health=tuple(health(each.name, "up") for each in devices),
        link_states=tuple(states),
    )


def test_a_link_too_short_for_what_it_carries_says_nothing_until_there_is_room(way: Way) -> None:
    west, east = LngLat(10.01, LAT - 0.015), LngLat(10.09, LAT - 0.015)
    way.stage.tell(both(("long", WEST, EAST, 0.6), ("short", west, east, 0.0)))

    def said() -> list[str]:
        long = way.pill(WEST, EAST, PILL_SHARES[0], "600 Mb/s", "0 kb/s")
        return [long, *(way.pill(west, east, share, "600 Mb/s", "0 kb/s") for share in PILL_SHARES)]

    way.look(10.1)
    way.stage.until(lambda: said() == ["600 Mb/s", "", ""], "only the long link's")
    way.look(12.3)
    way.stage.until(lambda: said()[1:] == ["0 kb/s", "0 kb/s"], "the short link's, which has room now")
    way.look(10.1)
    way.stage.until(lambda: said() == ["600 Mb/s", "", ""], "only the long link's again")


def test_where_two_links_would_say_it_at_one_place_the_one_that_carries_more_does(way: Way) -> None:
    spot = LngLat(WEST.lng + (EAST.lng - WEST.lng) * PILL_SHARES[0], LAT)
    north, south = LngLat(spot.lng, LAT + 0.27 * 0.3), LngLat(spot.lng, LAT - 0.73 * 0.3)
    for across, along, wanted in ((0.25, 0.6, "600 Mb/s"), (0.6, 0.25, "600 Mb/s"), (0.25, 0.04, "250 Mb/s")):
        way.stage.tell(both(("along", WEST, EAST, along), ("across", north, south, across)))
        way.look(10.1)
        way.stage.until(
            lambda wanted=wanted: (  # type: ignore[misc]
                way.pill(WEST, EAST, PILL_SHARES[0], "600 Mb/s", "250 Mb/s", "40 Mb/s") == wanted
            ),
            f"{wanted} of {across} across {along}",
        )

"""How links look, by the page's own pixels: dashes of radio links, widths by capacity and zoom, arrows that meet, bends.

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
from tests.map.conftest import Stage, near
from tests.map.networks import device, health, id_of

LAT = 47.6
WEST, EAST = LngLat(9.8, LAT), LngLat(10.3, LAT)
MIDDLE = LngLat(10.05, LAT)
LINK, GIG = id_of("way"), 10**9


class Way:
    """A link from west to east in the middle of the screen, and eyes for it."""

    def __init__(self, stage: Stage, theme: ThemeName) -> None:
        self.stage, self.tokens = stage, themes()[theme]

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

"""What a ring of several devices tells: how many they are, the share of each status, and what is not well in it.

Counterpart: `map_assets/src/rings.js` counts, `drawRing` in `map_assets/src/sprites.js` draws. One rule: the screen is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QImage

from app.look import ThemeName, themes
from domain.geometry import LngLat
from domain.health import Status
from domain.wire import Changed
from tests.map import lettering
from tests.map.conftest import Stage, near
from tests.map.networks import device, health, news

Stages = Callable[..., Stage]
PLACE = LngLat(10.3, 47.6)
ZOOM = 9.0
COUNTS = ("4", "8", "9", "12", "16", "17", "32", "33", "40")
STEP_DEG = 3
BADGE_DEG = 81
"""Clockwise from the top: as far as the mark of the worst reaches over the ring."""
SPACE_DEG = 9
"""So much of the ring may be the space between two statuses, or a mixture of their colours."""

OUTSIDE_PX = 16
"""From the middle of a ring of 10 to 99 to what is no part of it but a mark."""


class Ring:
    """The ring of devices that stand at one place."""

    def __init__(self, stages: Stages, tmp_path: Path, theme: ThemeName) -> None:
        self.stage = stages(None, basemap=tmp_path / "none.pmtiles", theme=theme)
        self.tokens = themes()[theme]
        self.at = QPoint()

    def show(self, counts: Mapping[Status, int]) -> None:
        """Stand so many devices of each status at the place, and look at them."""
        states: list[Status] = [status for status, count in counts.items() for _ in range(count)]
        names = [f"R{n}" for n in range(len(states))]
        self.stage.tell(
            Changed(
                1,
                initial=True,
                devices=tuple(device(name, *PLACE) for name in names),
                health=tuple(health(name, status) for name, status in zip(names, states, strict=True)),
            )
        )
        self.stage.view.look_at(*PLACE, ZOOM)
        self.stage.until(lambda: self.stage.stand_still()["zoom"] == ZOOM)
        self.at = self.stage.pixel(PLACE)

    def picture(self) -> QImage:
        return self.stage.view.grab().toImage()

    def count(self) -> str:
        """Return the number that stands in the ring, of those in `COUNTS`; nothing where none of them does."""
        ground = QColor(self.tokens.surface.ground)
        return lettering.read(self.picture(), self.at, COUNTS, weight="SemiBold", size_px=12, ground=ground)

    def around(self, radius_px: float) -> list[Status | None]:
        """Return whose colour is on the ring every few degrees, clockwise from the top."""
        image = self.picture()
        found: list[Status | None] = []
        for bearing in range(0, 360, STEP_DEG):
            turned = math.radians(bearing)
            x, y = self.at.x() + radius_px * math.sin(turned), self.at.y() - radius_px * math.cos(turned)
            color = image.pixelColor(math.floor(x), math.floor(y))
            found.append(next((s for s, ink in self.inks().items() if near(color, QColor(ink))), None))
        return found

    def inks(self) -> dict[Status, str]:
        """Return the colour of each status, as rings wear it."""
        return {status: self.tokens.status[status] for status in ("degraded", "stale", "up")}

    def shares_deg(self, radius_px: float) -> dict[Status, int]:
        """Return over how many degrees each status is seen, without those beneath the mark of the worst."""
        seen = self.around(radius_px)[BADGE_DEG // STEP_DEG :]
        return {status: seen.count(status) * STEP_DEG for status in self.inks()}


@pytest.fixture(params=["dark", "light"])
def ring(request: pytest.FixtureRequest, stages: Stages, tmp_path: Path) -> Ring:
    return Ring(stages, tmp_path, request.param)


@pytest.mark.parametrize(
    ("counts", "radius_px"),
    [
        ({"degraded": 8, "stale": 4, "up": 4}, 13),
        ({"degraded": 12, "stale": 2, "up": 2}, 13),
        ({"degraded": 4, "stale": 2, "up": 2}, 11),
        ({"degraded": 8, "stale": 8, "up": 16}, 13),
    ],
)
def test_a_ring_says_how_many_stand_there_and_wears_each_status_over_its_share(
    ring: Ring, counts: dict[Status, int], radius_px: int
) -> None:
    total = sum(counts.values())
    ring.show(counts)
    ring.stage.until(lambda: ring.count() == str(total), f"{total} in the ring")
    wanted = {status: 360 * count / total for status, count in counts.items()}
    wanted["degraded"] -= BADGE_DEG
    ring.stage.still()
    ring.stage.until(
        lambda: all(
            wanted[status] - SPACE_DEG <= seen <= wanted[status] + 1
            for status, seen in ring.shares_deg(radius_px).items()
        ),
        f"{wanted}",
    )


@pytest.mark.parametrize("status", ["degraded", "affected", "stale"])
def test_one_that_is_not_well_among_many_that_are_is_marked_at_their_ring(ring: Ring, status: Status) -> None:
    ring.show({"up": 40})
    ring.stage.view.layers.show("names", shown=False)
    ground, ink = QColor(ring.tokens.surface.ground), QColor(ring.tokens.status[status])
    size_px = range(-30, 31)

    def is_marked() -> bool:
        image = ring.picture()
        return any(
            lettering.is_of(image.pixelColor(ring.at.x() + x, ring.at.y() + y), ground, ink)
            for x in size_px
            for y in size_px
            if math.hypot(x, y) > OUTSIDE_PX
        )

    ring.stage.until(lambda: ring.around(13).count("up") > 100, "the ring, all of it up")
    assert not is_marked()
    ring.stage.tell(news(health("R7", status)))
    ring.stage.until(is_marked, "its mark")
    ring.stage.tell(news(health("R7", "up")))
    ring.stage.until(lambda: not is_marked(), "no mark")

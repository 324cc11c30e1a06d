"""Links between the same two devices: each in its own lane, and what is said of one is drawn in that lane: the page's own pixels.

Counterpart: `map_assets/src/lanes.js`. The two devices stand on one parallel, so a lane is a row of the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from PySide6.QtGui import QColor, QImage

from app.look import themes
from domain.alerts import Alert
from domain.geometry import LngLat
from domain.inventory import Link
from domain.load import LinkState
from domain.wire import Changed
from tests.map.conftest import Stage, near
from tests.map.networks import device, health, id_of, news

DARK = themes()["dark"]
WEST, EAST = LngLat(9.8, 47.6), LngLat(10.3, 47.6)
ZOOM = 9.5
"""Without pills, which would cover the lanes."""
LANE_PX = 1.5 * 3.8 * 0.8391
"""Between the middles of two links of 1 Gb/s at that zoom: the figures of look.md, straight between those of 8.7 and 11."""


def trunk(count: int) -> tuple[Changed, list[UUID]]:
    """Return two devices and links of 1 Gb/s between them, some written from the other end, and the links from north to south."""
    ids = sorted((id_of(f"trunk {i}") for i in range(count)), key=str)
    west, east = device("West", *WEST), device("East", *EAST)
    first, last = sorted((west.id, east.id), key=str)
    links = [
        Link(id, *((first, last) if i % 3 else (last, first)), kind="fibre", capacity_bps=10**9)
        for i, id in enumerate(ids)
    ]
    changed = Changed(
        1,
        initial=True,
        devices=(west, east),
        links=tuple(links),
        health=(health("West", "up"), health("East", "up")),
        link_states=tuple(LinkState(id, "up", 1, 1, 0.0, 0.0) for id in ids),
    )
    return changed, ids if first == west.id else ids[::-1]


class Lanes:
    """The screen around a trunk, row by row."""

    def __init__(self, stage: Stage, count: int) -> None:
        stage.view.look_at((WEST.lng + EAST.lng) / 2, WEST.lat, ZOOM)
        stage.until(lambda: abs(stage.stand_still()["zoom"] - ZOOM) < 0.01)
        stage.still()
        self.stage, self.count = stage, count
        west, east = stage.pixel(WEST), stage.pixel(EAST)
        self.middle_x, self.y = (west.x() + east.x()) // 2, west.y()
        self.quiet = range(self.middle_x - 130, self.middle_x - 50)
        """Columns where nothing but the lines is."""

    def row(self, lane: int) -> float:
        """Return where the middle of a lane should be, counted from the north."""
        return self.y + (lane - (self.count - 1) / 2) * LANE_PX

    def picture(self) -> QImage:
        """Return what is on the screen."""
        return self.stage.view.grab().toImage()

    def rows_with(self, wanted: str, columns: range) -> set[int]:
        """Return the rows in which a colour is, near the trunk."""
        image, color = self.picture(), QColor(wanted)
        rows = range(self.y - 40, self.y + 41)
        return {y for y in rows if any(near(image.pixelColor(x, y), color) for x in columns)}

    def lanes_with(self, wanted: str) -> list[int]:
        """Return the lanes that have a colour in their middle."""
        rows = self.rows_with(wanted, self.quiet)
        return [lane for lane in range(self.count) if any(abs(y - self.row(lane)) < 1 for y in rows)]

    def is_only_in(self, lane: int, wanted: str, columns: range, reach_px: float) -> bool:
        """Tell whether a colour is in a lane, and no farther from its middle than so many pixels."""
        rows = self.rows_with(wanted, columns)
        at = self.row(lane)
        return any(abs(y - at) <= 1.5 for y in rows) and all(abs(y - at) <= reach_px for y in rows)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_of_links_side_by_side_the_one_that_is_down_is_red_in_its_own_lane(
    stages: Callable[..., Stage], tmp_path: Path, count: int
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    changed, ids = trunk(count)
    stage.tell(changed)
    lanes = Lanes(stage, count)
    red, calm = DARK.status["down"], DARK.load[0]
    strike = range(lanes.middle_x - 9, lanes.middle_x + 10)
    for lane in {0, count - 1, count // 2}:
        stage.tell(news(*(LinkState(id, "down" if id == ids[lane] else "up", 1, 1, 0.0, 0.0) for id in ids)))
        stage.until(lambda lane=lane: lanes.is_only_in(lane, red, lanes.quiet, 3), f"red in lane {lane}")  # type: ignore[misc]
        stage.until(lambda lane=lane: lanes.is_only_in(lane, red, strike, 9), f"its x in lane {lane}")  # type: ignore[misc]
        well = [other for other in range(count) if other != lane]
        stage.until(lambda well=well: lanes.lanes_with(calm) == well, f"all but {lane} are well")  # type: ignore[misc]


@pytest.mark.parametrize("count", [2, 3, 8])
def test_the_selected_one_of_links_side_by_side_has_its_halo_in_its_own_lane(
    stages: Callable[..., Stage], tmp_path: Path, count: int
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    changed, ids = trunk(count)
    stage.tell(changed)
    lanes = Lanes(stage, count)
    stage.until(lambda: lanes.lanes_with(DARK.load[0]) == list(range(count)), "the links")
    stage.still()
    before = lanes.picture()
    x = lanes.quiet[len(lanes.quiet) // 2]

    def touched() -> list[int]:
        after = lanes.picture()
        rows = range(lanes.y - 60, lanes.y + 61)
        return [y for y in rows if not near(before.pixelColor(x, y), after.pixelColor(x, y))]

    reach_px = 3.8 * 0.957 / 2 + 3.5
    for lane, outermost, edge in (
        (0, 0, lanes.row(0) - reach_px),
        (count - 1, -1, lanes.row(count - 1) + reach_px),
    ):
        stage.view.select(ids[lane])
        stage.until(
            lambda i=outermost, edge=edge: (rows := touched()) and abs(rows[i] - edge) <= 1.2,  # type: ignore[misc]
            f"halo in lane {lane}",
        )
        stage.view.select(None)
        stage.until(lambda: not touched(), "no halo")


@pytest.mark.parametrize("count", [3, 8])
def test_the_arrows_of_links_side_by_side_stay_on_their_lines(
    stages: Callable[..., Stage], tmp_path: Path, count: int
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    changed, ids = trunk(count)
    stage.tell(changed)
    lanes = Lanes(stage, count)
    meeting = range(lanes.middle_x - 12, lanes.middle_x + 13)
    for lane in {0, count - 1}:
        full = [9.9e8 if id == ids[lane] else 0.0 for id in ids]
        stage.tell(news(*(LinkState(id, "up", 1, 1, bps, bps) for id, bps in zip(ids, full, strict=True))))
        stage.until(
            lambda lane=lane: lanes.is_only_in(lane, DARK.load[5], meeting, 6), f"arrows in lane {lane}"
        )  # type: ignore[misc]


def test_a_click_takes_the_link_in_whose_lane_it_is(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    changed, ids = trunk(3)
    stage.tell(changed)
    stage.view.look_at((WEST.lng + EAST.lng) / 2, WEST.lat, 12)
    stage.until(lambda: abs(stage.stand_still()["zoom"] - 12) < 0.01)
    down = ids[0]
    stage.tell(news(LinkState(down, "down", 1, 1), health("West", "up")))
    middle = stage.pixel(LngLat((WEST.lng + EAST.lng) / 2, WEST.lat))
    stage.until(lambda: stage.shows(middle, DARK.status["down"], 16))
    at = middle
    at.setY(middle.y() - round(1.5 * 3.8 * (1.1 + 0.7 / 3)))
    stage.click(at)
    stage.until(lambda: bool(stage.events))
    assert stage.events == [("link_clicked", down)]


def test_the_count_of_alerts_of_a_link_stands_by_its_own_lane(
    stages: Callable[..., Stage], tmp_path: Path
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    changed, ids = trunk(2)
    stage.tell(changed)
    stage.view.look_at((WEST.lng + EAST.lng) / 2, WEST.lat, 14)
    stage.until(lambda: abs(stage.stand_still()["zoom"] - 14) < 0.01)
    stage.view.layers.show("alerts", shown=True)
    middle, red = stage.pixel(LngLat((WEST.lng + EAST.lng) / 2, WEST.lat)), QColor(DARK.status["down"])

    def top() -> int | None:
        image = stage.view.grab().toImage()
        rows = (middle.y() + y for y in range(-40, 30))
        columns = range(middle.x() - 24, middle.x() + 3)
        return next((y for y in rows if any(near(image.pixelColor(x, y), red) for x in columns)), None)

    tops: list[int] = []
    for id in ids:
        alert = Alert(uuid4(), "r", id, "critical", 1)
        stage.tell(Changed(3, alerts=(alert,)))
        stage.until(lambda: top() is not None, "the badge")
        stage.still()
        tops.append(top() or 0)
        stage.tell(Changed(4, alerts=(msgspec.structs.replace(alert, cleared_us=2),)))
        stage.until(lambda: top() is None, "no badge")
    assert abs(tops[1] - tops[0] - 1.5 * 3.8 * 1.8) <= 1.5

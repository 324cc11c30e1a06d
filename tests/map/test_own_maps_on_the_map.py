"""The user's own maps in the real page: each schema, raster, areas, and files that fail while they are shown."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

import map_assets
from domain.geometry import LngLat
from domain.maps import MapFile
from domain.wire import Changed, Removed
from engine.maps.survey import survey
from tests.map import lettering
from tests.map.conftest import LogWatch, Stage
from tests.map.networks import small
from tests.map_files import EXTENT, Feature, png, vector_tile, write_map

Stages = Callable[..., Stage]


def taken(path: Path, number: int = 1, **more: Any) -> MapFile:
    """Return a file as the library has it."""
    found = msgspec.structs.asdict(survey(path, lambda *_: None))
    return MapFile(UUID(int=number), path=str(path), copied=False, **(found | more))


def shown(stage: Stage, *maps: MapFile) -> None:
    """Bring maps into the window, and wait until the page has come to rest."""
    stage.tell(Changed(2, maps=maps))
    stage.settle()
    stage.stand_still()


def credits_on(stage: Stage) -> list[str]:
    """Return the lines of credit, the topmost map's first."""
    found = stage.js("JSON.stringify([...document.querySelectorAll('#credits p')].map(p => p.textContent))")
    return list(msgspec.json.decode(str(found)))


TOKENS = json.loads((Path(map_assets.__file__).parent / "style" / "tokens.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("schema", "theme"),
    [("protomaps", "dark"), ("openmaptiles", "light"), ("shortbread", "dark")],
)
def test_each_schema_is_drawn_in_our_colours(stages: Stages, tmp_path: Path, schema: str, theme: str) -> None:
    stage = stages(small(), theme=theme)
    shown(stage, taken(write_map(tmp_path / "m.pmtiles", schema)))
    water = TOKENS[theme]["basemap"]["water"]
    stage.until(lambda: wet(stage, water) > 200, f"water of {schema}")
    assert stage.report()["console_errors"] == 0
    assert credits_on(stage)[0] == f"A {schema} map: © Some & others"
    assert len(credits_on(stage)) == 2
    stage.tell(Changed(3, removed=(Removed("map", UUID(int=1)),)))
    stage.until(lambda: wet(stage, water) < 200, "no water")
    assert len(credits_on(stage)) == 1


LINES: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "protomaps": {
        "motorway": ("roads", {"kind": "highway"}),
        "road": ("roads", {"kind": "major_road"}),
        "minor": ("roads", {"kind": "minor_road"}),
        "rail": ("roads", {"kind": "rail"}),
        "border": ("boundaries", {"kind": "country"}),
        "region": ("boundaries", {"kind": "region"}),
        "river": ("water", {"kind": "river"}),
    },
    "openmaptiles": {
        "motorway": ("transportation", {"class": "motorway"}),
        "road": ("transportation", {"class": "primary"}),
        "minor": ("transportation", {"class": "minor"}),
        "rail": ("transportation", {"class": "rail"}),
        "border": ("boundary", {"admin_level": 2, "maritime": 0}),
        "region": ("boundary", {"admin_level": 4, "maritime": 0}),
        "river": ("waterway", {"class": "river"}),
    },
    "shortbread": {
        "motorway": ("streets", {"kind": "motorway"}),
        "road": ("streets", {"kind": "primary"}),
        "minor": ("streets", {"kind": "residential"}),
        "rail": ("streets", {"kind": "rail"}),
        "border": ("boundaries", {"admin_level": 2}),
        "region": ("boundaries", {"admin_level": 4}),
        "river": ("water_lines", {"kind": "river"}),
    },
}
"""Of each schema the layer and the properties of every kind of line, as its maps have them."""
INK = {"minor": "road", "river": "water"}
"""What wears the colour of another token."""
ROWS = dict(zip(LINES["protomaps"], (-90, -65, -40, -20, 20, 40, 65), strict=True))
"""How far beneath the middle of a tile each line goes, in units of the tile."""
TOWNS: dict[str, tuple[str, dict[str, Any]]] = {
    "protomaps": ("places", {"kind": "locality", "population": 400_000}),
    "openmaptiles": ("place", {"class": "city", "rank": 1}),
    "shortbread": ("place_labels", {"kind": "city", "population": 400_000}),
}
MIDDLE_OF_A_TILE = LngLat(10.01953125, 47.63578)
"""Of zoom 10."""
TOWN_AT = 20
"""How far east of it the town is, in such units."""
UNIT_PX = 512 * 2**14 / 2**10 / EXTENT
"""Of a tile of zoom 10 at zoom 14."""


def lined_tile(schema: str) -> bytes:
    """Return a tile with each kind of line across it, the one beneath the other, and a town between them."""
    half = EXTENT // 2
    layers: dict[str, list[Feature]] = {}
    for part, (layer, told) in LINES[schema].items():
        way = [[(0, half + ROWS[part]), (EXTENT, half + ROWS[part])]]
        layers.setdefault(layer, []).append(("line", way, told))
    layer, told = TOWNS[schema]
    layers[layer] = [("point", [[(half + TOWN_AT, half)]], {**told, "name": "Lindau"})]
    return gzip.compress(vector_tile(layers), mtime=0)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("schema", ["protomaps", "openmaptiles", "shortbread"])
def test_roads_rails_borders_rivers_and_towns_of_each_schema_are_drawn(
    stages: Stages, tmp_path: Path, schema: str, theme: str
) -> None:
    tile = lined_tile(schema)
    stage = stages(Changed(1), basemap=tmp_path / "none", theme=theme)
    shown(stage, taken(write_map(tmp_path / "m.pmtiles", schema, make=lambda _: tile)))
    stage.view.look_at(*MIDDLE_OF_A_TILE, 14)
    stage.until(lambda: stage.stand_still()["zoom"] == 14)
    at, colors = stage.pixel(MIDDLE_OF_A_TILE), TOKENS[theme]["basemap"]
    town, land = at + QPoint(round(TOWN_AT * UNIT_PX), 0), QColor(colors["land"])

    def missing() -> list[str]:
        image = stage.view.grab().toImage()
        lines = []
        for part, row in ROWS.items():
            y, ink = round(at.y() + row * UNIT_PX), QColor(colors[INK.get(part, part)])
            near = (image.pixelColor(at.x() + x, y + dy) for x in range(250, 340) for dy in range(-4, 5))
            if sum(lettering.is_of(each, land, ink) for each in near) < 20:
                lines.append(part)
        name = lettering.read(image, town, ["Lindau", "Bregenz"], weight="Regular", size_px=13, ground=land)
        return lines if name == "Lindau" else [*lines, "the town"]

    stage.until(lambda: not missing(), "every line and the town")
    assert stage.report()["console_errors"] == 0


def wet(stage: Stage, color: str) -> int:
    """Return how many of some thousand points of the screen have a colour."""
    image = stage.view.grab().toImage()
    want = QColor(color)
    points = ((x, y) for x in range(0, image.width(), 10) for y in range(0, image.height(), 10))
    return sum(image.pixelColor(x, y) == want for x, y in points)


def test_a_raster_is_muted_and_as_strong_as_it_is_set(stages: Stages, tmp_path: Path) -> None:
    file = write_map(tmp_path / "m.pmtiles", "raster", make=lambda tile: png(255, 40, 40))
    stage = stages(small(), basemap=tmp_path / "none")
    ground = QColor(TOKENS["dark"]["basemap"]["land"])
    seen: list[QColor] = []
    for opacity in (0.9, 0.3):
        shown(stage, taken(file, opacity=opacity))
        stage.until(lambda: corner(stage) != ground and corner(stage) not in seen, "the raster")
        stage.still()
        seen.append(corner(stage))
    strong, faint = seen
    assert strong.saturationF() < 0.75
    assert ground.lightness() < faint.lightness() < strong.lightness() < 110


def corner(stage: Stage) -> QColor:
    """Return the colour of a place where nothing of the network is."""
    return stage.view.grab().toImage().pixelColor(200, 330)


def test_only_maps_of_the_theme_are_drawn_and_served(stages: Stages, tmp_path: Path) -> None:
    dark = taken(write_map(tmp_path / "d.pmtiles"), 1, use="dark", name="Night")
    light = taken(write_map(tmp_path / "l.pmtiles", "shortbread"), 2, use="light", name="Day")
    never = taken(write_map(tmp_path / "n.pmtiles", "openmaptiles"), 3, use="never")
    stage = stages(small())
    shown(stage, dark, light, never)
    table = stage.view._files.table
    assert [address for address in table if address.startswith("/maps/")] == [f"/maps/{dark.id}.pmtiles"]
    assert credits_on(stage)[0].startswith("Night: ")
    stage.view.set_theme("light")
    stage.until(lambda: credits_on(stage)[0].startswith("Day: "), "the map of the day")
    assert [address for address in table if address.startswith("/maps/")] == [f"/maps/{light.id}.pmtiles"]


def test_a_map_that_vanishes_while_it_is_shown_is_said_and_the_network_stays(
    stages: Stages, tmp_path: Path, log_watch: LogWatch
) -> None:
    log_watch.expected = ["ERR_", "Failed to load resource"]
    file = write_map(tmp_path / "m.pmtiles")
    stage = stages(small())
    one = taken(file, name="<b>Lake</b>")
    file.unlink()
    shown(stage, one)
    said = "Parts of the map “<b>Lake</b>” cannot be read; the network is drawn all the same."
    stage.until(lambda: said in notices(stage), "the notice")
    assert stage.report()["rendered_devices"] == 4
    stage.tell(Changed(3, maps=(msgspec.structs.replace(one, trouble="its file is gone"),)))
    stage.until(lambda: said not in notices(stage), "no notice")
    assert len(credits_on(stage)) == 1


def test_a_tile_that_unpacks_to_gigabytes_is_said_and_the_page_lives(
    stages: Stages, tmp_path: Path, log_watch: LogWatch
) -> None:
    log_watch.expected = ["unpacks to more"]
    file = write_map(tmp_path / "m.pmtiles")
    one = taken(file)
    bomb = gzip.compress(bytes(100_000_000), 1)
    write_map(file, make=lambda tile: bomb)
    stage = stages(small())
    shown(stage, one)
    stage.until(lambda: "cannot be read" in notices(stage), "the notice")
    assert stage.report()["rendered_devices"] == 4
    assert stage.report()["console_errors"] == 0


def test_a_box_is_drawn_by_hand_and_escape_gives_up(stages: Stages) -> None:
    stage = stages(small())
    boxes: list[Any] = []
    stage.view.maps.box_drawn.connect(boxes.append)
    before = stage.stand_still()
    stage.view.maps.draw_box()
    stage.settle()
    stage.drag(QPoint(300, 200), QPoint(420, 300))
    stage.until(lambda: bool(boxes), "the box")
    west, south, east, north = boxes[0]
    assert west < east and south < north
    assert abs(stage.pixel(LngLat(west, north)).x() - 300) <= 3
    assert abs(stage.pixel(LngLat(east, south)).y() - 300) <= 3
    assert stage.stand_still()["center"] == before["center"]
    assert not stage.events
    stage.view.maps.draw_box()
    stage.settle()
    stage.hands.setFocus()
    QTest.keyClick(stage.hands, Qt.Key.Key_Escape)
    stage.until(lambda: len(boxes) == 2, "giving up")
    assert boxes[1] is None


def notices(stage: Stage) -> str:
    return str(stage.js("document.querySelector('#notices').textContent"))


APART = """(() => {
  const [legend, credits] = ['legend', 'credits'].map(id => document.getElementById(id).getBoundingClientRect());
  const beside = legend.right <= credits.left || credits.right <= legend.left;
  const apart = beside || legend.bottom <= credits.top || credits.bottom <= legend.top;
  const inside = [legend, credits].every(
    box => box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight && box.top >= 0);
  return JSON.stringify([innerWidth, apart, inside]);
})()"""


def test_whom_maps_credit_stands_beside_the_legend_or_beneath_it_however_narrow_the_map_is(
    stages: Stages, tmp_path: Path
) -> None:
    stage = stages(small())
    file = write_map(tmp_path / "m.pmtiles", "protomaps")
    shown(stage, taken(file), taken(file, 2, name="A survey of the valley by those who live there"))
    assert len(credits_on(stage)) == 3
    for width in (500, 640, 800, 1000, 1100, 1400):
        stage.view.resize(width, 600)
        stage.until(lambda: json.loads(str(stage.js(APART)))[0] == width, "the width")  # noqa: B023 asked at once
        assert json.loads(str(stage.js(APART))) == [width, True, True]

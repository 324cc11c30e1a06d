"""Names in five scripts in the real page: each is drawn from a file that comes along. Counterpart: `map_assets/src/fonts.js`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.inventory import Device
from domain.wire import Changed, Removed
from tests.map.conftest import Stage
from tests.map.networks import device, health
from tests.map_files import vector_tile, write_map

Stages = Callable[..., Stage]

NAMES = {
    "latin": "Wien",
    "cyrillic": "Москва",
    "greek": "Αθήνα",
    "arabic": "القاهرة",
    "han": "東京",
    "hangul": "서울",
}

LOADED = """JSON.stringify([...document.fonts].filter(face => face.family.startsWith("maplibre-gl-font-face")
    && face.status === "loaded").map(face => face.family))"""
"""The files that the map has drawn with: MapLibre registers each under a family of its own when its first letter comes."""

SHAPES = """(() => {
  const draw = (text) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 80, height: 80 });
    const pen = canvas.getContext("2d");
    pen.font = `48px ${[...document.fonts].filter(face => face.family.startsWith("maplibre-gl-font-face"))
      .map(face => face.family).join(",")}`;
    pen.fillText(text, 10, 60);
    return canvas.toDataURL();
  };
  return JSON.stringify(%s.map(draw));
})()"""


def families(stage: Stage) -> list[str]:
    return sorted(json.loads(stage.js(LOADED)))


def named(*names: str) -> Changed:
    """Return a network of devices of these names, apart from one another."""
    return Changed(1, devices=tuple(device(name, 9.0 + n, 47.5, "pop") for n, name in enumerate(names)))


@pytest.mark.parametrize("script", ["arabic", "han", "hangul"])
def test_a_name_that_inter_cannot_write_is_drawn_from_noto(
    stages: Stages, tmp_path: Path, script: str
) -> None:
    none = tmp_path / "none.pmtiles"
    before = stages(named(NAMES["latin"], NAMES["cyrillic"], NAMES["greek"]), basemap=none)
    before.stand_still()
    inter_only = len(families(before))
    stage = stages(named(NAMES["latin"], NAMES[script]), basemap=none)
    stage.until(lambda: len(families(stage)) == inter_only + 1, f"the file with {script} letters")
    assert stage.report()["console_errors"] == 0


def test_each_letter_has_a_shape_of_its_own_and_none_is_a_box(stages: Stages, tmp_path: Path) -> None:
    stage = stages(named(*NAMES.values()), basemap=tmp_path / "none.pmtiles")
    stage.until(lambda: len(families(stage)) >= 4, "all files")
    letters = ["東", "京", "서", "울", "さ", "ﻖ", "ﻗ", "ﻘ", "Ж", "Ω", "\ue000"]
    shapes = json.loads(stage.js(SHAPES % json.dumps(letters)))
    assert len(set(shapes)) == len(letters)


MIDDLE_OF_A_TILE = (8.4375, 47.04)
"""Of zoom 6."""


def place_tile(name: str, english: str) -> bytes:
    """Return a tile of Protomaps' schema with one place in its middle."""
    told = {"kind": "locality", "name": name, "name:en": english, "min_zoom": 0, "population": 900_000}
    return vector_tile({"places": [("point", [[(2048, 2048)]], told)]})


def high_px(stage: Stage) -> int:
    """Return over how many lines of the screen the place's name reaches."""
    stage.stand_still()
    image = stage.view.grab().toImage()
    ground = image.pixelColor(5, 5)
    left, right, top, bottom = (
        image.width() // 2 - 60,
        image.width() // 2 + 60,
        image.height() // 2 - 40,
        image.height() // 2 + 40,
    )
    return sum(any(image.pixelColor(x, y) != ground for x in range(left, right)) for y in range(top, bottom))


def test_a_name_in_other_letters_has_its_latin_one_beneath_and_a_latin_one_stands_alone(
    stages: Stages, tmp_path: Path
) -> None:

    heights = {}
    for name, english in (("München", "Munich"), ("القاهرة", "Cairo"), ("東京", "Tokyo")):
        tile = gzip.compress(place_tile(name, english), mtime=0)
        file = write_map(tmp_path / f"{english}.pmtiles", zooms=(0, 6), make=lambda _, tile=tile: tile)
        stage = stages(Changed(1), basemap=file)
        stage.view.look_at(*MIDDLE_OF_A_TILE, 6)
        stage.until(lambda stage=stage: high_px(stage) > 6, f"the name of {english}")
        least = heights["Munich"] + 8 if heights else 6
        stage.until(lambda stage=stage, least=least: high_px(stage) > least, f"all that {english} is called")
        stage.still()
        heights[english] = high_px(stage)
    assert heights["Munich"] < 20
    assert heights["Cairo"] > heights["Munich"] + 8
    assert heights["Tokyo"] > heights["Munich"] + 8


def is_named(stage: Stage, one: Device) -> bool:
    """Tell whether a name stands beside a device."""
    at, image = stage.pixel(stage.place_of(one.id)), stage.view.grab().toImage()
    beside = ((dx, dy) for dx in range(-110, 111) for dy in range(-10, 11) if abs(dx) > 24)
    return any(image.pixelColor(at.x() + dx, at.y() + dy).lightness() > 110 for dx, dy in beside)


def test_a_name_stands_beside_its_symbol_however_large_that_is(stages: Stages, tmp_path: Path) -> None:
    odd, odd_pop, pop = (
        device(name, 9.0 + n, 47.5, role)
        for n, (name, role) in enumerate((("Kempten", "access"), ("Sonthofen", "pop"), ("Immenstadt", "pop")))
    )
    states = (health("Kempten", "degraded"), health("Sonthofen", "stale"))
    there = Changed(1, devices=(odd, odd_pop, pop), health=states)
    stage = stages(there, basemap=tmp_path / "none.pmtiles")
    for zoom in (9, 11, 12.8, 16.5):
        for n, one in enumerate((odd, odd_pop, pop)):
            stage.view.look_at(9.0 + n, 47.5, zoom)
            stage.until(lambda one=one: is_named(stage, one), f"the name of {one.name} at zoom {zoom}")


def test_the_name_of_an_odd_device_is_there_where_the_edge_of_the_screen_leaves_one_side(
    stages: Stages, tmp_path: Path
) -> None:
    one = device("Umspannwerk Oberstdorf Nebelhorn Mast drei Richtung Sonthofen", 10.0, 47.5, "pop")
    there = Changed(1, devices=(one,), health=(health(one.name, "degraded"),))
    stage = stages(there, basemap=tmp_path / "none.pmtiles")
    stage.view.look_at(10.0 + 380 * 360 / 512 / 2**11, 47.5, 11)
    stage.stand_still()

    def beside() -> bool:
        at, image = stage.pixel(stage.place_of(one.id)), stage.view.grab().toImage()
        assert 0 < at.x() < 40
        return any(image.pixelColor(x, at.y()).lightness() > 90 for x in range(at.x() + 24, at.x() + 150))

    stage.until(beside, "its name")


def test_a_device_that_is_deselected_while_it_is_not_there_has_its_name_when_it_is_back(
    stages: Stages, tmp_path: Path
) -> None:
    there = named("Kempten")
    (one,) = there.devices
    stage = stages(there, basemap=tmp_path / "none.pmtiles")
    stage.until(lambda: is_named(stage, one), "its name")
    stage.view.select(one.id)
    stage.tell(Changed(2, removed=(Removed("device", one.id),)))
    stage.view.select(None)
    stage.stand_still()
    stage.tell(there)
    stage.until(lambda: stage.stand_still()["rendered_devices"] == 1)
    stage.until(lambda: is_named(stage, one), "its name again")

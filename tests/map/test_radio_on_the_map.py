"""Sectors and the lines between radios, in the real page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor

from app.look import ThemeName, themes
from domain.evidence import DerivedLink
from domain.fact import Fact
from domain.geometry import LngLat, place_towards
from domain.inventory import Link
from domain.radio import Sector
from domain.wire import Changed, Removed
from tests.map.conftest import Stage
from tests.map.networks import VANTAGE, device, health, id_of, news, now_us

DARK, LIGHT = themes()["dark"], themes()["light"]
TOWER = LngLat(10.0, 47.5)
NEAR, FAR, DRAWN = (
    place_towards(TOWER, 70, 3_500),
    place_towards(TOWER, 110, 4_200),
    place_towards(TOWER, 250, 4_000),
)
PLACES = {"Tower": TOWER, "Near": NEAR, "Far": FAR, "Drawn": DRAWN}


def mac_of(name: str) -> str:
    return f"02:00:00:00:00:{list(PLACES).index(name):02X}"


def told(name: str, **clients: float) -> tuple[Fact, ...]:
    """Return a radio's facts: its own MAC, and how it hears others by name."""
    rows: dict[str, dict[str, object]] = {"interface/wlan1": {"name": "wlan1", "mac": mac_of(name)}}
    for other, level_dbm in clients.items():
        mac = mac_of(other) if other in PLACES else f"0A:00:00:00:00:{len(rows):02X}"
        rows[f"wireless_client/wlan1/{mac}"] = {"interface": "wlan1", "mac": mac, "signal_dbm": level_dbm}
    at_us = now_us()
    return tuple(Fact(id_of(name), field, "routeros", VANTAGE, at_us, row) for field, row in rows.items())


def derived(a: str, b: str) -> DerivedLink:
    one, other = sorted((id_of(a), id_of(b)))
    return DerivedLink(id_of(f"{a} by air to {b}"), one, "wlan1", other, "wlan1", "wireless", (), 0.9, 1)


def network() -> Changed:
    """Return a tower with a sector to the east, two stations that tell of it, and a radio link by hand to the west."""
    tower = msgspec.structs.replace(
        device("Tower", *TOWER, role="pop"), sectors=(Sector(90.0, 90.0, 6_000.0, "wlan1"),)
    )
    others = [device(name, *place) for name, place in PLACES.items() if name != "Tower"]
    link = Link(id_of("by hand"), tower.id, id_of("Drawn"), "wlan1", "wlan1", "wireless", 300_000_000)
    return Changed(
        1,
        initial=True,
        devices=(tower, *others),
        links=(link,),
        derived_links=(derived("Tower", "Near"), derived("Tower", "Far")),
        health=tuple(health(name, "up") for name in PLACES),
        facts=(
            *told("Tower", Near=-55.0, Far=-84.0, Drawn=-62.0, stranger=-70.0),
            *told("Near"),
            *told("Far"),
            *told("Drawn"),
        ),
    )


@pytest.fixture
def air(stages: Callable[..., Stage], tmp_path: Path) -> Iterator[Stage]:
    stage = stages(network(), basemap=tmp_path / "none.pmtiles")
    stage.stand_still()
    yield stage


def between(a: LngLat, b: LngLat, share: float = 0.5) -> LngLat:
    return LngLat(a.lng + (b.lng - a.lng) * share, a.lat + (b.lat - a.lat) * share)


def signal(number: int, theme: str = "dark") -> str:
    """Return a class's colour, from the tokens of the page."""
    from importlib.resources import files

    tokens = msgspec.json.decode(files("map_assets").joinpath("style/tokens.json").read_bytes())
    return str(tokens[theme]["signal"][number])


def test_stations_are_joined_to_their_tower_by_lines_in_the_colour_of_their_signal(air: Stage) -> None:
    strong, weak = air.pixel(between(TOWER, NEAR)), air.pixel(between(TOWER, FAR))
    air.until(lambda: air.shows(strong, signal(4), 4) and air.shows(weak, signal(0), 4))
    assert not air.shows(strong, signal(0), 4) and not air.shows(weak, signal(4), 4)
    air.view.set_theme("light")
    air.until(lambda: air.shows(strong, signal(4, "light"), 4) and air.shows(weak, signal(0, "light"), 4))
    ramp = "document.querySelectorAll('#legend .signal span').length"
    assert air.js(ramp) == 5


def test_a_signal_that_turns_is_another_colour_without_anything_laid_out_anew(air: Stage) -> None:
    at = air.pixel(between(TOWER, NEAR))
    air.until(lambda: air.shows(at, signal(4), 4))
    air.tell(Changed(2, facts=told("Tower", Near=-83.0)))
    air.until(lambda: air.shows(at, signal(0), 4))


def test_what_was_heard_before_an_end_fell_silent_is_no_signal(air: Stage) -> None:
    at = air.pixel(between(TOWER, NEAR))
    air.until(lambda: air.shows(at, signal(4), 4))
    air.tell(news(health("Near", "down")))
    air.until(lambda: not air.shows(at, signal(4), 4))
    air.tell(news(health("Near", "up")))
    air.until(lambda: air.shows(at, signal(4), 4))


def test_a_sector_looks_where_it_says_and_counts_those_without_a_place(air: Stage) -> None:
    east, west = air.pixel(place_towards(TOWER, 90, 2_000)), air.pixel(place_towards(TOWER, 300, 2_000))
    ground = QColor(DARK.surface.ground)

    def seen(at: QPoint) -> int:
        return air.view.grab().toImage().pixelColor(at).lightness()

    air.until(lambda: seen(east) > seen(west) + 4, "the sector")
    assert seen(west) <= ground.lightness() + 2
    said = [row["unplaced"] for row in air.view._radio._sectors]
    assert said == [1] and air.view._radio._sectors[0]["clients"] == 4


LOOK_M = 6_000.0
"""As far as the sectors of the next test look; it is seen at two thirds of that."""


def lit_deg(stage: Stage, theme: ThemeName, away_m: float) -> list[int]:
    """Return the bearings, every two degrees, in which the ground around the tower is not bare."""
    image, bare = stage.view.grab().toImage(), QColor(themes()[theme].surface.ground)
    middle, rim = stage.pixel(TOWER), stage.pixel(place_towards(TOWER, 90, away_m))
    away_px = rim.x() - middle.x()
    found = []
    for bearing in range(0, 360, 2):
        turned = math.radians(bearing)
        x, y = middle.x() + away_px * math.sin(turned), middle.y() - away_px * math.cos(turned)
        if image.pixelColor(round(x), round(y)) != bare:
            found.append(bearing)
    return found


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(("azimuth_deg", "beam_deg"), [(90.0, 30.0), (90.0, 120.0), (225.0, 60.0)])
def test_a_sector_is_as_wide_as_its_beam_and_as_long_as_its_range(
    stages: Callable[..., Stage], tmp_path: Path, theme: ThemeName, azimuth_deg: float, beam_deg: float
) -> None:
    sector = Sector(azimuth_deg, beam_deg, LOOK_M)
    tower = msgspec.structs.replace(device("Tower", *TOWER, role="pop"), sectors=(sector,))
    stage = stages(
        Changed(1, initial=True, devices=(tower,), health=(health("Tower", "up"),)),
        basemap=tmp_path / "none.pmtiles",
        theme=theme,
    )
    stage.view.layers.show("names", shown=False)
    stage.view.look_at(*TOWER, 10.5)
    stage.until(lambda: stage.stand_still()["zoom"] == 10.5)
    stage.until(lambda: bool(lit_deg(stage, theme, LOOK_M * 2 / 3)), "the sector")
    stage.still()
    first, last = azimuth_deg - beam_deg / 2, azimuth_deg + beam_deg / 2
    seen = lit_deg(stage, theme, LOOK_M * 2 / 3)
    assert seen[0] == pytest.approx(first, abs=4) and seen[-1] == pytest.approx(last, abs=4)
    assert seen == list(range(seen[0], seen[-1] + 1, 2)), "one wedge without a gap"
    assert set(seen) - set(lit_deg(stage, theme, LOOK_M * 0.93)) <= {seen[0], seen[-1]}, "as far as it looks"
    assert lit_deg(stage, theme, LOOK_M * 1.05) == [], "and no farther"


def test_the_signal_and_the_sectors_go_with_their_layers_and_come_back_with_them(air: Stage) -> None:
    strong, weak = air.pixel(between(TOWER, NEAR)), air.pixel(between(TOWER, FAR))
    band = air.pixel(between(TOWER, DRAWN))
    east = air.pixel(place_towards(TOWER, 90, 2_000))
    bare = QColor(DARK.surface.ground)

    def lines() -> tuple[bool, bool, bool]:
        image = air.view.grab().toImage()
        beside = (
            image.pixelColor(band.x() + dx, band.y() + dy) for dx in range(-7, 8) for dy in range(-7, 8)
        )
        blue = any(each.blueF() - each.redF() > 0.2 and each.lightness() < 90 for each in beside)
        return air.shows(strong, signal(4), 4), air.shows(weak, signal(0), 4), blue

    def is_lit() -> bool:
        return air.view.grab().toImage().pixelColor(east) != bare

    air.until(lambda: lines() == (True, True, True) and is_lit(), "all of it")
    air.view.layers.show("signal", shown=False)
    air.until(lambda: lines() == (False, False, False), "no signal")
    assert is_lit(), "the sector is of another layer"
    air.view.layers.show("sectors", shown=False)
    air.until(lambda: not is_lit(), "no sector")
    air.view.layers.show("signal", shown=True)
    air.until(lambda: lines() == (True, True, True), "the signal again")
    assert not is_lit()
    air.view.layers.show("sectors", shown=True)
    air.until(is_lit, "the sector again")


def test_what_is_deleted_is_gone_and_a_page_that_died_has_everything_again(air: Stage) -> None:
    at = air.pixel(between(TOWER, NEAR))
    air.until(lambda: air.shows(at, signal(4), 4))
    air.tell(Changed(2, removed=(Removed("derived_link", id_of("Tower by air to Near")),)))
    air.until(lambda: not air.shows(at, signal(4), 4))
    weak = air.pixel(between(TOWER, FAR))
    air.view._load()
    air.until(lambda: air.view._ready)
    air.stand_still()
    weak = air.pixel(between(TOWER, FAR))
    air.until(lambda: air.shows(weak, signal(0), 4))
    assert not air.shows(air.pixel(between(TOWER, NEAR)), signal(4), 4)

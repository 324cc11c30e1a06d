"""A link of several ports on the map: how many they are, which is down, what that leaves of it. Counterpart: `app/lags.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint

from app.look import ThemeName, themes
from app.map.feed import card
from domain.fact import Fact
from domain.geometry import LngLat
from domain.inventory import Interface, Link
from domain.load import LinkState
from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import device, health, id_of

WEST, EAST = LngLat(9.8, 47.6), LngLat(10.3, 47.6)
MIDDLE = LngLat((WEST.lng + EAST.lng) / 2, WEST.lat)
LINK, GIG = id_of("bundle"), 10**9
LINES = ("ether2", "ether3")


def port(of: str, interface: Interface, at_us: int) -> Fact:
    value = msgspec.to_builtins(interface)
    return Fact(id_of(of), f"interface/{interface.name}", "snmp", id_of("vantage"), at_us, value)


def members(*runs: bool, at_us: int = 1, bond: str = "bond0") -> Changed:
    """Return what both ends tell of the members."""
    ports = [
        Interface(line, kind="ether", speed_bps=GIG, oper_up=up, bond=bond)
        for line, up in zip(LINES, runs, strict=True)
    ]
    return Changed(2, facts=tuple(port(end, one, at_us) for end in ("West", "East") for one in ports))


def trunk() -> Changed:
    """Return two devices and a link of two lines between them, half full."""
    west, east = device("West", *WEST), device("East", *EAST)
    link = Link(LINK, west.id, east.id, "bond0", "bond0", kind="fibre", capacity_bps=2 * GIG)
    state = LinkState(LINK, "up", 1, 1, 0.8 * GIG, 0.8 * GIG)
    up = (health("West", "up"), health("East", "up"))
    return Changed(1, initial=True, devices=(west, east), links=(link,), health=up, link_states=(state,))


@pytest.fixture
def stage(stages: Callable[..., Stage], tmp_path: Path) -> Stage:
    stage = stages(None, basemap=tmp_path / "none.pmtiles")
    stage.tell(trunk())
    return stage


def look(stage: Stage, zoom: float) -> QPoint:
    """Bring the link's middle to the middle, and return where that is."""
    stage.view.look_at(MIDDLE.lng, MIDDLE.lat, zoom)
    stage.until(lambda: abs(stage.stand_still()["zoom"] - zoom) < 0.01)
    return stage.pixel(MIDDLE)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("zoom", [7.5, 9.5, 12])
def test_a_member_that_is_down_marks_the_link_degraded_and_no_more(
    stage: Stage, zoom: float, theme: str
) -> None:
    stage.view.set_theme(theme)
    tokens = themes()[theme]
    yellow, red = tokens.status["degraded"], tokens.status["down"]
    at = look(stage, zoom)
    stage.tell(members(True, True))
    stage.settle()
    stage.stand_still()
    assert not stage.shows(at, yellow)
    stage.tell(members(False, True, at_us=2))
    stage.until(lambda: stage.shows(at, yellow), "the triangle")
    assert not stage.shows(at, red, 30)
    stage.tell(members(True, True, at_us=3))
    stage.until(lambda: not stage.shows(at, yellow), "no triangle")


def test_what_the_members_that_run_can_carry_is_what_the_load_is_held_against(stage: Stage) -> None:
    dark = themes()["dark"]
    at = look(stage, 9.5)
    beside = QPoint(at.x() - 90, at.y())
    stage.tell(members(True, True))
    stage.until(lambda: stage.shows(beside, dark.load[2], 3), "40 % of both")
    stage.tell(members(True, False, at_us=2))
    stage.until(lambda: stage.shows(beside, dark.load[4], 3), "80 % of the one that is left")


def test_near_by_a_link_says_how_many_lines_it_is(stage: Stage) -> None:
    at = look(stage, 12)

    def around() -> list[int]:
        image = stage.view.grab().toImage()
        return [image.pixel(at.x() + x, at.y() + y) for x in range(-14, 15) for y in range(-9, 10)]

    stage.tell(members(True, True))
    stage.until(lambda: stage.shows(at, themes()["dark"].text.quiet, 9), "2×")
    stage.still()
    bonded = around()

    def differs() -> int:
        return sum(one != other for one, other in zip(bonded, around(), strict=True))

    stage.tell(members(True, True, at_us=2, bond=""))
    stage.until(lambda: differs() > 60, "one line")
    stage.tell(members(True, True, at_us=3))
    stage.until(lambda: differs() < 20, "2× again")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_degraded_link_inside_a_site_is_marked_at_its_ring_and_in_its_fan(
    stages: Callable[..., Stage], tmp_path: Path, theme: ThemeName
) -> None:
    stage = stages(None, basemap=tmp_path / "none.pmtiles", theme=theme)
    both = tuple(device(name, *MIDDLE) for name in ("West", "East"))
    stage.tell(msgspec.structs.replace(trunk(), devices=both))
    stage.tell(members(False, True))
    tokens = themes()[theme]
    yellow, red = tokens.status["degraded"], tokens.status["down"]
    for zoom in (2, 6, 9, 14, 18):
        at = look(stage, float(zoom))
        stage.until(lambda at=at: stage.shows(at, yellow, 30), f"the triangle at zoom {zoom}")  # type: ignore[misc]
    assert not stage.shows(at, red, 30)
    stage.tell(members(True, True, at_us=2))
    stage.until(lambda: not stage.shows(at, yellow, 30), "all run")
    stage.click(at)
    in_fan = at + QPoint(0, 30)
    stage.until(lambda: stage.shows(in_fan, tokens.load[2], 8), "the link in the fan")
    assert not stage.shows(in_fan, yellow, 12)
    stage.tell(members(False, True, at_us=3))
    stage.until(lambda: stage.shows(at, yellow, 50), "the triangle in the fan")
    stage.until(lambda: stage.shows(in_fan, tokens.load[4], 8), "the load of the one that is left")


def test_the_card_names_the_members_and_how_each_is(stage: Stage) -> None:
    stage.tell(members(False, True))
    told = card(stage.model, LINK, 2)
    assert told is not None
    assert (told["status"], told["said"]) == ("degraded", "degraded")
    assert told["reason"].replace("\u2068", "").replace("\u2069", "") == (
        "1 of 2 members down: ether2 of West, ether2 of East do not run."
    )
    assert told["lines"] == [
        ("To East", "800 Mb/s, 80 %"),
        ("To West", "800 Mb/s, 80 %"),
        ("Capacity", "1 Gb/s"),
        ("Kind", "fibre"),
        ("Member ether2", "down"),
        ("Member ether3", "up"),
    ]

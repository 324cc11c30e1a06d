"""Who of the team is at what, who has a tunnel open, and what waits for the server, in the real page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage

from app.look import themes
from app.map.layers import LAYERS
from domain.sync import Person
from domain.tunnels import Tunnel, TunnelsState
from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import health, id_of, news
from tests.ui.team_parts import person, team_of

DARK = themes()["dark"]
GRUNTEN = id_of("Grünten")
REACH_PX = 40
WIDE_PX = 110


@pytest.fixture
def team(stage: Stage) -> Iterator[Stage]:
    """The shared stage, which has no team afterwards."""
    yield stage
    stage.view.layers.reset()
    tell(stage)
    stage.settle()


def tell(stage: Stage, *people: Person, pending: bool = False) -> None:
    things = (("device", GRUNTEN),) if pending else ()
    stage.tell(Changed(5, team=team_of(people=people, pending=len(things), pending_things=things)))


def test_who_works_on_a_device_stands_beside_it_until_he_leaves_or_the_layer_is_off(team: Stage) -> None:
    at = team.pixel(team.place_of(GRUNTEN))
    ben = person("Ben Oak", works_on=GRUNTEN)
    assert not team.shows(at, DARK.accent.ground, REACH_PX)
    tell(team, ben)
    team.until(lambda: team.shows(at, DARK.accent.ground, REACH_PX), "his mark")
    team.view.layers.show("people", shown=False)
    team.until(lambda: not team.shows(at, DARK.accent.ground, REACH_PX), "no mark while the layer is off")
    team.view.layers.show("people", shown=True)
    team.until(lambda: team.shows(at, DARK.accent.ground, REACH_PX), "his mark again")
    tell(team)
    team.until(lambda: not team.shows(at, DARK.accent.ground, REACH_PX), "no mark")


def test_what_waits_for_the_server_is_marked_whatever_layers_are_off_until_it_is_confirmed(
    team: Stage,
) -> None:
    at = team.pixel(team.place_of(GRUNTEN))
    for key in LAYERS:
        if key != "status":
            team.view.layers.show(key, shown=False)
    team.stand_still()
    team.until(lambda: not team.shows(at, DARK.text.quiet, REACH_PX), "a bare symbol")
    tell(team, pending=True)
    team.until(lambda: team.shows(at, DARK.text.quiet, REACH_PX), "the arrow")
    tell(team)
    team.until(lambda: not team.shows(at, DARK.text.quiet, REACH_PX), "no arrow")


def test_a_device_to_which_a_tunnel_is_open_is_marked_until_it_ends(team: Stage) -> None:
    at = team.pixel(team.place_of(GRUNTEN))
    assert not team.shows(at, DARK.accent.ground, REACH_PX)
    mine = Tunnel(id_of("tunnel"), GRUNTEN, "winbox", 8291, 42_000, "direct", "me", 1)
    team.tell(Changed(6, tunnels=TunnelsState((mine,))))
    team.until(lambda: team.shows(at, DARK.accent.ground, REACH_PX), "the mark of a tunnel")
    team.tell(Changed(7, tunnels=TunnelsState()))
    team.until(lambda: not team.shows(at, DARK.accent.ground, REACH_PX), "no mark")


def test_a_fresh_page_has_the_marks_too(team: Stage) -> None:
    at = team.pixel(team.place_of(GRUNTEN))
    tell(team, person("Ben Oak", works_on=GRUNTEN))
    team.view._load()
    team.until(lambda: team.shows(at, DARK.accent.ground, REACH_PX), "his mark in the new page")
    team.stand_still()


def test_no_mark_covers_what_is_down_or_its_name(team: Stage) -> None:
    at = team.pixel(team.place_of(GRUNTEN))
    team.tell_and_see(news(health("Grünten", "down")))
    team.until(lambda: len(reds(team, at)) > 400, "symbol and name")
    team.still()
    before = reds(team, at)
    crowd = [person(f"Ben {letter}", works_on=GRUNTEN) for letter in "ABCD"]
    tell(team, *crowd, pending=True)
    team.until(lambda: team.shows(at, DARK.accent.ground, WIDE_PX), "the mark of four")
    team.still()
    team.until(lambda: before <= reds(team, at), "all that was red")


def reds(stage: Stage, at: QPoint) -> set[tuple[int, int]]:
    """Where something has the colour of a fault."""
    seen: QImage = stage.view.grab(
        QRect(at - QPoint(WIDE_PX, WIDE_PX), at + QPoint(WIDE_PX, WIDE_PX))
    ).toImage()
    return {
        (x, y) for x in range(seen.width()) for y in range(seen.height()) if is_red(seen.pixelColor(x, y))
    }


def is_red(color: QColor) -> bool:
    return color.red() > 150 and color.green() < 140 and color.blue() < 140

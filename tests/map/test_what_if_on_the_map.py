"""What would be, over what is: in a frame, dashed, left by Escape, and never taken for real."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from app.look import ThemeName, themes
from app.topology.what_if import Imagining
from domain.asking import WhatIf
from domain.geometry import LngLat
from domain.inventory import Link
from domain.load import LinkState
from domain.topology import LinkNow, LinkThen, Topology, impact, moved_load
from domain.wire import Changed, Removed, Reply, ToEngine
from tests.map.conftest import HEIGHT_PX, LogWatch, Stage
from tests.map.networks import device, health, id_of, news, now_us, small

DARK = themes()["dark"]
KEMPTEN, HAUCHENBERG, GRUNTEN, ALPSPITZ = map(id_of, ("Kempten", "Hauchenberg", "Grünten", "Alpspitz"))


@pytest.fixture
def imagined(stage: Stage) -> Stage:
    """The small network, and what would be if Hauchenberg failed."""
    stage.view.show_what_if([HAUCHENBERG], [GRUNTEN])
    stage.until(lambda: _is_framed(stage) and stage.shows(_at(stage, GRUNTEN), DARK.status["affected"]))
    return stage


def _at(stage: Stage, *ends: object) -> QPoint:
    """Return where a device, or the middle between two, is on the screen."""
    places = [stage.place_of(id) for id in ends]  # type: ignore[arg-type]
    count = len(places)
    return stage.pixel(LngLat(sum(p.lng for p in places) / count, sum(p.lat for p in places) / count))


def _edge_share(stage: Stage, wanted: str) -> float:
    """Return how much of the map's left edge has a colour."""
    image = stage.view.grab().toImage()
    return sum(image.pixelColor(0, y) == QColor(wanted) for y in range(HEIGHT_PX)) / HEIGHT_PX


def _is_framed(stage: Stage) -> bool:
    return bool(stage.js("!document.getElementById('what-if').hidden"))


def _label(stage: Stage) -> str:
    return str(stage.js("document.querySelector('#what-if button')?.textContent ?? ''"))


def test_what_would_be_is_in_a_dashed_frame_that_says_what_it_is(stage: Stage) -> None:
    assert not _is_framed(stage)
    stage.view.show_what_if([HAUCHENBERG, id_of("KemptenAlpspitz")], [GRUNTEN, ALPSPITZ])
    stage.until(lambda: _is_framed(stage))
    assert _label(stage) == "What if: 2 failEsc to leave"
    stage.until(lambda: 0.3 < _edge_share(stage, DARK.accent.accent) < 0.8)
    stage.view.leave_what_if()
    stage.until(lambda: not _is_framed(stage) and _edge_share(stage, DARK.accent.accent) == 0)


def test_the_label_counts_what_fails_and_asks_where_that_is_nothing(stage: Stage) -> None:
    for failed, said in (([], "What if: click what fails"), ([HAUCHENBERG], "What if: 1 fails")):
        stage.view.show_what_if(failed)
        stage.settle()
        assert _label(stage).startswith(said)


def test_what_would_fail_or_be_lost_is_dashed_and_hollow_and_its_dot_is_gone(imagined: Stage) -> None:
    fails, lost = _at(imagined, HAUCHENBERG), _at(imagined, GRUNTEN)
    imagined.until(lambda: imagined.shows(fails, DARK.status["down"]))
    for at in (fails, lost):
        imagined.until(lambda at=at: imagined.shows(at, DARK.surface.ground, 8), "a hollow one")  # type: ignore[misc]
        imagined.until(lambda at=at: not imagined.shows(at, DARK.status["up"], 10), "no dot")  # type: ignore[misc]


def test_what_would_not_change_steps_back_and_comes_forward_again(imagined: Stage) -> None:
    calm = _at(imagined, ALPSPITZ)
    imagined.until(lambda: not imagined.shows(calm, DARK.status["up"], 4))
    imagined.view.leave_what_if()
    lost = _at(imagined, GRUNTEN)
    for at in (calm, lost):
        imagined.until(lambda: imagined.shows(at, DARK.status["up"], 4))  # noqa: B023
    imagined.until(lambda: not imagined.shows(lost, DARK.status["affected"]))


def test_traffic_that_would_move_is_cased_and_keeps_its_load(stage: Stage) -> None:
    way = _at(stage, KEMPTEN, KEMPTEN, ALPSPITZ)
    assert not stage.shows(way, DARK.text.text, 9)
    stage.view.show_what_if([HAUCHENBERG], rerouted=[[KEMPTEN, ALPSPITZ]])
    stage.until(lambda: stage.shows(way, DARK.text.text, 9) and stage.shows(way, DARK.load[3], 9))


def test_a_way_where_no_link_is_drawn_is_a_line_of_its_own(stage: Stage) -> None:
    between = _at(stage, GRUNTEN, ALPSPITZ)
    stage.view.show_what_if([HAUCHENBERG], rerouted=[[GRUNTEN, ALPSPITZ]])
    stage.until(lambda: any(min(c.red(), c.green(), c.blue()) > 150 for c in stage.colors_near(between, 4)))


def test_a_link_that_would_fail_is_red_and_one_that_would_be_lost_is_not(imagined: Stage) -> None:
    link, lost = _at(imagined, KEMPTEN, ALPSPITZ), _at(imagined, HAUCHENBERG, GRUNTEN)
    imagined.view.show_what_if([HAUCHENBERG, id_of("KemptenAlpspitz")], [GRUNTEN])
    imagined.until(lambda: imagined.shows(link, DARK.status["down"], 8))
    imagined.until(lambda: not any(imagined.shows(lost, color, 8) for color in DARK.load[1:]), "no load")
    assert not imagined.shows(lost, DARK.status["down"], 8)


def test_a_click_asks_to_toggle_a_device_or_link_and_selects_nothing(imagined: Stage) -> None:
    imagined.click(_at(imagined, GRUNTEN))
    imagined.until(lambda: len(imagined.events) == 1)
    imagined.click(_at(imagined, KEMPTEN, KEMPTEN, ALPSPITZ))
    imagined.until(lambda: len(imagined.events) == 2)
    imagined.click(QPoint(40, HEIGHT_PX // 2))
    imagined.settle()
    assert imagined.events == [("what_if_toggled", GRUNTEN), ("what_if_toggled", id_of("KemptenAlpspitz"))]


def test_escape_leaves_and_the_next_one_is_as_ever(imagined: Stage) -> None:
    QTest.keyClick(imagined.hands, Qt.Key.Key_Escape)
    imagined.until(lambda: not _is_framed(imagined))
    QTest.keyClick(imagined.hands, Qt.Key.Key_Escape)
    imagined.until(lambda: len(imagined.events) == 2)
    assert imagined.events == [("what_if_left",), ("background_clicked",)]


def test_a_click_on_the_label_leaves(imagined: Stage) -> None:
    imagined.js("document.querySelector('#what-if button').click(); 0")
    imagined.until(lambda: not _is_framed(imagined))
    assert imagined.events == [("what_if_left",)]


def test_nothing_can_be_moved_while_one_looks_at_what_would_be(imagined: Stage) -> None:
    imagined.view.select(ALPSPITZ)
    imagined.settle()
    start = _at(imagined, ALPSPITZ)
    imagined.drag(start, start + QPoint(60, 40))
    imagined.click(
        _at(imagined, GRUNTEN)
    )  # the page tells in order: what it had dropped it would have said by then
    imagined.until(lambda: ("what_if_toggled", GRUNTEN) in imagined.events)
    assert [event for event in imagined.events if event[0] == "device_dropped"] == []


def test_what_really_goes_down_is_seen_through_the_frame_above_what_would_be(imagined: Stage) -> None:
    at = _at(imagined, GRUNTEN)
    assert not imagined.shows(at, DARK.status["down"])
    imagined.tell_and_see(news(health("Grünten", "down"), health("Alpspitz", "down")))
    imagined.until(lambda: imagined.shows(at, DARK.status["down"], 6))
    imagined.until(lambda: imagined.shows(_at(imagined, ALPSPITZ), DARK.status["down"], 6))
    assert _is_framed(imagined)


def test_what_would_be_follows_a_network_that_changes(imagined: Stage) -> None:
    imagined.tell(Changed(3, devices=(device("Newcomer", 10.41, 47.6),), health=(health("Newcomer", "up"),)))
    imagined.until(lambda: imagined.report()["rendered_devices"] == 5)
    at = _at(imagined, id_of("Newcomer"))
    imagined.view.show_what_if([HAUCHENBERG], [id_of("Newcomer")])
    imagined.until(
        lambda: imagined.shows(at, DARK.status["affected"]) and not imagined.shows(at, DARK.status["up"])
    )


def test_the_card_says_what_would_be_beside_what_is(imagined: Stage) -> None:
    imagined.tell(news(health("Grünten", "up", 5_400)))  # told as an hour, however slow the machine
    imagined.point_at(device("Grünten", 0, 0))
    said = "[...document.querySelectorAll('#card .would, #card .said')].map((p) => p.textContent).join('|')"
    assert imagined.js(said) == "Would be lost|up for 1 h"
    imagined.view.leave_what_if()
    imagined.until(lambda: imagined.js(said) == "up for 1 h")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_at_world_zoom_a_ring_shows_what_would_be_lost_in_it(imagined: Stage, theme: ThemeName) -> None:
    imagined.view.set_theme(theme)
    imagined.view.show_what_if([], [GRUNTEN])
    imagined.tell(Changed(3, devices=(device("Far", -60.0, -30.0),)))
    imagined.view.fit()
    imagined.until(lambda: imagined.report()["rendered_devices"] == 5)
    imagined.until(lambda: imagined.shows(_at(imagined, GRUNTEN), themes()[theme].status["affected"], 40))


def test_a_page_that_was_killed_shows_what_would_be_again(
    stages: Callable[..., Stage], log_watch: LogWatch
) -> None:
    log_watch.expected = ["the map's page died"]
    stage = stages(small())
    stage.view.show_what_if([HAUCHENBERG], [GRUNTEN])
    stage.until(lambda: _is_framed(stage))
    died: list[str] = []
    stage.view.page_died.connect(died.append)
    os.kill(stage.view.page.renderProcessPid(), signal.SIGKILL)
    stage.until(lambda: bool(died))
    stage.settle()
    stage.until(lambda: stage.shows(_at(stage, GRUNTEN), DARK.status["affected"]))
    assert _label(stage).startswith("What if: 1 fails")


ALPSPITZ_LINK = id_of("KemptenAlpspitz")


def _half(stage: Stage) -> QPoint:
    """Return a place on the half-link from Kempten towards Alpspitz, off its arrow."""
    return _at(stage, KEMPTEN, KEMPTEN, ALPSPITZ)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_link_wears_the_load_that_it_would_have_and_todays_when_the_what_if_is_left(
    stage: Stage, theme: ThemeName
) -> None:
    load = themes()[theme].load
    stage.view.set_theme(theme)
    way = _half(stage)
    stage.until(lambda: stage.shows(way, load[3], 9) and not stage.shows(way, load[5], 9))
    then = LinkThen(ALPSPITZ_LINK, 9.6e8, 3.0e8, 3.6e8, 0.0)
    stage.view.show_what_if([HAUCHENBERG], [GRUNTEN], loads=[then])
    stage.until(lambda: stage.shows(way, load[5], 9) and not stage.shows(way, load[3], 9), "what would be")
    stage.until(lambda: stage.shows(way, themes()[theme].text.text, 9), "the casing of what moves")
    at_us = now_us()
    stage.tell(news(LinkState(ALPSPITZ_LINK, "up", at_us, at_us, 1e8, 1e8)))  # it goes on living below
    stage.still()
    stage.until(lambda: stage.shows(way, load[5], 9), "what would be, all the same")
    stage.view.leave_what_if()
    stage.until(lambda: stage.shows(way, load[1], 9) and not stage.shows(way, load[5], 9), "what is")


class Answering:
    """An engine that answers each what-if with what the model's network would do."""

    def __init__(self, stage: Stage) -> None:
        self._model = stage.model

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        """Answer at once."""
        asked = make(1)
        assert isinstance(asked, WhatIf)
        topology = Topology()
        for one in self._model.inventory.devices():
            topology.put_node(one.id)
        for link in self._model.inventory.links():
            topology.put_link(link.id, link.a, link.b)
        topology.set_entries([KEMPTEN])
        found = impact(topology, asked.devices, asked.links)
        moved = moved_load(
            topology, found, asked.devices, asked.links, self._now, capacity_bps=lambda _: 10**9
        )
        told = {"impact": msgspec.to_builtins(found), "moved": msgspec.to_builtins(moved)}
        then(Reply(1, result=told))

    def _now(self, id: UUID) -> LinkNow | None:
        link, state = self._model.inventory.link(id), self._model.link_states.get(id)
        return LinkNow(link.a, link.b, state.ab_bps, state.ba_bps) if link and state else None


def test_what_a_link_would_carry_follows_the_load_that_would_move_to_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.topology.what_if.FOLLOW_MS", 50)
    ring = Link(id_of("ring"), GRUNTEN, ALPSPITZ, kind="fibre", capacity_bps=10**9)
    idle = LinkState(ring.id, "up", 1, 1, 0.0, 0.0)
    stage.tell(Changed(2, links=(ring,), link_states=(idle,)))
    way = _at(stage, GRUNTEN, GRUNTEN, ALPSPITZ)
    stage.until(lambda: stage.shows(way, DARK.load[0], 9), "a ring that carries nothing")
    imagining = Imagining(stage.model, Answering(stage))

    def show() -> None:
        if imagining.is_on:
            stage.view.show_what_if([HAUCHENBERG], loads=imagining.moved.links)

    imagining.changed.connect(show)
    imagining.begin([HAUCHENBERG])
    stage.until(
        lambda: stage.shows(way, DARK.load[2], 9) or stage.shows(way, DARK.load[3], 9), "what would move"
    )
    at_us = now_us()
    stage.tell(news(LinkState(id_of("HauchenbergGrünten"), "up", at_us, at_us, 9.5e8, 9.5e8)))
    stage.until(lambda: stage.shows(way, DARK.load[5], 9), "what would move now")
    imagining.leave()
    stage.view.leave_what_if()
    stage.until(lambda: stage.shows(way, DARK.load[0], 9), "what is")
    stage.tell(Changed(2, removed=(Removed("link", ring.id),)))


def test_a_load_that_is_not_known_then_is_drawn_as_such(stage: Stage) -> None:
    way = _half(stage)
    stage.view.show_what_if([HAUCHENBERG], [GRUNTEN], loads=[LinkThen(ALPSPITZ_LINK, None, None, 3e8, 1e8)])
    stage.until(lambda: stage.shows(way, DARK.status["unknown"], 9) and not stage.shows(way, DARK.load[3], 9))

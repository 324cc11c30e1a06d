"""What the window's filter leaves, in the real page: the rest steps back, a fault never does, and a label says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.look import ThemeName, themes
from app.map.sieve import Sifted
from domain.geometry import LngLat
from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import device, health, id_of, news, small
from tests.map.test_sites_on_the_map import place_in_fan

KEMPTEN, HAUCHENBERG, GRUNTEN, ALPSPITZ = map(id_of, ("Kempten", "Hauchenberg", "Grünten", "Alpspitz"))
PAIR = Sifted("“kempten”", (KEMPTEN, HAUCHENBERG), 4)


def at(stage: Stage, *ends: object) -> QPoint:
    places = [stage.place_of(id) for id in ends]  # type: ignore[arg-type]
    count = len(places)
    return stage.pixel(LngLat(sum(p.lng for p in places) / count, sum(p.lat for p in places) / count))


def label(stage: Stage) -> str:
    found = stage.js(
        "[...document.querySelectorAll('#sieve:not([hidden]) > *')].map((e) => e.textContent).join('|')"
    )
    return str(found)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_does_not_match_steps_back_and_comes_forward_again(stage: Stage, theme: ThemeName) -> None:
    look = themes()[theme]
    stage.view.set_theme(theme)
    kept, aside = at(stage, HAUCHENBERG), at(stage, ALPSPITZ)
    link, other = at(stage, HAUCHENBERG, HAUCHENBERG, KEMPTEN), at(stage, KEMPTEN, KEMPTEN, ALPSPITZ)
    stage.until(lambda: stage.shows(aside, look.status["up"], 4) and stage.shows(other, look.load[3], 9))
    stage.view.sieve.show(PAIR)
    stage.until(lambda: not stage.shows(aside, look.status["up"], 4), "what steps back")
    stage.until(lambda: not stage.shows(other, look.load[3], 9), "its link too")
    assert stage.shows(kept, look.status["up"], 4)
    assert any(stage.shows(link, look.load[number], 9) for number in (2, 3))
    stage.view.sieve.show(None)
    stage.until(lambda: stage.shows(aside, look.status["up"], 4) and stage.shows(other, look.load[3], 9))


def test_a_fault_is_seen_whatever_is_filtered_at_once_and_as_long_as_it_lasts(stage: Stage) -> None:
    dark = themes()["dark"]
    where = at(stage, ALPSPITZ)
    stage.view.sieve.show(Sifted("“kempten”", (KEMPTEN,), 4))
    stage.until(lambda: not stage.shows(where, dark.status["up"], 4))
    for status in ("down", "degraded"):
        stage.tell_and_see(news(health("Alpspitz", status)))
        stage.until(lambda: stage.shows(where, dark.status[status], 12), status)  # noqa: B023
    stage.tell_and_see(news(health("Alpspitz", "up")))
    stage.until(lambda: not stage.shows(where, dark.status["up"], 4), "it steps back again")
    stage.view.sieve.show(None)


def test_who_matches_and_who_does_so_no_more_is_told_alone_and_costs_by_what_has_changed(
    stage: Stage,
) -> None:
    dark = themes()["dark"]
    kept, aside = at(stage, HAUCHENBERG), at(stage, ALPSPITZ)
    stage.view.sieve.show(PAIR)
    stage.until(lambda: not stage.shows(aside, dark.status["up"], 4))
    sent: list[dict[str, object]] = []
    say, stage.view.sieve._send = (
        stage.view.sieve._send,
        lambda **message: (sent.append(message), say(**message)),
    )
    stage.view.sieve.show(Sifted(PAIR.said, (KEMPTEN, ALPSPITZ), 4))
    stage.until(lambda: stage.shows(aside, dark.status["up"], 4), "one that matches now")
    stage.until(lambda: not stage.shows(kept, dark.status["up"], 4), "one that does not any more")
    other = at(stage, KEMPTEN, KEMPTEN, ALPSPITZ)
    stage.until(lambda: stage.shows(other, dark.load[3], 9), "the link of two that match")
    stage.view.sieve._send = say
    [message] = sent
    assert message["sieve"] == {
        "on": True, "said": "Filter: “kempten”", "count": "2 of 4 devices", "more": [ALPSPITZ], "less": [HAUCHENBERG],
    }  # fmt: skip
    stage.view.sieve.show(None)
    stage.until(lambda: stage.shows(kept, dark.status["up"], 4))


def test_escape_closes_an_open_fan_before_it_leaves_the_filter(stages: Callable[..., Stage]) -> None:
    stage = stages(small())
    stage.tell(Changed(3, devices=(device("Alpspitz", *stage.place_of(KEMPTEN)),)))
    stage.stand_still()
    left: list[bool] = []
    stage.view.tools.filter_left.connect(lambda: left.append(True))
    stage.view.sieve.show(PAIR)
    stage.until(lambda: label(stage) != "")
    middle, up = at(stage, KEMPTEN), themes()["dark"].status["up"]
    member = middle + place_in_fan(0, 2)
    assert not stage.shows(member, up, 8)
    stage.click(middle)
    stage.until(lambda: stage.shows(member, up, 8), "the fan")
    QTest.keyClick(stage.hands, Qt.Key.Key_Escape)
    stage.until(lambda: not stage.shows(member, up, 8), "a fan that is shut")
    assert not left
    QTest.keyClick(stage.hands, Qt.Key.Key_Escape)
    stage.until(lambda: bool(left))


def test_the_label_says_what_is_filtered_and_a_click_or_escape_asks_for_all(stage: Stage) -> None:
    left: list[bool] = []
    stage.view.tools.filter_left.connect(lambda: left.append(True))
    stage.view.sieve.show(PAIR)
    stage.until(lambda: label(stage) == "Filter: “kempten”|2 of 4 devices|Esc")
    stage.js("document.querySelector('#sieve').click()")
    stage.until(lambda: len(left) == 1, "a click")
    stage.view.select(KEMPTEN)
    stage.settle()
    stage.events.clear()
    QTest.keyClick(stage.hands, Qt.Key.Key_Escape)
    stage.until(lambda: ("background_clicked",) in stage.events, "nothing selected")
    assert len(left) == 1, "Escape lets go of what is selected first"
    stage.view.select(None)
    stage.settle()
    QTest.keyClick(stage.hands, Qt.Key.Key_Escape)
    stage.until(lambda: len(left) == 2, "Escape")
    stage.view.sieve.show(None)
    stage.until(lambda: label(stage) == "")


def test_where_nothing_matches_it_says_so_and_names_are_no_markup(stage: Stage) -> None:
    stage.view.sieve.show(Sifted("“<b>x</b>”", (), 4))
    stage.until(lambda: label(stage) == "Filter: “<b>x</b>”|nothing matches|Esc")
    aside = at(stage, KEMPTEN)
    stage.until(lambda: not stage.shows(aside, themes()["dark"].status["up"], 4))
    stage.view.sieve.show(None)


def test_a_what_if_is_seen_in_place_of_the_filter_and_a_page_that_died_has_the_filter_again(
    stage: Stage,
) -> None:
    dark = themes()["dark"]
    stage.view.sieve.show(PAIR)
    stage.until(lambda: label(stage) != "")
    stage.view.show_what_if([HAUCHENBERG], [GRUNTEN])
    stage.until(lambda: stage.shows(at(stage, GRUNTEN), dark.status["affected"]))
    assert stage.js("getComputedStyle(document.querySelector('#sieve')).display") == "none"
    stage.view.leave_what_if()
    stage.until(lambda: not stage.shows(at(stage, ALPSPITZ), dark.status["up"], 4))
    stage.view._load()
    stage.until(lambda: stage.view._ready and label(stage) == "Filter: “kempten”|2 of 4 devices|Esc")
    stage.stand_still()
    kept, aside = at(stage, HAUCHENBERG), at(stage, ALPSPITZ)
    stage.until(
        lambda: stage.shows(kept, dark.status["up"], 4) and not stage.shows(aside, dark.status["up"], 4)
    )
    stage.view.sieve.show(None)
    stage.settle()

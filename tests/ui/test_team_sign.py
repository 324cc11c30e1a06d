"""The top bar says how this network stands with its team, quietly while all is well."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.draft import now_us
from app.map.feed import card
from app.team.words import ALONE, presence_words, stand_of, untold_words
from domain.blobs import PictureWay
from domain.team import TeamState
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.team_parts import MINUTE_US, person, team_of, tell_team
from tests.ui.test_window import ARABIC, HOSTILE

NOW_US = 1_800_000_000_000_000


@pytest.mark.parametrize(
    ("fields", "level", "short", "more"),
    [
        ({}, "calm", "Synced", ""),
        ({"pending": 3}, "calm", "3 waiting", ""),
        ({"tray": 2, "pending": 3}, "act", "2 not applied", "3 waiting"),
        (
            {"reachability": "connecting", "retry_us": NOW_US + 12_400_000, "synced_us": NOW_US - 5_000_000},
            "waiting",
            "Retry in 12 s",
            "",
        ),
        ({"reachability": "connecting", "synced_us": 0}, "waiting", "Connecting", ""),
        (
            {
                "reachability": "connecting",
                "retry_us": NOW_US + 9_000_000,
                "synced_us": NOW_US - 4 * MINUTE_US,
            },
            "cut",
            "Offline 4 min",
            "retry in 9 s",
        ),
        (
            {"reachability": "offline", "synced_us": NOW_US - 4 * MINUTE_US, "pending": 12},
            "cut",
            "Offline 4 min",
            "12 waiting",
        ),
        ({"reachability": "offline"}, "cut", "Offline", ""),
        ({"reachability": "refused", "why": "the session is over"}, "act", "Not let in", ""),
        (
            {"reachability": "refused", "synced_us": NOW_US - 3 * 1440 * MINUTE_US, "pending": 2},
            "act",
            "Not let in",
            "in step 3 d ago, 2 waiting",
        ),
        ({"is_synced": False, "received": 400, "to_come": 20_000}, "waiting", "Catching up", "2 %"),
        (
            {"is_synced": False, "received": 400, "pending": 2},
            "waiting",
            "Catching up",
            "400 so far, 2 waiting",
        ),
        ({"is_synced": False, "received": 30_000, "to_come": 20_000}, "waiting", "Catching up", "99 %"),
        ({"left_out": True}, "calm", "Synced", "update to see all"),
    ],
)
def test_each_state_is_said_in_a_word_or_two(
    fields: dict[str, Any], level: str, short: str, more: str
) -> None:
    stand = stand_of(team_of(**fields), NOW_US)
    assert (stand.level, stand.short, stand.more) == (level, short, more)


def test_the_story_tells_why_since_when_and_who_polls() -> None:
    team = team_of(
        reachability="offline", why="no answer", synced_us=NOW_US - 4 * MINUTE_US, pending=1, lease="cut_off"
    )
    story = stand_of(team, NOW_US).story
    assert "noc.example.net is not heard: no answer" in story
    assert "4 min ago" in story
    assert "1 edit waits" in story
    assert "seen from here" in story
    assert "worker 1 polls" in stand_of(team_of(holder="worker 1"), NOW_US).story
    assert stand_of(None, NOW_US) == ALONE
    assert "update Heliograph to see them" in stand_of(team_of(left_out=True), NOW_US).story
    coming = team_of(is_synced=False, received=1_200, to_come=20_000, synced_us=NOW_US - 4 * MINUTE_US)
    assert stand_of(coming, NOW_US).story.startswith(
        "Fetching what noc.example.net has: 1,200 of some 20,000 things. Last in step at "
    )


def test_a_network_of_ones_own_says_so_quietly_and_a_team_names_its_server(bench: Bench) -> None:
    top = bench.window.top
    assert (top.sync.words, top.network.title) == ("Sync off", "Test net")
    tell_team(bench, synced_us=now_us())
    assert (top.sync.words, top.network.title) == ("Synced", "Test net @ noc.example.net")
    assert not top.sync.is_loud
    tell_team(bench, reachability="offline", synced_us=now_us() - 4 * MINUTE_US, pending=2)
    assert top.sync.words == "Offline 4 min, 2 waiting"
    assert top.sync.is_loud
    bench.window.resize(bench.window.minimumSize())
    bench.wait_for(lambda: top.sync.words == "Offline 4 min")
    assert top.sync.isVisible()


def test_the_sign_opens_the_board_of_a_team_and_asks_to_join_one_where_there_is_none(bench: Bench) -> None:
    QTest.mouseClick(bench.window.top.sync, Qt.MouseButton.LeftButton)
    assert bench.window.team.board is None
    tell_team(bench)
    QTest.mouseClick(bench.window.top.sync, Qt.MouseButton.LeftButton)
    assert bench.window.team.board is not None


def test_seen_from_here_is_said_over_the_map_until_the_server_is_back(bench: Bench) -> None:
    banner = bench.window.team.banner
    tell_team(bench, reachability="offline", lease="cut_off", synced_us=now_us() - 4 * MINUTE_US)
    assert banner.isVisible()
    assert banner.text.text() == "Seen from here: noc.example.net has not been heard for 4 min"
    tell_team(bench, lease="elsewhere", holder="worker 1")
    assert not banner.isVisible()


def test_who_else_is_at_a_thing_and_what_is_not_confirmed_stand_in_its_panel(bench: Bench) -> None:
    people = (
        person("Me", looks_at=id_of("g1")),
        person("Ben", works_on=id_of("g1"), looks_at=id_of("g1")),
        person("Mia", looks_at=id_of("g1")),
        person("Far", looks_at=id_of("l1")),
    )
    here = msgspec.structs.replace(people[0], install=id_of("here"))
    tell_team(bench, people=(here, *people[1:]), pending=1, pending_things=(("device", id_of("g1")),))
    bench.window.select(id_of("g1"))
    assert bench.window.device._aside.text() == (
        "↑ Not confirmed by the server yet\nBen works on it; Mia looks at it"
    )
    hover = card(bench.model, id_of("g1"), now_us())
    assert hover is not None
    assert hover["notes"] == ["↑ Not confirmed by the server yet", "Ben works on it; Mia looks at it"]
    bench.window.select(id_of("g2"))
    assert bench.window.device._aside.isHidden()
    tell_team(bench)
    bench.window.select(id_of("g1"))
    assert bench.window.device._aside.isHidden()


@pytest.mark.parametrize("name", [HOSTILE, ARABIC])
def test_names_of_people_and_servers_are_text(bench: Bench, name: str) -> None:
    people = (person(name, name, looks_at=id_of("g1")),)
    bench.model.merge(
        Changed(9, team=team_of(people=people, tenant_name=name, why=name, server=f"https://{name}"))
    )
    bench.model.flush()
    bench.window.tick()
    assert "<img" not in bench.window.top.sync.toolTip()
    assert "<img" not in bench.window.top.network.toolTip()
    assert not bench.window.grab().isNull()


def test_many_people_at_one_thing_are_counted() -> None:
    people = tuple(person(f"P{n}", looks_at=id_of("x")) for n in range(40))
    said = presence_words(team_of(people=people), id_of("x"))
    assert said == "P0, P1 and 38 more look at it"


def test_the_state_is_kept_when_the_past_is_shown(bench: Bench) -> None:
    told: TeamState = tell_team(bench, pending=3)
    bench.window.past.machine.enter(now_us() - MINUTE_US)
    bench.window.tick()
    assert bench.window.team.team == told
    assert bench.window.top.sync.words == "3 waiting"
    bench.window.past.machine.leave()
    assert bench.model.team == told


def test_what_the_server_was_not_told_is_said_unless_it_is_just_on_its_way() -> None:
    up, down = PictureWay("a" * 64, 9), PictureWay("b" * 64, 9, is_up=False)
    assert not untold_words(team_of(untold=99, pictures=(down,)), 0)
    assert untold_words(team_of(untold=1, reachability="offline"), 0) == (
        "1 row of the journal waits for the server"
    )
    assert untold_words(team_of(untold=1_200, pictures=(up, down)), 0) == (
        "1,200 rows of the journal and 1 picture wait for the server"
    )
    assert untold_words(team_of(), 3).startswith("3 polls of this computer will never be with the team")


def test_the_board_says_what_the_server_was_not_told(bench: Bench) -> None:
    tell_team(bench, reachability="offline", untold=12)
    board = bench.window.team.open()
    assert board is not None
    assert board.story.text().endswith("12 rows of the journal wait for the server.")
    tell_team(bench)
    assert "journal" not in board.story.text()

"""Maps of the team on the board of maps: shared once agreed to, fetched, stopped, taken back by whom, said how they stand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from app.dialogs.confirm import Confirm
from app.maps.board import MapsBoard
from app.maps.words import stands_words
from domain.roles import Role
from domain.team_map import FetchMap, MapWay, TeamMap
from domain.wire import Changed, Removed, SubmitEdit
from tests.ui.conftest import Bench
from tests.ui.team_parts import team_of, tell_team
from tests.ui.test_maps import HOSTILE, Asked, asked, map_file, tell

__all__ = ["asked"]
DIGEST = "cd" * 32
LAKE = TeamMap(
    UUID(int=70),
    HOSTILE,
    DIGEST,
    34_000_000,
    "protomaps",
    0,
    14,
    (9.0, 47.4, 10.6, 48.0),
    10**15,
    "Joe",
    UUID(int=71),
)


def board_with(bench: Bench, role: Role = "engineer", *ways: MapWay, **team: Any) -> MapsBoard:
    """Return the board of somebody whose team has a map."""
    tell_team(bench, role, maps=ways, **team)
    board = bench.window.maps.open()
    bench.model.merge(Changed(8, team_maps=(LAKE,)))
    bench.model.flush()
    return board


def stands(board: MapsBoard) -> list[str]:
    """Return the cells of the team's first map."""
    return [item.text() for column in range(5) if (item := board.team.table.item(0, column))]


def confirm() -> Confirm:
    """Return what is asked before it is done."""
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, Confirm) and w.isVisible())


def test_without_a_team_nothing_is_said_of_one(bench: Bench) -> None:
    board = bench.window.maps.open()
    tell(bench, map_file(0, "Lake"))
    assert board.share_button.isHidden() and board.team.isHidden()


def test_a_map_of_ones_own_is_shared_once_it_was_agreed_to(bench: Bench, asked: Asked) -> None:
    team = tell_team(bench)
    board = bench.window.maps.open()
    assert not board.share_button.isHidden() and not board.share_button.isEnabled()
    assert board.team.isHidden(), "the team has none"
    tell(bench, map_file(0, "Lake", digest=DIGEST))
    board.share_button.click()
    assert "3.4 MB" in confirm().details.text() and team.tenant_name in confirm().details.text()
    assert asked.messages == []
    confirm().verb.click()
    (sent,) = asked.messages
    assert isinstance(sent, SubmitEdit) and sent.edit.title == "Share the map Lake"
    (step,) = sent.edit.steps
    assert step.kind == "team_map" and step.before is None and step.after is not None
    told = {"name": "Lake", "digest": DIGEST, "size_bytes": 3_400_000, "schema": "protomaps", "min_zoom": 0}
    assert told.items() <= step.after.items()
    assert step.after["sharer"] == str(team.account) and step.after["bounds"] == [9.0, 47.4, 10.6, 48.0]
    bench.model.merge(Changed(9, team_maps=(LAKE,)))
    bench.model.flush()
    assert not board.share_button.isEnabled() and board.share_button.toolTip() == "The team has it already"


@pytest.mark.parametrize(
    ("role", "more", "why"),
    [
        ("viewer", {}, "which may not change the network"),
        ("manager", {}, "which may not change the network"),
        ("engineer", {"is_everywhere": False}, "You reach some sites only"),
        ("engineer", {}, ""),
        ("tenant_admin", {}, ""),
    ],
)
def test_who_may_not_edit_or_reaches_some_sites_only_shares_none_and_hears_why(
    bench: Bench, role: Role, more: dict[str, Any], why: str
) -> None:
    board = board_with(bench, role, MapWay(DIGEST, "elsewhere"), **more)
    tell(bench, map_file(0, "Own"))
    assert board.share_button.isEnabled() == (not why)
    assert why in board.share_button.toolTip()
    assert board.team.fetch_button.isEnabled(), "whoever sees it fetches it"
    assert board.team.take_back_button.isEnabled() == (role == "tenant_admin")


def test_a_map_in_the_team_is_fetched_and_stopped_and_is_ones_own_when_it_came(
    bench: Bench, asked: Asked
) -> None:
    board = board_with(bench, "viewer", MapWay(DIGEST, "elsewhere"))
    assert stands(board) == [HOSTILE, "Protomaps", "0–14", "34 MB", "In the team, not here"]
    assert board.team.said.text() == "Shared by Joe"
    board.team.fetch_button.click()
    assert asked.messages == [FetchMap(1, LAKE.id)]
    tell_team(bench, "viewer", maps=(MapWay(DIGEST, "comes", 12_000_000),))
    assert stands(board)[4] == "Comes: 12 MB of 34 MB"
    assert board.team.fetch_button.isHidden() and not board.team.bar.isHidden()
    board.team.stop_button.click()
    assert asked.messages[-1] == FetchMap(1, LAKE.id, stop=True)
    tell_team(bench, "viewer", maps=())
    tell(bench, map_file(3, "The lake", digest=DIGEST, copied=True))
    assert stands(board)[4] == "Here and in the team"
    assert board.team.fetch_button.isHidden() and board.team.stop_button.isHidden()
    assert board.team.bar.isHidden()


def test_what_nobody_has_brought_cannot_be_fetched_and_what_does_not_go_on_says_why(bench: Bench) -> None:
    board = board_with(bench, "engineer", MapWay(DIGEST, "waits"))
    assert stands(board)[4] == "Not here, and nobody has brought its file yet"
    assert not board.team.fetch_button.isEnabled()
    assert board.team.fetch_button.toolTip() == "Nobody has brought its file to the server yet"
    tell(bench, map_file(0, "Own", digest=DIGEST))
    full = "the team's maps fill 2048 MB (HELIOGRAPH_TENANT_MAPS_MB): take some back"
    tell_team(bench, maps=(MapWay(DIGEST, "waits", 0, full),))
    assert stands(board)[4] == f"Here, not in the team yet: {full}"


def test_what_came_before_the_disk_was_full_can_be_fetched_on_or_discarded(
    bench: Bench, asked: Asked
) -> None:
    board = board_with(bench, "viewer", MapWay(DIGEST, "elsewhere", 17_000_000, "the disk is full"))
    assert not board.team.fetch_button.isHidden() and not board.team.stop_button.isHidden()
    board.team.stop_button.click()
    assert asked.messages == [FetchMap(1, LAKE.id, stop=True)]
    tell_team(bench, "viewer", maps=(MapWay(DIGEST, "elsewhere"),))
    assert board.team.stop_button.isHidden()


def test_the_list_stays_where_it_was_scrolled_to_while_a_map_comes(bench: Bench) -> None:
    board = board_with(bench, "viewer", MapWay(DIGEST, "comes", 1_000_000))
    many = [
        msgspec.structs.replace(LAKE, id=UUID(int=100 + n), name=f"{n:02}", digest=f"{n:064x}")
        for n in range(40)
    ]
    bench.model.merge(Changed(9, team_maps=tuple(many)))
    bench.model.flush()
    board.team.choose(many[0].id)
    scrolled = board.team.table.verticalScrollBar()
    scrolled.setValue(scrolled.maximum())
    assert scrolled.value() > 0
    tell_team(bench, "viewer", maps=(MapWay(DIGEST, "comes", 2_000_000),))
    assert scrolled.value() == scrolled.maximum()
    chosen = board.team.chosen()
    assert chosen is not None and chosen.id == many[0].id


def test_what_cannot_be_shared_any_more_when_it_was_agreed_to_is_not_and_says_why(
    bench: Bench, asked: Asked
) -> None:
    tell_team(bench)
    board = bench.window.maps.open()
    tell(bench, map_file(0, "Lake", digest=DIGEST))
    board.share_button.click()
    bench.model.merge(Changed(9, team_maps=(LAKE,)))
    bench.model.flush()
    confirm().verb.click()
    assert asked.messages == []
    assert "The team has it already" in board.rest.text()


def test_who_shared_a_map_takes_it_back_once_it_was_agreed_to(bench: Bench, asked: Asked) -> None:
    board = board_with(bench, "engineer", account=LAKE.sharer)
    board.team.take_back_button.click()
    confirm().verb.click()
    (sent,) = asked.messages
    (step,) = sent.edit.steps
    assert (step.kind, step.id, step.after) == ("team_map", LAKE.id, None)
    bench.model.merge(Changed(9, removed=(Removed("team_map", LAKE.id),)))
    bench.model.flush()
    assert board.team.isHidden()


def test_others_do_not_take_it_back_and_hear_whose_it_is(bench: Bench) -> None:
    board = board_with(bench)
    assert not board.team.take_back_button.isEnabled()
    assert "shared it: they take it back, or an administrator" in board.team.take_back_button.toolTip()


@pytest.mark.parametrize(
    ("way", "is_here", "reachability", "said"),
    [
        (None, True, "online", "Here and in the team"),
        (None, True, "offline", "In the team; waits for the server"),
        (MapWay(DIGEST, "goes_up", 17_000_000), True, "online", "Goes up: 17 MB of 34 MB"),
        (
            MapWay(DIGEST, "goes_up", 17_000_000),
            True,
            "offline",
            "Goes up: 17 MB of 34 MB; waits for the server",
        ),
        (MapWay(DIGEST, "comes"), False, "connecting", "Comes: 0 of 34 MB; waits for the server"),
        (
            MapWay(DIGEST, "checking", 34_000_000),
            False,
            "online",
            "It came, and is read from beginning to end",
        ),
        (MapWay(DIGEST, "waits"), True, "offline", "Here; waits for the server"),
        (MapWay(DIGEST, "waits"), False, "connecting", "In the team, not here; waits for the server"),
        (
            MapWay(DIGEST, "elsewhere", 17_000_000, "the disk is full"),
            False,
            "online",
            "In the team, not here; 17 MB of 34 MB came: the disk is full",
        ),
        (
            MapWay(DIGEST, "elsewhere", 0, "it is not what its name says: it changed on its way"),
            False,
            "online",
            "In the team, not here: it is not what its name says: it changed on its way",
        ),
    ],
)
def test_it_is_said_how_a_map_of_the_team_stands(
    way: MapWay | None, is_here: bool, reachability: Any, said: str
) -> None:
    assert stands_words(LAKE, way, team_of(reachability=reachability), is_here=is_here) == said

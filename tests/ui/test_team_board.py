"""The team's board: people, what waits, and what was not applied until somebody decides on it."""

from __future__ import annotations

from typing import Any

import msgspec
from PySide6.QtWidgets import QDialog

from app.dialogs.clash import ClashView
from app.draft import edit_of, now_us
from app.team.board import TeamBoard
from domain.clash import Clash, FieldClash
from domain.edit import Edit, change
from domain.errors import Refusal
from domain.inventory import Device
from domain.team import DropFromTray, QueryTray, SetPresence, TrayEntry
from domain.wire import Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.team_parts import MINUTE_US, person, tell_team


def renamed(bench: Bench, name: str, was: str | None = None) -> Edit:
    """Return an edit that renames a router that was called `was` then."""
    device = bench.model.inventory.device(id_of("g1"))
    assert device is not None
    old = msgspec.structs.replace(device, name=was or device.name)
    step = change("device", old, msgspec.structs.replace(old, name=name))
    assert step is not None
    return edit_of(f"Change {name}", "tester", [step])


def told(pending: list[Edit], tray: list[TrayEntry], more: int = 0) -> Reply:
    plain: dict[str, Any] = {"pending": pending, "tray": tray, "more": more}
    return Reply(0, (), msgspec.to_builtins(plain))


def open_board(bench: Bench, pending: list[Edit], tray: list[TrayEntry], **fields: Any) -> TeamBoard:
    """Open the board of a team with these edits."""
    bench.engine.answers[QueryTray] = told(pending, tray)
    tell_team(bench, pending=len(pending), tray=len(tray), **fields)
    board = bench.window.team.open()
    assert board is not None
    bench.wait_for(lambda: (len(board.pending), len(board.tray)) == (len(pending), len(tray)))
    return board


def clashed(bench: Bench) -> TrayEntry:
    """Return an entry of a router that was called Before when it was renamed here, and has been renamed by others."""
    edit = renamed(bench, "Mine", was="Before")
    field = FieldClash("name", "Before", "Grünten R1", "Mine")
    return TrayEntry(edit, now_us() - MINUTE_US, (Clash("device", id_of("g1"), (field,)),))


def dropped(bench: Bench) -> list[Any]:
    return [message.edit for message in bench.engine.heard if isinstance(message, DropFromTray)]


def test_people_are_listed_with_where_they_are_and_one_can_go_there(bench: Bench) -> None:
    here = msgspec.structs.replace(person("Me"), install=id_of("here"))
    ben = person("Ben", "van-2", works_on=id_of("l1"))
    board = open_board(bench, [], [], people=(here, ben, person("Gone", looks_at=id_of("nothing"))))
    table = board.tables["people"]
    texts = [[table.item(row, column).text() for column in (0, 1, 3)] for row in range(3)]  # type: ignore[union-attr]
    assert texts == [
        ["Ben", "van-2", "works on Lindau R1"],
        ["Gone", "Gone's laptop", ""],
        ["Me (you)", "Me's laptop", ""],
    ]
    table.selectRow(1)
    assert not board.go.isEnabled(), "a thing that is not here cannot be gone to"
    table.selectRow(0)
    board.go.click()
    assert bench.window.selected == id_of("l1")
    assert bench.map.flown == [id_of("l1")]


def test_empty_pages_say_what_that_means(bench: Bench) -> None:
    board = open_board(bench, [], [])
    assert not board.notes["people"].isHidden()
    assert "confirmed all" in board.notes["pending"].text()
    bench.wait_for(board.tables["tray"].isHidden)
    tell_team(bench, reachability="offline")
    assert "not known while the server is not heard" in board.notes["people"].text()


def test_what_waits_is_listed_newest_first_with_what_is_not_shown(bench: Bench) -> None:
    edits = [renamed(bench, f"Name {n}") for n in range(3)]
    bench.engine.answers[QueryTray] = told(edits, [], more=40)
    tell_team(bench, pending=43)
    board = bench.window.team.open()
    assert board is not None
    board.show_page("pending")
    bench.wait_for(lambda: board.pending)
    assert board.tables["pending"].item(0, 0).text() == "Change Name 0"  # type: ignore[union-attr]
    assert board.notes["pending"].text() == "And 40 older ones."
    assert board.segments.buttons["pending"].text() == "Waiting 43"


def test_a_clash_is_compared_and_mine_is_applied_as_a_new_edit_and_then_dropped(bench: Bench) -> None:
    entry = clashed(bench)
    board = open_board(bench, [], [entry])
    assert board.segments.current == "tray", "what needs somebody is in front"
    assert board.detail.text() == "Grünten R1, name: theirs Grünten R1, mine Mine"
    board.compare.click()
    (view,) = board.findChildren(ClashView)
    view.mine.click()
    bench.wait_for(lambda: dropped(bench) == [entry.edit.id])
    bench.settle()
    router = bench.model.inventory.device(id_of("g1"))
    assert isinstance(router, Device)
    assert router.name == "Mine"
    assert bench.engine.edits[-1].id != entry.edit.id
    bench.commands.undo()
    bench.settle()
    assert bench.model.inventory.device(id_of("g1")).name == "Grünten R1"  # type: ignore[union-attr]


def test_theirs_can_be_kept_and_escape_decides_nothing(bench: Bench) -> None:
    entry = clashed(bench)
    board = open_board(bench, [], [entry])
    board.compare.click()
    board.findChildren(ClashView)[0].reject()
    assert dropped(bench) == []
    bench.window.team.board = board
    board.compare.click()
    board.findChildren(ClashView)[-1].theirs.click()
    bench.wait_for(lambda: dropped(bench) == [entry.edit.id])
    assert bench.engine.edits == []


def test_a_refused_edit_says_why_and_is_sent_again_or_stays(bench: Bench) -> None:
    why = Refusal("FORBIDDEN", "you may not change sites outside Oberallgäu")
    entry = TrayEntry(renamed(bench, "Again"), 1, (), (why,))
    board = open_board(bench, [], [entry])
    assert board.detail.text() == "You may not change sites outside Oberallgäu."
    assert board.compare.isHidden()
    tell_team(bench, "viewer", tray=1)
    board.refresh()
    assert not board.again.isEnabled()
    assert "viewer" in board.again.toolTip()
    tell_team(bench, tray=1)
    board.again.click()
    bench.wait_for(lambda: dropped(bench) == [entry.edit.id])
    assert bench.engine.edits[-1].title == "Change Again"


def test_an_entry_that_is_dropped_is_forgotten_by_the_engine(bench: Bench) -> None:
    entry = TrayEntry(renamed(bench, "Again"), 1, (), (Refusal("X", "no"),))
    board = open_board(bench, [], [entry])
    bench.engine.answers[QueryTray] = told([], [])
    board.drop.click()
    bench.wait_for(lambda: not board.tray)
    assert dropped(bench) == [entry.edit.id]
    assert bench.engine.edits == []


def test_what_is_selected_and_worked_on_is_told_once_and_only_to_a_team(bench: Bench) -> None:
    def said() -> list[Any]:
        return [(m.looks_at, m.works_on) for m in bench.engine.heard if isinstance(m, SetPresence)]

    bench.window.select(id_of("g2"))
    bench.window.select(None)
    assert said() == []
    tell_team(bench)
    bench.window.select(id_of("g1"))
    for name in ("g2", "l1", "g2"):
        bench.window.select(id_of(name))
    bench.wait_for(lambda: said()[-1:] == [(id_of("g2"), None)])
    assert len(said()) <= 2, "what was passed by is not told"
    bench.window.edit(id_of("g2"))
    bench.wait_for(lambda: said()[-1] == (id_of("g2"), id_of("g2")))
    (form,) = [dialog for dialog in bench.window.findChildren(QDialog) if dialog.isVisible()]
    form.reject()
    bench.wait_for(lambda: said()[-1] == (id_of("g2"), None))

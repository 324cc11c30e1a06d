"""What is done by hand on the map becomes one edit each, undoable; a clash is shown and mine applied with one click."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.dialogs.clash import ClashView, said_of
from app.draft import now_us
from app.map.bridge_tools import AlignAsked, BendsMoved, Copied, DevicesDropped, LinkDrawn, Move, Picked
from domain.edit import Edit, change
from domain.geometry import LngLat
from domain.inventory import Device
from domain.journal import JournalRow
from domain.wire import QueryJournal, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of

G1, G2, L1, LINK = id_of("g1"), id_of("g2"), id_of("l1"), id_of("link")


def device(bench: Bench, id: Any) -> Device:
    found = bench.model.inventory.device(id)
    assert found is not None
    return found


def toast(bench: Bench) -> str:
    return bench.window.toasts.shown[-1].label.text()


def test_several_devices_moved_are_one_edit_with_one_undo(bench: Bench) -> None:
    before = [device(bench, id) for id in (G1, G2)]
    moves = (Move(G1, 10.0, 47.0), Move(G2, 10.1, 47.1), Move(uuid4(), 1.0, 1.0))
    bench.map.tools.take(DevicesDropped(moves))
    bench.settle()
    assert len(bench.engine.edits) == 1
    assert (device(bench, G1).lng, device(bench, G2).lat) == (10.0, 47.1)
    assert toast(bench) == "2 devices moved"
    bench.commands.undo()
    bench.settle()
    assert [device(bench, id) for id in (G1, G2)] == before


def test_a_drawn_link_is_made_and_selected_and_undone(bench: Bench) -> None:
    bench.map.tools.take(LinkDrawn(G2, L1, ((10.0, 47.2), (9.9, 47.3))))
    bench.settle()
    (made,) = [link for link in bench.model.inventory.links() if link.id != LINK]
    assert (made.a, made.b, made.path) == (G2, L1, ((10.0, 47.2), (9.9, 47.3)))
    bench.wait_for(lambda: bench.window.selected == made.id)
    assert toast(bench) == "Grünten AP – Lindau R1 added"
    bench.commands.undo()
    bench.settle()
    assert bench.model.inventory.link(made.id) is None


def test_a_link_to_itself_or_to_what_is_gone_is_not_made(bench: Bench) -> None:
    bench.map.tools.take(LinkDrawn(G2, G2, ()))
    bench.map.tools.take(LinkDrawn(G2, uuid4(), ()))
    bench.settle()
    assert bench.engine.edits == []


def test_bends_are_one_edit_and_the_same_bends_none(bench: Bench) -> None:
    bench.map.tools.take(BendsMoved(LINK, ((10.0, 47.5),)))
    bench.settle()
    link = bench.model.inventory.link(LINK)
    assert link is not None
    assert link.path == ((10.0, 47.5),)
    bench.map.tools.take(BendsMoved(LINK, ((10.0, 47.5),)))
    bench.settle()
    assert len(bench.engine.edits) == 1


def test_devices_align_to_their_site_by_losing_their_own_place(bench: Bench) -> None:
    bench.map.tools.take(DevicesDropped((Move(G1, 10.0, 47.0), Move(G2, 10.1, 47.1))))
    bench.settle()
    bench.map.tools.take(Picked((G1, G2, L1)))
    bench.map.tools.take(AlignAsked())
    bench.settle()
    assert bench.model.inventory.place_of(device(bench, G1)) == LngLat(10.3, 47.55)
    assert device(bench, G1).lng is None
    assert toast(bench) == "2 devices to the site aligned" or "aligned" in toast(bench)
    assert len(bench.engine.edits) == 2
    bench.window.actions_by_name["align"].trigger()
    assert toast(bench).startswith("Nothing to align")


def test_a_site_is_moved_to_its_device(bench: Bench) -> None:
    bench.map.tools.take(DevicesDropped((Move(G1, 10.0, 47.0),)))
    bench.settle()
    menu = QMenu()
    bench.window.map_desk.fill_menu(menu, G1)
    verbs = {action.text(): action for action in menu.actions()}
    assert list(verbs) == ["Align to Grünten", "Move Grünten here"]
    verbs["Move Grünten here"].trigger()
    bench.settle()
    site = bench.model.inventory.site(id_of("Grünten"))
    assert site is not None
    assert (site.lng, site.lat) == (10.0, 47.0)
    assert device(bench, G1).lng is None
    assert len(bench.engine.edits) == 2


def test_a_locked_map_takes_no_edit_and_no_tool(bench: Bench) -> None:
    bench.window.actions_by_name["lock_map"].trigger()
    assert toast(bench).startswith("The map is locked")
    bench.window.actions_by_name["edit_map"].trigger()
    assert bench.map.tools.tool == ""
    bench.map.tools.take(DevicesDropped((Move(G1, 10.0, 47.0),)))
    bench.settle()
    assert bench.engine.edits == []
    bench.window.actions_by_name["lock_map"].trigger()
    bench.window.actions_by_name["edit_map"].trigger()
    assert bench.map.tools.tool == "edit"
    bench.window.actions_by_name["escape"].trigger()
    assert bench.map.sent[-1] == {"escape": True}


def test_locking_puts_a_pen_down(bench: Bench) -> None:
    bench.window.actions_by_name["draw_link"].trigger()
    assert bench.map.tools.tool == "link"
    bench.window.actions_by_name["lock_map"].trigger()
    assert bench.map.tools.tool == ""
    assert bench.map.tools.state() == {"tool": "", "locked": True, "units": "metric"}


def test_what_was_measured_goes_to_the_clipboard(bench: Bench) -> None:
    from PySide6.QtGui import QGuiApplication

    bench.map.tools.take(Copied("12.4 km\n1: 12.4 km, 073°"))
    assert QGuiApplication.clipboard().text().startswith("12.4 km")


def clashed(bench: Bench) -> ClashView:
    """Let somebody else be quicker, then send an edit that took the device to be as it was."""
    was = device(bench, G1)
    theirs = msgspec.structs.replace(was, note="theirs", name="Renamed")
    mine = change("device", was, msgspec.structs.replace(was, note="mine", subscribers=40))
    assert mine is not None
    row = JournalRow(
        VANTAGE,
        1,
        now_us(),
        "edit_applied",
        None,
        {"title": "Change Grünten R1", "author": "Anna", "touched": [["device", str(G1)]], "edit": "x"},
    )
    bench.engine.answers[QueryJournal] = Reply(0, (), {"rows": [msgspec.to_builtins(row)]})
    step = change("device", was, theirs)
    assert step is not None
    bench.commands.submit(Edit(uuid4(), 1, "Anna", "Change Grünten R1", (step,)), {}, lambda _: None)
    bench.settle()
    bench.commands.submit(
        Edit(uuid4(), 2, "tester", "Change Grünten R1", (mine,)), {}, bench.commands.tell_refusals
    )
    bench.wait_for(lambda: bench.window.findChildren(ClashView))
    return bench.window.findChildren(ClashView)[-1]


def cells(view: ClashView) -> list[str]:
    items = [view.grid.itemAt(number).widget() for number in range(view.grid.count())]
    return [item.text() for item in items]  # type: ignore[union-attr]


def test_a_clash_says_who_changed_what_and_shows_theirs_beside_mine(bench: Bench) -> None:
    view = clashed(bench)
    assert cells(view)[4:] == ["Renamed: note", "–", "theirs", "mine"]
    for number in range(view.grid.count()):
        cell = view.grid.itemAt(number).widget()
        assert cell is not None and cell.width() >= cell.sizeHint().width(), "no word of it is cut"
    bench.wait_for(lambda: "Anna did “Change Grünten R1”" in view.who.text())


def test_mine_is_applied_with_one_click_as_a_new_edit_that_can_be_undone(bench: Bench) -> None:
    view = clashed(bench)
    QTest.mouseClick(view.mine, Qt.MouseButton.LeftButton)
    bench.settle()
    now = device(bench, G1)
    assert (now.note, now.name, now.subscribers) == ("mine", "Renamed", 40)
    bench.commands.undo()
    bench.settle()
    assert device(bench, G1).note == "theirs"


def test_theirs_is_kept_where_the_view_is_closed(bench: Bench) -> None:
    view = clashed(bench)
    edits = len(bench.engine.edits)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    bench.settle()
    assert len(bench.engine.edits) == edits
    assert device(bench, G1).note == "theirs"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        ("", "–"),
        (True, "yes"),
        (12000, "12,000"),
        (10.25, "10.25"),
        (["a", "b"], "a, b"),
        ([], "–"),
        ([[1, 2]], "1 of them"),
        ({"x": 1}, "set"),
        ("plain", "plain"),
    ],
)
def test_values_of_an_edit_are_said_in_words(bench: Bench, value: object, said: str) -> None:
    assert said_of(bench.model, value) == said


def test_a_value_that_is_an_id_is_said_by_its_name(bench: Bench) -> None:
    assert said_of(bench.model, str(id_of("Lindau"))) == "Lindau"

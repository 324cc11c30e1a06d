"""What is done with finds: added, placed, ignored, renamed, joined; each with its undo, in a real window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.discovery.adding import AddForm
from app.discovery.ignored import IgnoredBoard
from app.discovery.merging import MergeForm
from domain.errors import Refusal
from domain.searching import ForgetFind, JoinFinds
from domain.wire import Reply
from tests.ui.conftest import Bench
from tests.ui.discovery_finds import (
    HOSTILE,
    find,
    matched,
    opened,
    pick,
    press,
    sent,
    show,
    take_away,
)
from tests.ui.fake_engine import id_of


def test_return_adds_a_find_by_its_name_and_undo_takes_it_back(bench: Bench) -> None:
    page = show(bench, find(1, identity="Grünten AP 7"), find(2))
    pick(page, find(1))
    press(page.table, Qt.Key.Key_Return)
    form = opened(page, AddForm)
    assert (form.name.text(), form.address.currentText()) == ("Grünten AP 7", "10.7.0.2")
    assert (form.site.currentText(), form.role.currentText(), form.interval.text()) == (
        "Grünten",
        "relay",
        "30",
    )
    assert len(bench.engine.inventory.tables["device"]) == 3
    form.submit()
    bench.settle()
    (made,) = [each for each in bench.model.inventory.devices() if each.name == "Grünten AP 7"]
    assert made.site == id_of("Grünten")
    assert page.toasts.shown[-1].label.text() == "Grünten AP 7 added"
    assert page.placing.isHidden()
    verb = page.toasts.shown[-1].verb
    assert verb is not None
    verb.click()
    bench.settle()
    assert bench.model.inventory.device(made.id) is None


def test_many_are_added_at_once_with_names_that_can_be_changed_and_one_undo(bench: Bench) -> None:
    finds = [find(1, identity="MikroTik"), find(2), find(3, addresses=())]
    page = show(bench, *finds)
    page.table.selectAll()
    page.add_button.click()
    form = opened(page, AddForm)
    assert form.names is not None
    assert form.windowTitle() == "Add 2 devices"
    item = form.names.item(1, 0)
    assert item is not None
    item.setText("Tower two")
    form.submit()
    bench.settle()
    added = {each.name for each in bench.model.inventory.devices()} - {
        "Grünten R1",
        "Grünten AP",
        "Lindau R1",
    }
    assert added == {"MikroTik 10.7.0.2", "Tower two"}
    assert len(bench.engine.edits) == 1
    bench.wait_for(lambda: not page.placing.isHidden())
    assert page.placing.text.text() == "2 devices were added; they have no place yet."
    page.placing._verb.click()
    assert bench.window.discovery.page is None
    assert not bench.window.tree.tray.list.isHidden()
    bench.commands.undo()
    bench.settle()
    assert len(bench.model.inventory.tables["device"]) == 3


def test_one_that_was_added_without_a_place_is_placed_by_the_next_click_on_the_map(bench: Bench) -> None:
    page = show(bench, find(1))
    pick(page, find(1))
    page.add_button.click()
    opened(page, AddForm).submit()
    bench.wait_for(lambda: not page.placing.isHidden())
    assert page.placing.text.text() == "1 device was added; it has no place yet."
    page.placing._verb.click()
    assert bench.window.frame.placing


def test_what_the_rules_refuse_keeps_the_form_and_says_whose_it_is(bench: Bench) -> None:
    twin = find(1, addresses=("10.0.0.1",))
    page = show(bench, twin, find(2))
    page.table.selectAll()
    page.add_button.click()
    form = opened(page, AddForm)
    form.submit()
    bench.wait_for(lambda: not form.fields.rest.isHidden())
    assert form.fields.rest.text() == "Tower 1: 10.0.0.1 is already the address of Grünten R1"
    form.interval.setText("soon")
    form.submit()
    assert "“soon”" in form.fields.by_name["interval_s"].refusal.text()
    assert len(bench.engine.edits) == 0


def test_delete_ignores_for_ever_goes_on_to_the_next_and_can_be_undone(bench: Bench) -> None:
    page = show(bench, find(1), find(2), find(3))
    pick(page, find(2))
    page.table.setCurrentIndex(page.table.rows.index(1, 0))
    bench.wait_for(page.isActiveWindow)
    press(page.table, Qt.Key.Key_Delete)
    bench.settle()
    (ignored,) = bench.model.inventory.ignored()
    assert (ignored.name, ignored.key) == ("Tower 2", "mac:4C:5E:0C:00:00:02")
    toast = page.toasts.shown[-1]
    assert toast.label.text() == "Tower 2 is ignored from now on"
    take_away(bench, find(2))
    assert [one.name for one in page.chosen()] == ["Tower 3"]
    assert page.ignored_button.text() == "Ignored 1…"
    assert toast.verb is not None
    toast.verb.click()
    bench.settle()
    assert list(bench.model.inventory.ignored()) == []


def test_what_is_ignored_is_listed_and_shown_again(bench: Bench) -> None:
    page = show(bench, find(1, identity=HOSTILE), find(2))
    page.table.selectAll()
    page.ignore_button.click()
    bench.settle()
    page.ignored_button.click()
    board = opened(page, IgnoredBoard)
    assert board.table.rowCount() == 2
    assert not board.again_button.isEnabled()
    board.table.selectAll()
    board.again_button.click()
    bench.settle()
    assert list(bench.model.inventory.ignored()) == []
    assert board.empty.isVisible()
    assert page.toasts.shown[-1].label.text() == "2 finds are shown again"


def test_moved_devices_get_their_new_address_and_renamed_ones_their_name(bench: Bench) -> None:
    moved, renamed = matched(1, "moved", "g1"), matched(2, "renamed", "l1", identity="Lindau POP")
    page = show(bench, moved, renamed)
    pick(page, moved)
    assert page.add_button.isHidden()
    assert page.change_button.text() == "Update address"
    press(page.table, Qt.Key.Key_Return)
    bench.settle()
    found = bench.model.inventory.device(id_of("g1"))
    assert found is not None
    assert found.address == "10.7.0.2"
    assert page.toasts.shown[-1].label.text() == "New address of Grünten R1: 10.7.0.2"
    pick(page, renamed)
    assert page.change_button.text() == "Rename"
    page.change_button.click()
    bench.settle()
    assert bench.model.inventory.device(id_of("l1")).name == "Lindau POP"  # type: ignore[union-attr]
    pick(page, moved, renamed)
    assert page.change_button.isHidden()
    assert not page.add_button.isEnabled()


def test_of_duplicates_a_person_says_which_one_stays(bench: Bench) -> None:
    twins = matched(1, "duplicate", "g2", "g1", words="Grünten AP and Grünten R1 are one device: MAC")
    page = show(bench, twins)
    pick(page, twins)
    page.change_button.click()
    form = opened(page, MergeForm)
    stays = form.stays
    assert stays is not None
    assert stays.name == "Grünten R1"  # it has the link
    assert form.told.text().startswith(
        "Grünten AP will be deleted. Rules and planned work go over to Grünten R1"
    )
    form.table.selectRow(0)
    assert form.told.text().startswith("Grünten R1 will be deleted. 1 link goes over to Grünten AP")
    form.submit()
    bench.settle()
    assert bench.model.inventory.device(id_of("g1")) is None
    (link,) = bench.model.inventory.links()
    assert (link.a, link.b) == (id_of("g2"), id_of("l1"))
    assert page.toasts.shown[-1].label.text() == "Grünten R1 and Grünten AP are one device"


def test_finds_are_joined_and_forgotten_by_the_engine_and_it_is_said_where_it_does_not(bench: Bench) -> None:
    page = show(bench, find(1), find(2), find(3))
    pick(page, find(1))
    assert not page.join_button.isEnabled()
    pick(page, find(1), find(3))
    page.join_button.click()
    page.forget_button.click()
    bench.wait_for(lambda: len(sent(bench, ForgetFind)) == 2)
    assert [each.finds for each in sent(bench, JoinFinds)] == [(find(1).id, find(3).id)]
    assert [each.find for each in sent(bench, ForgetFind)] == [find(1).id, find(3).id]
    bench.engine.answers[ForgetFind] = Reply(0, (Refusal("FIND_NOT_FOUND", "that find is gone"),))
    page.forget_button.click()
    bench.wait_for(page.rest.isVisible)
    assert page.rest.text() == "That find is gone"


def test_the_menu_of_a_row_offers_what_can_be_done_with_it(bench: Bench) -> None:
    page = show(bench, find(1))
    pick(page, find(1))
    menu: QMenu = page.table.menu_of(page.table.rows.index(0, 0))
    assert [action.text() for action in menu.actions()][:4] == ["Add…", "Ignore", "Forget", ""]
    menu.close()


def test_all_chosen_rows_are_copied(bench: Bench) -> None:
    page = show(bench, find(1), find(2), find(3))
    pick(page, find(1), find(3))
    QTest.keyClick(page.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert [line.split("\t")[:3] for line in lines] == [
        ["Tower 1", "New", "10.7.0.2"],
        ["Tower 3", "New", "10.7.0.4"],
    ]


# What is under way

"""The page of discovery: what is found stays calm, is filtered and reviewed by keyboard; what is under way is steered."""

from __future__ import annotations

from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu, QWidget

from app.discovery.adding import AddForm
from app.discovery.finds_table import FindsTable
from app.discovery.ignored import IgnoredBoard
from app.discovery.merging import MergeForm
from app.discovery.page import LISTENING, DiscoveryPage
from domain.errors import Refusal
from domain.finding import Seen
from domain.inventory import Device
from domain.operation import Operation
from domain.searching import ForgetFind, JoinFinds, SteerOperation
from domain.wire import Changed, EngineState, Reply, Watch
from tests.ui.conftest import Bench
from tests.ui.discovery_finds import ARABIC, HOSTILE, find, matched, names, pick, show, take_away
from tests.ui.fake_engine import id_of

T = TypeVar("T", bound=QWidget)


def opened(page: DiscoveryPage, kind: type[T]) -> T:
    (found,) = [form for form in page.findChildren(kind) if form.isVisible()]
    return found


M = TypeVar("M")


def sent(bench: Bench, kind: type[M]) -> list[M]:
    return [message for message in bench.engine.heard if isinstance(message, kind)]


def key(table: FindsTable, key: Qt.Key) -> None:
    QTest.keyClick(table, key)


# Around it


def test_the_engine_listens_as_long_as_the_page_is_open_and_after_a_restart(bench: Bench) -> None:
    bench.window.select(id_of("g1"))
    bench.window.actions_by_name["discovery"].trigger()
    page = bench.window.discovery.page
    assert page is not None
    assert bench.window.discovery.open() is page
    bench.wait_for(lambda: Watch((id_of("g1"),), True) in bench.engine.heard)
    bench.window.select(id_of("l1"))
    bench.wait_for(lambda: Watch((id_of("l1"),), True) in bench.engine.heard)
    greeted = bench.engine.hello_count
    bench.engine.hang_up()
    bench.wait_for(
        lambda: bench.engine.hello_count > greeted and sent(bench, Watch)[-1] == Watch((id_of("l1"),), True)
    )
    page.accept()
    bench.wait_for(lambda: sent(bench, Watch)[-1] == Watch((id_of("l1"),), False))
    assert bench.window.discovery.page is None


def test_it_says_that_it_listens_or_why_it_cannot(bench: Bench) -> None:
    page = show(bench)
    assert page.heard.text() == LISTENING
    said = (
        "cannot listen for MikroTik's announcements on UDP port 5678: in use. Another program keeps the port"
    )
    bench.model.merge(Changed(8, engine=EngineState(1, notices=("ICMP is fine", said))))
    bench.model.flush()
    assert page.heard.text().startswith("Cannot listen for MikroTik's announcements on UDP port 5678")
    bench.model.merge(Changed(9, engine=EngineState(2)))
    bench.model.flush()
    assert page.heard.text() == LISTENING


def test_an_empty_page_says_what_to_do_and_a_filtered_one_how_to_see_all(bench: Bench) -> None:
    page = show(bench)
    assert page.pages.currentWidget() is page.empty
    assert page.empty.head.text() == "Nothing waits for you"
    assert page.sweep_button.property("kind") == "primary"
    page = show(bench, find(1))
    assert page.pages.currentWidget() is not page.empty
    page.search.setText("nobody")
    assert page.empty.said.text() == "No find has “nobody” in its words."
    page.empty.verb.click()
    assert names(page) == ["Tower 1"]
    take_away(bench, find(1))
    assert page.empty.head.text() == "Nothing waits for you"


# The list


def test_what_is_wrong_with_the_inventory_comes_first_then_finds_as_they_came(bench: Bench) -> None:
    page = show(bench, find(2), matched(3, "moved", "g1"), find(1), matched(4, "duplicate", "g1", "l1"))
    assert names(page) == ["Tower 4", "Tower 3", "Tower 1", "Tower 2"]
    assert page.count.text() == "4 found"


def test_chips_leave_what_they_name_and_one_of_each_kind_must_hold(bench: Bench) -> None:
    by_mndp = find(2, sources=(Seen("mndp", 5, None, "eth0"),))
    heard = find(3, sources=(Seen("neighbour", 5, id_of("g1"), "sfp1"), Seen("mndp", 4, None, "eth0")))
    page = show(bench, find(1), by_mndp, heard, matched(4, "moved", "g1"))
    matches, sources = page.filters.matches, page.filters.sources
    assert [chip.text() for chip in (*matches.values(), *sources.values()) if chip.isVisible()] == [
        "Moved 1",
        "New 3",
        "Sweep 2",
        "Neighbours 1",
        "MNDP 2",
    ]
    sources["mndp"].click()
    assert names(page) == ["Tower 2", "Tower 3"]
    assert page.count.text() == "2 of 4 found"
    matches["moved"].click()
    assert names(page) == []
    sources["mndp"].click()
    assert names(page) == ["Tower 4"]
    take_away(bench, matched(4, "moved", "g1"))
    assert matches["moved"].isVisible()
    assert page.empty.said.text() == "No find is left by these chips."


def test_a_search_finds_all_that_the_table_says_and_a_letter_begins_it(bench: Bench) -> None:
    page = show(bench, find(1), find(2, identity=ARABIC), find(3, board="CRS326"))
    page.table.setFocus()
    QTest.keyClicks(page.table, "crs")
    assert page.search.text() == "crs"
    assert names(page) == ["Tower 3"]
    page.search.setText("field community 10.7.0.3")
    assert names(page) == [ARABIC]
    page.search.clear()
    page.table.sort_by("Address", Qt.SortOrder.DescendingOrder)
    assert names(page) == ["Tower 3", ARABIC, "Tower 1"]


def test_what_is_chosen_stays_chosen_while_finds_come_and_go(bench: Bench) -> None:
    page = show(bench, *(find(n) for n in range(10, 40)))
    pick(page, find(12), find(20), find(21))
    show(bench, matched(1, "moved", "g1"), find(50), find(5))
    assert [one.name for one in page.chosen()] == ["Tower 12", "Tower 20", "Tower 21"]
    take_away(bench, find(20), find(11))
    assert [one.name for one in page.chosen()] == ["Tower 12", "Tower 21"]
    assert page.details.name.text() == "2 finds"
    take_away(bench, find(12), find(21))
    assert page.chosen() == []


def test_the_row_at_the_top_stays_at_the_top_while_others_come_before_it(bench: Bench) -> None:
    page = show(bench, *(find(n) for n in range(100, 400)))
    page.table.verticalScrollBar().setValue(100 * 24)
    assert page.table.rows.rows[page.table.rowAt(2)].find.name == "Tower 200"
    show(bench, *(find(n) for n in range(10)))
    assert page.table.rows.rows[page.table.rowAt(2)].find.name == "Tower 200"


def test_ten_thousand_finds_are_shown_and_chosen_at_once(bench: Bench) -> None:
    page = show(bench, *(find(n) for n in range(10_000)))
    assert page.count.text() == "10,000 found"
    page.table.selectAll()
    assert page.details.why.text() == "10,000 new"
    page.search.setText("tower 9999")
    assert page.count.text() == "1 of 10,000 found"


def test_all_that_a_find_told_is_beside_it_as_text(bench: Bench) -> None:
    told = find(
        4,
        identity=HOSTILE,
        serial="HE7A0B1C2D3",
        sys_descr="RouterOS RB4011",
        own_addresses=("192.168.88.1",),
        ports=(22, 8291),
        greeting="SSH-2.0-ROSSSH",
        sources=(Seen("neighbour", 5, id_of("g1"), "sfp1"),),
    )
    page = show(bench, told)
    pick(page, told)
    said = page.details.text
    for part in (
        HOSTILE,
        "In no inventory yet.",
        "Address\t10.7.0.5",
        "Own addresses\t192.168.88.1",
        "SNMP with Field community",
        "Open ports\tSSH, Winbox",
        "Greeting\tSSH-2.0-ROSSSH",
        "Neighbour of Grünten R1, sfp1",
        "Known by\tSerial HE7A0B1C2D3",
        "MAC 4C:5E:0C:00:00:04",
        "Says\tRouterOS RB4011",
    ):
        assert part in said
    for label in page.details.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText


def test_a_device_that_a_find_is_about_is_shown_in_the_window(bench: Bench) -> None:
    moved = matched(4, "moved", "g1", words="Grünten R1 was at 10.0.0.1 and is now at 10.7.0.5")
    page = show(bench, moved)
    pick(page, moved)
    assert "Grünten R1 was at 10.0.0.1 and is now at 10.7.0.5." in page.details.why.text()
    page.device_chosen.emit(id_of("g1"))
    assert bench.window.selected == id_of("g1")
    assert bench.window.discovery.page is None


# What is made of finds


def test_return_adds_a_find_by_its_name_and_undo_takes_it_back(bench: Bench) -> None:
    page = show(bench, find(1, identity="Grünten AP 7"), find(2))
    pick(page, find(1))
    key(page.table, Qt.Key.Key_Return)
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
    key(page.table, Qt.Key.Key_Delete)
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
    key(page.table, Qt.Key.Key_Return)
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


def operation(name: str, **fields: object) -> Operation:
    told = {"phase": "asking, lately 10.0.0.9", "done": 50, "total": 200, "started_us": 1}
    return Operation(id_of(name), "sweep", f"Sweep of {name}", **{**told, **fields})  # type: ignore[arg-type]


def test_what_runs_is_shown_with_its_progress_and_steered(bench: Bench) -> None:
    page = show(
        bench,
        find(1),
        operations=(operation("10.0.0.0/24"), operation("10.1.0.0/24", state="paused", started_us=2)),
    )
    first, second = page.operations.rows.values()
    assert first.said.text() == "50 of 200, 1 to review, asking, lately 10.0.0.9"
    assert second.said.text() == "50 of 200, 1 to review, paused"
    assert (first.pause_button.text(), second.pause_button.text()) == ("Pause", "Resume")
    first.pause_button.click()
    second.pause_button.click()
    second.cancel_button.click()
    bench.wait_for(lambda: len(sent(bench, SteerOperation)) == 3)
    assert [each.act for each in sent(bench, SteerOperation)] == ["pause", "resume", "cancel"]


def test_how_it_ended_stays_in_words_until_it_was_read(bench: Bench) -> None:
    page = show(bench, operations=(operation("10.0.0.0/24"),))
    ended = operation(
        "10.0.0.0/24", state="done", ended_us=9, result_words="254 addresses asked, 3 answered: 3 new"
    )
    show(bench, operations=(ended, Operation(id_of("work"), "import", "Import")))
    (row,) = page.operations.rows.values()
    assert row.said.text() == "Done: 254 addresses asked, 3 answered: 3 new"
    assert not row.pause_button.isVisible()
    row.close_button.click()
    assert page.operations.isHidden()


def test_the_top_bar_says_how_far_it_is_while_the_page_is_closed(bench: Bench) -> None:
    indicator = bench.window.discovery.indicator
    assert indicator.isHidden()
    bench.model.merge(Changed(5, operations=(operation("a"), operation("b", done=150))))
    bench.model.flush()
    assert indicator.isVisible()
    assert indicator.words == "50 %"
    bench.model.merge(
        Changed(
            6, operations=(operation("a", state="done"), operation("b", state="cancelled")), finds=(find(1),)
        )
    )
    bench.model.flush()
    assert indicator.words == "1 found"
    indicator.click()
    page = bench.window.discovery.page
    assert page is not None
    take_away(bench, find(1))
    assert indicator.isHidden()


@pytest.mark.parametrize("name", [ARABIC, HOSTILE])
def test_foreign_and_hostile_names_are_text_everywhere(bench: Bench, name: str) -> None:
    told = find(1, identity=name)
    page = show(bench, told)
    pick(page, told)
    page.add_button.click()
    form = opened(page, AddForm)
    form.submit()
    bench.settle()
    for label in page.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText or not label.text()
    added: list[Device] = [each for each in bench.model.inventory.devices() if each.name == name]
    assert len(added) == 1

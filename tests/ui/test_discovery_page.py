"""The page of discovery: what is found stays calm, is filtered and reviewed by keyboard; what is under way is steered."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from app.discovery.adding import AddForm
from app.discovery.page import LISTENING
from domain.finding import Seen
from domain.inventory import Device
from domain.operation import Operation
from domain.searching import SteerOperation
from domain.wire import Changed, EngineState, Watch
from tests.ui.conftest import Bench
from tests.ui.discovery_finds import (
    ARABIC,
    HOSTILE,
    find,
    matched,
    names,
    opened,
    pick,
    sent,
    show,
    take_away,
)
from tests.ui.fake_engine import id_of

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

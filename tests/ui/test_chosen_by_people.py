"""Tags and the entry on the device form, chips by the keyboard, the bell of a single port."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.dialogs.device_form import DeviceForm
from app.draft import now_us
from app.panels.interfaces import ALERT, InterfacesTable
from app.panels.port_watch import bell_of, watch_words
from domain.fact import Fact
from domain.inventory import Device, Interface
from domain.watching import PortWatch
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of

G1 = id_of("g1")


def device(bench: Bench, name: str = "g1") -> Device:
    found = bench.model.inventory.device(id_of(name))
    assert found is not None
    return found


def form_of(bench: Bench, name: str) -> DeviceForm:
    bench.window.edit(id_of(name))
    (form,) = [form for form in bench.window.findChildren(DeviceForm) if form.isVisible()]
    return form


def ports(bench: Bench, *names: str) -> InterfacesTable:
    facts = tuple(
        Fact(G1, f"interface/{name}", "snmp", VANTAGE, now_us(), msgspec.to_builtins(Interface(name, number)))
        for number, name in enumerate(names)
    )
    bench.model.merge(Changed(9, facts=facts))
    bench.model.flush()
    bench.window.select(G1)
    bench.window.device.show_tab("interfaces")
    return bench.window.device.body.all_ports


def choose(table: InterfacesTable, row: int, words: str) -> None:
    menu = table.menu_of(row)
    next(action for action in menu.actions() if action.text() == words).trigger()
    menu.close()


def test_tags_and_the_entry_are_changed_on_the_form(bench: Bench) -> None:
    form = form_of(bench, "l1")
    form.tags.add("backbone", "backbone")
    form.is_entry.setChecked(True)
    form.submit()
    bench.wait_for(lambda: device(bench, "l1").tags)
    assert (device(bench, "l1").tags, device(bench, "l1").is_entry) == (("backbone",), True)
    bench.model.flush()
    other = form_of(bench, "g2")
    picker = other.tags.open_list()
    assert [entry.title for entry in picker.entries] == ["backbone"]
    picker.field.setText("Back")
    assert [entry.title for entry in picker.entries] == ["backbone", "New tag “Back”"]
    picker.field.setText("BACKBONE")
    assert [entry.title for entry in picker.entries] == ["backbone"]


def test_a_form_that_is_saved_untouched_keeps_tags_ports_and_the_entry(bench: Bench) -> None:
    bench.commands.tag_devices([G1], ["a", "b"], [])
    bench.commands.watch_port(G1, "ether1", PortWatch("ether1", is_on=False))
    bench.wait_for(lambda: len(bench.engine.edits) == 2)
    bench.settle()
    form = form_of(bench, "g1")
    form.submit()
    assert not form.isVisible()
    assert len(bench.engine.edits) == 2


def test_a_chip_goes_by_the_keyboard_and_the_keyboard_to_the_next(bench: Bench) -> None:
    bench.commands.tag_devices([G1], ["a", "b"], [])
    bench.wait_for(lambda: bench.engine.edits)
    bench.settle()
    form = form_of(bench, "g1")
    form.activateWindow()
    first, _second, verb = form.tags.keyed
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Delete)
    assert form.tags.tags() == ("b",)
    left, verb = form.tags.keyed
    assert form.focusWidget() is left
    QTest.keyClick(left, Qt.Key.Key_Space)
    assert form.tags.tags() == ()
    assert form.focusWidget() is verb
    assert form.isVisible()


def test_a_refused_tag_is_said_at_the_tags(bench: Bench) -> None:
    form = form_of(bench, "g1")
    form.tags.add("x" * 61, "x" * 61)
    form.submit()
    refusal = form.fields.by_name["tags"].refusal
    bench.wait_for(refusal.text)
    assert "1 to 60 plain characters" in refusal.text()


def test_what_is_chosen_for_a_port_has_its_own_words_and_its_own_bell() -> None:
    offered = [None, PortWatch("e"), PortWatch("e", delay_s=30), PortWatch("e", is_on=False)]
    assert [watch_words(watch) for watch in offered] == [
        "Alerts as the rules say",
        "Alerts as soon as it is down",
        "Alerts when down for 30 s",
        "Never alerts",
    ]
    assert len({bell_of(watch) for watch in offered}) == 4


def test_the_menu_of_a_port_chooses_and_can_be_undone(bench: Bench) -> None:
    table = ports(bench, "ether1", "ether2")
    choose(table, 1, "Never alerts")
    bench.wait_for(lambda: device(bench).ports)
    bench.model.flush()
    choose(table, 0, "Alerts when down for 5 min")
    bench.wait_for(lambda: len(device(bench).ports) == 2)
    bench.model.flush()
    assert device(bench).ports == (PortWatch("ether1", delay_s=300.0), PortWatch("ether2", is_on=False))
    assert [port.watch for port in table.rows.ports] == list(device(bench).ports)
    told = table.rows.data(table.rows.index(1, ALERT), Qt.ItemDataRole.AccessibleTextRole)
    assert told == "Never alerts"
    choose(table, 1, "Alerts as the rules say")
    bench.wait_for(lambda: len(device(bench).ports) == 1)
    bench.wait_for(lambda: len(bench.engine.edits) == 3)
    bench.settle()
    bench.commands.undo()
    bench.wait_for(lambda: len(device(bench).ports) == 2)


def test_the_menu_marks_what_is_chosen_and_offers_a_delay_of_its_own(bench: Bench) -> None:
    bench.commands.watch_port(G1, "ether1", PortWatch("ether1", delay_s=45.0))
    bench.wait_for(lambda: bench.engine.edits)
    bench.settle()
    menu = ports(bench, "ether1").menu_of(0)
    assert [action.text() for action in menu.actions() if action.isChecked()] == ["Alerts when down for 45 s"]


def test_a_click_on_the_bell_opens_its_menu_and_draws_nothing(bench: Bench) -> None:
    table = ports(bench, "ether1")
    drawn: list[str] = []
    table.port_chosen.connect(drawn.append)
    where = table.visualRect(table.rows.index(0, ALERT)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert drawn == []
    where = table.visualRect(table.rows.index(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert drawn == ["ether1"]

"""Dialogs: refusals at the field, numbers that are none, deleting asks once, what the palette finds."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.dialogs.confirm import Confirm
from app.dialogs.device_form import DeviceForm
from app.dialogs.palette import Palette
from app.dialogs.shortcuts import Shortcuts
from app.panels.text import Label
from domain.health import Health
from domain.inventory import Credential, Device, Probe
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of


def form_of(bench: Bench) -> DeviceForm:
    found = [form for form in bench.window.findChildren(DeviceForm) if form.isVisible()]
    assert len(found) == 1
    return found[0]


def said(form: DeviceForm) -> dict[str, str]:
    return {name: f.refusal.text() for name, f in form.fields.by_name.items() if f.refusal.text()}


def test_the_engines_refusals_stand_at_their_fields_and_the_form_stays_open(bench: Bench) -> None:
    bench.window.add_device()
    form = form_of(bench)
    form.address.setText("10.0.0.1")
    form.name.setText("Twin")
    form.interval.setText("0.1")
    form.place.line.setText("500, 47")
    form.submit()
    bench.wait_for(lambda: said(form))
    found = said(form)
    assert set(found) == {"address", "interval_s", "place"}
    assert "Grünten R1" in found["address"]
    assert "longitude -180 to 180" in found["place"].lower()
    assert form.isVisible()
    assert bench.engine.edits == []


def test_a_refusal_goes_when_its_field_is_changed(bench: Bench) -> None:
    bench.window.add_device()
    form = form_of(bench)
    form.address.setText("nonsense")
    form.submit()
    bench.wait_for(lambda: said(form))
    form.address.setText("10.0.9.9")
    assert "address" not in said(form)


def test_what_is_no_number_is_said_by_the_form_and_not_sent(bench: Bench) -> None:
    bench.window.add_device()
    form = form_of(bench)
    form.address.setText("10.0.9.9")
    form.interval.setText("often")
    form.subscribers.setText("1.5")
    form.place.line.setText("47.5")
    form.submit()
    assert set(said(form)) == {"interval_s", "subscribers", "place"}
    assert "often" in said(form)["interval_s"]
    assert bench.engine.edits == []


def test_a_probe_without_a_login_is_said_at_the_login(bench: Bench) -> None:
    bench.window.add_device()
    form = form_of(bench)
    form.address.setText("10.0.9.9")
    row = form.probes.add("routeros")
    form.submit()
    assert row.login is not None
    assert "password" in row.login.new["routeros_login"].fields.by_name["secret"].refusal.text()
    assert bench.engine.edits == []


def test_a_device_that_was_added_is_selected_and_shown(bench: Bench) -> None:
    bench.window.add_device(10.25, 47.25)
    form = form_of(bench)
    form.address.setText("10.0.9.9")
    form.name.setText("Neu")
    form.submit()
    bench.wait_for(lambda: bench.window.selected is not None)
    added = bench.model.inventory.device(bench.window.selected)  # type: ignore[arg-type]
    assert added is not None
    assert (added.name, added.lng, added.lat) == ("Neu", 10.25, 47.25)
    assert bench.map.flown == [added.id]
    assert bench.window.device.name.text() == "Neu"


def test_editing_sends_only_what_was_changed(bench: Bench) -> None:
    bench.window.edit(id_of("g1"))
    form = form_of(bench)
    assert form.site.currentText() == "Grünten"
    form.name.setText("Grünten R1 neu")
    form.submit()
    bench.wait_for(lambda: bench.engine.edits)
    (step,) = bench.engine.edits[0].steps
    assert step.before == {"name": "Grünten R1"}
    assert step.after == {"name": "Grünten R1 neu"}


def test_what_the_form_does_not_show_of_a_device_is_kept(bench: Bench) -> None:
    v3 = Credential(id_of("v3"), "Core v3", "snmp_v3", "reader")
    probes = (
        Probe("snmp", 161, v3.id),
        Probe("http", 443, tls=True, target="/health", expect="ok"),
        Probe("tcp", 22),
        Probe("tcp", 80),
        Probe("routeros", 8729, id_of("login"), tls=True, pin="ab" * 32),
    )
    login = Credential(id_of("login"), "Core login", "routeros_login", "reader")
    whole = Device(id_of("g1"), "Whole", "10.0.0.1", probes, "relay", profile="mikrotik", may_slow=True)
    for row in (v3, login):
        bench.engine.inventory.tables["credential"][row.id] = row
    bench.engine.inventory.tables["device"][whole.id] = whole
    bench.model.merge(Changed(9, devices=(whole,), credentials=(v3, login)))
    bench.model.flush()
    bench.window.edit(whole.id)
    form = form_of(bench)
    form.name.setText("Renamed")
    form.submit()
    bench.wait_for(lambda: bench.engine.edits or said(form))
    bench.settle()
    after = bench.model.inventory.device(whole.id)
    assert after is not None
    assert set(after.probes) == set(probes)
    assert msgspec.structs.replace(after, probes=probes) == msgspec.structs.replace(whole, name="Renamed")


def test_deleting_asks_once_naming_the_thing_and_can_be_undone_from_the_toast(bench: Bench) -> None:
    bench.window.select(id_of("g1"))
    bench.window.actions_by_name["delete"].trigger()
    (question,) = bench.window.findChildren(Confirm)
    assert question.question.text() == "Delete Grünten R1?"
    assert "1 link" in question.details.text()
    assert bench.model.inventory.device(id_of("g1")) is not None
    QTest.mouseClick(question.verb, Qt.MouseButton.LeftButton)
    bench.wait_for(lambda: bench.model.inventory.device(id_of("g1")) is None)
    bench.wait_for(lambda: bench.window.toasts.shown)
    toast = bench.window.toasts.shown[-1]
    assert toast.label.text() == "Grünten R1 deleted"
    assert toast.verb is not None
    QTest.mouseClick(toast.verb, Qt.MouseButton.LeftButton)
    bench.wait_for(lambda: bench.model.inventory.device(id_of("g1")) is not None)


def test_the_palette_finds_devices_links_and_commands_faults_first(bench: Bench) -> None:
    bench.model.merge(Changed(9, health=(Health(id_of("g2"), VANTAGE, "down", 1, 1),)))
    bench.window.open_palette()
    (palette,) = bench.window.findChildren(Palette)
    assert palette.titles[0] == "Grünten AP"
    palette.field.setText("grünten")
    assert palette.titles == ["Grünten", "Grünten AP", "Grünten R1", "Grünten R1 – Lindau R1"]
    palette.field.setText("10.0.1.1")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert bench.window.selected == id_of("l1")
    bench.window.open_palette()
    other = next(p for p in bench.window.findChildren(Palette) if p.isVisible())
    other.field.setText("whole network")
    QTest.keyClick(other.field, Qt.Key.Key_Return)
    assert bench.map.fitted == 1


def test_the_keyboard_card_lists_every_key(bench: Bench) -> None:
    bench.window.actions_by_name["help"].trigger()
    (card,) = bench.window.findChildren(Shortcuts)
    words = {label.text() for label in card.findChildren(Label)}
    for action in bench.window.actions_by_name.values():
        assert (action.iconText() in words) == bool(action.shortcuts())

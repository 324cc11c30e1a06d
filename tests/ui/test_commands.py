"""What a user does, against an engine that applies the real rules: undo and redo laws, refusals, acknowledgement."""

from __future__ import annotations

import copy

import msgspec

from app.draft import DeviceDraft, Login, ProbeDraft, default_probe, draft_of
from domain.alerts import Alert, fingerprint
from domain.edit import fields_of
from domain.errors import Refusal
from domain.inventory import Inventory
from domain.vault import Secret
from domain.wire import FRAME_CAP_BYTES, ActOnAlert, Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

Answers = list[tuple[Refusal, ...]]


def state(inventory: Inventory) -> dict[str, dict[str, object]]:
    return {
        kind: {str(id): fields_of(row) for id, row in rows.items()} for kind, rows in inventory.tables.items()
    }


def add(bench: Bench, name: str = "New", address: str = "10.0.9.1") -> Answers:
    answers: Answers = []
    bench.commands.add_device(DeviceDraft(name, address, probes=(default_probe("icmp"),)), answers.append)
    bench.wait_for(lambda: answers)
    bench.settle()
    return answers


def test_adding_a_device_with_a_new_site_and_login_is_one_edit_and_its_secret_is_not_in_it(
    bench: Bench,
) -> None:
    answers: Answers = []
    login = Login(user="reader", secret=Secret("hunter2"))
    draft = DeviceDraft(
        "Pfänder R1", "10.0.2.1", "relay", site_name="Pfänder", region="Vorarlberg", lng=9.78, lat=47.5,
        probes=(ProbeDraft("routeros", 8728, login),),
    )  # fmt: skip
    id = bench.commands.add_device(draft, answers.append)
    bench.wait_for(lambda: answers)
    bench.settle()
    assert answers == [()]
    assert len(bench.engine.edits) == 1
    made = bench.model.inventory.device(id)
    assert made is not None
    site = bench.model.inventory.site(made.site)
    assert site is not None
    assert (site.name, site.region) == ("Pfänder", "Vorarlberg")
    credential = bench.model.inventory.credential(made.probes[0].credential)
    assert credential is not None
    assert credential.user == "reader"
    assert bench.engine.secrets[credential.id].value == "hunter2"
    assert "hunter2" not in repr(bench.engine.edits)
    assert "hunter2" not in repr(bench.engine.secrets)


def test_undo_takes_back_redo_does_again_and_both_are_edits(bench: Bench) -> None:
    before = copy.deepcopy(state(bench.engine.inventory))
    add(bench)
    after = copy.deepcopy(state(bench.engine.inventory))
    assert bench.commands.undo_title == "Add New"
    bench.commands.undo()
    bench.settle()
    assert state(bench.engine.inventory) == before
    assert bench.commands.redo_title == "Add New"
    bench.commands.redo()
    bench.settle()
    assert state(bench.engine.inventory) == after
    bench.commands.undo()
    bench.settle()
    assert state(bench.engine.inventory) == before
    assert len(bench.engine.edits) == 4


def test_undo_pressed_twice_before_the_first_is_answered_takes_back_two(bench: Bench) -> None:
    before = copy.deepcopy(state(bench.engine.inventory))
    add(bench, "One", "10.0.9.1")
    add(bench, "Two", "10.0.9.2")
    bench.commands.undo()
    bench.commands.undo()
    bench.settle()
    assert state(bench.engine.inventory) == before


def test_a_new_edit_forgets_what_could_be_redone(bench: Bench) -> None:
    add(bench, "One", "10.0.9.1")
    bench.commands.undo()
    bench.settle()
    add(bench, "Two", "10.0.9.2")
    assert bench.commands.redo_title == ""


def test_deleting_a_device_deletes_its_links_first_and_undo_brings_both_back(bench: Bench) -> None:
    before = copy.deepcopy(state(bench.engine.inventory))
    bench.commands.delete_devices([id_of("g1")])
    bench.settle()
    assert bench.model.inventory.device(id_of("g1")) is None
    assert bench.model.inventory.link(id_of("link")) is None
    bench.commands.undo()
    bench.settle()
    assert state(bench.engine.inventory) == before


def test_an_undo_that_no_longer_fits_is_refused_and_said(bench: Bench) -> None:
    said: list[str] = []
    bench.commands.said.connect(lambda s: said.append(s.text))
    bench.commands.move_device(id_of("g1"), 10.0, 47.0)
    bench.settle()
    first = bench.engine.edits[-1]
    bench.commands.move_device(id_of("g1"), 11.0, 47.0)
    bench.settle()
    bench.commands.undo_edit(first)
    bench.settle()
    moved = bench.model.inventory.device(id_of("g1"))
    assert moved is not None
    assert moved.lng == 11.0
    assert any(text.startswith("Could not undo") for text in said)


def test_a_refused_undo_or_redo_stays_where_it_was_with_its_reason(bench: Bench) -> None:
    said: list[str] = []
    bench.commands.said.connect(lambda s: said.append(s.text))
    add(bench, "Below", "10.0.9.1")
    add(bench, "Above", "10.0.9.2")
    above = next(d for d in bench.engine.inventory.devices() if d.name == "Above")
    moved = msgspec.structs.replace(above, note="somebody was quicker")
    bench.engine.inventory.tables["device"][above.id] = moved
    bench.commands.undo()
    bench.wait_for(lambda: said[-1].startswith("Could not undo"))
    assert "note" in said[-1]
    assert bench.commands.undo_title == "Add Above"
    bench.engine.inventory.tables["device"][above.id] = above
    bench.commands.undo()
    bench.settle()
    assert (bench.commands.undo_title, bench.commands.redo_title) == ("Add Below", "Add Above")
    bench.engine.inventory.tables["device"][above.id] = moved
    bench.commands.redo()
    bench.wait_for(lambda: said[-1].startswith("Could not redo"))
    assert bench.commands.redo_title == "Add Above"
    del bench.engine.inventory.tables["device"][above.id]
    bench.commands.redo()
    bench.settle()
    assert (bench.commands.undo_title, bench.commands.redo_title) == ("Add Above", "")


def test_a_change_that_is_too_large_to_send_is_refused_in_words_and_the_line_lives_on(bench: Bench) -> None:
    said: list[str] = []
    bench.commands.said.connect(lambda s: said.append(s.text))
    bench.commands.move_device(id_of("g1"), 10.0, 47.0)
    bench.settle()
    old = bench.model.inventory.device(id_of("g1"))
    assert old is not None
    note = draft_of(bench.model.inventory, old)
    answers: Answers = []
    whole = msgspec.structs.replace(note, note="x" * (FRAME_CAP_BYTES + 1))
    bench.commands.edit_device(old, whole, answers.append)
    bench.wait_for(lambda: answers)
    (refusal,) = answers[0]
    assert "16 MiB" in refusal.message
    half = default_probe("snmp", Login(secret=Secret("half \udc00")))
    bench.commands.add_device(DeviceDraft("New", "10.0.9.1", probes=(half,)), answers.append)
    bench.wait_for(lambda: len(answers) == 2)
    assert answers[1][0].code == "INVALID_INPUT"
    bench.commands.move_device(id_of("g1"), 11.0, 47.0)
    bench.settle()
    assert bench.engine.hello_count == 1
    assert [edit.title for edit in bench.engine.edits] == ["Move Grünten R1"] * 2


def test_a_refusal_goes_to_whoever_asked_and_nothing_is_undoable(bench: Bench) -> None:
    answers = add(bench, address="10.0.0.999")
    assert [refusal.field for refusal in answers[0]] == ["address"]
    assert bench.commands.undo_title == ""


def test_a_draft_that_changes_nothing_sends_nothing(bench: Bench) -> None:
    old = bench.model.inventory.device(id_of("g1"))
    assert old is not None
    answers: Answers = []
    bench.commands.edit_device(old, draft_of(bench.model.inventory, old), answers.append)
    assert answers == [()]
    assert bench.engine.edits == []


def test_an_edit_that_the_engine_lost_is_sent_again_and_applied_once(bench: Bench) -> None:
    bench.engine.drop_edits = 1
    bench.commands.move_device(id_of("g1"), 10.5, 47.5)
    bench.wait_for(lambda: bench.engine.drop_edits == 0)
    bench.engine.hang_up()
    bench.wait_for(lambda: bench.engine.hello_count == 2)
    bench.settle()
    assert [edit.title for edit in bench.engine.edits] == ["Move Grünten R1"]


def test_acknowledging_names_the_alert_and_who(bench: Bench) -> None:
    alert = Alert(fingerprint("device_down", id_of("g1")), "device_down", id_of("g1"), "critical", 1)
    bench.engine.tell(lambda batch: Changed(batch, alerts=(alert,)))
    bench.wait_for(lambda: alert.id in bench.model.alerts)
    bench.commands.acknowledge(alert.id)
    bench.settle()
    asked = [m for m in bench.engine.heard if isinstance(m, ActOnAlert)]
    assert [(m.alert, m.by) for m in asked] == [(alert.id, "tester")]

"""Edits that no longer fit: whose change is whose, and the edit that applies mine to what is there now."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from domain.clash import Clash, FieldClash, applied_again, clashes
from domain.edit import Edit, Step, apply, change, creation, deletion
from domain.inventory import Device, Inventory

DEVICE = Device(uuid4(), "Mast", "10.0.0.1", note="old", subscribers=3)


def inventory_of(*devices: Device) -> Inventory:
    return Inventory({"device": {device.id: device for device in devices}})


def edit(*steps: Step | None) -> Edit:
    return Edit(uuid4(), 1, "me", "Change Mast", tuple(step for step in steps if step is not None))


def changed(**fields: object) -> Device:
    return msgspec.structs.replace(DEVICE, **fields)


def again(inventory: Inventory, mine: Edit) -> Edit | None:
    return applied_again(inventory, mine, uuid4(), 2, "me")


def test_an_edit_that_fits_clashes_with_nothing() -> None:
    mine = edit(change("device", DEVICE, changed(note="mine")))
    assert clashes(inventory_of(changed(subscribers=9)), mine) == []


def test_a_field_that_both_changed_is_told_with_what_it_was_theirs_and_mine() -> None:
    mine = edit(change("device", DEVICE, changed(note="mine", subscribers=4)))
    (found,) = clashes(inventory_of(changed(note="theirs")), mine)
    assert found == Clash("device", DEVICE.id, (FieldClash("note", "old", "theirs", "mine"),))


def test_what_both_changed_alike_is_no_clash_and_is_not_done_twice() -> None:
    mine = edit(change("device", DEVICE, changed(note="same", subscribers=4)))
    now = inventory_of(changed(note="same", subscribers=5))
    assert [field.name for clash in clashes(now, mine) for field in clash.fields] == ["subscribers"]
    new = again(now, mine)
    assert new is not None
    assert new.steps[0].after == {"subscribers": 4}


def test_applied_again_it_fits_what_is_there_now_and_keeps_their_other_fields() -> None:
    mine = edit(change("device", DEVICE, changed(note="mine")))
    now = inventory_of(changed(note="theirs", name="Renamed"))
    new = again(now, mine)
    assert new is not None
    assert new.id != mine.id
    apply(now, new)
    assert now.device(DEVICE.id) == changed(note="mine", name="Renamed")


def test_what_somebody_deleted_stays_deleted() -> None:
    mine = edit(change("device", DEVICE, changed(note="mine")))
    assert clashes(inventory_of(), mine) == [Clash("device", DEVICE.id, gone=True)]
    assert again(inventory_of(), mine) is None


def test_my_deletion_of_what_somebody_changed_can_be_done_to_what_it_is_now() -> None:
    mine = edit(deletion("device", DEVICE))
    now = inventory_of(changed(note="theirs"))
    (found,) = clashes(now, mine)
    assert found.fields == (FieldClash("note", "old", "theirs", None),)
    new = again(now, mine)
    assert new is not None
    apply(now, new)
    assert now.device(DEVICE.id) is None


def test_deleted_by_both_is_done_and_made_by_both_is_told() -> None:
    assert clashes(inventory_of(), edit(deletion("device", DEVICE))) == []
    assert again(inventory_of(), edit(deletion("device", DEVICE))) is None
    made = edit(creation("device", DEVICE))
    assert clashes(inventory_of(DEVICE), made) == [Clash("device", DEVICE.id, there=True)]
    assert again(inventory_of(DEVICE), made) is None


def test_of_many_steps_those_that_can_be_done_still_are() -> None:
    other = Device(uuid4(), "Other", "10.0.0.2")
    mine = edit(
        change("device", DEVICE, changed(note="mine")),
        change("device", other, msgspec.structs.replace(other, note="mine")),
    )
    now = inventory_of(other)
    new = again(now, mine)
    assert new is not None
    assert [step.id for step in new.steps] == [other.id]

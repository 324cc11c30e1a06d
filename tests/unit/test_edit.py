"""The laws of the edit: it cancels with its inverse, it is applied whole or not at all, it survives the wire."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import wire
from domain.edit import (
    DoesNotFit,
    Edit,
    Step,
    apply,
    change,
    creation,
    deletion,
    entity_from,
    fields_of,
    inverse,
)
from domain.inventory import Device, Inventory, Link
from tests.unit.inventories import device, edit, edits_over, inventory


@given(st.data())
def test_an_edit_and_its_inverse_cancel(data: st.DataObject) -> None:
    """Every prefix undone in reverse order gives the inventory that it started from."""
    start = inventory(device(100), device(101))
    now = Inventory(start.tables)
    done = data.draw(edits_over(start, 5))
    for one in done:
        apply(now, one)
    for one in reversed(done):
        apply(now, inverse(one, UUID(int=one.id.int + 5000), 2, "mara"))
    assert now == start


@given(st.data())
def test_the_inverse_of_the_inverse_is_the_edit(data: st.DataObject) -> None:
    """Redo is undo twice, but for its id and time."""
    for one in data.draw(edits_over(Inventory(), 3)):
        back = inverse(inverse(one, UUID(int=1), 2, "x"), UUID(int=2), 3, "x")
        assert back.steps == one.steps
        assert back.title == one.title


@given(st.data())
def test_an_edit_survives_the_wire_and_means_the_same(data: st.DataObject) -> None:
    """Applied from its decoded form it gives the same inventory."""
    here, there = Inventory(), Inventory()
    for one in data.draw(edits_over(Inventory(), 4)):
        apply(here, one)
        message = wire.decode_to_engine(wire.encode(wire.SubmitEdit(1, one)))
        assert isinstance(message, wire.SubmitEdit)
        apply(there, message.edit)
    assert here == there


def test_an_edit_that_fits_only_in_part_changes_nothing() -> None:
    one = device(1)
    now = inventory(one)
    before = Inventory(now.tables)
    stale = Step("device", one.id, {"name": "somebody else's"}, {"name": "mine"})
    with pytest.raises(DoesNotFit) as caught:
        apply(now, edit(creation("device", device(2)), stale))
    assert now == before
    assert "'R1'" in str(caught.value) and "somebody else's" in str(caught.value)


def test_a_change_holds_the_changed_fields_only() -> None:
    old = device(1)
    step = change("device", old, msgspec.structs.replace(old, lng=9.5, lat=47.5))
    assert step is not None
    assert step.before == {"lng": None, "lat": None}
    assert step.after == {"lng": 9.5, "lat": 47.5}
    assert change("device", old, old) is None


def test_making_what_exists_and_deleting_what_does_not_are_clashes() -> None:
    one = device(1)
    with pytest.raises(DoesNotFit):
        apply(inventory(one), edit(creation("device", one)))
    with pytest.raises(DoesNotFit):
        apply(Inventory(), edit(deletion("device", one)))


def test_a_field_of_the_wrong_type_changes_nothing() -> None:
    now = inventory(device(1))
    before = Inventory(now.tables)
    with pytest.raises(msgspec.ValidationError):
        apply(now, edit(Step("device", UUID(int=1), {"name": "R1"}, {"name": 7})))
    assert now == before


def test_fields_round_trip_through_plain_values() -> None:
    link = Link(UUID(int=5), UUID(int=1), UUID(int=2), path=((9.0, 47.0), (9.5, 47.5)), capacity_bps=10**9)
    assert entity_from("link", link.id, fields_of(link)) == link
    one = device(3)
    assert entity_from("device", one.id, fields_of(one)) == one
    assert isinstance(entity_from("device", one.id, fields_of(one)), Device)


def test_unknown_fields_of_a_newer_app_are_ignored() -> None:
    raw = msgspec.msgpack.decode(wire.encode(wire.SubmitEdit(1, edit(creation("device", device(1))))))
    raw["edit"]["from_the_future"] = 1
    decoded = wire.decode_to_engine(msgspec.msgpack.encode(raw))
    assert isinstance(decoded, wire.SubmitEdit) and isinstance(decoded.edit, Edit)

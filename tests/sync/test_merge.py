"""An edit meets what others changed: field by field, thing by thing, and nothing that msgspec takes makes it fail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clash import Clash, FieldClash
from domain.edit import Edit, Step, apply, change, creation, deletion, fields_of, inverse
from domain.inventory import Device, Inventory, Link, Site
from domain.merge import laid, merge, settle, things_of
from domain.sync import Push, decode_to_server, encode
from tests.unit.inventories import device, edit, edits_over, inventory

MAST = device(1, name="Mast", note="old", subscribers=3, lng=10.0, lat=50.0)


def as_now(**fields: object) -> Inventory:
    return inventory(msgspec.structs.replace(MAST, **fields))


def changing(**fields: object) -> Step:
    step = change("device", MAST, msgspec.structs.replace(MAST, **fields))
    assert step is not None
    return step


def test_an_edit_that_fits_comes_back_as_it_is() -> None:
    mine = edit(changing(note="mine"), creation("device", device(2)), deletion("device", device(3)))
    merged = merge(inventory(MAST, device(3)), mine)
    assert merged.edit == mine
    assert merged.clashes == ()
    assert merged.touched == (("device", MAST.id), ("device", UUID(int=2)), ("device", UUID(int=3)))


def test_a_field_that_somebody_changed_keeps_theirs_and_the_others_are_applied() -> None:
    now = as_now(note="theirs", role="pop")
    merged = merge(now, edit(changing(note="mine", subscribers=4)))
    assert merged.clashes == (Clash("device", MAST.id, (FieldClash("note", "old", "theirs", "mine"),)),)
    assert merged.edit is not None
    assert merged.edit.steps == (Step("device", MAST.id, {"subscribers": 3}, {"subscribers": 4}),)
    apply(now, merged.edit)
    assert now == as_now(note="theirs", role="pop", subscribers=4)


def test_what_both_did_alike_is_no_clash_and_is_not_done_twice() -> None:
    merged = merge(as_now(note="same"), edit(changing(note="same", subscribers=4)))
    assert merged.clashes == ()
    assert merged.edit is not None
    assert merged.edit.steps[0].after == {"subscribers": 4}
    assert merge(as_now(note="same"), edit(changing(note="same"))).edit is None


def test_of_two_places_no_third_is_mixed() -> None:
    merged = merge(as_now(lat=51.0), edit(changing(lng=11.0, lat=52.0, note="mine")))
    (clash,) = merged.clashes
    assert [field.name for field in clash.fields] == ["lng", "lat"]
    assert merged.edit is not None
    assert merged.edit.steps[0].after == {"note": "mine"}


def test_a_deletion_wins_over_whatever_it_became_and_is_done_once() -> None:
    now = as_now(note="theirs", name="Renamed")
    merged = merge(now, edit(deletion("device", MAST)))
    assert merged.clashes == ()
    assert merged.edit is not None
    assert merged.edit.steps[0].before == fields_of(now.tables["device"][MAST.id])
    apply(now, merged.edit)
    assert now == Inventory()
    assert merge(Inventory(), edit(deletion("device", MAST))) == merge(Inventory(), edit())


def test_a_change_of_what_is_gone_is_a_clash() -> None:
    merged = merge(Inventory(), edit(changing(note="mine"), creation("device", device(2))))
    assert merged.clashes == (Clash("device", MAST.id, gone=True),)
    assert merged.touched == (("device", UUID(int=2)),)


def test_to_make_what_is_there_is_a_clash_unless_it_is_the_same() -> None:
    mine = edit(creation("device", MAST))
    assert merge(inventory(MAST), mine).clashes == ()
    merged = merge(as_now(note="theirs"), mine)
    assert merged.clashes == (Clash("device", MAST.id, there=True),)
    assert merged.edit is None


def test_steps_on_one_thing_follow_on_each_other() -> None:
    new = device(2)
    renamed = msgspec.structs.replace(new, name="Renamed")
    step = change("device", new, renamed)
    assert step is not None
    mine = edit(creation("device", new), step)
    assert merge(Inventory(), mine).edit == mine
    assert merge(inventory(renamed), mine).clashes == (Clash("device", new.id, there=True),)
    gone = edit(creation("device", new), deletion("device", new))
    assert merge(Inventory(), gone).edit == gone


def test_an_undo_leaves_alone_what_somebody_changed_since() -> None:
    done = edit(changing(note="mine", subscribers=4))
    now = as_now(note="theirs", subscribers=4)
    merged = merge(now, inverse(done, UUID(int=7), 2, "mara"))
    assert merged.edit is not None
    assert merged.edit.steps[0].after == {"subscribers": 3}
    assert [clash.fields[0].theirs for clash in merged.clashes] == ["theirs"]


def test_what_makes_no_sense_as_a_whole_is_refused_whole() -> None:
    """A site that is deleted while somebody moved a device there; a link to a device that is gone."""
    site = Site(UUID(int=50), "Hill")
    _, refusals = settle(inventory(site, device(1, site=site.id)), edit(deletion("site", site)))
    assert [refusal.code for refusal in refusals] == ["IN_USE"]
    link = Link(UUID(int=60), UUID(int=1), UUID(int=2))
    merged, refusals = settle(
        inventory(device(1)), edit(creation("link", link), creation("device", device(3)))
    )
    assert merged.edit is not None
    assert [refusal.code for refusal in refusals] == ["DEVICE_NOT_FOUND"]


def test_a_clash_leaves_nothing_to_refuse_but_what_is_wrong_of_the_edit_itself() -> None:
    assert settle(Inventory(), edit(changing(note="mine")))[1] == []
    late = msgspec.structs.replace(edit(changing(note="mine")), version=99)
    assert [refusal.code for refusal in settle(Inventory(), late)[1]] == ["UNKNOWN_VERSION"]
    assert [refusal.message for refusal in settle(Inventory(), edit())[1]] == ["the edit has no steps"]


def test_a_field_that_is_not_known_here_is_a_clash_and_not_lost() -> None:
    mine = edit(Step("device", MAST.id, {"antenna": None, "note": "old"}, {"antenna": "dish", "note": "new"}))
    merged, refusals = settle(inventory(MAST), mine)
    assert refusals == []
    assert merged.clashes == (Clash("device", MAST.id, (FieldClash("antenna", None, None, "dish"),)),)


def test_what_is_no_thing_is_refused_whole() -> None:
    for wrong in ({"subscribers": "many"}, {"probes": 3}, {"lng": [1.0]}, {"site": "here"}):
        step = Step("device", MAST.id, {name: fields_of(MAST)[name] for name in wrong}, wrong)
        _, refusals = settle(inventory(MAST), edit(creation("device", device(2)), step))
        assert [refusal.code for refusal in refusals] == ["INVALID_INPUT"], wrong
    unknown = edit(Step("spaceship", MAST.id, None, {"name": "x"}))  # type: ignore[arg-type]
    assert [refusal.code for refusal in settle(inventory(MAST), unknown)[1]] == ["UNKNOWN_KIND"]


@given(st.data())
def test_a_merged_edit_fits(data: st.DataObject) -> None:
    """Whatever was meant for another inventory: what the merge leaves of it can be applied here, to what `laid` says."""
    start = inventory(device(100), device(101))
    theirs, here = data.draw(edits_over(start, 4)), Inventory(start.tables)
    for one in data.draw(edits_over(start, 4)):
        apply(here, one)
    for one in theirs:
        expected = {thing: laid(here.get(*thing), steps) for thing, steps in things_of(one).items()}
        merged = merge(here, one)
        if merged.edit is not None:
            apply(here, merged.edit)
        assert {thing: here.get(*thing) for thing in expected} == expected
        again = merge(here, one)
        if not merged.clashes:
            assert (again.edit, again.clashes) == (None, ()) or len(expected) < len(one.steps)


@given(st.data())
def test_an_edit_and_its_inverse_cancel_when_merged(data: st.DataObject) -> None:
    start = inventory(device(100), device(101))
    now = Inventory(start.tables)
    done: list[Edit] = []
    for one in data.draw(edits_over(start, 4)):
        merged = merge(now, one).edit
        if merged is not None:
            apply(now, merged)
            done.append(merged)
    for one in reversed(done):
        back = merge(now, inverse(one, UUID(int=one.id.int + 5000), 2, "mara"))
        assert back.clashes == ()
        if back.edit is not None:
            apply(now, back.edit)
    assert now == start


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
fields = st.none() | st.dictionaries(
    st.sampled_from([*Device.__struct_fields__, *Link.__struct_fields__, "zzz"]), plain, max_size=4
)
kinds = st.sampled_from(["site", "device", "link", "credential", "rule", "maintenance", "diagram", "spot"])


@given(st.lists(st.tuples(kinds, st.integers(1, 3), fields, fields), min_size=1, max_size=4))
def test_nothing_that_comes_over_the_wire_makes_it_fail(steps: list[tuple[Any, ...]]) -> None:
    sent = edit(*(Step(kind, UUID(int=id), before, after) for kind, id, before, after in steps))
    message = decode_to_server(encode(Push((sent,))))
    assert isinstance(message, Push)
    here = inventory(MAST, device(2), Site(UUID(int=1), "Hill"), Link(UUID(int=3), UUID(int=1), UUID(int=2)))
    merged, refusals = settle(here, message.edits[0])
    if not refusals and merged.edit is not None:
        apply(here, merged.edit)


def test_a_text_that_is_none_and_a_value_that_is_too_deep_are_broken_messages() -> None:
    sent = encode(Push((edit(Step("device", MAST.id, None, {"name": "QQQ"})),)))
    for broken in (
        sent.replace(b"QQQ", b"\xed\xa0\x80"),
        sent.replace(b"\xa3QQQ", b"\x91" * 100_000 + b"\xc0"),
    ):
        with pytest.raises(msgspec.DecodeError):
            decode_to_server(broken)

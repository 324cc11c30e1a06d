"""What a newer server says: what is known of it is taken, what is not is left out, and nothing is guessed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.diagram import Diagram, Spot
from domain.inventory import Link, Site
from domain.newer import cannot_stand, heard, known
from domain.sync import Alive, Entries, Gone, Outcome, Outcomes, Welcome, encode
from tests.sync.sessions import MAST, welcome
from tests.unit.inventories import device

NEWER = "of_a_later_release"


def changed(message: Any, **fields: Any) -> bytes:
    """Return a message's bytes with more or other fields."""
    return msgspec.msgpack.encode({**msgspec.msgpack.decode(encode(message)), **fields})


def plain(value: Any, **fields: Any) -> Any:
    """Return a thing as plain data, with other fields."""
    return {**msgspec.to_builtins(value), **fields}


def entries_of(data: bytes) -> tuple[Entries, bool]:
    """Return entries as they are heard, and whether something is left out."""
    message, left_out = heard(data)
    assert isinstance(message, Entries)
    return message, left_out


def test_things_of_an_unknown_kind_are_left_out_and_the_rest_of_the_entries_holds() -> None:
    part = Entries(3, 7, True, devices=(MAST,))
    assert entries_of(changed(part, racks=[{"id": str(UUID(int=9)), "units": 42}])) == (part, True)
    assert entries_of(changed(part, racks=[], order={"x": 1}, size=5)) == (part, False)


def test_a_thing_with_a_value_that_is_unknown_is_left_out_alone() -> None:
    part = Entries(3, 7, True, devices=(MAST,))
    data = changed(part, devices=[plain(MAST), plain(device(2), role=NEWER)])
    assert entries_of(data) == (part, True)


def test_rows_about_unknown_kinds_are_left_out() -> None:
    part = Entries(3, 7, True, devices=(MAST,))
    id = str(UUID(int=9))
    step = {"kind": NEWER, "id": id, "before": None, "after": {}}
    edit = {"id": id, "at_us": 1, "author": "a", "title": "t", "steps": [step]}
    row = {"origin": id, "seq": 1, "at_us": 1, "kind": NEWER, "subject": None}
    assert entries_of(changed(part, edits=[{"revision": 7, "edit": edit}])) == (part, True)
    assert entries_of(changed(part, journal=[row])) == (part, True)


def test_that_a_thing_of_an_unknown_kind_is_gone_takes_nothing_from_anybody() -> None:
    gone = Gone("device", UUID(int=3))
    part = Entries(3, 7, True, gone=(gone,))
    data = changed(part, gone=[plain(gone), {"kind": NEWER, "id": str(UUID(int=9))}])
    assert entries_of(data) == (part, False)


def test_an_unknown_permission_is_nobodys_here() -> None:
    known_ones = ("devices:read",)
    said = msgspec.structs.replace(welcome(), permissions=known_ones)
    message, left_out = heard(changed(said, permissions=[*known_ones, f"{NEWER}:write"]))
    assert message == said and isinstance(message, Welcome) and not left_out


def test_who_has_an_unknown_role_is_shown_as_the_least_and_may_do_what_his_permissions_say() -> None:
    said = msgspec.structs.replace(welcome(), permissions=("devices:write",))
    message, left_out = heard(changed(said, role=NEWER))
    assert message == msgspec.structs.replace(said, role="viewer") and not left_out
    with pytest.raises(msgspec.ValidationError):
        heard(changed(said, role=7))


def test_an_unknown_message_is_passed_over() -> None:
    assert heard(msgspec.msgpack.encode({"type": NEWER, "number": 1})) == (None, True)
    assert heard(encode(Alive(5))) == (Alive(5), False)


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1",
        msgspec.msgpack.encode({"number": 1}),
        msgspec.msgpack.encode({"type": 3}),
        msgspec.msgpack.encode([1, 2]),
        changed(Entries(3, 7, True), revision="x"),
        changed(Entries(3, 7, True), devices={"x": 1}),
        changed(Outcomes((Outcome(UUID(int=1), 1),)), outcomes=[{"id": NEWER}]),
        changed(welcome(), epoch=1),
    ],
)
def test_what_is_no_message_and_half_an_answer_is_an_error(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        heard(data)


def test_what_hangs_on_a_thing_that_is_not_here_cannot_stand() -> None:
    site, other = Site(UUID(int=50), "A"), device(4)
    link = Link(UUID(int=60), MAST.id, other.id)
    top = Diagram(UUID(int=70), "Top", site=UUID(int=99))
    below = Diagram(UUID(int=71), "Below", parent=top.id)
    spot = Spot(UUID(int=72), below.id, MAST.id, 0.0, 0.0)
    now: dict[Any, Any] = {("device", MAST.id): MAST, ("link", link.id): link, ("site", site.id): site}
    there: dict[Any, Any] = {("device", other.id): other}

    def found() -> set[Any]:
        return cannot_stand(now, lambda kind, id: there.get((kind, id)))

    assert found() == set()
    now[("device", other.id)] = None
    assert found() == {("link", link.id)}
    now |= {("spot", spot.id): spot, ("diagram", below.id): below, ("diagram", top.id): top}
    assert found() == {("link", link.id), ("diagram", top.id), ("diagram", below.id), ("spot", spot.id)}


def test_what_a_program_knows_is_the_same_each_time_it_is_asked() -> None:
    before = known()
    known.cache_clear()
    assert known() == before and len(before) == 32

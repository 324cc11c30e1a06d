"""The inventory as it was equals what was, after whatever edits since."""

from __future__ import annotations

from itertools import chain
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.edit import Step, apply, creation
from domain.inventory import Inventory
from domain.rewind import inventory_then, rewound
from tests.unit.inventories import device, edit, edits_over, inventory


@given(st.data())
def test_the_inventory_then_is_what_was_then(data: st.DataObject) -> None:
    now = inventory(device(100), device(101))
    done = data.draw(edits_over(now, 6))
    was = [Inventory(now.tables)]
    for one in done:
        apply(now, one)
        was.append(Inventory(now.tables))
    for number, then in enumerate(was):
        newest_first = chain.from_iterable(reversed(one.steps) for one in reversed(done[number:]))
        assert inventory_then(now.tables, rewound(now.tables, newest_first)) == then


@given(st.data())
def test_an_edit_that_is_on_disk_and_not_yet_applied_is_taken_back_all_the_same(data: st.DataObject) -> None:
    start = inventory(device(100), device(101))
    done = data.draw(edits_over(start, 3))
    newest_first = list(chain.from_iterable(reversed(one.steps) for one in reversed(done)))
    assert inventory_then(start.tables, rewound(start.tables, newest_first)) == start


def test_what_does_not_fit_is_left_as_it_is_known() -> None:
    now = inventory(device(1))
    broken = Step("device", UUID(int=1), {"interval_s": "soon"}, {"interval_s": 30.0})
    assert inventory_then(now.tables, rewound(now.tables, [broken])) == now


def test_what_was_made_since_was_not_there_and_the_present_is_untouched() -> None:
    now = inventory(device(1), device(2))
    then = inventory_then(now.tables, rewound(now.tables, edit(creation("device", device(2))).steps))
    assert list(then.tables["device"]) == [UUID(int=1)]
    assert len(now.tables["device"]) == 2

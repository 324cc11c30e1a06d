"""What the page may say, and what it is told when it says something else."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.map import bridge

ROUTER = UUID(int=1)


def known(id: UUID) -> bool:
    return id == ROUTER


def test_a_good_message_becomes_its_type() -> None:
    text = f'{{"type":"device_dropped","id":"{ROUTER}","lng":10.5,"lat":47}}'
    assert bridge.decode(text, known) == bridge.DeviceDropped(ROUTER, 10.5, 47.0)
    assert bridge.decode('{"type":"hovered","id":null}', known) == bridge.Hovered(None)
    assert bridge.decode('{"type":"ready"}', known) == bridge.Ready()
    toggled = f'{{"type":"what_if_toggled","id":"{ROUTER}"}}'
    assert bridge.decode(toggled, known) == bridge.WhatIfToggled(ROUTER)
    assert bridge.decode('{"type":"what_if_left"}', known) == bridge.WhatIfLeft()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'{{"type":"device_dropped","id":"{ROUTER}","lng":180.1,"lat":0}}', "<= 180.0 - at `$.lng`"),
        (f'{{"type":"device_dropped","id":"{ROUTER}","lng":0,"lat":-90.5}}', ">= -90.0 - at `$.lat`"),
        (f'{{"type":"device_dropped","id":"{ROUTER}","lng":"0","lat":0}}', "Expected `float`, got `str`"),
        (f'{{"type":"device_dropped","id":"{ROUTER}","lng":NaN,"lat":0}}', "malformed"),
        (f'{{"type":"device_dropped","id":"{ROUTER}","lng":1}}', "missing required field `lat`"),
        (f'{{"type":"device_clicked","id":"{ROUTER}","command":"rm"}}', "unknown field `command`"),
        ('{"type":"device_clicked","id":"x"}', "Invalid UUID"),
        (
            f'{{"type":"link_clicked","id":"{UUID(int=2)}"}}',
            "expected a device, a link or a site of the inventory",
        ),
        (
            f'{{"type":"what_if_toggled","id":"{UUID(int=2)}"}}',
            "expected a device, a link or a site of the inventory",
        ),
        ('{"type":"what_if_toggled"}', "missing required field `id`"),
        ('{"type":"what_if_left","failed":[]}', "unknown field `failed`"),
        ('{"type":"painted","stamp_us":-1,"painted_us":1}', ">= 0"),
        ('{"type":"delete_everything"}', "delete_everything"),
        ("7", "Expected `object`, got `int`"),
        ("", "truncated"),
        (" " * 300_000, "at most 262144 expected"),
    ],
)
def test_a_bad_message_is_refused_with_what_was_got_and_expected(text: str, says: str) -> None:
    with pytest.raises(bridge.PageError) as error:
        bridge.decode(text, known)
    assert says in str(error.value)


@given(
    st.text(max_size=300) | st.recursive(st.none() | st.integers() | st.text(max_size=9), st.lists).map(str)
)
def test_nothing_but_a_page_error_comes_out_of_garbage(text: str) -> None:
    with pytest.raises(bridge.PageError):
        bridge.decode(text, known)


def test_the_door_counts_what_it_refused_and_hands_on_the_rest() -> None:
    taken: list[bridge.FromPage] = []
    door = bridge.Door(known, taken.append)
    door.from_page('{"type":"background_clicked"}')
    door.from_page("nonsense")
    assert taken == [bridge.BackgroundClicked()]
    assert door.refused == 1

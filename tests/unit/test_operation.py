"""Long work as data: its turns, and that its end is its end."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.operation import Operation, advance, cancel, fail, finish, pause, resume, start

ID = UUID(int=1)


def running(total: int = 10) -> Operation:
    return start(ID, "sweep", "10.0.0.0/28", 5, total)


def test_it_begins_at_nothing_and_ends_at_all() -> None:
    ended = finish(advance(running(), 3, phase="asking"), 9, "14 addresses, 2 answered")
    assert (ended.state, ended.done, ended.total, ended.ended_us) == ("done", 10, 10, 9)
    assert (ended.phase, ended.result_words) == ("asking", "14 addresses, 2 answered")


def test_it_never_goes_back_nor_beyond_its_total() -> None:
    further = advance(running(), 7)
    assert advance(further, 3).done == 7
    assert advance(further, 70).done == 10
    assert advance(running(0), 70).done == 70


def test_it_rests_and_goes_on() -> None:
    resting = pause(running())
    assert resting.state == "paused"
    assert resume(resting) == running()
    assert resume(running()) == running()


@pytest.mark.parametrize("end", [finish, fail, cancel])
def test_what_has_ended_stays_as_it_is(end: object) -> None:
    ended = end(running(), 9, "so")  # type: ignore[operator]
    assert ended.has_ended
    for turned in (pause, resume):
        assert turned(ended) == ended
    assert advance(ended, 10, 99, "more") == ended
    assert finish(ended, 99, "again") == fail(ended, 99, "again") == cancel(ended, 99, "again") == ended


def test_a_paused_one_can_be_cancelled() -> None:
    assert cancel(pause(running()), 9, "enough").state == "cancelled"


def test_a_clock_that_was_set_back_ends_nothing_before_it_began() -> None:
    assert finish(running(), 1, "").ended_us == 5


@given(st.lists(st.one_of(st.integers(-5, 30), st.sampled_from([pause, resume])), max_size=30))
def test_whatever_happens_its_figures_hold_together(turns: list[object]) -> None:
    one = running()
    for turn in turns:
        before = one
        one = advance(one, turn) if isinstance(turn, int) else turn(one)  # type: ignore[operator]
        assert before.done <= one.done <= one.total
        assert one.state in ("running", "paused")

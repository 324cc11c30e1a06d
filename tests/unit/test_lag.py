"""A link of several ports: how many run, what they can and do carry."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.lag import Lag, Member, joined, lag_of, members_words
from domain.load import EndView

A, B = UUID(int=1), UUID(int=2)


def member(device: UUID, runs: bool | None, speed_bps: int = 0, interface: str = "ether1") -> Member:
    return Member(device, interface, runs, speed_bps)


def lag(of_a: list[bool | None], of_b: list[bool | None], speed_bps: int = 10**9) -> Lag:
    found = lag_of(*([member(end, runs, speed_bps) for runs in some] for end, some in ((A, of_a), (B, of_b))))
    assert found is not None
    return found


def test_a_link_without_members_is_no_lag() -> None:
    assert lag_of([], []) is None


@pytest.mark.parametrize(
    ("of_a", "of_b", "down", "is_degraded", "words"),
    [
        ([True, True], [True, True], 0, False, "2 members"),
        ([True, False], [True, False], 1, True, "1 of 2 members down"),
        ([True, False], [], 1, True, "1 of 2 members down"),
        ([True, True], [None, False], 1, True, "1 of 2 members down"),
        ([None, None], [None, None], 0, False, "2 members"),
        ([False, False], [False, True], 2, False, "2 of 2 members down"),
        ([True, True, False, False], [True, True, True, False], 2, True, "2 of 4 members down"),
    ],
)
def test_members_are_counted_by_the_end_that_misses_more(
    of_a: list[bool | None], of_b: list[bool | None], down: int, is_degraded: bool, words: str
) -> None:
    found = lag(of_a, of_b)
    assert (found.down, found.is_degraded, members_words(found)) == (down, is_degraded, words)


def test_it_is_down_when_none_of_those_runs_that_one_end_tells_of() -> None:
    assert lag([False, False], []).is_down
    assert lag([False, False], [True, True, True]).is_down
    assert not lag([False, None], []).is_down, "one may run"
    assert not lag([True, False], [True, True]).is_down


def test_capacity_is_that_of_the_members_that_run() -> None:
    assert lag([True, True], [True, True]).capacity_bps(0) == 2 * 10**9
    assert lag([True, False], [True, False]).capacity_bps(0) == 10**9
    assert lag([True, True], [True, False]).capacity_bps(0) == 10**9, "one end that knows is enough"
    assert lag([True, False], []).capacity_bps(600) == 300, "of what people say, the share of those that run"
    assert lag([True, False, None], [], speed_bps=0).capacity_bps(900) == 600
    unlike = Lag((member(A, False, 10), member(A, True, 30)), ())
    assert unlike.capacity_bps(400) == 300


@pytest.mark.parametrize(
    ("own", "members", "view"),
    [
        (EndView(True, 7, 8), [EndView(True, 1, 2), EndView(False)], EndView(True, 7, 8)),
        (EndView(), [EndView(True, 1, 2), EndView(True, 3, None)], EndView(True, 4, 2)),
        (EndView(True, 1, 1), [EndView(False), EndView(False)], EndView(False, 1, 1)),
        (EndView(False, 1, 1), [EndView(True)], EndView(False, 1, 1)),
        (EndView(), [EndView(), EndView(False)], EndView()),
        (EndView(True), [], EndView(True)),
    ],
)
def test_an_aggregate_is_what_its_members_are(own: EndView, members: list[EndView], view: EndView) -> None:
    assert joined(own, members) == view

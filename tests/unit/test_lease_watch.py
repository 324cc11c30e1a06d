"""Who polls and judges, as an install may believe it, with time as an argument."""

from __future__ import annotations

import pytest

from domain.sync import Lease
from domain.team import LeaseState
from engine.sync.leases import ALONE_AFTER_S, LOST_FOR_S, LeaseWatch


def test_an_install_that_never_hears_of_its_server_goes_on_by_itself_after_a_while() -> None:
    watch = LeaseWatch(100.0)
    assert watch.state(100.0 + ALONE_AFTER_S - 1) == "elsewhere"
    assert watch.state(100.0 + ALONE_AFTER_S) == "cut_off"


def test_whoever_has_the_lease_keeps_it_until_it_is_over_and_then_goes_on_from_here() -> None:
    watch = LeaseWatch(0.0)
    watch.begin(0.0)
    watch.hear(Lease(7, 12.0), 10.0)
    assert (watch.state(21.9), watch.fence(21.9)) == ("here", 7)
    watch.lose(12.0)
    assert watch.state(21.9) == "here", "nobody else has it yet"
    assert (watch.state(22.0), watch.fence(22.0)) == ("cut_off", 0)


def test_a_lease_that_is_not_renewed_ends_although_the_server_is_heard() -> None:
    watch = LeaseWatch(0.0)
    watch.begin(0.0)
    watch.hear(Lease(7, 12.0), 10.0)
    assert watch.state(22.0) == "elsewhere"


@pytest.mark.parametrize(("after_s", "state"), [(0.0, "elsewhere"), (23.9, "elsewhere"), (24.0, "cut_off")])
def test_whoever_has_none_waits_until_the_others_must_be_over_and_as_long_again(
    after_s: float, state: LeaseState
) -> None:
    watch = LeaseWatch(0.0)
    watch.begin(-30.0)
    watch.hear(Lease(0, 0.0, "tower"), 10.0)
    watch.lose(10.0)
    assert watch.state(10.0 + after_s) == state and watch.holder == "tower"


def test_who_is_told_to_come_again_later_does_not_judge_meanwhile() -> None:
    watch = LeaseWatch(0.0)
    watch.begin(0.0)
    watch.hear(Lease(7, 12.0), 10.0)
    watch.lose(11.0, 30.0)
    assert (watch.state(12.0), watch.fence(12.0)) == ("elsewhere", 0)
    assert watch.state(11.0 + 30.0 + LOST_FOR_S - 0.1) == "elsewhere"
    assert watch.state(11.0 + 30.0 + LOST_FOR_S) == "cut_off"


def test_a_new_line_ends_what_was_done_from_here_at_once() -> None:
    watch = LeaseWatch(0.0)
    assert watch.state(500.0) == "cut_off"
    watch.begin(500.0)
    assert watch.state(500.0) == "elsewhere"
    watch.lose(501.0)
    assert watch.state(530.0 - 0.1) == "elsewhere", "who is let in and thrown out again goes on waiting"
    assert watch.state(530.0) == "cut_off"

"""When a device is due and when a probe rests, as tables of times."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.monitor.breaker import RECHECK_S, Breaker, rest_s
from engine.monitor.schedule import (
    Schedule,
    next_due,
    phase_of,
    promised_down_s,
    timeout_s,
)

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("misses", "interval_s", "expected_s"),
    [
        (3, 5, 5),
        (4, 5, 10),
        (5, 5, 20),
        (6, 5, 25),
        (60, 5, 25),
        (6, 30, 150),
        (6, 60, 300),
        (3, 3600, 3600),
        (9, 3600, 3600),
    ],
)
def test_a_failed_probe_rests_longer_each_time_up_to_five_intervals_and_five_minutes(
    misses: int, interval_s: float, expected_s: float
) -> None:
    assert rest_s(misses, interval_s) == expected_s


def test_the_third_miss_is_a_verdict_and_an_answer_forgets_all() -> None:
    breaker = Breaker(answered_ever=True)
    doubts = []
    for _ in range(3):
        breaker = breaker.missed()
        doubts.append((breaker.in_doubt, breaker.failed))
    assert doubts == [(True, False), (True, False), (False, True)] and breaker.answered_ever


def test_after_news_of_a_device_the_next_miss_of_a_failed_probe_is_a_verdict_again() -> None:
    woken = Breaker(9, True).woken()
    assert woken.in_doubt and woken.missed().failed
    assert Breaker(1).woken() == Breaker(1)


WELL, DOUBT, FAILED, LONG_FAILED = Breaker(0), Breaker(2), Breaker(3), Breaker(6)


@pytest.mark.parametrize(
    ("asked_s", "now_s", "breaker", "is_scout", "expected_s"),
    [
        (102.5, 102.6, WELL, False, 107.5),  # on its phase: one interval on
        (102.5, 106.5, WELL, False, 107.5),  # a slow answer keeps the phase
        (102.5, 107.6, WELL, False, 112.5),  # slower than the interval: the next phase that is free
        (101.0, 101.1, WELL, False, 107.5),  # asked out of turn shortly before its phase: that one is skipped
        (103.0, 103.1, WELL, False, 107.5),  # asked out of turn shortly after it
        (102.5, 104.0, DOUBT, False, 104.0 + RECHECK_S),
        (102.5, 104.0, FAILED, False, 107.5),
        (102.5, 104.0, LONG_FAILED, False, 127.5),
        (102.5, 104.0, LONG_FAILED, True, 107.5),
    ],
)
def test_a_probe_is_due_at_the_phase_of_its_device_or_after_a_second_in_doubt(
    asked_s: float, now_s: float, breaker: Breaker, is_scout: bool, expected_s: float
) -> None:
    assert next_due(asked_s, now_s, 5.0, 0.5, breaker, is_scout=is_scout) == expected_s


@given(st.floats(0, 1e6), st.floats(0, 100), st.floats(1, 3600), st.floats(0, 0.999))
def test_the_next_visit_is_never_in_the_past_and_within_one_and_a_half_intervals(
    started_s: float, took_s: float, interval_s: float, phase: float
) -> None:
    now_s = started_s + took_s
    due_s = next_due(started_s, now_s, interval_s, phase, Breaker(), is_scout=False)
    assert now_s - 1e-6 <= due_s
    assert due_s <= max(now_s, started_s + interval_s / 2) + interval_s + 1e-6


def test_ten_thousand_devices_spread_evenly_over_the_interval() -> None:
    counts = [0] * 10
    for n in range(10_000):
        counts[int(phase_of(UUID(int=n)) * 10)] += 1
    assert min(counts) > 850 and max(counts) < 1150


@pytest.mark.parametrize(("interval_s", "expected_s"), [(1, 1), (5, 1.25), (30, 2), (3600, 2)])
def test_a_try_takes_a_quarter_of_the_interval_within_bounds(interval_s: float, expected_s: float) -> None:
    assert timeout_s(interval_s) == expected_s


def test_the_promise_is_a_visit_three_misses_and_two_rechecks() -> None:
    assert promised_down_s(5.0) == 5 + 3 * 2 * 1.25 + 2 * 1


def test_the_schedule_gives_the_earliest_first_and_nothing_early() -> None:
    schedule = Schedule()
    for id, due_s in ((A, 3.0), (B, 1.0), (C, 2.0)):
        schedule.put(id, due_s)
    assert schedule.next_due_s() == 1.0
    assert [schedule.pop_due(2.5), schedule.pop_due(2.5), schedule.pop_due(2.5)] == [(B, 1.0), (C, 2.0), None]


def test_a_later_time_replaces_the_former_and_a_dropped_device_never_comes() -> None:
    schedule = Schedule()
    schedule.put(A, 1.0)
    schedule.put(A, 5.0)
    schedule.put(B, 2.0)
    schedule.drop(B)
    assert schedule.pop_due(4.0) is None
    assert schedule.pop_due(5.0) == (A, 5.0)
    assert schedule.next_due_s() is None and len(schedule) == 0


def test_times_that_were_replaced_do_not_pile_up() -> None:
    schedule = Schedule()
    for n in range(10_000):
        schedule.put(A, float(n))
    assert len(schedule._heap) < 100
    assert schedule.pop_due(1e9) == (A, 9_999.0)

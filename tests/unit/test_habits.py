"""Numbers against their past: what is unusual, what drifts, and what nobody can tell."""

from __future__ import annotations

from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.habits import LEAST_EARLIER_HOURS, LEAST_RECENT_HOURS, anomaly, trend

values = st.floats(-1e6, 1e6)


def test_fewer_than_three_weeks_are_no_verdict() -> None:
    assert anomaly([10, 11], 500) is None and anomaly([10, 11, 12], 500) is not None


def test_what_is_as_usual_is_few_deviations_off_and_what_is_not_many() -> None:
    past = [10, 12, 11, 13, 11, 12]
    calm, wild, low = anomaly(past, 12.5), anomaly(past, 30), anomaly(past, 1)
    assert calm is not None and wild is not None and low is not None
    assert abs(calm.off) < 2 and wild.off > 8 and low.off < -4 and wild.usual == 11.5


def test_one_broken_week_does_not_blind_the_next_as_a_mean_would() -> None:
    past = [10, 11, 12, 11, 900, 10]
    found = anomaly(past, 60)
    assert found is not None and found.off > 8
    assert (60 - mean(past)) / stdev(past) < 1


def test_weeks_that_were_alike_by_chance_make_no_alarm_of_the_fourth() -> None:
    found = anomaly([100, 100, 100], 104)
    assert found is not None and found.off < 1
    zero = anomaly([0, 0, 0], 0)
    assert zero is not None and zero.off == 0
    never = anomaly([0, 0, 0], 7)
    assert never is not None and never.off == pytest.approx(20)


@given(st.lists(values, min_size=3, max_size=9), values)
def test_more_is_never_less_unusual(past: list[float], now: float) -> None:
    found = anomaly(past, now)
    assert found is not None and found.off * (now - found.usual) >= 0


def test_a_trend_compares_the_middle_of_both_spans_and_needs_days_of_each() -> None:
    recent, earlier = [-81.0] * LEAST_RECENT_HOURS, [-75.0] * LEAST_EARLIER_HOURS
    found = trend(recent, earlier)
    assert found is not None and (found.value, found.usual, found.off) == (-81, -75, -6)
    assert trend(recent[1:], earlier) is None and trend(recent, earlier[1:]) is None
    stormy = trend([*recent, *[-100.0] * 60], earlier)
    assert stormy is not None and stormy.off == -6, "a day and a half of storm is no trend"

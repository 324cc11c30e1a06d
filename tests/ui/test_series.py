"""A series: history and live values join without a gap or a double, spikes stay, gaps are found."""

from __future__ import annotations

import numpy as np
import pytest

from app.charts.series import POINTS_CAP, Series, axis_ends, gap_limits_s, gaps, grain

T = 1_790_000_123.5
"""No full hour."""


def us(at_s: float) -> int:
    return round(at_s * 1e6)


def series(at_s: list[float], value: list[float], stretch_s: float = 0.0) -> Series:
    made = Series(stretch_s)
    made.load([us(at) for at in at_s], value)
    return made


def test_what_came_live_while_history_was_on_its_way_stays_once() -> None:
    made = Series()
    for second in (8, 10, 12):
        made.append(us(T + second), float(second))
    made.load([us(T + second) for second in (2, 4, 6, 8, 10)], [2.0, 4.0, 6.0, 8.0, 10.0])
    assert made.value.tolist() == [2, 4, 6, 8, 10, 12]
    assert not made.append(us(T + 12), 99.0)
    assert not made.append(us(T + 11), 99.0)
    assert made.append(us(T + 14), 14.0)
    assert np.all(np.diff(made.at_s) > 0)


def test_a_live_value_that_the_last_merged_stretch_holds_already_is_not_told_twice() -> None:
    made = Series()
    made.append(us(T + 320), 5.0)
    made.append(us(T + 520), 6.0)
    made.load([us(T + at) for at in (0, 100, 200, 300)], [1.0, 2.0, 3.0, 4.0])
    assert made.value.tolist() == [1, 2, 3, 4, 6]


def test_of_ten_thousand_values_some_of_them_told_twice_500_are_kept_each_once() -> None:
    made = Series()
    for number in range(10_000):
        for told in range(1 + number % 2):
            assert made.append(us(T + number), float(number)) is not bool(told)
    assert made.value.tolist() == list(range(10_000 - POINTS_CAP, 10_000))
    made.load([us(T + at) for at in range(10_000)], [float(at) for at in range(10_000)])
    assert made.value.tolist() == list(range(10_000 - POINTS_CAP, 10_000))


def test_an_hour_of_values_each_second_stays_below_500_points_and_keeps_every_spike() -> None:
    made = Series(900 / 480)
    for second in range(3600):
        made.append(us(T + second), 1000.0 if second == 3500 else 10.0)
        made.forget_before(T + second - 900)
    assert made.at_s.size <= POINTS_CAP
    assert made.at_s[0] <= T + 3600 - 900
    assert made.at_s[-1] == pytest.approx(T + 3599)
    assert made.high.max() == 1000
    assert made.value.max() < 1000
    assert made.stats(T + 2700, T + 3600).low == 10  # type: ignore[union-attr]


def test_the_figures_of_a_range_look_at_spikes_and_at_nothing_outside() -> None:
    made = Series()
    at = [us(T + n) for n in range(101)]
    made.load(
        at, [float(n) for n in range(101)], [n - 5.0 for n in range(101)], [n + 7.0 for n in range(101)]
    )
    found = made.stats(T, T + 100)
    assert found is not None
    assert tuple(found) == pytest.approx((-5, 50, 107, 95))
    assert made.stats(T + 200, T + 300) is None


def test_a_gap_is_three_intervals_and_lasts_until_now_where_nothing_follows() -> None:
    made = series([T, T + 30, T + 60, T + 400, T + 430], [1.0] * 5)
    limits_s = gap_limits_s(made.at_s, 30)
    assert gaps(made.at_s, limits_s, T + 440) == [(T + 60, T + 400)]
    assert gaps(made.at_s, limits_s, T + 600)[-1] == (T + 430, T + 600)


def test_hours_beside_raw_values_are_no_gaps_and_are_called_hourly() -> None:
    hour = 1_790_002_800.0
    assert hour % 3600 == 0
    hours = [hour + n * 3600 for n in range(5)]
    raw = [hours[-1] + 3600.25 + n * 216 for n in range(60)]
    made = series([*hours, *raw], [1.0] * 65)
    assert gaps(made.at_s, gap_limits_s(made.at_s, 30), raw[-1] + 30) == []
    assert grain(made.at_s) == "hourly"
    missing = series([*hours[:2], *hours[4:], *raw], [1.0] * 63)
    assert gaps(missing.at_s, gap_limits_s(missing.at_s, 30), raw[-1]) == [(hours[1], hours[4])]
    assert grain(series(raw, [1.0] * 60).at_s) == ""
    assert grain(series([T + n * 82_000 for n in range(30)], [1.0] * 30).at_s) == "daily"


@pytest.mark.parametrize(
    ("low", "high", "from_zero", "ends"),
    [
        (2, 271, True, (0, 300)),
        (-72.3, -58.1, False, (-75, -55)),
        (-86.6, -26.1, False, (-100, -20)),
        (24.1, 24.3, False, None),
        (-5, 3, True, None),
        (7, 7, False, None),
    ],
)
def test_an_axis_holds_its_values_between_round_ends(
    low: float, high: float, from_zero: bool, ends: tuple[float, float] | None
) -> None:
    found = axis_ends(low, high, from_zero=from_zero)
    assert found[0] <= low <= high <= found[1]
    assert found[1] - found[0] <= max(4 * (high - low), 0.2 * abs(high)) or from_zero
    if ends is not None:
        assert found == ends

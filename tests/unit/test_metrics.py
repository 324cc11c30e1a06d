"""Counters to rates: wraps, resets, missed polls; and what the catalogue believes."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metrics import BY_KEY, CATALOGUE, CounterBits, gap_s, is_believable
from domain.metrics import rate_per_s as rate_over

TOP32, TOP64 = 2**32, 2**64


class Counter(NamedTuple):
    """A counter as it was read, and the device's own uptime at that moment."""

    at_us: int
    value: int
    uptime_s: float | None = None


def rate_per_s(old: Counter, new: Counter, bits: CounterBits = 64, most_per_s: float = 1e12) -> float | None:
    gap = gap_s(old.at_us, new.at_us, old.uptime_s, new.uptime_s)
    return None if gap is None else rate_over(old.value, new.value, gap, bits, most_per_s)


@pytest.mark.parametrize(
    ("old", "new", "bits", "rate"),
    [
        (Counter(1_000_000, 5), Counter(2_000_000, 105), 64, 100.0),
        (Counter(1_000_000, 5), Counter(11_000_000, 105), 64, 10.0),
        (Counter(1_000_000, 5), Counter(1_000_000, 105), 64, None),
        (Counter(2_000_000, 5), Counter(1_000_000, 105), 64, None),
        (Counter(0, TOP32 - 50), Counter(1_000_000, 50), 32, 100.0),
        (Counter(0, TOP64 - 50), Counter(1_000_000, 50), 64, None),
        (Counter(0, 5000), Counter(1_000_000, 50), 64, None),
        (Counter(0, 5000, 1000.0), Counter(10_000_000, 9000, 3.0), 64, None),
        (Counter(0, 5000, 1000.0), Counter(10_000_000, 9000, 1010.0), 64, 400.0),
        (Counter(0, 5000, 1000.0), Counter(10_000_000, 9000, 1009.0), 64, 400.0),
        (Counter(0, 100, 5.0), Counter(60_000_000, 9000, 20.0), 64, None),
    ],
)
def test_a_rate_is_known_or_none(old: Counter, new: Counter, bits: CounterBits, rate: float | None) -> None:
    assert rate_per_s(old, new, bits) == rate


def test_a_fall_of_a_32_bit_counter_is_a_wrap_only_where_the_rate_is_believable() -> None:
    old, new = Counter(0, 3_000_000_000), Counter(1_000_000, 10)
    assert rate_per_s(old, new, 32, most_per_s=125_000_000) is None
    assert rate_per_s(old, new, 32, most_per_s=2e9) == pytest.approx(1_294_967_306)


@given(st.integers(0, TOP64 - 1), st.integers(0, 10**12), st.integers(1, 10**9))
def test_a_counter_that_grows_gives_its_mean(start: int, grown: int, gap_us: int) -> None:
    """Whatever was missed between, the mean over the gap comes out, up to what is believable."""
    rate = rate_per_s(Counter(0, start), Counter(gap_us, start + grown), 64, most_per_s=math.inf)
    assert rate == pytest.approx(grown / (gap_us / 1e6))


@given(st.integers(0, TOP32 - 1), st.integers(0, TOP32 - 1))
def test_a_32_bit_counter_never_gives_a_negative_rate(old: int, new: int) -> None:
    rate = rate_per_s(Counter(0, old), Counter(10_000_000, new), 32)
    assert rate is None or rate >= 0


@pytest.mark.parametrize(
    ("name", "value", "believed"),
    [
        ("cpu_load_pct", 50, True),
        ("cpu_load_pct", 101, False),
        ("cpu_load_pct", math.nan, False),
        ("rtt_ms", math.inf, False),
        ("temperature_c", -300, False),
        ("no_such_metric", 1, False),
    ],
)
def test_what_is_out_of_range_is_not_believed(name: str, value: float, believed: bool) -> None:
    assert is_believable(name, value) is believed


def test_keys_and_names_of_the_catalogue_are_unique() -> None:
    assert len(BY_KEY) == len(CATALOGUE)
    assert all(name.islower() and metric.low < metric.high for name, metric in CATALOGUE.items())

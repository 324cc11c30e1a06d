"""How long numbers are kept on a computer, and what that will take. Counterpart: `engine/storage` keeps them, the window asks.

One rule: what is said of the future is a forecast from what was written lately, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from domain.errors import Refusal

RAW_DAYS_RANGE = (1.0, 400.0)
RAW_CAP_RANGE_BYTES = (50_000_000, 10**13)
HOURLY_DAYS_RANGE = (7.0, 4000.0)


class Retention(msgspec.Struct, frozen=True):
    """Every poll is kept for `raw_days`, or as long as they fill less than `raw_cap_bytes`; hours for `hourly_days`.

    Polls that a team's server has not heard yet are kept however old they are, as long as they fill less than `untold_cap_bytes`
    (and a gigabyte of the disk stays free), at least as `raw_cap_bytes` allows. 20 GB are 30 days of some 1,500 devices that are
    asked for 50 numbers each minute.
    """

    raw_days: float = 7.0
    raw_cap_bytes: int = 2_000_000_000
    hourly_days: float = 365.0
    untold_cap_bytes: int = 20_000_000_000


LOST_TOLD_US = 7 * 86_400_000_000
"""How long it is said that polls were lost; what is lost later is counted anew."""


class LostPolls(msgspec.Struct, frozen=True):
    """Poll cycles that a team's server will never have: `dropped` here to make room before it was heard; `refused` by it, as it
    keeps no such days or has no more room for this tenant. `at_us`: when it was the last time, 0 never. `told_us`: up to when
    polls were told as refused ones were counted last: those before are not told again, and so are counted once."""

    dropped: int = 0
    refused: int = 0
    at_us: int = 0
    told_us: int = 0

    def plus(self, dropped: int, refused: int, now_us: int) -> LostPolls:
        """Return what is lost by now."""
        if not self.is_news(now_us):
            return LostPolls(dropped, refused, now_us, self.told_us)
        return LostPolls(self.dropped + dropped, self.refused + refused, now_us, self.told_us)

    def is_news(self, now_us: int) -> bool:
        """Tell whether people are to hear of it."""
        return self.at_us > 0 and now_us - self.at_us < LOST_TOLD_US


class DiskState(msgspec.Struct, frozen=True):
    """What the database takes and what is left beside it; per day as it was written lately, 0 while that is not known.

    `forecast_bytes` is what the database will hold when everything is as old as it is kept. `devices_behind` is of how many
    devices hours that are over are still to be made of polls. `pictures_bytes` are those of photographs and backgrounds, of which
    `pictures_cap_bytes` are kept at most.
    """

    held_bytes: int = 0
    free_bytes: int = 0
    raw_bytes_per_day: int = 0
    hourly_bytes_per_day: int = 0
    forecast_bytes: int = 0
    devices_behind: int = 0
    pictures_bytes: int = 0
    pictures_cap_bytes: int = 0

    @property
    def will_not_fit(self) -> bool:
        """Tell whether what is to come is more than there is room for."""
        return self.forecast_bytes - self.held_bytes > self.free_bytes


def retention_refusals(retention: Retention) -> Iterator[Refusal]:
    """Yield what is wrong with a retention."""
    for field, unit, value, (low, high) in (
        ("raw_days", "days", retention.raw_days, RAW_DAYS_RANGE),
        ("raw_cap_bytes", "bytes", retention.raw_cap_bytes, RAW_CAP_RANGE_BYTES),
        ("hourly_days", "days", retention.hourly_days, HOURLY_DAYS_RANGE),
        ("untold_cap_bytes", "bytes", retention.untold_cap_bytes, RAW_CAP_RANGE_BYTES),
    ):
        if not low <= value <= high:
            yield Refusal("INVALID_INPUT", f"{low:g} to {high:g} {unit} expected, got {value:g}", field)
    if retention.hourly_days < retention.raw_days:
        yield Refusal("INVALID_INPUT", "hours are kept at least as long as single polls", "hourly_days")


def forecast(
    held_bytes: int, free_bytes: int, raw_per_day: float, hourly_per_day: float, retention: Retention
) -> DiskState:
    """Return what the disk will hold once everything is as old as it is kept."""
    raw = min(raw_per_day * retention.raw_days, float(retention.raw_cap_bytes))
    whole = int(raw + hourly_per_day * retention.hourly_days)
    return DiskState(
        held_bytes, free_bytes, int(raw_per_day), int(hourly_per_day), max(whole, 0) if raw_per_day else 0
    )

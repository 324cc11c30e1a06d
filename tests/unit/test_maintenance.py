"""When planned work is on: once, daily, weekly, monthly, over changes of the clocks, and whom it covers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from domain.inventory import Site
from domain.maintenance import Window, covers, is_active, next_window, zone_of
from domain.watching import Maintenance, Scope
from tests.unit.inventories import device, inventory

VIENNA = ZoneInfo("Europe/Vienna")
UTC = ZoneInfo("UTC")
HOUR_US = 3_600_000_000


def at(text: str, zone: ZoneInfo = VIENNA, fold: int = 0) -> int:
    """Return the moment of a local time, such as "2026-03-28 02:30"."""
    local = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
    return int(local.timestamp()) * 1_000_000


def work(starts: str, ends: str, repeat: Any = "", zone: str = "Europe/Vienna", **more: Any) -> Maintenance:
    local = ZoneInfo(zone)
    return Maintenance(
        UUID(int=1), "Mast", at(starts, local), at(ends, local), repeat=repeat, zone=zone, **more
    )


def starts(of: Maintenance, now: str, times: int) -> list[str]:
    """Return when the next windows begin, as clocks show it."""
    found, now_us = [], at(now)
    for _ in range(times):
        window = next_window(of, now_us)
        assert window is not None
        found.append(datetime.fromtimestamp(window.starts_us / 1e6, VIENNA).strftime("%m-%d %H:%M"))
        now_us = window.ends_us
    return found


def test_work_that_is_done_once_is_on_from_its_start_and_over_at_its_end() -> None:
    once = work("2026-06-01 22:00", "2026-06-02 02:00")
    assert [is_active(once, at(t)) for t in ("2026-06-01 21:59", "2026-06-01 22:00", "2026-06-02 01:59")] == [
        False,
        True,
        True,
    ]
    assert not is_active(once, once.ends_us) and next_window(once, once.ends_us) is None
    assert next_window(once, 0) == Window(once.starts_us, once.ends_us)


def test_daily_work_is_at_the_same_time_by_the_clock_in_winter_and_summer() -> None:
    nightly = work("2026-03-01 22:00", "2026-03-02 04:00", "daily")
    assert starts(nightly, "2026-03-27 12:00", 4) == [
        "03-27 22:00",
        "03-28 22:00",
        "03-29 22:00",
        "03-30 22:00",
    ]
    spring, autumn = (next_window(nightly, at(day)) for day in ("2026-03-28 23:00", "2026-10-24 23:00"))
    assert spring is not None and autumn is not None
    assert (spring.ends_us - spring.starts_us, autumn.ends_us - autumn.starts_us) == (
        5 * HOUR_US,
        7 * HOUR_US,
    )
    assert is_active(nightly, at("2026-03-29 03:59")) and not is_active(nightly, at("2026-03-29 04:00"))


def test_a_start_that_does_not_exist_is_an_hour_later_and_one_that_exists_twice_is_the_first() -> None:
    nightly = work("2026-03-01 02:30", "2026-03-01 05:00", "daily")
    assert starts(nightly, "2026-03-28 12:00", 2) == ["03-29 03:30", "03-30 02:30"]
    assert not is_active(nightly, at("2026-03-29 03:15")) and is_active(nightly, at("2026-03-29 03:45"))
    autumn = next_window(nightly, at("2026-10-24 12:00"))
    assert autumn == Window(at("2026-10-25 02:30", fold=0), at("2026-10-25 05:00"))
    assert autumn is not None and autumn.ends_us - autumn.starts_us == 3.5 * HOUR_US


def test_an_end_that_exists_twice_is_the_first_and_work_that_would_last_for_nothing_lasts_as_usual() -> None:
    short = work("2026-03-01 02:15", "2026-03-01 02:45", "daily")
    assert next_window(short, at("2026-10-24 12:00")) == Window(
        at("2026-10-25 02:15"), at("2026-10-25 02:45")
    )
    into = work("2026-03-01 02:30", "2026-03-01 03:15", "daily")
    gap = next_window(into, at("2026-03-28 12:00"))
    assert gap == Window(at("2026-03-29 03:30"), at("2026-03-29 04:15"))


def test_weekly_work_keeps_its_weekday_and_monthly_work_its_day() -> None:
    weekly = work("2026-03-03 23:00", "2026-03-04 01:00", "weekly")
    assert starts(weekly, "2026-03-20 00:00", 3) == ["03-24 23:00", "03-31 23:00", "04-07 23:00"]
    monthly = work("2026-01-31 03:00", "2026-01-31 04:00", "monthly")
    assert starts(monthly, "2026-01-31 12:00", 4) == [
        "02-28 03:00",
        "03-31 03:00",
        "04-30 03:00",
        "05-31 03:00",
    ]


def test_work_over_midnight_at_the_end_of_a_month_is_found_from_the_next_day() -> None:
    monthly = work("2026-01-31 23:00", "2026-02-01 03:00", "monthly")
    assert is_active(monthly, at("2026-03-01 02:00")) and not is_active(monthly, at("2026-03-01 03:00"))


def test_a_zone_that_nobody_knows_is_none() -> None:
    for name in ("Nowhere/Atall", "", "../etc/passwd", "Europe", "x\0y"):
        assert zone_of(name) is None
    assert zone_of("Europe/Vienna") is not None


def test_a_zone_that_is_gone_from_this_computer_is_taken_for_utc() -> None:
    nightly = work("2026-03-01 22:00", "2026-03-02 04:00", "daily", "UTC")
    lost = Maintenance(
        nightly.id, "Mast", nightly.starts_us, nightly.ends_us, repeat="daily", zone="Gone/Lost"
    )
    assert next_window(lost, at("2026-05-01 12:00")) == next_window(nightly, at("2026-05-01 12:00"))


ZONES = sorted(
    {"Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"} & available_timezones()
)


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["daily", "weekly", "monthly"]),
    st.integers(0, 365 * 24 * 60),
    st.integers(1, 20 * 60),
    st.integers(0, 900 * 24 * 60),
)
def test_windows_follow_each_other_and_one_that_is_on_holds_the_time(
    zone: str, repeat: Any, start_min: int, length_min: int, later_min: int
) -> None:
    begin = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=start_min)
    start_us = int(begin.timestamp()) * 1_000_000
    planned = Maintenance(
        UUID(int=1), "x", start_us, start_us + length_min * 60_000_000, repeat=repeat, zone=zone
    )
    now_us = start_us + later_min * 60_000_000
    window = next_window(planned, now_us)
    assert window is not None and window.starts_us < window.ends_us and now_us < window.ends_us
    assert is_active(planned, now_us) is (window.starts_us <= now_us)
    after = next_window(planned, window.ends_us)
    assert after is not None and after.starts_us >= window.ends_us - HOUR_US
    assert abs((after.ends_us - after.starts_us) - (window.ends_us - window.starts_us)) <= 2 * HOUR_US


def test_work_covers_what_any_list_of_its_scope_names() -> None:
    site = Site(UUID(int=50), "Hilltop", "North")
    here, there = device(1, site=site.id, tags=("mast",)), device(2)
    everything = inventory(site, here, there)
    for scope in (Scope(), Scope(regions=("North",)), Scope(sites=(site.id,)), Scope(tags=("mast",))):
        planned = work("2026-01-01 00:00", "2026-01-01 01:00", scope=scope)
        assert covers(planned, everything, here)
        assert covers(planned, everything, there) is (scope == Scope())

"""When planned work is on, and whom it covers. Counterpart: `watching.py` has its shape, `engine/judge/quiet.py` keeps the peace.

Theory: repeated work begins and ends at the same times of day in its zone, as people read them off a clock. Where the clocks
are changed RFC 5545 decides: a time that does not exist is read with the offset from before the change (02:30 becomes 03:30), of
a time that exists twice the first is meant; where that would leave nothing, the work lasts as long as it usually does. Monthly
work keeps its day of the month; in a month that is too short it is on the last day.
One rule: time is an argument, in microseconds UTC.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.alert_rules import is_in_scope
from domain.inventory import Device, Inventory
from domain.watching import Maintenance

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_DAYS = {"daily": 1, "weekly": 7}


class Window(NamedTuple):
    """One stretch of planned work; it is on from its start, and no more at its end."""

    starts_us: int
    ends_us: int


def is_active(work: Maintenance, at_us: int) -> bool:
    """Tell whether the work is on."""
    window = next_window(work, at_us)
    return window is not None and window.starts_us <= at_us


def next_window(work: Maintenance, at_us: int) -> Window | None:
    """Return the stretch that is on, else the next one; None where there will be no more."""
    return next((window for window in _windows(work, at_us) if at_us < window.ends_us), None)


def covers(work: Maintenance, inventory: Inventory, device: Device) -> bool:
    """Tell whether a device is in the work's scope."""
    return is_in_scope(work.scope, inventory, device)


def under_work(inventory: Inventory, now_us: int) -> tuple[frozenset[UUID], int | None]:
    """Return the devices that planned work covers now, and when that will be others; None where it stays so."""
    found: set[UUID] = set()
    turns = []
    for work in inventory.maintenances():
        window = next_window(work, now_us)
        if window is None:
            continue
        turns.append(window.starts_us if window.starts_us > now_us else window.ends_us)
        if window.starts_us <= now_us:
            found.update(device.id for device in inventory.devices() if covers(work, inventory, device))
    return frozenset(found), min(turns, default=None)


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo | None:
    """Return a zone by its IANA name; None where this computer knows none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown, a folder of zones, no name at all
        return None


def _windows(work: Maintenance, at_us: int) -> Iterator[Window]:
    """Go over the stretches around a time, the first that may be on then and some that follow, in order."""
    first = Window(work.starts_us, work.ends_us)
    if not work.repeat or at_us < first.ends_us:
        yield first
        return
    zone = zone_of(work.zone) or UTC  # `watch_rules.py` refuses a name that is none
    starts, ends = _local(work.starts_us, zone), _local(work.ends_us, zone)
    today = _local(at_us, zone).date()
    if work.repeat == "monthly":
        turn = 12 * (today.year - starts.year) + today.month - starts.month
        turns = range(max(1, turn - 1), turn + 3)
    else:
        turn = (today - starts.date()).days // _DAYS[work.repeat]
        turns = range(max(1, turn - 1), turn + 3)
    for number in turns:
        day = _day(work, starts.date(), number)
        began = datetime.combine(day, starts.time())
        ended = datetime.combine(day + (ends.date() - starts.date()), ends.time())
        start_us, end_us = _utc_us(began, zone), _utc_us(ended, zone)
        yield Window(start_us, end_us if end_us > start_us else start_us + work.ends_us - work.starts_us)


def _day(work: Maintenance, first: date, number: int) -> date:
    """Return the day on which the work begins for the `number`th time after the first."""
    if work.repeat != "monthly":
        return first + timedelta(days=number * _DAYS[work.repeat])
    year, month = divmod(12 * first.year + first.month - 1 + number, 12)
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))


def _local(at_us: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone).replace(tzinfo=None, fold=0)


def _utc_us(local: datetime, zone: tzinfo) -> int:
    """Return the moment a clock shows a time: with `fold` 0 a gap is read by what held before it, a repeat is the first."""
    return (local.replace(tzinfo=zone).astimezone(UTC) - _EPOCH) // _US

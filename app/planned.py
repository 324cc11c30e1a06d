"""Planned work as people say it, and who is under it; no Qt. Counterpart: `domain/maintenance.py` says when it is on.

One rule: times are those of this computer's clock; a form alone shows those of the work's own zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from app.words import UNKNOWN, age
from domain.inventory import Device, Inventory
from domain.maintenance import Window, covers, is_active, next_window, zone_of
from domain.watching import Maintenance, Repeat, Scope

State = Literal["running", "next", "past"]
REPEAT_WORDS: dict[Repeat, str] = {
    "": "once",
    "daily": "every day",
    "weekly": "every week",
    "monthly": "every month",
}
HOUR_US = 3_600_000_000
SOON_DAYS = 6
"""So many days ahead a weekday is enough."""
MORNING = time(6, 0)
_STATE_RANK: dict[State, int] = {"running": 0, "next": 1, "past": 2}
NAME_CHARS = 120
_WINDOWS_LOOKED_AT = 14


class Planned(NamedTuple):
    """Work, how it stands, and the stretch that is on, else the next, else the last there was."""

    work: Maintenance
    state: State
    window: Window

    @property
    def order(self) -> tuple[int, int]:
        """What is on first, what ends soonest on top; then what comes next; then what was, the newest on top."""
        at_us = {"running": self.window.ends_us, "next": self.window.starts_us, "past": -self.window.ends_us}
        return _STATE_RANK[self.state], at_us[self.state]


def planned(inventory: Inventory, now_us: int) -> list[Planned]:
    """Return all planned work in the order in which it is shown."""
    return sorted((planned_of(work, now_us) for work in inventory.maintenances()), key=lambda row: row.order)


def planned_of(work: Maintenance, now_us: int) -> Planned:
    """Return how one piece of work stands."""
    window = next_window(work, now_us)
    if window is None:
        return Planned(work, "past", Window(work.starts_us, work.ends_us))
    return Planned(work, "running" if window.starts_us <= now_us else "next", window)


def works_on(inventory: Inventory, device: Device, now_us: int) -> Iterator[Maintenance]:
    """Go over the work that is on and covers a device."""
    for work in inventory.maintenances():
        if is_active(work, now_us) and covers(work, inventory, device):
            yield work


# What is made of it


def work_in(id: UUID, name: str, scope: Scope, window: Window, zone: str) -> Maintenance:
    """Return work on something for a stretch of time."""
    return Maintenance(id, f"Work on {name}"[:NAME_CHARS].strip(), *window, scope, zone=zone)


def ended(work: Maintenance, now_us: int) -> Maintenance:
    """Return work that is over now; what is repeated is left to come again, at its next time.

    Monthly work goes on with the next month that has its day: else the 31st would become the 28th for ever.
    """
    window = next_window(work, now_us)
    if window is None or window.starts_us > now_us:
        return work
    if not work.repeat:
        return msgspec.structs.replace(work, ends_us=max(now_us, work.starts_us + 1))
    day = _day_of_month(work, work.starts_us)
    following: Window | None = window
    for _ in range(_WINDOWS_LOOKED_AT):
        following = next_window(work, following.ends_us) if following is not None else None
        if following is None:
            break
        if work.repeat != "monthly" or _day_of_month(work, following.starts_us) == day:
            return msgspec.structs.replace(work, starts_us=following.starts_us, ends_us=following.ends_us)
    return msgspec.structs.replace(work, repeat="", ends_us=max(now_us, work.starts_us + 1))


def till_morning_us(now_us: int) -> int:
    """Return when tomorrow's morning begins on this computer's clock."""
    tomorrow = datetime.fromtimestamp(now_us / 1e6).date() + timedelta(days=1)
    return int(datetime.combine(tomorrow, MORNING).timestamp()) * 1_000_000


def _day_of_month(work: Maintenance, at_us: int) -> int:
    return datetime.fromtimestamp(at_us / 1e6, zone_of(work.zone)).day


# In words


def when_words(row: Planned, now_us: int) -> str:
    """Return when work is: "Tomorrow 02:00–04:00, every week", "Until 04:00, 40 min left", "12 May 02:00–04:00"."""
    window, repeat = row.window, row.work.repeat
    if row.state == "running":
        said = f"Until {time_words(window.ends_us, now_us)}, {age((window.ends_us - now_us) / 1e6)} left"
    else:
        said = window_words(window, now_us)
    return f"{said}, {REPEAT_WORDS[repeat]}" if repeat else said


def window_words(window: Window, now_us: int) -> str:
    """Return a stretch of time: "Today 02:00–04:00", "Fri 15 May 22:00 – Sat 16 May 04:00"."""
    start, end = (datetime.fromtimestamp(at_us / 1e6) for at_us in window)
    day = _day(start, now_us)
    if start.date() == end.date():
        return f"{day} {start:%H:%M}{UNKNOWN}{end:%H:%M}"
    return f"{day} {start:%H:%M} {UNKNOWN} {_day_within(end, now_us)} {end:%H:%M}"


def time_words(at_us: int, now_us: int) -> str:
    """Return a time as it stands within a line: "04:00", "tomorrow 04:00"."""
    at, now = datetime.fromtimestamp(at_us / 1e6), datetime.fromtimestamp(now_us / 1e6)
    return f"{at:%H:%M}" if at.date() == now.date() else f"{_day_within(at, now_us)} {at:%H:%M}"


def _day_within(at: datetime, now_us: int) -> str:
    """Return a day as it stands within a line."""
    said = _day(at, now_us)
    return said if at.strftime("%b") in said else said.lower()


def _day(at: datetime, now_us: int) -> str:
    now = datetime.fromtimestamp(now_us / 1e6)
    ahead = (at.date() - now.date()).days
    if ahead in (0, 1, -1):
        return {0: "Today", 1: "Tomorrow", -1: "Yesterday"}[ahead]
    year = f" {at:%Y}" if at.year != now.year else ""
    weekday = f"{at:%a} " if 0 < ahead <= SOON_DAYS else ""
    return f"{weekday}{at.day} {at:%b}{year}"

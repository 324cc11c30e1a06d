"""Moments as people say and type them; no Qt. Counterpart: the label on the map, the field "go to".

One rule: what is typed is local time, as everything on the screen is; what cannot be read is None and never a guess.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from app.words import age

TYPED_CAP = 64
"""Longest text that is read as a time."""
LEAST_YEAR, MOST_YEAR = 1990, 2200
_BACK = re.compile(r"[-\u2212]\s*(\d{1,5})\s*(s|sec|m|min|h|d|w)", re.IGNORECASE)
_AGO = re.compile(r"(\d{1,5})\s*(s|sec|m|min|h|d|w)\s+ago", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:(today|yesterday|mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?(\d{1,2}):(\d{2})(?::(\d{2}))?",
    re.IGNORECASE,
)
_UNIT_S = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORMS = ("%Y-%m-%d", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y")


def label_of(at_us: int, now_us: int) -> str:
    """Return a moment whole: 22:14:05, Friday 20 November - 14 h ago; with the year where it is another."""
    at, now = datetime.fromtimestamp(at_us / 1e6), datetime.fromtimestamp(now_us / 1e6)
    year = f" {at.year}" if at.year != now.year else ""
    return f"{at:%H:%M:%S}, {at:%A} {at.day} {at:%B}{year} \u2013 {age((now_us - at_us) / 1e6)} ago"


def stamp_of(at_us: int) -> str:
    """Return a moment as it stands in a file's name: 2026-11-20 221405."""
    return f"{datetime.fromtimestamp(at_us / 1e6):%Y-%m-%d %H%M%S}"


def read_time(text: str, now_us: int) -> int | None:
    """Return the moment that is meant: "-2h", "40 min ago", "22:14", "yesterday 22:14", "Fri 02:00", ISO 8601; None for others.

    A time of day without a day is the last one that was.
    """
    said = text.strip()
    if not said or len(said) > TYPED_CAP or (not said.isascii() and "\u2212" not in said):
        return None
    if said.casefold() == "now":
        return now_us
    if found := _BACK.fullmatch(said) or _AGO.fullmatch(said):
        return now_us - int(found[1]) * _UNIT_S[found[2].casefold()] * 1_000_000
    now = datetime.fromtimestamp(now_us / 1e6)
    if found := _CLOCK.fullmatch(said):
        return _clock_us(found, now)
    return _date_us(said)


def _clock_us(found: re.Match[str], now: datetime) -> int | None:
    day, hour, minute, second = found[1], int(found[2]), int(found[3]), int(found[4] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    at = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if day is None:
        at -= timedelta(days=1 if at > now else 0)
    elif day.casefold() == "yesterday":
        at -= timedelta(days=1)
    elif day.casefold() != "today":
        back = (now.weekday() - _DAYS.index(day.casefold())) % 7
        at -= timedelta(days=7 if back == 0 and at > now else back)
    return _as_us(at)


def _date_us(said: str) -> int | None:
    try:
        return _as_us(datetime.fromisoformat(said))
    except (ValueError, OverflowError):
        pass
    for form in _FORMS:
        try:
            return _as_us(datetime.strptime(said, form))
        except (ValueError, OverflowError):
            continue
    return None


def _as_us(at: datetime) -> int | None:
    if not LEAST_YEAR <= at.year <= MOST_YEAR:
        return None
    try:
        return round(at.timestamp() * 1e6)
    except (OverflowError, OSError, ValueError):
        return None

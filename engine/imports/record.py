"""What every reader makes of a file: records of plain text and places. Counterpart: `planning.py` makes changes of them.

One rule: a reader decides nothing about the inventory; it says what the file says, and where.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from domain.exchanging import RECORDS_CAP
from domain.geometry import is_place
from domain.text import clean_text

FIELDS_CAP = 100
"""Most properties kept of one thing."""
VALUE_CAP = 4_000
NAME_CAP = 120
POINTS_CAP = 20_000
"""Most points of one line."""

NAME_FIELDS = ("name", "title", "label", "hostname", "identity", "device", "sysname")


class CannotRead(Exception):
    """A file is not what it says it is, in words for a person: what, where, got, expected."""


class Record(NamedTuple):
    """One thing of a file. `fields` by lower-case name; `places` as (lng, lat): none, one, or those of a line.

    `key` is its id within the file ("" without one), `ends` are the keys of what it joins.
    """

    where: str
    name: str
    fields: dict[str, str]
    places: tuple[tuple[float, float], ...] = ()
    key: str = ""
    ends: tuple[str, str] | None = None
    folder: str = ""
    is_area: bool = False


def fields_from(pairs: Iterator[tuple[str, object]]) -> dict[str, str]:
    """Return properties as clean text by their lower-case names, the first of each name, at most FIELDS_CAP."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key = clean_text(name, 80).casefold().replace(" ", "_").replace("-", "_")
        text = _text_of(value)
        if key and text and key not in found:
            found[key] = text
            if len(found) == FIELDS_CAP:
                break
    return found


def name_in(fields: dict[str, str]) -> str:
    """Return what a thing is called by the first property that names things, or ""."""
    return next((clean_text(fields[key], NAME_CAP) for key in NAME_FIELDS if key in fields), "")


def place_from(lng: object, lat: object, where: str) -> tuple[float, float]:
    """Return a place. Raises CannotRead for what is none."""
    try:
        found = float(str(lng)), float(str(lat))
    except ValueError:
        found = (math.nan, math.nan)
    if not is_place(*found):
        got = clean_text(f"{lng}, {lat}", 60)
        raise CannotRead(f"{where}: a place as longitude and latitude in degrees expected, got {got!r}")
    return found


def capped(records: Iterator[Record]) -> list[Record]:
    """Return all records. Raises CannotRead where they are too many."""
    found: list[Record] = []
    for record in records:
        if len(found) == RECORDS_CAP:
            raise CannotRead(f"more than {RECORDS_CAP:,} things: import the file in pieces")
        found.append(record)
    return found


def check_length(places: int, where: str) -> None:
    """Raise CannotRead for a line with too many points."""
    if places > POINTS_CAP:
        raise CannotRead(f"{where}: a line of {places:,} points, at most {POINTS_CAP:,} expected")


def _text_of(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    lines = (clean_text(line, VALUE_CAP) for line in str(value)[:VALUE_CAP].splitlines())
    return "\n".join(lines).strip()[:VALUE_CAP]

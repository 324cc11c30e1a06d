"""A message on its way to the page: cut into parts and laid out by columns. Counterpart: `map_assets/src/parts.js`.

Theory: a whole network is 120,000 rows. Told row by row, keys and ids were most of 17.6 MB, and each of them became a string
twice, in the page and in the worker beside it. Told by columns a key stands once, and a thing that the message has told already
is named by its number: the devices in their order, then the links.
One rule: nothing else knows of columns; both sides of the way speak of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Row = dict[str, Any]
ROWS_MOST = 2_000
"""Rows in one message: the page may not stand still while it reads."""
COLUMNS = {
    "devices": ("id", "name", "role", "lng", "lat"),
    "links": ("id", "a", "b", "kind", "capacity_bps"),
    "health": ("id", "status", "since_us"),
    "loads": ("id", "status", "ab_bps", "ba_bps", "ab_class", "ba_class"),
}
"""What each row of a table has."""
SOMETIMES = {"links": "path", "health": "cause", "loads": "lag"}
"""What few rows of a table have: told by the row's place, where there is any."""
TELLS = frozenset({"devices", "links"})
"""Tables whose ids are numbered as they are told."""
NAMES = frozenset({("links", "a"), ("links", "b"), ("health", "id"), ("loads", "id")})
"""Columns of things that may have been told already."""


def parts(message: Row) -> Iterator[Row]:
    """Cut a message into some that the page reads without a halt: rows first, what is not rows with the last. All but that
    say `more`."""
    rest = dict(message)
    rows = {key: rest.pop(key) for key in ("gone", *COLUMNS) if key in rest}
    part: Row = {"reset": True} if rest.pop("reset", False) else {}
    told: dict[int, int] = {}
    room = ROWS_MOST
    for key, found in rows.items():
        at = 0
        while at < len(found):
            if room == 0:
                yield part | {"more": True}
                part, room = {}, ROWS_MOST
            some = found[at : at + room]
            part[key] = some if key == "gone" else _columns(key, some, told)
            at, room = at + len(some), room - len(some)
    yield part | rest


def _columns(table: str, rows: Sequence[Row], told: dict[int, int]) -> Row:
    """Lay out rows by columns; `told` has the number of each thing that was told, by its id as an integer (a UUID hashes ten
    times as slowly), and gets those of these."""
    if table in TELLS:
        told.update({row["id"].int: i for i, row in enumerate(rows, len(told))})
    columns: Row = {
        name: [told.get((id := row[name]).int, id) for row in rows]
        if (table, name) in NAMES
        else [row[name] for row in rows]
        for name in COLUMNS[table]
    }
    sometimes = SOMETIMES.get(table)
    if sometimes and (few := {i: value for i, row in enumerate(rows) if (value := row.get(sometimes))}):
        columns[sometimes] = few
    return columns

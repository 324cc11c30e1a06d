"""How lists are narrowed: conditions with their arguments, words, boxes. Counterpart: `devices_in_box` and the like.

Theory: PostGIS' and pg_trgm's operators are not leakproof, so their indexes are not used under row-level security; the functions
that look up run past it and ask for the tenant themselves. They know nothing of reach, so what they find is only ever a
condition on rows that the policies guard.
One rule: a condition is a text of ours; what somebody sent goes into an argument.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from sync_server.api.errors import refused
from sync_server.api.pages import Page

FOUND_CAP = 100_000
"""Most things that one look-up gives."""
WORDS_CAP = 8
WORDS_CHARS = 200
_ANYTHING = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})

Words = Annotated[
    str, Query(max_length=WORDS_CHARS, description="words that name, address or note hold, in any order")
]
Box = Annotated[
    str,
    Query(
        max_length=120,
        description="west,south,east,north in degrees; west may be greater than east, over the antimeridian",
        pattern=r"^$|^-?\d{1,3}(\.\d{1,15})?(,-?\d{1,3}(\.\d{1,15})?){3}$",
    ),
]


class Where:
    """The conditions of a list, joined by AND."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []
        self._parts: list[str] = []

    def add(self, condition: str, *arguments: object) -> None:
        """Add a condition in which `{0}`, `{1}` … stand for the arguments."""
        first = len(self.arguments) + 1
        self.arguments += arguments
        self._parts.append(condition.format(*(f"${first + place}" for place in range(len(arguments)))))

    def add_given(self, condition: str, argument: object) -> None:
        """Add a condition where its argument is given: neither None nor empty."""
        if argument is not None and argument != "":
            self.add(condition, argument)

    def __str__(self) -> str:
        return " AND ".join(f"({part})" for part in self._parts) or "true"


def add_after(where: Where, page: Page) -> None:
    """Hold rows, ordered by name and id, to those behind the former page."""
    if (key := page.key(tuple[str, UUID])) is not None:
        where.add("(t.name, t.id) > ({0}, {1})", *key)


def add_words(where: Where, function: str, words: str) -> None:
    """Hold rows to those that a look-up finds by words."""
    found = words.split()
    if len(found) > WORDS_CAP:
        raise refused("INVALID_INPUT", f"at most {WORDS_CAP} words expected, got {len(found)}", "q")
    if found:
        patterns = [f"%{word.translate(_ANYTHING)}%" for word in sorted(found, key=len, reverse=True)]
        where.add(
            f"t.id IN (SELECT id FROM {function}((SELECT array_agg(lower(p)) FROM unnest({{0}}::text[]) p), {FOUND_CAP}))",
            patterns,
        )


def add_box(where: Where, function: str, box: str, or_else: str = "") -> None:
    """Hold rows to those that a look-up finds in a box, or for which `or_else` holds: in it `{0}` to `{3}` are the edges."""
    if not box:
        return
    west, south, east, north = (float(part) for part in box.split(","))
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise refused("INVALID_INPUT", "west,south,east,north in degrees expected, south below north", "bbox")
    edges = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    inside = f"t.id IN ({in_boxes(function)})"
    where.add(
        f"{inside} OR {or_else}" if or_else else inside,
        [low for low, _ in edges],
        [south] * len(edges),
        [high for _, high in edges],
        [north] * len(edges),
    )


def in_boxes(function: str) -> str:
    """Return the query of the ids that a look-up finds in the boxes whose edges are `{0}` to `{3}`."""
    boxes = "unnest({0}::float8[], {1}::float8[], {2}::float8[], {3}::float8[]) AS b (w, s, e, n)"
    return f"SELECT f.id FROM {boxes}, {function}(b.w, b.s, b.e, b.n, {FOUND_CAP}) f"

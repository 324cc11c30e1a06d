"""How lists are narrowed: conditions with their arguments, words, boxes. Counterpart: `devices_in_box` and the like.

Theory: PostGIS' and pg_trgm's operators are not leakproof, so their indexes are not used under row-level security; the functions
that look up run past it and ask for the tenant themselves. They know nothing of reach, so what they find is only ever a
condition on rows that the policies guard. What stands in a box comes in the order of names, and no more of it than a page has
where nothing else narrows the list.
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

    @property
    def is_empty(self) -> bool:
        """Whether nothing is narrowed."""
        return not self._parts

    def add(self, condition: str, *arguments: object) -> None:
        """Add a condition in which `{0}`, `{1}` … stand for the arguments."""
        self._parts.append(self.filled(condition, *arguments))

    def filled(self, text: str, *arguments: object) -> str:
        """Return a text in which `{0}`, `{1}` … are the places of the arguments, which are taken."""
        first = len(self.arguments) + 1
        self.arguments += arguments
        return text.format(*(f"${first + place}" for place in range(len(arguments))))

    def add_given(self, condition: str, argument: object) -> None:
        """Add a condition where its argument is given: neither None nor empty."""
        if argument is not None and argument != "":
            self.add(condition, argument)

    def __str__(self) -> str:
        return " AND ".join(f"({part})" for part in self._parts) or "true"


def page_of(table: str, where: Where, page: Page, box: str = "", *, is_whole: bool = False) -> str:
    """Return the query of a page's rows by name and one more, as `t`; in a box where one is given.

    `is_whole`: the asker reaches all that is there, so that what a look-up finds is not narrowed by that. Raises RefusedByRule.
    """
    after = page.key(tuple[str, UUID])
    rows = page.limit + 1
    if not box:
        if after is not None:
            where.add("(t.name, t.id) > ({0}, {1})", *after)
        return f"SELECT * FROM {table} t WHERE {where} ORDER BY t.name, t.id LIMIT {rows}"
    cap = rows if is_whole and where.is_empty else FOUND_CAP
    look_up = f"SELECT f.id, f.name FROM {table}s_in_box({{0}}, {{1}}, {{2}}, {{3}}, {{4}}, {{5}}, {cap}) f"
    found = " UNION ".join(where.filled(look_up, *edges, *(after or (None, None))) for edges in edges_of(box))
    return f"""
        SELECT t.* FROM (SELECT * FROM ({found}) AS f ORDER BY f.name, f.id) AS f
        CROSS JOIN LATERAL (SELECT * FROM {table} t WHERE t.id = f.id AND {where} OFFSET 0) AS t
        ORDER BY f.name, f.id LIMIT {rows}
    """


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


def edges_of(box: str) -> list[tuple[float, float, float, float]]:
    """Return west, south, east, north of a box, of two where it spans the antimeridian. Raises RefusedByRule."""
    west, south, east, north = (float(part) for part in box.split(","))
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise refused("INVALID_INPUT", "west,south,east,north in degrees expected, south below north", "bbox")
    if west <= east:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]

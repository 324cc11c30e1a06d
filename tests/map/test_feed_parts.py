"""What the page is told in parts: nothing lost, nothing doubled, in an order that it can take."""

from __future__ import annotations

from typing import Any

import pytest

from app.map.feed import ROWS_MOST, parts


def rows(name: str, count: int) -> list[dict[str, Any]]:
    return [{"id": f"{name}{i}"} for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, ROWS_MOST - 1, ROWS_MOST, ROWS_MOST + 1, 3 * ROWS_MOST + 7])
def test_a_message_comes_whole_in_parts_that_are_short(count: int) -> None:
    message = {"theme": "dark", "reset": True, "select": None, "stamp_us": 5}
    tables = {
        "devices": rows("d", count),
        "links": rows("l", 2 * count),
        "health": rows("h", count),
        "loads": [],
    }
    found = list(parts(message | tables))
    for table, wanted in tables.items():
        assert [row for part in found for row in part.get(table, [])] == wanted
    assert all(sum(len(part.get(table, [])) for table in tables) <= ROWS_MOST for part in found)
    assert [part.get("more", False) for part in found] == [True] * (len(found) - 1) + [False]
    assert ["reset" in part for part in found] == [True] + [False] * (len(found) - 1)
    assert found[-1]["theme"] == "dark"
    assert all("stamp_us" not in part for part in found[:-1])


def test_what_has_no_rows_is_one_message_as_it_is() -> None:
    assert list(parts({"select": None})) == [{"select": None}]
    assert list(parts({"gone": ["a"], "fit": True})) == [{"gone": ["a"], "fit": True}]

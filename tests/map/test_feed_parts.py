"""What the page is told in parts: nothing lost, nothing doubled, in an order that it can take, and its numbers mean what they
are to. Counterpart: `js/parts.test.js`, which reads them as the page does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.map_parts import COLUMNS, ROWS_MOST, SOMETIMES, parts
from tests.map.networks import id_of

Row = dict[str, Any]


def devices(count: int) -> list[Row]:
    return [
        {"id": id_of(f"d{i}"), "name": f"D{i}", "role": "access", "lng": i / 7, "lat": i / 9}
        for i in range(count)
    ]


def links(count: int) -> list[Row]:
    return [
        {
            "id": id_of(f"l{i}"), "a": id_of(f"d{i // 2}"), "b": id_of(f"far{i}"), "kind": "fibre", "capacity_bps": i,
            "path": [(1.0, 2.0)] if i % 5 == 1 else [],
        }
        for i in range(count)
    ]  # fmt: skip


def healths(count: int) -> list[Row]:
    rows: list[Row] = [{"id": id_of(f"d{i}"), "status": "up", "since_us": i} for i in range(count)]
    for row in rows[3::4]:
        row |= {"status": "affected", "cause": id_of("d0")}
    return rows


def loads(count: int) -> list[Row]:
    classes = {"ab_class": 1, "ba_class": None}
    return [
        {"id": id_of(f"l{i}"), "status": "up", "ab_bps": 1.5, "ba_bps": None, **classes} for i in range(count)
    ]


def read(found: list[Row]) -> dict[str, list[Row]]:
    """Return the rows of all parts, as the page makes them."""
    told: list[UUID] = []
    tables: dict[str, list[Row]] = {key: [] for key in COLUMNS}
    for part in found:
        for table in [key for key in COLUMNS if key in part]:
            columns = part[table]
            if table in ("devices", "links"):
                told += columns["id"]
            for i in range(len(columns["id"])):
                row = {name: columns[name][i] for name in COLUMNS[table]}
                for name in ("id", "a", "b"):
                    if isinstance(row.get(name), int):
                        row[name] = told[row[name]]
                few = SOMETIMES.get(table, "")
                if i in columns.get(few, {}):
                    row[few] = columns[few][i]
                elif few == "path":
                    row[few] = []
                tables[table].append(row)
    return tables


def size(part: Row) -> int:
    return sum(len(part[table]["id"]) for table in COLUMNS if table in part) + len(part.get("gone", []))


@pytest.mark.parametrize("count", [0, 1, ROWS_MOST - 1, ROWS_MOST, ROWS_MOST + 1, 3 * ROWS_MOST + 7])
def test_a_message_comes_whole_in_parts_that_are_short(count: int) -> None:
    message = {"theme": "dark", "reset": True, "select": None, "stamp_us": 5}
    tables = {
        "devices": devices(count),
        "links": links(2 * count),
        "health": healths(count),
        "loads": loads(2 * count),
    }
    found = list(parts(message | tables))
    assert read(found) == tables
    assert all(size(part) <= ROWS_MOST for part in found)
    assert [part.get("more", False) for part in found] == [True] * (len(found) - 1) + [False]
    assert ["reset" in part for part in found] == [True] + [False] * (len(found) - 1)
    assert found[-1]["theme"] == "dark"
    assert all("stamp_us" not in part for part in found[:-1])


def test_what_was_told_is_named_by_its_number_and_all_else_by_its_id() -> None:
    [part] = parts({"devices": devices(2), "links": links(1), "health": healths(3), "loads": loads(2)})
    assert part["links"]["a"] == [0]
    assert part["links"]["b"] == [id_of("far0")]
    assert part["health"]["id"] == [0, 1, id_of("d2")]
    assert part["loads"]["id"] == [2, id_of("l1")]
    [alone] = parts({"health": healths(1)})
    assert alone["health"]["id"] == [id_of("d0")]


def test_what_has_no_rows_is_one_message_as_it_is() -> None:
    assert list(parts({"select": None})) == [{"select": None}]
    assert list(parts({"gone": ["a"], "fit": True})) == [{"gone": ["a"], "fit": True}]

"""The timeline: what happened between two moments, of some things, of some kinds, page by page, each from an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from domain.journal import JournalRow
from engine.storage import Batch, Mark, Store
from tests.engine.stores import NOW_US, open_store

A, B = UUID(int=1), UUID(int=2)
OTHER_ORIGIN = UUID(int=42)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "net.sqlite")
    yield opened
    opened.close()


def row(
    store: Store, seq: int, kind: str, subject: UUID | None = None, after_us: int | None = None, **body: Any
) -> JournalRow:
    at_us = NOW_US + (10 * seq if after_us is None else after_us)
    return JournalRow(store.loaded.origin, seq, at_us, kind, subject, body)  # type: ignore[arg-type]


def mark(row: JournalRow) -> Mark:
    return Mark(row.at_us, row.origin, row.seq)


@pytest.fixture
def told(store: Store) -> list[JournalRow]:
    rows = [
        row(store, 1, "engine_started"),
        row(store, 2, "edit_applied", A, title="Move A"),
        row(store, 3, "syslog", A, text="rebooting"),
        row(store, 4, "syslog", B, text="hello"),
        row(store, 5, "edit_applied", None, title="Both", touched=[["device", str(A)], ["device", str(B)]]),
        row(store, 6, "status", A, was="up", status="down", reason=""),
        row(store, 7, "alert_opened", A, rule="device_down"),
        row(store, 8, "trap", B, text="linkDown"),
    ]
    store.write(Batch(journal=rows))
    return rows


def seqs(rows: list[JournalRow]) -> list[int]:
    return [row.seq for row in rows]


def test_rows_of_a_range_come_newest_first_both_ends_in_it(store: Store, told: list[JournalRow]) -> None:
    assert store.events_between(NOW_US + 30, NOW_US + 60) == told[5:1:-1]
    assert store.events_between(NOW_US + 61, NOW_US + 69) == []
    assert seqs(store.events_between(0, 2 * NOW_US, limit=3)) == [8, 7, 6]


@pytest.mark.parametrize(
    ("subjects", "kinds", "found"),
    [
        ([A], None, [7, 6, 5, 3, 2]),
        ([B], None, [8, 5, 4]),
        ([A, B], None, [8, 7, 6, 5, 4, 3, 2]),
        ([], None, []),
        (None, ["edit_applied"], [5, 2]),
        (None, ["edit_applied", "syslog"], [5, 4, 3, 2]),
        (None, [], []),
        ([B], ["syslog", "trap"], [8, 4]),
        ([B], ["edit_applied"], [5]),
        ([UUID(int=77)], None, []),
    ],
)
def test_rows_are_of_the_things_and_kinds_that_are_asked_for_and_an_edit_of_all_it_touched(
    store: Store,
    told: list[JournalRow],
    subjects: list[UUID] | None,
    kinds: list[str] | None,
    found: list[int],
) -> None:
    assert seqs(store.events_between(0, 2 * NOW_US, subjects=subjects, kinds=kinds)) == found


def test_pages_go_down_and_up_without_gap_or_double_where_many_rows_have_one_time(store: Store) -> None:
    rows = [row(store, seq, ("syslog", "trap")[seq % 2], A, after_us=seq // 7) for seq in range(1, 60)]
    foreign = [JournalRow(OTHER_ORIGIN, seq, NOW_US + seq // 5, "syslog", A, {}) for seq in range(1, 30)]
    store.write(Batch(journal=rows + foreign))
    whole = store.events_between(0, 2 * NOW_US, limit=1_000)
    assert whole == sorted(rows + foreign, key=lambda r: (r.at_us, r.origin.bytes, r.seq), reverse=True)
    down: list[JournalRow] = []
    while page := store.events_between(0, 2 * NOW_US, limit=9, before=mark(down[-1]) if down else None):
        down += page
    assert down == whole
    up = [whole[-1]]
    while page := store.events_between(0, 2 * NOW_US, limit=9, after=mark(up[0])):
        up = page + up
    assert up == whole


def test_the_newest_rows_come_by_number_even_where_the_clock_was_set_back(store: Store) -> None:
    rows = [row(store, 1, "syslog", A, after_us=0), row(store, 2, "syslog", A, after_us=-3_600_000_000)]
    store.write(Batch(journal=rows))
    assert seqs(store.journal(None, 9)) == seqs(store.journal(A, 9)) == [2, 1]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"kinds": ["edit_applied", "syslog"]},
        {"subjects": [A, B]},
        {"subjects": [A], "kinds": ["syslog"]},
        {"before": Mark(NOW_US, A, 3)},
        {"after": Mark(NOW_US, A, 3)},
    ],
)
def test_no_question_sorts_or_walks_the_whole_journal(store: Store, wanted: Any) -> None:
    said: list[tuple[str, Any]] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        said.append((statement, parameters))

    engine = store._connection.engine
    event.listen(engine, "before_cursor_execute", listen)
    store.events_between(0, NOW_US, **wanted)
    store.journal(None, 9)
    store.state_at(NOW_US)
    event.remove(engine, "before_cursor_execute", listen)
    asked = [(text, values) for text, values in said if "FROM journal" in text]
    assert asked
    for statement, parameters in asked:
        with store._transaction() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        steps = [step[3] for step in plan]
        assert not any("TEMP B-TREE" in step or step.startswith("SCAN journal") for step in steps), steps

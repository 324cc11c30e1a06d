"""What ran when an engine died: found at the next start, and ended as interrupted."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from domain.journal import JournalRow, RowKind
from engine.journal import JournalPen
from engine.operations import end_interrupted
from engine.storage import Batch
from tests.engine.stores import NOW_US, open_store


def test_operations_that_never_ended_are_found_until_they_are_ended(tmp_path: Path) -> None:
    store = open_store(tmp_path / "network.db")

    def turn(seq: int, kind: RowKind, id: int, origin: UUID | None = None) -> JournalRow:
        told = {"kind": "sweep", "title": "Sweep of 10.0.0.0/24"}
        return JournalRow(origin or store.loaded.origin, seq, NOW_US + seq, kind, UUID(int=id), told)

    began: RowKind = "operation_started"
    ended: RowKind = "operation_ended"
    store.write(Batch(journal=[turn(1, began, 1), turn(2, began, 2), turn(3, ended, 1), turn(4, began, 3)]))
    store.write(Batch(journal=[turn(1, began, 9, UUID(int=77))]))
    left = store.unended_operations()
    assert [row.subject for row in left] == [UUID(int=2), UUID(int=3)], "another install's own are its affair"
    rows = end_interrupted(left, JournalPen(store.loaded.origin, 5), NOW_US + 9)
    assert [(row.subject, row.body["state"], row.body["title"]) for row in rows] == [
        (UUID(int=2), "interrupted", "Sweep of 10.0.0.0/24"),
        (UUID(int=3), "interrupted", "Sweep of 10.0.0.0/24"),
    ]
    store.write(Batch(journal=rows))
    assert store.unended_operations() == []
    store.close()

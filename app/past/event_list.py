"""What happened in a span as a table, for the post-mortem beside the pictures. Counterpart: `QueryTimeline`.

One rule: times are UTC here, because a file travels.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from app.model import Model
from app.panels.timeline_model import event_of
from app.topology.table_file import as_csv
from domain.asking import TIMELINE_CAP, QueryTimeline, RowMark
from domain.journal import JournalRow
from domain.wire import Reply, ToEngine

ROWS_CAP = 20_000
"""Most rows of a list: the newest."""
HEADS = ("time (UTC)", "kind", "what", "event")


class Asks(Protocol):
    """What is asked for the rows."""

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        """Ask; `then` gets the one reply."""


def gather_events(asks: Asks, from_us: int, to_us: int, then: Callable[[list[JournalRow]], None]) -> None:
    """Ask for all rows of a span, page by page; `then` gets them once, the newest first."""
    found: list[JournalRow] = []

    def ask(mark: RowMark | None) -> None:
        asks.request(
            lambda number: QueryTimeline(number, from_us, to_us, None, None, TIMELINE_CAP, before=mark), take
        )

    def take(reply: Reply) -> None:
        rows = msgspec.convert(reply.result.get("rows", []), list[JournalRow])
        found.extend(rows)
        if len(rows) < TIMELINE_CAP or len(found) >= ROWS_CAP:
            then(found[:ROWS_CAP])
        else:
            last = rows[-1]
            ask(RowMark(last.at_us, last.origin, last.seq))

    ask(None)


def list_of(model: Model, rows: list[JournalRow]) -> str:
    """Return rows as CSV, the oldest first, in the words of the timeline."""
    told = []
    for row in reversed(rows):
        event = event_of(model, row)
        at = (
            datetime.fromtimestamp(row.at_us / 1e6, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )
        told.append(
            (at, row.kind, event.name if event else "", event.words if event else row.kind.replace("_", " "))
        )
    return as_csv(HEADS, told)

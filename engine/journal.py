"""Writes journal rows with this install's next number. Counterpart: `judge/` and `requests.py`, which say what happened.

One rule: a number is given once and every row that got one goes to the storage, so that (origin, seq) has no gaps.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.journal import JournalRow, RowKind


class JournalPen:
    """Numbers rows from where the storage left off."""

    def __init__(self, origin: UUID, next_seq: int) -> None:
        self.origin = origin
        self._next_seq = next_seq

    @property
    def last_seq(self) -> int:
        """The number that was given last."""
        return self._next_seq - 1

    def skip_to(self, last_seq: int) -> None:
        """Give no number up to this one: they were given by an older life of this install."""
        self._next_seq = max(self._next_seq, last_seq + 1)

    def row(self, at_us: int, kind: RowKind, subject: UUID | None, /, **body: Any) -> JournalRow:
        """Return the next row; `body` is plain data."""
        seq = self._next_seq
        self._next_seq += 1
        return JournalRow(self.origin, seq, at_us, kind, subject, body)

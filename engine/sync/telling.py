"""Which rows of this install's journal its server has, and which are told next. Counterparts: `domain/sync.py`, `client.py`.

Pure. Theory: rows are numbered without a gap and stay on disk, so the number of the last that the server keeps is all that there
is to know: whatever is lost on the way is told again from there, and told twice is harmless. One piece is out at a time.
One rule: what lies behind a gap is not told, for it could never be known again what was in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.journal import JournalRow
from domain.sync import ROWS_PER_TELL, Kept


class Telling:
    """How far the journal is told. `newest_seq` is the last row that is on disk here, `kept_seq` the last that the server has."""

    def __init__(self, kept_seq: int, newest_seq: int) -> None:
        self.kept_seq = kept_seq
        self.newest_seq = newest_seq
        self._out: int | None = None

    @property
    def untold(self) -> int:
        """How many rows the server has not."""
        return max(0, self.newest_seq - self.kept_seq)

    @property
    def is_behind(self) -> bool:
        """Whether the server has rows that are not here: this profile is an older copy, and its next row has to be numbered after
        `kept_seq`, for those numbers are used."""
        return self.kept_seq > self.newest_seq

    def on_written(self, seq: int) -> None:
        """A row is on disk."""
        self.newest_seq = max(self.newest_seq, seq)

    def open(self, kept_seq: int) -> None:
        """A connection began: the server says what it has, which after a restore is less than it had."""
        self.kept_seq = kept_seq
        self._out = None

    def wanted(self) -> tuple[int, int] | None:
        """Return after which row and up to which one is to be told now; None where nothing is, or a piece is out."""
        if self._out is not None or not self.untold:
            return None
        return self.kept_seq, min(self.kept_seq + ROWS_PER_TELL, self.newest_seq)

    def piece(self, number: int, rows: Sequence[JournalRow]) -> tuple[JournalRow, ...]:
        """Return those of `rows`, in order, that are told as piece `number`: without a gap after the last that is kept."""
        told = [row for place, row in enumerate(rows, self.kept_seq + 1) if row.seq == place]
        self._out = number if told else None
        return tuple(told)

    def on_kept(self, kept: Kept) -> None:
        """The server answered a piece: it is on its disk, or it has no room now. An answer to another piece changes nothing."""
        if kept.number != self._out:
            return
        self._out = None
        if kept.retry_after_s <= 0:
            self.kept_seq = max(self.kept_seq, kept.kept_seq)

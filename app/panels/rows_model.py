"""Rows of any kind as a table that sorts, searches and keeps calm. Counterpart: `rows_table.py` paints it.

Theory: a table is described by its columns, each a few functions of a row; a row is any value with a `key`. New rows that
are the same as before cost nothing, changed ones repaint themselves, and only where rows come or go is the table made anew.
One rule: live numbers do not make rows jump: while somebody reads, the order is taken anew every few seconds at most.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.words import UNKNOWN

Index = QModelIndex | QPersistentModelIndex
SORTED_AGAIN_S = 5.0
UP, DOWN = "↑", "↓"
_DIGITS = re.compile(r"(\d+)")


class Keyed(Protocol):
    """What a row must have."""

    @property
    def key(self) -> str:
        """What makes it the same row, however often it is told anew."""


class Column(NamedTuple):
    """One column. `said` is a cell's text; the unit stands in `title`.

    `width_px` 0: it takes what is left (one column does). `rank`: where room is short the highest go first. `order`: what it
    is sorted by, None last; without it the text. `status`: a symbol before the text; `quiet`: words after it. `share`: how
    full the bar under a number is, 0 to 1. `is_link`: a click leads somewhere.
    """

    title: str
    said: Callable[[Any], str]
    width_px: int = 0
    rank: int = 0
    order: Callable[[Any], Any] | None = None
    is_text: bool = False
    status: Callable[[Any], str] | None = None
    quiet: Callable[[Any], str] | None = None
    share: Callable[[Any], float | None] | None = None
    is_link: Callable[[Any], bool] | None = None
    is_old: Callable[[Any], bool] | None = None


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return what sorts ether2 before ether10."""
    parts = _DIGITS.split(text.casefold())
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in parts if part)


def count_column(title: str, name: str, width_px: int, rank: int = 0) -> Column:
    """Return the column of a row's whole number, the most first; nothing stands where there is none."""
    number = attrgetter(name)

    def said(row: Any) -> str:
        return f"{number(row):,}" if number(row) else ""

    return Column(title, said, width_px, rank, order=lambda row: -number(row))


class RowsModel(QAbstractTableModel):
    """The rows that a search leaves, sorted by a column. Given rows are in their default order already."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.rows: list[Any] = []
        self.count = 0
        """How many rows there are without the search."""
        self.sorted_by: tuple[int, Qt.SortOrder] | None = None
        self._all: list[Any] = []
        self._text = ""
        self._words: dict[str, tuple[Any, str]] = {}
        self._sorted_s = 0.0

    def show_rows(self, rows: list[Any]) -> None:
        """Show these in place of the former ones."""
        if rows == self._all:
            return
        same = {row.key for row in rows} == {row.key for row in self._all}
        self._all, self.count = rows, len(rows)
        wait = self.sorted_by is not None and time.monotonic() - self._sorted_s < SORTED_AGAIN_S
        if same and wait:
            fresh = {row.key: row for row in rows}
            self._replace([fresh[row.key] for row in self.rows])
        else:
            self._arrange()

    def search(self, text: str) -> None:
        """Show only rows of which every word of a text is said somewhere."""
        self._text = text.strip().casefold()
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; below 0 as the rows were given."""
        self.sorted_by = (column, order) if column >= 0 else None
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.columns) - 1)
        self._arrange()

    def row_of(self, key: str) -> int | None:
        """Return where a row is shown."""
        return next((number for number, row in enumerate(self.rows) if row.key == key), None)

    def line(self, row: int) -> str:
        """Return a row as it is copied: its cells with tabs between."""
        return "\t".join(_flat(self.text(row, column)) for column in range(len(self.columns)))

    def text(self, row: int, column: int) -> str:
        """Return a cell's text."""
        return self.columns[column].said(self.rows[row])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many rows are shown."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a heading."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            now = self.sorted_by
            arrow = "" if now is None else UP if now[1] == Qt.SortOrder.AscendingOrder else DOWN
            return f"{column.title} {arrow}" if now is not None and now[0] == section else column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = column.is_text or not column.width_px
            side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's text; for a screen reader the status and the quiet words with it."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        column, row = self.columns[index.column()], self.rows[index.row()]
        said = column.said(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = [
                said,
                column.quiet(row) if column.quiet else "",
                column.status(row) if column.status else "",
            ]
            said = ", ".join(part for part in parts if part)
        return said

    def _arrange(self) -> None:
        rows = self._all
        if self._text:
            words = self._text.split()
            rows = [row for row in rows if all(word in self._words_of(row) for word in words)]
        if self.sorted_by is not None:
            self._sorted_s = time.monotonic()
            rows = self._sorted(rows, *self.sorted_by)
        if [row.key for row in rows] == [row.key for row in self.rows]:
            self._replace(rows)
            return
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def _replace(self, rows: list[Any]) -> None:
        """Take the same rows with other values, and tell which."""
        changed = [
            number for number, (old, new) in enumerate(zip(self.rows, rows, strict=True)) if old != new
        ]
        self.rows = list(rows)
        if changed:
            last = len(self.columns) - 1
            self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], last))

    def _sorted(self, rows: list[Any], number: int, order: Qt.SortOrder) -> list[Any]:
        column = self.columns[number]
        if column.order is None:
            unknown, keyed = (
                [],
                [(natural(said), row) for row in rows if (said := column.said(row)) != UNKNOWN],
            )
            unknown = [row for row in rows if column.said(row) == UNKNOWN]
        else:
            keyed = [(key, row) for row in rows if (key := column.order(row)) is not None]
            unknown = [row for row in rows if column.order(row) is None]
        keyed.sort(key=lambda pair: pair[0], reverse=order == Qt.SortOrder.DescendingOrder)
        return [row for _, row in keyed] + unknown

    def _words_of(self, row: Any) -> str:
        known = self._words.get(row.key)
        if known is None or known[0] != row:
            said = [column.said(row) for column in self.columns]
            said += [column.quiet(row) for column in self.columns if column.quiet]
            known = self._words[row.key] = (row, " ".join(said).casefold())
            if len(self._words) > 2 * len(self._all) + 100:
                self._words = {row.key: known}
        return known[1]


def _flat(text: str) -> str:
    return " ".join(text.split())

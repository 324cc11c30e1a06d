"""A list with its heading, its count and a search. Counterpart: `panels/rows_table.py`, the table in it.

One rule: what is chosen stays chosen while rows come and go.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from app.look import Look
from app.panels.rows_model import Column
from app.panels.rows_table import RowsTable
from app.panels.search_field import SearchField
from app.panels.text import Label
from app.words import count_of


class Listing(QWidget):
    """Rows of one kind. With `many` several can be chosen at once. `nothing` is said where there are no rows."""

    opened = Signal(object)
    """A row was clicked, or Return was pressed on it."""
    chosen = Signal()
    """Other rows are chosen than before."""

    def __init__(
        self,
        columns: tuple[Column, ...],
        look: Look,
        title: str,
        *,
        many: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.table = RowsTable(columns, look, title)
        self.count = Label("", "small")
        self.field = SearchField(title)
        self.nothing = Label("", "quiet", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.nothing.setContentsMargins(0, 6, 0, 0)
        self._kept: set[str] = set()
        self._current = ""
        if many:
            self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
            self.table.rows.modelAboutToBeReset.connect(self._keep)
            self.table.rows.modelReset.connect(self._choose_kept)
        self.field.textChanged.connect(self._on_search)
        self.field.left_down.connect(self._go_to_table)
        self.table.typed.connect(self._begin_search)
        self.table.opened.connect(self.opened)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit())
        self.head = QHBoxLayout()
        """Where whoever shows the list puts more, from the right of the count on."""
        self.head.setSpacing(8)
        self.head.addWidget(self.count)
        self.head.addStretch(1)
        self.head.addWidget(self.field)
        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.nothing)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self.head)
        layout.addWidget(pages, 1)

    def show_rows(self, rows: list[Any], nothing: str) -> None:
        """Show these, or say why there are none."""
        self.table.show_rows(rows)
        self.table.setMaximumHeight(16_777_215)
        self.field.show_for(len(rows))
        self.nothing.setText(nothing)
        self._show()

    def rows_chosen(self) -> list[Any]:
        """Return what is chosen, in the order in which it is shown."""
        at = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.table.rows.rows[row] for row in at if row < len(self.table.rows.rows)]

    def choose(self, key: str) -> None:
        """Choose one row by program, if it is shown."""
        place = self.table.rows.row_of(key)
        if place is not None:
            self.table.selectRow(place)

    def tick(self) -> None:
        """Show ages as of now."""
        self.table.viewport().update()

    def _keep(self) -> None:
        self._kept = {row.key for row in self.rows_chosen()}
        current = self.table.current_row()
        self._current = current.key if current is not None else ""

    def _choose_kept(self) -> None:
        flags = QItemSelectionModel.SelectionFlag
        rows, chosen = self.table.rows, self.table.selectionModel()
        for place, row in enumerate(rows.rows if self._kept else ()):
            if row.key == self._current:  # else the table would choose it, and only it
                chosen.setCurrentIndex(rows.index(place, 0), flags.NoUpdate)
            if row.key in self._kept:
                chosen.select(rows.index(place, 0), flags.Select | flags.Rows)

    def _on_search(self, text: str) -> None:
        self.table.search(text)
        self._show()

    def _show(self) -> None:
        rows = self.table.rows
        found, all_of = len(rows.rows), rows.count
        self.count.setText(f"{found:,} of {all_of:,}" if found != all_of else count_of(found, "row", "rows"))
        self.count.setVisible(found != all_of)
        if all_of and not found:
            self._pages.setCurrentIndex(0)
        else:
            self._pages.setCurrentIndex(0 if found else 1)

    def _go_to_table(self) -> None:
        self.table.setFocus()
        if not self.table.currentIndex().isValid():
            self.table.selectRow(0)

    def _begin_search(self, letter: str) -> None:
        self.field.show()
        self.field.setFocus()
        self.field.setText(self.field.text() + letter)

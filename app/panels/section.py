"""One list of a device with its heading, search, and all of a chosen row. Counterpart: `rows_table.py`; the pages stack them.

One rule: a list that has nothing is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.look import Look
from app.model import Model, Sample
from app.panels.device_says import DeviceSays
from app.panels.facts import FactsGrid, Line
from app.panels.known_devices import KnownDevices
from app.panels.rows_model import Column
from app.panels.rows_table import RowsTable
from app.panels.search_field import SearchField
from app.panels.text import Label
from app.words import UNKNOWN


class Seen(NamedTuple):
    """What lists are made from: a device's facts and numbers, and who else is known."""

    says: DeviceSays
    samples: Mapping[tuple[str, str], Sample]
    model: Model
    known: KnownDevices
    now_us: int

    def number(self, metric: str, instance: str) -> float | None:
        """Return a live number, or None."""
        sample = self.samples.get((metric, instance))
        return sample.value if sample is not None else None


class Listed(NamedTuple):
    """What makes a list. `sort`: the heading it is sorted by at first, and downwards or not."""

    title: str
    columns: tuple[Column, ...]
    rows: Callable[[Seen], list[Any]]
    details: Callable[[Any], list[Line]] = lambda row: []
    sort: tuple[str, Qt.SortOrder] | None = None
    device_of: Callable[[Any], UUID | None] = lambda row: None


class Section(QWidget):
    """One list. With `most_rows` it is as tall as so many rows, else it fills what there is."""

    device_chosen = Signal(object)

    def __init__(
        self, listed: Listed, look: Look, most_rows: int | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._listed, self._look, self._fills = listed, look, most_rows is None
        self.table = RowsTable(listed.columns, look, listed.title, most_rows)
        self.count = Label("", "small")
        self.field = SearchField(listed.title)
        self.field.textChanged.connect(self._on_search)
        self.field.left_down.connect(self._go_to_table)
        self.details = FactsGrid()
        self.details.hide()
        self.table.typed.connect(self._begin_search)
        self.table.chosen.connect(self._show_details)
        self.table.opened.connect(self._on_opened)
        if listed.sort is not None:
            self.table.sort_by(*listed.sort)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Label(listed.title, "head"))
        head.addWidget(self.count)
        head.addStretch(1)
        head.addWidget(self.field)
        below = QVBoxLayout()
        below.setContentsMargins(8, 6, 0, 4)
        below.addWidget(self.details)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.table, 1000)
        layout.addLayout(below)
        if self._fills:
            layout.addStretch(1)
        if not self._fills:
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_device(self, seen: Seen) -> None:
        """Show what a device has of it."""
        rows = self._listed.rows(seen)
        self.setVisible(bool(rows))
        self.table.show_rows(rows)
        self.field.show_for(len(rows))
        self._count()

    def begin(self) -> None:
        """Begin anew, as with each other device."""
        self.field.clear()
        self.table.clearSelection()
        self.table.setCurrentIndex(self.table.rows.index(-1, -1))
        self.table.scrollToTop()

    def tick(self) -> None:
        """Show ages as of now."""
        self.table.viewport().update()

    def _go_to_table(self) -> None:
        self.table.setFocus()
        if not self.table.currentIndex().isValid():
            self.table.selectRow(0)

    def _begin_search(self, letter: str) -> None:
        self.field.show()
        self.field.setFocus()
        self.field.setText(self.field.text() + letter)

    def _on_search(self, text: str) -> None:
        self.table.search(text)
        self._count()

    def _count(self) -> None:
        rows = self.table.rows
        found = len(rows.rows)
        self.count.setText(f"{found:,} of {rows.count:,}" if found != rows.count else f"{rows.count:,}")

    def _show_details(self, row: Any) -> None:
        lines = self._lines(row) if row is not None else []
        self.details.setVisible(bool(lines))
        self.details.show_lines(lines, self._look.theme.status_text)

    def _lines(self, row: Any) -> list[Line]:
        extra = self._listed.details(row)
        if not extra and not self.table.hides_columns():
            return []
        cells = [Line(column.title, column.said(row)) for column in self._listed.columns]
        return [line for line in (*cells, *extra) if line.said and line.said != UNKNOWN]

    def _on_opened(self, row: Any) -> None:
        device = self._listed.device_of(row)
        if device is not None:
            self.device_chosen.emit(device)


class Stack(QWidget):
    """Some lists below each other. The last fills the page where `fills`, else the page scrolls."""

    device_chosen = Signal(object)

    def __init__(
        self, lists: Sequence[Listed], look: Look, *, fills: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.sections = [
            Section(listed, look, None if fills and number == len(lists) - 1 else (6 if fills else 24))
            for number, listed in enumerate(lists)
        ]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(18)
        for section in self.sections:
            layout.addWidget(section, 1000 if fills and section is self.sections[-1] else 0)
            section.device_chosen.connect(self.device_chosen)
        layout.addStretch(1)

    def show_device(self, seen: Seen) -> None:
        """Show what a device has of each."""
        for section in self.sections:
            section.show_device(seen)

    def begin(self) -> None:
        """Begin anew, as with each other device."""
        for section in self.sections:
            section.begin()

    def tick(self) -> None:
        """Show ages as of now."""
        for section in self.sections:
            section.tick()

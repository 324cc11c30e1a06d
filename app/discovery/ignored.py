"""What is never shown again, until somebody wants it. Counterpart: the `ignored` things of the inventory.

One rule: to show something again is an edit as well, so that it can be undone.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QTableWidget, QWidget

from app.commands import Commands
from app.dialogs.form import Board, fill_row, plain_table
from app.discovery.edits import send
from app.discovery.words import key_words
from app.model import Delta, Model
from app.panels.search_field import SearchField
from app.panels.text import Label
from app.words import count_of
from domain.edit import deletion
from domain.watching import Ignored

LIST_PX = 320
NAME, KEY = range(2)


class IgnoredBoard(Board):
    """The list, and one verb."""

    def __init__(self, model: Model, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__("Ignored finds", parent, width_px=560)
        self._model, self._commands = model, commands
        self._rows: list[Ignored] = []
        self.field = SearchField("Ignored finds")
        self.table = plain_table(["Name", "Known by"], NAME)
        self.table.setSelectionMode(QTableWidget.SelectionMode.ExtendedSelection)
        self.table.setMinimumHeight(LIST_PX)
        self.table.setAccessibleName("Ignored finds")
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.empty = Label("Nothing is ignored.", "quiet")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(LIST_PX)
        head = QHBoxLayout()
        head.addWidget(Label("What has one of these keys is not shown when it is found.", "small"), 1)
        head.addWidget(self.field)
        self.body.addLayout(head)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.empty, 1)
        self.again_button = self.verb("Show again", "primary")
        self.again_button.clicked.connect(self.show_again)
        self.field.textChanged.connect(self._on_search)
        self.field.left_down.connect(self.table.setFocus)
        model.changed.connect(self._on_changed)
        self._show()

    def chosen(self) -> list[Ignored]:
        """Return what is chosen."""
        numbers = sorted({index.row() for index in self.table.selectedIndexes()})
        return [self._rows[row] for row in numbers if not self.table.isRowHidden(row)]

    def show_again(self) -> None:
        """Ignore the chosen ones no more: one edit."""
        rows = self.chosen()
        if rows:
            one = len(rows) == 1
            what = f"{rows[0].name} is" if one else f"{count_of(len(rows), 'find', 'finds')} are"
            steps = [deletion("ignored", row) for row in rows]
            send(self._commands, f"{what} shown again", steps, self.say)

    def _on_changed(self, delta: Delta) -> None:
        if delta.watching or delta.removed or delta.initial:
            self._show()

    def _show(self) -> None:
        self._rows = sorted(self._model.inventory.ignored(), key=lambda row: row.name.casefold())
        self.table.clearSelection()
        self.table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            fill_row(self.table, number, [row.name, key_words(row.key)])
        self.table.setVisible(bool(self._rows))
        self.empty.setVisible(not self._rows)
        self.field.show_for(len(self._rows))
        self._on_search()

    def _on_search(self) -> None:
        words = self.field.text().casefold().split()
        for number, row in enumerate(self._rows):
            said = f"{row.name} {key_words(row.key)}".casefold()
            self.table.setRowHidden(number, not all(word in said for word in words))
        self._on_selected()

    def _on_selected(self) -> None:
        self.again_button.setEnabled(bool(self.chosen()))

"""Finds as a table in which several are chosen. Counterpart: `panels/rows_table.py`, which paints; `words.py`, which says.

Theory: a sweep brings finds ten times a second while somebody reads. So new ones come below the old, what is chosen and what
stands at the top stays where it is, and rows are made anew only for finds that changed.
One rule: the choice moves on to the next row only where a person took the chosen one away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import msgspec
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QMenu, QPushButton

from app.discovery import words
from app.draft import now_us
from app.look import ROW_PX, Look
from app.model import Model
from app.panels.rows_model import Column, Index, natural
from app.panels.rows_table import RowsTable
from app.words import age_of
from domain.finding import Find

_RANK = {kind: rank for rank, kind in enumerate(words.MATCH_TITLES)}


class FindRow(msgspec.Struct, frozen=True):
    """A find as the table shows it."""

    find: Find
    key: str
    match: str
    address: str
    what: str
    found_by: str
    answers: str


COLUMNS = (
    Column("Name", lambda row: row.find.name, order=lambda row: natural(row.find.name)),
    Column(
        "Is", lambda row: row.match, width_px=74, is_text=True, order=lambda row: _RANK[row.find.match.kind]
    ),
    Column(
        "Address",
        lambda row: row.address,
        width_px=132,
        is_text=True,
        order=lambda row: words.address_order(row.find),
        quiet=lambda row: words.more_addresses(row.find),
    ),
    Column("What", lambda row: row.what, width_px=190, rank=2, is_text=True),
    Column("Found by", lambda row: row.found_by, width_px=164, rank=4, is_text=True),
    Column("Answers to", lambda row: row.answers, width_px=176, rank=3, is_text=True),
    Column(
        "First",
        lambda row: age_of(row.find.first_us, now_us()),
        width_px=52,
        rank=5,
        order=lambda row: -row.find.first_us,
    ),
    Column(
        "Seen",
        lambda row: age_of(row.find.last_us, now_us()),
        width_px=52,
        rank=1,
        order=lambda row: -row.find.last_us,
    ),
)


class FindRows:
    """Makes rows of all finds, and keeps those that did not change."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._made: dict[UUID, FindRow] = {}

    def forget(self) -> None:
        """Make all anew: devices or logins may be called otherwise."""
        self._made.clear()

    def rows(self, finds: Iterable[Find]) -> list[FindRow]:
        """Return the rows in their default order: what is wrong with the inventory first, then as they were found."""
        self._made = made = {find.id: self._row(find) for find in finds}
        return sorted(
            made.values(), key=lambda row: (_RANK[row.find.match.kind], row.find.first_us, row.find.id.int)
        )

    def _row(self, find: Find) -> FindRow:
        old = self._made.get(find.id)
        if old is not None and old.find is find:
            return old
        inventory = self._model.inventory
        return FindRow(
            find,
            str(find.id),
            words.MATCH_TITLES.get(find.match.kind, find.match.kind),
            words.where_it_is(find),
            words.what_it_is(find),
            words.how_found(find, inventory),
            words.answers_to(find, inventory),
        )


class FindsTable(RowsTable):
    """The table. Return and double click open, Delete takes away; several are chosen as everywhere."""

    picked = Signal()
    """Others are chosen than before, or one of them changed."""
    dropped = Signal()
    """Delete was pressed."""
    least_name_px = 190

    def __init__(self, look: Look) -> None:
        super().__init__(COLUMNS, look, "Finds")
        self._restoring = False
        self._leaving: frozenset[str] = frozenset()
        self.verbs: list[QPushButton] = []
        """What the menu of a row offers before copying: what these buttons do, if they can."""
        self.clicked.disconnect()
        self.doubleClicked.connect(lambda index: self.opened.emit(self.rows.rows[index.row()]))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.selectionModel().selectionChanged.connect(lambda *_: self._tell_picked())

    def finds(self) -> list[Find]:
        """Return what is chosen, from the top down."""
        return [self.rows.rows[number].find for number in self._chosen_rows()]

    def will_leave(self, finds: Iterable[Find]) -> None:
        """Know that these go because a person wants it: what comes next is chosen then."""
        self._leaving = frozenset(str(find.id) for find in finds)

    def show_rows(self, rows: list[Any]) -> None:
        """Show these, and tell where a chosen one is another now."""
        before = self.finds()
        super().show_rows(rows)
        if before != self.finds():
            self.picked.emit()

    def pick(self, keys: Iterable[str]) -> None:
        """Choose these rows and no others."""
        wanted = frozenset(keys)
        chosen = QItemSelection()
        last = len(self.rows.columns) - 1
        first: int | None = None
        for number in range(len(self.rows.rows) + 1):
            inside = number < len(self.rows.rows) and self.rows.rows[number].key in wanted
            if inside and first is None:
                first = number
            elif not inside and first is not None:
                chosen.select(self.rows.index(first, 0), self.rows.index(number - 1, last))
                first = None
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(chosen, flags.ClearAndSelect | flags.Rows)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete takes the chosen away; Ctrl+C copies all of them."""
        if event.key() == Qt.Key.Key_Delete and not event.modifiers():
            self.dropped.emit()
        elif event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText("\n".join(map(self.rows.line, self._chosen_rows())))
        else:
            super().keyPressEvent(event)

    def menu_of(self, at: Index) -> QMenu:
        """Return the menu of a row: what can be done with it, then what can be copied."""
        menu = super().menu_of(at)
        first = menu.actions()[0]
        for verb in self.verbs:
            if verb.isEnabled() and not verb.isHidden():
                action = QAction(verb.text(), menu)
                action.triggered.connect(verb.click)
                menu.insertAction(first, action)
        menu.insertSeparator(first)
        return menu

    def _chosen_rows(self) -> list[int]:
        """Return where the chosen rows are. As ranges: to tell single rows takes Qt the square of their number."""
        chosen = self.selectionModel().selection()
        parts = [chosen.at(number) for number in range(chosen.count())]
        numbers = {number for part in parts for number in range(part.top(), part.bottom() + 1)}
        return sorted(number for number in numbers if number < len(self.rows.rows))

    def _tell_picked(self) -> None:
        if not self._restoring:
            self.picked.emit()

    def _keeping(self) -> Callable[[], None]:
        """Return what chooses again what is chosen now, and keeps the row at the top at the top."""
        rows, view = self.rows, self.verticalScrollBar()
        chosen = [str(find.id) for find in self.finds()]
        at, current = self.currentIndex(), self.current_row()
        scrolled = view.value()
        top = rows.rows[scrolled // ROW_PX].key if scrolled and scrolled // ROW_PX < len(rows.rows) else ""

        def again() -> None:
            if self.currentIndex().isValid():
                return  # the same rows: Qt has kept all of it
            here = {row.key: number for number, row in enumerate(rows.rows)}
            left = [key for key in chosen if key in here]
            if not left and chosen and self._leaving.issuperset(chosen) and rows.rows:
                left = [rows.rows[min(at.row(), len(rows.rows) - 1)].key]
            self._restoring = True
            place = here.get(current.key) if current is not None else None
            if left and (place is None or current.key not in left):
                place = here[left[0]]
            if place is not None:
                flags = QItemSelectionModel.SelectionFlag.NoUpdate
                self.selectionModel().setCurrentIndex(rows.index(place, max(0, at.column())), flags)
            if left:
                self.pick(left)
            self._restoring = False
            self.executeDelayedItemsLayout()  # else there is nothing to scroll yet
            view.setValue(here[top] * ROW_PX + scrolled % ROW_PX if top in here else scrolled)
            if left != chosen:
                self._leaving = frozenset()

        return again

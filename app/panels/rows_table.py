"""A table for any columns: sorted by its headings, read with the keyboard, copied. Counterpart: `rows_model.py`.

Where the panel is narrow the least needed columns give way, and all of a chosen row stands below the table. One rule: a row
never wraps, and what is cut can be read whole.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QMetaMethod, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.look import HEAD_PX, ROW_PX, TABLE_PX, Look, color, font, square
from app.panels.letters import is_letter, keeps
from app.panels.rows_model import DOWN, Column, Index, RowsModel
from app.panels.text import LEFT, RIGHT, caption, paint_text
from app.symbols import paint_symbol
from app.words import UNKNOWN

LEAST_NAME_PX = 116
BAR_PX = 30
QUIET_LEAST_PX = 64
"""Quiet words that would be cut shorter than this are left out."""


class _Delegate(QStyledItemDelegate):
    def __init__(self, look: Look, rows: RowsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._look, self._rows = look, rows

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(40, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, rect = self._look.theme, QRectF(option.rect)
        column, row = self._rows.columns[index.column()], self._rows.rows[index.row()]
        ground = theme.surface.panel
        if option.state & QStyle.StateFlag.State_Selected:
            ground = theme.accent.ground
            painter.fillRect(rect, color(ground))
        said = column.said(row)
        old = said == UNKNOWN or (column.is_old is not None and column.is_old(row))
        ink = theme.text.quiet if old else theme.text.text
        if column.is_link is not None and column.is_link(row):
            ink = theme.accent.accent
        table = font(TABLE_PX, tabular=True)
        if column.width_px and not column.is_text:
            if column.share is not None:
                self._paint_bar(painter, rect, column.share(row))
            paint_text(painter, rect.adjusted(0, 0, -8, 0), said, table, ink, RIGHT)
            return
        room = rect.adjusted(8 if index.column() or column.status is None else 0, 0, -4, 0)
        if column.status is not None:
            status = column.status(row)
            if status:
                paint_symbol(painter, square(room.x() + 10, rect.center().y(), 15), status, theme, ground)
            room.adjust(24, 0, 0, 0)
        width = paint_text(painter, room, said, table, ink, LEFT)
        quiet = column.quiet(row) if column.quiet is not None else ""
        if quiet and room.width() - width - 6 >= min(QUIET_LEAST_PX, _px(quiet)):
            paint_text(painter, room.adjusted(width + 6, 0, 0, 0), quiet, table, theme.text.quiet, LEFT)

    def _paint_bar(self, painter: QPainter, rect: QRectF, share: float | None) -> None:
        """Paint a quiet bar to the left of a number: how much, not how bad."""
        if share is None:
            return
        theme = self._look.theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        track = QRectF(rect.x() + 4, rect.center().y() - 2, BAR_PX, 4)
        painter.setBrush(color(theme.surface.line))
        painter.drawRoundedRect(track, 2, 2)
        track.setWidth(max(4.0, BAR_PX * min(1.0, max(0.0, share))))
        painter.setBrush(color(theme.text.faint))
        painter.drawRoundedRect(track, 2, 2)


class RowsTable(QTableView):
    """The table. With `most_rows` it is as tall as its rows, up to so many."""

    chosen = Signal(object)
    """A row was chosen, by mouse or arrow keys; None where none is any more."""
    opened = Signal(object)
    """A row was clicked or Return was pressed on it."""
    typed = Signal(str)
    """Somebody began to type a search."""
    least_name_px = LEAST_NAME_PX
    """What the column that takes the rest is left at least."""

    def __init__(
        self,
        columns: tuple[Column, ...],
        look: Look,
        title: str,
        most_rows: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._most_rows = most_rows
        self.rows = RowsModel(columns)
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(look, self.rows, self))
        self.setAccessibleName(title)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(ROW_PX)
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._told: set[int] = set()
        self._widths = [_width_px(column) for column in columns]
        head = self.horizontalHeader()
        head.setFixedHeight(ROW_PX)
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setMinimumSectionSize(20)
        head.sectionClicked.connect(self._on_head)
        for number, column in enumerate(columns):
            if column.width_px:
                head.setSectionResizeMode(number, QHeaderView.ResizeMode.Fixed)
                head.resizeSection(number, self._widths[number])
            else:
                head.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.clicked.connect(lambda index: self.opened.emit(self.rows.rows[index.row()]))
        self.selectionModel().currentRowChanged.connect(lambda *_: self._tell_chosen())
        look.changed.connect(self.viewport().update)

    def show_rows(self, rows: list[Any]) -> None:
        """Show these; what was chosen and where it was scrolled to stays."""
        if rows == self.rows._all:
            return
        with_row = self._keeping()
        self.rows.show_rows(rows)
        with_row()
        self._fit()
        told = {
            n
            for n, column in enumerate(self.rows.columns)
            if any(column.said(row) not in _NOTHING for row in rows)
        }
        if told != self._told:
            self._told = told
            self._choose_columns()

    def search(self, text: str) -> None:
        """Show only what matches."""
        with_row = self._keeping()
        self.rows.search(text)
        with_row()

    def sort_by(self, title: str, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by the column of that title."""
        number = next(n for n, column in enumerate(self.rows.columns) if column.title == title)
        self._sort(number, order)

    def current_row(self) -> Any:
        """Return the row that is chosen, or None."""
        at = self.currentIndex()
        return self.rows.rows[at.row()] if at.isValid() and at.row() < len(self.rows.rows) else None

    def hides_columns(self) -> bool:
        """Whether there was no room for a column that says something."""
        return any(self.isColumnHidden(number) for number in self._told)

    def event(self, event: QEvent) -> bool:
        """Keep letters from being the window's shortcuts where they begin a search."""
        return keeps(event, lambda key: is_letter(key) and self._is_searched()) or super().event(event)

    def _is_searched(self) -> bool:
        return self.isSignalConnected(QMetaMethod.fromSignal(self.typed))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the columns for which there is room."""
        super().resizeEvent(event)
        self._choose_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return opens, Ctrl+C copies the row, with Shift the cell; letters begin a search."""
        current = self.currentIndex()
        if event.matches(QKeySequence.StandardKey.Copy) and current.isValid():
            _copy(self.rows.line(current.row()))
        elif event.keyCombination().toCombined() == _COPY_CELL and current.isValid():
            _copy(self.rows.text(current.row(), current.column()))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current.isValid():
            self.opened.emit(self.rows.rows[current.row()])
        elif is_letter(event):
            self.typed.emit(event.text())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        at = self.indexAt(self.viewport().mapFrom(self, event.pos())) if by_mouse else self.currentIndex()
        if at.isValid():
            where = self.viewport().mapToGlobal(
                self.visualRect(at).bottomLeft() if not by_mouse else QPoint()
            )
            self.menu_of(at).popup(event.globalPos() if by_mouse else where)

    def menu_of(self, at: Index) -> QMenu:
        """Return the menu of a cell."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        text, line = self.rows.text(at.row(), at.column()), self.rows.line(at.row())
        shown = text if len(text) <= 40 else f"{text[:39]}…"
        menu.addAction(caption(f"Copy {shown}"), lambda: _copy(text))
        menu.addAction("Copy row", lambda: _copy(line))
        everything = "\n".join(
            ["\t".join(c.title for c in self.rows.columns), *map(self.rows.line, range(len(self.rows.rows)))]
        )
        menu.addAction("Copy table", lambda: _copy(everything))
        return menu

    def _choose_columns(self) -> None:
        """Leave out columns that say nothing of any row, and where room is short those that are needed least."""
        room = self.viewport().width() - self.least_name_px
        ranked = sorted(
            (column.rank, number) for number, column in enumerate(self.rows.columns) if column.width_px
        )
        for rank, number in ranked:
            told = not rank or number in self._told
            room -= self._widths[number] if told else 0
            self.setColumnHidden(number, not told or room < 0)

    def _on_head(self, number: int) -> None:
        now = self.rows.sorted_by
        if now is None or now[0] != number:
            self._sort(number, Qt.SortOrder.AscendingOrder)
        elif now[1] == Qt.SortOrder.AscendingOrder:
            self._sort(number, Qt.SortOrder.DescendingOrder)
        else:
            self._sort(-1, Qt.SortOrder.AscendingOrder)

    def _sort(self, number: int, order: Qt.SortOrder) -> None:
        with_row = self._keeping()
        self.rows.sort(number, order)
        with_row()

    def _keeping(self) -> Any:
        """Return what chooses again what is chosen now, and scrolls back."""
        row, at, scrolled = self.current_row(), self.currentIndex(), self.verticalScrollBar().value()

        def again() -> None:
            if row is not None and not self.currentIndex().isValid():
                place = self.rows.row_of(row.key)
                if place is not None:
                    self.setCurrentIndex(self.rows.index(place, at.column()))
                self.verticalScrollBar().setValue(scrolled)
            if row is not None and self.current_row() != row:
                self._tell_chosen()

        return again

    def _tell_chosen(self) -> None:
        self.chosen.emit(self.current_row())

    def _fit(self) -> None:
        whole_px = (self.rows.count + 1) * ROW_PX + 2
        if self._most_rows is not None:
            self.setFixedHeight(min(whole_px, (self._most_rows + 1) * ROW_PX + 2))
        else:
            self.setMaximumHeight(whole_px)


_NOTHING = ("", UNKNOWN)
_COPY_CELL = (
    int(Qt.KeyboardModifier.ControlModifier.value)
    | int(Qt.KeyboardModifier.ShiftModifier.value)
    | int(Qt.Key.Key_C)
)


def _px(text: str) -> int:
    return QFontMetrics(font(TABLE_PX, tabular=True)).horizontalAdvance(text)


def _width_px(column: Column) -> int:
    """Return how wide a column is: its heading fits with the arrow of the sorted one."""
    heading_px = QFontMetrics(font(HEAD_PX)).horizontalAdvance(f"{column.title} {DOWN}") + 16
    return max(column.width_px, heading_px) if column.width_px else 0


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)

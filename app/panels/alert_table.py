"""The table of alerts: how a row is painted, what mouse and keys do on it. Counterpart: `alerts_model.py`, whose rows it paints.

One rule: rows are painted, the buttons in them too, so that a thousand scroll like ten; what the mouse can do, the keyboard can.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolTip,
    QWidget,
)

from app.look import HEAD_PX, ROW_PX, TABLE_PX, Look, blend, color, font, square
from app.panels.alert_rows import Row
from app.panels.alerts_model import AGE, COLUMNS, NUMBERS, SINCE, TAKES_DOWN, WHAT, WHERE, WHO, AlertsModel
from app.panels.letters import is_letter, keeps
from app.panels.text import CENTRE, LEFT, RIGHT, paint_end_elided, paint_text
from app.symbols import paint_symbol
from app.watching import SEVERITY_ICONS

ACKNOWLEDGE_PX = 90
INDENT_PX = 18
BEFORE_PX = 24
"""What changed just before is a click on the row that is under the mouse."""
LEAST_WHAT_PX = 220
MORE_LEAST_PX = 60
_GIVE_WAY = (TAKES_DOWN, SINCE, WHERE)
"""What goes first where the table is too narrow for all columns."""
_WIDTHS = {WHERE: 176, SINCE: 84, AGE: 60, TAKES_DOWN: 144, WHO: 176}
WHO_LEAST_PX = ACKNOWLEDGE_PX + 8
ACT_KEYS = {
    Qt.Key.Key_A: "acknowledge",
    Qt.Key.Key_C: "comment",
    Qt.Key.Key_G: "assign",
    Qt.Key.Key_R: "resolve",
    Qt.Key.Key_O: "reopen",
}


class AlertDelegate(QStyledItemDelegate):
    """Paints a cell of an alert."""

    def __init__(self, look: Look, rows: AlertsModel, view: AlertTable) -> None:
        super().__init__(view)
        self._look, self._rows, self._view = look, rows, view

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return a row's height."""
        return QSize(60, ROW_PX)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint a cell."""
        theme, row, column = self._look.theme, self._rows.rows[index.row()], index.column()
        rect = QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hover = self._view.hovered == index.row()
        ground = theme.surface.panel
        if selected:
            ground = theme.accent.ground
        elif hover:
            ground = blend(theme.surface.raised, theme.surface.panel, 0.7)
        painter.fillRect(rect, color(ground))
        if row.story and not row.what:
            self._paint_story(painter, rect, row)
            return
        ink = theme.text.quiet if row.is_quiet else theme.text.text
        words, inner = self._rows.words(row, column), rect.adjusted(8, 0, -8, 0)
        table = font(TABLE_PX, tabular=column in NUMBERS)
        if column == WHAT:
            step = INDENT_PX if row.under is not None else 0
            room = rect.adjusted(36 + step, 0, -8, 0)
            if row.hides:
                paint_text(painter, room, words, table, theme.accent.accent, LEFT)
                return
            if hover and row.alert is not None:
                place = before_rect(rect)
                painter.drawPixmap(place.topLeft(), self._look.pixmap("history", theme.text.text, 16))
                room.adjust(0, 0, -BEFORE_PX, 0)
            self._paint_symbol(painter, square(20 + step, rect.center().y(), 16), row, ground)
            self._paint_what(painter, room, row, ink)
        elif column == WHO and row.may_acknowledge:
            place = acknowledge_rect(rect)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.surface.hover if hover or selected else theme.surface.raised))
            painter.drawRoundedRect(place, 5, 5)
            paint_text(painter, place, "Acknowledge", font(TABLE_PX, 500), theme.text.text, CENTRE)
            rest = inner.adjusted(ACKNOWLEDGE_PX + 4, 0, 4, 0)
            paint_end_elided(painter, rest, words, table, theme.text.quiet)
        elif column in NUMBERS:
            paint_text(painter, inner, words, table, theme.text.quiet if column == SINCE else ink, RIGHT)
        else:
            paint_text(painter, inner, words, table, theme.text.quiet, LEFT)

    def _paint_story(self, painter: QPainter, cell: QRectF, row: Row) -> None:
        """Paint a cell's part of a sentence that goes over all of them."""
        painter.save()
        painter.setClipRect(cell)
        whole = QRectF(36, cell.y(), self._view.viewport().width() - 48, cell.height())
        words = self._rows.words(row, WHAT)
        paint_end_elided(painter, whole, words, font(TABLE_PX), self._look.theme.text.quiet)
        painter.restore()

    def _paint_symbol(self, painter: QPainter, place: QRectF, row: Row, ground: str) -> None:
        theme = self._look.theme
        if row.status in SEVERITY_ICONS:
            name, status = SEVERITY_ICONS[row.status]
            painter.drawPixmap(place.topLeft(), self._look.pixmap(name, theme.status_text[status], 16))
        else:
            paint_symbol(painter, place, row.status, theme, ground)

    def _paint_what(self, painter: QPainter, rect: QRectF, row: Row, ink: str) -> None:
        theme = self._look.theme
        heavy = font(TABLE_PX, 600 if row.status == "down" and not row.is_quiet else 400)
        x = rect.x() + paint_text(painter, rect, row.what, heavy, ink, LEFT) + 8
        for mark in row.marks:
            width_px = QFontMetrics(font(HEAD_PX)).horizontalAdvance(mark) + 10
            pill = QRectF(x, rect.y() + 4, width_px, rect.height() - 8)
            if pill.right() > rect.right():
                return
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.surface.hover))
            painter.drawRoundedRect(pill, 4, 4)
            paint_text(painter, pill, mark, font(HEAD_PX), theme.text.quiet, CENTRE)
            x = pill.right() + 8
        rest = QRectF(x, rect.y(), rect.right() - x, rect.height())
        if row.more and rest.width() > MORE_LEAST_PX:
            paint_end_elided(painter, rest, row.more, font(TABLE_PX), theme.text.quiet)


def acknowledge_rect(cell: QRectF) -> QRectF:
    """Return where in its cell the button stands."""
    return QRectF(cell.x() + 6, cell.y() + 2, ACKNOWLEDGE_PX, cell.height() - 4)


def before_rect(cell: QRectF) -> QRectF:
    """Return where in its cell what changed just before is asked for."""
    return square(cell.right() - BEFORE_PX / 2 - 4, cell.center().y(), 16)


class AlertTable(QTableView):
    """The table itself."""

    chosen = Signal(object)
    """A row was clicked."""
    acknowledged = Signal(object)
    acts_wanted = Signal(object, str)
    """What is to be done to alerts: their ids, and one of `domain.alerts.PersonAct`."""
    details_wanted = Signal(object)
    """Somebody wants to know all about an alert."""
    before_wanted = Signal(object)
    """Somebody wants to know what changed just before an alert."""
    menu_wanted = Signal(object, QPoint)
    """The alerts that are chosen, and where a menu of them is to open."""

    def __init__(self, look: Look, rows: AlertsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.hovered = -1
        self.setModel(rows)
        self.setItemDelegate(AlertDelegate(look, rows, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setMinimumSectionSize(ROW_PX)
        head = self.horizontalHeader()
        head.setFixedHeight(ROW_PX)
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        head.setSectionResizeMode(WHAT, QHeaderView.ResizeMode.Stretch)
        for column in range(WHERE, len(COLUMNS)):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            head.resizeSection(column, _WIDTHS[column])
        self.setAccessibleName("Alerts")
        look.changed.connect(self.viewport().update)

    def chosen_rows(self) -> Iterator[Row]:
        """Go over the rows that are chosen, from the top."""
        for number in sorted(index.row() for index in self.selectionModel().selectedRows()):
            yield self._rows.rows[number]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave room for what has happened, and for the button."""
        room_px = event.size().width() - sum(_WIDTHS.values())
        for column in _GIVE_WAY:
            narrow = room_px < LEAST_WHAT_PX
            self.setColumnHidden(column, narrow)
            room_px += _WIDTHS[column] if narrow else 0
        self.horizontalHeader().resizeSection(WHO, WHO_LEAST_PX if room_px < LEAST_WHAT_PX else _WIDTHS[WHO])
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Acknowledge where the button is, else choose."""
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        if not index.isValid() or event.button() != Qt.MouseButton.LeftButton or event.modifiers():
            return
        row, cell = self._rows.rows[index.row()], QRectF(self.visualRect(index))
        if row.hides:
            self._rows.unfold(row)
        elif index.column() == WHO and acknowledge_rect(cell).contains(event.position()):
            self._acknowledge(row)
        elif row.alert is not None and index.column() == WHAT and _is_at(before_rect(cell), event):
            self.before_wanted.emit(row.alert.id)
        else:
            self.chosen.emit(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Tell all about an alert."""
        index = self.indexAt(event.position().toPoint())
        row = self._rows.rows[index.row()] if index.isValid() else None
        on_button = index.column() == WHO and acknowledge_rect(QRectF(self.visualRect(index))).contains(
            event.position()
        )
        if row is not None and row.alert is not None and not on_button:
            self.details_wanted.emit(row.alert.id)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with what is chosen."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        if by_mouse:
            at = event.globalPos()
        else:
            below = self.visualRect(self.currentIndex()).bottomLeft()
            at = self.viewport().mapToGlobal(below + QPoint(36, 0))
        ids = [row.alert.id for row in self.chosen_rows() if row.alert is not None]
        if ids:
            self.menu_wanted.emit(ids, at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Remember the row under the mouse."""
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        self._hover(index.row())
        if index.column() == WHAT and _is_at(before_rect(QRectF(self.visualRect(index))), event):
            QToolTip.showText(event.globalPosition().toPoint(), "What changed just before (B)", self)

    def leaveEvent(self, event: object) -> None:
        """No row is under the mouse."""
        self._hover(-1)

    def event(self, event: QEvent) -> bool:
        """Keep the letters that act here from being the window's shortcuts."""
        own = (Qt.Key.Key_D, Qt.Key.Key_B, *ACT_KEYS)
        kept = keeps(event, lambda key: is_letter(key) and key.key() in own and self.currentIndex().isValid())
        return kept or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return chooses, D tells all, B what was before; a letter for each thing that can be done to what is chosen."""
        index, key = self.currentIndex(), Qt.Key(event.key())
        row = self._rows.rows[index.row()] if index.isValid() else None
        alerts = [chosen.alert.id for chosen in self.chosen_rows() if chosen.alert is not None]
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif row is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._rows.unfold(row) if row.hides else self.chosen.emit(row)
        elif row is not None and row.alert is not None and key in (Qt.Key.Key_D, Qt.Key.Key_B):
            wanted = self.details_wanted if key == Qt.Key.Key_D else self.before_wanted
            wanted.emit(row.alert.id)
        elif key == Qt.Key.Key_A:
            for chosen in list(self.chosen_rows()):
                self._acknowledge(chosen)
        elif alerts and key in ACT_KEYS:
            self.acts_wanted.emit(alerts, ACT_KEYS[key])
        else:
            super().keyPressEvent(event)

    def _acknowledge(self, row: Row) -> None:
        if row.alert is not None and row.may_acknowledge:
            self.acknowledged.emit(row.alert.id)

    def _hover(self, row: int) -> None:
        if row != self.hovered:
            self.hovered = row
            self.viewport().update()


def _is_at(place: QRectF, event: QMouseEvent) -> bool:
    return place.adjusted(-4, -4, 4, 4).contains(event.position())

"""Paints the tree of names. Counterpart: `tree_model.py`.

One rule: a row is painted, never a widget; what a node is shows as its icon, and the number it has among its siblings at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from app.look import HEAD_PX, ROW_PX, TABLE_PX, Look, color, font, square
from app.mibs.tree_model import MibTreeModel
from app.panels.text import LEFT, RIGHT, paint_text
from domain.mib import MibNode

INDENT_PX = 14
CHEVRON_X_PX = 12
NUMBER_PX = 64
MODULE_LEAST_PX = 40
ICONS = {
    "node": "folder",
    "module": "package",
    "scalar": "tag",
    "table": "table",
    "row": "rows-3",
    "column": "columns-3",
    "notification": "bell",
}
Index = QModelIndex | QPersistentModelIndex


class _Delegate(QStyledItemDelegate):
    def __init__(self, look: Look, rows: MibTreeModel, view: MibTreeView) -> None:
        super().__init__(view)
        self._look, self._rows, self._view = look, rows, view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row, theme, rect = self._rows.row(index), self._look.theme, QRectF(option.rect)
        state: QStyle.StateFlag = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, color(theme.accent.ground))
            painter.fillRect(QRectF(0, rect.y(), 2, rect.height()), color(theme.accent.accent))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, color(theme.surface.raised))
        x, middle_y = row.depth * INDENT_PX, rect.center().y()
        if row.node.children:
            chevron = "chevron-down" if self._view.isExpanded(index) else "chevron-right"
            painter.drawPixmap(
                square(x + CHEVRON_X_PX, middle_y, 14).toRect(),
                self._look.pixmap(chevron, theme.text.faint, 14),
            )
        icon = self._look.pixmap(ICONS[row.node.kind], theme.text.quiet, 14)
        painter.drawPixmap(square(x + CHEVRON_X_PX + 18, middle_y, 14).toRect(), icon)
        above = row.node.parent
        arcs = row.node.oid.removeprefix(f"{above}.") if above else row.node.oid
        number = QRectF(rect.right() - NUMBER_PX - 10, rect.y(), NUMBER_PX, rect.height())
        taken = paint_text(painter, number, arcs, font(HEAD_PX, tabular=True), theme.text.quiet, RIGHT)
        left = x + CHEVRON_X_PX + 32
        room = QRectF(left, rect.y(), rect.width() - left - taken - 18, rect.height())
        paint_text(painter, room, row.node.name, font(TABLE_PX), theme.text.text, LEFT)


class HitDelegate(QStyledItemDelegate):
    """Paints what a search found: icon, name, whose it is; a row behind the hits is a word about them."""

    def __init__(self, look: Look, hits: Callable[[], Sequence[MibNode]], parent: QWidget) -> None:
        super().__init__(parent)
        self._look, self._hits = look, hits

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Rows as in the tree."""
        return QSize(40, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a row."""
        theme, rect, hits = self._look.theme, QRectF(option.rect), self._hits()
        state: QStyle.StateFlag = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, color(theme.accent.ground))
            painter.fillRect(QRectF(0, rect.y(), 2, rect.height()), color(theme.accent.accent))
        if index.row() >= len(hits):
            said = str(index.data())
            paint_text(painter, rect.adjusted(28, 0, -8, 0), said, font(HEAD_PX), theme.text.quiet, LEFT)
            return
        node = hits[index.row()]
        icon = self._look.pixmap(ICONS[node.kind], theme.text.quiet, 14)
        painter.drawPixmap(square(14, rect.center().y(), 14).toRect(), icon)
        room = rect.adjusted(28, 0, -10, 0)
        taken = paint_text(painter, room, node.name, font(TABLE_PX), theme.text.text, LEFT) + 12
        if room.width() - taken > MODULE_LEAST_PX:
            module = room.adjusted(taken, 0, 0, 0)
            paint_text(painter, module, node.module, font(HEAD_PX), theme.text.quiet, RIGHT)


class MibTreeView(QTreeView):
    """The tree. `chosen` gives the OID that the mouse or the arrows came to."""

    chosen = Signal(str)

    def __init__(self, look: Look, rows: MibTreeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.setModel(rows)
        self.setItemDelegate(_Delegate(look, rows, self))
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(True)
        self.setMouseTracking(True)
        self.setExpandsOnDoubleClick(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("MIB tree")
        self.selectionModel().currentChanged.connect(self._on_current)
        rows.revealed.connect(self.show_index)
        look.changed.connect(self.viewport().update)

    def show_index(self, index: QModelIndex) -> None:
        """Open what is above a row, choose it and bring it into sight."""
        above = index.parent()
        while above.isValid():
            self.setExpanded(above, True)
            above = above.parent()
        self.setCurrentIndex(index)
        self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a row; on its chevron, or once more, open or shut it."""
        index = self.indexAt(event.position().toPoint())
        again = index.isValid() and index == self.currentIndex()
        super().mousePressEvent(event)
        if index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            chevron_px = self._rows.row(index).depth * INDENT_PX + CHEVRON_X_PX + 9
            if again or event.position().x() < chevron_px:
                self.setExpanded(index, not self.isExpanded(index))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return opens and shuts, Ctrl+C copies the OID; arrows are the tree's."""
        index = self.currentIndex()
        if event.matches(QKeySequence.StandardKey.Copy) and index.isValid():
            QGuiApplication.clipboard().setText(self._rows.row(index).node.oid)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and index.isValid():
            self.setExpanded(index, not self.isExpanded(index))
        else:
            super().keyPressEvent(event)

    def _on_current(self, now: QModelIndex) -> None:
        if now.isValid():
            self.chosen.emit(self._rows.row(now).node.oid)

"""How a row of the tree is painted: chevron, symbol, name, how what stands there fares. Counterpart: `tree_model.py`, its rows.

One rule: numbers stand at the end in fault order and give way to nothing; a name gives way in its middle.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from app.look import REGION_ROW_PX, ROW_PX, TABLE_PX, Look, color, font, square
from app.panels.text import LEFT, RIGHT, paint_text
from app.panels.tree_model import Node, TreeModel
from app.symbols import RANK, paint_symbol

INDENT_PX = 16
INDENTS_MOST = 5
"""What stands deeper is not moved further in: a name needs its room."""
CHEVRON_X_PX = 14
COUNTS_SHOWN = 2
"""The worst statuses whose numbers stand in a row."""
COUNT_SYMBOL_PX = 12
_WORTH_COUNTING = ("down", "affected", "degraded", "stale")


def chevron_end_px(node: Node) -> int:
    """Return where the part of a row ends that opens and shuts it."""
    return _left_px(node) + CHEVRON_X_PX + 11


def _left_px(node: Node) -> int:
    return min(node.depth, INDENTS_MOST) * INDENT_PX


class TreeDelegate(QStyledItemDelegate):
    """Paints one row: chevron, symbol, name, and what stands at the end."""

    def __init__(self, look: Look, rows: TreeModel, view: QTreeView) -> None:
        super().__init__(view)
        self._look = look
        self._rows = rows
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Regions are taller."""
        node = self._rows.node(index)
        return QSize(100, REGION_ROW_PX if node is not None and node.kind == "region" else ROW_PX)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint a row."""
        node = self._rows.node(index)
        if node is None:
            return
        theme = self._look.theme
        rect = QRectF(option.rect)
        state: QStyle.StateFlag = option.state
        ground = theme.surface.panel
        if state & QStyle.StateFlag.State_Selected:
            ground = theme.accent.ground
            painter.fillRect(rect, color(ground))
            painter.fillRect(QRectF(0, rect.y(), 2, rect.height()), color(theme.accent.accent))
        elif state & QStyle.StateFlag.State_MouseOver:
            ground = theme.surface.raised
            painter.fillRect(rect, color(ground))
        x = _left_px(node)
        middle_y = rect.center().y()
        if node.children:
            name = "chevron-down" if self._view.isExpanded(index) else "chevron-right"
            chevron = self._look.pixmap(name, theme.text.faint, 14)
            painter.drawPixmap(square(x + CHEVRON_X_PX, middle_y, 14).toRect(), chevron)
        paint_symbol(painter, square(x + CHEVRON_X_PX + 21, middle_y, 15), node.status, theme, ground)
        left = x + CHEVRON_X_PX + 36
        right_width = 0
        if node.right:
            column = QRectF(rect.right() - 112, rect.y(), 100, rect.height())
            right_width = 12 + paint_text(
                painter, column, node.right, font(TABLE_PX, tabular=True), theme.text.quiet, RIGHT
            )
        if sum(node.counts.values()) > 1:
            right_width += self._paint_counts(painter, rect.adjusted(0, 0, -right_width, 0), node, ground)
        quiet = node.kind != "region" and RANK[node.status] >= RANK["unknown"]
        ink = theme.text.quiet if quiet and not state & QStyle.StateFlag.State_Selected else theme.text.text
        weight = 600 if node.kind == "region" else 400
        room = QRectF(left, rect.y(), rect.width() - left - right_width - 12, rect.height())
        paint_text(painter, room, node.name, font(TABLE_PX + (node.kind == "region"), weight), ink, LEFT)

    def _paint_counts(self, painter: QPainter, rect: QRectF, node: Node, ground: str) -> int:
        """Paint how many are worst, from the right; return the width in pixels."""
        theme, end = self._look.theme, rect.right()
        worth = [status for status in node.counts if status in _WORTH_COUNTING][:COUNTS_SHOWN]
        for status in reversed(worth):
            room = QRectF(end - 60, rect.y(), 48, rect.height())
            said = f"{node.counts[status]:,}"
            ink = theme.status_text[status]
            width = paint_text(painter, room, said, font(TABLE_PX, 500, tabular=True), ink, RIGHT)
            end -= width + 12 + COUNT_SYMBOL_PX
            paint_symbol(painter, square(end + 6, rect.center().y(), COUNT_SYMBOL_PX), status, theme, ground)
        return int(rect.right() - end)

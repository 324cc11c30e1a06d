"""How a row of the tree is painted: chevron, symbol, name, how what stands there fares. Counterpart: `tree_model.py`, its rows.

One rule: numbers of faults stand at the end and give way to nothing; where they leave too little for the name, how many
subscribers there are is left to the hint; then a name gives way in its middle.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize
from PySide6.QtGui import QFont, QFontMetricsF, QPainter
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
COUNT_END_PX = COUNT_SYMBOL_PX + 12
"""Beside its number: its symbol, and what parts it from the next."""
SIGN_PX = 12
"""The arrow of what waits for the team's server, after the name and before what stands at the end."""
_WORTH_COUNTING = ("down", "affected", "degraded", "stale")


def chevron_end_px(node: Node) -> int:
    """Return where the part of a row ends that opens and shuts it."""
    return _left_px(node) + CHEVRON_X_PX + 11


def _left_px(node: Node) -> int:
    return min(node.depth, INDENTS_MOST) * INDENT_PX


def is_tight(node: Node, room_px: float, name_font: QFont) -> bool:
    """Tell whether name, numbers of faults and what stands at the end need more room than there is."""
    small = QFontMetricsF(font(TABLE_PX, 500, tabular=True))
    counts = [f"{node.counts[status]:,}" for status in _worst(node)]
    needed_px = QFontMetricsF(name_font).horizontalAdvance(node.name) + 24
    needed_px += sum(small.horizontalAdvance(said) + COUNT_END_PX for said in counts)
    return needed_px + small.horizontalAdvance(node.right) > room_px


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
        is_region = node.kind == "region"
        name_font = font(TABLE_PX + is_region, 600 if is_region else 400)
        right_width = 0
        if node.right and not (_has_counts(node) and is_tight(node, rect.width() - left, name_font)):
            column = QRectF(rect.right() - 112, rect.y(), 100, rect.height())
            right_width = 12 + paint_text(
                painter, column, node.right, font(TABLE_PX, tabular=True), theme.text.quiet, RIGHT
            )
        if _has_counts(node):
            right_width += self._paint_counts(painter, rect.adjusted(0, 0, -right_width, 0), node, ground)
        signs = self._rows.signs(node)
        inks = {"arrow-up": theme.text.quiet} if signs.is_pending else {}
        if signs.tunnels is not None:
            inks["arrow-left-right"] = theme.accent.accent if signs.tunnels.mine else theme.text.quiet
        for name, sign_ink in inks.items():
            right_width += SIGN_PX + 4
            sign = square(rect.right() - right_width - 2, middle_y, SIGN_PX)
            painter.drawPixmap(sign.toRect(), self._look.pixmap(name, sign_ink, SIGN_PX))
        quiet = not is_region and RANK[node.status] >= RANK["unknown"]
        ink = theme.text.quiet if quiet and not state & QStyle.StateFlag.State_Selected else theme.text.text
        room = QRectF(left, rect.y(), rect.width() - left - right_width - 12, rect.height())
        paint_text(painter, room, node.name, name_font, ink, LEFT)

    def _paint_counts(self, painter: QPainter, rect: QRectF, node: Node, ground: str) -> int:
        """Paint how many are worst, from the right; return the width in pixels."""
        theme, end = self._look.theme, rect.right()
        for status in reversed(_worst(node)):
            room = QRectF(end - 60, rect.y(), 48, rect.height())
            said = f"{node.counts[status]:,}"
            ink = theme.status_text[status]
            width = paint_text(painter, room, said, font(TABLE_PX, 500, tabular=True), ink, RIGHT)
            end -= width + COUNT_END_PX
            paint_symbol(painter, square(end + 6, rect.center().y(), COUNT_SYMBOL_PX), status, theme, ground)
        return int(rect.right() - end)


def _has_counts(node: Node) -> bool:
    return sum(node.counts.values()) > 1


def _worst(node: Node) -> list[str]:
    return [status for status in node.counts if status in _WORTH_COUNTING][:COUNTS_SHOWN]

"""A heading that is a choice: bold text, a chevron, a list. Counterpart: `device_graph.py` uses it.

One rule: the text gives way in the middle, never under the chevron; where there is nothing to choose it is but a heading.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from app.look import BASE_PX, Look, color, font
from app.panels.text import LEFT, paint_text

HEIGHT_PX = 24


class Dropdown(QComboBox):
    """A combo box without a box."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.setProperty("kind", "plain")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT_PX)

    def show_choices(self, titles: list[str]) -> None:
        """Offer these in place of the former ones."""
        self.clear()
        self.addItems(titles)
        self.setEnabled(len(titles) > 1)
        arrow = Qt.CursorShape.PointingHandCursor if len(titles) > 1 else Qt.CursorShape.ArrowCursor
        self.setCursor(arrow)

    def sizeHint(self) -> QSize:
        """Room for the text and its chevron."""
        return QSize(QFontMetrics(font(BASE_PX, 600)).horizontalAdvance(self.currentText()) + 24, HEIGHT_PX)

    def minimumSizeHint(self) -> QSize:
        """It can give way."""
        return QSize(80, HEIGHT_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint text and chevron, and a ground under the pointer."""
        theme, painter = self._look.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.isEnabled() and (self.underMouse() or self.hasFocus()):
            painter.setPen(color(theme.accent.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.surface.raised))
            painter.drawRoundedRect(rect.adjusted(-4, 0, 0, 0), 5, 5)
        room = rect.adjusted(0, 0, -20, 0)
        width = paint_text(painter, room, self.currentText(), font(BASE_PX, 600), theme.text.text, LEFT)
        if self.isEnabled():
            painter.drawPixmap(width + 4, HEIGHT_PX // 2 - 7, self._look.pixmap("chevron-down", size_px=14))

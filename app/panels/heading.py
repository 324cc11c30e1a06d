"""A heading that is a choice: bold text, a chevron. Counterpart: whoever opens a list when it is pressed.

One rule: the text gives way in the middle, never under the chevron; where there is nothing to choose it is but a heading.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.look import BASE_PX, Look, color, font
from app.panels.text import LEFT, paint_text, tip

HEIGHT_PX = 24


class Heading(QAbstractButton):
    """A button without a box."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.title = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT_PX)
        look.changed.connect(self.update)

    def show_title(self, title: str, *, may_choose: bool) -> None:
        """Show what is chosen, and whether there is anything else."""
        if (title, may_choose) != (self.title, self.isEnabled()):
            self.title = title
            self.setToolTip(tip(title))
            self.setAccessibleDescription(title)
            self.setEnabled(may_choose)
            arrow = Qt.CursorShape.PointingHandCursor if may_choose else Qt.CursorShape.ArrowCursor
            self.setCursor(arrow)
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Room for the text and its chevron."""
        return QSize(QFontMetrics(font(BASE_PX, 600)).horizontalAdvance(self.title) + 24, HEIGHT_PX)

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
        width = paint_text(painter, room, self.title, font(BASE_PX, 600), theme.text.text, LEFT)
        if self.isEnabled():
            painter.drawPixmap(width + 4, HEIGHT_PX // 2 - 7, self._look.pixmap("chevron-down", size_px=14))

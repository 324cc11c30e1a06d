"""How many alerts call for somebody, in the bar on top. Counterpart: `domain/alerts.counters`; a click leads to the alerts.

One rule: where nothing is open it is not there.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.look import BASE_PX, Look, color, font
from app.model import Delta, Model
from app.panels.text import LEFT, paint_text, tip
from app.words import count_of
from domain.alerts import Counters, counters

HEIGHT_PX = 28
WIDE_PX = 1400
"""Below this width of the window only the numbers are said."""


class AlertCounters(QAbstractButton):
    """All that is open, the critical ones of it, those that nobody has taken."""

    def __init__(self, model: Model, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._look = model, look
        self.counters = Counters(0, 0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        model.changed.connect(self._on_changed)
        look.changed.connect(self.update)
        self.hide()

    @property
    def parts(self) -> list[tuple[str, str]]:
        """What is said, each with the ink of a status or none."""
        total, critical, untaken, _ = self.counters
        if self.window().width() < WIDE_PX:
            return [(f"{total:,}", "down" if critical else "")]
        said = [(count_of(total, "alert", "alerts"), "")]
        if critical:
            said.append((f"{critical:,} critical", "down"))
        if untaken:
            said.append((f"{untaken:,} unacknowledged", ""))
        return said

    def sizeHint(self) -> QSize:
        """Room for the bell and what is said."""
        metrics = QFontMetrics(font(BASE_PX, 500, tabular=True))
        words_px = sum(metrics.horizontalAdvance(words) + 10 for words, _ in self.parts)
        return QSize(30 + words_px, HEIGHT_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint bell and numbers."""
        theme, painter = self._look.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.underMouse() or self.hasFocus():
            painter.setPen(color(theme.accent.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.surface.raised))
            painter.drawRoundedRect(rect, 6, 6)
        painter.drawPixmap(8, HEIGHT_PX // 2 - 7, self._look.pixmap("bell", size_px=14))
        x = 28.0
        for words, status in self.parts:
            ink = theme.status_text[status] if status else theme.text.text
            room = QRectF(x, 0, rect.right() - x, HEIGHT_PX)
            x += paint_text(painter, room, words, font(BASE_PX, 500, tabular=True), ink, LEFT) + 10

    def _on_changed(self, delta: Delta) -> None:
        if not (delta.alerts or delta.initial):
            return
        found = counters(self._model.alerts.values())
        if found == self.counters:
            return
        self.counters = found
        total, critical, untaken, silenced = found
        lines = [
            f"{count_of(total, 'alert calls', 'alerts call')} for somebody",
            f"{critical:,} critical",
            f"{untaken:,} that nobody has acknowledged",
            f"{silenced:,} silenced besides" if silenced else "",
        ]
        self.setAccessibleName(f"{total} alerts, {critical} critical, {untaken} unacknowledged")
        self.setToolTip(tip("\n".join(filter(None, lines))))
        self.setVisible(total > 0)
        self.updateGeometry()
        self.update()

"""The sign in the top bar: how this network stands with its team. Counterpart: `words.stand_of`.

One rule: when all is well it is as quiet as its neighbours; else shape, size and ground change with its colour.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.look import BASE_PX, Look, blend, color, font
from app.panels.text import LEFT, paint_text, tip
from app.team.words import ALONE, Level, Stand

HEIGHT_PX = 30
LOUD_PX = 15
ICON_PX = 16
_ICONS: dict[Level, str] = {
    "off": "cloud-off",
    "calm": "cloud-check",
    "waiting": "refresh-cw",
    "cut": "cloud-off",
    "act": "circle-alert",
}


class SyncSign(QAbstractButton):
    """A word or two with a sign. Clicked, it opens the team's board."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.stand: Stand = ALONE
        self._terse = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        look.changed.connect(self.update)

    @property
    def is_loud(self) -> bool:
        """Whether it is to be seen from across the room."""
        return self.stand.level in ("cut", "act")

    @property
    def words(self) -> str:
        """What is written on it."""
        more = "" if self._terse or not self.stand.more else f", {self.stand.more}"
        return f"{self.stand.short}{more}"

    def set_terse(self, terse: bool) -> None:
        """Say the least where there is little room."""
        if terse != self._terse:
            self._terse = terse
            self.updateGeometry()
            self.update()

    def show_stand(self, stand: Stand) -> None:
        """Say how it stands now."""
        if stand == self.stand:
            return
        self.stand = stand
        self.setAccessibleName(f"Sync: {self.words}")
        self.setAccessibleDescription(stand.story)
        self.setToolTip(tip(stand.story))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the sign and its words."""
        words_px = QFontMetrics(self._font()).horizontalAdvance(self.words)
        return QSize(words_px + ICON_PX + 24, HEIGHT_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        theme, painter = self._look.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inks = {
            "cut": theme.status_text["degraded"],
            "act": theme.status_text["down"],
            "calm": theme.text.text if self.stand.short != "Synced" else theme.text.quiet,
        }
        ink = inks.get(self.stand.level, theme.text.quiet)
        grounds = {
            "cut": blend(theme.status["degraded"], theme.surface.panel, 0.16),
            "act": theme.down_ground,
        }
        ground = grounds.get(self.stand.level)
        if ground is None and self.underMouse():
            ground = theme.surface.raised
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(color(theme.accent.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(color(ground) if ground is not None else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect, 6, 6)
        icon = self._look.pixmap(_ICONS[self.stand.level], ink, ICON_PX)
        painter.drawPixmap(9, (self.height() - ICON_PX) // 2, icon)
        paint_text(painter, rect.adjusted(ICON_PX + 15, 0, 0, 0), self.words, self._font(), ink, LEFT)

    def _font(self) -> QFont:
        return font(LOUD_PX, 600, tabular=True) if self.is_loud else font(BASE_PX, tabular=True)

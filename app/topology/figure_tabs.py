"""Big numbers, of which one is chosen: its list stands below. Counterpart: `what_if_panel.py`.

One rule: a number that is being worked out anew is quiet, never gone.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QGridLayout, QSizePolicy, QWidget

from app.look import HEAD_PX, NAME_PX, Look, color, font
from app.panels.text import LEFT, paint_text
from app.words import UNKNOWN

HEIGHT_PX = 56


class FigureTab(QAbstractButton):
    """A number with what it counts below it."""

    def __init__(self, words: str, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words, self._look = words, look
        self._number: int | None = None
        self._is_old = False
        self.setCheckable(True)
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(words)

    @property
    def said(self) -> str:
        """The number as it is shown."""
        return UNKNOWN if self._number is None else f"{self._number:,}"

    def show_number(self, number: int | None, *, is_old: bool) -> None:
        """Show a number; None where it is not known."""
        if (number, is_old) != (self._number, self._is_old):
            self._number, self._is_old = number, is_old
            self.setAccessibleName(f"{self.said} {self._words}")
            self.update()

    def sizeHint(self) -> QSize:
        """Room for the words."""
        return QSize(72, HEIGHT_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint number, words, and the line under the chosen one."""
        theme, painter, rect = self._look.theme, QPainter(self), QRectF(self.rect())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus() or self.underMouse():
            painter.setPen(color(theme.accent.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.surface.raised))
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -4.5), 6, 6)
        ink = theme.text.quiet if self._is_old or not self._number else theme.text.text
        inner = rect.adjusted(6, 0, -4, 0)
        number, words = QRectF(inner), QRectF(inner)
        number.setRect(inner.x(), 3, inner.width(), 28)
        words.setRect(inner.x(), 31, inner.width(), 16)
        paint_text(painter, number, self.said, font(NAME_PX, 600), ink, LEFT)
        chosen = self.isChecked()
        paint_text(
            painter, words, self._words, font(HEAD_PX), theme.text.text if chosen else theme.text.quiet, LEFT
        )
        if chosen:
            painter.fillRect(QRectF(6, rect.height() - 2, rect.width() - 12, 2), color(theme.accent.accent))


class FigureTabs(QWidget):
    """Several, by key, so many in a row."""

    chosen = Signal(str)

    def __init__(
        self, words: Mapping[str, str], look: Look, parent: QWidget | None = None, *, columns: int
    ) -> None:
        super().__init__(parent)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        group = QButtonGroup(self)
        self.tabs: dict[str, FigureTab] = {}
        for number, (key, said) in enumerate(words.items()):
            made = self.tabs[key] = FigureTab(said, look)
            made.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            group.addButton(made)
            layout.addWidget(made, number // columns, number % columns)
        self.tabs[next(iter(words))].setChecked(True)
        look.changed.connect(self.update)

    @property
    def current(self) -> str:
        """The key of the chosen one."""
        return next(key for key, tab in self.tabs.items() if tab.isChecked())

    def choose(self, key: str) -> None:
        """Choose by program; tells nobody."""
        self.tabs[key].setChecked(True)

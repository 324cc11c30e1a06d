"""A list beside all of what is chosen in it; below it where the room is narrow. Counterpart: the pages of `board.py`.

One rule: what can be done about a row stands with all that is known of it.
"""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QWidget

from app.panels.device_body import scrolled

DETAILS_PX = 380
NARROW_PX = 760
MARGIN_PX = 12


class Details(QWidget):
    """Two parts, side by side or one over the other."""

    def __init__(self, rows: QWidget, details: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details = scrolled(details)
        self._line = QFrame()
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(MARGIN_PX, 4, MARGIN_PX, 8)
        self._layout.setSpacing(MARGIN_PX)
        self._layout.addWidget(rows, 1)
        self._layout.addWidget(self._line)
        self._layout.addWidget(self._details)
        self._arrange(self.width())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turn with the room."""
        super().resizeEvent(event)
        self._arrange(event.size().width())

    def _arrange(self, width_px: int) -> None:
        beside = width_px >= NARROW_PX
        direction = QBoxLayout.Direction
        self._layout.setDirection(direction.LeftToRight if beside else direction.TopToBottom)
        self._layout.setStretch(2, 0 if beside else 1)
        self._line.setProperty("kind", "upright" if beside else "line")
        self._line.style().unpolish(self._line)
        self._line.style().polish(self._line)
        self._details.setMinimumWidth(DETAILS_PX if beside else 0)
        self._details.setMaximumWidth(DETAILS_PX if beside else 16_777_215)

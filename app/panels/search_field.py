"""The field above a list. Counterpart: `section.py` and `port_list.py`, whose lists it searches.

One rule: Escape empties it before it does anything else in the window.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

SEARCH_FROM = 12
"""Shorter lists are read at a glance."""
WIDTH_PX = 168


class SearchField(QLineEdit):
    """A search within one list. `left_down`: somebody went on into the list."""

    left_down = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "search")
        self.setPlaceholderText("Search")
        self.setAccessibleName(f"Search in {title.lower()}")
        self.setMaxLength(80)
        self.setClearButtonEnabled(True)
        self.setMaximumWidth(WIDTH_PX)

    def show_for(self, count: int) -> None:
        """Be there where a list is long, or searched already."""
        self.setVisible(count > SEARCH_FROM or bool(self.text()))

    def event(self, event: QEvent) -> bool:
        """Keep Escape from the window's shortcut while there is something to empty."""
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if escape and event.type() == QEvent.Type.ShortcutOverride and self.text():
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape empties, Down and Return go on into the list."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left_down.emit()
        else:
            super().keyPressEvent(event)

"""Parts of the window whose edges people move. Counterpart: `window.py`. One rule: no part can be made to vanish by its edge."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget


def splitter(orientation: Qt.Orientation, parts: list[QWidget], stretched: int) -> QSplitter:
    """Return them beside or below each other; `stretched` is the number of the one that takes what room is left."""
    made = QSplitter(orientation)
    made.setHandleWidth(1)
    made.setChildrenCollapsible(False)
    for number, part in enumerate(parts):
        made.addWidget(part)
        made.setStretchFactor(number, 1 if number == stretched else 0)
    return made

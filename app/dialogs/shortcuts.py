"""The keyboard, on one card (F1). Counterpart: `actions.py`, whose keys these are.

One rule: it is made from the actions themselves, so that it cannot say what is not so.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.panels.text import Label, button


class Shortcuts(QDialog):
    """Every action that has a key."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keyboard")
        self.setMinimumWidth(420)
        grid = QGridLayout()
        grid.setHorizontalSpacing(32)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        keyed = [action for action in actions if action.shortcuts()]
        for row, action in enumerate(keyed):
            keys = ", ".join(
                key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()
            )
            grid.addWidget(Label(action.iconText()), row, 0)
            grid.addWidget(Label(keys, "key"), row, 1, Qt.AlignmentFlag.AlignRight)
        close = button("Close")
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(12)
        layout.addWidget(Label("Keyboard", "title"))
        layout.addLayout(grid)
        layout.addLayout(foot)

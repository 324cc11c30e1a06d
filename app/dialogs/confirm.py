"""Asks once before something is destroyed. Counterpart: the window, which names the thing.

One rule: the button says the verb, and Cancel has the keyboard.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.panels.text import Label, button


class Confirm(QDialog):
    """One question, one verb, one way back."""

    def __init__(
        self, question: str, details: str, verb: str, then: Callable[[], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(verb)
        self.setFixedWidth(420)
        self.question = Label(question, "head", wrap=True)
        self.details = Label(details, "quiet", wrap=True)
        self.details.setVisible(bool(details))
        self.verb = button(verb, "danger")
        self.verb.setAutoDefault(False)
        self.verb.clicked.connect(self.accept)
        cancel = button("Cancel")
        cancel.setDefault(True)
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.verb)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(8)
        layout.addWidget(self.question)
        layout.addWidget(self.details)
        layout.addSpacing(8)
        layout.addLayout(foot)
        self.accepted.connect(then)
        cancel.setFocus()

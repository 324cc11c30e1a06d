"""What stands where no finds are: why, and what to do. Counterpart: `page.py`.

One rule: an empty page says what fills it.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.panels.text import Label, button


class Empty(QWidget):
    """A sentence or two, and a way back from what was left out."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.said = Label("", "head"), Label("", "quiet", wrap=True)
        self.verb = button("Show all")
        self.verb.setAutoDefault(False)
        for label in (self.head, self.said):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.said.setFixedWidth(460)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 0, 24, 0)
        layout.addStretch(2)
        layout.addWidget(self.head)
        prose = QHBoxLayout()
        prose.addStretch(1)
        prose.addWidget(self.said)
        prose.addStretch(1)
        layout.addLayout(prose)
        layout.addSpacing(4)
        layout.addWidget(self.verb, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(3)

    def tell(self, total: int, searched: str) -> None:
        """Say why nothing is shown: none of so many, or there are none."""
        self.verb.setVisible(total > 0)
        if not total:
            self.head.setText("Nothing waits for you")
            self.said.setText(
                "Sweep the addresses of your network, or follow the neighbours of its devices. What answers and is no device yet "
                "is listed here; nothing is added by itself."
            )
            return
        self.head.setText("Nothing matches")
        none = f"No find has “{searched}” in its words." if searched else "No find is left by these chips."
        self.said.setText(none)

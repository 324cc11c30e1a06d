"""A row of buttons of which one is chosen: tabs and ranges. Counterpart: whoever shows what was chosen.

One rule: choosing by program tells nobody, choosing by hand does.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QWidget

from app.panels.text import button, caption


class Segments(QFrame):
    """One of several, by key. `kind` is "segment" (in a well) or "tab" (underlined)."""

    chosen = Signal(str)

    def __init__(
        self,
        titles: Mapping[str, str],
        kind: str = "segment",
        *,
        small: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        in_well = kind == "segment"
        if in_well:
            self.setProperty("kind", "segments")
        layout = QHBoxLayout(self)
        margin = 2 if in_well else 0
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(0 if in_well else 16)
        group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for key, title in titles.items():
            made = button(title, kind)
            made.setProperty("small", "true" if small else "false")
            made.setCheckable(True)
            made.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            group.addButton(made)
            layout.addWidget(made)
            self.buttons[key] = made
        if not in_well:
            layout.addStretch(1)
        self.choose(next(iter(titles)))

    @property
    def current(self) -> str:
        """The key of the chosen one."""
        return next(key for key, made in self.buttons.items() if made.isChecked())

    def choose(self, key: str) -> None:
        """Choose by program."""
        self.buttons[key].setChecked(True)

    def set_title(self, key: str, title: str) -> None:
        """Change what is written on one."""
        self.buttons[key].setText(caption(title))

"""The bar over the map: map or schematic, where on paper one is, and what can be done there. Counterpart: `desk.py`.

One rule: on the map it is two words wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.panels.segments import Segments
from app.panels.text import Label, button, caption

CRUMB_LETTERS = 22
HINT_PX = 300


class SchematicBar(QFrame):
    """Says what was clicked and does nothing itself."""

    view_wanted = Signal(str)
    """ "map" or "schematic"."""
    diagram_wanted = Signal(object)
    hint_taken = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "toast")
        self.views = Segments({"map": "Map", "schematic": "Schematic"})
        self.views.chosen.connect(self.view_wanted)
        self._crumbs = QHBoxLayout()
        self._crumbs.setSpacing(0)
        self.arrange = button("Arrange", "link")
        self.draw = button("Draw", "link")
        self.more = button("More", "link")
        self._tools: tuple[QPushButton, ...] = (self.arrange, self.draw, self.more)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.views)
        row.addLayout(self._crumbs)
        for tool in self._tools:
            row.addWidget(tool)
        self.hint = Label("", "small", wrap=True)
        self.hint.setMaximumWidth(HINT_PX)
        self.verb = button("", "link")
        self.verb.clicked.connect(self.hint_taken)
        said = QHBoxLayout()
        said.setContentsMargins(8, 0, 0, 2)
        said.addWidget(self.hint, 1)
        said.addWidget(self.verb)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 6, 4)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addLayout(said)
        self.show_map()

    def show_map(self) -> None:
        """Be the switch alone."""
        self.views.choose("map")
        self.show_path([])
        for tool in self._tools:
            tool.hide()
        self.say("")

    def show_paper(self, path: Sequence[tuple[UUID, str]]) -> None:
        """Be the switch, the way to this paper, and what can be done with it."""
        self.views.choose("schematic")
        for tool in self._tools:
            tool.show()
        self.show_path(path)

    def show_path(self, path: Sequence[tuple[UUID, str]]) -> None:
        """Show the way from the root; each step but the last leads there. The root alone says nothing."""
        while (item := self._crumbs.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        for number, (id, name) in enumerate(path if len(path) > 1 else []):
            if number:
                between = Label("›", "quiet")
                self._crumbs.addWidget(between)
                between.show()
            short = name if len(name) <= CRUMB_LETTERS else f"{name[: CRUMB_LETTERS - 1]}…"
            step: QWidget = Label(short, "head")  # here one is
            if number < len(path) - 1:
                way = step = button(short, "link")
                way.clicked.connect(lambda _=False, id=id: self.diagram_wanted.emit(id))
            else:
                step.setContentsMargins(8, 0, 8, 0)
            self._crumbs.addWidget(step)
            step.show()
        self._fit()

    def say(self, hint: str, verb: str = "") -> None:
        """Say something under the tools, with a verb where there is one; nothing where it is empty."""
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.verb.setText(caption(verb))
        self.verb.setVisible(bool(verb))
        self._fit()

    def _fit(self) -> None:
        layout = self.layout()
        if layout is not None:
            layout.invalidate()
            layout.activate()
        self.resize(self.sizeHint())

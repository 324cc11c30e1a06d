"""All that is known of the chosen find, and why it is what it is. Counterpart: `words.told_of`.

One rule: nothing of it is cut: what a line has no room for wraps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.discovery.words import MATCH_TITLES, names_of, told_of, why_words
from app.draft import now_us
from app.look import TABLE_PX, font
from app.model import Model
from app.panels.text import Label, LineLabel, button
from app.words import capitalized, count_of
from domain.finding import Find

WIDTH_PX = 316
LABEL_PX = 92
DEVICES_SHOWN = 4


class FindDetails(QScrollArea):
    """The pane at the right."""

    device_chosen = Signal(object)

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self.shown: Find | None = None
        self._known: list[tuple[UUID, str]] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.name = LineLabel("", "title")
        self.why = Label("", "quiet", wrap=True)
        self.devices = QHBoxLayout()
        self.devices.setSpacing(4)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, LABEL_PX)
        self._grid.setColumnStretch(1, 1)
        self._lines: list[tuple[Label, Label]] = []
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 0, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.name)
        column.addWidget(self.why)
        column.addLayout(self.devices)
        column.addLayout(self._grid)
        column.addStretch(1)
        self.setWidget(inner)

    @property
    def text(self) -> str:
        """All that it says, a line each."""
        shown = [(label.text(), said.text()) for label, said in self._lines if not said.isHidden()]
        return "\n".join([self.name.text(), self.why.text(), *(f"{a}\t{b}" for a, b in shown)])

    def show_finds(self, finds: Sequence[Find]) -> None:
        """Show one find, or how many are chosen."""
        if len(finds) != 1:
            self.shown = None
            self._show_devices(None)
            self._show_lines([])
            self.name.setText(count_of(len(finds), "find", "finds") if finds else "")
            counts: Counter[str] = Counter(find.match.kind for find in finds)
            kinds = [
                f"{counts[kind]:,} {title.lower()}" for kind, title in MATCH_TITLES.items() if counts[kind]
            ]
            self.why.setText(", ".join(kinds) if finds else "Choose a find to see all that it told.")
            return
        (find,) = finds
        if find.id != (self.shown.id if self.shown is not None else None):
            self.verticalScrollBar().setValue(0)
        self.shown = find
        self.name.setText(find.name)
        self.why.setText(capitalized(why_words(find)))
        self._show_devices(find)
        lines = [line for line in told_of(find, self._model.inventory, now_us()) if line.said]
        self._show_lines([*lines, *(_description(find))])

    def _show_devices(self, find: Find | None) -> None:
        known = names_of(self._model.inventory, find.match.devices) if find is not None else []
        if known == self._known:
            return  # a button that is being pressed stays
        self._known = known
        while (item := self.devices.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for id, name in known[:DEVICES_SHOWN]:
            made = button(f"Show {name}" if len(name) < 28 else f"Show {name[:26]}…", "link")
            made.setAutoDefault(False)
            made.clicked.connect(lambda _=False, id=id: self.device_chosen.emit(id))
            self.devices.addWidget(made)
        self.devices.addStretch(1)

    def _show_lines(self, lines: Sequence[tuple[str, str]]) -> None:
        while len(self._lines) < len(lines):
            label, said = Label("", "quiet"), Label("", wrap=True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            for part in (label, said):
                part.setFont(font(TABLE_PX, tabular=True))
            self._grid.addWidget(label, len(self._lines), 0)
            self._grid.addWidget(said, len(self._lines), 1)
            self._lines.append((label, said))
        for number, (label, said) in enumerate(self._lines):
            shown = number < len(lines)
            label.setVisible(shown)
            said.setVisible(shown)
            if shown:
                label.setText(lines[number][0])
                said.setText(_breakable(lines[number][1]))


def _description(find: Find) -> list[tuple[str, str]]:
    return [("Says", find.sys_descr)] if find.sys_descr else []


def _breakable(text: str) -> str:
    """Return a text that wraps within words too long for a line: an engine id has no spaces."""
    return (
        "".join(f"{letter}\u200b" if n % 16 == 15 else letter for n, letter in enumerate(text))
        if _long(text)
        else text
    )


def _long(text: str) -> bool:
    return any(len(word) > 30 for word in text.split())

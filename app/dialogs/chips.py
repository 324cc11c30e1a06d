"""Chosen things as chips, each with a way to take it back, and a list to add more from. Counterpart: `panels/picker.py`.

One rule: all of it goes with the keyboard alone: Tab to a chip, Delete takes it away, Return on the verb opens the list.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from itertools import pairwise
from typing import NamedTuple

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QLayoutItem, QToolButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.look import Look
from app.panels.finder import Entry
from app.panels.picker import Picker, grouped
from app.panels.text import Label, LineLabel, button

CHIP_PX = 26
NAME_MOST_PX = 210
CHIPS_SHOWN = 48
SPACING_PX = 6


def order_keys(widgets: Iterable[QWidget]) -> None:
    """Let Tab go through these in this order."""
    for one, other in pairwise(widgets):
        QWidget.setTabOrder(one, other)


class Offer(NamedTuple):
    """Something that can be chosen: what it is, the group in the list, its words there and on its chip, quiet words."""

    key: Hashable
    group: str
    title: str
    said: str
    quiet: str = ""


class Flow(QLayout):
    """Widgets side by side, as many rows as they need."""

    def __init__(self) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self._items: list[QLayoutItem] = []

    def addItem(self, item: QLayoutItem) -> None:
        """Take an item, as layouts do."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return an item, or None."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Take an item out."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Take no more than it needs."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Be as high as the width makes it."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return how high the rows are."""
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        """Put the items where they belong."""
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:
        """Return the room of the widest item."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        """Return the room of the widest item."""
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        x, y, row_px = rect.x(), rect.y(), 0
        for item in self._items:
            size = item.sizeHint()
            if x > rect.x() and x + size.width() > rect.right() + 1:
                x, y, row_px = rect.x(), y + row_px + SPACING_PX, 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + SPACING_PX
            row_px = max(row_px, size.height())
        return y + row_px - rect.y()


class Chip(QFrame):
    """One chosen thing."""

    removed = Signal()

    def __init__(self, said: str, look: Look) -> None:
        super().__init__()
        self.setProperty("kind", "pill")
        self.setFixedHeight(CHIP_PX)
        label = LineLabel(said)
        wanted = label.fontMetrics().horizontalAdvance(said) + 4
        label.setFixedWidth(min(NAME_MOST_PX, wanted))
        self.cross = QToolButton()
        self.cross.setProperty("kind", "cross")
        self.cross.setIcon(look.icon("x", size_px=14))
        self.cross.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.cross.setAccessibleName(f"Remove {said}")
        self.cross.setToolTip("Remove (Del)")
        self.cross.clicked.connect(self.removed)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 3, 0)
        row.setSpacing(2)
        row.addWidget(label)
        row.addWidget(self.cross)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete and Backspace take it away, as Return and Space do."""
        keys = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() in keys:
            self.removed.emit()
        else:
            super().keyPressEvent(event)


class Chips(QWidget):
    """What is chosen, in the order in which it was. `offer` returns what a folded text finds; chosen things are left out."""

    changed = Signal()
    arranged = Signal()
    """There are other chips than before: whoever orders the keys of a form does so again."""

    def __init__(
        self, look: Look, verb: str, hint: str, offer: Callable[[str], Iterable[Offer]], empty: str = ""
    ) -> None:
        super().__init__()
        self._look, self._hint, self._offer = look, hint, offer
        self._chosen: dict[Hashable, str] = {}
        self._chips: list[Chip] = []
        self._picker: Picker | None = None
        self.verb = button(verb)
        self.verb.setAutoDefault(False)
        self.verb.clicked.connect(self.open_list)
        self.empty = Label(empty, "quiet")
        self.empty.setFixedHeight(CHIP_PX)
        self.more = Label("", "quiet")
        self.more.setFixedHeight(CHIP_PX)
        self._flow = Flow()
        self._flow.addWidget(self.empty)
        self._flow.addWidget(self.verb)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._flow)
        self._show()

    def setFocus(self, reason: Qt.FocusReason = Qt.FocusReason.OtherFocusReason) -> None:
        """Take the keyboard where more is added."""
        self.verb.setFocus(reason)

    @property
    def keys(self) -> list[Hashable]:
        """What is chosen."""
        return list(self._chosen)

    @property
    def chosen(self) -> list[tuple[Hashable, str]]:
        """What is chosen, with the words on its chip."""
        return list(self._chosen.items())

    @property
    def keyed(self) -> list[QWidget]:
        """What takes the keyboard, in the order in which it is seen."""
        return [*(chip.cross for chip in self._chips), self.verb]

    @property
    def typed(self) -> str:
        """What stands in the open list's field, as it was typed."""
        return self._picker.field.text() if self._picker is not None and isValid(self._picker) else ""

    def choose(self, chosen: Iterable[tuple[Hashable, str]]) -> None:
        """Have these chosen and nothing else; tells nobody."""
        self._chosen = dict(chosen)
        self._show()

    def add(self, key: Hashable, said: str) -> None:
        """Choose one more."""
        if key not in self._chosen:
            self._chosen[key] = said
            self._show()
            self.changed.emit()
        self.verb.setFocus()

    def remove(self, key: Hashable) -> None:
        """Take one away; the keyboard goes on to the next."""
        place = list(self._chosen).index(key)
        del self._chosen[key]
        self._show()
        self.changed.emit()
        if self._chips:
            self._chips[min(place, len(self._chips) - 1)].cross.setFocus()
        else:
            self.verb.setFocus()

    def open_list(self) -> Picker:
        """Open the list to add from."""

        def offer(text: str) -> list[Entry]:
            found = (each for each in self._offer(text) if each.key not in self._chosen)
            return grouped((each.group, self._entry(each)) for each in found)

        self._picker = None
        self._picker = Picker(self._look, offer, self._hint, self)
        self._picker.drop_under(self.verb)
        return self._picker

    def _entry(self, offer: Offer) -> Entry:
        return Entry(offer.title, lambda: self.add(offer.key, offer.said), offer.quiet)

    def _show(self) -> None:
        while self._flow.count():
            self._flow.takeAt(0)
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for key, said in list(self._chosen.items())[:CHIPS_SHOWN]:
            chip = Chip(said, self._look)
            chip.removed.connect(lambda key=key: self.remove(key))
            self._chips.append(chip)
            self._flow.addWidget(chip)
            chip.show()  # now, not when it is laid out: it may be given the keyboard before that
        hidden = len(self._chosen) - len(self._chips)
        self.more.setText(f"and {hidden:,} more")
        for label, shown in ((self.more, hidden > 0), (self.empty, not self._chosen and self.empty.text())):
            label.setVisible(bool(shown))
            if shown:
                self._flow.addWidget(label)
        self._flow.addWidget(self.verb)
        self.updateGeometry()
        self.arranged.emit()

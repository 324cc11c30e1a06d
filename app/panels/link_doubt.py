"""One contradiction: what cannot all be so, in words, and what would settle it. Counterpart: `topology/settling.py`.

One rule: the words are never cut, and no choice is made for anybody.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.dialogs.chips import Flow
from app.draft import now_us
from app.look import Look
from app.model import Model
from app.panels.text import Label, LineLabel, button, caption, elided, tip
from app.symbols import symbol_pixmap
from app.topology.settling import KIND_WORDS, Choice, choices_of, sentence_of
from app.topology.told_index import ToldIndex
from app.words import age_of
from domain.evidence import Contradiction

CHOICE_MOST_PX = 260
"""A panel has room for a button with words of that width."""


class DoubtCard(QFrame):
    """A box with its words and its choices."""

    chosen = Signal(object)
    """A `Choice`."""

    def __init__(self, index: ToldIndex, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self._index, self._look = index, look
        self._shown: tuple[object, ...] = ()
        self._symbol = QLabel()
        self.kind = LineLabel("", "head")
        self.age = Label("", "small")
        self.words = Label("", wrap=True)
        self.buttons: list[QPushButton] = []
        self._choices = QWidget()
        self._flow = Flow()
        self._choices.setLayout(self._flow)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._symbol)
        head.addWidget(self.kind, 1)
        head.addWidget(self.age)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.words)
        layout.addWidget(self._choices)

    def show_doubt(self, model: Model, doubt: Contradiction) -> None:
        """Show a contradiction; the same as before keeps its buttons, and the keyboard on them."""
        self._symbol.setPixmap(symbol_pixmap("degraded", self._look.theme, 16))
        self.age.setText(f"{age_of(doubt.at_us, now_us())} ago" if doubt.at_us else "")
        choices = choices_of(model, self._index, doubt)
        shown = (doubt.kind, sentence_of(model, doubt), *choices)
        if shown == self._shown:
            return
        self._shown = shown
        self.kind.setText(KIND_WORDS[doubt.kind])
        self.words.setText(sentence_of(model, doubt))
        self._show_choices(choices)

    def _show_choices(self, choices: list[Choice]) -> None:
        while self._flow.count():
            self._flow.takeAt(0)
        for made in self.buttons:
            made.hide()
            made.deleteLater()
        self.buttons = []
        for choice in choices:
            made = button("", "link" if choice.device is not None else "")
            made.setText(caption(elided(made.fontMetrics(), choice.words, CHOICE_MOST_PX)))
            made.setAccessibleName(choice.words)
            made.setToolTip(tip("\n".join(filter(None, (choice.words, choice.story)))))
            made.clicked.connect(lambda _=False, choice=choice: self.chosen.emit(choice))
            self.buttons.append(made)
            self._flow.addWidget(made)
            made.show()
        self._choices.setVisible(bool(choices))
        self._choices.updateGeometry()


class DoubtCards(QWidget):
    """All contradictions of one thing, below each other; nothing where there are none."""

    chosen = Signal(object)

    def __init__(self, index: ToldIndex, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._index, self._look = index, look
        self.cards: list[DoubtCard] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)

    def show_doubts(self, model: Model, doubts: list[Contradiction]) -> None:
        """Show these."""
        while len(self.cards) < len(doubts):
            card = DoubtCard(self._index, self._look)
            card.chosen.connect(self.chosen)
            self.cards.append(card)
            self._layout.addWidget(card)
        for number, card in enumerate(self.cards):
            card.setVisible(number < len(doubts))
            if number < len(doubts):
                card.show_doubt(model, doubts[number])
        self.setVisible(bool(doubts))

"""Contradictions: each in words, with what settles it. Counterpart: `settling.py`; `Commands` makes the edits.

One rule: none is ever hidden; what somebody leaves as it is stays counted, and only goes to the end of the list.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.draft import now_us
from app.look import Look
from app.model import Delta, Model
from app.panels.link_doubt import DoubtCard
from app.panels.rows_model import Column
from app.panels.text import button
from app.topology.details import Details
from app.topology.listing import Listing
from app.topology.settling import KIND_WORDS, about
from app.topology.told_index import ToldIndex
from app.words import age_of
from domain.evidence import Contradiction


class DoubtRow(NamedTuple):
    """A contradiction as it is shown. `left`: somebody has seen it and leaves it."""

    key: str
    doubt: Contradiction
    about: str
    left: bool


_COLUMNS = (
    Column(
        "What cannot be so",
        lambda row: row.about,
        status=lambda row: "" if row.left else "degraded",
        is_old=lambda row: row.left,
    ),
    Column("Kind", lambda row: KIND_WORDS[row.doubt.kind], 130, 2, is_text=True, is_old=lambda row: row.left),
    Column(
        "Told",
        lambda row: age_of(row.doubt.at_us or None, now_us()),
        56,
        1,
        order=lambda row: -row.doubt.at_us,
        is_old=lambda row: row.left,
    ),
)


class DoubtsPage(QWidget):
    """The list, and the chosen one whole."""

    chosen = Signal(object)
    """A `Choice`."""
    link_wanted = Signal(object)
    """A drawn link, or a device where none is drawn."""
    counted = Signal(int)

    def __init__(self, model: Model, told: ToldIndex, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._left: set[UUID] = set()
        self.listing = Listing(_COLUMNS, look, "Contradictions")
        self.card = DoubtCard(told, look)
        self.card.chosen.connect(self.chosen)
        self.show_it = button("Show it", "link")
        self.show_it.clicked.connect(self._on_show)
        self.leave = button("Leave it as it is", "link")
        self.leave.setToolTip("It stays in the list and in the count, at the end")
        self.leave.clicked.connect(self._on_leave)
        verbs = QHBoxLayout()
        verbs.addWidget(self.show_it)
        verbs.addWidget(self.leave)
        verbs.addStretch(1)
        self._details = QWidget()
        column = QVBoxLayout(self._details)
        column.setContentsMargins(0, 4, 4, 0)
        column.setSpacing(6)
        column.addWidget(self.card)
        column.addLayout(verbs)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Details(self.listing, self._details))
        self.listing.chosen.connect(self._show_chosen)
        self.listing.opened.connect(lambda row: self._on_show())
        told.changed.connect(lambda _: self._show_chosen())
        model.changed.connect(self._on_changed)

    def showEvent(self, event: object) -> None:
        """Show what came meanwhile."""
        self.refresh()

    def tick(self) -> None:
        """Show ages as of now."""
        self.listing.tick()

    def refresh(self) -> None:
        """Read the mirror again."""
        self.counted.emit(len(self._model.contradictions))
        if not self.isVisible():
            return
        rows = [
            DoubtRow(str(id), doubt, about(self._model, doubt), id in self._left)
            for id, doubt in self._model.contradictions.items()
        ]
        rows.sort(key=lambda row: (row.left, -row.doubt.at_us, row.about.casefold(), row.key))
        self.listing.show_rows(rows, "What devices tell agrees with what is drawn.")
        if rows and not self.listing.rows_chosen():
            self.listing.table.selectRow(0)
        self._show_chosen()

    def _on_changed(self, delta: Delta) -> None:
        if delta.contradictions or delta.links or delta.devices or delta.removed or delta.initial:
            self.refresh()

    def _current(self) -> Contradiction | None:
        chosen: list[DoubtRow] = self.listing.rows_chosen()
        return chosen[0].doubt if chosen else None

    def _show_chosen(self) -> None:
        doubt = self._current() if self.isVisible() else None
        self._details.setVisible(doubt is not None)
        if doubt is not None:
            self.card.show_doubt(self._model, doubt)
            self.leave.setVisible(doubt.id not in self._left)

    def _on_show(self) -> None:
        doubt = self._current()
        if doubt is not None:
            there = [id for id in doubt.links if self._model.inventory.link(id) is not None]
            self.link_wanted.emit(there[0] if there else doubt.devices[0])

    def _on_leave(self) -> None:
        doubt = self._current()
        if doubt is not None:
            self._left.add(doubt.id)
            self.listing.table.clearSelection()
            self.refresh()

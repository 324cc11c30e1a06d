"""Links that devices tell of and nobody has drawn: adopted, one or many, or left. Counterpart: `told.py`, `Commands`.

One rule: a candidate that is hidden is counted, and comes back with the next start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.commands import Commands
from app.draft import now_us
from app.look import Look
from app.model import Delta, Model
from app.panels.link_evidence import EvidenceList
from app.panels.rows_model import Column, natural
from app.panels.text import Label, LineLabel, button, caption, elided
from app.team.rights import switch, why_not
from app.topology.details import Details
from app.topology.listing import Listing
from app.topology.told import (
    drawn_from,
    name_of_device,
    name_of_told,
    pct_words,
    ports_words,
    sources_words,
)
from app.topology.told_index import ToldIndex
from app.words import age_of, count_of, isolated
from domain.errors import Refusal
from domain.evidence import DerivedLink

NAME_MOST_PX = 300
DOUBTFUL = "At one of these ports another link is drawn"
SHOWN_AGAIN_MS = 200
"""How long changes are gathered before a long list is made anew."""


class ToldRow(NamedTuple):
    """A candidate as it is shown."""

    key: str
    told: DerivedLink
    name: str
    is_doubtful: bool
    """One of its ports is drawn with another link."""
    order: tuple[float, str, str]
    """The surest first."""


_COLUMNS = (
    Column("Between", lambda row: row.name, status=lambda row: "degraded" if row.is_doubtful else ""),
    Column(
        "Ports",
        lambda row: ports_words(row.told.a_interface, row.told.b_interface),
        150,
        2,
        order=lambda row: natural(f"{row.told.a_interface} {row.told.b_interface}"),
        is_text=True,
    ),
    Column("Kind", lambda row: row.told.kind, 66, 4, is_text=True),
    Column("Told by", lambda row: sources_words(row.told), 170, 3, is_text=True),
    Column(
        "Sure",
        lambda row: pct_words(row.told.score),
        84,
        order=lambda row: row.told.score,
        share=lambda row: row.told.score,
    ),
    Column(
        "Last told",
        lambda row: age_of(row.told.seen_us, now_us()),
        66,
        1,
        order=lambda row: -row.told.seen_us,
    ),
)


class ToldPage(QWidget):
    """The list, and all that is told of what is chosen."""

    device_wanted = Signal(object)
    counted = Signal(int)
    """How many candidates there are, the hidden ones too."""

    def __init__(
        self, model: Model, told: ToldIndex, commands: Commands, look: Look, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model, self._told, self._commands = model, told, commands
        self._rows: dict[UUID, ToldRow] = {}
        self._hidden: set[UUID] = set()
        self._is_sent = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SHOWN_AGAIN_MS)
        self._soon.timeout.connect(self.refresh)
        self.listing = Listing(_COLUMNS, look, "Links that devices tell of", many=True)
        self.hidden = button("", "link")
        self.hidden.clicked.connect(self.show_hidden)
        self.listing.head.insertWidget(1, self.hidden)
        self.name = LineLabel("", "head")
        self.about = Label("", "small", wrap=True)
        self.evidence = EvidenceList(look)
        self.adopt = button("Adopt", "primary")
        self.adopt.clicked.connect(self.adopt_chosen)
        self.hide_chosen = button("Hide for now")
        self.hide_chosen.setToolTip("Until Heliograph is started again. The devices go on telling of it.")
        self.hide_chosen.clicked.connect(self._on_hide)
        self.ends = (button("", "link"), button("", "link"))
        for number, made in enumerate(self.ends):
            made.clicked.connect(lambda _=False, number=number: self._show_end(number))
        self._lay_out()
        self.listing.chosen.connect(self._show_chosen)
        self.listing.opened.connect(self._on_opened)
        told.changed.connect(self._on_told)
        model.changed.connect(self._on_changed)

    def showEvent(self, event: object) -> None:
        """Show what came meanwhile."""
        self.refresh()

    def tick(self) -> None:
        """Show ages as of now."""
        self.listing.tick()
        self.evidence.table.viewport().update()

    def refresh(self) -> None:
        """Show what is told now."""
        self._soon.stop()
        if not self.isVisible():
            return
        rows = [row for id, row in self._rows.items() if id not in self._hidden]
        rows.sort(key=lambda row: row.order)
        hidden = len(self._rows) - len(rows)
        self.hidden.setText(f"Show {hidden:,} hidden")
        self.hidden.setVisible(hidden > 0)
        self.listing.show_rows(
            rows, "All others are hidden for now." if hidden else "Every link that devices tell of is drawn."
        )
        if rows and not self.listing.rows_chosen():
            self.listing.table.selectRow(0)
        self._show_chosen()

    def show_hidden(self) -> None:
        """Show again what was hidden."""
        self._hidden.clear()
        self.refresh()

    def adopt_chosen(self) -> None:
        """Draw the chosen links: one edit, one undo. Of several only those whose ports are not drawn otherwise."""
        chosen: list[ToldRow] = self.listing.rows_chosen()
        chosen = chosen if len(chosen) == 1 else [row for row in chosen if not row.is_doubtful]
        if chosen:
            self._is_sent = True
            self.adopt.setEnabled(False)
            self._commands.adopt_links([drawn_from(self._model, row.told) for row in chosen], self._on_answer)

    def _on_answer(self, refusals: tuple[Refusal, ...]) -> None:
        self._is_sent = False
        self._show_chosen()
        self._commands.tell_refusals(refusals)

    def _on_hide(self) -> None:
        self._hidden |= {row.told.id for row in self.listing.rows_chosen()}
        self.refresh()

    def _on_opened(self, row: ToldRow) -> None:
        if len(self.listing.rows_chosen()) == 1:  # who gathers several does not want to be flown about
            self.device_wanted.emit(row.told.a)

    def _show_end(self, number: int) -> None:
        chosen: list[ToldRow] = self.listing.rows_chosen()
        if chosen:
            told = chosen[0].told
            self.device_wanted.emit((told.a, told.b)[number])

    def _on_told(self, ids: Iterable[UUID]) -> None:
        for id in ids:
            told = self._told.undrawn.get(id)
            if told is None:
                self._rows.pop(id, None)
            else:
                name = name_of_told(self._model, told)
                doubtful = self._told.is_at_drawn_port(told)
                self._rows[id] = ToldRow(
                    str(id), told, name, doubtful, (-told.score, name.casefold(), str(id))
                )
        self.counted.emit(len(self._rows))
        if self.isVisible() and not self._soon.isActive():
            self._soon.start()

    def _on_changed(self, delta: Delta) -> None:
        if delta.facts and self.isVisible():
            self._show_chosen()

    def _show_chosen(self) -> None:
        chosen: list[ToldRow] = self.listing.rows_chosen()
        one = chosen[0] if len(chosen) == 1 else None
        self._details.setVisible(bool(chosen))
        self.hide_chosen.setText(f"Hide {len(chosen):,} for now" if one is None else "Hide for now")
        self.evidence.setVisible(one is not None)
        self._verbs_of_ends.setVisible(one is not None)
        if one is not None:
            self._show_one(one)
            return
        doubtful = sum(row.is_doubtful for row in chosen)
        clear = len(chosen) - doubtful
        left = f" Left out: {count_of(doubtful, 'link', 'links')} at ports of drawn ones." if doubtful else ""
        self.adopt.setText(f"Adopt {count_of(clear, 'link', 'links')}")
        switch(self.adopt, why_not(self._model, "links:write"))
        self.adopt.setEnabled(clear > 0 and not self._is_sent and self.adopt.isEnabled())
        self.name.setText(count_of(len(chosen), "link", "links"))
        self.about.setText(f"Each is drawn with the ports and the kind that are told, in one edit.{left}")

    def _show_one(self, row: ToldRow) -> None:
        one = row.told
        self.adopt.setText("Adopt")
        switch(self.adopt, why_not(self._model, "links:write"))
        self.adopt.setEnabled(not self._is_sent and self.adopt.isEnabled())
        self.name.setText(name_of_told(self._model, one))
        self.about.setText(f"{self._about(one)}. {DOUBTFUL}." if row.is_doubtful else self._about(one))
        self.evidence.show_told(self._model, one)
        for made, device in zip(self.ends, (one.a, one.b), strict=True):
            said = f"Show {name_of_device(self._model, device)}"
            made.setText(caption(elided(made.fontMetrics(), said, NAME_MOST_PX // 2)))
            made.setAccessibleName(said)

    def _about(self, told: DerivedLink) -> str:
        ports = [isolated(port) if port else "port not told" for port in (told.a_interface, told.b_interface)]
        return f"{told.kind.capitalize()}, {ports[0]} to {ports[1]}"

    def _lay_out(self) -> None:
        verbs = QHBoxLayout()
        verbs.setSpacing(8)
        verbs.addWidget(self.adopt)
        verbs.addWidget(self.hide_chosen)
        verbs.addStretch(1)
        self._verbs_of_ends = QWidget()
        ends = QHBoxLayout(self._verbs_of_ends)
        ends.setContentsMargins(0, 0, 0, 0)
        ends.setSpacing(8)
        for made in self.ends:
            ends.addWidget(made)
        ends.addStretch(1)
        self._details = QWidget()
        column = QVBoxLayout(self._details)
        column.setContentsMargins(0, 4, 4, 0)
        column.setSpacing(6)
        column.addWidget(self.name)
        column.addWidget(self.about)
        column.addLayout(verbs)
        column.addWidget(self.evidence)
        column.addWidget(self._verbs_of_ends)
        column.addStretch(1)
        holder = QWidget()
        inner = QVBoxLayout(holder)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self._details, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Details(self.listing, holder))

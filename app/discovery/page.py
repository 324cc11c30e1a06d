"""The page of discovery: what is under way, what was found, what can be made of it. Counterpart: `review.py` does that.

Theory: the engine keeps the finds and drops those that became known; so nothing is taken out of the list here, an edit does it.
One rule: finds may come ten times a second; what somebody reads or has chosen stays where it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.commands import Asks, Commands
from app.dialogs.form import Board
from app.discovery.details import WIDTH_PX as DETAILS_PX
from app.discovery.details import FindDetails
from app.discovery.empty import Empty
from app.discovery.filters import FindFilters
from app.discovery.finds_table import FindRows, FindsTable
from app.discovery.ignored import IgnoredBoard
from app.discovery.operations import OperationList
from app.discovery.review import Review, can_add, change_of
from app.look import Look
from app.model import Delta, Model
from app.panels.notices import Banner, Toasts
from app.panels.search_field import SearchField
from app.panels.text import Label, LineLabel, button, set_property
from app.team.rights import switch, why_not
from app.words import capitalized, count_of
from domain.finding import Find

SIZE_PX = QSize(1360, 820)
MARGIN_PX = 40
"""What is seen of the window round the page, where it has the room."""
SHOWN_AGAIN_MS = 250
"""How long finds are gathered before the table is made anew, at least."""
SHOWN_SHARE = 6
"""And so many times as long as that takes, so that the window stays quick with thousands."""
AGES_MS = 5_000
LISTENING = (
    "Listening for MikroTik's announcements (MNDP) on this computer's networks while this page is open."
)
TROUBLE = "MikroTik's announcements"
"""What the engine's notice names where it cannot listen."""


class DiscoveryPage(Board):
    """The page. It tells its window what is to be opened, chosen and placed."""

    sweep_wanted = Signal()
    walk_wanted = Signal()
    device_chosen = Signal(object)
    place_wanted = Signal(object)
    """Devices that were added and have no place, as a list of ids."""

    def __init__(
        self, model: Model, asks: Asks, commands: Commands, look: Look, parent: QWidget | None = None
    ) -> None:
        super().__init__("Discovery", parent, width_px=920)
        self.resize(SIZE_PX.boundedTo(parent.size() - QSize(MARGIN_PX, MARGIN_PX)) if parent else SIZE_PX)
        self._model, self._commands, self._look = model, commands, look
        self._rows = FindRows(model)
        self._added: list[UUID] = []
        self.review = Review(model, asks, commands, self)
        self.walk_button, self.sweep_button = _verb("Follow neighbours…"), _verb("Sweep addresses…")
        self.heard_icon, self.heard = QLabel(), LineLabel("", "small", prose=True)
        self.operations = OperationList(model, look, self.review.steer)
        self.placing = Banner(look)
        self.filters = FindFilters()
        self.search = SearchField("finds")
        self.count = Label("", "small")
        self.table = FindsTable(look)
        self.details = FindDetails(model)
        self.empty = Empty()
        self.pages = QStackedWidget()
        self.toasts = Toasts(self.pages)
        self.add_button, self.change_button = self.verb("Add…", "primary"), self.verb("", "primary")
        self.join_button, self.ignore_button = self.verb("Join"), self.verb("Ignore")
        self.forget_button, self.ignored_button = self.verb("Forget"), self.verb("Ignored…")
        self.join_button.setToolTip("These are one")
        self.ignore_button.setToolTip("Never show them again (Del)")
        self.forget_button.setToolTip("Take them from the list until they are seen again")
        self._later, self._ages = QTimer(self), QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(SHOWN_AGAIN_MS)
        self._ages.start(AGES_MS)
        self._lay_out()
        self._connect()
        self._dress()
        self.show_finds()
        (self.table if model.finds else self.sweep_button).setFocus()

    def show_finds(self) -> None:
        """Show the finds that the chips leave."""
        self._later.stop()
        finds = self._model.finds.values()
        self.filters.count(finds)
        rows = self._rows.rows(finds)
        passes = self.filters.test()
        self.table.show_rows([row for row in rows if passes(row.find)])
        self._tell()

    def chosen(self) -> list[Find]:
        """Return the finds that are chosen."""
        return self.table.finds()

    def open_chosen(self) -> None:
        """Do what the chosen finds ask for: add what is new, else change what is known."""
        finds = self.chosen()
        (self.review.add if can_add(finds) else self.review.change)(finds)

    def open_ignored(self) -> None:
        """Open what is never shown."""
        IgnoredBoard(self._model, self._commands, self).open()

    # Inside

    def _tell(self) -> None:
        """Say how many are shown, and offer what can be done with the chosen ones."""
        shown, total = len(self.table.rows.rows), len(self._model.finds)
        of = f"{shown:,} of {total:,}" if shown != total else f"{total:,}"
        self.count.setText(f"{of} found" if total else "")
        self.empty.tell(total, self.search.text().strip())
        self.pages.setCurrentIndex(0 if shown else 1)
        self.search.setVisible(total > 0)
        set_property(self.sweep_button, "kind", "" if total else "primary")
        finds = self.chosen()
        self.details.show_finds(finds)
        change = change_of(finds)
        self.add_button.setEnabled(can_add(finds))
        self.add_button.setVisible(not change)
        self.change_button.setText(change)
        self.change_button.setVisible(bool(change))
        self.join_button.setEnabled(len(finds) > 1)
        for made in (self.ignore_button, self.forget_button):
            made.setEnabled(bool(finds))
        if why := why_not(self._model, "devices:write"):
            for made in (self.add_button, self.change_button, self.join_button, self.ignore_button):
                switch(made, why)
        ignored = len(self._model.inventory.tables["ignored"])
        self.ignored_button.setText(f"Ignored {ignored:,}…" if ignored else "Ignored…")

    def _tell_heard(self) -> None:
        engine = self._model.engine
        trouble = next((said for said in (engine.notices if engine else ()) if TROUBLE in said), "")
        self.heard.setText(capitalized(trouble) or LISTENING)
        self.heard.set_ink(self._look.theme.status_text["degraded"] if trouble else "")
        self.heard_icon.setPixmap(self._look.pixmap("radio-off" if trouble else "radio", size_px=16))

    def _tell_placing(self) -> None:
        """Offer to place what was added and stands nowhere yet."""
        inventory = self._model.inventory
        added = [device for id in self._added if (device := inventory.device(id)) is not None]
        homeless = [device.id for device in added if inventory.place_of(device) is None]
        if not homeless:
            self.placing.hide()
            return
        said = f"{count_of(len(added), 'device was', 'devices were')} added"
        less = (
            f"{len(homeless):,} of them"
            if len(homeless) < len(added)
            else "it"
            if len(added) == 1
            else "they"
        )
        has = "has" if len(homeless) == 1 else "have"
        then = partial(self.place_wanted.emit, homeless)
        self.placing.say(f"{said}; {less} {has} no place yet.", bad=False, verb="Place on the map", then=then)

    def _on_added(self, ids: list[UUID]) -> None:
        self._added = ids
        self._tell_placing()

    def _on_changed(self, delta: Delta) -> None:
        if delta.devices or delta.credentials or delta.removed or delta.initial:
            self._rows.forget()
        if (delta.finds or delta.inventory) and not self._later.isActive():
            self._later.start()
        if delta.engine or delta.initial:
            self._tell_heard()
        if self._added and delta.inventory:
            self._tell_placing()

    def _show_later(self) -> None:
        """Show the finds, and leave the window as much time as that takes, several times over."""
        began_s = time.monotonic()
        self.show_finds()
        took_ms = round((time.monotonic() - began_s) * 1000)
        self._later.setInterval(max(SHOWN_AGAIN_MS, SHOWN_SHARE * took_ms))

    def _on_search(self, text: str) -> None:
        self.table.search(text)
        self._tell()

    def _on_typed(self, letter: str) -> None:
        self.search.setFocus()
        self.search.setText(self.search.text() + letter)

    def _into_table(self) -> None:
        self.table.setFocus()
        if not self.chosen():
            self.table.selectRow(0)

    def _show_all(self) -> None:
        self.filters.clear()
        self.search.clear()

    def _connect(self) -> None:
        review = self.review
        of_chosen: tuple[tuple[QPushButton, Callable[[list[Find]], None]], ...] = (
            (self.add_button, review.add),
            (self.change_button, review.change),
            (self.join_button, review.join),
            (self.ignore_button, review.ignore),
            (self.forget_button, review.forget),
        )
        for made, do in of_chosen:
            made.clicked.connect(lambda _=False, do=do: do(self.chosen()))
            self.table.verbs.append(made)
        self.sweep_button.clicked.connect(self.sweep_wanted)
        self.walk_button.clicked.connect(self.walk_wanted)
        self.ignored_button.clicked.connect(self.open_ignored)
        self.empty.verb.clicked.connect(self._show_all)
        self.filters.changed.connect(self.show_finds)
        self.search.textChanged.connect(self._on_search)
        self.search.left_down.connect(self._into_table)
        self.table.typed.connect(self._on_typed)
        self.table.picked.connect(self._tell)
        self.table.opened.connect(lambda _: self.open_chosen())
        self.table.dropped.connect(lambda: review.ignore(self.chosen()))
        self.details.device_chosen.connect(self.device_chosen)
        review.leaving.connect(self.table.will_leave)
        review.added.connect(self._on_added)
        review.refused.connect(self.say)
        commands = self._commands
        for keys, then in (
            ("Ctrl+Z", commands.undo),
            ("Ctrl+Shift+Z", commands.redo),
            ("Ctrl+F", self.search.setFocus),
        ):
            QShortcut(QKeySequence(keys), self, then)
        self._later.timeout.connect(self._show_later)
        self._ages.timeout.connect(self.table.viewport().update)
        self._model.changed.connect(self._on_changed)
        self._look.changed.connect(self._dress)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.heard_icon)
        head.addWidget(self.heard, 1)
        head.addWidget(self.walk_button)
        head.addWidget(self.sweep_button)
        above = QHBoxLayout()
        above.setSpacing(8)
        above.addWidget(self.filters)
        above.addStretch(1)
        above.addWidget(self.count)
        above.addWidget(self.search)
        listed = QWidget()
        column = QVBoxLayout(listed)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1000)
        column.addStretch(1)
        both = QSplitter(Qt.Orientation.Horizontal)
        both.setHandleWidth(1)
        both.setChildrenCollapsible(False)
        both.addWidget(listed)
        both.addWidget(self.details)
        both.setStretchFactor(0, 1)
        both.setSizes([SIZE_PX.width() - DETAILS_PX, DETAILS_PX])
        self.pages.addWidget(both)
        self.pages.addWidget(self.empty)
        self.body.addLayout(head)
        self.body.addWidget(self.operations)
        self.body.addWidget(self.placing)
        self.body.addLayout(above)
        self.body.addWidget(self.pages, 1)

    def _dress(self) -> None:
        self._tell_heard()
        self.table.viewport().update()


def _verb(text: str) -> QPushButton:
    made = button(text)
    made.setAutoDefault(False)
    return made

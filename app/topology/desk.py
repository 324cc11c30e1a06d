"""What the window has of the network as a whole: the what-if and its panel, the board, and who hears whom.

Counterpart: `window.py`, which gives it a place. One rule: what changes the network goes to `Commands`, and deleting asks first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, cast
from uuid import UUID

from PySide6.QtCore import QObject, QPoint, QTimer, Signal
from PySide6.QtWidgets import QMenu, QWidget

from app.commands import Asks, Commands
from app.look import Look
from app.model import Model
from app.panels.map_frame import Map
from app.panels.notices import Toasts
from app.panels.text import caption
from app.panels.tray import Tray
from app.team.rights import offer, why_not
from app.topology.board import Board
from app.topology.settling import Choice
from app.topology.told import drawn_from, name_of_told, score_words
from app.topology.told_index import ToldIndex
from app.topology.what_if import Imagining, paths_drawn
from app.topology.what_if_panel import WhatIfPanel, shown_of
from app.words import name_of_link

CANDIDATES_AGAIN_MS = 500
"""How long changes of what devices tell are gathered before the map is told."""


class Hands(Protocol):
    """What the window does for it."""

    toasts: Toasts

    def select(self, id: UUID | None, *, fly: bool = False, beside: bool = False) -> None:
        """Choose a thing and bring it into view; `beside`: the what-if's panel stays."""

    def delete(self, id: UUID | None) -> None:
        """Ask once, then delete a thing."""


class Desk(QObject):
    """`panel` belongs at the side, `board` under the map."""

    front_changed = Signal()
    """The what-if's panel has come before what is selected, or has gone."""
    board_toggled = Signal(bool)

    def __init__(self, model: Model, asks: Asks, commands: Commands, look: Look, map: Map) -> None:
        super().__init__()
        self._model, self._commands, self._map = model, commands, map
        self.told = ToldIndex(model, self)
        self.imagining = Imagining(model, asks, self)
        self.panel = WhatIfPanel(model, self.imagining, look)
        self.board = Board(model, self.told, asks, commands, look)
        self.board.hide()
        self.in_front = False
        """Whether the what-if's panel is what the side shows."""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(CANDIDATES_AGAIN_MS)
        self._soon.timeout.connect(lambda: map.show_candidates(self.told.undrawn.values()))
        self.told.changed.connect(lambda _: self._soon.isActive() or self._soon.start())
        map.tools.candidate_clicked.connect(self._on_candidate)
        self.imagining.changed.connect(self._paint)
        self.panel.closed.connect(self.leave)
        map.what_if_toggled.connect(self.imagining.toggle)
        map.what_if_left.connect(self.leave)

    def connect_to(self, tray: Tray, hands: Hands) -> None:
        """Be heard, and be reached from the tray."""
        board = self.board
        self._hands = hands
        tray.links_wanted.connect(lambda: self.open_board("links"))
        tray.doubts_wanted.connect(lambda: self.open_board("doubts"))
        board.links.counted.connect(tray.show_links)
        board.doubts.counted.connect(tray.show_doubts)
        board.closed.connect(self.close_board)
        board.links.device_wanted.connect(self._point_at)
        board.doubts.link_wanted.connect(lambda id: hands.select(id, fly=True))
        board.doubts.chosen.connect(self.settle)
        board.points.shown.connect(self._point_at)
        board.points.imagined.connect(lambda id: self.imagine([id]))
        board.points.failed.connect(hands.toasts.say)
        self.panel.shown.connect(self._point_at)

    def imagine(self, ids: Iterable[UUID]) -> None:
        """Ask what if these fail: sites, devices and links; a click on the map adds to them."""
        self.imagining.begin(ids)
        self.come_front()

    def leave(self) -> None:
        """Imagine nothing."""
        self.imagining.leave()

    def come_front(self) -> None:
        """Bring the what-if before what is selected."""
        if self.imagining.is_on:
            self.in_front = True
            self.front_changed.emit()

    def give_way(self, to: UUID | None) -> None:
        """Let what is selected come before the what-if, which goes on; with nothing selected it is seen again."""
        self.in_front = to is None and self.imagining.is_on

    def step_back(self) -> bool:
        """Undo the last thing that was opened here; False where nothing was."""
        if self.in_front:
            self.leave()
            return True
        return False

    def open_board(self, key: str) -> None:
        """Show a page of the board in the place of the alerts."""
        self.board.open_page(key)
        self.board_toggled.emit(True)

    def with_alerts(self, then: Callable[[], None]) -> None:
        """Show the alerts, then do something with them."""
        self.close_board()
        then()

    def close_board(self) -> bool:
        """Show the alerts again; False where they are shown already."""
        if self.board.isHidden():
            return False
        self.board.hide()
        self.board_toggled.emit(False)
        return True

    def settle(self, choice: Choice) -> None:
        """Do what a contradiction is settled by."""
        if choice.new is not None:
            old = self._model.inventory.link(choice.new.id)
            if old is not None:
                self._commands.put(
                    "link", choice.new, title=f"Change {name_of_link(self._model.inventory, old)}"
                )
        elif choice.gone is not None:
            self._hands.delete(choice.gone)
        elif choice.device is not None:
            self._hands.select(choice.device, fly=True)

    def menu_of(self, id: UUID) -> QMenu | None:
        """Return the menu of a link that devices tell of; None where it was drawn or forgotten meanwhile."""
        told, model = self.told.undrawn.get(id), self._model
        if told is None:
            return None
        menu = QMenu(cast("QWidget", self._map))
        menu.addSection(caption(name_of_told(model, told)))
        menu.addAction(caption(score_words(model, told, model.now_us()))).setEnabled(False)
        adopt = lambda: self._commands.adopt_links([drawn_from(model, told)], self._commands.tell_refusals)  # noqa: E731
        offer(menu, "Adopt this link", adopt, why_not(model, "links:write"))
        menu.addAction("Show all candidates", lambda: self.open_board("links"))
        return menu

    def _on_candidate(self, id: UUID, x: float, y: float) -> None:
        menu = self.menu_of(id)
        if menu is not None:
            menu.popup(cast("QWidget", self._map).mapToGlobal(QPoint(round(x), round(y))))

    def _point_at(self, id: UUID) -> None:
        """Show a thing on the map, of a link that nobody drew one of its ends; a what-if stays."""
        told = self._model.derived_links.get(id)
        self._hands.select(told.a if told is not None else id, fly=True, beside=True)

    def _paint(self) -> None:
        """Show on the map what the panel says."""
        imagining, impact = self.imagining, self.imagining.impact
        if not imagining.is_on:
            self.in_front = False
            self._map.leave_what_if()
            self.front_changed.emit()
        elif impact is None:
            self._map.show_what_if(shown_of(imagining))
        else:
            failed = imagining.devices()
            lost = set(impact.devices).difference(failed)
            paths = paths_drawn(impact, imagining.detours)
            self._map.show_what_if(shown_of(imagining), lost, impact.degraded, paths, imagining.moved.links)

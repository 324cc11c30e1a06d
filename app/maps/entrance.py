"""The way in: the board of maps, the form that cuts, files that are dropped, maps that fail. Counterpart: `window.py`.

One rule: while a box is drawn the dialogs step aside, and come back with it, with Escape or when the page dies; none in the past.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import UUID

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from app.commands import Asks, Commands
from app.look import Look
from app.maps.board import MapsBoard
from app.maps.cutting import CutForm
from app.maps.words import places_of
from app.model import Delta, Model
from app.panels.map_frame import Map, place_at
from domain.geometry import LngLat
from domain.maps import Box

SUFFIX = ".pmtiles"
PAST_WHY = (
    "Maps are of the live network, and this is the past. Press Esc for the live network, then try again."
)


class Around(Protocol):
    """What the window has for maps."""

    map: Map

    def activateWindow(self) -> None: ...


class Maps(QObject):
    """Board and form over a window. `said` is a sentence for a toast."""

    said = Signal(str)

    def __init__(self, model: Model, asks: Asks, commands: Commands, look: Look, window: QWidget) -> None:
        super().__init__(window)
        self._model, self._asks, self._look, self._window = model, asks, look, window
        self._commands = commands
        self._map = cast("Around", window).map
        self._troubled: set[UUID] = set()
        self._then: Callable[[Box | None], None] | None = None
        self.board: MapsBoard | None = None
        self.form: CutForm | None = None
        self._map.maps.box_drawn.connect(self._on_drawn)
        self._map.page_died.connect(self.step_back)
        model.changed.connect(self._on_changed)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Welcome map files that are dragged onto the window."""
        if isinstance(event, QDropEvent) and event.type() in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            files = files_of(event.mimeData().urls())
            if files:
                event.acceptProposedAction()
                if event.type() == QEvent.Type.Drop:
                    self.take_files(files)
                return True
        return False

    def enter(self) -> MapsBoard | None:
        """Open the board; None in the past, which hears nothing of maps."""
        if self._model.today is not None:
            self.said.emit(PAST_WHY)
            return None
        return self.open()

    def open(self) -> MapsBoard:
        """Open the board, or bring it to the front."""
        if self.board is None:
            board = MapsBoard(self._model, self._asks, self._commands, self._look, self._window)
            board.cut_wanted.connect(self.open_cut)
            board.finished.connect(self._on_closed)
            self.board = board
        self.board.show()
        self.board.raise_()
        return self.board

    def step_back(self) -> bool:
        """Escape: give up the box that is drawn. Returns whether there was one."""
        is_drawn = self._then is not None
        if is_drawn:
            self._map.maps.draw_box(False)
            self._on_drawn(None)
        return is_drawn

    def close(self) -> None:
        """Close what is open, and give up what it was about; what the engine works at goes on."""
        self.step_back()
        for dialog in (self.form, self.board):
            if dialog is not None:
                dialog.reject()

    def take_files(self, paths: Sequence[Path]) -> None:
        """Add files that were dropped."""
        board = self.enter()
        if board is not None:
            board.add(list(paths))

    def open_cut(self, id: UUID) -> None:
        """Open the form for a cut of a map, once it is known what the window's map shows."""

        def on_report(report: dict[str, Any]) -> None:
            source = self._model.maps.get(id)
            if source is None or self.board is None:
                return
            on_paper = self._map.tools.on_paper
            view = None if on_paper else view_of(report, cast("QWidget", self._map))
            places = places_of(self._model.inventory)
            form = CutForm(
                self._asks,
                source,
                view,
                places,
                draw=self._draw,
                show=self._map.maps.show_areas,
                parent=self.board,
            )
            form.finished.connect(self._on_cut_closed)
            self.form = form
            form.show()

        self._map.report(on_report)

    def _draw(self, then: Callable[[Box | None], None]) -> None:
        self._then = then
        self._set_aside(True)
        self._map.tools.show_map()
        self._map.maps.draw_box()
        self.said.emit("Drag a box on the map; Esc gives up")

    def _on_drawn(self, box: Box | None) -> None:
        then, self._then = self._then, None
        self._set_aside(False)
        if then is not None:
            then(box)

    def _set_aside(self, aside: bool) -> None:
        for dialog in (self.board, self.form):
            if dialog is not None:
                dialog.setVisible(not aside)

    def _on_closed(self) -> None:
        self.board = None

    def _on_cut_closed(self) -> None:
        self.form = None

    def _on_changed(self, delta: Delta) -> None:
        """Say it when a map that was drawn is drawn no more."""
        if not (delta.maps or delta.initial):
            return
        troubled = {one.id for one in self._model.maps.values() if one.trouble and one.use != "never"}
        for id in troubled - self._troubled:
            one = self._model.maps[id]
            self.said.emit(f"The map {one.name} is not drawn: {one.trouble}")
        self._troubled = troubled


def files_of(urls: Sequence[Any]) -> list[Path]:
    """Return the map files among what is dragged."""
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() == SUFFIX]


def view_of(report: dict[str, Any], map: QWidget) -> Box | None:
    """Return the box that a map shows, None where it does not say."""
    if report.get("center") is None or report.get("zoom") is None:
        return None
    center, zoom = LngLat(*report["center"]), report["zoom"]
    half = map.width() / 2, map.height() / 2
    north_west, south_east = (
        place_at(center, zoom, -half[0], -half[1]),
        place_at(center, zoom, half[0], half[1]),
    )
    if map.width() >= 512 * 2.0**zoom:
        return -180.0, south_east.lat, 180.0, north_west.lat
    return (
        (north_west.lng, south_east.lat, south_east.lng, north_west.lat)
        if math.isfinite(south_east.lat)
        else None
    )

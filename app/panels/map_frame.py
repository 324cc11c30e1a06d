"""The middle of the window: the map, and what floats over it. Counterpart: `app/map/view.py`, which draws the map itself.

Theory: to put a device at a pixel, the page is asked where it looks (centre and zoom) and the place is computed here, in Web
Mercator with its world of 512 px at zoom 0; the map is never turned or tilted.
One rule: whatever is not the live map has a label that says what it is, and Esc.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast
from uuid import UUID

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.look import Look, color
from app.map.ground import Stands
from app.map.layers import MapLayers
from app.map.sieve import MapSieve
from app.map.tools import MapTools
from app.panels.text import LineLabel, button
from app.panels.tray import ids_in, is_dragged
from domain.evidence import DerivedLink
from domain.geometry import LngLat
from domain.topology import LinkThen

WORLD_PX = 512
PLACING_PX = 420
BAR_PX = 12
Picked = Callable[[LngLat | None, float], None]
"""Is told a place and the map's zoom, or None where nobody wanted to say one any more."""


class Map(Protocol):
    """What the window needs of the map's widget."""

    device_clicked: Any
    link_clicked: Any
    background_clicked: Any
    site_clicked: Any
    device_dropped: Any
    site_dropped: Any
    place_requested: Any
    site_requested: Any
    path_requested: Any
    what_if_toggled: Any
    what_if_left: Any
    past_left: Any
    paper_said: Any
    became_idle: Any
    page_died: Any
    tools: MapTools
    layers: MapLayers
    sieve: MapSieve
    maps: Any
    """The user's own maps and areas: `app/map/own_maps.py`."""

    @property
    def external_requests(self) -> int:
        """How many requests for the outside were blocked."""

    def set_theme(self, theme: str) -> None:
        """Show the map in "dark" or "light"."""

    def select(self, id: UUID | None) -> None:
        """Mark a device, a link or a site as selected."""

    def fit(self) -> None:
        """Show the whole network."""

    def fly_to(self, id: UUID) -> None:
        """Bring a device, a link or a site into view."""

    def frame_box(self, west: float, south: float, east: float, north: float) -> None:
        """Bring a stretch of land into view."""

    def fly_to_place(self, lng: float, lat: float) -> None:
        """Bring a place into view and mark it."""

    def show_what_if(
        self,
        failed: Iterable[UUID],
        lost: Iterable[UUID] = (),
        weakened: Iterable[UUID] = (),
        rerouted: Iterable[Sequence[UUID]] = (),
        loads: Iterable[LinkThen] = (),
    ) -> None:
        """Show what would be if devices and links failed."""

    def show_candidates(self, told: Iterable[DerivedLink]) -> None:
        """Draw links that devices tell of and nobody has drawn."""

    def leave_what_if(self) -> None:
        """Show only what is."""

    def show_past(self, at_us: int, label: str, notes: Sequence[str], ghosts: Mapping[UUID, str]) -> None:
        """Say that this is the past."""

    def leave_past(self) -> None:
        """Show what is now."""

    def look_at(self, lng: float, lat: float, zoom: float) -> None:
        """Look at a place."""

    def when_still(self, then: Callable[[], None]) -> None:
        """Call once all that was told is painted."""

    def show_paper(self, paper: Any, wanted: Collection[UUID] = (), before: Stands = None) -> None:
        """Show the network on a paper, or (None) on the map, with the devices that are wanted in view, else what was: as it
        stood `before` on this paper, where that is told."""

    def in_view(self) -> set[UUID]:
        """Return the devices that stand in what is looked at."""

    def aim(self, devices: Collection[UUID]) -> None:
        """Look at some devices, where they are not in view."""

    def tell_paper(self, **message: Any) -> None:
        """Tell the page something of the paper that it shows."""

    def keep_picture(self, digest: str, data: bytes) -> None:
        """Let the page load a picture by the hash of its content."""

    def report(self, then: Callable[[dict[str, Any]], None]) -> None:
        """Ask the page what it shows."""


def place_at(center: LngLat, zoom: float, right_px: float, down_px: float) -> LngLat:
    """Return the place so many pixels right of and below the centre of a map."""
    world = WORLD_PX * 2.0**zoom
    sin_lat = math.sin(math.radians(center.lat))
    y = 0.5 - math.log((1 + sin_lat) / (1 - sin_lat)) / (4 * math.pi) + down_px / world
    lng = (center.lng + 360 * right_px / world + 180) % 360 - 180
    return LngLat(lng, math.degrees(2 * math.atan(math.exp((0.5 - y) * 2 * math.pi)) - math.pi / 2))


class _Cover(QWidget):
    """Takes the one click that is a place; framed, because this is not the map as usual."""

    clicked = Signal(QPointF)

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self._look = look
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.hide()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(color(self._look.theme.accent.accent), 2, Qt.PenStyle.DashLine))
        painter.drawRect(QRectF(self.rect()).adjusted(2, 2, -2, -2))


class MapFrame(QWidget):
    """The map with its overlays: a place to be clicked, what a drop would do, a card in the middle."""

    dropped = Signal(object, object, float)
    """Devices of the tray were dropped: their ids, the place, the map's zoom."""

    def __init__(self, map: QWidget, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._map = map
        self._then: Picked | None = None
        self._camera: tuple[LngLat, float] | None = None
        self.words_at: Callable[[LngLat, float], str] = lambda place, zoom: ""
        """What a drop at a place would do on a map of that zoom, in words."""
        self._card: QWidget | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(map)
        self._cover = _Cover(look, self)
        self._cover.clicked.connect(self._on_click)
        self._hint = QFrame(self)
        self._hint.setProperty("kind", "toast")
        self._hint_text = LineLabel("", "head")
        self._cancel = button("Cancel", "link")
        self._cancel.clicked.connect(self.cancel_placing)
        row = QHBoxLayout(self._hint)
        row.setContentsMargins(14, 6, 8, 6)
        row.addWidget(self._hint_text, 1)
        row.addWidget(self._cancel)
        self._hint.setFixedSize(PLACING_PX, 42)
        self._hint.hide()

    def add_bar(self, bar: QWidget) -> None:
        """Let a bar float at the top left."""
        bar.setParent(self)
        bar.move(BAR_PX, BAR_PX)
        bar.show()
        bar.raise_()

    @property
    def placing(self) -> bool:
        """Whether the next click is a place."""
        return self._then is not None

    def pick(self, words: str, then: Picked) -> None:
        """Let the next click on the map say a place: `then` gets it and the map's zoom, or None where it was called off."""
        self.cancel_placing()
        cast("Map", self._map).tools.show_map()
        self._then = then
        self._say(words)
        self._cancel.show()
        self._cover.show()
        self._cover.raise_()
        self._hint.raise_()
        self._arrange()

    def cancel_placing(self) -> None:
        """Back to the map as usual."""
        then = self._stop_picking()
        if then is not None:
            then(None, 0.0)

    def show_card(self, card: QWidget | None) -> None:
        """Show a card in the middle, or none."""
        if card is self._card:
            return
        if self._card is not None:
            focused = self.window().focusWidget()
            if focused is not None and self._card.isAncestorOf(focused):
                self.setFocus()  # else Qt gives the keyboard to whatever button comes next
            self._card.hide()
        self._card = card
        if card is not None:
            card.setParent(self)
            card.show()
            card.raise_()
            self._arrange()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome devices of the tray, and ask where the map looks: it stays while they are held over it."""
        if is_dragged(event.mimeData()):
            event.acceptProposedAction()
            cast("Map", self._map).tools.show_map()
            self._look(self._keep_camera)
        else:
            event.ignore()  # the window may know better

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Say what a drop here would do."""
        event.acceptProposedAction()
        words = ""
        if self._camera is not None:
            words = self.words_at(self._place_of(event.position(), *self._camera), self._camera[1])
        self._say(words or "Drop where it stands")

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Say nothing more."""
        self._end_drag()

    def dropEvent(self, event: QDropEvent) -> None:
        """Place them where they were dropped."""
        self._end_drag()
        ids = ids_in(event.mimeData())
        if ids:
            event.acceptProposedAction()
            self._place(event.position(), lambda place, zoom: self.dropped.emit(ids, place, zoom))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the overlays where they belong."""
        self._arrange()

    def _on_click(self, at: QPointF) -> None:
        then = self._stop_picking()
        if then is not None:
            self._place(at, then)

    def _stop_picking(self) -> Picked | None:
        then, self._then = self._then, None
        self._cover.hide()
        self._hint.hide()
        return then

    def _place(self, at: QPointF, then: Picked) -> None:
        """Tell what place a pixel of the map is, as soon as the page says where it looks."""
        self._look(lambda center, zoom: then(self._place_of(at, center, zoom), zoom))

    def _place_of(self, at: QPointF, center: LngLat, zoom: float) -> LngLat:
        return place_at(center, zoom, at.x() - self._map.width() / 2, at.y() - self._map.height() / 2)

    def _look(self, then: Callable[[LngLat, float], None]) -> None:
        def on_report(report: dict[str, Any]) -> None:
            if report.get("center") is not None and report.get("zoom") is not None:
                then(LngLat(*report["center"]), report["zoom"])

        cast("Map", self._map).report(on_report)

    def _keep_camera(self, center: LngLat, zoom: float) -> None:
        self._camera = (center, zoom)

    def _end_drag(self) -> None:
        self._camera = None
        self._hint.hide()

    def _say(self, words: str) -> None:
        self._hint_text.setText(words)
        self._cancel.setVisible(self.placing)
        self._hint.show()
        self._hint.raise_()

    def _arrange(self) -> None:
        self._cover.setGeometry(self.rect())
        self._hint.move(QPoint((self.width() - PLACING_PX) // 2, 16))
        if self._card is not None:
            self._card.adjustSize()
            left = max(8, (self.width() - self._card.width()) // 2)
            self._card.move(left, max(8, (self.height() - self._card.height()) // 2))

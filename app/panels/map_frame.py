"""The middle of the window: the map, and what floats over it. Counterpart: `app/map/view.py`, which draws the map itself.

Theory: to put a device at a pixel, the page is asked where it looks (centre and zoom) and the place is computed here, in Web
Mercator with its world of 512 px at zoom 0; the map is never turned or tilted.
One rule: whatever is not the live map has a label that says what it is, and Esc.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, cast
from uuid import UUID

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.look import Look, color
from app.map.tools import MapTools
from app.panels.text import LineLabel, button
from app.panels.tray import DEVICE_MIME
from domain.geometry import LngLat, is_place

WORLD_PX = 512
PLACING_PX = 420


class Map(Protocol):
    """What the window needs of the map's widget."""

    device_clicked: Any
    link_clicked: Any
    background_clicked: Any
    device_dropped: Any
    place_requested: Any
    what_if_toggled: Any
    what_if_left: Any
    became_idle: Any
    page_died: Any
    tools: MapTools

    @property
    def external_requests(self) -> int:
        """How many requests for the outside were blocked."""

    def set_theme(self, theme: str) -> None:
        """Show the map in "dark" or "light"."""

    def select(self, id: UUID | None) -> None:
        """Mark a device or link as selected."""

    def fit(self) -> None:
        """Show the whole network."""

    def fly_to(self, id: UUID) -> None:
        """Bring a device or link into view."""

    def fly_to_place(self, lng: float, lat: float) -> None:
        """Bring a place into view and mark it."""

    def show_what_if(
        self,
        failed: Iterable[UUID],
        lost: Iterable[UUID] = (),
        weakened: Iterable[UUID] = (),
        rerouted: Iterable[Sequence[UUID]] = (),
    ) -> None:
        """Show what would be if devices and links failed."""

    def leave_what_if(self) -> None:
        """Show only what is."""

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
    """Takes the one click that places a device; framed, because this is not the map as usual."""

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
    """The map with its overlays: placing, a card in the middle."""

    device_placed = Signal(object, float, float)

    def __init__(self, map: QWidget, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._map = map
        self._placing: UUID | None = None
        self._card: QWidget | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(map)
        self._cover = _Cover(look, self)
        self._cover.clicked.connect(self._on_click)
        self._hint = QFrame(self)
        self._hint.setProperty("kind", "toast")
        self._hint_text = LineLabel("", "head")
        cancel = button("Cancel", "link")
        cancel.clicked.connect(self.cancel_placing)
        row = QHBoxLayout(self._hint)
        row.setContentsMargins(14, 6, 8, 6)
        row.addWidget(self._hint_text, 1)
        row.addWidget(cancel)
        self._hint.setFixedSize(PLACING_PX, 42)
        self._hint.hide()

    @property
    def placing(self) -> bool:
        """Whether the next click places a device."""
        return self._placing is not None

    def begin_placing(self, id: UUID, name: str) -> None:
        """Let the next click on the map place this device."""
        self._placing = id
        self._hint_text.setText(f"Click where {name} stands")
        for part in (self._cover, self._hint):
            part.show()
            part.raise_()
        self._arrange()

    def cancel_placing(self) -> None:
        """Back to the map as usual."""
        self._placing = None
        self._cover.hide()
        self._hint.hide()

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

    def place_device(self, id: UUID, at: QPointF) -> None:
        """Place a device at a pixel of the map."""
        right_px, down_px = at.x() - self._map.width() / 2, at.y() - self._map.height() / 2

        def on_report(report: dict[str, Any]) -> None:
            if report.get("center") is None or report.get("zoom") is None:
                return
            place = place_at(LngLat(*report["center"]), report["zoom"], right_px, down_px)
            if is_place(*place):
                self.device_placed.emit(id, place.lng, place.lat)

        cast("Map", self._map).report(on_report)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome a device of the tray."""
        if event.mimeData().hasFormat(DEVICE_MIME):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Place it where it was dropped."""
        try:
            id = UUID(bytes(event.mimeData().data(DEVICE_MIME).data()).decode())
        except ValueError:
            return
        event.acceptProposedAction()
        self.place_device(id, event.position())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the overlays where they belong."""
        self._arrange()

    def _on_click(self, at: QPointF) -> None:
        id = self._placing
        self.cancel_placing()
        if id is not None:
            self.place_device(id, at)

    def _arrange(self) -> None:
        self._cover.setGeometry(self.rect())
        self._hint.move(QPoint((self.width() - PLACING_PX) // 2, 16))
        if self._card is not None:
            self._card.adjustSize()
            left = max(8, (self.width() - self._card.width()) // 2)
            self._card.move(left, max(8, (self.height() - self._card.height()) // 2))

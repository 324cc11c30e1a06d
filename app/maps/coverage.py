"""What a map covers, as a small picture: its ground, its bounds, and where the network stands. Counterpart: `words.py`.

One rule: it shows the map's surroundings, so that a map that lies beside the network is seen to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.look import TICK_PX, Look, color, font
from app.panels.text import CENTRE, LEFT, paint_text
from domain.geometry import LngLat
from domain.maps import Box, MapFile

HEIGHT_PX = 190
MARGIN_SHARE = 0.25
DOTS_CAP = 3_000
_STEPS = (90, 45, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1)


class Coverage(QWidget):
    """Degrees drawn straight: enough to see what lies where."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._map: MapFile | None = None
        self._places: Sequence[LngLat] = ()
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def show_map(self, one: MapFile | None, places: Sequence[LngLat]) -> None:
        """Show a map and where the network stands."""
        self._map, self._places = one, places[:DOTS_CAP]
        inside = self.inside()
        said = f"{inside:,} of {len(places):,} places of the network lie in its bounds" if one else ""
        self.setAccessibleName(said)
        self.setToolTip(said)
        self.update()

    def inside(self) -> int:
        """Return how many places of the network the map's bounds hold."""
        if self._map is None:
            return 0
        west, south, east, north = eastwards(self._map.bounds)
        return sum(lng_from(west, lng) <= east and south <= lat <= north for lng, lat in self._places)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), color(theme.surface.ground))
        if self._map is None:
            paint_text(
                painter, self.rect(), "Choose a map to see what it covers", font(), theme.text.faint, CENTRE
            )
            return
        bounds = eastwards(self._map.bounds)
        frame = self._frame(bounds)
        self._paint_grid(painter, frame)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(theme.accent.ground))
        for box in self._map.coverage or (self._map.bounds,):
            painter.drawRect(self._rect(nearest(box, bounds), frame))
        painter.setPen(QPen(color(theme.accent.accent), 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self._rect(bounds, frame))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(theme.status["up"]))
        for place, lat in self._places:
            lng = lng_from(frame[0], place)
            at = self._rect((lng, lat, lng, lat), frame).topLeft()
            painter.drawEllipse(QPointF(at), 2.2, 2.2)

    def _frame(self, bounds: Box) -> Box:
        """Return the box that the picture shows: the map and some of what is around it, in the picture's shape."""
        west, south, east, north = bounds
        wide, high = max(east - west, 0.01), max(north - south, 0.01)
        wide, high = wide * (1 + 2 * MARGIN_SHARE), high * (1 + 2 * MARGIN_SHARE)
        shape = max(self.width(), 1) / HEIGHT_PX
        wide, high = max(wide, high * shape), max(high, wide / shape)
        lng, lat = (west + east) / 2, (south + north) / 2
        return lng - wide / 2, lat - high / 2, lng + wide / 2, lat + high / 2

    def _rect(self, box: Box, frame: Box) -> QRectF:
        across = self.width() / (frame[2] - frame[0])
        down = self.height() / (frame[3] - frame[1])
        left, top = (box[0] - frame[0]) * across, (frame[3] - box[3]) * down
        return QRectF(left, top, (box[2] - box[0]) * across, (box[3] - box[1]) * down)

    def _paint_grid(self, painter: QPainter, frame: Box) -> None:
        theme = self._look.theme
        step = next((s for s in _STEPS if (frame[2] - frame[0]) / s >= 4), _STEPS[-1])
        painter.setPen(QPen(color(theme.surface.line), 1))
        for number in range(int(frame[0] // step), int(frame[2] // step) + 1):
            lng = number * step
            x = self._rect((lng, 0, lng, 0), frame).x()
            painter.setPen(QPen(color(theme.surface.line), 1))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
            room = QRectF(x + 3, self.height() - 14, 60, 12)
            said = (lng + 180) % 360 - 180 if abs(lng) > 180 else lng
            paint_text(painter, room, f"{said:g}°", font(TICK_PX), theme.text.faint, LEFT)
        painter.setPen(QPen(color(theme.surface.line), 1))
        for number in range(int(frame[1] // step), int(frame[3] // step) + 1):
            y = self._rect((0, number * step, 0, number * step), frame).y()
            painter.drawLine(QPointF(0, y), QPointF(self.width(), y))


def lng_from(west: float, lng: float) -> float:
    """Return a longitude as it is met on the way east from `west`: from there to 360 degrees beyond."""
    return lng + 360 * math.ceil((west - lng) / 360) if lng < west else lng


def eastwards(box: Box) -> Box:
    """Return a box whose east is beyond its west; across the antimeridian too."""
    west, south, east, north = box
    return west, south, lng_from(west, east), north


def nearest(box: Box, bounds: Box) -> Box:
    """Return a box as it is met nearest to the middle of `bounds`: a tile is wider than what was cut of it."""
    west, south, east, north = eastwards(box)
    around = 360 * round(((bounds[0] + bounds[2]) - (west + east)) / 720)
    return west + around, south, east + around, north

"""The status symbols as Qt paths. Counterpart: the page's symbols, drawn from the same shapes of the look.

One rule: shape belongs to status and to nothing else; every symbol lives in a box of 24, its centre at 12, 12.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from app.look import Theme, color, density
from domain.hierarchy import FAULT_ORDER

STATUSES = FAULT_ORDER
RANK = {status: rank for rank, status in enumerate(STATUSES)}
_CENTRE = QPointF(12, 12)
_BOX = QRectF(2, 2, 20, 20)
"""The part of the 24 box that is shown: symbols of one size in a list have equal weight."""


def paint_symbol(painter: QPainter, rect: QRectF, status: str, theme: Theme, ground: str) -> None:
    """Paint a status symbol into a square. `ground` fills the hollow ones: the colour of what is under it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    painter.scale(rect.width() / _BOX.width(), rect.height() / _BOX.height())
    painter.translate(-_BOX.topLeft())
    _PAINT.get(status, _unknown)(painter, theme, color(ground))
    painter.restore()


def symbol_pixmap(status: str, theme: Theme, size_px: int) -> QPixmap:
    """Return a symbol on the panel's ground as a pixmap, as fine as the screen."""
    pixmap = QPixmap(QSize(size_px, size_px) * density())
    pixmap.setDevicePixelRatio(density())
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_symbol(painter, QRectF(0, 0, size_px, size_px), status, theme, theme.surface.panel)
    painter.end()
    return pixmap


def _pen(ink: QColor, width: float) -> QPen:
    return QPen(QBrush(ink), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


def _diamond(radius: float) -> QPolygonF:
    return QPolygonF(
        [
            QPointF(12, 12 - radius),
            QPointF(12 + radius, 12),
            QPointF(12, 12 + radius),
            QPointF(12 - radius, 12),
        ]
    )


def _up(painter: QPainter, theme: Theme, ground: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color(theme.status["up"]))
    painter.drawEllipse(_CENTRE, 4.6, 4.6)


def _degraded(painter: QPainter, theme: Theme, ground: QColor) -> None:
    fill, edge = color(theme.status["degraded"]), color(theme.degraded_edge)
    on_dark = ground.lightness() < 128
    painter.setPen(_pen(fill if on_dark else edge, 1.4))
    painter.setBrush(fill)
    radius = 8.6
    painter.drawPolygon(
        [
            QPointF(12, 12 - radius),
            QPointF(12 + radius * 0.9, 12 + radius * 0.62),
            QPointF(12 - radius * 0.9, 12 + radius * 0.62),
        ]
    )
    painter.setPen(_pen(edge, 1.8))
    painter.drawLine(QPointF(12, 8.2), QPointF(12, 12.6))
    painter.drawLine(QPointF(12, 14.6), QPointF(12, 15.0))


def _down(painter: QPainter, theme: Theme, ground: QColor) -> None:
    red = color(theme.status["down"])
    painter.setPen(_pen(red, 1.5))
    painter.setBrush(red)
    painter.drawPolygon(_diamond(8.4))
    painter.setPen(_pen(QColor("#FFFFFF"), 2.2))
    painter.drawLine(QPointF(9.6, 9.6), QPointF(14.4, 14.4))
    painter.drawLine(QPointF(14.4, 9.6), QPointF(9.6, 14.4))


def _affected(painter: QPainter, theme: Theme, ground: QColor) -> None:
    painter.setPen(_pen(color(theme.status["affected"]), 2))
    painter.setBrush(ground)
    painter.drawPolygon(_diamond(7))


def _stale(painter: QPainter, theme: Theme, ground: QColor) -> None:
    ink = color(theme.status["stale"])
    ring = QPen(QBrush(ink), 2, Qt.PenStyle.CustomDashLine, Qt.PenCapStyle.FlatCap)
    ring.setDashPattern([3.9 / 2, 2.6 / 2])
    ring.setDashOffset(1.9 / 2)
    painter.setPen(ring)
    painter.setBrush(ground)
    painter.drawEllipse(_CENTRE, 6.2, 6.2)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawEllipse(_CENTRE, 1.9, 1.9)


def _unknown(painter: QPainter, theme: Theme, ground: QColor) -> None:
    painter.setPen(_pen(color(theme.status["unknown"]), 2))
    painter.setBrush(ground)
    painter.drawEllipse(_CENTRE, 5, 5)


def _maintenance(painter: QPainter, theme: Theme, ground: QColor) -> None:
    path = QPainterPath(QPointF(6, 6))
    for x, y in ((13.5, 6), (18, 10.5), (18, 18), (6, 18)):
        path.lineTo(x, y)
    path.closeSubpath()
    ink = color(theme.status["maintenance"])
    painter.setPen(_pen(ink, 1))
    painter.setBrush(ink)
    painter.drawPath(path)
    bars = _pen(ground, 1.5)
    bars.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(bars)
    painter.drawLine(QPointF(9, 13.2), QPointF(15, 13.2))
    painter.drawLine(QPointF(9, 15.9), QPointF(13, 15.9))


_PAINT = {
    "up": _up,
    "degraded": _degraded,
    "down": _down,
    "affected": _affected,
    "stale": _stale,
    "unknown": _unknown,
    "maintenance": _maintenance,
}

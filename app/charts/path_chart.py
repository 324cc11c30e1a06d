"""The ground between two antennas with the ray over it. Counterpart: `app/radio/path.py`, which asks for the ground.

Theory: the Earth's bulge is put on the ground, so that the ray is a straight line. Around it is the first Fresnel zone, within it
the six tenths that have to be free. Where nobody knows the ground there is none: the air goes down to the axis, hatched.
One rule: it is drawn of a `Drawn`, which knows no pixels, and heights may be changed without asking for the ground again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.look import TICK_PX, Look, color, font
from app.panels.text import LEFT, RIGHT, paint_text
from app.words import length
from domain.radio import CLEAR_SHARE, Profile, Worst, earth_bulge_m, fresnel_radius_m, ray_m, worst_of

_LEFT_PX, _RIGHT_PX, _TOP_PX, _FOOT_PX = 40, 12, 10, 18
_STEPS = (1, 2, 5)
At = Callable[[float, float], QPointF]
"""Returns the pixel of a distance and a height."""


class Drawn(NamedTuple):
    """A path at some heights and frequency. `raised_m` is the ground with the Earth's bulge; None: not known."""

    distances_m: tuple[float, ...]
    raised_m: tuple[float | None, ...]
    ray_m: tuple[float, ...]
    zone_m: tuple[float, ...]
    worst: Worst | None


def drawn_of(profile: Profile, a_height_m: float, b_height_m: float, frequency_mhz: float) -> Drawn:
    """Return what is drawn of a path; without the ground at an end there is no ray."""
    whole_m = profile.distances_m[-1]
    rest = [(at_m, whole_m - at_m) for at_m in profile.distances_m]
    raised = tuple(
        None if ground_m is None else ground_m + earth_bulge_m(*ends)
        for ground_m, ends in zip(profile.grounds_m, rest, strict=True)
    )
    ray = tuple(ray_m(profile, a_height_m, b_height_m) or ())
    zone = tuple(fresnel_radius_m(*ends, frequency_mhz) for ends in rest) if ray else ()
    worst = worst_of(profile, a_height_m, b_height_m, frequency_mhz)
    return Drawn(tuple(profile.distances_m), raised, ray, zone, worst)


class PathChart(QWidget):
    """Draws a path; hovering reads off heights."""

    def __init__(self, look: Look, height_px: int = 150, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._height_px = look, height_px
        self.drawn: Drawn | None = None
        self.cursor_m: float | None = None
        self.setMouseTracking(True)
        self.setMinimumHeight(height_px)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """As high as it was made, and what width there is."""
        return QSize(320, self._height_px)

    def show_path(self, drawn: Drawn | None) -> None:
        """Draw a path, or nothing."""
        self.drawn = drawn
        self.update()

    def said_at(self, at_m: float) -> str:
        """Return what is read off at a distance: where, the ground, the ray over it, how much of the zone is free."""
        drawn = self.drawn
        if drawn is None:
            return ""
        at = min(range(len(drawn.distances_m)), key=lambda i: abs(drawn.distances_m[i] - at_m))
        here_m, raised_m = drawn.distances_m[at], drawn.raised_m[at]
        if raised_m is None:
            return f"{length(here_m)}: no terrain"
        ground_m = raised_m - earth_bulge_m(here_m, drawn.distances_m[-1] - here_m)
        said = f"{length(here_m)}: ground {ground_m:,.0f} m"
        if drawn.ray_m:
            over_m = drawn.ray_m[at] - raised_m
            said += f", ray {abs(over_m):,.0f} m {'above' if over_m >= 0 else 'below'}"
            if drawn.zone_m[at] > 0:
                said += f", {100 * over_m / drawn.zone_m[at]:,.0f} % of the zone"
        return said

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read off under the pointer."""
        field, drawn = self._field(), self.drawn
        if drawn is not None and field.width() > 0:
            share = (event.position().x() - field.x()) / field.width()
            self.cursor_m = min(max(share, 0.0), 1.0) * drawn.distances_m[-1]
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is read off."""
        self.cursor_m = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint ground, zone, ray, the worst place, and what is read off."""
        drawn, theme = self.drawn, self._look.theme
        if drawn is None:
            return
        painter, field = QPainter(self), self._field()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        low_m, high_m = _range_m(drawn)
        whole_m = drawn.distances_m[-1] or 1.0

        def at(distance_m: float, height_m: float) -> QPointF:
            y = field.bottom() - (height_m - low_m) / (high_m - low_m) * field.height()
            return QPointF(field.x() + distance_m / whole_m * field.width(), y)

        self._paint_axes(painter, field, low_m, high_m, whole_m)
        painter.save()
        painter.setClipRect(field)
        if drawn.ray_m:
            self._paint_zone(painter, drawn, at)
        ground = color(theme.text.faint)
        fill = QColor(ground)
        fill.setAlpha(110)
        for run in _runs(drawn.raised_m):
            top = [at(drawn.distances_m[i], drawn.raised_m[i] or 0.0) for i in run]
            path = QPainterPath()
            path.addPolygon(
                QPolygonF([QPointF(top[0].x(), field.bottom()), *top, QPointF(top[-1].x(), field.bottom())])
            )
            painter.fillPath(path, fill)
            painter.setPen(QPen(color(theme.text.quiet), 1.2))
            painter.drawPolyline(QPolygonF(top))
        hatch = QColor(color(theme.text.faint))
        hatch.setAlpha(70)
        for gap in _runs(tuple(0.0 if height is None else None for height in drawn.raised_m)):
            left, right = at(drawn.distances_m[gap[0]], low_m), at(drawn.distances_m[gap[-1]], low_m)
            painter.fillRect(
                QRectF(left.x(), field.y(), max(2.0, right.x() - left.x()), field.height()),
                QBrush(hatch, Qt.BrushStyle.BDiagPattern),
            )
        if drawn.ray_m:
            painter.setPen(QPen(color(theme.accent.accent), 1.6))
            painter.drawLine(at(0, drawn.ray_m[0]), at(whole_m, drawn.ray_m[-1]))
            for end_m, ray, raised in (
                (0.0, drawn.ray_m[0], drawn.raised_m[0]),
                (whole_m, drawn.ray_m[-1], drawn.raised_m[-1]),
            ):
                painter.setPen(QPen(color(theme.text.text), 2))
                painter.drawLine(at(end_m, raised or 0.0), at(end_m, ray))
        self._paint_worst(painter, drawn, at)
        painter.restore()
        self._paint_cursor(painter, field, drawn, at)

    def _paint_zone(self, painter: QPainter, drawn: Drawn, at: At) -> None:
        accent = color(self._look.theme.accent.accent)
        for share, alpha in ((1.0, 26), (CLEAR_SHARE, 44)):
            above = [r + share * z for r, z in zip(drawn.ray_m, drawn.zone_m, strict=True)]
            below = [r - share * z for r, z in zip(drawn.ray_m, drawn.zone_m, strict=True)]
            points = [at(d, h) for d, h in zip(drawn.distances_m, above, strict=True)]
            points += [at(d, h) for d, h in zip(reversed(drawn.distances_m), reversed(below), strict=True)]
            fill, edge = QColor(accent), QColor(accent)
            fill.setAlpha(alpha)
            edge.setAlpha(120)
            painter.setBrush(fill)
            painter.setPen(QPen(edge, 1, Qt.PenStyle.SolidLine if share == 1.0 else Qt.PenStyle.DashLine))
            painter.drawPolygon(QPolygonF(points))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_worst(self, painter: QPainter, drawn: Drawn, at: At) -> None:
        worst = drawn.worst
        if worst is None or not drawn.ray_m:
            return
        theme = self._look.theme
        ink = color(theme.status[{"clear": "up", "grazed": "degraded", "blocked": "down"}[worst.state]])
        here = drawn.distances_m.index(worst.distance_m)
        spot = at(worst.distance_m, drawn.raised_m[here] or 0.0)
        painter.setPen(QPen(ink, 1.4))
        painter.drawLine(spot, at(worst.distance_m, drawn.ray_m[here]))
        painter.setBrush(ink)
        painter.drawEllipse(spot, 3.5, 3.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_cursor(self, painter: QPainter, field: QRectF, drawn: Drawn, at: At) -> None:
        if self.cursor_m is None:
            return
        theme = self._look.theme
        x = at(self.cursor_m, 0.0).x()
        painter.setPen(QPen(color(theme.text.quiet), 1))
        painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
        said = self.said_at(self.cursor_m)
        box = QRectF(field.x() + 4, field.y(), field.width() - 8, 16)
        painter.fillRect(box.adjusted(-4, 0, 4, 0), color(theme.surface.scrim))
        paint_text(painter, box, said, font(TICK_PX, tabular=True), theme.text.text, LEFT)

    def _paint_axes(
        self, painter: QPainter, field: QRectF, low_m: float, high_m: float, whole_m: float
    ) -> None:
        theme, small = self._look.theme, font(TICK_PX, tabular=True)
        for height_m in _ticks(low_m, high_m, max(2, int(field.height() // 36))):
            y = field.bottom() - (height_m - low_m) / (high_m - low_m) * field.height()
            painter.setPen(QPen(color(theme.surface.line), 1))
            painter.drawLine(QPointF(field.x(), y), QPointF(field.right(), y))
            box = QRectF(0, y - 7, _LEFT_PX - 6, 14)
            paint_text(painter, box, f"{height_m:,.0f}", small, theme.text.faint, RIGHT)
        for distance_m in _ticks(0.0, whole_m, max(2, int(field.width() // 90)))[1:]:
            x = field.x() + distance_m / whole_m * field.width()
            box = QRectF(min(x - 40, self.width() - 82), field.bottom() + 3, 80, 14)
            paint_text(
                painter, box, length(distance_m), small, theme.text.faint, Qt.AlignmentFlag.AlignCenter
            )
        paint_text(painter, QRectF(0, field.bottom() + 3, _LEFT_PX, 14), "m", small, theme.text.faint, LEFT)

    def _field(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_LEFT_PX, _TOP_PX, -_RIGHT_PX, -_FOOT_PX)


def _range_m(drawn: Drawn) -> tuple[float, float]:
    """Return the lowest and highest that has to be seen, with some air."""
    heights = [height for height in drawn.raised_m if height is not None]
    tops = [ray + zone for ray, zone in zip(drawn.ray_m, drawn.zone_m, strict=True)]
    low, high = min(heights, default=0.0), max([*heights, *tops], default=100.0)
    air = max(10.0, 0.08 * (high - low))
    return low - air, high + air


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers between two, at most so many."""
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next((size * one for one in _STEPS if size * one >= rough), size * 10)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _runs(heights: tuple[float | None, ...]) -> list[list[int]]:
    """Return the stretches that are known, as indexes."""
    found: list[list[int]] = []
    for at, height in enumerate(heights):
        if height is None:
            continue
        if found and found[-1][-1] == at - 1:
            found[-1].append(at)
        else:
            found.append([at])
    return found

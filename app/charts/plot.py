"""One plot: time along, values up, gaps painted. Counterpart: `series.py` finds the gaps, `device_graph.py` fills it.

A point that stands for a stretch of time is a line through the means within a band from the lowest to the highest: a spike
stays visible however long the range. One rule: it is looked at, not played with: no menus, no dragging, no zoom; hovering
reads off values.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPolygonF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.charts.curves import Curve
from app.charts.inks import CURVES_CAP, inks
from app.charts.series import Floats, axis_ends, broken, cuts, gap_limits_s, gaps
from app.look import TICK_PX, Look, color, font
from app.words import figure

HEIGHT_PX = 128
DAY_S = 86_400.0
_AXIS_PX = 38


class Plot(QWidget):
    """Draws some curves. `on_hover` gets the time under the pointer in seconds, or None."""

    def __init__(
        self, look: Look, on_hover: Callable[[float | None], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._look = look
        self._on_hover = on_hover
        self.curves: list[Curve] = []
        self.scale = 1.0
        self.range_s = 3600.0
        self.from_zero = True
        self.gaps: list[tuple[float, float]] = []
        self._times = _TimeAxis(orientation="bottom")
        self._values = pg.AxisItem(orientation="left")
        self._view = pg.PlotWidget(background=None, axisItems={"bottom": self._times, "left": self._values})
        self._item: Any = self._view.getPlotItem()
        self._item.setMenuEnabled(False)
        self._item.hideButtons()
        self._item.setMouseEnabled(x=False, y=False)
        self._item.setContentsMargins(0, 6, 0, 0)
        self._view.setMinimumHeight(HEIGHT_PX)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.viewport().installEventFilter(self)
        self._view.scene().sigMouseMoved.connect(self._on_mouse)
        for axis in (self._times, self._values):
            axis.setStyle(tickFont=font(TICK_PX), tickLength=0, tickTextOffset=6)
        self._values.setWidth(_AXIS_PX)
        self._bands = [_Band() for _ in range(CURVES_CAP)]
        for band in self._bands:
            self._item.addItem(band, ignoreBounds=True)
        self._lines = [self._item.plot(connect="finite") for _ in range(CURVES_CAP)]
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        self._item.addItem(self._cross, ignoreBounds=True)
        self._regions: list[Any] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        look.changed.connect(self.dress)
        self.dress()

    def draw(self, now_s: float) -> None:
        """Draw everything anew, the right edge at `now_s`."""
        from_s = now_s - self.range_s
        least, most = np.inf, -np.inf
        self.gaps = []
        for number, (line, band) in enumerate(zip(self._lines, self._bands, strict=True)):
            if number >= len(self.curves) or not self.curves[number].series.at_s.size:
                line.setData([], [])
                band.show_band(np.empty(0), np.empty(0), np.empty(0))
                continue
            _, series, interval_s = self.curves[number]
            limits_s = gap_limits_s(series.at_s, interval_s)
            cut = cuts(series.at_s, limits_s)
            at_s = np.insert(series.at_s, cut, series.at_s[cut - 1] + 1e-3)
            low, high = broken(series.low * self.scale, cut), broken(series.high * self.scale, cut)
            line.setData(at_s, broken(series.value * self.scale, cut))
            band.show_band(at_s, low, high)
            seen = (series.at_s >= from_s) & (series.at_s <= now_s)
            if seen.any():
                least = min(least, float(series.low[seen].min()) * self.scale)
                most = max(most, float(series.high[seen].max()) * self.scale)
            if number == 0:
                self.gaps = [gap for gap in gaps(series.at_s, limits_s, now_s) if gap[1] > from_s]
        known = bool(np.isfinite(most))
        bottom, top = axis_ends(least, most, from_zero=self.from_zero) if known else (0.0, 1.0)
        self._lines[0].setFillLevel(bottom if bottom == 0 else None)
        self._item.setXRange(from_s, now_s, padding=0)
        self._item.setYRange(bottom, top, padding=0)
        middle = (bottom + top) / 2
        ticks = [(at, _tick(at, top - bottom)) for at in (bottom, middle, top)] if known else []
        self._values.setTicks([ticks])
        self._paint_gaps(now_s)

    def point_at(self, at_s: float | None) -> None:
        """Put the cursor at a moment, or take it away."""
        self._cross.setVisible(at_s is not None)
        if at_s is not None:
            self._cross.setPos(at_s)

    def dress(self) -> None:
        """Take the theme's colours."""
        theme = self._look.theme
        for number, (line, band) in enumerate(zip(self._lines, self._bands, strict=True)):
            ink = color(inks(self._look)[number])
            line.setPen(pg.mkPen(ink, width=1.4 if number == 0 else 1.2))
            line.setZValue(CURVES_CAP - number)
            band.set_ink(ink, 90 if number == 0 else 70)
        self._lines[0].setBrush(_thin(color(theme.accent.accent), 30))
        for axis in (self._times, self._values):
            axis.setPen(pg.mkPen(None))
            axis.setTextPen(theme.text.faint)
        self._times.setPen(pg.mkPen(theme.surface.line))
        self._cross.setPen(pg.mkPen(theme.text.quiet, width=1))
        self._cross.setZValue(CURVES_CAP + 1)
        self._item.getViewBox().setBackgroundColor(None)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """The pointer left: nothing is read off; the wheel scrolls the panel."""
        if event.type() == QEvent.Type.Leave:
            self.point_at(None)
            self._on_hover(None)
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _on_mouse(self, at: QPointF) -> None:
        box = self._item.getViewBox()
        if box.sceneBoundingRect().contains(at):
            self._on_hover(float(box.mapSceneToView(at).x()))

    def _paint_gaps(self, now_s: float) -> None:
        theme = self._look.theme
        for old in self._regions:
            self._item.removeItem(old)
        self._regions = []
        for start_s, end_s in self.gaps:
            until_now = end_s >= now_s
            ink = color(theme.status["down"] if until_now else theme.text.faint)
            fill = _thin(ink, 46 if until_now else 24)
            region = pg.LinearRegionItem(
                (max(start_s, now_s - self.range_s), end_s),
                movable=False,
                brush=fill,
                pen=pg.mkPen(ink if until_now else fill, width=1),
            )
            region.setZValue(-5)
            self._item.addItem(region, ignoreBounds=True)
            self._regions.append(region)


def _thin(ink: QColor, alpha: int) -> QColor:
    made = QColor(ink)
    made.setAlpha(alpha)
    return made


def _tick(value: float, span: float) -> str:
    """Return a number of the axis: as many decimals as tell its ends apart."""
    if span < 0.5 and value != int(value):
        return f"{value:.3f}" if span < 0.05 else f"{value:.2f}"
    return figure(value).replace("-", "−")


class _Band(pg.GraphicsObject):  # type: ignore[misc]
    """The ground between the lowest and the highest values, run by run; nothing where they are the same."""

    def __init__(self) -> None:
        super().__init__()
        self._path = QPainterPath()
        self._fill = QColor()
        self._edge = pg.mkPen(None)
        self.setZValue(-1)

    def set_ink(self, ink: QColor, alpha: int) -> None:
        """Take a colour; the edge keeps a spike visible that is narrower than a pixel."""
        self._fill, self._edge = _thin(ink, alpha), pg.mkPen(_thin(ink, alpha), width=1)
        self.update()

    def show_band(self, at_s: Floats, low: Floats, high: Floats) -> None:
        """Show a band, broken where the values are."""
        path = QPainterPath()
        if at_s.size and np.nanmax(high - low, initial=0.0) > 0:
            ends = np.flatnonzero(np.isnan(low))
            for run in np.split(np.arange(at_s.size), ends):
                inside = run[~np.isnan(low[run])]
                if inside.size > 1:
                    there = zip(at_s[inside], high[inside], strict=True)
                    back = zip(at_s[inside[::-1]], low[inside[::-1]], strict=True)
                    corners = [QPointF(x, y) for x, y in (*there, *back)]
                    path.addPolygon(QPolygonF(corners))
                    path.closeSubpath()
        self.prepareGeometryChange()
        self._path = path
        self.update()

    def boundingRect(self) -> QRectF:
        """What the band covers, in values."""
        return self._path.boundingRect()

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Paint it."""
        if not self._path.isEmpty():
            painter.setPen(self._edge)
            painter.setBrush(self._fill)
            painter.drawPath(self._path)


class _TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Local time at round moments, about four of them: hours of a day, days of a month, months of a year."""

    _STEPS_MIN = (1, 5, 15, 30, 60, 120, 360, 720, 1440, 2880, 10_080)
    _MONTHS_FROM_S = 100 * DAY_S

    def tickValues(self, least: float, most: float, size: float) -> list[tuple[float, list[float]]]:
        """Return where the ticks are: at whole steps from local midnight on."""
        first_s = least + (most - least) * 0.04
        if most - least > self._MONTHS_FROM_S:
            return [(31 * DAY_S, [at_s for at_s in _months_s(least, most) if at_s >= first_s])]
        span_min = (most - least) / 60
        step_min = next((step for step in self._STEPS_MIN if span_min / step <= 4.5), self._STEPS_MIN[-1])
        at = datetime.fromtimestamp(least).replace(hour=0, minute=0, second=0, microsecond=0)
        ticks = []
        while (at_s := at.timestamp()) <= most:
            if at_s >= first_s:
                ticks.append(at_s)
            at += timedelta(minutes=step_min)
        return [(step_min * 60.0, ticks)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return times of day, or days where a step is one, or months."""
        if spacing >= 28 * DAY_S:
            shape = "%b"
        elif spacing >= 7 * DAY_S:
            shape = "%d %b"
        else:
            shape = "%a %d" if spacing >= DAY_S else "%H:%M"
        return [datetime.fromtimestamp(at_s).strftime(shape) for at_s in values]


def _months_s(least: float, most: float) -> list[float]:
    """Return when every third month begins."""
    at = datetime.fromtimestamp(least).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = []
    while (at_s := at.timestamp()) <= most:
        if at.month % 3 == 1:
            found.append(at_s)
        at = (at + timedelta(days=32)).replace(day=1)
    return found

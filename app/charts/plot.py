"""One plot: time along, values up, gaps painted. Counterpart: `series.py` finds the gaps, `device_graph.py` fills it.

One rule: it is looked at, not played with: no menus, no dragging, no zoom; hovering reads off values.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.charts.series import Series, broken_at_gaps, gap_limit_s, gaps, round_up
from app.look import TICK_PX, Look, color, font
from app.words import figure

HEIGHT_PX = 128


class Curve(NamedTuple):
    """A series and its name; the first of a plot is filled."""

    name: str
    series: Series


class Plot(QWidget):
    """Draws up to two curves. `on_hover` gets the time under the pointer in seconds, or None."""

    def __init__(
        self, look: Look, on_hover: Callable[[float | None], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._look = look
        self._on_hover = on_hover
        self.curves: list[Curve] = []
        self.scale = 1.0
        self.interval_s = 30.0
        self.range_s = 3600.0
        self.gaps: list[tuple[float, float]] = []
        self._times = _TimeAxis(orientation="bottom")
        self._values = pg.AxisItem(orientation="left")
        self._view = pg.PlotWidget(background=None, axisItems={"bottom": self._times, "left": self._values})
        self._item: Any = self._view.getPlotItem()
        self._item.setMenuEnabled(False)
        self._item.hideButtons()
        self._item.setMouseEnabled(x=False, y=False)
        self._item.setContentsMargins(0, 6, 0, 0)
        self._view.setFixedHeight(HEIGHT_PX)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.viewport().installEventFilter(self)
        self._view.scene().sigMouseMoved.connect(self._on_mouse)
        for axis in (self._times, self._values):
            axis.setStyle(tickFont=font(TICK_PX), tickLength=0, tickTextOffset=6)
        self._values.setWidth(38)
        self._lines = [self._item.plot(connect="finite") for _ in range(2)]
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
        top = 0.0
        self.gaps = []
        for number, line in enumerate(self._lines):
            if number >= len(self.curves) or not self.curves[number].series.at_s.size:
                line.setData([], [])
                continue
            series = self.curves[number].series
            limit_s = gap_limit_s(series.at_s, self.interval_s)
            at_s, value = broken_at_gaps(series.at_s, series.value * self.scale, limit_s)
            line.setData(at_s, value)
            seen = value[at_s >= from_s]
            top = max(top, float(np.nanmax(seen)) if seen.size and not np.isnan(seen).all() else 0.0)
            if number == 0:
                self.gaps = [gap for gap in gaps(series.at_s, limit_s, now_s) if gap[1] > from_s]
        top = round_up(top)
        self._item.setXRange(from_s, now_s, padding=0)
        self._item.setYRange(0, top, padding=0)
        known = any(curve.series.at_s.size for curve in self.curves)
        ticks = [(0, "0"), (top / 2, figure(top / 2)), (top, figure(top))] if known else []
        self._values.setTicks([ticks])
        self._paint_gaps(now_s)

    def dress(self) -> None:
        """Take the theme's colours."""
        theme = self._look.theme
        accent, quiet = color(theme.accent.accent), color(theme.text.quiet)
        fill = QColor(accent)
        fill.setAlpha(34)
        self._lines[0].setPen(pg.mkPen(accent, width=1.4))
        self._lines[0].setFillLevel(0)
        self._lines[0].setBrush(fill)
        self._lines[1].setPen(pg.mkPen(quiet, width=1.2))
        for axis in (self._times, self._values):
            axis.setPen(pg.mkPen(None))
            axis.setTextPen(theme.text.faint)
        self._times.setPen(pg.mkPen(theme.surface.line))
        self._cross.setPen(pg.mkPen(theme.text.faint, width=1))
        self._item.getViewBox().setBackgroundColor(None)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """The pointer left: nothing is read off; the wheel scrolls the panel."""
        if event.type() == QEvent.Type.Leave:
            self._cross.hide()
            self._on_hover(None)
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _on_mouse(self, at: QPointF) -> None:
        box = self._item.getViewBox()
        if not box.sceneBoundingRect().contains(at):
            return
        at_s = float(box.mapSceneToView(at).x())
        self._cross.setPos(at_s)
        self._cross.show()
        self._on_hover(at_s)

    def _paint_gaps(self, now_s: float) -> None:
        theme = self._look.theme
        for old in self._regions:
            self._item.removeItem(old)
        self._regions = []
        for start_s, end_s in self.gaps:
            until_now = end_s >= now_s
            ink = color(theme.status["down"] if until_now else theme.text.faint)
            fill = QColor(ink)
            fill.setAlpha(46 if until_now else 24)
            region = pg.LinearRegionItem(
                (max(start_s, now_s - self.range_s), end_s),
                movable=False,
                brush=fill,
                pen=pg.mkPen(ink if until_now else fill, width=1),
            )
            region.setZValue(-5)
            self._item.addItem(region, ignoreBounds=True)
            self._regions.append(region)


class _TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Local time at round moments, about four of them."""

    _STEPS_MIN = (1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880)

    def tickValues(self, least: float, most: float, size: float) -> list[tuple[float, list[float]]]:
        """Return where the ticks are: at whole steps from local midnight on."""
        span_min = (most - least) / 60
        step_min = next((step for step in self._STEPS_MIN if span_min / step <= 4.5), self._STEPS_MIN[-1])
        at = datetime.fromtimestamp(least).replace(hour=0, minute=0, second=0, microsecond=0)
        ticks = []
        while (at_s := at.timestamp()) <= most:
            if at_s >= least + (most - least) * 0.04:
                ticks.append(at_s)
            at += timedelta(minutes=step_min)
        return [(step_min * 60.0, ticks)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return times of day, or days where a step is one."""
        days = spacing >= 86_400
        return [datetime.fromtimestamp(at_s).strftime("%a %d" if days else "%H:%M") for at_s in values]

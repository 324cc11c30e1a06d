"""The graph of a device: which number, over which time, live. Counterpart: the engine's `QuerySeries` and `Watch`.

Theory: choosing asks for the past once; from then on each value that the mirror hears is appended. An answer that comes
after another choice was made is thrown away. One rule: what is drawn is what was stored or heard, with its gaps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from uuid import UUID

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.charts.choice import Choice
from app.charts.plot import Curve, Plot
from app.charts.series import Series
from app.commands import Asks
from app.draft import now_us
from app.look import HEAD_PX, Look, color, font
from app.model import Delta, Model
from app.panels.dropdown import Dropdown
from app.panels.segments import Segments
from app.panels.text import LEFT, paint_text
from app.words import age, figure
from domain.metrics import CATALOGUE
from domain.wire import QuerySeries, Reply

RANGES: Mapping[str, tuple[str, float]] = {
    "15m": ("15 m", 900),
    "1h": ("1 h", 3600),
    "24h": ("24 h", 86_400),
    "7d": ("7 d", 604_800),
}
POINTS = 400


class _Legend(QWidget):
    """The unit, and each curve's name with its value now, or under the pointer."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.unit = ""
        self.gap = ""
        self.values: list[tuple[str, str]] = []
        self.setFixedHeight(18)

    def sizeHint(self) -> QSize:
        return QSize(120, 18)

    def show_values(self, unit: str, gap: str, values: list[tuple[str, str]]) -> None:
        if (unit, gap, values) != (self.unit, self.gap, self.values):
            self.unit, self.gap, self.values = unit, gap, values
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._look.theme, QPainter(self)
        small, bold = font(HEAD_PX), font(HEAD_PX, 600, tabular=True)
        unit_px = paint_text(painter, self.rect(), self.unit, small, theme.text.quiet, LEFT)
        rest = self.rect().adjusted(unit_px + 8, 0, 0, 0)
        paint_text(painter, rest, self.gap, small, theme.status_text["down"], LEFT)
        x = self.width()
        inks = (theme.accent.accent, theme.text.quiet)
        for number in reversed(range(len(self.values))):
            name, value = self.values[number]
            value_px = max(QFontMetrics(bold).horizontalAdvance(value), 20) + 2
            name_px = QFontMetrics(small).horizontalAdvance(name)
            x -= value_px
            box = self.rect()
            paint_text(painter, box.adjusted(x, 0, 0, 0), value, bold, theme.text.text, LEFT)
            x -= name_px + 5
            paint_text(painter, box.adjusted(x, 0, 0, 0), name, small, theme.text.quiet, LEFT)
            x -= 18
            painter.setPen(QPen(color(inks[number]), 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(x + 2, 9.5), QPointF(x + 12, 9.5))
            x -= 8


class DeviceGraph(QWidget):
    """The graph of whatever device `show_device` names."""

    def __init__(self, model: Model, link: Asks, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._link = model, link
        self._device: UUID | None = None
        self._choices: list[Choice] = []
        self._asked = itertools.count(1)
        self._awaited = 0
        self._hover_s: float | None = None
        self._unit = ""
        self.loading = False
        self.what = Dropdown(look)
        self.what.setAccessibleName("What is drawn")
        self.what.activated.connect(lambda _: self._load())
        self.ranges = Segments({key: title for key, (title, _) in RANGES.items()}, small=True)
        self.ranges.choose("15m")
        self.ranges.chosen.connect(lambda _: self._load())
        self._legend = _Legend(look)
        self.plot = Plot(look, self._on_hover)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.what, 1)
        top.addWidget(self.ranges)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._legend)
        layout.addWidget(self.plot)
        model.changed.connect(self._on_changed)
        look.changed.connect(self._legend.update)

    def show_device(self, device: UUID, choices: list[Choice]) -> None:
        """Offer what can be drawn; keep drawing what was drawn where it is still offered."""
        same = device == self._device
        old = self.current if same else None
        self._device = device
        if same and choices == self._choices:
            return
        self._choices = choices
        self.what.show_choices([choice.title for choice in choices])
        if old in choices:
            self.what.setCurrentIndex(choices.index(old))
        else:
            self._load()
        self.setVisible(bool(choices))

    @property
    def current(self) -> Choice | None:
        """What is drawn."""
        at = self.what.currentIndex()
        return self._choices[at] if 0 <= at < len(self._choices) else None

    def choose(self, first_curve: tuple[str, str]) -> None:
        """Draw the choice whose first curve is this (metric, instance)."""
        for number, choice in enumerate(self._choices):
            if choice.curves[0][:2] == first_curve:
                self.what.setCurrentIndex(number)
                self._load()

    def tick(self) -> None:
        """Move the right edge to now."""
        if self.isVisible() and self._device is not None:
            self._draw()

    def _load(self) -> None:
        choice, device = self.current, self._device
        if choice is None or device is None:
            return
        range_s = RANGES[self.ranges.current][1]
        intended = self._model.inventory.device(device)
        self.plot.range_s = range_s
        self.plot.interval_s = intended.interval_s if intended else 30.0
        self.plot.curves = [Curve(name, Series()) for _, _, name in choice.curves]
        self._awaited = next(self._asked)
        self.loading = True
        now = now_us()
        for (metric, instance, _), curve in zip(choice.curves, self.plot.curves, strict=True):
            self._link.request(
                lambda number, metric=metric, instance=instance: QuerySeries(  # type: ignore[misc]
                    number, device, metric, instance, int(now - range_s * 1.05e6), now, POINTS
                ),
                self._taker(curve.series, self._awaited),
            )
        self._draw()

    def _taker(self, series: Series, asked: int) -> Callable[[Reply], None]:
        def take(reply: Reply) -> None:
            if asked != self._awaited:
                return
            self.loading = False
            if not reply.refusals:
                series.load(reply.result.get("at_us", ()), reply.result.get("value", ()))
            self._draw()

        return take

    def _on_changed(self, delta: Delta) -> None:
        choice, device = self.current, self._device
        if choice is None or device is None or device not in delta.values:
            return
        heard = self._model.samples.get(device, {})
        news = False
        for (metric, instance, _), curve in zip(choice.curves, self.plot.curves, strict=True):
            sample = heard.get((metric, instance))
            if sample is not None and curve.series.append(sample.at_us, sample.value):
                news = True
                curve.series.forget_before(now_us() / 1e6 - self.plot.range_s)
        if news and self.isVisible():
            self._draw()

    def _on_hover(self, at_s: float | None) -> None:
        self._hover_s = at_s
        self._show_legend()

    def _draw(self) -> None:
        choice = self.current
        if choice is None:
            return
        most = max(
            (float(c.series.value.max()) for c in self.plot.curves if c.series.value.size), default=0.0
        )
        self.plot.scale, self._unit = _scale(CATALOGUE[choice.curves[0][0]].unit, most)
        self.plot.draw(now_us() / 1e6)
        self._show_legend()

    def _show_legend(self) -> None:
        values = []
        for name, series in self.plot.curves:
            at = series.at_s.size - 1
            if self._hover_s is not None:
                at = int(series.at_s.searchsorted(self._hover_s)) - 1
            said = figure(float(series.value[at]) * self.plot.scale) if at >= 0 else "–"
            values.append((name, said))
        now_s = now_us() / 1e6
        until_now = [start_s for start_s, end_s in self.plot.gaps if end_s >= now_s - 2]
        gap = f"no data for {age(now_s - until_now[0])}" if until_now else ""
        unit = (
            self._unit
            if any(curve.series.at_s.size for curve in self.plot.curves)
            else "No numbers in this time"
        )
        self._legend.show_values("Loading" if self.loading else unit, gap, values)


def _scale(unit: str, most: float) -> tuple[float, str]:
    """Return by what values are multiplied, and the unit that they then have."""
    if unit == "bit/s":
        for size, name in ((1e9, "Gb/s"), (1e6, "Mb/s"), (1e3, "kb/s")):
            if most >= size:
                return 1 / size, name
        return 1e-3, "kb/s"
    if unit == "B":
        return (1 / (1 << 30), "GiB") if most >= 1 << 30 else (1 / (1 << 20), "MiB")
    return 1.0, unit

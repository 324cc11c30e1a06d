"""The graph of a device: which numbers, over which time, live. Counterpart: `curves.py` holds the series, `plot.py` draws them.

One rule: what is drawn is what was stored or heard, with its gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.charts.choice import Choice
from app.charts.curves import Curves, Wanted
from app.charts.legend import Headline, Legend, Said
from app.charts.plot import Plot
from app.charts.series import grain
from app.look import Look
from app.model import Model
from app.panels.finder import Entry
from app.panels.graph_place import Watches
from app.panels.heading import Heading
from app.panels.picker import Picker, grouped, matches
from app.panels.segments import Segments
from app.words import age, clock, figure

RANGES: Mapping[str, tuple[str, float]] = {
    "15m": ("15 m", 900),
    "1h": ("1 h", 3600),
    "6h": ("6 h", 21_600),
    "24h": ("24 h", 86_400),
    "7d": ("7 d", 604_800),
    "30d": ("30 d", 2_592_000),
    "1y": ("1 y", 31_536_000),
}
OWN_AFTER_US = 1_000_000
"""A point later than what others are known to have measured was measured here."""
MOST_PX = 150
"""How tall the small graph becomes where nothing else wants the room."""
FEW_RANGES = ("15m", "1h", "24h", "7d")
CLOSELY = frozenset({"dBm", "dB", "°C", "V", "Hz", "MHz"})
"""Units in which zero means nothing: their axis lies closely around the values."""


class DeviceGraph(QWidget):
    """The graph of whatever device `show_device` names."""

    def __init__(self, model: Model, link: Watches, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._link, self._look = model, link, look
        self._device: UUID | None = None
        self._choices: list[Choice] = []
        self._hover_s: float | None = None
        self._unit = ""
        self.current: Choice | None = None
        self.what = Heading(look)
        self.what.setAccessibleName("What is drawn")
        self.what.clicked.connect(self._pick)
        self.ranges = Segments({key: RANGES[key][0] for key in self.offered_ranges()}, small=True)
        self.ranges.choose("15m")
        self.ranges.chosen.connect(lambda _: self.load())
        self.legend = Legend(look)
        self.plot = Plot(look, self._on_hover)
        self.plot.setAccessibleName("Graph")
        self.curves = Curves(model, link, self)
        self.curves.changed.connect(self.draw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.lay_out(layout)

    def offered_ranges(self) -> tuple[str, ...]:
        """The ranges of time that can be chosen."""
        return FEW_RANGES

    def lay_out(self, layout: QVBoxLayout) -> None:
        """Put the parts below each other."""
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.what, 1)
        top.addWidget(self.ranges)
        layout.addLayout(top)
        layout.addWidget(self.legend)
        self.plot.setMaximumHeight(MOST_PX)
        layout.addWidget(self.plot)

    def show_device(self, device: UUID, choices: list[Choice]) -> None:
        """Offer what can be drawn; keep drawing what was drawn where it is still offered."""
        same = device == self._device
        if same and choices is self._choices:
            return
        old = self.current if same else None
        self._device, self._choices = device, choices
        kept = next((choice for choice in choices if old and choice.curves == old.curves), None)
        self.setVisible(bool(choices))
        self._take(kept or (choices[0] if choices else None), anew=kept is None)

    def choose(self, first_curve: tuple[str, str]) -> None:
        """Draw the choice whose first curve is this (metric, instance)."""
        for choice in self._choices:
            if choice.curves[0][:2] == first_curve:
                self._take(choice)

    def tick(self) -> None:
        """Move the right edge to now, or to the moment that is shown."""
        if self.isVisible() and self._device is not None:
            self.curves.follow()
            self.draw()

    def load(self) -> None:
        """Ask for what is to be drawn."""
        self.curves.want(self.wanted(), RANGES[self.ranges.current][1])

    def wanted(self) -> list[Wanted]:
        """What is to be drawn."""
        if self.current is None or self._device is None:
            return []
        return [Wanted(self._device, *curve) for curve in self.current.curves]

    def draw(self) -> None:
        """Draw what is known."""
        plot, held = self.plot, self.curves
        plot.curves, plot.range_s = held.curves, held.range_s
        if self.current is not None and self.isVisible():
            unit = self.current.unit
            most = max((float(c.series.high.max()) for c in plot.curves if c.series.high.size), default=0.0)
            plot.scale, self._unit = scale_of(unit, most)
            plot.from_zero = unit not in CLOSELY
            plot.draw(self._model.now_us() / 1e6)
            self.show_legend()

    def show_legend(self) -> None:
        """Tell the values, under the pointer or the newest."""
        at_s = self._hover_at_s()
        self.plot.point_at(at_s)
        self.legend.show_curves(self.headline(at_s), self.said(at_s))

    def headline(self, at_s: float | None) -> Headline:
        """Return the unit, what a point stands for, the gap until now, and the moment that values are of."""
        now = self._model.now_us()
        drawn = [curve.series.at_s for curve in self.plot.curves if curve.series.at_s.size]
        if not drawn:
            nothing = "Loading" if self.curves.loading else self.curves.refused or "No numbers in this time"
            return Headline(nothing, gap=self._said_missing(now, 0))
        now_s = now / 1e6
        until_now = [start_s for start_s, end_s in self.plot.gaps if end_s >= now_s - 2]
        return Headline(
            "Loading" if self.curves.loading else self._unit,
            grain(drawn[0]),
            self._said_missing(now, max(at[-1] for at in drawn))
            or (f"no data for {age(now_s - until_now[0])}" if until_now else ""),
            clock(int(at_s * 1e6), now) if at_s is not None else "",
        )

    def _said_missing(self, now_us: int, newest_s: float) -> str:
        """Return which numbers are not on this computer; `newest_s` is when the newest is of."""
        missing = self.curves.missing
        if missing is None or self.curves.loading:
            return ""
        if missing.since_us is None:
            return f"some numbers are not here: {missing.why}"
        if not missing.since_us:
            whose = "only numbers of this computer" if newest_s else "nothing was seen here before"
            return f"{whose}: {missing.why}"
        is_own = newest_s * 1e6 > missing.since_us + OWN_AFTER_US
        whose = "only numbers of this computer" if is_own else "no numbers"
        return f"{whose} since {clock(missing.since_us, now_us)}: {missing.why}"

    def said(self, at_s: float | None) -> list[Said]:
        """Return name and value of each curve."""
        return [
            Said(curve.name, self._value_at(number, at_s)) for number, curve in enumerate(self.plot.curves)
        ]

    def showEvent(self, event: object) -> None:
        """Draw what came while it was not seen."""
        super().showEvent(event)  # type: ignore[arg-type]
        self.draw()

    def _take(self, choice: Choice | None, *, anew: bool = True) -> None:
        self.current = choice
        self.what.show_title(choice.title if choice else "", may_choose=len(self._choices) > 1)
        if anew:
            self.load()

    def _pick(self) -> None:
        picker = Picker(self._look, self._offer, "Search what to draw", self)
        picker.drop_under(self.what)

    def _offer(self, text: str) -> list[Entry]:
        return grouped(
            (
                choice.group,
                Entry(choice.title, lambda c=choice: self._take(c), current=choice is self.current),  # type: ignore[misc]
            )
            for choice in self._choices
            if matches(text, choice.group, choice.title)
        )

    def _on_hover(self, at_s: float | None) -> None:
        self._hover_s = at_s
        self.show_legend()

    def _hover_at_s(self) -> float | None:
        """Return the moment of the point nearest to the pointer; within a gap the pointer's own."""
        if self._hover_s is None or not self.plot.curves:
            return None
        series = self.plot.curves[0].series
        place = series.nearest(self._hover_s, self._near_s(0))
        return float(series.at_s[place]) if place is not None else self._hover_s

    def _near_s(self, number: int) -> float:
        """How far from the pointer a value may be and still be told as the one there."""
        return max(self.plot.curves[number].interval_s * 1.5, self.plot.range_s / 100)

    def _value_at(self, number: int, at_s: float | None) -> str:
        series = self.plot.curves[number].series
        if at_s is None:
            place = series.at_s.size - 1 if series.at_s.size else None
        else:
            place = series.nearest(at_s, self._near_s(number))
        return self.said_value(float(series.value[place])) if place is not None else "–"

    def said_value(self, value: float) -> str:
        """Return a value in the unit that is drawn."""
        return figure(value * self.plot.scale).replace("-", "−")


def scale_of(unit: str, most: float) -> tuple[float, str]:
    """Return by what values are multiplied, and the unit that they then have."""
    if unit == "bit/s":
        for size, name in ((1e9, "Gb/s"), (1e6, "Mb/s"), (1e3, "kb/s")):
            if most >= size:
                return 1 / size, name
        return 1e-3, "kb/s"
    if unit == "B":
        return (1 / (1 << 30), "GiB") if most >= 1 << 30 else (1 / (1 << 20), "MiB")
    if unit == "s":
        for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
            if most >= 2 * size:
                return 1 / size, name
    return 1.0, unit

"""Series of devices, their past asked for and their present joined. Counterpart: the engine's `QuerySeries` and `Watch`.

Theory: asking for a curve fetches its past once; from then on each value that the mirror hears is appended. A curve that is
still wanted when others come or go keeps its points. After a new snapshot (the engine was away) the past is asked for again.
While the mirror shows a moment of the past, what comes after it is asked for too, but never told: so time can pass.
An answer that nobody waits for any more is thrown away. One rule: what is held is what was stored or heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import QObject, Signal

from app.charts.series import POINTS_CAP, Series
from app.draft import now_us
from app.model import Delta, Model
from app.panels.graph_place import Watches
from domain.inventory import DEFAULT_INTERVAL_S
from domain.wire import QuerySeries, Reply

POINTS = 460
"""Asked for at most, so that with what comes live a range stays below 500."""
REACHES_BACK = 1.05
"""A little more than the range is asked for, so that the line enters the picture from outside."""


class Wanted(NamedTuple):
    """One series, and what it is called."""

    device: UUID
    metric: str
    instance: str
    name: str


class Curve(NamedTuple):
    """A series with its name, and how often its device is asked."""

    name: str
    series: Series
    interval_s: float = DEFAULT_INTERVAL_S


class Missing(NamedTuple):
    """What others measured and is not on this computer: from when on (None: some of the time before), and why."""

    since_us: int | None
    why: str


class Curves(QObject):
    """The curves of one graph."""

    changed = Signal()

    def __init__(self, model: Model, link: Watches, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._link = model, link
        self._held: dict[Wanted, Series] = {}
        self._awaited: set[Wanted] = set()
        self._reach_us = (0, 0)
        """From which to which moment what is held can be told of as it was then."""
        self.wanted: tuple[Wanted, ...] = ()
        self.range_s = 0.0
        self.refused = ""
        self._missing: dict[Wanted, Missing] = {}
        model.changed.connect(self._on_changed)

    @property
    def loading(self) -> bool:
        """Whether the past of a curve is still awaited."""
        return bool(self._awaited)

    @property
    def missing(self) -> Missing | None:
        """What is missing of the curves: where several lack something, of the one that ends first."""
        lacking = [self._missing[wanted] for wanted in self.wanted if wanted in self._missing]
        return min(lacking, key=lambda one: (one.since_us is None, one.since_us or 0), default=None)

    @property
    def curves(self) -> list[Curve]:
        """The curves in the order in which they were wanted, up to the moment that is shown."""
        held = [self._held[wanted] for wanted in self.wanted]
        if self._model.moment_us is not None:
            held = [series.until(self._model.moment_us / 1e6) for series in held]
        return [
            Curve(wanted.name, series, self._interval_s(wanted))
            for wanted, series in zip(self.wanted, held, strict=True)
        ]

    def want(self, wanted: Sequence[Wanted], range_s: float, *, anew: bool = False) -> None:
        """Hold these over a range of time in place of the former ones."""
        kept = {} if anew or range_s != self.range_s else self._held
        self.range_s, self.wanted, self.refused = range_s, tuple(dict.fromkeys(wanted)), ""
        stretch_s = range_s / (POINTS_CAP - 20)
        self._held = {key: kept.get(key) or Series(stretch_s) for key in self.wanted}
        self._awaited &= {key for key in self.wanted if key in kept}
        self._missing = {key: one for key, one in self._missing.items() if key in kept and key in self.wanted}
        if not kept or self._model.moment_us is None:
            self._reach_us = self._new_reach()
        for key in self.wanted:
            if key not in kept:
                self._ask(key)
        self.changed.emit()

    def follow(self) -> None:
        """Be at the moment that is shown: ask anew where it lies outside of what is held."""
        moment_us, (from_us, to_us) = self._model.moment_us, self._reach_us
        if moment_us is not None and self.wanted and not self.loading and not from_us <= moment_us <= to_us:
            self.want(self.wanted, self.range_s, anew=True)

    def _new_reach(self) -> tuple[int, int]:
        """A moment of the past is held with as much before it again, and after it, as is shown."""
        now, range_us = now_us(), int(self.range_s * 1e6)
        moment_us = self._model.moment_us
        return (now, now) if moment_us is None else (moment_us - range_us, min(now, moment_us + range_us))

    def _ask(self, key: Wanted) -> None:
        series = self._held[key]
        self._awaited.add(key)
        from_us, to_us = self._reach_us
        from_us = max(0, int(from_us - self.range_s * REACHES_BACK * 1e6))
        self._link.request(
            lambda number: QuerySeries(number, key.device, key.metric, key.instance, from_us, to_us, POINTS),
            lambda reply: self._take(key, series, reply),
        )

    def _take(self, key: Wanted, series: Series, reply: Reply) -> None:
        if self._held.get(key) is not series:
            return
        self._awaited.discard(key)
        self._missing.pop(key, None)
        if reply.refusals:
            self.refused = reply.refusals[0].message
        else:
            told = reply.result
            if told.get("missing"):
                self._missing[key] = Missing(**told["missing"])
            series.load(
                told.get("at_us", ()), told.get("value", ()), told.get("low", ()), told.get("high", ())
            )
        self.changed.emit()
        self.follow()

    def _on_changed(self, delta: Delta) -> None:
        if delta.initial and self.wanted:
            self.want(self.wanted, self.range_s, anew=True)
        news = self._model.moment_us is not None
        self.follow()
        for key, series in self._held.items():
            if key.device in delta.values:
                sample = self._model.samples.get(key.device, {}).get((key.metric, key.instance))
                if sample is not None and series.append(sample.at_us, sample.value):
                    series.forget_before(now_us() / 1e6 - self.range_s)
                    news = True
        if news:
            self.changed.emit()

    def _interval_s(self, wanted: Wanted) -> float:
        device = self._model.inventory.device(wanted.device)
        return device.interval_s if device is not None else DEFAULT_INTERVAL_S

"""Laying out many things in a thread of its own, with progress and an end to it. Counterpart: `domain/layout.py`.

One rule: one layout at a time; what comes of one that was cancelled or overtaken is nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import QObject, Signal

from domain.layout import Point, arrange, sketch
from domain.layout_stress import Cancelled

TELL_SHARE = 0.02
"""How much more has to be done before it is told again."""


class _Run(NamedTuple):
    """One layout: who waits for it, and whether anybody still does."""

    then: Callable[[dict[UUID, Point]], None]
    meanwhile: Callable[[dict[UUID, Point]], None] | None
    over: threading.Event
    sketched: threading.Event
    """The sketch is shown: laying out may take the time of the window's thread."""


class Arranging(QObject):
    """`progressed` tells the share that is done; 1.0 when nothing is laid out any more."""

    progressed = Signal(float)
    _told = Signal(object, float)
    _sketched = Signal(object, object)
    _done = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run: _Run | None = None
        self._told.connect(self._on_told)
        self._sketched.connect(self._on_sketched)
        self._done.connect(self._on_done)

    @property
    def is_busy(self) -> bool:
        """Whether something is being laid out."""
        return self._run is not None

    def start(
        self,
        things: Iterable[UUID],
        links: Iterable[tuple[UUID, UUID]],
        fixed: Mapping[UUID, Point],
        then: Callable[[dict[UUID, Point]], None],
        *,
        meanwhile: Callable[[dict[UUID, Point]], None] | None = None,
    ) -> None:
        """Lay things out around what is fixed; `then` gets all places, `meanwhile` a sketch of them before that. What is being
        laid out is given up."""
        self.cancel()
        run = self._run = _Run(then, meanwhile, threading.Event(), threading.Event())
        wanted = list(things), list(links), dict(fixed)
        said = 0.0

        def tell(share: float) -> bool:
            nonlocal said
            if share - said >= TELL_SHARE:
                said = share
                self._told.emit(run, share)
            return not run.over.is_set()

        def work() -> None:
            try:
                if meanwhile is not None:
                    self._sketched.emit(run, sketch(*wanted[:2], lambda share: not run.over.is_set()))
                    run.sketched.wait()
                places = arrange(*wanted, tell)
            except Cancelled:
                return
            self._done.emit(run, places)

        self.progressed.emit(0.0)
        threading.Thread(target=work, daemon=True, name="layout").start()

    def cancel(self) -> None:
        """Give up what is being laid out."""
        run, self._run = self._run, None
        if run is not None:
            run.over.set()
            run.sketched.set()
            self.progressed.emit(1.0)

    def _on_told(self, run: _Run, share: float) -> None:
        if run is self._run:
            self.progressed.emit(min(share, 0.99))

    def _on_sketched(self, run: _Run, places: dict[UUID, Point]) -> None:
        if run is self._run and run.meanwhile is not None:
            run.meanwhile(places)
            run.sketched.set()

    def _on_done(self, run: _Run, places: dict[UUID, Point]) -> None:
        if run is self._run:
            self._run = None
            self.progressed.emit(1.0)
            run.then(places)

"""The way through the past: asks for moments, one after the other, and feeds them to the mirror that the window shows.

Theory: the panels and the map show one `Model`. On entering, a second one takes over what comes from the engine (`live`) and
goes on underneath; the shown one gets moments, as batches like any. On leaving the shown one adopts what the live one holds.
Of the moments that are wanted while one is asked for only the last is asked for next, so that a drag never runs behind.
Counterpart: `engine/moments.py`. One rule: nothing here changes the network, and while it is on nothing else can.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol
from uuid import UUID

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.draft import now_us
from app.model import Delta, Model
from domain.asking import LOADS_CAP, LoadThen, Moment, QueryLoads, QueryMoment, QueryTimeline, RowMark
from domain.journal import JournalRow, RowKind
from domain.load import LinkState
from domain.wire import Changed, Reply, ToEngine

PLAY_EVERY_MS = 100
LIVED_AFTER_MS = 1_000
"""How long what changes underneath is gathered."""
SPEEDS = {"1x": 1.0, "10x": 10.0, "60x": 60.0, "600x": 600.0, "1 h/s": 3600.0}
"""How many seconds of the past pass in one of ours."""
REFUSED_WHY = "This is the past, and nothing changes it. Press Esc for the live network, then try again."
FAULTS: tuple[RowKind, ...] = ("status", "link_status", "alert_opened", "alert_cleared")
EDITS: tuple[RowKind, ...] = ("edit_applied",)
PEOPLE: tuple[RowKind, ...] = (
    "alert_acknowledged",
    "alert_commented",
    "alert_assigned",
    "alert_resolved",
    "alert_reopened",
    "edit_applied",
)
STEPS: dict[str, tuple[RowKind, ...]] = {
    "all": tuple(dict.fromkeys((*FAULTS, *PEOPLE, "engine_started"))),
    "faults": FAULTS,
    "edits": EDITS,
    "people": PEOPLE,
}
"""What counts as the next event."""
_FIRST_ID, _LAST_ID, _LAST_SEQ = UUID(int=0), UUID(int=(1 << 128) - 1), (1 << 62)


class Engine(Protocol):
    """What the time machine needs of the engine's link."""

    refused_why: str

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        """Ask; `then` gets the one reply."""

    def feed(self, model: Model) -> None:
        """Let what comes go into another mirror."""


class TimeMachine(QObject):
    """`shown` is what the window shows. `at_us` is where one wants to be, `there_us` what is shown (0: nothing yet).

    `loads_us` is the moment of all loads that are shown (0: none are), of `load_source`.
    """

    entered = Signal()
    left = Signal()
    moving = Signal()
    """Where one wants to be, or how one goes, is another."""
    arrived = Signal()
    """The moment that was wanted is shown, its loads too."""
    came = Signal()
    """Another moment is shown, or loads of one that is over; its own may be on the way."""
    lived = Signal()
    """Devices that are live, or their states, have changed underneath."""
    failed = Signal(str)

    def __init__(self, shown: Model, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown, self._engine = shown, engine
        self.live: Model | None = None
        self.at_us = self.there_us = 0
        self.begins_us: int | None = None
        """When what is known began, where the moment is before any keyframe."""
        self.load_source, self.loads_us = "none", 0
        self._moment: Moment | None = None
        self._loading: Moment | None = None
        self._loaded: Moment | None = None
        self.speed = SPEEDS["60x"]
        self._base = 0
        self._asking = False
        self._journey = 0
        self._beat_s = 0.0
        self._ticking = QTimer(self)
        self._ticking.setInterval(PLAY_EVERY_MS)
        self._ticking.timeout.connect(self._on_tick)
        self._lived_later = QTimer(self)
        self._lived_later.setSingleShot(True)
        self._lived_later.setInterval(LIVED_AFTER_MS)
        self._lived_later.timeout.connect(self.lived)

    @property
    def is_on(self) -> bool:
        """Whether the past is shown."""
        return self.live is not None

    @property
    def is_playing(self) -> bool:
        """Whether time passes."""
        return self._ticking.isActive()

    @property
    def is_there(self) -> bool:
        """Whether the moment that is wanted is shown."""
        return self.is_on and not self._asking and self.there_us == self.at_us

    @property
    def is_whole(self) -> bool:
        """Whether the moment that is wanted is shown, its loads too."""
        return self.is_there and self._loaded is self._moment

    def enter(self, at_us: int) -> None:
        """Show a moment; what is live goes on underneath."""
        if self.live is None:
            self.live = Model(self)
            self.live.adopt(self._shown)
            self.live.changed.connect(self._on_live)
            self._shown.today = self.live
            self._engine.feed(self.live)
            self._engine.refused_why = REFUSED_WHY
            self._base, self.there_us, self._asking = 0, 0, False
            self._moment = self._loading = None
            self._forget_loads()
            self._journey += 1
            self.at_us = self._within(at_us)
            self.entered.emit()
        self.seek(at_us)

    def leave(self) -> None:
        """Show what is live."""
        live = self.live
        if live is None:
            return
        self.pause()
        self._lived_later.stop()
        self._journey += 1
        self.live, self._asking = None, False
        self._engine.refused_why = ""
        self._engine.feed(self._shown)
        self.left.emit()
        self._shown.today = None
        self._shown.adopt(live)
        live.deleteLater()

    def seek(self, at_us: int) -> None:
        """Want another moment; the last that is wanted is the one that comes."""
        if self.live is not None:
            self.at_us = self._within(at_us)
            self.moving.emit()
            self._ask()

    def play(self) -> None:
        """Let time pass, until it is now."""
        if self.live is not None:
            self._beat_s = time.monotonic()
            self._ticking.start()
            self.moving.emit()

    def pause(self) -> None:
        """Stay where one is."""
        self._ticking.stop()
        self.moving.emit()

    def set_speed(self, speed: float) -> None:
        """Let more or less time pass in a second."""
        self.speed = speed
        self.moving.emit()

    def step(self, kinds: tuple[str, ...], *, forward: bool) -> None:
        """Go to the next or the previous row of these kinds; it is said where there is none."""
        self.pause()
        at_us, journey = self.at_us, self._journey

        def take(reply: Reply) -> None:
            if journey != self._journey or self.at_us != at_us:
                return
            rows = msgspec.convert(reply.result.get("rows", []), list[JournalRow])
            if rows:
                self.seek(rows[0].at_us)
            elif reply.refusals:
                self.failed.emit(reply.refusals[0].message)
            else:
                self.failed.emit(f"Nothing happened {'after' if forward else 'before'} this")

        if forward:
            mark = RowMark(at_us, _LAST_ID, _LAST_SEQ)
            self._engine.request(
                lambda number: QueryTimeline(number, at_us, now_us(), None, kinds, 1, after=mark), take
            )
        else:
            mark = RowMark(at_us, _FIRST_ID, 0)
            self._engine.request(
                lambda number: QueryTimeline(number, 0, at_us, None, kinds, 1, before=mark), take
            )

    # Asking

    def _ask(self) -> None:
        if self._asking or self.live is None or self.there_us == self.at_us:
            return
        self._asking = True
        at_us, base, journey = self.at_us, self._base, self._journey
        self._engine.request(
            lambda number: QueryMoment(number, at_us, base), lambda reply: self._take(journey, reply)
        )

    def _take(self, journey: int, reply: Reply) -> None:
        if journey != self._journey or self.live is None:
            return
        if reply.refusals:
            self._asking, self._base = False, 0
            self.pause()
            self.at_us = self.there_us
            self.moving.emit()
            self.failed.emit(reply.refusals[0].message)
            return
        moment = msgspec.convert(reply.result["moment"], Moment)
        changed = msgspec.convert(reply.result["changed"], Changed)
        parts = reply.result.get("part", 0)
        self._shown.moment_us = moment.at_us
        if changed.initial:
            self._forget_loads()
        if not self.is_playing:  # they come with its loads; while time passes they would blink
            self._shown.take_lags({})
        self._shown.merge(changed)
        if changed.more:
            self._engine.request(
                lambda number: QueryMoment(number, moment.at_us, number=moment.number, part=parts + 1),
                lambda reply: self._take(journey, reply),
            )
            return
        self._base, self.there_us, self.begins_us = moment.number, moment.at_us, moment.from_us
        self._moment = moment
        self._asking = False
        self.came.emit()
        self._shown.flush()
        self._ask()
        if self.is_there or self.is_playing:
            self._begin_loads()

    def _links(self) -> Iterator[tuple[UUID, ...]]:
        links = [link.id for link in self._shown.inventory.links() if link.a_interface or link.b_interface]
        return iter([tuple(links[at : at + LOADS_CAP]) for at in range(0, len(links), LOADS_CAP)])

    def _begin_loads(self) -> None:
        """Ask for the loads of the moment that is shown; while older ones come, these are asked for after them."""
        if self._loading is None and self._moment is not None:
            self._loading = self._moment
            self._ask_loads(self._journey, self._moment, self._links(), {})

    def _ask_loads(
        self, journey: int, moment: Moment, pieces: Iterator[tuple[UUID, ...]], found: dict[UUID, LoadThen]
    ) -> None:
        piece = next(pieces, None)
        if piece is None:
            self._take_loads(found, moment)
            return

        def take(reply: Reply) -> None:
            if journey != self._journey:
                return
            loads = msgspec.convert(reply.result.get("loads", []), list[LoadThen])
            found.update((load.link, load) for load in loads)
            if moment is self._moment or self.is_playing:
                self._ask_loads(journey, moment, pieces, found)
            else:  # somebody went elsewhere
                self._loading = None
                self._begin_loads()

        self._engine.request(lambda number: QueryLoads(number, moment.at_us, piece, moment.number), take)

    def _take_loads(self, found: dict[UUID, LoadThen], moment: Moment) -> None:
        """Show what links carried at one moment, and of no other."""
        states = []
        for link in self._shown.inventory.links():
            load, old = found.get(link.id), self._shown.link_states.get(link.id, LinkState(link.id))
            known = load if old.status != "down" else None
            ab_bps, ba_bps = (known.ab_bps, known.ba_bps) if known is not None else (None, None)
            if (old.ab_bps, old.ba_bps) != (ab_bps, ba_bps):
                states.append(LinkState(link.id, old.status, old.since_us, moment.at_us, ab_bps, ba_bps))
        sources = {load.source for load in found.values()}
        self.load_source = next((source for source in ("hours", "polls") if source in sources), "none")
        self.loads_us = moment.at_us if sources - {"none"} else 0
        self._loading, self._loaded = None, moment
        self._shown.take_lags({load.link: load.lag for load in found.values() if load.lag is not None})
        self._shown.merge(Changed(0, link_states=tuple(states)))
        self._shown.flush()
        if self.is_whole:
            self.arrived.emit()
            return
        self.came.emit()
        if self._moment is not moment:
            self._begin_loads()

    def _forget_loads(self) -> None:
        self._loaded, self.load_source, self.loads_us = None, "none", 0

    # Time

    def _on_tick(self) -> None:
        now_s = time.monotonic()
        passed_s, self._beat_s = now_s - self._beat_s, now_s
        at_us = self.at_us + round(passed_s * self.speed * 1e6)
        self.seek(at_us)
        if at_us >= now_us():
            self.pause()

    def _on_live(self, delta: Delta) -> None:
        if self.live is not None:
            if delta.engine:
                self._shown.engine = self.live.engine
            if delta.team or delta.tunnels:  # of today, whatever moment is shown
                self._shown.changed.emit(Delta(team=delta.team, tunnels=delta.tunnels))
            touched = delta.health or delta.faults or delta.devices or delta.removed or delta.initial
            if touched and not self._lived_later.isActive():
                self._lived_later.start()

    def _within(self, at_us: int) -> int:
        return max(1, min(at_us, now_us()))

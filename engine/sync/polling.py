"""What this engine has to do with polling for its team: what it asks itself, what it reports, what it has others ask.

Counterparts: `shares.py`, what is granted; `reports.py`, what is seen; `switchboard.py`, which asks by it; `client.py`, its line.
One rule: while the server is heard what is not granted is not asked; cut off, what falls to nobody else alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID, uuid4

from domain.inventory import Device
from domain.polling import AskNow, LetGo, Poller, Seen, Share, slot_of
from domain.sync import DEVICES_WATCHED, Alive
from engine.switchboard import Switchboard
from engine.sync.reports import Hearing, Reports
from engine.sync.shares import ShareWatch

_log = logging.getLogger("engine.sync")

SLEPT_S = 3.0
"""A wall clock that went on by so much more than the other: the computer slept, and what it held is over."""
DOUBT_S = 60.0
"""How long after that no failure is reported: the way to the server may be back before the one to the devices."""


class TeamPolling:
    """Made once an engine; `look` is to be called often. `is_collector`: of what falls to the team it asks, cut off, what it held
    last; a window then asks all of it."""

    def __init__(  # noqa: PLR0917
        self,
        install: UUID,
        is_collector: bool,
        board: Switchboard,
        device: Callable[[UUID], Device | None],
        clock: Callable[[], float],
        now_us: Callable[[], int],
    ) -> None:
        self.run_id = uuid4()
        self.pollers: tuple[Poller, ...] = ()
        self.hears_pushes = True
        """The installs that a device can be assigned to, as the server said last."""
        self.reports = Reports(clock)
        self.hearing = Hearing(device, board.observe_for, board.end_visit_for, now_us)
        self._install = install
        self._is_collector = is_collector
        self._board = board
        self._clock = clock
        self._now_us = now_us
        self._watch = ShareWatch()
        self._is_cut_off = False
        self._applied: object = None
        self._asked: dict[UUID, UUID | None] = {}
        self._apart_s = now_us() / 1e6 - clock()
        board.polls, board.after_s = self.polls, self.after_s
        board.report, board.ask_elsewhere = self.reports, self._ask_elsewhere

    def polls(self, device: Device) -> bool:
        """Tell whether a device is asked from here, by what was granted last; when that is over the monitor asks nobody."""
        if self._is_cut_off:
            if device.polled_by is not None:
                return device.polled_by == self._install
            return (
                not (self._is_collector and self._watch.is_known) or slot_of(device.id) in self._watch.slots
            )
        if device.polled_by is not None:
            return device.polled_by == self._install and self._watch.own
        return slot_of(device.id) in self._watch.slots

    def after_s(self, device: Device) -> float:
        """Return how long to wait before a device is asked that others asked until just now."""
        is_handed = device.polled_by is None and slot_of(device.id) in self._watch.handed
        return device.interval_s / 2 if is_handed else 0.0

    def look(self, is_cut_off: bool) -> None:
        """Ask whom there is to ask by now, and no other."""
        now_s = self._clock()
        apart_s = self._now_us() / 1e6 - now_s
        if apart_s - self._apart_s > SLEPT_S:
            self._watch.drop()
            self.reports.doubt_failures_until(now_s + DOUBT_S)
        self._apart_s = apart_s
        self._is_cut_off = is_cut_off
        self._apply()

    # The line

    def open(self) -> None:
        """A line was opened: what waits to be reported is old."""
        self.reports.clear()
        self._asked.clear()

    def beat(self, untold: int) -> Alive:
        """Return the next sign of life; `untold`: rows that the server has not."""
        beat = self._watch.beat(self._clock())
        return Alive(self._now_us(), untold, beat, sees_nothing=self._board.sees_nothing)

    def on_share(self, share: Share) -> LetGo | None:
        """Take what is granted; return what to answer now that it is kept."""
        answer = self._watch.hear(share)
        self._apply()
        return answer

    def on_asked(self, asked: AskNow) -> None:
        """Ask devices at once that are asked from here."""
        for device, _ in asked.devices:
            self._board.monitor.probe_now(device)

    def on_alive(self, alive: Alive) -> bool:
        """Take whether the server hears what is pushed; return whether that is another than before."""
        before, self.hears_pushes = self.hears_pushes, alive.hears_pushes
        return before != self.hears_pushes

    def next_report(self) -> Seen | None:
        """Return what was seen since the last."""
        if self.reports.lost:
            _log.warning("observations_lost", extra={"count": self.reports.lost})
            self.reports.lost = 0
        return self.reports.take(self._now_us())

    def next_question(self) -> AskNow | None:
        """Return which devices others are to ask at once."""
        some = list(self._asked.items())[:DEVICES_WATCHED]
        for device, _ in some:
            del self._asked[device]
        return AskNow(tuple(some)) if some else None

    def _ask_elsewhere(self, device: Device) -> bool:
        if self._is_cut_off:
            return False
        self._asked[device.id] = device.polled_by
        return True

    def _apply(self) -> None:
        """Have the monitor ask what is held; what is over for a moment stays as it is there, and is silent."""
        watch = self._watch
        self._board.monitor.ask_until(float("inf") if self._is_cut_off else watch.until_s)
        held: object = (self._is_cut_off, watch.slots, watch.own)
        if held != self._applied:
            self._applied = held
            self._board.ask_all()

"""What this engine tells its team of what it saw and did: rows of its journal, states, numbers. Counterpart: `telling.py`, the
numbers of rows; `sync_server/live/intake.py`.

Theory: states are named here and read when they go, so that the latest wins; where the line was cut all of them go again, for the
server takes the latest. Rows are read from the disk, after the last that the server has. Rows that were written while this engine
judged for itself alone go without a fence, also when it judges for the team again by then.
One rule: one message is out at a time; it is forgotten when the server says that it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count, islice
from typing import Any
from uuid import UUID

from domain.fact import Fact, digest
from domain.sync import ROWS_PER_TELL, Cycles, Digests, Kept, Tell, ToServer
from engine.journal import JournalPen
from engine.judge.outcome import Outcome
from engine.state import State
from engine.storage import StorageFailed, StoreThread
from engine.storage.store import Store
from engine.storage.team import TeamStore
from engine.sync.carrying import Carrying
from engine.sync.membership import Membership
from engine.sync.telling import Telling

STATES_PER_TELL = 500
CYCLES_AT_ONCE = 500
SETTLED_US = 3_000_000
"""Cycles that are younger may not be on disk yet."""
DIGESTS_AT_ONCE = 20_000
"""Devices whose facts are compared at a time."""


class Teller:
    """Of the rows that `pen` has numbered all are on disk or about to be."""

    def __init__(  # noqa: PLR0917
        self,
        state: State,
        thread: StoreThread,
        store: Store,
        kept: TeamStore,
        membership: Membership,
        pen: JournalPen,
        *,
        now_us: Callable[[], int],
    ) -> None:
        self.keep_setting = store.keep_setting
        self._state = state
        self._thread = thread
        self._kept = kept
        self._pen = pen
        self._carrying = Carrying(state)
        self._telling = Telling(membership.told_seq, pen.last_seq)
        self._store = store
        self._now_us = now_us
        self._told_to(max(membership.cycles_us, store.pruning.lost.told_us))
        self._lost = 0
        """Cycles that the server did not take, and that are to be noted."""
        self._counts_from = pen.last_seq + 1
        self._numbers = count(1)
        self._health: dict[UUID, None] = {}
        self._links: dict[UUID, None] = {}
        self._facts: dict[UUID, None] = {}
        self._out: Tell | None = None
        self._cycles_out: tuple[int, int, int] | None = None
        """The number of the message that is out, up to when its cycles are, and how many."""
        self._is_open = False
        self._is_new = False

    @property
    def untold(self) -> int:
        """How many rows the server has not."""
        return max(0, self._pen.last_seq - self._telling.kept_seq)

    @property
    def kept_seq(self) -> int:
        """The last row that the server has."""
        return self._telling.kept_seq

    @property
    def cycles_us(self) -> int:
        """All cycles up to then are told."""
        return self._cycles_us

    def _told_to(self, at_us: int) -> None:
        self._cycles_us = self._store.pruning.told_us = at_us

    # What there is to tell

    def note(self, outcome: Outcome) -> None:
        """Something turned here, that counts for the team."""
        self._health.update(dict.fromkeys(one.device for one in outcome.health))
        self._links.update(dict.fromkeys(one.link for one in outcome.link_states))
        self._facts.update(dict.fromkeys(fact.subject for fact in outcome.facts))

    def begin_judging(self) -> None:
        """From here on what is judged counts; all that holds is told."""
        self._counts_from = self._pen.last_seq + 1
        self._note_all()

    def want(self, devices: Iterable[UUID]) -> None:
        """Tell the facts of these."""
        self._facts.update(dict.fromkeys(id for id in devices if id in self._state.facts))

    def _note_all(self) -> None:
        mine = self._state.vantage
        self._health.update((id, None) for id, one in self._state.health.items() if one.vantage == mine)
        self._links.update(dict.fromkeys(self._state.link_states))

    # The line

    def open(self, kept_seq: int) -> None:
        """A line was opened. Where the server has rows that are not here, this is an older copy: those numbers are used."""
        self._pen.skip_to(kept_seq)
        self._telling.open(kept_seq)
        self._out, self._is_open, self._is_new = None, True, True
        self._note_all()
        self._carrying.begin_anew()

    def close(self) -> None:
        """The line is over: what was out is told again."""
        if self._out is not None:
            self._take_back(self._out)
        self._out, self._cycles_out, self._is_open = None, None, False

    async def next(self, fence: int) -> list[ToServer]:
        """Return what is to be said now, under a fence (0: what is judged here does not count)."""
        if not self._is_open:
            return []
        told: list[ToServer] = [*self._carrying.next(fence, self._now_us())]
        if self._is_new:
            self._is_new = False
            told += self._digests()
        if self._out is None:
            tell = await self._next_tell(fence)
            if tell is not None:
                self._out = tell
                told.append(tell)
        if self._cycles_out is None:
            told += await self._next_cycles()
        return told

    def on_kept(self, kept: Kept) -> None:
        """The server has a message, or has no room."""
        self._telling.on_kept(kept)
        if self._cycles_out is not None and kept.number == self._cycles_out[0]:
            _, until_us, size = self._cycles_out
            if kept.retry_after_s <= 0:
                self._told_to(until_us)
                self._lost += max(0, min(kept.lost, size))
            self._cycles_out = None
        out = self._out
        if out is not None and kept.number == out.number:
            if kept.retry_after_s > 0:
                self._take_back(out)
            self._out = None

    async def _next_tell(self, fence: int) -> Tell | None:
        self._telling.on_written(self._pen.last_seq)
        number = next(self._numbers)
        wanted = self._telling.wanted()
        journal: tuple[Any, ...] = ()
        if wanted is not None:
            after, until = wanted
            if after + 1 < self._counts_from <= until:
                until = self._counts_from - 1  # what counts goes by itself
            rows = await self._thread.run(self._kept.journal_after, after, min(until - after, ROWS_PER_TELL))
            journal = self._telling.piece(number, rows)
        counts = fence if not journal or journal[0].seq >= self._counts_from else 0
        health = self._take(self._health, self._state.health) if counts else ()
        links = self._take(self._links, self._state.link_states) if counts else ()
        facts = tuple(fact for id in self._some(self._facts) for fact in self._own_facts(id))
        if not (journal or health or links or facts):
            return None
        return Tell(number, journal, health, links, facts, counts)

    def _take(self, named: dict[UUID, None], states: dict[UUID, Any]) -> tuple[Any, ...]:
        return tuple(states[id] for id in self._some(named) if id in states)

    def _some(self, named: dict[UUID, None]) -> list[UUID]:
        some = list(islice(named, STATES_PER_TELL))
        for id in some:
            del named[id]
        return some

    def _own_facts(self, device: UUID) -> list[Fact]:
        found = self._state.facts.get(device, {}).values()
        return [fact for fact in found if fact.vantage == self._state.vantage]

    def _digests(self) -> list[ToServer]:
        told: dict[UUID, bytes] = {}
        for id in self._state.facts:
            if facts := self._own_facts(id):
                told[id] = digest(facts)
        rest = iter(told.items())
        pieces = iter(lambda: dict(islice(rest, DIGESTS_AT_ONCE)), {})
        return [Digests(piece) for piece in pieces]

    def _take_back(self, tell: Tell) -> None:
        """Have what a message told of told again."""
        self._health.update(dict.fromkeys(one.device for one in tell.health))
        self._links.update(dict.fromkeys(one.link for one in tell.link_states))
        self._facts.update(dict.fromkeys(fact.subject for fact in tell.facts))

    async def note_lost(self) -> None:
        """Keep how many cycles the server did not take, before it is kept up to when they were told. Raises StorageFailed."""
        if self._lost:
            lost, self._lost = self._lost, 0
            try:
                await self._thread.run(self._store.pruning.note_refused, lost, self._now_us(), self.cycles_us)
            except StorageFailed:
                self._lost += lost
                raise

    async def _next_cycles(self) -> list[ToServer]:
        """Return the next numbers that are on disk; where the clock was set back, those since."""
        now_us = self._now_us()
        until_us = now_us - SETTLED_US
        await self.note_lost()
        if self.cycles_us > until_us + SETTLED_US:
            self._told_to(until_us)
            await self._thread.run(self._store.pruning.forget_told)
        rows = await self._thread.run(
            self._store.cycles_between, self.cycles_us, until_us, CYCLES_AT_ONCE + 1
        )
        if len(rows) > CYCLES_AT_ONCE:  # what is of the same moment goes together
            rows = [row for row in rows if row.at_us < rows[-1].at_us] or rows
        if not rows:
            return []
        number = next(self._numbers)
        self._cycles_out = number, rows[-1].at_us, len(rows)
        return [Cycles(number, tuple((row.device, row.at_us, row.values) for row in rows))]

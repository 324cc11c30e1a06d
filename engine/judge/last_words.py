"""Fetches what the past knows of a cause: how it was heard last, and whether its power went first. Counterpart: `fault_book.py`.

Theory: when a device stops answering its numbers are gone, but not from the disk. Its radio's last signal stands beside the
median of the week before; an answer of its supply beside the minutes before it fell silent.
One rule: a cause is asked about once; a disk that does not answer leaves it at what is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from statistics import median
from uuid import UUID

from domain.fault import Fault
from engine.judge.fault_book import LastWords
from engine.state import State
from engine.storage import StorageFailed
from engine.storage.series import Points
from engine.tasks import spawn

WEEK_US = 7 * 86_400_000_000
LAST_US = 600_000_000
"""What a device said of its power so long before it fell silent is why it did."""
POINTS = 168
AT_ONCE = 4
"""Causes that are asked about at a time: a power cut has hundreds, and whoever saves an edit waits for the same thread."""
_ReadSeries = Callable[[UUID, str, str, int, int, int], Awaitable[Points]]


class LastWordsReader:
    """Follows faults; `tell` takes what was found out about a device."""

    def __init__(self, state: State, read: _ReadSeries, tell: Callable[[UUID, LastWords], None]) -> None:
        self._state = state
        self._read = read
        self._tell = tell
        self._asked: set[UUID] = set()
        self._room = asyncio.Semaphore(AT_ONCE)

    def follow(self, subjects: Iterable[UUID]) -> None:
        """Look at the faults that turned: ask about a new cause, forget one that is over."""
        for id in subjects:
            fault = self._state.faults.get(id)
            if fault is None:
                self._asked.discard(id)
            elif fault.kind == "device" and id not in self._asked:
                self._asked.add(id)
                spawn("last_words", self._ask(fault), device_id=id)

    async def _ask(self, fault: Fault) -> None:
        async with self._room:
            if fault.subject not in self._state.faults:
                return
            try:
                words = await self._read_words(fault)
            except StorageFailed:
                return
        if words != LastWords() and fault.subject in self._state.faults:
            self._tell(fault.subject, words)

    async def _read_words(self, fault: Fault) -> LastWords:
        device, until_us = fault.subject, fault.since_us + 1
        signal: Points | None = None
        port = self._port(fault)
        if port:
            signal = await self._read(device, "signal_dbm", port, until_us - WEEK_US, until_us, POINTS)
        lost_power = False
        for name in self._supplies(device):
            told = await self._read(device, "on_battery", name, until_us - LAST_US, until_us, POINTS)
            lost_power |= bool(told.value) and told.value[-1] > 0
        if signal is None or not signal.value:
            return LastWords(lost_power=lost_power)
        return LastWords(signal.value[-1], median(signal.value), lost_power)

    def _port(self, fault: Fault) -> str:
        """Return the cause's own port of the link over which it was heard."""
        seen = fault.last_seen
        link = self._state.inventory.link(seen.link) if seen is not None else None
        derived = self._state.derived_links.get(seen.link) if seen is not None else None
        found = link or derived
        if found is None:
            return ""
        return found.a_interface if found.a == fault.subject else found.b_interface

    def _supplies(self, device: UUID) -> list[str]:
        fields = (field for field, _ in self._state.facts.get(device, {}))
        return [field.removeprefix("ups/") for field in fields if field.startswith("ups/")]

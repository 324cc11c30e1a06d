"""When each device is due: one heap for all. Counterpart: `poller.py`, which asks who is due.

Theory: each device has a phase, a fixed fraction of its interval made from its id, and is due where the clock passes it:
10,000 devices spread evenly, in the same order after every restart, without a task or a random number. A device in doubt
is due sooner. One rule: time is an argument, in monotonic seconds; nothing here waits.
"""

from __future__ import annotations

import heapq
import math
import zlib
from uuid import UUID

from engine.monitor.breaker import RECHECK_S, Breaker, rest_s

FIRST_SWEEP_PER_S = 100.0
"""How many devices are begun a second where many come at once (start, import): a first visit looks at all a device has."""
TIMEOUT_RANGE_S = (1.0, 2.0)
RETRIES = 1


def phase_of(id: UUID) -> float:
    """Return a device's place in the interval, 0 up to 1."""
    return zlib.crc32(id.bytes) / 2**32


def timeout_s(interval_s: float) -> float:
    """Return how long a device with this interval is given for one try."""
    low, high = TIMEOUT_RANGE_S
    return min(max(interval_s / 4, low), high)


def promised_down_s(interval_s: float) -> float:
    """Return within how many seconds after its death a silent device is called down: a visit, three misses, two re-checks."""
    return interval_s + 3 * (1 + RETRIES) * timeout_s(interval_s) + 2 * RECHECK_S


def next_due(
    asked_s: float, now_s: float, interval_s: float, phase: float, breaker: Breaker, *, is_scout: bool
) -> float:
    """Return when a probe is due that was asked at `asked_s` and ended `now_s`.

    In doubt: after a second. Else where its device's phase comes round, at the earliest half an interval before its wait is
    over, so that a probe that was asked out of turn falls back into step.
    """
    if breaker.in_doubt:
        return now_s + RECHECK_S
    wait_s = rest_s(breaker.misses, interval_s) if breaker.failed and not is_scout else interval_s
    least_s = max(asked_s + wait_s - interval_s / 2, now_s)
    cycle = math.ceil(least_s / interval_s - phase)
    return (cycle + phase) * interval_s


class Schedule:
    """Who is due next. A device has at most one time; a later `put` replaces it."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, UUID]] = []
        self._current: dict[UUID, tuple[float, int]] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._current)

    def put(self, id: UUID, due_s: float) -> None:
        """Set when a device is due."""
        self._number += 1
        self._current[id] = (due_s, self._number)
        heapq.heappush(self._heap, (due_s, self._number, id))
        if len(self._heap) > 2 * len(self._current) + 64:
            self._heap = [(due, number, id) for id, (due, number) in self._current.items()]
            heapq.heapify(self._heap)

    def drop(self, id: UUID) -> None:
        """Forget a device."""
        self._current.pop(id, None)

    def next_due_s(self) -> float | None:
        """Return when the next device is due, or None where there is none."""
        self._skip_replaced()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_s: float) -> tuple[UUID, float] | None:
        """Take out one device that is due, with the time it was due at, earliest first; None where none is."""
        self._skip_replaced()
        if not self._heap or self._heap[0][0] > now_s:
            return None
        due_s, _, id = heapq.heappop(self._heap)
        del self._current[id]
        return id, due_s

    def _skip_replaced(self) -> None:
        while self._heap:
            due_s, number, id = self._heap[0]
            if self._current.get(id) == (due_s, number):
                return
            heapq.heappop(self._heap)

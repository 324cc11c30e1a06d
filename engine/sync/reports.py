"""What this engine saw, on its way to who judges; and what others saw, where this one does. Counterpart: `domain/polling.py`.

Theory: observations wait for the next report, a second away at most, as many as may wait; more are lost, for the next poll is
near. The judge takes them as if they were its own, a few at a time so that no poll waits for them. Their times are of another
clock: they are moved by the smallest difference that was seen of late, since what is on its way for longer looks like a clock
that is behind.
One rule: what is not of a device that its sender held is nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from uuid import UUID

import msgspec

from domain.inventory import Device
from domain.observation import Observation
from domain.polling import (
    REPORT_CAP_BYTES,
    REPORT_OBSERVATIONS,
    Heard,
    Report,
    Seen,
    decode_report,
    encode_observation,
    encode_report,
    slot_of,
)
from domain.text import clean_text

_log = logging.getLogger("engine.sync")

WAITING = 4 * REPORT_OBSERVATIONS
"""Observations and ends of visits that wait to be reported; of more the oldest are lost."""
REPORT_BYTES = 192 * 1024
"""One report: what one server of several carries to another at once."""
HEARD_WAITING = 64
"""Reports of others that wait to be judged."""
AT_ONCE = 50
"""Observations of others that are judged before polls have their turn."""
FORGETTING = 0.01
"""How much of a larger difference of clocks is believed with each report."""

SET_US, SET_AFTER = 5_000_000, 3
"""So many reports running that look so much later: the clock of one side was set."""


class Reports:
    """What was seen here and not reported yet."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lost = 0
        """How much there was no room for."""
        self._waiting: deque[bytes | tuple[UUID, int]] = deque()
        self._clock = clock
        self._doubtful_until_s = -math.inf

    def doubt_failures_until(self, until_s: float) -> None:
        """Forget all, and take no failure until then: it may be this computer that has no way yet."""
        self.clear()
        self._doubtful_until_s = until_s

    def add(self, observation: Observation) -> None:
        """Take an observation."""
        if observation.failure is not None and self._clock() < self._doubtful_until_s:
            return
        self._put(encode_observation(observation))

    def end_visit(self, device: UUID, at_us: int) -> None:
        """A device was asked whole."""
        self._put((device, at_us))

    def take(self, now_us: int) -> Seen | None:
        """Return the next report, None where nothing was seen."""
        observations: list[bytes] = []
        visits: list[tuple[int, UUID, int]] = []
        size = 0
        while self._waiting and len(observations) < REPORT_OBSERVATIONS:
            one = self._waiting[0]
            if isinstance(one, tuple):
                visits.append((len(observations), *one))
            elif not observations or size + len(one) <= REPORT_BYTES:
                observations.append(one)
                size += len(one)
            else:
                break
            self._waiting.popleft()
        if not observations and not visits:
            return None
        return Seen(encode_report(now_us, observations, visits))

    def clear(self) -> None:
        """Forget all: it is too old by when somebody hears it."""
        self._waiting.clear()

    def _put(self, one: bytes | tuple[UUID, int]) -> None:
        if isinstance(one, bytes) and len(one) > REPORT_CAP_BYTES // 2:  # no router tells so much
            self.lost += 1
            return
        self._waiting.append(one)
        while len(self._waiting) > WAITING:
            self._waiting.popleft()
            self.lost += 1


class Hearing:
    """What others saw, for the judge here. `device` looks one up, `observe` and `end_visit` are the judge's."""

    def __init__(
        self,
        device: Callable[[UUID], Device | None],
        observe: Callable[[Observation], None],
        end_visit: Callable[[UUID, int], None],
        now_us: Callable[[], int],
    ) -> None:
        self._device = device
        self._observe = observe
        self._end_visit = end_visit
        self._now_us = now_us
        self.lost = 0
        """How many reports there was no room for."""
        self._is_losing = False
        self._offsets: dict[UUID, float] = {}
        self._late: dict[UUID, int] = {}
        """How many reports running came later than any way takes."""
        self._heard: asyncio.Queue[Heard] = asyncio.Queue(HEARD_WAITING)

    def put(self, heard: Heard) -> None:
        """Take a report; where too many wait it is lost and counted, which is said once until there is room for all again."""
        if not self._heard.full():
            self._heard.put_nowait(heard)
            return
        self.lost += 1
        if not self._is_losing:
            self._is_losing = True
            _log.warning("reports_lost", extra={"install": heard.install, "waiting": HEARD_WAITING})

    async def run(self) -> None:
        """Judge what was reported, for ever."""
        while True:
            heard = await self._heard.get()
            self._is_losing = self._is_losing and not self._heard.empty()
            try:
                report = decode_report(heard.report)
            except msgspec.DecodeError as error:
                reason = clean_text(str(error), 200)
                _log.warning("report_refused", extra={"install": heard.install, "reason": reason})
                continue
            await self._judge(heard, report)

    async def _judge(self, heard: Heard, report: Report) -> None:
        slots, offset_us = frozenset(heard.slots), self._offset_us(heard.install, report.at_us)
        visits = list(report.visits[::-1])
        for place, observation in enumerate(report.observations):
            self._end_visits(visits, place, heard, slots, offset_us)
            if place % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            if observation.vantage == heard.install and self._is_held(observation.device, heard, slots):
                at_us = self._at_us(observation.at_us, offset_us)
                self._observe(msgspec.structs.replace(observation, at_us=at_us))
        self._end_visits(visits, len(report.observations), heard, slots, offset_us)

    def _end_visits(
        self,
        visits: list[tuple[int, UUID, int]],
        place: int,
        heard: Heard,
        slots: frozenset[int],
        offset_us: int,
    ) -> None:
        """End the visits that were over before an observation."""
        while visits and visits[-1][0] <= place:
            _, device, at_us = visits.pop()
            if self._is_held(device, heard, slots):
                self._end_visit(device, self._at_us(at_us, offset_us))

    def _is_held(self, id: UUID, heard: Heard, slots: frozenset[int]) -> bool:
        device = self._device(id)
        if device is None:
            return False
        if device.polled_by is not None:
            return heard.own and device.polled_by == heard.install
        return slot_of(id) in slots

    def _offset_us(self, install: UUID, at_us: int) -> int:
        seen_us = float(self._now_us() - at_us)
        known_us = self._offsets.get(install, seen_us)
        self._late[install] = self._late.get(install, 0) + 1 if seen_us > known_us + SET_US else 0
        if seen_us < known_us or self._late[install] >= SET_AFTER:
            self._offsets[install] = seen_us
        else:
            self._offsets[install] = known_us + (seen_us - known_us) * FORGETTING
        return round(self._offsets[install])

    def _at_us(self, at_us: int, offset_us: int) -> int:
        return max(0, min(at_us + offset_us, self._now_us()))

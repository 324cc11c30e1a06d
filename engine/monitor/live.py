"""Streams of the devices that somebody looks at, while they look. Counterpart: `drivers/routeros_live.py`, which has the stream.

Each watched device has a task: it waits for one of the few slots, streams until nobody looks any more, and rests longer
each time that fails. One that is refused (a right is missing, a password wrong, a certificate not trusted) rests for minutes:
somebody has to do something about it, here or on the router. One rule: what is streamed is seen and nothing else: a stream
that fails is no news of a device.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import monotonic
from typing import NamedTuple, Protocol
from uuid import UUID

from domain.errors import BadCredentials, DeviceError, Untrusted
from domain.observation import Value
from engine.tasks import FIRST_PAUSE_S, end, next_pause_s, spawn

_log = logging.getLogger("engine.live")

STREAMS_CAP = 20
"""Devices that are streamed at a time; further ones wait for a place."""
SETTLE_S = 0.3
"""Who goes down a list of devices does not look at each."""
REFUSED_REST_S, REFUSED_REST_CAP_S = 60.0, 600.0
"""How long a refused stream rests at first, and at most: each try is a line in the router's log."""


class _Refusal(NamedTuple):
    """Why a stream was refused, how long it rests for that, and until when."""

    reason: str
    rest_s: float
    until_s: float


class Stream(Protocol):
    """What is streamed of one device; `engine/drivers` has the real one."""

    async def run(self, on_rates: Callable[[Sequence[Value]], None]) -> None:
        """Tell all of it, again and again, until cancelled. Raises DeviceError."""


class Live:
    """Streams whatever `watch` named last. `make_stream` is None for a device that has nothing to stream, and may raise
    DeviceError; `on_rates` gets all that is known of a device each time, and nothing when that is over."""

    def __init__(
        self,
        *,
        make_stream: Callable[[UUID], Stream | None],
        on_rates: Callable[[UUID, Sequence[Value]], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._make_stream = make_stream
        self._on_rates = on_rates
        self._clock = clock
        self._slots = asyncio.Semaphore(STREAMS_CAP)
        self._refused: dict[UUID, _Refusal] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def watch(self, devices: Iterable[UUID]) -> None:
        """Stream these devices from now on, and no others."""
        wanted = frozenset(devices)
        for id in self._tasks.keys() - wanted:
            self._end(id)
        for id in wanted - self._tasks.keys():
            self._begin(id)

    def change(self, id: UUID) -> None:
        """Begin anew with a device that is asked otherwise now, or with another secret."""
        self._refused.pop(id, None)
        if id in self._tasks:
            self._end(id)
            self._begin(id)

    async def close(self) -> None:
        """End all streams and wait until their connections are closed."""
        self.watch(())
        await end(*self._ending)

    def _begin(self, id: UUID) -> None:
        self._tasks[id] = spawn("live", self._keep_streaming(id), device_id=id)

    def _end(self, id: UUID) -> None:
        task = self._tasks.pop(id)
        if task.cancel():
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _keep_streaming(self, id: UUID) -> None:
        pause_s = FIRST_PAUSE_S
        await asyncio.sleep(SETTLE_S)
        while True:
            if (refusal := self._refused.get(id)) is not None:
                await asyncio.sleep(refusal.until_s - self._clock())
            async with self._slots:
                begun_s = self._clock()
                if not await self._stream(id):
                    return
            if self._refused.get(id) is refusal:
                pause_s = next_pause_s(pause_s, self._clock() - begun_s)
                await asyncio.sleep(pause_s)

    async def _stream(self, id: UUID) -> bool:
        """Stream until it fails; False where there is nothing to stream."""
        try:
            stream = self._make_stream(id)
            if stream is None:
                return False
            await stream.run(partial(self._tell, id))
        except (BadCredentials, Untrusted) as error:
            self._refuse(id, str(error))
        except DeviceError as error:
            _log.debug("live_failed", extra={"device_id": id, "reason": str(error)})
        finally:
            self._on_rates(id, ())
        return True

    def _tell(self, id: UUID, rates: Sequence[Value]) -> None:
        self._refused.pop(id, None)
        self._on_rates(id, rates)

    def _refuse(self, id: UUID, reason: str) -> None:
        before = self._refused.get(id)
        rest_s = REFUSED_REST_S if before is None else min(2 * before.rest_s, REFUSED_REST_CAP_S)
        self._refused[id] = _Refusal(reason, rest_s, self._clock() + rest_s)
        if before is None or before.reason != reason:
            _log.info("live_refused", extra={"device_id": id, "reason": reason})

"""What keeps the store in order while the engine runs: keyframes, hours, pruning, the disk's forecast. Counterpart: `storage/`.

One rule: a disk that fails is said by the storage thread, once; what is due here is due again later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from domain.journal import KEYFRAME_EVERY_ROWS, KEYFRAME_EVERY_S
from domain.retention import DiskState, Retention
from engine.state import State
from engine.storage import StorageFailed, StoreThread

LOOK_EVERY_S = 1.0
ROLL_UP_EVERY_S = 10.0
PRUNE_EVERY_S = 3600.0
DISK_EVERY_S = 300.0
KEYFRAME_WORTH_ROWS = 250
"""Fewer rows are folded in less time than a keyframe of a large network is read."""
KEYFRAME_AT_LEAST_EVERY_S = 3600.0


def is_keyframe_worth_it(rows: int, age_s: float) -> bool:
    """Tell whether to keep a keyframe so many rows of the journal and so long after the last."""
    if age_s >= KEYFRAME_AT_LEAST_EVERY_S or rows >= KEYFRAME_EVERY_ROWS:
        return True
    return age_s >= KEYFRAME_EVERY_S and rows >= KEYFRAME_WORTH_ROWS


class Upkeep:
    """The services of one store. `rows_since_keyframe` is counted by whoever writes the journal; `pictures` returns how many
    bytes of them there are, and how many at most."""

    def __init__(
        self,
        store: StoreThread,
        state: State,
        now_us: Callable[[], int],
        pictures: Callable[[], Awaitable[tuple[int, int]]],
    ) -> None:
        self.rows_since_keyframe = 0
        self._kept_s: float | None = None
        self._looked_us = 0
        self._disk: DiskState | None = None
        self._store = store
        self._state = state
        self._now_us = now_us
        self._pictures = pictures

    @property
    def disk(self) -> DiskState | None:
        """How the disk was when it was last looked at, None before; and what is to be done now."""
        if self._disk is None:
            return None
        return msgspec.structs.replace(self._disk, devices_behind=self._store.devices_behind)

    @property
    def notices(self) -> tuple[str, ...]:
        """A sentence where what is to come will not fit on the disk."""
        disk = self.disk
        if disk is None or not disk.will_not_fit:
            return ()
        needed, free = (disk.forecast_bytes - disk.held_bytes) / 1e9, disk.free_bytes / 1e9
        return (
            f"The disk will not hold what is to be kept: {needed:.1f} GB are to come, {free:.1f} GB are free. "
            "Keep numbers for a shorter time, or free some room.",
        )

    async def keep_keyframes(self) -> None:
        """Keep the state of everything now and then."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self.take_keyframe_due(self._now_us(), time.monotonic()):
                with suppress(StorageFailed):
                    await self._keep_keyframe()

    def keep_keyframe_soon(self) -> None:
        """What holds is another without a row that says so: have it kept."""
        self._kept_s = None

    def take_keyframe_due(self, now_us: int, now_s: float) -> bool:
        """Tell whether a keyframe is due, and count anew if so: at the start, when worth it, and after the clock went back."""
        is_ahead, self._looked_us = now_us >= self._looked_us, now_us
        age_s = None if self._kept_s is None else now_s - self._kept_s
        if is_ahead and age_s is not None and not is_keyframe_worth_it(self.rows_since_keyframe, age_s):
            return False
        self._kept_s, self.rows_since_keyframe = now_s, 0
        return True

    async def _keep_keyframe(self) -> None:
        state = self._state
        states = (
            list(state.health.values()),
            list(state.alerts.values()),
            list(state.link_states.values()),
        )
        await self._store.keyframe(self._now_us(), *states)

    async def roll_up(self) -> None:
        """Make hours of what is over, some devices at a time, and at once again while there are more."""
        while True:
            try:
                more = await self._store.roll_up(self._now_us())
            except StorageFailed:
                more = False
            await asyncio.sleep(LOOK_EVERY_S if more else ROLL_UP_EVERY_S)

    async def prune(self) -> None:
        """Delete what is older than it is kept."""
        while True:
            await asyncio.sleep(PRUNE_EVERY_S)
            try:
                await self._store.prune(self._now_us())
                await self.weigh()
            except StorageFailed:
                continue

    async def watch_disk(self) -> None:
        """Look at the disk now and then."""
        while True:
            try:
                await self.weigh()
            except (StorageFailed, OSError):
                self._disk = None
            await asyncio.sleep(DISK_EVERY_S)

    async def weigh(self) -> None:
        """Look at the disk now."""
        held, most = await self._pictures()
        disk = await self._store.disk()
        self._disk = msgspec.structs.replace(disk, pictures_bytes=held, pictures_cap_bytes=most)

    async def set_retention(self, retention: Retention) -> None:
        """Keep numbers for another time from now on. Raises StorageFailed."""
        await self._store.set_retention(retention)
        await self.weigh()

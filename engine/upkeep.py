"""What keeps the store in order while the engine runs: keyframes, hours, pruning, the disk's forecast. Counterpart: `storage/`.

One rule: a disk that fails is said by the storage thread, once; what is due here is due again later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from domain.journal import KEYFRAME_EVERY_ROWS, KEYFRAME_EVERY_S
from domain.retention import DiskState, Retention
from engine.state import State
from engine.storage import StorageFailed, StoreThread

LOOK_EVERY_S = 1.0
ROLL_UP_EVERY_S = 10.0
PRUNE_EVERY_S = 3600.0
DISK_EVERY_S = 300.0


class Upkeep:
    """The services of one store. `rows_since_keyframe` is counted by whoever writes the journal."""

    def __init__(self, store: StoreThread, state: State, now_us: Callable[[], int]) -> None:
        self.rows_since_keyframe = 0
        self._disk: DiskState | None = None
        self._store = store
        self._state = state
        self._now_us = now_us

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
        """Keep the state of everything every ten minutes, or after many rows of the journal."""
        kept_s = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            due = time.monotonic() - kept_s >= KEYFRAME_EVERY_S
            if not due and self.rows_since_keyframe < KEYFRAME_EVERY_ROWS:
                continue
            kept_s, self.rows_since_keyframe = time.monotonic(), 0
            state = self._state
            states = (
                list(state.health.values()),
                list(state.alerts.values()),
                list(state.link_states.values()),
            )
            try:
                await self._store.keyframe(self._now_us(), *states)
            except StorageFailed:
                continue

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
        self._disk = await self._store.disk()

    async def set_retention(self, retention: Retention) -> None:
        """Keep numbers for another time from now on. Raises StorageFailed."""
        await self._store.set_retention(retention)
        await self.weigh()

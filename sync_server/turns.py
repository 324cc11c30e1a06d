"""Work that one of several servers does at a time. Counterpart: the table `sync.turn`; `main.py` says what is done in turns.

Theory: a turn is a row: who holds it until when, by the database's clock. Its holder says every few seconds that it is still
there; one who ends gives it back, one who dies loses it when the time is over. A holder counts its time by its own clock, from
before it asked, and ends its work while what is left is enough to end it, so before the next one may begin.
One rule: what is done in turns does no harm when it is done by two for a moment (a process that was stopped and goes on).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from uuid import uuid4

import asyncpg

from engine.tasks import end, keep
from sync_server.database import Database, DatabaseBusy

TURN_S = 20.0
SAY_S = 5.0


class Turn:
    """A process's part in something that one does at a time. `run` is to be kept by `engine.tasks.keep`."""

    def __init__(self, database: Database, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._database = database
        self._name = name
        self._work = work
        self._holder = uuid4()

    async def run(self) -> None:
        """Do the work whenever it is this process's turn, until cancelled."""
        working: asyncio.Task[None] | None = None
        until_s = 0.0
        try:
            while True:
                asked_s = time.monotonic()
                is_held = await self._take(TURN_S)
                if is_held:
                    until_s = asked_s + TURN_S
                if is_held is False or time.monotonic() + 2 * SAY_S > until_s:  # a pause and a question
                    until_s = 0.0
                if until_s and working is None:
                    working = keep(self._name, self._work)
                elif not until_s and working is not None:
                    await end(working)
                    working = None
                await asyncio.sleep(SAY_S)
        finally:
            if working is not None:
                await end(working)
                await self._take(0.0)

    async def _take(self, for_s: float) -> bool | None:
        """Return whether it is this process's turn from now on; None where that cannot be asked."""
        with suppress(OSError, DatabaseBusy, TimeoutError, asyncpg.PostgresError):
            async with asyncio.timeout(SAY_S):
                asked = self._name, self._holder, round(for_s * 1e6), round(TURN_S * 1e6)
                return await self._database.ask(_TAKE, *asked) is not None
        return None


_TAKE = """
    INSERT INTO sync.turn AS t VALUES ($1, $2, identity.now_us() + $3::bigint)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_us = excluded.until_us
    WHERE t.holder = excluded.holder OR t.until_us NOT BETWEEN identity.now_us() + 1 AND identity.now_us() + $4 RETURNING true
"""
"""A turn that would last for longer than any does is of before the clock went back: who has it says so again within `SAY_S`."""

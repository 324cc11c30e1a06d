"""Connections to the database, each lent to one at a time. Counterpart: `database.py`, which asks on them.

Theory: asyncpg's pool opens connections, renews them and sets right what went wrong on one; but to give one back to it and to
take it again costs three times what a short statement does. So a connection that comes back sound stays at hand, and where all
are lent it goes to who waits longest. One that is not always open lingers there while it is used; then asyncpg has it again and
closes it.
One rule: while somebody waits, none is at hand.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import NamedTuple, TypeAlias

import asyncpg

from sync_server.settings import Settings

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""`fetch`, `fetchrow`, `fetchval`, `execute` with `$1` parameters."""

AT_HAND_S = 300.0
"""So long a connection is not asyncpg's, which renews connections."""
LINGER_S = 10.0
"""So long one that is not always open stays at hand unused."""


class Lent(NamedTuple):
    """A connection that is not asyncpg's for now: since when, and when it last came back."""

    connection: Connection
    since_s: float
    used_s: float


class Pool:
    """At most `pool_max` connections. `at_hand` are those that nobody uses, the last used last."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], settings: Settings) -> None:
        self._pool = pool
        self._wait_s = settings.pool_wait_s
        self._kept, self._most = settings.pool_min, settings.pool_max
        self.at_hand: list[Lent] = []
        self._out = 0
        """How many connections are not asyncpg's: at hand, lent, or just being taken."""
        self._waiting: deque[asyncio.Future[Lent | None]] = deque()
        """Who waits for a connection, or for room to take one of asyncpg's, which is None."""
        self._is_closing = False

    @property
    def open_connections(self) -> int:
        """How many connections there are."""
        return self._pool.get_size()

    @property
    def idle_connections(self) -> int:
        """How many connections wait for work."""
        return self._pool.get_idle_size() + len(self.at_hand)

    async def take(self) -> Lent:
        """Return a connection, which has to be given back.

        Raises TimeoutError where none was free for as long as a request may wait, OSError, asyncpg.PostgresError.
        """
        while self.at_hand:
            lent = self.at_hand.pop()
            if not is_lost(lent.connection):
                return lent
            await self._let_go(lent)
        if self._out < self._most:
            self._out += 1
        elif (given := await self._next()) is not None:
            return given
        try:
            connection = await self._pool.acquire(timeout=self._wait_s)
        except BaseException:
            self._leave_room()
            raise
        now_s = time.monotonic()
        return Lent(connection, now_s, now_s)

    async def give_back(self, lent: Lent, is_sound: bool) -> None:
        """Take a connection back; `is_sound`: nothing went wrong on it, and it is in no transaction."""
        now_s = time.monotonic()
        if self._is_closing or not is_sound or now_s - lent.since_s >= AT_HAND_S:
            await self._let_go(lent)
            return
        self._put(lent._replace(used_s=now_s))
        while len(self.at_hand) > self._kept and self.at_hand[0].used_s < now_s - LINGER_S:
            await self._let_go(self.at_hand.pop(0))

    async def close(self) -> None:
        """Wait until all are given back, then close every connection."""
        self._is_closing = True
        while self.at_hand:
            await self._let_go(self.at_hand.pop())
        await self._pool.close()

    async def _next(self) -> Lent | None:
        """Wait for what is handed on. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Lent | None] = loop.create_future()
        self._waiting.append(waiter)
        giving_up = loop.call_later(self._wait_s, _give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._put(waiter.result())  # it came just before
            raise
        finally:
            giving_up.cancel()

    def _put(self, lent: Lent | None) -> None:
        """Hand a connection on, or keep it at hand where nobody waits; None: as `_leave_room`."""
        if lent is None:
            self._leave_room()
        elif not self._hand_on(lent):
            self.at_hand.append(lent)

    async def _let_go(self, lent: Lent) -> None:
        """Give a connection back to asyncpg."""
        try:
            await self._pool.release(lent.connection)
        finally:
            self._leave_room()

    def _leave_room(self) -> None:
        """Let who waits longest take one of asyncpg's, in the place of one that is not out any more."""
        if not self._hand_on(None):
            self._out -= 1

    def _hand_on(self, lent: Lent | None) -> bool:
        """Give it to who waits longest; return whether there was anybody."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(lent)
                return True
        return False


def is_lost(connection: Connection) -> bool:
    """Tell whether the database has ended a connection; asyncpg says so in more than one way."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # asyncpg has taken it back already
        return True


def _give_up(waiter: asyncio.Future[Lent | None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())

"""What processes tell each other by PostgreSQL: LISTEN and NOTIFY. Counterpart: `bus.py`, and `sync.say` in the database.

Theory: news are notices of the very transaction that wrote, heard on one connection beside the pool. A pooler between may take
LISTEN and give nothing: so a word that only this process knows is said by the pool. Until it is heard, and now and then after,
this way counts as none, and the rooms ask every few seconds. A word may come late where much is said: who once heard is asked
three times before it connects anew, and never rests. Frames are notices too, in base64, several in one statement: a
notice holds less than 8,000 bytes, and all that commit with one wait for each other, so that much to be said belongs on NATS.
One rule: what was said while nobody listened is a gap.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID, uuid4

import asyncpg

from sync_server.database import Database
from sync_server.live.bus import Bus
from sync_server.live.works import AWAY
from sync_server.settings import Settings

_log = logging.getLogger("sync_server.live")

FRAMES = "heliograph_bus"
FRAME_BYTES = 5_900
"""7,868 characters in base64."""
RETRY_S = 1.0
ECHO = "heliograph_echo"
"""The channel of what a process says to see whether it hears."""
ECHO_S, ECHO_EVERY_S = 5.0, 30.0
ASKED = 3
"""How often one that has heard is asked before it counts as deaf."""
DEAF = "no notice of PostgreSQL comes: a pooler stands between, which wants NATS beside it"
LOST = "no notice of PostgreSQL comes any more"


class _Deaf(Exception):
    """What was notified did not come."""


class Notices:
    """One connection that listens; what is said goes by the pool."""

    name = "postgresql"
    tell = None
    frame_bytes = FRAME_BYTES

    def __init__(self, database: Database, settings: Settings, channels: Sequence[str]) -> None:
        self.is_up = False
        self.why = ""
        self._database = database
        self._settings = settings
        self._channels = channels
        self._has_heard = False
        self._nonce, self._echoed = uuid4().hex, asyncio.Event()

    async def run(self, bus: Bus) -> None:
        """Listen, and listen again."""

        def on_notice(_: object, __: int, channel: str, payload: object) -> None:
            try:
                if channel == ECHO:
                    if payload == self._nonce:
                        self._echoed.set()
                elif channel == FRAMES:
                    bus.hear(base64.b64decode(str(payload), validate=True))
                else:
                    bus.notice(channel, UUID(str(payload)))
            except (ValueError, binascii.Error):
                bus.broken += 1

        while True:
            try:
                connection = await asyncpg.connect(
                    self._settings.database_url.value,
                    timeout=self._settings.pool_wait_s,
                    statement_cache_size=0,
                    server_settings={"application_name": "heliograph listening"},
                )
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(RETRY_S)
                continue
            lost, pause_s = asyncio.Event(), RETRY_S
            connection.add_termination_listener(lambda _, lost=lost: lost.set())
            try:
                for channel in (*self._channels, FRAMES, ECHO):
                    await connection.add_listener(channel, on_notice)
                await self._attend(bus, lost)
                _log.warning("listening_again", extra={"reason": "the connection was lost"})
            except _Deaf:
                why, pause_s = (LOST, RETRY_S) if self._has_heard else (DEAF, ECHO_EVERY_S)
                if not self.why:
                    _log.warning(
                        "listening_deaf", extra={"reason": why, "see": "HELIOGRAPH_STATEMENT_CACHE=0"}
                    )
                self.why = why
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("listening_again", extra={"reason": type(error).__name__})
            finally:
                self.is_up = False
                connection.terminate()
            await asyncio.sleep(pause_s)

    async def _attend(self, bus: Bus, lost: asyncio.Event) -> None:
        """Hear until the connection is lost, and see now and then that it hears. Raises _Deaf."""
        unheard = 0
        while not lost.is_set():
            hears = await self._hears()
            if lost.is_set():
                return
            unheard = unheard + 1 if hears is False else 0
            if unheard >= (ASKED if self._has_heard else 1):
                raise _Deaf
            if hears and not self.is_up:
                self.is_up, self.why, self._has_heard = True, "", True
                bus.gap()
            with suppress(TimeoutError):
                async with asyncio.timeout(ECHO_EVERY_S if hears else RETRY_S):
                    await lost.wait()

    async def _hears(self) -> bool | None:
        """Tell whether something is heard that another connection says, late or not; None where that cannot say it now."""
        self._echoed.clear()
        try:
            await self._database.ask("SELECT pg_notify($1, $2)", ECHO, self._nonce)
        except AWAY:
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(ECHO_S):
                await self._echoed.wait()
        return self._echoed.is_set()

    async def carry(self, frames: Sequence[bytes]) -> None:
        """Send frames in one statement. Raises OSError."""
        texts = [base64.b64encode(frame).decode("ascii") for frame in frames]
        try:
            await self._database.ask(_SEND, FRAMES, texts)
        except AWAY as error:
            raise ConnectionError(str(error)) from error


# One row, for who asks for the first row of several has the others not made.
_SEND = "SELECT count(pg_notify($1, frame)::text) FROM unnest($2::text[]) AS u (frame)"

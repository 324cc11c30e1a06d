"""What processes tell each other by PostgreSQL: LISTEN and NOTIFY. Counterpart: `bus.py`, and `sync.say` in the database.

Theory: news are notices of the very transaction that wrote, heard on one connection beside the pool (a pooler between takes it
away: then the rooms ask every few seconds). Frames are notices too, in base64, several in one statement: a notice holds less
than 8,000 bytes, and all that commit with one wait for each other, so that much to be said belongs on NATS.
One rule: what was said while nobody listened is a gap.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Sequence
from uuid import UUID

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


class Notices:
    """One connection that listens; what is said goes by the pool."""

    name = "postgresql"
    tell = None
    frame_bytes = FRAME_BYTES

    def __init__(self, database: Database, settings: Settings, channels: Sequence[str]) -> None:
        self.is_up = False
        self._database = database
        self._settings = settings
        self._channels = channels

    async def run(self, bus: Bus) -> None:
        """Listen, and listen again."""

        def on_notice(_: object, __: int, channel: str, payload: object) -> None:
            try:
                if channel == FRAMES:
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
                    server_settings={"application_name": "heliograph listening"},
                )
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(RETRY_S)
                continue
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _, lost=lost: lost.set())
            try:
                for channel in (*self._channels, FRAMES):
                    await connection.add_listener(channel, on_notice)
                self.is_up = True
                bus.gap()
                await lost.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pass
            finally:
                self.is_up = False
                connection.terminate()
            _log.warning("listening_again", extra={"reason": "the connection was lost"})
            await asyncio.sleep(RETRY_S)

    async def carry(self, frames: Sequence[bytes]) -> None:
        """Send frames in one statement. Raises OSError."""
        texts = [base64.b64encode(frame).decode("ascii") for frame in frames]
        try:
            await self._database.ask(_SEND, FRAMES, texts)
        except AWAY as error:
            raise ConnectionError(str(error)) from error


# One row, for who asks for the first row of several has the others not made.
_SEND = "SELECT count(pg_notify($1, frame)::text) FROM unnest($2::text[]) AS u (frame)"

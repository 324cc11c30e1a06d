"""Messages of the broker that come again because a server ended while it had them. Counterparts: `mqtt.py`; `sync.delivery`.

Theory: the broker gives again what was not acknowledged, so a message that ends whoever takes it would come for ever. What comes
again is noted before it is taken: the first time with all that comes along, the next time alone, so that those which were only
beside it are told from it. What a process gets again because its own connection was lost counts once.
One rule: what is taken up again is on disk as such before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from hashlib import blake2b
from uuid import uuid4

from sync_server.database import Database

KEPT_US = 31 * 86_400_000_000
"""Longer than the broker keeps what is not taken."""


def digest_of(topic: str, payload: bytes) -> bytes:
    """Return what a message is known by, 16 bytes."""
    return blake2b(topic.encode("utf-8", "replace") + b"\0" + payload, digest_size=16).digest()


class Deliveries:
    """How often messages came. One a server."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holder = uuid4()
        self.alone = asyncio.Lock()
        """Held while one is taken alone."""

    async def note(self, digests: Iterable[bytes]) -> set[bytes]:
        """Note that these come again; return those that another process had again already. Raises as `Database.ask` does."""
        row = await self._database.ask(_NOTE, list(set(digests)), self._holder, KEPT_US)
        return set(row[0] or ()) if row is not None else set()

    async def count(self, digest: bytes) -> int:
        """Note that one is taken alone now; return how often it came by that, 3 at least. Raises as `Database.ask` does."""
        row = await self._database.ask(_COUNT, digest, self._holder)
        return int(row[0]) if row is not None else 3

    async def forget(self, digests: Iterable[bytes]) -> None:
        """Forget what was judged. Raises as `Database.ask` does."""
        await self._database.ask(_FORGET, list(digests))


_NOTE = """
    WITH old AS (DELETE FROM sync.delivery WHERE at_us < identity.now_us() - $3::bigint), noted AS (
        INSERT INTO sync.delivery AS d SELECT digest, 2, $2::uuid, identity.now_us() FROM unnest($1::bytea[]) AS digest
        ON CONFLICT (digest) DO UPDATE SET at_us = excluded.at_us RETURNING digest, holder
    ) SELECT array_agg(digest) FROM noted WHERE holder <> $2::uuid
"""
_COUNT = """
    UPDATE sync.delivery SET deliveries = deliveries + (holder <> $2::uuid)::integer, holder = $2::uuid, at_us = identity.now_us()
    WHERE digest = $1 RETURNING deliveries
"""
_FORGET = "DELETE FROM sync.delivery WHERE digest = ANY ($1::bytea[])"

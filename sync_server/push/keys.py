"""Whose key is it: device keys, known in memory for a short while. Counterpart: `identity.find_push_keys`, `api/push_keys.py`.

Theory: thousands of devices send every few seconds, so a key is looked up once a minute and not with every message. A key that is
ended here is forgotten here at once; what was ended elsewhere is asked every few seconds, a round behind what may have been
under way. What is unknown is remembered too, for as long as such a round.
One rule: what is kept, here and on disk, is the hash of a key; the key itself is nowhere.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from sync_server.database import Database, DatabaseBusy, Work
from sync_server.security.tokens import is_opaque, opaque_hash
from sync_server.settings import Settings

_log = logging.getLogger("sync_server.push")

ROUND_S = 5.0
OVERLAP_US = 60_000_000
CACHED = 200_000


class PushKey(NamedTuple):
    """A key that holds. `device` None: it may push for any device of its tenant."""

    id: UUID
    tenant: UUID
    device: UUID | None
    until_us: int | None


class PushKeys:
    """The keys and devices of all tenants, as far as they were asked for lately. One a server."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._life_s = settings.push_cache_s
        self._unknown_s = min(ROUND_S, self._life_s)
        self._keys: dict[bytes, tuple[PushKey | None, float]] = {}
        self._devices: dict[tuple[UUID, UUID], tuple[bool, float]] = {}

    async def find(self, secrets: Iterable[str], now_s: float) -> dict[str, PushKey]:
        """Return those of some keys that hold; what is no key is not in it. Raises as `Database.ask` does."""
        hashes = {opaque_hash(secret): secret for secret in set(secrets) if is_opaque(secret, "push")}
        known = {hash: key for hash in hashes if (key := self._known(hash, now_s)) is not _ASK}
        if missing := [hash for hash in hashes if hash not in known]:
            async with self._database.transaction(Work()) as transaction:
                rows = await transaction.fetch("SELECT * FROM identity.find_push_keys($1)", missing)
            found = {
                row["hash"]: PushKey(row["id"], row["tenant_id"], row["device_id"], row["until_us"])
                for row in rows
            }
            _make_room(self._keys, len(missing))
            for hash in missing:
                known[hash] = key = found.get(hash)
                self._keys[hash] = (key, now_s + (self._unknown_s if key is None else self._life_s))
        now_us = time.time_ns() // 1000
        return {
            hashes[hash]: key
            for hash, key in known.items()
            if key is not None and (key.until_us is None or key.until_us > now_us)
        }

    async def devices_of(self, wanted: Iterable[tuple[UUID, UUID]], now_s: float) -> set[tuple[UUID, UUID]]:
        """Return those of (tenant, device) that are there. Raises as `Database.transaction` does."""
        there: set[tuple[UUID, UUID]] = set()
        missing: dict[UUID, list[UUID]] = {}
        for tenant, device in set(wanted):
            is_there, until_s = self._devices.get((tenant, device), (False, 0.0))
            if until_s <= now_s:
                missing.setdefault(tenant, []).append(device)
            elif is_there:
                there.add((tenant, device))
        for tenant, devices in missing.items():
            async with self._database.transaction(Work(tenant)) as transaction:
                rows = await transaction.fetch("SELECT id FROM device WHERE id = ANY ($1::uuid[])", devices)
            found = {row["id"] for row in rows}
            _make_room(self._devices, len(devices))
            for device in devices:
                life_s = self._life_s if device in found else self._unknown_s
                self._devices[tenant, device] = (device in found, now_s + life_s)
            there |= {(tenant, device) for device in found}
        return there

    def forget(self, ids: Iterable[UUID]) -> None:
        """Forget keys that were ended: their next message is looked up, and refused."""
        ended = frozenset(ids)
        if ended:
            self._keys = {h: one for h, one in self._keys.items() if one[0] is None or one[0].id not in ended}

    def _known(self, hash: bytes, now_s: float) -> PushKey | None:
        key, until_s = self._keys.get(hash, (None, 0.0))
        return key if until_s > now_s else _ASK

    async def run(self) -> None:
        """Forget what was ended at other instances, until cancelled."""
        is_lost = False
        while True:
            await asyncio.sleep(ROUND_S)
            try:
                async with self._database.transaction(Work()) as transaction:
                    rows = await transaction.fetch(_ENDED, OVERLAP_US)
                self.forget(row["id"] for row in rows)
                is_lost = False
            except (OSError, DatabaseBusy, asyncpg.PostgresError) as error:
                if not is_lost:
                    _log.warning("keys_not_asked", extra={"reason": str(error)})
                is_lost = True


_ENDED = "SELECT id FROM identity.ended_push_keys(identity.now_us() - $1)"
_ASK = PushKey(UUID(int=0), UUID(int=0), None, None)
"""In the place of a key that is to be looked up."""


def _make_room(cache: dict[Any, Any], more: int) -> None:
    if len(cache) + more > CACHED:
        cache.clear()

"""Shares secrets with the installs of a team that may hold them.

Counterparts: `sync_server/api/secrets.py`; `vault/`, which seals.

Theory: a round is: say who may open what; tell what was entered here and is confirmed as a credential; take what this install is
given; seal anew what somebody had who may hold it no longer; leave for others the wraps that only a holder can make. It may be
cut at any point: what is told is known again by its bytes, what is taken is written at once, what is left is asked for anew.
Rounds come when something was heard or entered, after unlocking, and every few minutes; each does so much and no more, because a
team's members share the server's budget of requests.
What the server gives no more, or what it was not heard of for too long, is deleted here.
One rule: a secret that was entered here stays until the server has it, wrapped to somebody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from uuid import UUID

from domain.errors import BadReply, DeviceError, RefusedByRule
from domain.roles import Permission
from domain.sharing import OFFLINE_S
from engine.storage import StorageFailed, StoreThread
from engine.storage.batch import SealedSecret
from engine.storage.team_secrets import Shared, SharedSecrets
from engine.sync.audiences import Audiences
from engine.sync.login import SessionOver
from engine.sync.secret_calls import Given, Missing, Owed, SecretCalls
from engine.vault import SecretNotHere, Vault

_log = logging.getLogger("engine.sync")

GATHER_S = 1.0
SPREAD = 2.0
"""So many times longer at most, by chance: who is first leaves the wraps, and the others find them there."""
EVERY_S = 300.0
AGAIN_S = 60.0
"""When it is tried again after a failure, and expiry is looked at."""
TELLS_A_ROUND = 15
LEAVES_A_ROUND = 3
"""Requests that leave wraps, each for up to some hundred."""
_MAY: Permission = "credentials:write"
_FAILURES = (SessionOver, RefusedByRule, DeviceError, StorageFailed, TimeoutError, SecretNotHere)
"""`SecretNotHere`: the vault was locked meanwhile."""
_OFFLINE_US = OFFLINE_S * 1_000_000


class Noting(Protocol):
    """Writes a row about a credential's secret into the journal."""

    def __call__(self, id: UUID, what: str) -> None: ...


class SecretSharing:
    """One install's. `is_online`: the line stands; `may`: what its person may; `is_confirmed`: the server has a credential
    as it is shown here; `is_here`: it is in the inventory; `on_renewed` hears of credentials whose secret is another or
    gone; `chance` returns a number from 0 to 1."""

    def __init__(  # noqa: PLR0917
        self,
        calls: SecretCalls,
        vault: Vault,
        thread: StoreThread,
        kept: SharedSecrets,
        audiences: Audiences,
        changing: asyncio.Lock,
        *,
        is_online: Callable[[], bool],
        may: Callable[[], tuple[Permission, ...]],
        is_confirmed: Callable[[UUID], bool],
        is_here: Callable[[UUID], bool],
        on_renewed: Callable[[set[UUID]], None],
        note: Noting,
        now_us: Callable[[], int],
        chance: Callable[[], float],
    ) -> None:
        self._calls = calls
        self._vault = vault
        self._thread = thread
        self._kept = kept
        self._audiences = audiences
        self._changing = changing
        self._is_online = is_online
        self._may = may
        self._is_confirmed = is_confirmed
        self._is_here = is_here
        self._on_renewed = on_renewed
        self._note = note
        self._now_us = now_us
        self._chance = chance
        self._news = asyncio.Event()
        self._alone: set[UUID] = set()
        """Secrets that nobody may hold: said once."""
        self._why = ""

    def wake(self) -> None:
        """Something was heard, entered or unlocked."""
        self._news.set()

    async def run(self) -> None:
        """Share, for ever."""
        wait_s = 0.0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            await asyncio.sleep(GATHER_S * (1 + SPREAD * self._chance()))
            self._news.clear()
            wait_s = await self.look()

    async def look(self) -> float:
        """Do what is due; return after how many seconds to look again without news."""
        try:
            await self.expire()
            if not self._is_online() or self._vault.locked:
                return AGAIN_S
            is_done = await self.share()
        except _FAILURES as error:
            if str(error) != self._why:
                _log.warning("secrets_not_shared", extra={"reason": str(error)})
            self._why = str(error)
            return AGAIN_S
        if self._why:
            _log.info("secrets_shared_again")
            self._why = ""
        return EVERY_S if is_done else AGAIN_S

    async def share(self) -> bool:
        """Do a round; return whether all is done. Raises SessionOver, RefusedByRule, DeviceError, StorageFailed."""
        owed = await self._calls.owed() if _MAY in self._may() else Owed(0, [], more=False)
        if owed.epoch:
            await self._audiences.tell()
        is_done = not owed.epoch or await self._tell(owed.epoch)
        await self._take([one async for one in self._calls.given()])
        for id in owed.renew[:TELLS_A_ROUND]:
            await self._renew(id, owed.epoch)
        return await self._leave(owed) and is_done and len(owed.renew) <= TELLS_A_ROUND

    async def expire(self) -> None:
        """Delete what the server was not heard of for too long. Raises StorageFailed."""
        async with self._changing:
            now_us, shared = self._now_us(), await self._read()
            over = {id for id, one in shared.items() if not one.untold and 0 < one.until_us <= now_us}
            await self._drop(over, "expired")

    # Telling

    async def _tell(self, epoch: int) -> bool:
        shared = await self._read()
        wanted = [id for id, one in shared.items() if self._may_be_told(id, one)]
        for id in wanted[:TELLS_A_ROUND]:
            await self._tell_one(id, epoch)
        return len(wanted) <= TELLS_A_ROUND

    def _may_be_told(self, id: UUID, one: Shared) -> bool:
        """Tell whether a secret is to be told: never before who may hold it."""
        return one.untold and self._is_confirmed(id) and self._audiences.is_told(id)

    async def _tell_one(self, id: UUID, epoch: int) -> None:
        sealed = self._vault.sealed(id)
        if sealed is None:
            return
        try:
            holders = await self._calls.holders(id)
            wraps = self._vault.wrap_for(id, list(holders.values()))
        except SecretNotHere as error:  # locked meanwhile, or of a key that was lost
            _log.warning("secret_not_told", extra={"credential_id": id, "reason": str(error)})
            return
        except ValueError:
            raise BadReply("the server names a public key that is none") from None
        if not holders:
            if id not in self._alone:
                self._alone.add(id)
                self._note(id, "kept")
            return
        if self._vault.sealed(id) != sealed:  # another was entered meanwhile
            self.wake()
            return
        told = Shared(untold=False, version=0, epoch=epoch, until_us=self._now_us() + _OFFLINE_US)
        try:
            version = await self._calls.tell(id, sealed.sealed, epoch, dict(zip(holders, wraps, strict=True)))
        except RefusedByRule as error:
            codes = {one.code for one in error.refusals}
            if "CREDENTIAL_NOT_FOUND" in codes:
                return  # deleted by somebody, or out of reach by now
            if "SECRET_CONFLICT" not in codes:
                raise
            version = 0  # it was told before and replaced since
        self._alone.discard(id)
        async with self._changing:
            shared = Shared(untold=False, version=version, epoch=epoch, until_us=told.until_us)
            is_same = await self._thread.run(self._kept.note_told, id, sealed.sealed, shared)
        if not is_same:
            self.wake()
        _log.info("secret_told", extra={"credential_id": id, "holders": len(holders), "version": version})

    async def _renew(self, id: UUID, epoch: int) -> None:
        """Seal a secret under another data key: somebody had this one who may hold it no longer."""
        before, old = self._vault.sealed(id), (await self._read()).get(id)
        if before is None or old is None or old.untold:
            return
        try:
            holders = await self._calls.holders(id)
            fresh, wraps = self._vault.sealed_anew(id, list(holders.values()))
        except ValueError:
            raise BadReply("the server names a public key that is none") from None
        wrapped = dict(zip(holders, wraps, strict=True))
        try:
            version = await self._calls.tell(id, fresh.sealed, epoch, wrapped, after=old.version)
        except RefusedByRule as error:
            if {one.code for one in error.refusals} & {"SECRET_CONFLICT", "CREDENTIAL_NOT_FOUND"}:
                return  # somebody was quicker, or entered another
            raise
        async with self._changing:
            if self._vault.sealed(id) is before:
                until_us = self._now_us() + _OFFLINE_US
                stands = {id: Shared(untold=False, version=version, epoch=epoch, until_us=until_us)}
                await self._thread.run(self._kept.take, {id: fresh}, stands, ())
                self._vault.keep({id: fresh})
        _log.info("secret_sealed_anew", extra={"credential_id": id, "holders": len(holders)})

    # Taking

    async def _take(self, given: list[Given]) -> None:
        async with self._changing:
            shared = await self._read()
            fresh: dict[UUID, SealedSecret] = {}
            stands: dict[UUID, Shared] = {}
            for one in given:
                id, old = one.credential, shared.get(one.credential)
                if old is not None and old.untold:
                    continue
                # the server's clock says until when; ours counts from now on, so that a wrong one there keeps nothing longer
                until_us = self._now_us() + _OFFLINE_US
                is_same = old is not None and (old.version, old.epoch) == (one.version, one.epoch)
                if not is_same or self._vault.sealed(id) is None:
                    if not self._vault.opens(id, one.secret):
                        _log.warning("secret_does_not_open", extra={"credential_id": id})
                        continue
                    fresh[id] = one.secret
                stands[id] = Shared(untold=False, version=one.version, epoch=one.epoch, until_us=until_us)
            named = {one.credential for one in given}
            gone = {id for id, one in shared.items() if not one.untold and id not in named}
            if not (fresh or stands or gone):
                return
            other = {id for id, new in fresh.items() if self._is_other(id, new)}
            replaced = {id for id in other if id in shared}
            await self._thread.run(self._kept.take, fresh, stands, ())
            self._vault.keep(fresh)
            for id in sorted(replaced):
                self._note(id, "replaced")
            await self._drop(gone, "ended")
        if other:
            self._on_renewed(other)

    def _is_other(self, id: UUID, new: SealedSecret) -> bool:
        return not self._vault.is_same(id, new)

    async def _drop(self, ids: set[UUID], what: str) -> None:
        """Delete secrets here. Called by who holds the inventory."""
        if not ids:
            return
        await self._thread.run(self._kept.take, {}, {}, tuple(ids))
        self._vault.forget(ids)
        for id in sorted(ids):
            if self._is_here(id):
                self._note(id, what)
        self._on_renewed(ids)

    # Leaving

    async def _leave(self, owed: Owed) -> bool:
        for _ in range(LEAVES_A_ROUND):
            shared = await self._read()
            wraps = [
                (one, wrapped)
                for one in owed.missing
                if (held := shared.get(one.credential)) is not None
                and not held.untold
                and held.version == one.version
                and (wrapped := self._wrapped(one)) is not None
            ]
            if not wraps:
                return True
            await self._calls.leave(owed.epoch, wraps)
            _log.info("wraps_left", extra={"count": len(wraps)})
            if not owed.more:
                return True
            owed = await self._calls.owed()
        return False

    def _wrapped(self, one: Missing) -> bytes | None:
        try:
            return self._vault.wrap_for(one.credential, [one.public])[0]
        except (SecretNotHere, ValueError):
            return None

    async def _read(self) -> dict[UUID, Shared]:
        return await self._thread.run(self._kept.read)

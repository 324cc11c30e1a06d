"""Who may open which credential, said at this computer and told to the team's server. Counterparts: `domain/sharing.py`;
`sync_server/api/sharing.py`.

Theory: what was said is on the disk until the server has it, so it can be said of a login that the server has not heard of, and
without the server. It is told before the secret itself, so that none goes to more people than was said. A secret that is held
here is wrapped for those who come with the new audience, in the same request: nobody is shut out before somebody else has it.
Of a login that is made here without a word about it, it is decided when it is told: by whether the team has a collector.
One rule: nothing that was said is forgotten before the server has it or has refused it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import msgspec

from domain.errors import BadReply, DeviceError, Refusal, RefusedByRule
from domain.roles import Permission
from domain.sharing import (
    Audience,
    QuerySharing,
    SetAudience,
    SharingRequest,
    SharingState,
    audience_refusals,
    usual_audience,
)
from domain.wire import Reply
from engine.storage import StorageFailed, Store, StoreThread
from engine.storage.team_secrets import SharedSecrets
from engine.storage.team_tables import AUDIENCES
from engine.sync.login import SessionOver
from engine.sync.secret_calls import SecretCalls
from engine.vault import SecretNotHere, Vault

_log = logging.getLogger("engine.sync")

MAY: Permission = "credentials:write"
SAID_CAP = 5_000
_FINAL = frozenset(
    (
        "HOLDER_CONFLICT",
        "CREDENTIAL_NOT_FOUND",
        "INSUFFICIENT_PERMISSIONS",
        "INVALID_INPUT",
        "MISSING_REQUIRED_FIELD",
    )
)
"""What the server will say again; any other failure is of the moment."""
_NOT_HEARD = (SessionOver, DeviceError, TimeoutError)


class _Said(msgspec.Struct, frozen=True):
    """What the disk holds: audiences that wait, logins of which nobody said one, and how many collectors there were when that was
    last heard."""

    waiting: tuple[tuple[UUID, Audience], ...] = ()
    unsaid: tuple[UUID, ...] = ()
    collectors: int | None = None


class Audiences:
    """One install's. `is_online`: the line stands; `may`: what its person may; `is_confirmed`: the server has a credential as it
    is shown here; `is_here`: it is in the inventory; `on_told` is called when the server has heard something, or is to be
    asked."""

    def __init__(
        self,
        calls: SecretCalls,
        vault: Vault,
        thread: StoreThread,
        store: Store,
        *,
        is_online: Callable[[], bool],
        may: Callable[[], tuple[Permission, ...]],
        is_confirmed: Callable[[UUID], bool],
        is_here: Callable[[UUID], bool],
        on_told: Callable[[], None],
    ) -> None:
        self._calls = calls
        self._vault = vault
        self._thread = thread
        self._store = store
        self._secrets = SharedSecrets(store)
        self._is_online = is_online
        self._may = may
        self._is_confirmed = is_confirmed
        self._on_told = on_told
        self._one_at_a_time = asyncio.Lock()
        said = _read(store)
        self.collectors = said.collectors
        """How many the team had when that was last heard; None: never."""
        self._waiting = {id: audience for id, audience in said.waiting if is_here(id)}
        self._unsaid = {id for id in said.unsaid if is_here(id)}

    async def answer(self, request: SharingRequest) -> Reply:
        """Return the one reply. Raises StorageFailed."""
        match request:
            case SetAudience():
                return await self._set(request)
            case QuerySharing():
                return await self._query(request)

    async def suggest(self, credentials: Iterable[UUID]) -> None:
        """Note logins that are made here, so that it is decided who may open them where nobody says it. Raises StorageFailed."""
        unsaid = {id for id in credentials if id not in self._waiting}
        if unsaid:
            self._unsaid |= unsaid
            await self._keep()

    def is_told(self, id: UUID) -> bool:
        """Tell whether the server knows who may hold a secret, as far as it was said here."""
        return id not in self._waiting and id not in self._unsaid

    async def tell(self) -> None:
        """Tell what waits, and learn of collectors. Raises SessionOver, DeviceError, RefusedByRule, StorageFailed."""
        collectors, _ = await self._calls.sharing()
        await self._note_collectors(len(collectors))
        for id in [id for id in self._unsaid if self._is_confirmed(id)]:
            self._unsaid.discard(id)
            if id not in self._waiting and (usual := usual_audience(self.collectors)) != Audience():
                self._waiting[id] = usual
            await self._keep()
        for id in [id for id in self._waiting if self._is_confirmed(id)]:
            try:
                await self._tell_one(id)
            except RefusedByRule as error:
                _log.warning("audience_refused", extra={"credential_id": id, "reason": str(error)})

    # What windows ask

    async def _set(self, request: SetAudience) -> Reply:
        found = audience_refusals(request.audience)
        if MAY not in self._may():
            found = [Refusal("NOT_ALLOWED", f"your role here does not allow it ({MAY})")]
        if not found and len(self._waiting.keys() | {*request.credentials}) > SAID_CAP:
            found = [
                Refusal("INVALID_INPUT", f"at most {SAID_CAP} logins wait for the server", "credentials")
            ]
        if found:
            return Reply(request.request, tuple(found))
        self._waiting.update(dict.fromkeys(request.credentials, request.audience))
        self._unsaid.difference_update(request.credentials)
        await self._keep()
        for id in request.credentials if self._is_online() else ():
            if not self._is_confirmed(id):
                continue
            try:
                await self._tell_one(id)
            except RefusedByRule as error:
                found += [msgspec.structs.replace(one, subject=id) for one in error.refusals]
            except _NOT_HEARD:
                break
        self._on_told()
        waiting = sum(id in self._waiting for id in request.credentials)
        return Reply(request.request, tuple(found), {"waiting": waiting})

    async def _query(self, request: QuerySharing) -> Reply:
        try:
            collectors, people = await self._calls.sharing()
            rows = tuple([one async for one in self._calls.shared()])
        except RefusedByRule as error:
            return Reply(request.request, tuple(error.refusals))
        except _NOT_HEARD:
            said = "who holds which secret is the server's to say, and it is not heard now"
            return Reply(request.request, (Refusal("NO_ANSWER", said),))
        await self._note_collectors(len(collectors))
        told = SharingState(collectors, people, rows, tuple(self._waiting.items()))
        return Reply(request.request, result=msgspec.to_builtins(told))

    # How

    async def _tell_one(self, id: UUID) -> None:
        """Tell one audience; what is refused is forgotten. Raises RefusedByRule, SessionOver, DeviceError, StorageFailed."""
        async with self._one_at_a_time:
            audience = self._waiting.get(id)
            if audience is None:
                return
            try:
                await self._calls.set_audience(id, audience, **await self._with(id, audience))
            except RefusedByRule as error:
                if {one.code for one in error.refusals} & {
                    "EPOCH_CONFLICT",
                    "SECRET_CONFLICT",
                    "INSTALL_NOT_FOUND",
                }:
                    return  # something changed meanwhile: it is told with the next round
                if not {one.code for one in error.refusals} & _FINAL:
                    raise BadReply(f"who may hold a secret could not be told: {error}") from None
                await self._settle(id, audience)
                raise
            await self._settle(id, audience)
            _log.info("audience_told", extra={"credential_id": id, "kind": audience.kind})

    async def _with(self, id: UUID, audience: Audience) -> dict[str, Any]:
        """Return what goes with an audience: wraps where the secret is here, or that another one follows."""
        held = (await self._thread.run(self._secrets.read)).get(id)
        if held is None or self._vault.locked:
            return {}
        if held.untold:
            return {"is_left": True}
        installs = await self._calls.would_hold(id, audience)
        owed = await self._calls.owed()
        try:
            wraps = self._vault.wrap_for(id, list(installs.values()))
        except (SecretNotHere, ValueError):
            return {}
        return {
            "epoch": owed.epoch,
            "version": held.version,
            "wraps": dict(zip(installs, wraps, strict=True)),
        }

    async def _settle(self, id: UUID, audience: Audience) -> None:
        if self._waiting.get(id) == audience:
            del self._waiting[id]
            await self._keep()

    async def _note_collectors(self, count: int) -> None:
        if count != self.collectors:
            self.collectors = count
            await self._keep()

    async def _keep(self) -> None:
        said = _Said(tuple(self._waiting.items()), tuple(self._unsaid), self.collectors)
        await self._thread.run(self._store.keep_setting, AUDIENCES, msgspec.to_builtins(said))


def _read(store: Store) -> _Said:
    try:
        return msgspec.convert(store.setting(AUDIENCES) or {}, _Said)
    except (msgspec.ValidationError, StorageFailed):
        return _Said()

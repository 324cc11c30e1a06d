"""The session at the server: tokens that open a stream, and how they live on. Counterpart: `sync_server/security/sessions.py`.

Theory: an access token lasts minutes and is kept in memory; the refresh token is sealed in the vault under the install's own
id, and each time it is used the server gives the next. That one is on disk before anything else is done with the answer:
whoever is killed in between brings the old one again, which the server takes for some seconds.
One rule: a session that is over is opened anew by a person, and by nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from domain.errors import RefusedByRule
from domain.vault import Secret
from engine.storage import StorageFailed, StoreThread
from engine.storage.team import TeamStore
from engine.sync.calls import Opened, ServerCalls
from engine.vault import SecretNotHere, Vault, VaultLocked

EARLY_S = 60.0
"""So long before its end an access token is not used any more."""
OVER = frozenset({"TOKEN_EXPIRED", "TOKEN_INVALID", "INVALID_CREDENTIALS", "UNAUTHORIZED"})


class SessionOver(Exception):
    """A person has to log in again; the message says so."""


class Login:
    """One install's session. `clock` is monotonic seconds."""

    def __init__(  # noqa: PLR0917
        self,
        calls: ServerCalls,
        vault: Vault,
        thread: StoreThread,
        store: TeamStore,
        install: UUID,
        clock: Callable[[], float],
    ) -> None:
        self._calls = calls
        self._vault = vault
        self._thread = thread
        self._store = store
        self._install = install
        self._clock = clock
        self._access = ""
        self._good_until_s = 0.0
        self._unwritten: Secret | None = None
        self._one_at_a_time = asyncio.Lock()

    async def stream_token(self) -> str:
        """Return a token that opens one stream. Raises SessionOver, DeviceError, RefusedByRule."""
        return await self._calls.stream_token(await self.access())

    async def access(self) -> str:
        """Return an access token that is good for now."""
        async with self._one_at_a_time:  # a refresh token that is used twice ends the session
            if not self._access or self._clock() >= self._good_until_s:
                await self._refresh()
            return self._access

    def forget_access(self) -> None:
        """The server does not take the access token: have another the next time."""
        self._access = ""

    async def open(self, opened: Opened) -> None:
        """Go on with a session that a person opened. Raises StorageFailed."""
        await self._keep(opened)

    async def _refresh(self) -> None:
        try:
            token = self._unwritten or Secret(self._vault.get(self._install))
        except VaultLocked as error:
            raise SessionOver(f"{error}; this computer goes on by itself then") from None
        except SecretNotHere as error:
            raise SessionOver(f"log in again: {error}") from None
        try:
            opened = await self._calls.refresh(token)
        except RefusedByRule as error:
            codes = {one.code for one in error.refusals}
            if codes & OVER:
                raise SessionOver("the session is over: log in again") from None
            raise
        try:
            await self._keep(opened)
        except StorageFailed:  # the disk is full, say: it is tried again with the next
            self._unwritten = Secret(opened.refresh_token) if opened.refresh_token else self._unwritten

    async def _keep(self, opened: Opened) -> None:
        self._access = opened.access_token
        self._good_until_s = self._clock() + max(0.0, opened.expires_s - EARLY_S)
        if opened.refresh_token:
            sealed = self._vault.seal(self._install, opened.refresh_token)
            await self._thread.run(self._store.keep_secret, self._install, sealed)
            self._vault.keep({self._install: sealed})
            self._unwritten = None

"""What the routes work with, made once. Counterpart: `main.py` makes it, `api/routes.py` hands it to each call.

One rule: nothing in here holds the state of a request.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from sync_server.api.hashing import Hashing
from sync_server.api.kept import Answers
from sync_server.database import Database, DatabaseBusy
from sync_server.proofs import Proofs
from sync_server.queues import Queues
from sync_server.security.admission import PROVEN_BY, Admission
from sync_server.security.authenticators import Authenticators
from sync_server.security.keyring import Keyring
from sync_server.security.limits import Limits
from sync_server.security.links import Links
from sync_server.security.passwords import Cost, Passwords
from sync_server.security.sessions import Sessions
from sync_server.security.tokens import AccessTokens
from sync_server.settings import PREFIX, SettingRefused, Settings
from sync_server.usage import Usage

FORGET_EVERY_S = 60.0
KEPT_DAYS = 30
"""How long an ended session can still be listed, and a used refresh token be known for what it is."""
_log = logging.getLogger("sync_server")


@dataclass(frozen=True)
class Services:
    """The long-lived objects of a server. `now_s` is seconds since 1970 UTC."""

    settings: Settings
    database: Database
    admission: Admission
    sessions: Sessions
    links: Links
    passwords: Passwords
    authenticators: Authenticators
    keyring: Keyring
    usage: Usage
    proofs: Proofs
    answers: Answers
    queues: Queues
    hashing: Hashing
    now_s: Callable[[], float]

    @classmethod
    def of(
        cls,
        settings: Settings,
        database: Database,
        *,
        now_s: Callable[[], float] = time.time,
    ) -> Services:
        """Build everything on an open database. Raises SettingRefused where the secret is none."""
        try:
            keyring = Keyring([secret.strip() for secret in settings.secret.value.split(",")])
        except ValueError as error:
            raise SettingRefused(f"{PREFIX}SECRET: {error}") from None
        tokens = AccessTokens(keyring, settings.public_url)
        admission = Admission(database, tokens, Limits(settings), now_s)
        cost = Cost(memory_kib=settings.password_memory_kib, passes=settings.password_passes)
        passwords = Passwords(cost, workers=settings.password_workers)
        authenticators = Authenticators(keyring, now_s)
        sessions = Sessions(
            database,
            admission,
            tokens=tokens,
            passwords=passwords,
            authenticators=authenticators,
            keyring=keyring,
            life_s={"browser": settings.session_h * 3600, "program": settings.program_session_h * 3600},
            now_s=now_s,
        )
        links = Links(database, admission, passwords, now_s)
        return cls(
            settings,
            database,
            admission,
            sessions,
            links,
            passwords,
            authenticators,
            keyring,
            Usage(database),
            Proofs(database, PROVEN_BY),
            Answers(),
            Queues(settings.pool_wait_s),
            Hashing(),
            now_s,
        )

    async def forget_what_is_over(self) -> None:
        """Delete ended sessions, used tokens and counters, for ever; every instance does, the rest is waited for by nobody."""
        while True:
            try:
                await self.database.ask("SELECT identity.forget($1)", KEPT_DAYS * 86_400_000_000)
            except (OSError, DatabaseBusy, asyncpg.PostgresError) as error:
                _log.warning("not_forgotten", extra={"reason": str(error)})
            await asyncio.sleep(FORGET_EVERY_S)

    def close(self) -> None:
        """End the threads; the database closes after."""
        self.passwords.close()

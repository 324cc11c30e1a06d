"""Links that are good once: the first administrator's, invitations, new passwords. Counterpart: `api/links.py`, `api/users.py`.

Theory: the link is all that its holder needs, so it is 256 bits of chance, kept as its hash, and over after a day or three. An
invitation of somebody who has an account already asks for that account's password: so nobody enters one that is not the own.
That there is one, who invites can tell by an id that is older than the invitation, and learns nothing else of it.
One rule: the platform is founded once, whatever happens at the same moment: the database has one row for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Literal, NamedTuple
from uuid import UUID

from domain.errors import Refusal, RefusedByRule
from domain.ids import uuid7
from sync_server.database import Database, Work
from sync_server.security import audit
from sync_server.security.admission import Admission
from sync_server.security.passwords import Passwords, refusals_of_password
from sync_server.security.principal import Origin
from sync_server.security.tokens import is_opaque, new_opaque, opaque_hash, token_key

Purpose = Literal["founding", "invitation", "password"]
FOUNDING_S = 86_400
INVITATION_S = 3 * 86_400
_GONE = [
    Refusal("LINK_NOT_FOUND", "this link is no link of ours, was used, or is too old: ask for a new one")
]


class Seen(NamedTuple):
    """What a link is for, to whom it was sent and where it leads; `has_password`: it takes the one that the account has."""

    purpose: Purpose
    has_password: bool
    login: str
    tenant: UUID | None
    tenant_name: str


class Links:
    """Makes the first link and takes all of them. `now_s` is seconds since 1970 UTC."""

    def __init__(
        self, database: Database, admission: Admission, passwords: Passwords, now_s: Callable[[], float]
    ) -> None:
        self._database = database
        self._admission = admission
        self._passwords = passwords
        self._now_s = now_s

    async def offer_founding(self) -> str | None:
        """Return the token of a link for the first administrator, which ends the one before; None where there was one."""
        token = new_opaque("link")
        row = await self._database.ask(
            "SELECT identity.offer_founding($1, $2) AS done", opaque_hash(token), FOUNDING_S * 1_000_000
        )
        return token if row is not None and row["done"] else None

    async def look(self, token: str, origin: Origin) -> Seen:
        """Return what a link is for. Raises RefusedByRule, LimitExceeded."""
        await self._admission.spend("api", token_key(token), origin.address)
        row = await self._find(token)
        has_password = row["purpose"] == "invitation" and row["password"] is not None
        tenant = None if row["tenant_id"] is None else UUID(int=row["tenant_id"].int)
        return Seen(row["purpose"], has_password, row["login"], tenant, row["tenant_name"])

    async def found(self, token: str, login: str, name: str, password: str, origin: Origin) -> None:
        """Make the first administrator. Raises RefusedByRule, LimitExceeded, TooBusy."""
        await self._admission.spend("auth", token_key(token), origin.address)
        _refuse_bad(password, login, name)
        kept = await self._passwords.make(password)
        account = uuid7(round(self._now_s() * 1_000_000), secrets.token_bytes(10))
        async with self._database.transaction(Work(None, account)) as transaction:
            done = await transaction.fetchval(
                "SELECT identity.found_platform($1, $2, $3, $4, $5)",
                opaque_hash(token),
                account,
                login,
                name,
                kept,
            )
            if not done:
                raise RefusedByRule(_GONE)
            await audit.record_account(transaction, (account, name), origin, "platform.founded")

    async def take(self, token: str, password: str, origin: Origin) -> None:
        """Accept an invitation, or set a new password. Raises RefusedByRule, LimitExceeded, TooBusy."""
        await self._admission.spend("auth", token_key(token), origin.address)
        row = await self._find(token)
        if row["purpose"] == "founding":
            raise RefusedByRule(_GONE)
        kept: str | None = None
        if row["purpose"] == "invitation" and row["password"] is not None:
            if not (await self._passwords.check(password, row["password"])).is_right:
                raise RefusedByRule([Refusal("INVALID_CREDENTIALS", "the password is wrong", "password")])
        else:
            _refuse_bad(password, row["login"])
            kept = await self._passwords.make(password)
        account: UUID = row["account_id"]
        act = "membership.accepted" if row["purpose"] == "invitation" else "password.set"
        async with self._database.transaction(Work(row["tenant_id"], account)) as transaction:
            if not await transaction.fetchval("SELECT identity.take_link($1, $2)", opaque_hash(token), kept):
                raise RefusedByRule(_GONE)
            await audit.record_account(transaction, (account, row["login"]), origin, act)

    async def _find(self, token: str) -> dict[str, Any]:
        row = None
        if is_opaque(token, "link"):
            row = await self._database.ask("SELECT * FROM identity.find_link($1)", opaque_hash(token))
        if row is None:
            raise RefusedByRule(_GONE)
        return dict(row)


def _refuse_bad(password: str, *known: str) -> None:
    parts = [part for word in known for part in word.split("@")]
    if refusals := refusals_of_password(password, *parts):
        raise RefusedByRule(refusals)

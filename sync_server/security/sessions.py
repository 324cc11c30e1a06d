"""Sessions: opened with a password, carried on by refresh tokens, moved between tenants, ended. Counterpart: `admission.py`.

Theory: a session is a row, its family of refresh tokens hangs off it, and every access token names it. A refresh token is taken
once; one that is taken again ends the session, because two hold it, but for the moment in which an answer may have been lost.
An access token's end is ten minutes off, but the session is asked with every request: what ends here has ended everywhere.
One rule: whatever opens, moves or ends a session is in the audit, and so is what was refused.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Literal, NoReturn
from uuid import UUID

import msgspec

from domain.errors import Refusal, RefusedByRule
from domain.ids import uuid7
from domain.roles import PERMISSIONS, Role
from sync_server.database import Database, Work, enter
from sync_server.security import audit
from sync_server.security.admission import Admission
from sync_server.security.authenticators import Authenticators, WrongCode
from sync_server.security.keyring import Keyring
from sync_server.security.limits import LOGIN_CAP, login_key
from sync_server.security.passwords import Passwords
from sync_server.security.principal import Origin, Principal
from sync_server.security.tokens import (
    ACCESS_S,
    STREAM_S,
    AccessTokens,
    Claims,
    is_opaque,
    new_opaque,
    opaque_hash,
    token_key,
)

Kind = Literal["browser", "program"]
_ADMIT = "SELECT * FROM identity.admit_user($1, $2, $3, $4)"
_OPEN = "SELECT identity.open_session($1, $2, $3, $4, $5, $6, $7, $8)"
_ROTATE = (
    "SELECT r.*, a.role FROM identity.rotate_refresh($1, $2, $3, $4, $5) r"
    " LEFT JOIN LATERAL identity.admit_user(r.account, r.session, $6, r.org) a ON r.verdict = 'rotated'"
)
REFRESH_GRACE_S = 10
"""How long a refresh token may be brought again by who did not get the answer."""
_END = (
    "UPDATE identity.session SET ended_us = identity.now_us(), ended_why = $2"
    " WHERE id = $1 AND ended_us IS NULL RETURNING account_id"
)


class Attempt(msgspec.Struct, frozen=True):
    """What somebody typed to log in. `tenant` None: the first of theirs by name, or none for a platform role."""

    login: str
    password: str
    code: str = ""
    tenant: UUID | None = None

    def __repr__(self) -> str:
        return "Attempt(***)"


class Choice(msgspec.Struct, frozen=True):
    """A tenant that somebody may work in."""

    id: UUID
    name: str
    role: str


class Opened(msgspec.Struct, frozen=True):
    """A session's tokens, as whoever opened it gets them. `expires_s` is the access token's;
    `refresh_token` empty: the one so far goes on."""

    access_token: str
    refresh_token: str
    csrf_token: str
    session: UUID
    tenant: UUID | None
    expires_s: int = ACCESS_S
    tenants: tuple[Choice, ...] = ()

    def __repr__(self) -> str:
        return f"Opened(session={self.session})"


class Sessions:
    """Opens, carries on, moves and ends sessions. `now_s` is seconds since 1970 UTC."""

    def __init__(
        self,
        database: Database,
        admission: Admission,
        *,
        tokens: AccessTokens,
        passwords: Passwords,
        authenticators: Authenticators,
        keyring: Keyring,
        life_s: Mapping[Kind, int],
        now_s: Callable[[], float],
    ) -> None:
        self._database = database
        self._admission = admission
        self._tokens = tokens
        self._passwords = passwords
        self._authenticators = authenticators
        self._csrf_key = next(iter(keyring.keys("csrf").values()))
        self._life_us = {kind: life * 1_000_000 for kind, life in life_s.items()}
        self._now_s = now_s

    async def log_in(self, attempt: Attempt, origin: Origin, kind: Kind) -> Opened:
        """Open a session. Raises RefusedByRule (INVALID_CREDENTIALS, TOTP_REQUIRED), LimitExceeded, TooBusy."""
        login = attempt.login[:LOGIN_CAP].strip()
        row = await self._database.ask("SELECT * FROM identity.find_login($1)", login)
        asker = login_key(login) if row is None else row["id"].hex
        await self._admission.spend("auth", asker, origin.address)
        verdict = await self._passwords.check(attempt.password, row["password"] if row else None)
        if row is None or not verdict.is_right or row["is_off"]:
            await self._refuse(origin, "password", ("login", login_key(login)))
        account: UUID = row["id"]
        if verdict.renewed is not None:
            await self._database.ask(
                "SELECT identity.renew_password($1, $2, $3)", account, row["password"], verdict.renewed
            )
        if row["totp_on"]:
            if not attempt.code:
                raise RefusedByRule(
                    [Refusal("TOTP_REQUIRED", "the code of the authenticator is needed too", "code")]
                )
            try:
                await self._authenticators.check(
                    self._database.ask, account, row["totp"], row["totp_step"], attempt.code
                )
            except WrongCode:
                await self._refuse(origin, "code", ("account", account))
        choices = await self.choices(account)
        tenant = _chosen(attempt.tenant, choices, row["is_platform"])
        return await self._open(account, tenant, choices, origin, kind)

    async def refresh(self, token: str, origin: Origin) -> Opened:
        """Take a refresh token for new ones; the session lasts for as long as its kind does, however the token was brought.

        Raises RefusedByRule: the session is over, and so is one whose token came twice.
        """
        await self._admission.spend("api", token_key(token), origin.address)
        new, jti = new_opaque("refresh"), self._new_id()
        row = None
        if is_opaque(token, "refresh"):
            hashes = opaque_hash(token), opaque_hash(new)
            lives = self._life_us["browser"], self._life_us["program"]
            async with self._database.transaction(Work()) as transaction:
                row = await transaction.fetchrow(_ROTATE, *hashes, *lives, REFRESH_GRACE_S * 1_000_000, jti)
                if row is not None and row["verdict"] == "reused":
                    await enter(transaction, row["org"])
                    detail = {"session": str(row["session"])}
                    await audit.record_account(
                        transaction, (row["account"], ""), origin, "session.stolen", detail
                    )
        if row is None or row["role"] is None:
            raise RefusedByRule([Refusal("TOKEN_EXPIRED", "the session is over: log in again")])
        access = self._signed(row["account"], row["session"], jti, row["org"], row["role"])
        return Opened(access, new, self.csrf_of(row["session"]), row["session"], row["org"])

    async def switch(self, who: Principal, tenant: UUID | None) -> Opened:
        """Move a session to another tenant; its access token so far is revoked. Raises RefusedByRule."""
        assert who.session is not None and who.jti is not None
        if tenant is None and not who.is_platform:
            raise RefusedByRule([Refusal("INSUFFICIENT_PERMISSIONS", "only the platform works in no tenant")])
        async with self._database.transaction(Work(tenant, who.id, who.is_platform)) as transaction:
            if tenant is not None:
                found = await transaction.fetchrow("SELECT * FROM identity.find_tenant($1)", tenant)
                if found is None or (found["is_off"] and not who.is_platform):
                    raise RefusedByRule([Refusal("TENANT_NOT_FOUND", "there is no such tenant", "tenant")])
            await transaction.execute("SELECT identity.switch_tenant($1, $2)", who.session, tenant)
            await transaction.execute(
                "SELECT identity.revoke_token($1, identity.now_us() + $2)", who.jti, ACCESS_S * 1_000_000
            )
            detail = {"from": str(who.tenant) if who.tenant else None, "session": str(who.session)}
            if tenant is not None:
                await audit.record(transaction, who, "tenant.entered", ("tenant", tenant), detail)
            if who.is_platform:
                await audit.record(
                    transaction,
                    who,
                    "tenant.switched",
                    ("tenant", tenant or "none"),
                    detail,
                    of_platform=True,
                )
        access = await self._access(who.id, who.session, tenant)
        return Opened(access, "", self.csrf_of(who.session), who.session, tenant)

    async def log_out(self, who: Principal) -> None:
        """End a session, and its access token with it."""
        assert who.session is not None and who.jti is not None
        async with self._database.transaction(who) as transaction:
            await transaction.execute(
                "SELECT identity.revoke_token($1, identity.now_us() + $2)", who.jti, ACCESS_S * 1_000_000
            )
            await transaction.fetchval(_END, who.session, "logged out")
            await audit.record(transaction, who, "session.ended", ("session", who.session))

    async def stream_token(self, who: Principal) -> str:
        """Return a token that opens one stream, within 25 s."""
        token = new_opaque("stream")
        async with self._database.transaction(who) as transaction:
            await transaction.execute(
                "SELECT identity.make_stream_token($1, $2, $3, $4, $5)",
                opaque_hash(token),
                who.session,
                who.jti,
                who.tenant,
                STREAM_S * 1_000_000,
            )
        return token

    async def choices(self, account: UUID) -> tuple[Choice, ...]:
        """Return the tenants that somebody is a member of, by name."""
        async with self._database.transaction(Work(None, account)) as transaction:
            rows = await transaction.fetch("SELECT * FROM identity.tenants_of($1)", account)
        return tuple(Choice(row["id"], row["name"], row["role"]) for row in rows)

    def csrf_of(self, session: UUID) -> str:
        """Return what a page of a session sends with each change, so that no other page can."""
        return hmac.digest(self._csrf_key, session.bytes, "sha256").hex()

    async def _open(
        self, account: UUID, tenant: UUID | None, choices: tuple[Choice, ...], origin: Origin, kind: Kind
    ) -> Opened:
        session = self._new_id()
        refresh = new_opaque("refresh")
        async with self._database.transaction(Work(tenant, account)) as transaction:
            await transaction.execute(
                _OPEN,
                session,
                account,
                tenant,
                kind,
                origin.address,
                origin.agent,
                opaque_hash(refresh),
                self._life_us[kind],
            )
            detail = {"session": str(session), "kind": kind}
            await audit.record_account(transaction, (account, ""), origin, "session.opened", detail)
        access = await self._access(account, session, tenant)
        return Opened(
            access, refresh, self.csrf_of(session), session, tenant, expires_s=ACCESS_S, tenants=choices
        )

    async def _access(self, account: UUID, session: UUID, tenant: UUID | None) -> str:
        jti = self._new_id()
        row = await self._database.ask(_ADMIT, account, session, jti, tenant)
        if row is None:
            raise RefusedByRule([Refusal("TOKEN_EXPIRED", "the session is over: log in again")])
        return self._signed(account, session, jti, tenant, row["role"])

    def _signed(self, account: UUID, session: UUID, jti: UUID, tenant: UUID | None, role: Role) -> str:
        now_s = int(self._now_s())
        permissions = tuple(sorted(PERMISSIONS[role]))
        return self._tokens.sign(Claims(account, tenant, session, jti, now_s, now_s + ACCESS_S, permissions))

    def _new_id(self) -> UUID:
        return uuid7(round(self._now_s() * 1_000_000), secrets.token_bytes(10))

    async def _refuse(self, origin: Origin, what: str, subject: tuple[str, object]) -> NoReturn:
        async with self._database.transaction(Work()) as transaction:
            await audit.record_nobody(transaction, origin, "session.refused", subject, {"wrong": what})
        said = "the name or the password is wrong" if what == "password" else "the code is wrong or was used"
        raise RefusedByRule([Refusal("INVALID_CREDENTIALS", said)])


def _chosen(asked: UUID | None, choices: tuple[Choice, ...], is_platform: bool) -> UUID | None:
    if asked is not None and any(choice.id == asked for choice in choices):
        return asked
    if asked is not None:
        raise RefusedByRule([Refusal("TENANT_NOT_FOUND", "there is no such tenant", "tenant")])
    if is_platform:
        return None
    if not choices:
        raise RefusedByRule([Refusal("INSUFFICIENT_PERMISSIONS", "this account belongs to no tenant")])
    return choices[0].id

"""From a token to a principal, or a refusal: the first thing of every request. Counterpart: `identity.admit_*`, `api/access.py`.

Theory: a token proves who asks; whether session, account, membership and tenant still are what they were is one statement to the
database, which counts the budgets too. So a revoked token, a closed account and a lowered role hold from the next request on,
at every instance, and nothing is cached that could disagree.
One rule: a principal is made here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from domain.roles import PERMISSIONS, Reach, Scope, key_permissions
from sync_server.database import Database
from sync_server.security.limits import Budget, LimitClass, LimitExceeded, Limits
from sync_server.security.principal import Origin, Principal
from sync_server.security.tokens import AccessTokens, Claims, TokenInvalid, is_opaque, opaque_hash, token_key

_USER = (
    "SELECT a.*, s.refused, s.wait_us FROM identity.admit_user($1, $2, $3, $4) a"
    " LEFT JOIN LATERAL identity.spend($5::text[], $6::integer[], $7::bigint[]) s ON true"
)
_KEY = (
    "SELECT a.*, s.refused, s.wait_us FROM identity.admit_key($1) a"
    " LEFT JOIN LATERAL identity.spend(CASE WHEN cardinality($3::integer[]) > cardinality($2::text[])"
    " THEN $2 || ('tenant ' || a.tenant_id) ELSE $2 END, $3, $4::bigint[]) s ON true"
)
"""A key's tenant is known in there only; the budget of its tenant is the one that has a cap and no name yet."""
_ANYBODY = "SELECT refused, wait_us FROM identity.spend($1::text[], $2::integer[], $3::bigint[])"
_AGAIN = "SELECT * FROM identity.admit_user($1, $2, $3, $4)"
_STREAM = "SELECT * FROM identity.take_stream_token($1)"


class Admission:
    """Says who asks. `now_s` is seconds since 1970 UTC, for the ends of access tokens."""

    def __init__(
        self, database: Database, tokens: AccessTokens, limits: Limits, now_s: Callable[[], float]
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._limits = limits
        self._now_s = now_s

    async def admit(self, token: str, origin: Origin, limit: LimitClass) -> Principal:
        """Return who holds an access token or an API key. Raises TokenExpired, TokenInvalid, LimitExceeded."""
        if is_opaque(token, "key"):
            return await self._admit_key(token, origin, limit)
        return await self._admit_user(self._tokens.verify(token, self._now_s()), origin, limit)

    async def admit_stream(self, token: str, origin: Origin) -> Principal:
        """Return who holds a stream token, which is gone with that. Raises TokenInvalid, LimitExceeded."""
        found = await self._database.ask(_STREAM, opaque_hash(token)) if is_opaque(token, "stream") else None
        if found is None:
            raise TokenInvalid("no stream token, used before or too old")
        claims = Claims(found["account"], found["org"], found["session"], found["jti"], 0, 0)
        return await self._admit_user(claims, origin, "api")

    async def again(self, who: Principal) -> Principal | None:
        """Return somebody who was admitted as he is now, None where his session or membership is over. Costs no budget."""
        row = await self._database.ask(_AGAIN, who.id, who.session, who.jti, who.tenant)
        if row is None:
            return None
        role, reach = row["role"], _reach(row["sites"])
        return msgspec.structs.replace(
            who,
            name=row["name"],
            role=role,
            permissions=PERMISSIONS[role],
            reach=reach,
            is_guest=row["is_guest"],
        )

    async def spend(self, limit: LimitClass, asker: str, address: str) -> None:
        """Take one from the budgets of somebody who is nobody yet. Raises LimitExceeded."""
        budgets = self._limits.budgets(limit, asker, address)
        _refuse_empty(await self._database.ask(_ANYBODY, *_columns(budgets)))

    async def _admit_user(self, claims: Claims, origin: Origin, limit: LimitClass) -> Principal:
        budgets = self._limits.budgets(limit, claims.sub.hex, origin.address, claims.org)
        row = await self._database.ask(
            _USER, claims.sub, claims.sid, claims.jti, claims.org, *_columns(budgets)
        )
        if row is None:
            raise TokenInvalid("the session is over")
        _refuse_empty(row)
        return Principal(
            kind="user",
            id=claims.sub,
            name=row["name"],
            tenant=claims.org,
            role=row["role"],
            permissions=PERMISSIONS[row["role"]],
            reach=_reach(row["sites"]),
            is_guest=row["is_guest"],
            session=claims.sid,
            jti=claims.jti,
            origin=origin,
        )

    async def _admit_key(self, token: str, origin: Origin, limit: LimitClass) -> Principal:
        hash = opaque_hash(token)
        budgets = self._limits.budgets(limit, token_key(token), origin.address, UUID(int=0))
        keys, caps, windows_us = _columns(budgets)
        row = await self._database.ask(_KEY, hash, keys[:2], caps, windows_us)
        if row is None:
            raise TokenInvalid("no API key of this server, or it is over")
        _refuse_empty(row)
        scopes: Sequence[Scope] = row["scopes"]
        return Principal(
            kind="key",
            id=row["id"],
            name=row["name"],
            tenant=row["tenant_id"],
            role=None,
            permissions=key_permissions(scopes, PERMISSIONS[row["maker_role"]]),
            reach=_reach(row["sites"]).within(_reach(row["maker_sites"])),
            origin=origin,
        )


def _columns(budgets: Sequence[Budget]) -> tuple[list[str], list[int], list[int]]:
    return (
        [budget.key for budget in budgets],
        [budget.cap for budget in budgets],
        [budget.window_us for budget in budgets],
    )


def _refuse_empty(row: Record | None) -> None:
    if row is not None and row["refused"]:
        raise LimitExceeded(row["wait_us"])


def _reach(sites: Any) -> Reach:
    return Reach(None if sites is None else frozenset(UUID(bytes=site.bytes) for site in sites))

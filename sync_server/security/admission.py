"""From a token to a principal, or a refusal: the first thing of every request. Counterpart: `identity.admit_*`, `api/access.py`.

Theory: a token proves who asks; whether session, account, membership and tenant still are what they were is asked of the
database with every request, and so are the budgets. So a revoked token, a closed account and a lowered role hold from the next
request on, at every instance. What the database said last is remembered for those that read only: such a request goes out from
it and has it confirmed by the statement that reads (`Database.read`), which gives nothing to who is somebody else by now.
One rule: a principal is made here and nowhere else, and no answer goes to one that is only assumed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from asyncpg import Record

from domain.roles import PERMISSIONS, Reach, Scope, key_permissions
from engine.tasks import spawn
from sync_server.database import Database, DatabaseBusy, Standing
from sync_server.security.limits import WAITS, Ahead, Budget, LimitClass, LimitExceeded, Limits
from sync_server.security.principal import Origin, Principal
from sync_server.security.tokens import AccessTokens, Claims, TokenInvalid, is_opaque, opaque_hash, token_key

_USER = "identity.admit_user({0}, {1}, {2}, {3})"
_KEY = "identity.admit_key({0})"
PROVEN_BY = {_USER: "sync.prove_users", _KEY: "sync.prove_keys"}
"""By what `Proofs` asks about many of them."""
_ADMIT_USER = (
    f"SELECT a.*, a::text AS said, s.refused, s.wait_us FROM {_USER.format('$1', '$2', '$3', '$4')} a"
    " LEFT JOIN LATERAL identity.spend($5::text[], $6::integer[], $7::bigint[]) s ON true"
)
_ADMIT_KEY = (
    f"SELECT a.*, a::text AS said, s.refused, s.wait_us FROM {_KEY.format('$1')} a"
    " LEFT JOIN LATERAL identity.spend(CASE WHEN cardinality($3::integer[]) > cardinality($2::text[])"
    " THEN $2 || ('tenant ' || a.tenant_id) ELSE $2 END, $3, $4::bigint[]) s ON true"
)
"""A key's tenant is known in there only; the budget of its tenant is the one that has a cap and no name yet."""
_SPEND = "SELECT refused, wait_us FROM identity.spend($1::text[], $2::integer[], $3::bigint[])"
_SPEND_AHEAD = "SELECT identity.spend_ahead($1::text[], $2::integer[], $3::bigint[], $4::integer[]) AS given"
_AGAIN = f"SELECT a.*, a::text AS said FROM {_USER.format('$1', '$2', '$3', '$4')} a"
_KEY_AGAIN = f"SELECT a.*, a::text AS said FROM {_KEY.format('$1')} a"
_STREAM = "SELECT * FROM identity.take_stream_token($1)"
REMEMBERED = 4_096
"""Tokens of which it is remembered whose they were."""


class Admission:
    """Says who asks. `now_s` is seconds since 1970 UTC, for the ends of access tokens and the windows of budgets."""

    def __init__(
        self, database: Database, tokens: AccessTokens, limits: Limits, now_s: Callable[[], float]
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._limits = limits
        self._now_s = now_s
        self._ahead = Ahead()
        self._remembered: OrderedDict[tuple[object, ...], Principal] = OrderedDict()

    async def admit(
        self, token: str, origin: Origin, limit: LimitClass, *, may_assume: bool = False
    ) -> Principal:
        """Return who holds an access token or an API key. Raises TokenExpired, TokenInvalid, LimitExceeded.

        `may_assume`: somebody who was admitted before may be as he was then, with `is_assumed` set; see `confirmed`.
        """
        if is_opaque(token, "key"):
            hash = opaque_hash(token)
            if may_assume and (known := self._remembered.get((hash,))) is not None:
                return await self._assumed(known, token_key(token), origin, limit)
            return await self._admit_key(token, hash, origin, limit)
        claims = self._tokens.verify(token, self._now_s())
        if may_assume and (known := self._remembered.get(_asked_of(claims))) is not None:
            return await self._assumed(known, claims.sub.hex, origin, limit)
        return await self._admit_user(claims, origin, limit)

    async def confirmed(self, who: Principal) -> Principal:
        """Return somebody as he is now. Costs no budget. Raises TokenInvalid where that is nobody."""
        assert who.standing is not None, "not made of what the database said"
        asked = who.standing.arguments
        row = await self._database.ask(_AGAIN if who.kind == "user" else _KEY_AGAIN, *asked)
        if row is None:
            self._remembered.pop(asked, None)
            raise TokenInvalid("it is over")
        if row["said"] == who.standing.said:
            return msgspec.structs.replace(who, is_assumed=False)
        if who.kind == "key":
            return self._remember(_key_of(row, asked, who.origin))
        claims = Claims(who.id, who.tenant, who.session, who.jti, 0, 0)  # type: ignore[arg-type]
        return self._remember(_user_of(row, claims, who.origin))

    async def admit_stream(self, token: str, origin: Origin) -> Principal:
        """Return who holds a stream token, which is gone with that. Raises TokenInvalid, LimitExceeded."""
        found = await self._database.ask(_STREAM, opaque_hash(token)) if is_opaque(token, "stream") else None
        if found is None:
            raise TokenInvalid("no stream token, used before or too old")
        claims = Claims(found["account"], found["org"], found["session"], found["jti"], 0, 0)
        return await self._admit_user(claims, origin, "api")

    async def again(self, who: Principal) -> Principal | None:
        """Return somebody who was admitted as he is now, None where his session or membership is over. Costs no budget."""
        try:
            return await self.confirmed(who)
        except TokenInvalid:
            return None

    async def spend(self, limit: LimitClass, asker: str, address: str) -> None:
        """Take one from the budgets of somebody who is nobody yet. Raises LimitExceeded."""
        await self._spend(self._limits.budgets(limit, asker, address))

    async def _assumed(self, known: Principal, asker: str, origin: Origin, limit: LimitClass) -> Principal:
        await self._spend(self._limits.budgets(limit, asker, origin.address, known.tenant))
        return msgspec.structs.replace(known, origin=origin, is_assumed=True)

    async def _spend(self, budgets: Sequence[Budget]) -> None:
        """Take one from each of some budgets: of what was taken ahead, or of the database's. Raises LimitExceeded."""
        now_us, waits = self._now_us(), WAITS
        while missing := self._ahead.missing(budgets, now_us):
            waits -= 1
            if waits < 0 or not await self._ahead.come(missing):
                self._keep(missing, await self._database.ask(_SPEND, *_columns(missing)))
            now_us = self._now_us()
        self._ahead.take(budgets, now_us)
        if wanted := self._ahead.wanted(budgets, now_us):
            spawn("budgets", self._fill(wanted, now_us))

    async def _fill(self, wanted: Mapping[Budget, int], asked_us: int) -> None:
        """Take ahead of some budgets what there is of it. Where the database is away, requests say so."""
        given: Sequence[int] = ()
        try:
            counts = list(wanted.values())
            row = await self._database.ask(_SPEND_AHEAD, *_columns(list(wanted)), counts)
            given = row["given"] if row is not None else ()
        except (OSError, DatabaseBusy, asyncpg.PostgresError, asyncpg.InterfaceError):
            pass
        finally:
            self._ahead.fill(wanted, given, asked_us, self._now_us())

    def _keep(self, spending: Sequence[Budget], row: Record | None) -> None:
        """Keep what was spent, which ends where a budget was empty. Raises LimitExceeded if one was."""
        refused = row["refused"] if row is not None else 0
        self._ahead.put(spending[: refused - 1] if refused else spending, self._now_us())
        if row is not None and refused:
            raise LimitExceeded(row["wait_us"])

    async def _admit_user(self, claims: Claims, origin: Origin, limit: LimitClass) -> Principal:
        budgets = self._limits.budgets(limit, claims.sub.hex, origin.address, claims.org)
        await self._ahead.come(self._ahead.missing(budgets, self._now_us()))
        missing = self._ahead.missing(budgets, self._now_us())
        row = await self._database.ask(_ADMIT_USER, *_asked_of(claims), *_columns(missing))
        if row is None:
            raise TokenInvalid("the session is over")
        self._keep(missing, row)
        await self._spend(budgets)
        return self._remember(_user_of(row, claims, origin))

    async def _admit_key(self, token: str, hash: bytes, origin: Origin, limit: LimitClass) -> Principal:
        budgets = self._limits.budgets(limit, token_key(token), origin.address, UUID(int=0))
        keys, caps, windows_us = _columns(budgets)
        row = await self._database.ask(_ADMIT_KEY, hash, keys[:2], caps, windows_us)
        if row is None:
            raise TokenInvalid("no API key of this server, or it is over")
        if row["refused"]:
            raise LimitExceeded(row["wait_us"])
        return self._remember(_key_of(row, (hash,), origin))

    def _remember(self, who: Principal) -> Principal:
        """Remember somebody whose reading proves who he is: what a guest reads is written down, in a transaction."""
        assert who.standing is not None
        if who.is_guest:
            return who
        self._remembered[who.standing.arguments] = who
        self._remembered.move_to_end(who.standing.arguments)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return who

    def _now_us(self) -> int:
        return round(self._now_s() * 1_000_000)


def _asked_of(claims: Claims) -> tuple[object, ...]:
    """Return what the database is asked of a token."""
    return claims.sub, claims.sid, claims.jti, claims.org


def _user_of(row: Record, claims: Claims, origin: Origin) -> Principal:
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
        standing=Standing(_USER, _asked_of(claims), row["said"]),
    )


def _key_of(row: Record, asked: tuple[object, ...], origin: Origin) -> Principal:
    scopes: Sequence[Scope] = row["scopes"]
    return Principal(
        kind="key",
        id=row["id"],
        name=row["name"],
        tenant=row["tenant_id"],
        role=None,
        permissions=key_permissions(scopes, PERMISSIONS[row["maker_role"]]),
        reach=_reach(row["sites"]).within(_reach(row["maker_sites"])),
        is_guest=row["is_guest"],
        origin=origin,
        standing=Standing(_KEY, asked, row["said"]),
    )


def _columns(budgets: Sequence[Budget]) -> tuple[list[str], list[int], list[int]]:
    return (
        [budget.key for budget in budgets],
        [budget.cap for budget in budgets],
        [budget.window_us for budget in budgets],
    )


def _reach(sites: Any) -> Reach:
    return Reach(None if sites is None else frozenset(UUID(bytes=site.bytes) for site in sites))

"""`/audit`: what was done in the tenant, or on the platform where one works in none. Counterpart: `security/audit.py` writes it.

One rule: nothing here changes a row; an export reads the same rows in the same order.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query

from sync_server.api.pages import cut
from sync_server.api.routes import Call, Routes

routes = Routes("audit")
_TEXT = Query(max_length=256)
_WHEN = Query(ge=0, le=2**62)


class AuditRow(msgspec.Struct, frozen=True):
    """One act. `hash` covers it and the row before; `at_us` is microseconds since 1970 UTC."""

    seq: int
    at_us: int
    actor_kind: str
    actor: UUID | None
    actor_name: str
    act: str
    subject_kind: str
    subject: str
    detail: dict[str, Any]
    address: str
    agent: str
    request: str
    hash: str


class Verdict(msgspec.Struct, frozen=True):
    """Whether the chain is whole; `broken_seq` is the first row that is not what was written. `head` to write down elsewhere."""

    is_whole: bool
    broken_seq: int | None
    rows: int
    head: str


_LIST = (
    "SELECT seq, at_us, actor_kind, actor, actor_name, act, subject_kind, subject, detail, address, agent, request,"
    " encode(hash, 'hex') AS hash FROM identity.audit"
    " WHERE tenant_id = coalesce(current_tenant(), '00000000-0000-0000-0000-000000000000')"
    " AND ($1::bigint IS NULL OR seq < $1) AND ($2 = '' OR starts_with(act, $2)) AND ($3::uuid IS NULL OR actor = $3)"
    " AND ($4 = '' OR subject = $4) AND ($5::bigint IS NULL OR at_us >= $5) AND ($6::bigint IS NULL OR at_us < $6)"
    " ORDER BY seq DESC LIMIT $7"
)


@routes.route("GET", "/audit", allow="audit:read", of="either", gives=list[AuditRow], paged=True)
async def list_audit(
    call: Call,
    *,
    act: Annotated[str, _TEXT] = "",
    actor: UUID | None = None,
    subject: Annotated[str, _TEXT] = "",
    since_us: Annotated[int | None, _WHEN] = None,
    until_us: Annotated[int | None, _WHEN] = None,
) -> list[AuditRow]:
    """List what was done, the newest first. `act` is the beginning of one: `user.` finds all that was done with users."""
    before = call.page.key(int)
    rows = await call.transaction.fetch(
        _LIST, before, act, actor, subject, since_us, until_us, call.page.limit + 1
    )
    rows, call.shown = cut(rows, call.page, lambda row: row["seq"])
    return [AuditRow(*row) for row in rows]


@routes.route("GET", "/audit/verify", allow="audit:read", of="either", gives=Verdict, limit="bulk")
async def verify_audit(call: Call) -> Verdict:
    """Read the whole chain and tell whether a row was changed or is missing."""
    broken = await call.transaction.fetchval("SELECT identity.first_broken_audit()")
    row = await call.transaction.fetchrow(
        "SELECT seq, encode(hash, 'hex') AS hash FROM identity.audit"
        " WHERE tenant_id = coalesce(current_tenant(), '00000000-0000-0000-0000-000000000000') ORDER BY seq DESC LIMIT 1"
    )
    return Verdict(broken is None, broken, row["seq"] if row else 0, row["hash"] if row else "")

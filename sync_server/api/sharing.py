"""`/sharing`, `/credentials/{id}/audience`: who may open a credential, who does, and who has that may no longer.

Counterparts: `domain/sharing.py`; `engine/sync/audiences.py`, which asks for a window.

Theory: to name another audience is to take the wraps of those who may no longer hold the secret, at once. Somebody has to be left
who holds it, else it is lost: who makes the change and holds it brings the wraps of those who come, or says that a new secret
follows. What was taken from somebody is to be sealed under another key by who holds it now.
One rule: after a change of audience somebody still holds the secret, or another is on its way.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.roles import Reach
from domain.sharing import PEOPLE_CAP, Audience, AudienceKind, Lost, Member, may_hold
from sync_server.api.checks import checked_sites
from sync_server.api.errors import refused
from sync_server.api.installs import Install
from sync_server.api.pages import cut
from sync_server.api.routes import Body, Call, Routes
from sync_server.api.wraps import (
    NAMED_HOLDERS,
    VERSION,
    WRAPS_CAP,
    Wrap,
    asked_audience,
    audience_of,
    check_epoch,
    hold_installs,
    holder_of,
    leave,
    reached_audience,
    would_hold,
)
from sync_server.ledger import Ledger
from sync_server.live.presence import MATTERS

routes = Routes("installs")


class AudienceRow(Body, frozen=True):
    """Who may open a credential: `sites` where it is used, null everywhere; `people` with the kind "people" only."""

    kind: AudienceKind
    sites: tuple[UUID, ...] | None = None
    people: tuple[UUID, ...] = ()


class NewAudience(AudienceRow, frozen=True):
    """Who may open a credential from now on. `wraps`: of the secret of this version and epoch, for those who come; `is_left`: a
    secret that was entered anew follows, so nobody needs to hold the one that is here."""

    epoch: int = 0
    version: int = 0
    wraps: tuple[Wrap, ...] = ()
    is_left: bool = False


class Sharing(msgspec.Struct, frozen=True):
    """Who could hold secrets: the names of the tenant's collectors, empty where the asker may not know it, and people with a
    window."""

    collectors: tuple[str, ...]
    people: tuple[Member, ...]


class SharedRow(msgspec.Struct, frozen=True):
    """A credential: who may open it, the names of the installs that hold it now, those that had it and were revoked since
    (without a name where that is not the asker's to know)."""

    credential: UUID
    has_secret: bool
    kind: AudienceKind
    sites: tuple[UUID, ...] | None
    people: tuple[UUID, ...]
    holders: tuple[str, ...]
    lost: tuple[Lost, ...]


_KEEP = (
    "INSERT INTO identity.audience (tenant_id, credential_id, kind, sites, people) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (tenant_id, credential_id) DO UPDATE SET kind = $3, sites = $4, people = $5"
)
_WRAPPED = "SELECT install_id FROM identity.wrap WHERE credential_id = $1 AND wrapped IS NOT NULL"
_TAKE_FROM = (
    "UPDATE identity.wrap SET wrapped = NULL, until_us = least(until_us, identity.now_us())"
    " WHERE credential_id = $1 AND install_id = ANY($2::uuid[])"
)
_TO_RENEW = "UPDATE identity.secret SET renew = true WHERE credential_id = $1"
_PEOPLE = """
    SELECT DISTINCT m.account_id AS account, m.name, m.role FROM identity.membership m
    JOIN identity.install i ON (i.tenant_id, i.account_id) = (m.tenant_id, m.account_id)
    WHERE i.kind = 'window' AND i.ended_us IS NULL AND i.proven_us IS NOT NULL AND m.accepted_us IS NOT NULL
    AND m.off_us IS NULL ORDER BY m.name, m.account_id LIMIT $1
"""
_LIMITED = """
    SELECT name, sites FROM identity.membership WHERE account_id = ANY ($1::uuid[]) AND sites IS NOT NULL ORDER BY name
"""
_SHARED = f"""
    SELECT c.id, s.credential_id IS NOT NULL AS has_secret, a.kind, a.sites, a.people,
        ARRAY(SELECT i.name FROM identity.wrap w JOIN identity.install i ON (i.tenant_id, i.id) = (w.tenant_id, w.install_id)
            WHERE w.credential_id = c.id AND w.wrapped IS NOT NULL AND i.ended_us IS NULL AND {MATTERS}
            ORDER BY i.name LIMIT $3) AS holders,
        ARRAY(SELECT (i.id, CASE WHEN {MATTERS} THEN i.name ELSE '' END, i.ended_us) FROM identity.wrap w
            JOIN identity.install i ON (i.tenant_id, i.id) = (w.tenant_id, w.install_id)
            WHERE w.credential_id = c.id AND i.ended_us IS NOT NULL AND s.entered_us <= i.ended_us
            ORDER BY i.ended_us DESC LIMIT $3) AS lost
    FROM credential c LEFT JOIN identity.audience a ON (a.tenant_id, a.credential_id) = (c.tenant_id, c.id)
    LEFT JOIN identity.secret s ON (s.tenant_id, s.credential_id) = (c.tenant_id, c.id)
    WHERE $1::uuid IS NULL OR c.id > $1 ORDER BY c.id LIMIT $2
"""
NAMES_CAP = 50


@routes.route("GET", "/sharing", allow="credentials:read", gives=Sharing)
async def read_sharing(call: Call) -> Sharing:
    """Tell who could hold secrets in this tenant."""
    rows = await call.transaction.fetch(NAMED_HOLDERS)
    people = await call.transaction.fetch(_PEOPLE, PEOPLE_CAP)
    names = [row["name"] if row["matters"] else "" for row in rows if row["kind"] == "collector"]
    return Sharing(tuple(names[:PEOPLE_CAP]), tuple(Member(**dict(row)) for row in people))


@routes.route("GET", "/sharing/credentials", allow="credentials:read", gives=list[SharedRow], paged=True)
async def list_shared(call: Call) -> list[SharedRow]:
    """List the credentials: who may open each, who holds it, and which revoked installs had the secret that it still has."""
    rows = await call.transaction.fetch(_SHARED, call.page.key(UUID), call.page.limit + 1, NAMES_CAP)
    rows, call.shown = cut(rows, call.page, lambda row: row["id"])
    return [_shared_row(row) for row in rows]


@routes.route("GET", "/credentials/{id}/audience", allow="credentials:read", gives=AudienceRow)
async def read_audience(call: Call, id: UUID) -> AudienceRow:
    """Tell who may open a credential; where nobody has said, it is the server."""
    found = await asked_audience(call, id)
    sites = None if found.sites is None else tuple(sorted(found.sites))
    return AudienceRow(found.kind, sites, tuple(sorted(found.people)))


@routes.route(
    "POST", "/credentials/{id}/audience", allow="credentials:write", takes=AudienceRow, gives=list[Install]
)
async def try_audience(call: Call, id: UUID) -> list[Install]:
    """List the installs that could hold a credential's key if it had another audience; changes nothing."""
    await reached_audience(call, id)
    found = await would_hold(call, await _checked(call, call.body))
    await call.record("credential.audience_tried", ("credential", id))
    return found


@routes.route(
    "PUT", "/credentials/{id}/audience", allow="credentials:write", takes=NewAudience, gives=AudienceRow
)
async def set_audience(call: Call, id: UUID) -> AudienceRow:
    """Say who may open a credential. Those who no longer may lose their wraps; what they hold they delete when heard, or within a
    week. Refused with HOLDER_CONFLICT where nobody would be left who holds the secret."""
    body: NewAudience = call.body
    if len(body.wraps) > WRAPS_CAP:
        raise refused("INVALID_INPUT", f"at most {WRAPS_CAP} wraps expected, got {len(body.wraps)}", "wraps")
    ledger = await Ledger.open(call.transaction, call.who, round(call.services.now_s() * 1_000_000))
    await reached_audience(call, id)
    audience = await _checked(call, body)
    await _refuse_out_of_reach(call, audience)
    holders = await hold_installs(call)
    sites = None if audience.sites is None else sorted(audience.sites)
    await call.transaction.execute(_KEEP, call.who.tenant, id, audience.kind, sites, sorted(audience.people))
    version = await call.transaction.fetchval(VERSION, id)
    if version is not None and body.wraps:
        await check_epoch(call, body.epoch)
        if body.version != version:
            raise refused("SECRET_CONFLICT", f"the secret is another by now, of version {version}", "version")
        await leave(call, holders, audience, id, body.epoch, body.wraps)
    held = [row["install_id"] for row in await call.transaction.fetch(_WRAPPED, id)]
    over = [one for one in held if one not in holders or not may_hold(audience, holder_of(holders[one]))]
    if held and len(over) == len(held) and not body.is_left:
        said = "nobody who may hold it then has this secret: change it at a computer that holds it, or enter it again"
        raise refused("HOLDER_CONFLICT", said, "audience")
    if over:
        await call.transaction.execute(_TAKE_FROM, id, over)
        await call.transaction.execute(_TO_RENEW, id)
    await ledger.touch("credential", [id])
    detail = {
        "kind": audience.kind,
        "people": [str(one) for one in sorted(audience.people)],
        "taken_from": [str(one) for one in over],
    }
    await call.record("credential.audience_set", ("credential", id), detail)
    return await read_audience(call, id)


async def _checked(call: Call, body: AudienceRow) -> Audience:
    """Return an audience that may be. Raises RefusedByRule."""
    if len(body.people) > PEOPLE_CAP or bool(body.people) != (body.kind == "people"):
        raise refused(
            "INVALID_INPUT", f"1 to {PEOPLE_CAP} people expected with the kind people, else none", "people"
        )
    sites = await checked_sites(call.transaction, call.who, body.sites)
    return Audience(body.kind, None if sites is None else frozenset(sites), frozenset(body.people))


async def _refuse_out_of_reach(call: Call, audience: Audience) -> None:
    """Raise RefusedByRule where somebody is named who reaches less than it is used for: no install of his would get it."""
    rows = await call.transaction.fetch(_LIMITED, sorted(audience.people))
    names = [row["name"] for row in rows if not Reach(frozenset(row["sites"])).spans(Reach(audience.sites))]
    if names:
        said = f"{', '.join(names[:5])}: who reaches some sites only holds what is used at those alone; name its sites"
        raise refused("INVALID_INPUT", said, "people")


def _shared_row(row: Any) -> SharedRow:
    audience = audience_of(row)
    return SharedRow(
        row["id"],
        row["has_secret"],
        audience.kind,
        None if audience.sites is None else tuple(sorted(audience.sites)),
        tuple(sorted(audience.people)),
        tuple(row["holders"]),
        tuple(Lost(*one) for one in row["lost"]),
    )

"""`/credentials/{id}/wraps`, `/installs/{id}/wraps`: the keys that are handed over. Counterparts: `sharing.py`, who may open a
credential; `secrets.py`, what the keys open.

Theory: whoever holds a credential's data key wraps it to the public keys of the installs that may hold it, and leaves the wraps
here; each install fetches its own. A wrap holds for a week from the last time its install came for it, and comes no more once its
person may no longer hold it.
Who reaches some sites only changes nothing of a credential that is used beyond them.
Installs are locked before any wrap, in the order of their ids (`hold_installs`): whoever revokes one locks it first too.
One rule: `may_hold` is asked when a wrap is left and each time it is fetched.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain.roles import PERMISSIONS, Reach
from domain.sharing import OFFLINE_S, Audience, Holder, may_hold
from sync_server.api.errors import refused
from sync_server.api.installs import Install, bytes_of, own_install
from sync_server.api.pages import cut
from sync_server.api.routes import Body, Call, Routes
from sync_server.ledger import Ledger
from sync_server.live.presence import MATTERS

routes = Routes("installs")
WRAP_BYTES = (48, 512)
WRAPS_CAP = 500
PAGE_BYTES = 512 * 1024
"""About how much of secrets and wraps comes in one part."""


class Wrap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data key for an install, in base64."""

    install: UUID
    wrapped: str


class NewWraps(Body, frozen=True):
    """Wraps to leave, of one epoch of the tenant's keys, that open a secret of this version."""

    epoch: int
    version: int
    wraps: tuple[Wrap, ...]


class OwnWrap(msgspec.Struct, frozen=True):
    """A credential's secret as it is sealed, and what opens that wrapped to the install that asks; it holds until `until_us`."""

    credential: UUID
    sealed: str
    wrapped: str
    version: int
    epoch: int
    until_us: int


_HOLDER = (
    "SELECT i.id, i.account_id, i.name, i.kind, encode(i.public_key, 'base64') AS public_key, i.made_us, i.proven_us, i.seen_us,"
    " m.role, m.sites"
)
_OF_HOLDERS = (
    " FROM identity.install i JOIN identity.membership m ON (m.tenant_id, m.account_id) = (i.tenant_id, i.account_id)"
    " WHERE i.ended_us IS NULL AND i.proven_us IS NOT NULL AND m.accepted_us IS NOT NULL AND m.off_us IS NULL ORDER BY i.id"
)
HOLDERS = _HOLDER + _OF_HOLDERS
NAMED_HOLDERS = f"{_HOLDER}, {MATTERS} AS matters {_OF_HOLDERS}"
"""Also whose names the asker may know: for what is shown, and never asked under the tenant's lock."""
HELD_HOLDERS = f"{HOLDERS} FOR SHARE OF i"
VERSION = "SELECT version FROM identity.secret WHERE credential_id = $1"
_AUDIENCE = "SELECT kind, sites, people FROM identity.audience WHERE credential_id = $1"
_LEAVE = (
    "INSERT INTO identity.wrap AS w (tenant_id, install_id, credential_id, wrapped, epoch, first_us, until_us)"
    " SELECT $1, $2, $3, $4, $5, n.us, n.us + $6 FROM identity.now_us() AS n (us)"
    " ON CONFLICT (tenant_id, install_id, credential_id) DO UPDATE"
    " SET wrapped = excluded.wrapped, epoch = excluded.epoch, until_us = excluded.until_us"
)
_FETCH = """
    SELECT w.credential_id, w.wrapped, w.epoch, s.ciphertext, s.version, a.kind, a.sites, a.people,
        sum(length(s.ciphertext) + 512) OVER (ORDER BY w.credential_id) AS so_far
    FROM identity.wrap w JOIN identity.secret s USING (tenant_id, credential_id)
    LEFT JOIN identity.audience a USING (tenant_id, credential_id)
    JOIN credential c ON (c.tenant_id, c.id) = (w.tenant_id, w.credential_id)
    WHERE w.install_id = $1 AND w.wrapped IS NOT NULL AND ($2::uuid IS NULL OR w.credential_id > $2)
    ORDER BY w.credential_id LIMIT $3
"""
_SEEN = "UPDATE identity.install SET seen_us = identity.now_us() WHERE id = $1 AND ended_us IS NULL RETURNING true"
_RENEW = (
    "UPDATE identity.wrap SET until_us = identity.now_us() + $2 WHERE install_id = $1 AND credential_id = ANY($3::uuid[])"
    " RETURNING credential_id, until_us"
)


@routes.route("GET", "/credentials/{id}/installs", allow="credentials:write", gives=list[Install])
async def list_holders(call: Call, id: UUID) -> list[Install]:
    """List the installs that a credential's key may be wrapped to."""
    return await would_hold(call, await asked_audience(call, id))


@routes.route("PUT", "/credentials/{id}/wraps", allow="credentials:write", takes=NewWraps, status=204)
async def leave_wraps(call: Call, id: UUID) -> None:
    """Leave a credential's data key for installs that may hold it."""
    body: NewWraps = call.body
    if not 1 <= len(body.wraps) <= WRAPS_CAP:
        raise refused("INVALID_INPUT", f"1 to {WRAPS_CAP} wraps expected, got {len(body.wraps)}", "wraps")
    ledger = await Ledger.open(call.transaction, call.who, round(call.services.now_s() * 1_000_000))
    audience = await reached_audience(call, id)
    holders = await hold_installs(call)
    await check_epoch(call, body.epoch)
    version = await call.transaction.fetchval(VERSION, id)
    if version is None:
        raise refused("SECRET_NOT_FOUND", "this credential has no secret here")
    if body.version != version:
        raise refused("SECRET_CONFLICT", f"the secret is another by now, of version {version}", "version")
    await leave(call, holders, audience, id, body.epoch, body.wraps)
    await ledger.touch("credential", [id])
    detail = {"installs": [str(wrap.install) for wrap in body.wraps], "epoch": body.epoch, "version": version}
    await call.record("credential.wrapped", ("credential", id), detail)


@routes.route("POST", "/installs/{id}/wraps", allow="edits:read", gives=list[OwnWrap], paged=True)
async def fetch_wraps(call: Call, id: UUID) -> list[OwnWrap]:
    """Fetch the secrets that an install of one's own may hold, in parts; each wrap holds for a week from now."""
    install = await own_install(call, id)
    if not await call.transaction.fetchval(_SEEN, id):
        raise refused("INSTALL_NOT_FOUND", "this install was revoked just now")
    holder = Holder(install.kind, call.who.id, call.who.permissions, call.who.reach)
    rows = await call.transaction.fetch(_FETCH, id, call.page.key(UUID), call.page.limit + 1)
    fitting = sum(row["so_far"] <= PAGE_BYTES for row in rows)  # one alone always fits
    page = msgspec.structs.replace(call.page, limit=min(call.page.limit, max(1, fitting)))
    rows, call.shown = cut(rows, page, lambda row: row["credential_id"])
    held = {row["credential_id"]: row for row in rows if may_hold(audience_of(row), holder)}
    renewed = await call.transaction.fetch(_RENEW, id, OFFLINE_S * 1_000_000, list(held))
    await call.record("install.fetched", ("install", id), {"credentials": [str(one) for one in held]})
    until_us = {row["credential_id"]: row["until_us"] for row in renewed}
    return [
        OwnWrap(
            credential,
            base64.b64encode(row["ciphertext"]).decode(),
            base64.b64encode(row["wrapped"]).decode(),
            row["version"],
            row["epoch"],
            until_us[credential],
        )
        for credential, row in held.items()
    ]


async def check_epoch(call: Call, epoch: int) -> None:
    """Raise RefusedByRule where the tenant's keys are of another epoch."""
    now = await epoch_of(call)
    if epoch != now:
        raise refused(
            "EPOCH_CONFLICT", f"the tenant's keys are of epoch {now}: an install was revoked", "epoch"
        )


async def epoch_of(call: Call) -> int:
    """Return the epoch of the tenant's keys."""
    epoch: int | None = await call.transaction.fetchval(
        "SELECT key_epoch FROM identity.tenant_state WHERE tenant_id = $1", call.who.tenant
    )
    return epoch or 1


async def hold_installs(call: Call) -> dict[UUID, Any]:
    """Return the rows of `HOLDERS` by install; none is revoked before the transaction ends. Asked before wraps are written."""
    return {row["id"]: row for row in await call.transaction.fetch(HELD_HOLDERS)}


async def leave(  # noqa: PLR0917
    call: Call, holders: Mapping[UUID, Any], audience: Audience, id: UUID, epoch: int, wraps: Sequence[Wrap]
) -> None:
    """Write wraps of a credential's data key for some of `hold_installs`. Raises RefusedByRule where one is for who may not hold
    it."""
    for wrap in wraps:
        if wrap.install not in holders or not may_hold(audience, holder_of(holders[wrap.install])):
            raise refused(
                "INSTALL_NOT_FOUND", f"install {wrap.install} may not hold this credential", "wraps"
            )
    await call.transaction.executemany(
        _LEAVE,
        [
            (
                call.who.tenant,
                wrap.install,
                id,
                bytes_of(wrap.wrapped, "wraps", *WRAP_BYTES),
                epoch,
                OFFLINE_S * 1_000_000,
            )
            for wrap in sorted(wraps, key=lambda wrap: wrap.install)
        ],
    )


async def would_hold(call: Call, audience: Audience) -> list[Install]:
    """Return the installs that may hold what has this audience; without a name where that is not the asker's to know."""
    rows = await call.transaction.fetch(NAMED_HOLDERS)
    return [
        Install(
            row["id"],
            row["account_id"],
            row["name"] if row["matters"] else "",
            row["kind"],
            row["public_key"],
            row["made_us"],
            row["proven_us"],
            row["seen_us"],
            None,
        )
        for row in rows
        if may_hold(audience, holder_of(row))
    ]


async def asked_audience(call: Call, id: UUID) -> Audience:
    """Return who may open a credential; where nobody has said, it is the server. Raises RefusedByRule."""
    if not await call.transaction.fetchval("SELECT true FROM credential WHERE id = $1", id):
        raise refused("CREDENTIAL_NOT_FOUND", "there is no such credential")
    row = await call.transaction.fetchrow(_AUDIENCE, id)
    return Audience() if row is None else audience_of(row)


async def reached_audience(call: Call, id: UUID) -> Audience:
    """Return who may open a credential that is used within reach alone. Raises RefusedByRule."""
    audience = await asked_audience(call, id)
    if not call.who.reach.spans(Reach(audience.sites)):
        raise refused("CREDENTIAL_NOT_FOUND", "there is no such credential within your reach")
    return audience


def audience_of(row: Any) -> Audience:
    """Return the audience of a row, which may have none."""
    sites, people = row["sites"], row["people"]
    return Audience(
        row["kind"] or "server", None if sites is None else frozenset(sites), frozenset(people or ())
    )


def holder_of(row: Any) -> Holder:
    """Return who asks, of a row of `HOLDERS`."""
    sites = row["sites"]
    reach = Reach(None if sites is None else frozenset(sites))
    return Holder(row["kind"], row["account_id"], PERMISSIONS[row["role"]], reach)

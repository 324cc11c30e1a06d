"""`/credentials/{id}/secret`, `/installs/{id}/owed`: sealed secrets, and whose keys to them are missing.

Counterparts: `wraps.py`; `engine/sync/secrets.py`.

Theory: a secret comes sealed, with its data key wrapped to those who may hold it. Another secret takes the place of the one
before, with every wrap of that: who told it later is right. One that was replaced and comes again, from an install that did not
hear the answer, is known by its digest and refused. Who joins, or a raised epoch, needs wraps that only an install can make that
holds the secret: each asks what it could leave for others.
One rule: nothing that opens a secret is here but wraps to installs' public keys, and no bytes of either are in the audit.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from domain.roles import Reach
from domain.sharing import Audience, Holder, may_hold
from sync_server.api.errors import refused
from sync_server.api.installs import bytes_of, own_install
from sync_server.api.routes import Body, Call, Routes
from sync_server.api.wraps import (
    HOLDERS,
    WRAP_BYTES,
    WRAPS_CAP,
    Wrap,
    audience_of,
    check_epoch,
    epoch_of,
    hold_installs,
    holder_of,
    leave,
    reached_audience,
)
from sync_server.ledger import Ledger

routes = Routes("installs")
SEALED_BYTES = (28, 20_000)
PAST_CAP = 100
"""Secrets of a credential that are remembered as replaced."""
OWED_CAP = 200


class NewSecret(Body, frozen=True):
    """A secret as its data key seals it, in base64, and that key for installs that may hold it, of one epoch. `after`: it is the
    same secret under another key, in the place of that version and of no other; 0 for one that was entered."""

    sealed: str
    epoch: int
    wraps: tuple[Wrap, ...]
    after: int = 0


class Told(msgspec.Struct, frozen=True):
    """The number of a credential's secret: each other one has the next."""

    version: int


class Missing(msgspec.Struct, frozen=True):
    """A wrap that is missing: of a credential's secret of this version, for an install and its public key in base64."""

    credential: UUID
    version: int
    install: UUID
    public_key: str


class Owed(msgspec.Struct, frozen=True):
    """What an install could leave for others now, and of which epoch. `more`: there is more than that. `renew`: credentials whose
    secret it holds and is to seal under another key, because of who had this one."""

    epoch: int
    missing: tuple[Missing, ...]
    more: bool
    renew: tuple[UUID, ...]


class Left(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wrap of the secret of this version."""

    credential: UUID
    version: int
    install: UUID
    wrapped: str


class Leaving(Body, frozen=True):
    """Wraps of some credentials, of one epoch."""

    epoch: int
    wraps: tuple[Left, ...]


class LeftOver(msgspec.Struct, frozen=True):
    """How many wraps were kept; the others are for who may not hold the secret any more, or of a secret that is another."""

    kept: int


_NOW = "SELECT ciphertext, version, past FROM identity.secret WHERE credential_id = $1"
_TAKE = """
    INSERT INTO identity.secret AS s (tenant_id, credential_id, ciphertext, version, past, entered_us)
    VALUES ($1, $2, $3, 1, '{}', identity.now_us())
    ON CONFLICT (tenant_id, credential_id) DO UPDATE SET ciphertext = $3, version = s.version + 1, past = $4, renew = false,
    entered_us = CASE WHEN $5 THEN s.entered_us ELSE excluded.entered_us END RETURNING version
"""
_DROP_WRAPS = "UPDATE identity.wrap SET wrapped = NULL WHERE credential_id = $1"
_HELD = """
    SELECT w.credential_id, s.version, s.renew, a.kind, a.sites, a.people FROM identity.wrap w
    JOIN identity.secret s USING (tenant_id, credential_id)
    LEFT JOIN identity.audience a USING (tenant_id, credential_id)
    JOIN credential c ON (c.tenant_id, c.id) = (w.tenant_id, w.credential_id)
    WHERE w.install_id = $1 AND w.wrapped IS NOT NULL ORDER BY w.credential_id
"""
_FRESH = """
    SELECT credential_id, array_agg(install_id) AS installs FROM identity.wrap
    WHERE wrapped IS NOT NULL AND epoch = $1 GROUP BY credential_id
"""


@routes.route("PUT", "/credentials/{id}/secret", allow="credentials:write", takes=NewSecret, gives=Told)
async def tell_secret(call: Call, id: UUID) -> Told:
    """Keep a credential's secret, sealed, for those whom it is wrapped to; the one before is gone with all its wraps."""
    body: NewSecret = call.body
    _check_count(len(body.wraps))
    sealed = bytes_of(body.sealed, "sealed", *SEALED_BYTES)
    ledger = await Ledger.open(call.transaction, call.who, round(call.services.now_s() * 1_000_000))
    audience = await reached_audience(call, id)
    holders = await hold_installs(call)
    await check_epoch(call, body.epoch)
    old = await call.transaction.fetchrow(_NOW, id)
    if body.after and (old is None or old["version"] != body.after):
        raise refused("SECRET_CONFLICT", "the secret is another by now", "after")
    if old is None or old["ciphertext"] != sealed:
        past = [] if old is None else old["past"]
        if _digest(sealed) in past:
            raise refused("SECRET_CONFLICT", "another secret took the place of this one", "sealed")
        if old is not None:
            past = [*past, _digest(old["ciphertext"])][-PAST_CAP:]
        version = await call.transaction.fetchval(_TAKE, call.who.tenant, id, sealed, past, body.after > 0)
        await call.transaction.execute(_DROP_WRAPS, id)
        await leave(call, holders, audience, id, body.epoch, body.wraps)
    else:
        version = old["version"]
        await leave(call, holders, audience, id, body.epoch, body.wraps)
    if body.after or (old is not None and old["version"] == version):
        await ledger.touch("credential", [id])
    else:
        said = {"what": "told", "by": call.who.name, "version": version}
        await ledger.note("secret_changed", id, said, "credential")
    detail = {"installs": [str(wrap.install) for wrap in body.wraps], "epoch": body.epoch, "version": version}
    await call.record("credential.secret_told", ("credential", id), detail)
    return Told(version)


@routes.route("GET", "/installs/{id}/owed", allow="credentials:write", gives=Owed)
async def list_owed(call: Call, id: UUID) -> Owed:
    """List wraps that are missing and that an install of one's own could leave: of what it holds, for who may hold it too."""
    install = await own_install(call, id)
    epoch = await epoch_of(call)
    me = Holder(install.kind, call.who.id, call.who.permissions, call.who.reach)
    holders = {row["id"]: row for row in await call.transaction.fetch(HOLDERS)}
    fresh = await _fresh(call, epoch)
    may: dict[Audience, tuple[UUID, ...]] = {}
    missing: list[Missing] = []
    renew: list[UUID] = []
    for row in await call.transaction.fetch(_HELD, id):
        audience = audience_of(row)
        if audience not in may:
            others = [one for one, held in holders.items() if may_hold(audience, holder_of(held))]
            may[audience] = tuple(others) if may_hold(audience, me) else ()
        if row["renew"] and may[audience] and len(renew) < OWED_CAP:
            renew.append(row["credential_id"])
        kept = fresh.get(row["credential_id"], set())
        for one in may[audience]:
            if one not in kept:
                if len(missing) == OWED_CAP:
                    return Owed(epoch, tuple(missing), True, tuple(renew))
                key = holders[one]["public_key"]
                missing.append(Missing(row["credential_id"], row["version"], one, key))
    return Owed(epoch, tuple(missing), False, tuple(renew))


@routes.route("POST", "/installs/{id}/owed", allow="credentials:write", takes=Leaving, gives=LeftOver)
async def leave_owed(call: Call, id: UUID) -> LeftOver:
    """Leave wraps that were missing. One that is too late, or for who may not hold the secret any more, is left out."""
    await own_install(call, id)
    body: Leaving = call.body
    _check_count(len(body.wraps))
    for wrap in body.wraps:
        bytes_of(wrap.wrapped, "wraps", *WRAP_BYTES)
    ledger = await Ledger.open(call.transaction, call.who, round(call.services.now_s() * 1_000_000))
    holders = await hold_installs(call)
    await check_epoch(call, body.epoch)
    held = {row["credential_id"]: row for row in await call.transaction.fetch(_HELD, id)}
    fresh = await _fresh(call, body.epoch)
    fitting: dict[UUID, list[Wrap]] = {}
    for wrap in body.wraps:
        row = held.get(wrap.credential)
        if row is None or row["version"] != wrap.version or wrap.install not in holders:
            continue
        if wrap.install in fresh.get(wrap.credential, ()):  # somebody was quicker
            continue
        if call.who.reach.spans(_reach_of(row)) and may_hold(
            audience_of(row), holder_of(holders[wrap.install])
        ):
            fitting.setdefault(wrap.credential, []).append(Wrap(wrap.install, wrap.wrapped))
    for credential, wraps in fitting.items():
        await leave(call, holders, audience_of(held[credential]), credential, body.epoch, wraps)
    if fitting:
        await ledger.touch("credential", list(fitting))
    kept = {str(one): [str(wrap.install) for wrap in wraps] for one, wraps in fitting.items()}
    await call.record("install.left", ("install", id), {"wraps": kept, "epoch": body.epoch})
    return LeftOver(sum(map(len, fitting.values())))


async def _fresh(call: Call, epoch: int) -> dict[UUID, set[UUID]]:
    """Return the installs that have a wrap of an epoch, by credential."""
    rows = await call.transaction.fetch(_FRESH, epoch)
    return {row["credential_id"]: {*row["installs"]} for row in rows}


def _reach_of(row: Any) -> Reach:
    return Reach(audience_of(row).sites)


def _check_count(count: int) -> None:
    if not 1 <= count <= WRAPS_CAP:
        raise refused("INVALID_INPUT", f"1 to {WRAPS_CAP} wraps expected, got {count}", "wraps")


def _digest(sealed: bytes) -> bytes:
    return blake2b(sealed, digest_size=16).digest()

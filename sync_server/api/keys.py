"""`/keys`: API keys of a tenant. Counterpart: `identity.admit_key`, the scopes of `domain/roles.py`.

Theory: a key is shown once, when it is made; what is kept is its hash and its first letters, by which people know it again. It
may do what its scopes give and its maker may, at the sites that both reach, and ends with the membership of its maker; a guest's
key reads as the guest does, each time written down.
One rule: a key is made by a person, never by a key.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.roles import SCOPE_PERMISSIONS, Scope
from sync_server.api.checks import check_days, check_name, checked_sites
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.routes import Body, Call, Routes
from sync_server.security.tokens import new_opaque, opaque_hash

routes = Routes("keys")
PREFIX_CHARS = 10
_DAY_US = 86_400_000_000


class Key(msgspec.Struct, frozen=True):
    """A key, without the key. `sites` null: all; `until_us` null: until it is ended. Times are microseconds since 1970 UTC."""

    id: UUID
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    sites: tuple[UUID, ...] | None
    maker: UUID
    made_us: int
    until_us: int | None
    ended_us: int | None


class NewKey(Body, frozen=True):
    """A key to make. `days` null: until it is ended."""

    name: str
    scopes: tuple[Scope, ...]
    sites: tuple[UUID, ...] | None = None
    days: int | None = 365


class MadeKey(msgspec.Struct, frozen=True):
    """A key and its text, which is shown once."""

    key: Key
    secret: str


class KeyChange(Body, frozen=True):
    """What may be changed of a key."""

    name: str


_SELECT = "SELECT id, name, prefix, scopes, sites, maker, made_us, until_us, ended_us FROM identity.api_key"


@routes.route("GET", "/keys", allow="keys:read", gives=list[Key], paged=True)
async def list_keys(call: Call) -> list[Key]:
    """List the tenant's keys by name, those that have ended too."""
    return [_key(row) for row in await call.rows_by("name", _SELECT)]


@routes.route("POST", "/keys", allow="keys:write", takes=NewKey, gives=MadeKey, status=201)
async def make_key(call: Call) -> MadeKey:
    """Make a key."""
    body: NewKey = call.body
    check_name(body.name)
    check_days(body.days)
    scopes = sorted(set(body.scopes))
    if not scopes:
        raise refused("MISSING_REQUIRED_FIELD", "at least one scope expected", "scopes")
    for scope in scopes:
        if not SCOPE_PERMISSIONS[scope] <= call.who.permissions:
            raise refused("INSUFFICIENT_PERMISSIONS", f"you cannot do what {scope} gives", "scopes")
    sites = await checked_sites(call.transaction, call.who, body.sites)
    id, secret = new_id(call), new_opaque("key")
    await call.transaction.execute(
        "INSERT INTO identity.api_key (tenant_id, id, name, prefix, hash, scopes, sites, maker, made_us, until_us)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, $8, n.us, n.us + $9::bigint FROM identity.now_us() AS n (us)",
        call.who.tenant,
        id,
        body.name,
        secret[:PREFIX_CHARS],
        opaque_hash(secret),
        scopes,
        sites,
        call.who.id,
        None if body.days is None else body.days * _DAY_US,
    )
    detail = {"name": body.name, "scopes": scopes, "prefix": secret[:PREFIX_CHARS], "days": body.days}
    await call.record("key.made", ("key", id), detail)
    return MadeKey(await _read(call, id), secret)


@routes.route("GET", "/keys/{id}", allow="keys:read", gives=Key)
async def read_key(call: Call, id: UUID) -> Key:
    """Return a key."""
    return await _read(call, id)


@routes.route("PATCH", "/keys/{id}", allow="keys:write", takes=KeyChange, gives=Key)
async def change_key(call: Call, id: UUID) -> Key:
    """Rename a key."""
    check_name(call.body.name)
    await _read(call, id)
    await call.transaction.execute("UPDATE identity.api_key SET name = $2 WHERE id = $1", id, call.body.name)
    await call.record("key.changed", ("key", id), {"changed": {"name": call.body.name}})
    return await _read(call, id)


@routes.route("DELETE", "/keys/{id}", allow="keys:write", status=204)
async def end_key(call: Call, id: UUID) -> None:
    """End a key: the next request with it is refused."""
    before = await _read(call, id)
    await call.transaction.execute(
        "UPDATE identity.api_key SET ended_us = coalesce(ended_us, identity.now_us()) WHERE id = $1", id
    )
    await call.record("key.ended", ("key", id), {"name": before.name, "prefix": before.prefix})


async def _read(call: Call, id: UUID) -> Key:
    row = await call.transaction.fetchrow(f"{_SELECT} WHERE id = $1", id)
    if row is None:
        raise refused("KEY_NOT_FOUND", "there is no such key")
    return _key(row)


def _key(row: Any) -> Key:
    fields = dict(row)
    scopes, sites = fields.pop("scopes"), fields.pop("sites")
    return Key(**fields, scopes=tuple(scopes), sites=None if sites is None else tuple(sites))

"""`/push-keys`: what devices, and systems that push for many, prove themselves with. Counterpart: `sync_server/push/keys.py`.

Theory: a key may do one thing: bring numbers, and what a device reports, of its device, or of any where it is of none. So it
belongs to the tenant and not to who made it, and does not end with them. It is shown once; what is kept is its hash.
One rule: who reaches some sites makes and sees keys of devices there only.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from sync_server.api.checks import check_days, check_name
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.keys import PREFIX_CHARS
from sync_server.api.routes import Body, Call, Routes
from sync_server.push.keys import PushKeys
from sync_server.security.tokens import new_opaque, opaque_hash

routes = Routes("push keys")
_DAY_US = 86_400_000_000


class PushKey(msgspec.Struct, frozen=True):
    """A device key, without the key. `device` null: for any device of the tenant. Times are microseconds since 1970 UTC."""

    id: UUID
    name: str
    prefix: str
    device: UUID | None
    maker: UUID
    made_us: int
    until_us: int | None
    ended_us: int | None


class NewPushKey(Body, frozen=True):
    """A device key to make. `device` null: for any; `days` null: until it is ended."""

    name: str
    device: UUID | None = None
    days: int | None = None


class MadePushKey(msgspec.Struct, frozen=True):
    """A device key and its text, which is shown once."""

    key: PushKey
    secret: str


_SELECT = "SELECT id, name, prefix, device_id, maker, made_us, until_us, ended_us FROM identity.push_key"


@routes.route("GET", "/push-keys", allow="keys:read", gives=list[PushKey], paged=True)
async def list_push_keys(call: Call) -> list[PushKey]:
    """List the tenant's device keys by name, those that have ended too."""
    return [_key(row) for row in await call.rows_by("name", _SELECT)]


@routes.route("POST", "/push-keys", allow="keys:write", takes=NewPushKey, gives=MadePushKey, status=201)
async def make_push_key(call: Call) -> MadePushKey:
    """Make a device key."""
    body: NewPushKey = call.body
    check_name(body.name)
    check_days(body.days)
    if body.device is None and call.who.reach.sites is not None:
        raise refused("INSUFFICIENT_PERMISSIONS", "you reach some sites only: name a device there", "device")
    there = "SELECT true FROM device WHERE id = $1"
    if body.device is not None and await call.transaction.fetchval(there, body.device) is None:
        raise refused("DEVICE_NOT_FOUND", "there is no such device", "device")
    id, secret = new_id(call), new_opaque("push")
    await call.transaction.execute(
        "INSERT INTO identity.push_key (tenant_id, id, name, prefix, hash, device_id, maker, made_us, until_us)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, n.us, n.us + $8::bigint FROM identity.now_us() AS n (us)",
        call.who.tenant,
        id,
        body.name,
        secret[:PREFIX_CHARS],
        opaque_hash(secret),
        body.device,
        call.who.id,
        None if body.days is None else body.days * _DAY_US,
    )
    device = None if body.device is None else str(body.device)
    await call.record(
        "push_key.made", ("push_key", id), {"name": body.name, "device": device, "days": body.days}
    )
    return MadePushKey(await read_push_key(call, id), secret)


@routes.route("GET", "/push-keys/{id}", allow="keys:read", gives=PushKey)
async def read_push_key(call: Call, id: UUID) -> PushKey:
    """Return a device key."""
    row = await call.transaction.fetchrow(f"{_SELECT} WHERE id = $1", id)
    if row is None:
        raise refused("PUSH_KEY_NOT_FOUND", "there is no such device key")
    return _key(row)


@routes.route("DELETE", "/push-keys/{id}", allow="keys:write", status=204)
async def end_push_key(call: Call, id: UUID) -> None:
    """End a device key: here its next message is refused, at other instances within seconds."""
    before = await read_push_key(call, id)
    await call.transaction.execute(
        "UPDATE identity.push_key SET ended_us = coalesce(ended_us, identity.now_us()) WHERE id = $1", id
    )
    await call.record("push_key.ended", ("push_key", id), {"name": before.name, "prefix": before.prefix})
    keys: PushKeys = call.request.app.state.push_keys
    call.finish = lambda _: keys.forget([id])  # once it is committed


def _key(row: Any) -> PushKey:
    return PushKey(*row)

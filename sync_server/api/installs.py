"""`/installs`: windows and collectors of a tenant, their keys, and which secrets each has ever held. Counterpart: `api/wraps.py`.

Theory: an install is an X25519 key pair, whose private half never leaves it. Whoever registers one proves to have it by opening a
challenge that is sealed to it. Revoking deletes its wraps here, raises the tenant's key epoch, and lists every credential that it
ever held: it cannot unlearn them, so they are to be changed on the routers.
One rule: a secret's key is on this server only in wraps for installs, which the server cannot open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from domain.sharing import InstallKind
from sync_server.api.checks import check_name
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.routes import Body, Call, Routes

routes = Routes("installs")
KEY_BYTES = 32
CHALLENGE = b"heliograph 1 install "
"""What a challenge is bound to, before the install's id."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class Install(msgspec.Struct, frozen=True):
    """An install. `proven_us` null: it has not shown that it holds its key. Times are microseconds since 1970 UTC."""

    id: UUID
    account: UUID
    name: str
    kind: InstallKind
    public_key: str
    made_us: int
    proven_us: int | None
    seen_us: int | None
    ended_us: int | None
    version: str = ""
    """The one that it last connected with; empty where it never did, or was not asked for."""


class NewInstall(Body, frozen=True):
    """`public_key`: 32 bytes in base64."""

    name: str
    kind: InstallKind
    public_key: str


class Registered(msgspec.Struct, frozen=True):
    """An install and the challenge to open with its private key, in base64 (HPKE, bound to the id)."""

    install: Install
    challenge: str


class Proof(Body, frozen=True):
    """What the challenge held, in base64."""

    answer: str


class InstallChange(Body, frozen=True):
    """What may be changed of an install."""

    name: str


class Exposed(msgspec.Struct, frozen=True):
    """A credential that an install has held: to be changed on the routers once the install is lost."""

    credential: UUID
    name: str
    first_us: int
    until_us: int


class Revoked(msgspec.Struct, frozen=True):
    """The tenant's key epoch from now on, and what is to be changed on the routers."""

    epoch: int
    exposed: tuple[Exposed, ...]


_SELECT = (
    "SELECT id, account_id AS account, name, kind, encode(public_key, 'base64') AS public_key, made_us, proven_us, seen_us,"
    " ended_us, version FROM identity.install"
)
_EXPOSED = (
    "SELECT w.credential_id, coalesce(c.name, ''), w.first_us, w.until_us FROM identity.wrap w"
    " LEFT JOIN credential c ON (c.tenant_id, c.id) = (w.tenant_id, w.credential_id) WHERE w.install_id = $1"
    " ORDER BY c.name, w.credential_id"
)


@routes.route("GET", "/installs", allow="installs:read", gives=list[Install], paged=True)
async def list_installs(call: Call) -> list[Install]:
    """List the tenant's installs by name, those that were revoked too."""
    return [Install(**dict(row)) for row in await call.rows_by("name", _SELECT)]


@routes.route("POST", "/installs", allow="edits:read", takes=NewInstall, gives=Registered, status=201)
async def register_install(call: Call) -> Registered:
    """Register an install of one's own; a collector takes somebody who manages installs."""
    body: NewInstall = call.body
    check_name(body.name)
    if call.who.kind != "user":
        raise refused("INSUFFICIENT_PERMISSIONS", "that is for people: log in")
    if body.kind == "collector" and not call.who.may("installs:write"):
        raise refused(
            "INSUFFICIENT_PERMISSIONS", "the permission installs:write is needed for a collector", "kind"
        )
    public = bytes_of(body.public_key, "public_key", KEY_BYTES, KEY_BYTES)
    if await call.transaction.fetchval("SELECT true FROM identity.install WHERE public_key = $1", public):
        raise refused("INSTALL_ALREADY_EXISTS", "there is an install with this key", "public_key")
    id, held = new_id(call), secrets.token_bytes(KEY_BYTES)
    try:
        sealed = _SUITE.encrypt(held, X25519PublicKey.from_public_bytes(public), CHALLENGE + id.bytes)
    except ValueError:
        raise refused("INVALID_INPUT", "this is no X25519 key", "public_key") from None
    await call.transaction.execute(
        "INSERT INTO identity.install (tenant_id, id, account_id, name, kind, public_key, challenge, made_us)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, identity.now_us())",
        call.who.tenant,
        id,
        call.who.id,
        body.name,
        body.kind,
        public,
        hashlib.sha256(held).digest(),
    )
    await call.record("install.registered", ("install", id), {"name": body.name, "kind": body.kind})
    return Registered(await read_install(call, id), base64.b64encode(sealed).decode())


@routes.route("POST", "/installs/{id}/proof", allow="edits:read", takes=Proof, gives=Install)
async def prove_install(call: Call, id: UUID) -> Install:
    """Prove that an install of one's own holds its private key; the challenge is good once."""
    await own_install(call, id)
    answer = bytes_of(call.body.answer, "answer", KEY_BYTES, KEY_BYTES)
    done = await call.transaction.fetchval(
        "UPDATE identity.install SET proven_us = identity.now_us(), challenge = NULL WHERE id = $1 AND challenge = $2"
        " AND ended_us IS NULL RETURNING true",
        id,
        hashlib.sha256(answer).digest(),
    )
    if not done:
        raise refused("INVALID_INPUT", "this is not what the challenge held", "answer")
    await call.record("install.proven", ("install", id))
    return await read_install(call, id)


@routes.route("PATCH", "/installs/{id}", allow="installs:write", takes=InstallChange, gives=Install)
async def change_install(call: Call, id: UUID) -> Install:
    """Rename an install."""
    check_name(call.body.name)
    await read_install(call, id)
    await call.transaction.execute("UPDATE identity.install SET name = $2 WHERE id = $1", id, call.body.name)
    await call.record("install.changed", ("install", id), {"changed": {"name": call.body.name}})
    return await read_install(call, id)


@routes.route("GET", "/installs/{id}/exposed", allow="installs:read", gives=list[Exposed])
async def list_exposed(call: Call, id: UUID) -> list[Exposed]:
    """List every credential that an install has ever held."""
    await read_install(call, id)
    return await _exposed(call, id)


@routes.route("DELETE", "/installs/{id}", allow="installs:write", gives=Revoked)
async def revoke_install(call: Call, id: UUID) -> Revoked:
    """Revoke an install: its wraps are deleted, and what it held is listed to be changed on the routers."""
    before = await read_install(call, id)
    epoch = await call.transaction.fetchval("SELECT identity.end_install($1)", id)
    if epoch is None:
        raise refused("INSTALL_NOT_FOUND", "this install was revoked before")
    exposed = await _exposed(call, id)
    detail = {"name": before.name, "epoch": epoch, "exposed": [str(one.credential) for one in exposed]}
    await call.record("install.revoked", ("install", id), detail)
    return Revoked(epoch, tuple(exposed))


async def read_install(call: Call, id: UUID) -> Install:
    """Return an install of the tenant. Raises RefusedByRule."""
    row = await call.transaction.fetchrow(f"{_SELECT} WHERE id = $1", id)
    if row is None:
        raise refused("INSTALL_NOT_FOUND", "there is no such install")
    return Install(**dict(row))


async def own_install(call: Call, id: UUID) -> Install:
    """Return an install of the asker's own that is not revoked. Raises RefusedByRule."""
    found = await read_install(call, id)
    if found.account != call.who.id or found.ended_us is not None:
        raise refused("INSTALL_NOT_FOUND", "there is no such install of yours")
    return found


def bytes_of(text: str, field: str, least: int, most: int) -> bytes:
    """Return the bytes of a base64 text of so many bytes. Raises RefusedByRule."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not least <= len(data) <= most:
        raise refused("INVALID_INPUT", f"{least} to {most} bytes in base64 expected", field)
    return data


async def _exposed(call: Call, id: UUID) -> list[Exposed]:
    rows: list[Any] = await call.transaction.fetch(_EXPOSED, id)
    return [Exposed(*row) for row in rows]

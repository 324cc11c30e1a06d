"""`/pictures`: what lies under a team's schematics, and its photographs, by the SHA-256 of their content, in pieces.

Counterparts: `engine/sync/pictures.py`, which brings and fetches; `migrations/sync/pictures.sql`.

Theory: a picture is taken only where a diagram or photograph that the asker sees shows it, and given to the same. It comes in
pieces that begin where the last ended; each is on disk when it is answered, so that who was cut off goes on there, and so does
somebody else who has the same picture. With its last piece it is hashed; then what shows it is touched, and its installs look.
One rule: what is not whole, or not what its name says, is given to nobody.
"""

from __future__ import annotations

import base64
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Query

from domain.blobs import BLOB_CAP_BYTES, DIGEST_CHARS, LISTED_AT_ONCE, PIECE_BYTES, is_digest, picture_kind
from domain.inventory import Kind
from sync_server.api.errors import refused
from sync_server.api.installs import bytes_of
from sync_server.api.routes import Body, Call, Routes
from sync_server.database import Transaction, beyond_reach
from sync_server.ledger import Ledger
from sync_server.security import audit

routes = Routes("pictures")
MB = 1024 * 1024


class Picture(msgspec.Struct, frozen=True):
    """A picture that is here, or on its way: so many of its bytes."""

    digest: str
    size: int
    have: int
    is_whole: bool


class Piece(msgspec.Struct, frozen=True):
    """Bytes of a picture in base64, from where they were asked for, and the size of the whole."""

    size: int
    data: str


class NewPiece(Body, frozen=True):
    """Bytes of a picture of this size from `offset` on, in base64; up to 256 KiB."""

    size: int
    offset: int
    data: str


class Have(msgspec.Struct, frozen=True):
    """How many bytes of a picture are here."""

    have: int


_SHOWN = "((SELECT reached_sites()) IS NULL OR g.site_id = ANY ((SELECT reached_sites())::uuid[]))"
_LIST = f"""
    SELECT digest, size, have, is_whole FROM sync.picture p
    WHERE digest > $1 AND (EXISTS (SELECT FROM diagram g WHERE g.background = p.digest AND {_SHOWN})
        OR EXISTS (SELECT FROM photo h WHERE h.digest = p.digest)
        OR EXISTS (SELECT FROM photo h WHERE h.thumb = p.digest))
    ORDER BY digest LIMIT {LISTED_AT_ONCE}
"""
_SHOWS = f"""
    SELECT 'diagram' AS kind, g.id FROM diagram g WHERE g.background = $1 AND {_SHOWN}
    UNION ALL SELECT 'photo', h.id FROM photo h WHERE h.digest = $1 OR h.thumb = $1
"""
_GET = """
    SELECT p.size, substr(c.data, $2 - c.start + 1, $3) AS data
    FROM sync.picture p LEFT JOIN LATERAL (SELECT * FROM sync.picture_piece c WHERE c.digest = $1 AND c.start <= $2
        ORDER BY c.start DESC LIMIT 1) AS c ON true
    WHERE p.digest = $1 AND p.is_whole
"""
_NOW = "SELECT size, have, is_whole FROM sync.picture WHERE digest = $1 FOR UPDATE"
_HELD = "SELECT coalesce(sum(size), 0) FROM sync.picture"
_BEGIN = """
    INSERT INTO sync.picture VALUES (current_tenant(), $1, $2, 0, false, $3) ON CONFLICT DO NOTHING RETURNING true
"""
_DROP = "DELETE FROM sync.picture WHERE digest = $1"
_KEEP = """
    WITH piece AS (INSERT INTO sync.picture_piece VALUES (current_tenant(), $1, $2, $3))
    UPDATE sync.picture SET have = $2 + length($3), used_us = $4 WHERE digest = $1
"""
_HASH = """
    SELECT encode(sha256(string_agg(data, ''::bytea ORDER BY start)), 'hex') FROM sync.picture_piece WHERE digest = $1
"""
_WHOLE = "UPDATE sync.picture SET is_whole = true WHERE digest = $1"


@routes.route("GET", "/pictures", allow="sites:read", gives=list[Picture], limit="pictures")
async def list_pictures(
    call: Call, *, after: Annotated[str, Query(max_length=DIGEST_CHARS)] = ""
) -> list[Picture]:
    """List the pictures of the diagrams and photographs in sight that are here, or on their way, in the order of their names;
    those behind `after`, some thousands at most."""
    return [Picture(*row) for row in await call.transaction.fetch(_LIST, after)]


@routes.route("GET", "/pictures/{id}", allow="sites:read", gives=Piece, limit="pictures")
async def read_picture(
    call: Call,
    id: str,
    *,
    offset: Annotated[int, Query(ge=0, lt=BLOB_CAP_BYTES)] = 0,
    length: Annotated[int, Query(ge=1, le=PIECE_BYTES)] = PIECE_BYTES,
) -> Piece:
    """Return bytes of a picture from `offset` on: at most `length`, and no more than came in one piece."""
    await _shows(call.transaction, id)
    row = await call.transaction.fetchrow(_GET, id, offset, length)
    if row is None:
        raise refused("PICTURE_NOT_FOUND", "nobody has brought this picture yet")
    return Piece(row["size"], base64.b64encode(row["data"] or b"").decode())


@routes.route(
    "PUT",
    "/pictures/{id}",
    allow="edits:write",
    takes=NewPiece,
    gives=Have,
    limit="pictures",
    transacts=False,
)
async def take_piece(call: Call, id: str) -> Have:
    """Take bytes of a picture; a piece that does not begin where the last ended changes nothing, and the answer says where to
    go on. PICTURE_DAMAGED: it came whole, was not what its name says, and is gone.
    """
    body: NewPiece = call.body
    data = bytes_of(body.data, "data", 1, PIECE_BYTES) if body.data else b""
    if not 0 < body.size <= BLOB_CAP_BYTES:
        said = f"a size of 1 to {BLOB_CAP_BYTES} bytes expected, got {body.size}"
        raise refused("INVALID_INPUT", said, "size")
    async with call.services.database.transaction(call.who) as transaction:
        shows = await _shows(transaction, id)
        have, is_right = await _take(call, transaction, id, data)
        if have == body.size and data and is_right:
            ledger = await Ledger.open(transaction, call.who, _now_us(call))
            for kind, ids in shows.items():
                await ledger.touch(kind, ids)
            await audit.record(transaction, call.who, "picture.kept", ("picture", id), {"size": have})
    if not is_right:
        raise refused("PICTURE_DAMAGED", "this is not what its name says: it changed on its way", "data")
    return Have(have)


async def _take(call: Call, transaction: Transaction, id: str, data: bytes) -> tuple[int, bool]:
    """Return how much is there now, and False where it was whole and wrong. Raises RefusedByRule."""
    body: NewPiece = call.body
    old = await transaction.fetchrow(_NOW, id)
    is_begun = bool(data) and body.offset == 0
    if is_begun and old is not None and old["size"] != body.size and not old["is_whole"]:  # one of two lied
        await transaction.execute(_DROP, id)
        old = None
    have: int = 0 if old is None else old["have"]
    if not data or body.offset != have or (old is not None and old["is_whole"]):
        return have, True
    if have + len(data) > body.size:
        raise refused("INVALID_INPUT", f"{body.size} bytes were announced, and here are more", "data")
    if old is None:
        await _begin(call, transaction, id, data)
    await transaction.execute(_KEEP, id, have, data, _now_us(call))
    have += len(data)
    if have < body.size:
        return have, True
    is_right = await transaction.fetchval(_HASH, id) == id
    await transaction.execute(_WHOLE if is_right else _DROP, id)
    return have, is_right


async def _begin(call: Call, transaction: Transaction, id: str, data: bytes) -> None:
    """Make room for a picture. Raises RefusedByRule."""
    if not picture_kind(data):
        raise refused("INVALID_INPUT", "no PNG and no JPEG", "data")
    await Ledger.open(transaction, call.who, _now_us(call))  # one after the other, so that the cap holds
    cap = call.services.settings.tenant_pictures_mb * MB
    async with beyond_reach(transaction, call.who):
        held: int = await transaction.fetchval(_HELD)
    if held + call.body.size > cap:
        said = f"the team's pictures fill {cap // MB} MB (HELIOGRAPH_TENANT_PICTURES_MB): delete some"
        raise refused("PICTURES_FULL", said, "size")
    if not await transaction.fetchval(_BEGIN, id, call.body.size, _now_us(call)):
        raise refused("PICTURE_CONFLICT", "somebody else began with this picture at the same time")


async def _shows(transaction: Transaction, id: str) -> dict[Kind, list[UUID]]:
    """Return the diagrams and photographs in sight that show a picture. Raises RefusedByRule where none does."""
    rows = await transaction.fetch(_SHOWS, id) if is_digest(id) else []
    if not rows:
        raise refused("PICTURE_NOT_FOUND", "no schematic or photograph that you see shows this picture")
    found: dict[Kind, list[UUID]] = {}
    for row in rows:
        found.setdefault(row["kind"], []).append(row["id"])
    return found


def _now_us(call: Call) -> int:
    return round(call.services.now_s() * 1_000_000)

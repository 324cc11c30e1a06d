"""Large content by the SHA-256 of it, in pieces: how it is taken and given. Counterparts: `pictures.py`, `maps.py`, the routes;
`migrations/sync/pictures.sql`, the tables.

Theory: content is taken only where something of the inventory that the asker sees shows it, and given to the same. It comes in
pieces that begin where the last ended; each is on disk when it is answered, so that who was cut off goes on there, and so does
somebody else who has the same. When the last is on disk it is hashed (`hashing.py`), some pieces at a time, each in a transaction
of its own: pieces of what is all there never change, and in the end it is looked whether it is the same still. Who brought it
asks until it is whole. Then what shows it is touched, and its installs look. Nobody waits for a row that somebody else holds.
What goes is marked in one short transaction, for it is large: nothing of it is there any more, and its pieces are deleted some
at a time. Until they are gone nobody begins with it anew.
One rule: what is not whole, or not what its name says, is given to nobody.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.blobs import LISTED_AT_ONCE, PIECE_BYTES, is_digest
from domain.inventory import Kind
from sync_server.api.errors import refused
from sync_server.api.installs import bytes_of
from sync_server.api.routes import Body, Call
from sync_server.database import Transaction, Work, beyond_reach
from sync_server.ledger import Ledger
from sync_server.security import audit
from sync_server.settings import Settings

MB = 1024 * 1024
PIECES_DROPPED = 64
"""Pieces that are deleted in one transaction: sixteen megabytes."""
HASHED_AT_ONCE = 16
"""Pieces that are read of the database at one time to be hashed."""


class Content(msgspec.Struct, frozen=True):
    """Content that is here, or on its way: so many of its bytes."""

    digest: str
    size: int
    have: int
    is_whole: bool


class Piece(msgspec.Struct, frozen=True):
    """Bytes of some content in base64, from where they were asked for, and the size of the whole."""

    size: int
    data: str


class NewPiece(Body, frozen=True):
    """Bytes of content of this size from `offset` on, in base64; up to 256 KiB."""

    size: int
    offset: int
    data: str


class Have(msgspec.Struct, frozen=True):
    """How many bytes are here; `is_whole`: they are all, and what their name says. Who brought all asks until they are."""

    have: int
    is_whole: bool = False


class _Shows(NamedTuple):
    """What shows some content, by kinds, and how many bytes that says it has."""

    ids: dict[Kind, list[UUID]]
    size: int | None


class _Now(NamedTuple):
    """How much of some content is there, whether that is all, whether it was hashed; `is_swept`: what goes is to be deleted."""

    have: int
    is_all: bool = False
    is_whole: bool = False
    is_swept: bool = False


class Ware(NamedTuple):
    """A kind of content. `code` begins the codes of what is refused; `shown`: the condition, on `p` in `sync.picture`, that
    something in sight shows it; `shows`: a query for (kind, id, size) of what shows the digest $1, size null where that is not
    said; `unseen` says that nothing does. `of_all`: it is of the whole team, and who reaches some sites only
    brings none.

    `caps`: the largest, and the most that a tenant keeps, in bytes; `full` says that there is no more room for one more, from
    the latter; `looks_like` tells of the first bytes why this is none, "" where it is one. `spares`: what nothing shows any more
    makes room at once.
    """

    kind: str
    code: str
    shown: str
    shows: str
    unseen: str
    caps: Callable[[Settings], tuple[int, int]]
    too_large: Callable[[int], str]
    full: Callable[[int], str]
    looks_like: Callable[[bytes], str]
    spares: bool = False
    of_all: bool = False

    def refused(self, what: str, message: str, field: str = "") -> Exception:
        """Return what is raised under a code of this kind."""
        return refused(f"{self.code}_{what}", message, field)


_GET = """
    SELECT p.size, substr(c.data, $2 - c.start + 1, $3) AS data
    FROM sync.picture p LEFT JOIN LATERAL (SELECT * FROM sync.picture_piece c WHERE c.digest = $1 AND c.start <= $2
        ORDER BY c.start DESC LIMIT 1) AS c ON true
    WHERE p.digest = $1 AND p.is_whole AND p.kind = $4
"""
_NOW = "SELECT size, have, is_whole, kind, xmin::text AS version FROM sync.picture WHERE digest = $1"
_IF_FREE = f"{_NOW} FOR UPDATE SKIP LOCKED"
_HOLD = f"{_NOW} FOR UPDATE"
_HELD = "SELECT coalesce(sum(size), 0) FROM sync.picture WHERE kind = $1 AND have > 0"
_BEGIN = """
    INSERT INTO sync.picture VALUES (current_tenant(), $1, $2, 0, false, $3, $4) ON CONFLICT DO NOTHING RETURNING true
"""
_MARK = "UPDATE sync.picture SET have = 0, is_whole = false WHERE digest = $1"
_DROP_PIECES = """
    WITH gone AS (DELETE FROM sync.picture_piece WHERE (digest, start) IN (SELECT c.digest, c.start
        FROM sync.picture p JOIN sync.picture_piece c USING (tenant_id, digest) WHERE p.have = 0 LIMIT $1) RETURNING true)
    SELECT count(*) FROM gone
"""
_DROP = """
    DELETE FROM sync.picture p WHERE p.have = 0
        AND NOT EXISTS (SELECT FROM sync.picture_piece c WHERE c.tenant_id = p.tenant_id AND c.digest = p.digest)
"""
_KEEP = """
    WITH piece AS (INSERT INTO sync.picture_piece VALUES (current_tenant(), $1, $2, $3))
    UPDATE sync.picture SET have = $2 + length($3), used_us = $4 WHERE digest = $1
"""
_PIECES = (
    "SELECT start, data FROM sync.picture_piece WHERE digest = $1 AND start > $2 ORDER BY start LIMIT $3"
)
_WHOLE = "UPDATE sync.picture SET is_whole = true WHERE digest = $1"


async def list_contents(call: Call, ware: Ware, after: str) -> list[Content]:
    """Return what is here of a kind, or on its way, and shown in sight, in the order of names behind `after`."""
    query = f"""
        SELECT digest, size, have, is_whole FROM sync.picture p
        WHERE digest > $1 AND kind = '{ware.kind}' AND have > 0 AND ({ware.shown}) ORDER BY digest LIMIT {LISTED_AT_ONCE}
    """
    return [Content(*row) for row in await call.transaction.fetch(query, after)]


async def read_content(call: Call, ware: Ware, id: str, offset: int, length: int) -> Piece:
    """Return bytes from `offset` on, at most `length`, and no more than came in one piece. Raises RefusedByRule."""
    await _shows(call.transaction, ware, id)
    row = await call.transaction.fetchrow(_GET, id, offset, length, ware.kind)
    if row is None:
        raise ware.refused("NOT_FOUND", f"nobody has brought this {ware.kind} yet")
    return Piece(row["size"], base64.b64encode(row["data"] or b"").decode())


async def take_content(call: Call, ware: Ware, id: str) -> Have:
    """Take the piece that a call brings. Raises RefusedByRule."""
    body: NewPiece = call.body
    data = bytes_of(body.data, "data", 1, PIECE_BYTES) if body.data else b""
    cap, _ = ware.caps(call.services.settings)
    if ware.of_all and call.who.reach.sites is not None:
        said = f"you reach some sites only, and bring no {ware.kind} of the whole team"
        raise refused("INSUFFICIENT_PERMISSIONS", said)
    async with call.services.database.transaction(call.who) as transaction:
        size = (await _shows(transaction, ware, id)).size
        if body.size > cap:
            raise refused("INVALID_INPUT", ware.too_large(cap), "size")
        if body.size < 1:
            raise refused("INVALID_INPUT", f"a size of 1 to {cap} bytes expected, got {body.size}", "size")
        if size not in (None, body.size):
            said = f"this {ware.kind} has {size} bytes, not {body.size}"
            raise refused("INVALID_INPUT", said, "size")
        now = await _take(call, ware, transaction, id, data)
    if now.is_swept:
        _sweep(call)
    is_whole = now.is_whole
    if now.is_all and not is_whole:
        hashing, tenant = call.services.hashing, call.who.tenant
        is_whole = await hashing.ended(tenant, id, ware.kind, lambda: _finish(call, ware, id))
    return Have(now.have, is_whole)


async def _take(call: Call, ware: Ware, transaction: Transaction, id: str, data: bytes) -> _Now:
    """Return what is there now. Raises RefusedByRule."""
    body: NewPiece = call.body
    old = await transaction.fetchrow(_NOW, id)
    if old is not None and old["kind"] != ware.kind:
        raise ware.refused("CONFLICT", f"this is kept as a {old['kind']}, and is no {ware.kind}")
    have: int = 0 if old is None else old["have"]
    is_whole = old is not None and bool(old["is_whole"])
    is_all = is_whole or (old is not None and have == old["size"])
    is_begun = bool(data) and body.offset == 0
    is_lie = is_begun and old is not None and old["size"] != body.size and not is_whole  # one of two lied
    if not is_lie and (is_all or not data or body.offset != have):
        return _Now(have, is_all, is_whole)
    if old is not None:
        held = await transaction.fetchrow(_IF_FREE, id)
        if held is None or held["version"] != old["version"]:
            return _Now(have)  # somebody else is at it
    if is_lie:
        await transaction.execute(_MARK, id)
        have = 0
    if old is not None and not have:
        return _Now(0, is_swept=True)  # its pieces go first
    size: int = body.size if old is None else old["size"]  # what is said later changes nothing
    if have + len(data) > size:
        raise refused("INVALID_INPUT", f"{size} bytes were announced, and here are more", "data")
    if old is None:
        await _begin(call, ware, transaction, id, data)
    await transaction.execute(_KEEP, id, have, data, now_us(call))
    have += len(data)
    return _Now(have, have == size, is_swept=old is None and ware.spares)


async def _begin(call: Call, ware: Ware, transaction: Transaction, id: str, data: bytes) -> None:
    """Make room for new content. Raises RefusedByRule."""
    if wrong := ware.looks_like(data):
        raise refused("INVALID_INPUT", wrong, "data")
    await Ledger.open(transaction, call.who, now_us(call))  # one after the other, so that the cap holds
    _, cap = ware.caps(call.services.settings)
    async with beyond_reach(transaction, call.who):
        if ware.spares:
            await transaction.execute(_spare(ware), ware.kind)
        held: int = await transaction.fetchval(_HELD, ware.kind)
    if held + call.body.size > cap:
        raise refused(f"{ware.code}S_FULL", ware.full(cap // MB), "size")
    if not await transaction.fetchval(_BEGIN, id, call.body.size, now_us(call), ware.kind):
        raise ware.refused("CONFLICT", f"somebody else began with this {ware.kind} at the same time")


def _spare(ware: Ware) -> str:
    """Return the statement that marks what nothing shows as gone; what is just being written is left."""
    return f"""
        UPDATE sync.picture SET have = 0, is_whole = false WHERE digest IN (SELECT p.digest FROM sync.picture p
            WHERE p.kind = $1 AND p.have > 0 AND NOT ({ware.shown}) FOR UPDATE SKIP LOCKED)
    """


def _sweep(call: Call) -> None:
    """Have deleted what was marked as gone, of a tenant. What a server leaves undone is upkeep's."""
    database, tenant = call.services.database, call.who.tenant

    async def sweep() -> bool:
        gone = PIECES_DROPPED
        while gone == PIECES_DROPPED:
            async with database.transaction(Work(tenant)) as transaction:
                gone = await transaction.fetchval(_DROP_PIECES, PIECES_DROPPED)
        async with database.transaction(Work(tenant)) as transaction:
            await transaction.execute(_DROP)
        return True

    call.services.hashing.begin(tenant, "deleting", sweep)


async def _finish(call: Call, ware: Ware, id: str) -> bool:
    """Hash content of which all is there, and return whether it is whole. It is gone where it is not what it is called: raises
    RefusedByRule."""
    database = call.services.database
    begun = await database.read(call.who, None, _NOW, id)
    if not begun or begun[0]["is_whole"] or begun[0]["have"] < begun[0]["size"]:
        return bool(begun) and bool(begun[0]["is_whole"])
    is_right = await _hash(call, id) == id
    async with database.transaction(call.who) as transaction:
        shows = await _shows(transaction, ware, id)
        held = await transaction.fetchrow(_HOLD, id)
        if held is None or held["version"] != begun[0]["version"]:
            return held is not None and bool(
                held["is_whole"]
            )  # another server was faster, or it is another's
        await transaction.execute(_WHOLE if is_right else _MARK, id)
        if is_right:
            ledger = await Ledger.open(transaction, call.who, now_us(call))
            for kind, ids in shows.ids.items():
                await ledger.touch(kind, ids)
            kept = {"size": held["size"]}
            await audit.record(transaction, call.who, f"{ware.kind}.kept", (ware.kind, id), kept)
    if not is_right:
        _sweep(call)
        raise ware.refused("DAMAGED", "this is not what its name says: it changed on its way", "data")
    return True


async def _hash(call: Call, id: str) -> str:
    """Return the SHA-256 of what is kept under a name; other requests go on meanwhile, and have the connections."""
    hashed, start = sha256(), -1
    while rows := await call.services.database.read(call.who, None, _PIECES, id, start, HASHED_AT_ONCE):
        await asyncio.to_thread(hashed.update, b"".join(row["data"] for row in rows))
        start = rows[-1]["start"]
    return hashed.hexdigest()


async def _shows(transaction: Transaction, ware: Ware, id: str) -> _Shows:
    """Return what shows some content in sight. Raises RefusedByRule where nothing does."""
    rows = await transaction.fetch(ware.shows, id) if is_digest(id) else []
    if not rows:
        raise ware.refused("NOT_FOUND", ware.unseen)
    found = _Shows({}, rows[0]["size"])
    for row in rows:
        found.ids.setdefault(row["kind"], []).append(row["id"])
    return found


def now_us(call: Call) -> int:
    """Return the time of a call."""
    return round(call.services.now_s() * 1_000_000)

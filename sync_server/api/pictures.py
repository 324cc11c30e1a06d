"""`/pictures`: what lies under a team's schematics, and its photographs, by the SHA-256 of their content, in pieces.

Counterparts: `pieces.py`, which takes and gives; `engine/sync/pictures.py`, which brings and fetches.
One rule: a picture is taken and given where a diagram or photograph that the asker sees shows it, and nowhere else.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from domain.blobs import BLOB_CAP_BYTES, DIGEST_CHARS, PIECE_BYTES, picture_kind
from sync_server.api.pieces import (
    MB,
    Content,
    Have,
    NewPiece,
    Piece,
    Ware,
    list_contents,
    read_content,
    take_content,
)
from sync_server.api.routes import Call, Routes

routes = Routes("pictures")

_SHOWN = "((SELECT reached_sites()) IS NULL OR g.site_id = ANY ((SELECT reached_sites())::uuid[]))"
PICTURES = Ware(
    "picture",
    "PICTURE",
    f"""EXISTS (SELECT FROM diagram g WHERE g.background = p.digest AND {_SHOWN})
        OR EXISTS (SELECT FROM photo h WHERE h.digest = p.digest)
        OR EXISTS (SELECT FROM photo h WHERE h.thumb = p.digest)""",
    f"""SELECT 'diagram' AS kind, g.id, NULL::bigint AS size FROM diagram g WHERE g.background = $1 AND {_SHOWN}
        UNION ALL SELECT 'photo', h.id, NULL FROM photo h WHERE h.digest = $1 OR h.thumb = $1""",
    "no schematic or photograph that you see shows this picture",
    lambda settings: (BLOB_CAP_BYTES, settings.tenant_pictures_mb * MB),
    lambda cap: f"a picture has {cap} bytes at most",
    lambda mb: f"the team's pictures fill {mb} MB (HELIOGRAPH_TENANT_PICTURES_MB): delete some",
    lambda data: "" if picture_kind(data) else "no PNG and no JPEG",
)


@routes.route("GET", "/pictures", allow="sites:read", gives=list[Content], limit="pictures")
async def list_pictures(
    call: Call, *, after: Annotated[str, Query(max_length=DIGEST_CHARS)] = ""
) -> list[Content]:
    """List the pictures of the diagrams and photographs in sight that are here, or on their way, in the order of their names;
    those behind `after`, some thousands at most."""
    return await list_contents(call, PICTURES, after)


@routes.route("GET", "/pictures/{id}", allow="sites:read", gives=Piece, limit="pictures")
async def read_picture(
    call: Call,
    id: str,
    *,
    offset: Annotated[int, Query(ge=0, lt=BLOB_CAP_BYTES)] = 0,
    length: Annotated[int, Query(ge=1, le=PIECE_BYTES)] = PIECE_BYTES,
) -> Piece:
    """Return bytes of a picture from `offset` on: at most `length`, and no more than came in one piece."""
    return await read_content(call, PICTURES, id, offset, length)


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
    return await take_content(call, PICTURES, id)

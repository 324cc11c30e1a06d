"""`/maps`: the files of the maps that a team shares, by the SHA-256 of their content, in pieces.

Counterparts: `pieces.py`, which takes and gives; `engine/sync/maps.py`, which brings and fetches; `domain/team_map.py`.
One rule: a map is taken and given while it is one of the team's; one that was taken back makes room for the next.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from domain.blobs import DIGEST_CHARS, PIECE_BYTES
from domain.team_map import TEAM_MAP_CAP_BYTES, is_map
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

routes = Routes("maps")

MAPS = Ware(
    "map",
    "MAP",
    "EXISTS (SELECT FROM team_map m WHERE m.digest = p.digest)",
    "SELECT 'team_map' AS kind, m.id, m.size_bytes AS size FROM team_map m WHERE m.digest = $1",
    "no map of the team has this content",
    lambda settings: (min(settings.map_mb * MB, TEAM_MAP_CAP_BYTES), settings.tenant_maps_mb * MB),
    lambda cap: f"this server takes maps of up to {cap // MB} MB (HELIOGRAPH_MAP_MB): cut an area out of it",
    lambda mb: f"the team's maps fill {mb} MB (HELIOGRAPH_TENANT_MAPS_MB): take some back",
    lambda data: "" if is_map(data) else "no PMTiles of version 3",
    spares=True,
    of_all=True,
)


@routes.route("GET", "/maps", allow="sites:read", gives=list[Content], limit="maps")
async def list_maps(
    call: Call, *, after: Annotated[str, Query(max_length=DIGEST_CHARS)] = ""
) -> list[Content]:
    """List the files of the team's maps that are here, or on their way, in the order of their names; those behind `after`."""
    return await list_contents(call, MAPS, after)


@routes.route("GET", "/maps/{id}", allow="sites:read", gives=Piece, limit="maps")
async def read_map(
    call: Call,
    id: str,
    *,
    offset: Annotated[int, Query(ge=0, lt=TEAM_MAP_CAP_BYTES)] = 0,
    length: Annotated[int, Query(ge=1, le=PIECE_BYTES)] = PIECE_BYTES,
) -> Piece:
    """Return bytes of a map from `offset` on: at most `length`, and no more than came in one piece."""
    return await read_content(call, MAPS, id, offset, length)


@routes.route(
    "PUT", "/maps/{id}", allow="edits:write", takes=NewPiece, gives=Have, limit="maps", transacts=False
)
async def take_piece_of_map(call: Call, id: str) -> Have:
    """Take bytes of a map; a piece that does not begin where the last ended changes nothing, and the answer says where to go on.
    MAP_DAMAGED: it came whole, was not what its name says, and is gone. MAPS_FULL: the team has no more room.
    """
    return await take_content(call, MAPS, id)

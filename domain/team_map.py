"""Maps that people share with their team, as the inventory names them. Counterparts: `maps.py`, of one computer; `blobs.py`.

Theory: whoever has a PMTiles file says once what it is; its bytes follow by the hash of their content, from whichever computer
has them, and come to those who fetch it. There it is checked like any other file before it becomes a map of that computer.
One rule: the bytes never change: another file is another map. Its name does not tell who has it; `MapWay` does, of this computer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, get_args
from uuid import UUID

import msgspec

from domain.blobs import is_digest
from domain.errors import Refusal
from domain.maps import ZOOM_CAP, Box, MapSchema

SCHEMAS: tuple[str, ...] = get_args(MapSchema)
TEAM_MAP_CAP_BYTES = 2_047 * 1024 * 1024
"""The largest map that a server takes, whatever it is set to."""
TEAM_MAPS_CAP = 200
"""Most maps that a team has at one time."""
WayState = Literal["waits", "goes_up", "elsewhere", "comes", "checking"]


def is_map(data: bytes) -> bool:
    """Tell by its first bytes whether a file claims to be PMTiles of version 3."""
    return data.startswith(b"PMTiles\x03")


class TeamMap(msgspec.Struct, frozen=True):
    """A map of the team. `digest`: SHA-256 of its file, 64 hex digits; `bounds` as of `MapFile`. `sharer`: the account that
    shared it, which may take it back; `author` is what they were called then."""

    id: UUID
    name: str
    digest: str
    size_bytes: int
    schema: MapSchema
    min_zoom: int
    max_zoom: int
    bounds: Box
    added_us: int
    author: str = ""
    sharer: UUID | None = None


class MapWay(msgspec.Struct, frozen=True):
    """How a map of the team stands with this computer, where it is not both here and there.

    `state`: "waits" to go up, or for somebody to bring it; "goes_up"; "elsewhere": it can be fetched; "comes"; "checking": it
    came and is read. `done` of its bytes are there (going up) or here, "elsewhere" what came before something went wrong.
    `trouble`: why it does not go on; it is tried again, what is "elsewhere" when it is fetched again.
    """

    digest: str
    state: WayState
    done: int = 0
    trouble: str = ""


class FetchMap(msgspec.Struct, tag="fetch_map", frozen=True):
    """Fetch a map of the team, also after a cut or a restart, until it is here or is not wanted any more; with `stop` it is not,
    and what came of it is deleted. Reply: ok, or MAP_NOT_FOUND, TOO_MANY_MAPS, NO_TEAM."""

    request: int
    map: UUID
    stop: bool = False


def team_map_refusals(maps: Iterator[TeamMap], one: TeamMap) -> Iterator[Refusal]:
    """Go over what is refused of a map among those of its team; its texts and times are looked at by whoever asks."""
    if not is_digest(one.digest):
        yield Refusal("INVALID_INPUT", "the SHA-256 of a file expected, 64 hex digits", "digest", one.id)
    if not 1 <= one.size_bytes <= TEAM_MAP_CAP_BYTES:
        said = f"a size of 1 to {TEAM_MAP_CAP_BYTES} bytes expected, got {one.size_bytes}"
        yield Refusal("INVALID_INPUT", said, "size_bytes", one.id)
    if not 0 <= one.min_zoom <= one.max_zoom <= ZOOM_CAP:
        said = f"zooms from 0 to {ZOOM_CAP} expected, got {one.min_zoom} to {one.max_zoom}"
        yield Refusal("INVALID_INPUT", said, "max_zoom", one.id)
    west, south, east, north = one.bounds
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90):
        got = ", ".join(f"{value:g}" if math.isfinite(value) else "no number" for value in one.bounds)
        said = f"west, south, east, north in degrees expected, got {got}"
        yield Refusal("INVALID_INPUT", said, "bounds", one.id)
    others = [other for other in maps if other.id != one.id]
    if twin := next((other for other in others if other.digest == one.digest), None):
        yield Refusal("MAP_KNOWN", f"that map is in the team already, as {twin.name}", "digest", one.id)
    if len(others) >= TEAM_MAPS_CAP:
        yield Refusal("TOO_MANY_MAPS", f"at most {TEAM_MAPS_CAP} maps in a team: take one back", "", one.id)

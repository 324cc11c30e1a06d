"""Heights of the ground that a user has imported, and what is asked of them. Counterpart: `engine/terrain/`.

Theory: terrain belongs to this computer, not to the inventory: a tile is a file of heights, read and checked once, and kept by
its content, so that importing it twice is nothing. Heights are metres above the geoid, as the source has them.
One rule: where no tile has a height nobody makes one up, and the answer says how far that is.
"""

from __future__ import annotations

import msgspec

from domain.radio import Worst

PROFILE_POINTS_CAP = 512
PROFILE_CAP_M = 500_000.0
FILES_CAP = 500
"""Most files of one import."""
TILES_CAP = 2_000
ID_LENGTH = 64


class TerrainTile(msgspec.Struct, frozen=True):
    """One tile. `id` is the SHA-256 of its heights' file, 64 hex digits; `name` that file's; the box is of its outermost samples.

    `step_deg` is from sample to sample, to the north; `void_share` (0 to 1) has no height. `added_by` imported it.
    """

    id: str
    name: str
    west: float
    south: float
    east: float
    north: float
    step_deg: float
    size_bytes: int
    void_share: float = 0.0
    added_us: int = 0
    added_by: str = ""


class PathGround(msgspec.Struct, frozen=True):
    """The ground between two places: both ends and even steps between them, of each stretch the highest. None: not known.

    `unknown_m` is over how much of the way no tile has a height. `worst` is where the ray is nearest to the ground.
    """

    distances_m: tuple[float, ...]
    grounds_m: tuple[float | None, ...]
    unknown_m: float
    worst: Worst | None = None


class QueryTerrain(msgspec.Struct, tag="query_terrain", frozen=True):
    """Ask which tiles there are. Reply.result: {"tiles": [TerrainTile as plain data]}, from the north-west on."""

    request: int


class QueryProfile(msgspec.Struct, tag="query_profile", frozen=True):
    """Ask for the ground between two places (lng, lat), and how antennas so high above it see each other at a frequency.

    Reply.result: {"ground": PathGround as plain data} of at most `points` (2 to 512), or refusals.
    """

    request: int
    a: tuple[float, float]
    b: tuple[float, float]
    a_height_m: float = 10.0
    b_height_m: float = 10.0
    frequency_mhz: float = 5_800.0
    points: int = PROFILE_POINTS_CAP


class ImportTerrain(msgspec.Struct, tag="import_terrain", frozen=True):
    """Read files (.hgt, .hgt.zip, GeoTIFF) and keep their heights in the profile. Reply.result: {"operation": its id}, or
    refusals; what is wrong with files is how the operation ends."""

    request: int
    paths: tuple[str, ...]
    by: str = ""


class DeleteTerrain(msgspec.Struct, tag="delete_terrain", frozen=True):
    """Delete tiles by their ids; what is gone already is fine. Reply: ok."""

    request: int
    tiles: tuple[str, ...]


TerrainRequest = QueryTerrain | QueryProfile | ImportTerrain | DeleteTerrain

"""The user's own maps: PMTiles files under the network, and what is asked of them. Counterpart: `engine/maps/`.

Theory: a map belongs to this computer, not to the inventory: it names a file, elsewhere or copied into the profile. What is
known of it was read and checked by the engine once; a file that turned since then has `trouble` and is not drawn.
One rule: every text here came out of a foreign file and was cleaned where it was read.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

MapSchema = Literal["protomaps", "openmaptiles", "shortbread", "raster"]
TileType = Literal["mvt", "png", "jpg", "webp"]
MapUse = Literal["always", "dark", "light", "never"]
"""In which theme the window's map draws it."""

MAPS_CAP = 32
BOXES_CAP = 2_000
"""Most areas of one cut: one around each site."""
ZOOM_CAP = 22
COVERAGE_CAP = 600
"""Most boxes that tell where a map has ground."""
LAT_MOST_DEG = 85.0511287798066
"""Where the map of Web Mercator ends."""

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; west beyond east crosses the antimeridian."""


class MapFile(msgspec.Struct, frozen=True):
    """One map of the library.

    `tiles`: addressed. `coverage`: boxes in which the largest zoom is whole. `digest`: SHA-256 of the file. `opacity` (0 to 1)
    counts for a raster only. `place`: its order, 0 is drawn on top. `trouble`: why it is not drawn, "" where nothing is wrong.
    """

    id: UUID
    name: str
    schema: MapSchema
    tile_type: TileType
    path: str
    copied: bool
    size_bytes: int
    tiles: int
    min_zoom: int
    max_zoom: int
    bounds: Box
    coverage: tuple[Box, ...] = ()
    attribution: str = ""
    digest: str = ""
    modified_ns: int = 0
    added_us: int = 0
    use: MapUse = "always"
    opacity: float = 0.6
    place: int = 0
    trouble: str = ""

    @property
    def is_world(self) -> bool:
        """Whether it is a base for the whole world and not the detail of a part of it."""
        west, south, east, north = self.bounds
        return east - west >= 350 and south <= -60 and north >= 70


class CutSize(msgspec.Struct, frozen=True):
    """What a cut would make: tiles that are addressed, contents that are stored, the file's size, what the disk has free."""

    tiles: int
    contents: int
    size_bytes: int
    free_bytes: int


class CutSettings(msgspec.Struct, frozen=True):
    """Which areas and zooms of a map become a map of its own called `name`."""

    source: UUID
    name: str
    boxes: tuple[Box, ...]
    min_zoom: int
    max_zoom: int


class AddMap(msgspec.Struct, tag="add_map", frozen=True):
    """Read a PMTiles file whole, and take it into the library if nothing is wrong with it; with `copy` the profile gets a copy,
    else the file stays where it is. Reply: ok with {"operation": its id}, or refusals; what is wrong with the file is how the
    operation ends."""

    request: int
    path: str
    copy: bool = False
    name: str = ""


class CheckMap(msgspec.Struct, tag="check_map", frozen=True):
    """Read a map's file again, after it turned or came back. Reply as for AddMap."""

    request: int
    map: UUID


class ChangeMap(msgspec.Struct, tag="change_map", frozen=True):
    """Rename a map, choose where it is used and how strong it is drawn. Reply: ok, or refusals. What is None stays."""

    request: int
    map: UUID
    name: str | None = None
    use: MapUse | None = None
    opacity: float | None = None


class OrderMaps(msgspec.Struct, tag="order_maps", frozen=True):
    """Say the order of all maps, the topmost first. Reply: ok, or refusals."""

    request: int
    maps: tuple[UUID, ...]


class RemoveMap(msgspec.Struct, tag="remove_map", frozen=True):
    """Take a map out of the library; a copy in the profile is deleted, a file elsewhere stays. Reply: ok, or MAP_NOT_FOUND."""

    request: int
    map: UUID


class MeasureCut(msgspec.Struct, tag="measure_cut", frozen=True):
    """Ask how large a cut would be. Reply.result: {"size": CutSize as plain data}, or refusals."""

    request: int
    settings: CutSettings


class CutMap(msgspec.Struct, tag="cut_map", frozen=True):
    """Cut areas out of a map into a new one in the profile. Reply as for AddMap."""

    request: int
    settings: CutSettings


MapRequest = AddMap | CheckMap | ChangeMap | OrderMaps | RemoveMap | MeasureCut | CutMap

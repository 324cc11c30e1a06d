"""Reads a map file whole and says what it is, or what is wrong with it. Counterpart: `archive.py`, which reads its parts.

Theory: every directory is walked, a sample of tiles is looked into, and all bytes are digested; what the header counts has to be
what is there. One rule: a file that lies in anything that is looked at is refused, whatever else it holds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from domain.maps import COVERAGE_CAP, Box, MapSchema, TileType
from domain.text import clean_text
from engine.maps.archive import COMPRESSIONS, TILE_TYPES, Archive
from engine.maps.directory import GZIP, BadMap, Entry, unpack
from engine.maps.hilbert import Range, boxes_of, first_id, zoom_of
from engine.maps.schema import NAME_CAP, told_of

CHUNK_BYTES = 4 * 1024 * 1024
ENTRIES_CAP = 400_000_000
"""Most entries of a file: all tiles of the world to zoom 14 are as many."""
SAMPLED = 64
TILE_UNPACKED_CAP = 32 * 1024 * 1024
"""Largest tile, unpacked; the page refuses larger ones too."""
RANGES_CAP = 200_000
CONTENTS_CAP = 4_000_000
"""Up to so many contents it is looked whether they lie over each other."""
_MAGIC = {"png": (b"\x89PNG\r\n\x1a\n",), "jpg": (b"\xff\xd8\xff",), "webp": (b"RIFF",)}

Tell = Callable[[int, int, str], None]
"""How far it is: bytes done, bytes in all, what is done. Blocks while it has to rest."""


class Survey(msgspec.Struct, frozen=True):
    """What a file is, as far as the library keeps it."""

    name: str
    schema: MapSchema
    tile_type: TileType
    size_bytes: int
    modified_ns: int
    tiles: int
    min_zoom: int
    max_zoom: int
    bounds: Box
    coverage: tuple[Box, ...]
    attribution: str
    digest: str


def survey(path: Path, tell: Tell, copy: Path | None = None) -> Survey:
    """Return what a file is; with `copy` its bytes are written there on the way. Raises BadMap, OSError."""
    stat = path.stat()
    with Archive(path) as archive:
        head = archive.header
        told = told_of(archive.metadata(), head.tile_type == 1)
        total = archive.size_bytes
        directories = _Directories(archive)
        for count, entry in enumerate(archive.entries()):
            directories.take(count, entry)
            if not count % 65_536:
                share = entry.id / first_id(head.max_zoom + 1)
                tell(0, total, f"checking the directories, {share:.0%}")
        directories.check_counts()
        for entry in directories.sample:
            check_tile(archive, entry)
        digest = _digest(archive, tell, copy)
        coverage = directories.coverage()
        return Survey(
            told.name or clean_text(path.stem, NAME_CAP) or "A map",
            told.schema,
            TILE_TYPES[head.tile_type],  # type: ignore[arg-type]
            total,
            stat.st_mtime_ns,
            directories.addressed,
            zoom_of(directories.first),
            zoom_of(directories.last),
            _bounds(archive, coverage),
            tuple(coverage),
            told.attribution,
            digest,
        )


class _Directories:
    """What adds up while the entries go by."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._deepest = first_id(archive.header.max_zoom)
        self._ranges: list[Range] = []
        self._begin = self._end = -1
        self._contents: dict[int, int] = {}
        self._entries = 0
        self._step = 1
        self._end_bytes = 0
        self.first = self.last = 0
        self.addressed = 0
        self.sample: list[Entry] = []

    def take(self, count: int, entry: Entry) -> None:
        """Add one entry. Raises BadMap."""
        if count >= ENTRIES_CAP:
            raise BadMap(f"it has more than {ENTRIES_CAP:,} entries")
        self.first = self.first if count else entry.id
        self._entries = count + 1
        self.addressed += entry.run
        self.last = entry.id + entry.run - 1
        if self._archive.header.clustered and entry.offset > self._end_bytes:
            raise BadMap(
                f"the header says that its tiles are clustered, yet tile {entry.id:,} lies at byte {entry.offset:,}, "
                f"{self._end_bytes:,} or before expected"
            )
        self._end_bytes = max(self._end_bytes, entry.offset + entry.length)
        if (
            len(self._contents) <= CONTENTS_CAP
            and self._contents.setdefault(entry.offset, entry.length) != entry.length
        ):
            known = self._contents[entry.offset]
            raise BadMap(
                f"tile {entry.id:,} has {entry.length:,} bytes at {entry.offset:,}, another {known:,} there"
            )
        if not count % self._step:
            self.sample.append(entry)
            if len(self.sample) > SAMPLED:
                self.sample, self._step = self.sample[::2], 2 * self._step
        if self.last >= self._deepest and len(self._ranges) < RANGES_CAP:
            self._cover(max(entry.id, self._deepest), self.last + 1)

    def check_counts(self) -> None:
        """Raise BadMap where there is nothing, contents lie over each other, or the header counts otherwise."""
        head = self._archive.header
        if not self._entries:
            raise BadMap("it holds no tile")
        counted = [
            ("addressed tiles", head.addressed, self.addressed),
            ("entries", head.entries, self._entries),
        ]
        if len(self._contents) <= CONTENTS_CAP:
            counted.append(("contents", head.contents, len(self._contents)))
            end = 0
            for offset in sorted(self._contents):
                if offset < end:
                    raise BadMap(f"a tile lies at byte {offset:,}, within another that ends at {end:,}")
                end = offset + self._contents[offset]
        for what, told, found in counted:
            if told not in (0, found):
                raise BadMap(f"the header counts {told:,} {what}, the directories have {found:,}")

    def coverage(self) -> list[Box]:
        """Return where the largest zoom is whole, [] where that is too torn to say."""
        if len(self._ranges) >= RANGES_CAP:
            return []
        ranges = [*self._ranges, (self._begin, self._end)] if self._begin >= 0 else []
        return boxes_of(ranges, self._archive.header.max_zoom, COVERAGE_CAP)

    def _cover(self, begin: int, end: int) -> None:
        if begin == self._end:
            self._end = end
            return
        if self._begin >= 0:
            self._ranges.append((self._begin, self._end))
        self._begin, self._end = begin, end


def check_tile(archive: Archive, entry: Entry) -> bytes:
    """Return a tile unpacked. Raises BadMap where it is not what the header says."""
    head = archive.header
    what = f"tile {entry.id:,}"
    data = archive.tile_at(entry)
    kind = TILE_TYPES[head.tile_type]
    if kind == "mvt" or head.tile_compression == GZIP:
        data = unpack(data, head.tile_compression, TILE_UNPACKED_CAP, what)
    if kind == "mvt":
        if data and data[0] != 0x1A:
            packed = COMPRESSIONS[head.tile_compression]
            raise BadMap(
                f"{what} is no vector tile: it begins with {data[:4]!r} (packed with {packed}), a layer expected"
            )
    elif not data.startswith(_MAGIC[kind]):
        raise BadMap(f"{what} is no {kind}: it begins with {data[:8]!r}, {_MAGIC[kind][0]!r} expected")
    return data


def _bounds(archive: Archive, coverage: list[Box]) -> Box:
    """Return the header's bounds, or where the tiles are if those are none."""
    head = archive.header
    box = (head.west_e7 / 1e7, head.south_e7 / 1e7, head.east_e7 / 1e7, head.north_e7 / 1e7)
    if box[0] < box[2] and box[1] < box[3]:
        return box
    if not coverage:
        return (-180.0, -85.0, 180.0, 85.0)
    west, south, east, north = zip(*coverage, strict=True)
    return min(west), min(south), max(east), max(north)


def _digest(archive: Archive, tell: Tell, copy: Path | None) -> str:
    """Return the SHA-256 of the whole file, and write it to `copy` on the way."""
    made = hashlib.sha256()
    total = archive.size_bytes
    out = copy.open("wb") if copy is not None else None
    try:
        for at in range(0, total, CHUNK_BYTES):
            data = archive.read_at(at, min(CHUNK_BYTES, total - at))
            made.update(data)
            if out is not None:
                out.write(data)
            tell(at + len(data), total, "copying" if out is not None else "reading")
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    finally:
        if out is not None:
            out.close()
    return made.hexdigest()

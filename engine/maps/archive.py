"""Reads PMTiles, version 3, as bytes of a stranger: header, directories, metadata. Counterpart: `cut.py` writes one.

Theory: a header names four sections; directories map tile numbers to places in the last one, leaf directories hang below the
root, each within the numbers that its parent leaves it, so that nothing is read twice and no chain of them is endless.
One rule: a number of the file is compared with the file before anything is done with it, and what is wrong is said with what,
which, got and expected. Source: the PMTiles specification, version 3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from domain.maps import ZOOM_CAP
from engine.maps.directory import (
    DIRECTORY_CAP_BYTES,
    BadMap,
    Directory,
    Entry,
    decode_directory,
    unpack,
)
from engine.maps.hilbert import first_id

HEADER_BYTES = 127
ROOT_END = 16_384
"""Header and root directory lie before this."""
DEPTH_CAP = 3
"""Leaf directories below each other; more than one is discouraged."""
METADATA_CAP_BYTES = 8 * 1024 * 1024
TILE_CAP_BYTES = 16 * 1024 * 1024

TILE_TYPES = {1: "mvt", 2: "png", 3: "jpg", 4: "webp"}
_OTHER_TYPES = {0: "unknown", 5: "avif", 6: "mlt"}
COMPRESSIONS = {0: "unknown", 1: "none", 2: "gzip", 3: "brotli", 4: "zstd"}
_FIELDS = struct.Struct("<7sB11Q6B4iB2i")


class Header(NamedTuple):
    """The first 127 bytes; offsets from the file's beginning, places in ten-millionths of a degree."""

    magic: bytes
    version: int
    root_offset: int
    root_bytes: int
    metadata_offset: int
    metadata_bytes: int
    leaves_offset: int
    leaves_bytes: int
    tiles_offset: int
    tiles_bytes: int
    addressed: int
    entries: int
    contents: int
    clustered: int
    internal_compression: int
    tile_compression: int
    tile_type: int
    min_zoom: int
    max_zoom: int
    west_e7: int
    south_e7: int
    east_e7: int
    north_e7: int
    center_zoom: int
    center_lng_e7: int
    center_lat_e7: int

    def encode(self) -> bytes:
        """Return it as it stands in a file."""
        return _FIELDS.pack(*self)


def decode_header(data: bytes, size: int) -> Header:
    """Return the header of a file of `size` bytes. Raises BadMap."""
    if data[:6] == b"SQLite":
        raise BadMap(
            "this is an MBTiles file; PMTiles expected: “pmtiles convert in.mbtiles out.pmtiles” makes one of it"
        )
    if data[:2] == b"PM" and data[:7] != b"PMTiles":
        raise BadMap(
            f"this is PMTiles of version {int.from_bytes(data[2:4], 'little')}, version 3 expected: "
            "“pmtiles convert old.pmtiles new.pmtiles” (version 1.30 or before) makes one of it"
        )
    if data[:7] != b"PMTiles":
        raise BadMap(f"this is no PMTiles file: it begins with {data[:7]!r}, b'PMTiles' expected")
    if data[7:8] != b"\x03":
        raise BadMap(f"this is PMTiles of version {data[7] if len(data) > 7 else 'none'}, version 3 expected")
    if len(data) < HEADER_BYTES:
        raise BadMap(f"the header has {len(data)} bytes, {HEADER_BYTES} expected: the file is cut off")
    header = Header(*_FIELDS.unpack(data[:HEADER_BYTES]))
    _check_sections(header, size)
    if header.tile_type not in TILE_TYPES:
        got = _OTHER_TYPES.get(header.tile_type, str(header.tile_type))
        raise BadMap(f"its tiles are of type {got}; mvt, png, jpg or webp expected")
    for what, code, allowed in (
        ("directories", header.internal_compression, (1, 2)),
        ("tiles", header.tile_compression, (1, 2) if header.tile_type == 1 else (0, 1, 2)),
    ):
        if code not in allowed:
            raise BadMap(f"its {what} are packed with {COMPRESSIONS.get(code, code)}; gzip or none expected")
    if not header.min_zoom <= header.max_zoom <= ZOOM_CAP:
        raise BadMap(
            f"its zooms are {header.min_zoom} to {header.max_zoom}; 0 to {ZOOM_CAP} at most, in order, expected"
        )
    sides = (header.west_e7, header.south_e7, header.east_e7, header.north_e7)
    if any(abs(side) > most for side, most in zip(sides, (1_800_000_000, 900_000_000) * 2, strict=True)):
        raise BadMap(f"its bounds are {[side / 1e7 for side in sides]}; at most 180 and 90 degrees expected")
    return header


def _check_sections(header: Header, size: int) -> None:
    """Raise BadMap where a section is not in the file, or lies over another."""
    sections = [
        ("the header", 0, HEADER_BYTES),
        ("the root directory", header.root_offset, header.root_bytes),
        ("the metadata", header.metadata_offset, header.metadata_bytes),
        ("the leaf directories", header.leaves_offset, header.leaves_bytes),
        ("the tiles", header.tiles_offset, header.tiles_bytes),
    ]
    for what, offset, length in sections:
        if offset + length > size:
            raise BadMap(f"{what} would end at byte {offset + length:,}, the file ends at {size:,}")
    if not header.root_bytes:
        raise BadMap("the root directory has 0 bytes, at least 1 expected")
    if header.root_offset + header.root_bytes > ROOT_END:
        end = header.root_offset + header.root_bytes
        raise BadMap(f"the root directory ends at byte {end:,}, at most {ROOT_END:,} expected")
    if header.metadata_bytes > METADATA_CAP_BYTES:
        raise BadMap(
            f"the metadata have {header.metadata_bytes:,} bytes, at most {METADATA_CAP_BYTES:,} expected"
        )
    placed = sorted((offset, length, what) for what, offset, length in sections if length)
    for (offset, length, what), (after, _, other) in pairwise(placed):
        if offset + length > after:
            raise BadMap(
                f"{other} would begin at byte {after:,}, within {what}, which ends at {offset + length:,}"
            )


class Archive:
    """An open PMTiles file. What its directories say is checked as it is walked."""

    def __init__(self, path: Path) -> None:
        """Raises BadMap, OSError."""
        self.path = path
        self._file: IO[bytes] = path.open("rb")
        try:
            self.size_bytes = self._file.seek(0, 2)
            self._file.seek(0)
            self.header = decode_header(self._file.read(HEADER_BYTES), self.size_bytes)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the file. Raises BadMap where it has become shorter."""
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) != length:
            raise BadMap(
                f"the file ended at byte {offset + len(data):,} while it was read, {offset + length:,} expected"
            )
        return data

    def metadata(self) -> bytes:
        """Return the metadata, unpacked. Raises BadMap."""
        if not self.header.metadata_bytes:
            return b"{}"
        data = self.read_at(self.header.metadata_offset, self.header.metadata_bytes)
        return unpack(data, self.header.internal_compression, METADATA_CAP_BYTES, "the metadata")

    def tile_at(self, entry: Entry) -> bytes:
        """Return a tile as it is stored."""
        return self.read_at(self.header.tiles_offset + entry.offset, entry.length)

    def entries(self, wanted: Sequence[tuple[int, int]] | None = None) -> Iterator[Entry]:
        """Go over the entries of tiles in order; with `wanted` (ranges in order) of those leaves only that hold some of them.

        Raises BadMap where a directory lies.
        """
        head = self.header
        seen = _Seen(wanted)
        root = self.read_at(head.root_offset, head.root_bytes)
        lowest, end = first_id(head.min_zoom), first_id(head.max_zoom + 1)
        yield from self._walk(root, "the root directory", (lowest, end), 0, seen)

    def _walk(
        self, data: bytes, what: str, span: tuple[int, int], depth: int, seen: _Seen
    ) -> Iterator[Entry]:
        head, (lowest, end) = self.header, span
        packed = unpack(data, head.internal_compression, 4 * DIRECTORY_CAP_BYTES, what)
        found = decode_directory(packed, what)
        last = found.ids[-1] + max(found.runs[-1], 1)
        if found.ids[0] < lowest or last > end:
            raise BadMap(
                f"{what} has tiles {found.ids[0]:,} to {last - 1:,}, {lowest:,} to {end - 1:,} expected"
                + (f": its zooms are {head.min_zoom} to {head.max_zoom}" if not depth else "")
            )
        if all(found.runs):
            self._check_tiles(found, what)
            yield from found.rows()
            return
        for number, entry in enumerate(found.rows()):
            if entry.run:
                self._check_tiles(Directory([entry.id], [entry.run], [entry.length], [entry.offset]), what)
                yield entry
                continue
            after = found.ids[number + 1] if number + 1 < len(found.ids) else end
            name = f"leaf directory {seen.leaves:,} (of tile {entry.id:,})"
            seen.leaves += 1
            if depth >= DEPTH_CAP:
                raise BadMap(f"{name} is {depth + 1} levels deep, at most {DEPTH_CAP} expected")
            if entry.length > DIRECTORY_CAP_BYTES or entry.offset + entry.length > head.leaves_bytes:
                raise BadMap(
                    f"{name} has {entry.length:,} bytes at {entry.offset:,}, at most {DIRECTORY_CAP_BYTES:,} within "
                    f"{head.leaves_bytes:,} expected"
                )
            if seen.skips(entry.id, after):
                continue
            seen.take(entry, name, head.leaves_bytes)
            leaf = self.read_at(head.leaves_offset + entry.offset, entry.length)
            yield from self._walk(leaf, name, (entry.id, after), depth + 1, seen)

    def _check_tiles(self, found: Directory, what: str) -> None:
        most = self.header.tiles_bytes
        for offset, length in zip(found.offsets, found.lengths, strict=True):
            if offset + length > most or length > TILE_CAP_BYTES:
                raise BadMap(
                    f"{what}: a tile has {length:,} bytes at {offset:,}, at most {TILE_CAP_BYTES:,} within {most:,} expected"
                )


class _Seen:
    """Which leaves were read: none twice, nor what lies over another. `wanted` says which are not worth it."""

    def __init__(self, wanted: Sequence[tuple[int, int]] | None) -> None:
        self.leaves = 0
        self._wanted = wanted
        self._at = 0
        self._offsets: set[int] = set()
        self._bytes = 0

    def skips(self, id: int, end: int) -> bool:
        """Tell whether nothing from `id` to `end` is wanted; asked in order."""
        if self._wanted is None:
            return False
        while self._at < len(self._wanted) and self._wanted[self._at][1] <= id:
            self._at += 1
        return self._at == len(self._wanted) or self._wanted[self._at][0] >= end

    def take(self, entry: Entry, name: str, most_bytes: int) -> None:
        """Note that a leaf is read. Raises BadMap where it, or a part of it, was read already."""
        if entry.offset in self._offsets:
            raise BadMap(f"{name} lies at byte {entry.offset:,}, where another one is: directories in a loop")
        self._offsets.add(entry.offset)
        self._bytes += entry.length
        if self._bytes > most_bytes:
            raise BadMap(
                f"{name}: the leaf directories have more than {most_bytes:,} bytes: they lie over each other"
            )

"""Cuts areas out of a PMTiles file into a new one. Counterpart: `archive.py` reads what is written here.

Theory: the plan comes from directories alone and knows every byte of the result, so that its size is told before anything is
written and the file is written in one go, from header to last tile. What the source keeps once is kept once; a run stays a run;
tiles lie in the order of their numbers.
One rule: a tile's bytes are copied, never made anew.
"""

from __future__ import annotations

import gzip
import os
from array import array
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.maps import LAT_MOST_DEG, Box
from engine.maps.archive import HEADER_BYTES, ROOT_END, Archive
from engine.maps.directory import GZIP, BadMap, Directory, encode_directory
from engine.maps.hilbert import Range, ranges_of, squares_of
from engine.maps.survey import CHUNK_BYTES, Tell

ENTRIES_CAP = 5_000_000
"""Most entries of a cut: all of Germany to zoom 15 is a million."""
RANGES_CAP = 1_000_000
LEAF_ENTRIES = 4_096
NAME_FIELD = "name"


class Plan(NamedTuple):
    """A cut as it will be: its entries in order, and where its contents lie in the source, in the order they are written."""

    entries: Directory
    starts: Sequence[int]
    lengths: Sequence[int]
    head: bytes
    """All that comes before the tiles."""
    tiles: int
    size_bytes: int


def plan_cut(archive: Archive, name: str, boxes: Sequence[Box], zooms: tuple[int, int], tell: Tell) -> Plan:
    """Return what a cut would be. Raises BadMap where the source lies, or nothing of it, or too much, is wanted."""
    head = archive.header
    min_zoom, max_zoom = max(zooms[0], head.min_zoom), min(zooms[1], head.max_zoom)
    wanted = wanted_ranges(boxes, min_zoom, max_zoom)
    ids, runs, places = array("Q"), array("Q"), array("Q")
    starts, lengths = array("Q"), array("Q")
    known: dict[int, int] = {}
    at = 0
    for count, entry in enumerate(archive.entries(wanted)):
        if not count % 65_536:
            tell(0, 0, f"reading the directories, {len(ids):,} entries")
        stop = entry.id + entry.run
        while at < len(wanted) and wanted[at][1] <= entry.id:
            at += 1
        look = at
        while look < len(wanted) and wanted[look][0] < stop:
            begin, end = max(entry.id, wanted[look][0]), min(stop, wanted[look][1])
            place = known.setdefault(entry.offset, len(starts))
            if place == len(starts):
                starts.append(entry.offset)
                lengths.append(entry.length)
            elif lengths[place] != entry.length:
                raise BadMap(
                    f"tile {entry.id:,} has {entry.length:,} bytes at {entry.offset:,}, another {lengths[place]:,}"
                )
            if ids and places[-1] == place and ids[-1] + runs[-1] == begin:
                runs[-1] += end - begin
            else:
                ids.append(begin)
                runs.append(end - begin)
                places.append(place)
            look += 1
        if len(ids) > ENTRIES_CAP:
            raise BadMap(
                f"the cut has more than {ENTRIES_CAP:,} tiles: choose a smaller area, or fewer zooms"
            )
    if not ids:
        raise BadMap("nothing of the map lies in that area at those zooms")
    if sum(lengths) > head.tiles_bytes:
        raise BadMap(
            f"the tiles have {sum(lengths):,} bytes, {head.tiles_bytes:,} at most expected: they lie over each other"
        )
    offsets = array("Q", accumulate(lengths, initial=0))
    entries = Directory(ids, runs, [lengths[place] for place in places], [offsets[place] for place in places])
    bounds = _bounds(archive, boxes)
    made = _head(archive, name, bounds, (min_zoom, max_zoom), (entries, len(starts), offsets[-1]))
    return Plan(entries, starts, lengths, made, sum(runs), len(made) + offsets[-1])


def wanted_ranges(boxes: Sequence[Box], min_zoom: int, max_zoom: int) -> list[Range]:
    """Return the numbers of all tiles in some boxes. Raises BadMap for an area that is too torn."""
    made: list[Range] = []
    for zoom in range(min_zoom, max_zoom + 1):
        for found in ranges_of(squares_of(boxes, zoom), zoom):
            made.append(found)
            if len(made) > RANGES_CAP:
                raise BadMap("the area is too large for so fine a zoom: choose a smaller one, or fewer zooms")
    return made


def _head(
    archive: Archive,
    name: str,
    bounds: Box,
    zooms: tuple[int, int],
    content: tuple[Directory, int, int],
) -> bytes:
    """Return what comes before the tiles: header, root, metadata, leaves. `content`: entries, how many contents, their bytes."""
    entries, contents, size = content
    root, leaves = _packed(entries)
    metadata = gzip.compress(_metadata(archive, name), 6, mtime=0)
    old = archive.header
    metadata_at = HEADER_BYTES + len(root)
    leaves_at = metadata_at + len(metadata)
    header = old._replace(
        root_offset=HEADER_BYTES,
        root_bytes=len(root),
        metadata_offset=metadata_at,
        metadata_bytes=len(metadata),
        leaves_offset=leaves_at,
        leaves_bytes=len(leaves),
        tiles_offset=leaves_at + len(leaves),
        tiles_bytes=size,
        addressed=sum(entries.runs),
        entries=len(entries.ids),
        contents=contents,
        clustered=1,
        internal_compression=GZIP,
        min_zoom=zooms[0],
        max_zoom=zooms[1],
        west_e7=round(bounds[0] * 1e7),
        south_e7=round(bounds[1] * 1e7),
        east_e7=round(bounds[2] * 1e7),
        north_e7=round(bounds[3] * 1e7),
        center_zoom=min(max(old.center_zoom, zooms[0]), zooms[1]),
        center_lng_e7=round((bounds[0] + bounds[2]) / 2 * 1e7),
        center_lat_e7=round((bounds[1] + bounds[3]) / 2 * 1e7),
    )
    return header.encode() + root + metadata + leaves


def _packed(entries: Directory) -> tuple[bytes, bytes]:
    """Return root and leaves; the leaves grow until the root fits before its end."""
    whole = gzip.compress(encode_directory(entries), 6, mtime=0)
    if HEADER_BYTES + len(whole) <= ROOT_END:
        return whole, b""
    step = LEAF_ENTRIES
    columns = entries.ids, entries.runs, entries.lengths, entries.offsets
    while True:
        packed, leaves = list[bytes](), list[tuple[int, int, int]]()
        at = 0
        for begin in range(0, len(entries.ids), step):
            part = Directory(*(column[begin : begin + step] for column in columns))
            data = gzip.compress(encode_directory(part), 6, mtime=0)
            packed.append(data)
            leaves.append((part.ids[0], len(data), at))
            at += len(data)
        ids, lengths, offsets = zip(*leaves, strict=True)
        root = gzip.compress(encode_directory(Directory(ids, [0] * len(ids), lengths, offsets)), 6, mtime=0)
        if HEADER_BYTES + len(root) <= ROOT_END:
            return root, b"".join(packed)
        step *= 2


def _metadata(archive: Archive, name: str) -> bytes:
    told = msgspec.json.decode(archive.metadata())
    return msgspec.json.encode({**told, NAME_FIELD: name})


def _bounds(archive: Archive, boxes: Sequence[Box]) -> Box:
    """Return the box around all areas, within that of the source where it has one."""
    head = archive.header
    west, south, east, north = -180.0, -LAT_MOST_DEG, 180.0, LAT_MOST_DEG
    if head.west_e7 < head.east_e7 and head.south_e7 < head.north_e7:
        west, south, east, north = (
            side / 1e7 for side in (head.west_e7, head.south_e7, head.east_e7, head.north_e7)
        )
    crosses = any(box[0] > box[2] for box in boxes)
    around = (
        west if crosses else max(west, min(box[0] for box in boxes)),
        max(south, min(box[1] for box in boxes)),
        east if crosses else min(east, max(box[2] for box in boxes)),
        min(north, max(box[3] for box in boxes)),
    )
    return around if around[0] < around[2] and around[1] < around[3] else (west, south, east, north)


def write_cut(archive: Archive, plan: Plan, out: Path, tell: Tell) -> None:
    """Write the file that was planned. Raises BadMap where the source turned, OSError where the disk does not take it."""
    total = plan.size_bytes
    done = len(plan.head)
    with out.open("wb") as file:
        file.write(plan.head)
        count = len(plan.starts)
        first = 0
        while first < count:
            start, size, last = plan.starts[first], 0, first
            while (
                last < count
                and plan.starts[last] == start + size
                and (last == first or size + plan.lengths[last] <= CHUNK_BYTES * 4)
            ):
                size += plan.lengths[last]
                last += 1
            file.write(archive.read_at(archive.header.tiles_offset + start, size))
            done += size
            first = last
            tell(done, total, f"copying tiles, {first:,} of {count:,}")
        file.flush()
        os.fsync(file.fileno())

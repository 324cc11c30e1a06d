"""Reads a PMTiles file of vector tiles as bytes, without a tile library. Counterpart: `basemap/`, which makes such files.

Sources of the two formats: the PMTiles specification, version 3, and the Mapbox Vector Tile specification 2.1.
"""

from __future__ import annotations

import gzip
import json
import math
import struct
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

LINE, POLYGON = 2, 3

Ring = list[tuple[float, float]]


class Feature(NamedTuple):
    """One thing of a tile; its parts hold places in parts of the tile's width, from its north-west corner."""

    kind: int
    properties: dict[str, Any]
    parts: list[Ring]


def varints(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer: numbers and bytes."""

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    at = 0
    while at < len(data):
        key = varint()
        wire = key & 7
        if wire == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(wire) or varint()
        yield key >> 3, data[at : at + size]
        at += size


def value_of(data: bytes) -> Any:
    [(number, value)] = fields(data)
    if number == 1:
        return value.decode("utf-8")
    if number in (2, 3):
        return struct.unpack("<f" if number == 2 else "<d", value)[0]
    return {6: (value >> 1) ^ -(value & 1), 7: bool(value)}.get(number, value) if number != 1 else value


def parts_of(commands: list[int], extent: int) -> list[Ring]:
    parts: list[Ring] = []
    at = x = y = 0
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        for _ in range(count if command != 7 else 0):
            dx, dy = ((n >> 1) ^ -(n & 1) for n in commands[at : at + 2])
            at, x, y = at + 2, x + dx, y + dy
            if command == 1:
                parts.append([])
            parts[-1].append((x / extent, y / extent))
    return parts


def features(layer: bytes) -> Iterator[Feature]:
    told: dict[int, list[Any]] = defaultdict(list)
    for number, value in fields(layer):
        told[number].append(value)
    keys, values = [key.decode() for key in told[3]], [value_of(value) for value in told[4]]
    for feature in told[2]:
        of = dict(fields(feature))
        tags = list(varints(of.get(2, b"")))
        properties = {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)}
        yield Feature(of[3], properties, parts_of(list(varints(of[4])), told[5][0]))


def tile_id(zoom: int, x: int, y: int) -> int:
    """The number of a tile: all of the zooms before, then its place on the Hilbert curve."""
    found = (4**zoom - 1) // 3
    for level in reversed(range(zoom)):
        side = 1 << level
        right, low = bool(x & side), bool(y & side)
        found += side * side * ((3 * right) ^ low)
        if not low:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
    return found


class Archive:
    """A PMTiles file, read whole."""

    def __init__(self, file: Path) -> None:
        self._data = file.read_bytes()
        assert self._data[:8] == b"PMTiles\x03"
        root, root_size, told, told_size, self._leaves, _, self._tiles, self._tiles_size = struct.unpack(
            "<8Q", self._data[8:72]
        )
        self.internal_compression, self.tile_compression, self.tile_type, self.min_zoom, self.max_zoom = (
            self._data[97:102]
        )
        self.metadata = json.loads(gzip.decompress(self._data[told : told + told_size]))
        self.places: dict[int, tuple[int, int]] = {}
        """Where the bytes of each tile are: offset, size."""
        self._read_directory(root, root_size)

    def _read_directory(self, offset: int, size: int) -> None:
        count, *numbers = varints(gzip.decompress(self._data[offset : offset + size]))
        steps, runs, sizes, offsets = (numbers[n * count : (n + 1) * count] for n in range(4))
        id = following = 0
        for step, run, length, told in zip(steps, runs, sizes, offsets, strict=True):
            id += step
            start = told - 1 if told else following
            following = start + length
            if run == 0:
                self._read_directory(self._leaves + start, length)
            for same in range(run):
                self.places[id + same] = (start, length)

    @cache  # noqa: B019  one archive for all tests
    def _bytes_at(self, start: int, size: int) -> bytes:
        assert start + size <= self._tiles_size
        return gzip.decompress(self._data[self._tiles + start : self._tiles + start + size])

    def layers(self, zoom: int, x: int, y: int) -> dict[str, bytes]:
        """The layers of a tile by name, undecoded; none where there is no tile."""
        place = self.places.get(tile_id(zoom, x, y))
        found = {}
        for number, layer in fields(self._bytes_at(*place)) if place else ():
            assert number == 3
            found[next(value for number, value in fields(layer) if number == 1).decode()] = layer
        return found

    def features(self, zoom: int, x: int, y: int, layer: str) -> list[Feature]:
        """What a layer of a tile holds."""
        layers = self.layers(zoom, x, y)
        return list(features(layers[layer])) if layer in layers else []


def tile_at(lng: float, lat: float, zoom: int) -> tuple[int, int, float, float]:
    """Column and row of the tile at a place, and the place in it."""
    x = (lng + 180) / 360 * 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom
    return int(x), int(y), x % 1, y % 1


def is_within(rings: list[Ring], x: float, y: float) -> bool:
    """Whether a place is in an area: an odd number of edges lies east of it."""
    crossed = 0
    for ring in rings:
        for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
            crossed += (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)
    return crossed % 2 == 1


@cache
def localities(world: Archive, zoom: int) -> list[tuple[dict[str, Any], float, float]]:
    """All cities, towns and villages of a zoom: properties, lng, lat; what a tile holds of its neighbour left out."""
    side, found = 2**zoom, []
    for column in range(side):
        for row in range(side):
            for place in world.features(zoom, column, row, "places"):
                for [(x, y)] in place.parts if place.properties["kind"] == "locality" else ():
                    if 0 <= x < 1 and 0 <= y < 1:
                        north = math.pi * (1 - 2 * (row + y) / side)
                        lat = math.degrees(math.atan(math.sinh(north)))
                        found.append((place.properties, (column + x) / side * 360 - 180, lat))
    return found

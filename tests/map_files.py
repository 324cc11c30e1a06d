"""Small PMTiles files of every kind, written by the `pmtiles` package: a foreign writer for our reader.

One rule: vector tiles are made here from scratch (the Mapbox Vector Tile specification, 2.1), so that no tile library is needed.
"""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

EXTENT = 4096
Tile = tuple[int, int, int]
"""Zoom, column, row."""
Feature = tuple[str, list[list[tuple[int, int]]], dict[str, Any]]
"""Kind of geometry ("point", "line", "area"), its parts in units of the tile, its properties."""

BODENSEE = (9.0, 47.4, 10.6, 48.0)
LAYERS = {
    "protomaps": ["earth", "water", "roads", "places", "boundaries", "landuse", "buildings"],
    "openmaptiles": [
        "water",
        "waterway",
        "transportation",
        "place",
        "boundary",
        "landcover",
        "landuse",
        "building",
    ],
    "shortbread": [
        "ocean",
        "water_polygons",
        "streets",
        "place_labels",
        "boundaries",
        "land",
        "street_labels",
    ],
}


def varint(number: int) -> bytes:
    """Return a number, 7 bits a byte."""
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)
    return bytes(made)


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return _field(1, value.encode())
    return varint(5 << 3) + varint(value)


def _geometry(parts: list[list[tuple[int, int]]], kind: str) -> bytes:
    made, x, y = b"", 0, 0

    def step(to: tuple[int, int]) -> bytes:
        nonlocal x, y
        dx, dy = to[0] - x, to[1] - y
        x, y = to
        return varint(dx << 1 ^ dx >> 63) + varint(dy << 1 ^ dy >> 63)

    for part in parts:
        made += varint(1 << 3 | 1) + step(part[0])
        if len(part) > 1:
            made += varint((len(part) - 1) << 3 | 2) + b"".join(map(step, part[1:]))
        if kind == "area":
            made += varint(1 << 3 | 7)
    return made


def vector_tile(layers: Mapping[str, Iterable[Feature]]) -> bytes:
    """Return a vector tile, not packed."""
    made = b""
    for name, features in layers.items():
        keys: list[str] = []
        values: list[Any] = []
        body = b""
        for kind, parts, properties in features:
            tags = b""
            for key, value in properties.items():
                if key not in keys:
                    keys.append(key)
                if value not in values:
                    values.append(value)
                tags += varint(keys.index(key)) + varint(values.index(value))
            number = {"point": 1, "line": 2, "area": 3}[kind]
            body += _field(
                2, _field(2, tags) + varint(3 << 3) + varint(number) + _field(4, _geometry(parts, kind))
            )
        heads = b"".join(_field(3, key.encode()) for key in keys) + b"".join(
            _field(4, _value(v)) for v in values
        )
        made += _field(
            3,
            varint(15 << 3)
            + varint(2)
            + _field(1, name.encode())
            + body
            + heads
            + varint(5 << 3)
            + varint(EXTENT),
        )
    return made


def box(left: int, top: int, right: int, bottom: int) -> list[list[tuple[int, int]]]:
    """Return an area's one ring."""
    return [[(left, top), (right, top), (right, bottom), (left, bottom)]]


def tile_of_schema(schema: str, tile: Tile) -> bytes:
    """Return a tile with water in its south-west quarter, a motorway across, and a place in its middle."""
    water, road = box(0, 2048, 2048, 4096), [[(0, 1024), (4096, 1024)]]
    middle, name = [[(2048, 2048)]], f"Place {tile[0]}/{tile[1]}/{tile[2]}"
    layers: dict[str, list[Feature]] = {
        "protomaps": {
            "earth": [("area", box(0, 0, 4096, 4096), {"kind": "earth"})],
            "water": [("area", water, {"kind": "lake"})],
            "roads": [("line", road, {"kind": "highway", "name": "A 96"})],
            "places": [("point", middle, {"kind": "locality", "name": name})],
        },
        "openmaptiles": {
            "water": [("area", water, {"class": "lake"})],
            "transportation": [("line", road, {"class": "motorway"})],
            "place": [("point", middle, {"class": "city", "name": name, "rank": 1})],
        },
        "shortbread": {
            "water_polygons": [("area", water, {"kind": "water"})],
            "streets": [("line", road, {"kind": "motorway"})],
            "place_labels": [("point", middle, {"kind": "city", "name": name, "population": 400_000})],
        },
    }[schema]
    return vector_tile(layers)


def png(red: int, green: int, blue: int, side: int = 256) -> bytes:
    """Return a picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((red, green, blue)) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def tiles_in(bounds: tuple[float, float, float, float], min_zoom: int, max_zoom: int) -> list[Tile]:
    """Return the tiles of some bounds, in the order of their numbers, by the foreign package's counting."""
    import math

    def row(lat: float, zoom: int) -> int:
        return int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom)

    west, south, east, north = bounds
    found = []
    for zoom in range(min_zoom, max_zoom + 1):
        columns = range(int((west + 180) / 360 * 2**zoom), int((east + 180) / 360 * 2**zoom) + 1)
        found += [(zoom, x, y) for x in columns for y in range(row(north, zoom), row(south, zoom) + 1)]
    return sorted(found, key=lambda tile: zxy_to_tileid(*tile))


def write_map(
    path: Path,
    schema: str = "protomaps",
    *,
    bounds: tuple[float, float, float, float] = BODENSEE,
    zooms: tuple[int, int] = (0, 10),
    make: Callable[[Tile], bytes] | None = None,
    metadata: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
    tiles: Iterable[Tile] | None = None,
) -> Path:
    """Write a map of a schema ("raster": one colour) over some bounds, packed as such files are."""
    raster = schema == "raster"
    with path.open("wb") as file:
        writer = Writer(file)
        for tile in tiles if tiles is not None else tiles_in(bounds, *zooms):
            if make is not None:
                data = make(tile)
            else:
                data = png(40, 160, 60) if raster else gzip.compress(tile_of_schema(schema, tile), mtime=0)
            writer.write_tile(zxy_to_tileid(*tile), data)
        told: dict[str, Any] = {
            "name": f"A {schema} map",
            "attribution": '<a href="https://example.org">&copy; Some &amp; others</a>',
        }
        if not raster:
            told["vector_layers"] = [{"id": name, "fields": {}} for name in LAYERS.get(schema, [schema])]
        sides = dict(
            zip(
                ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7"),
                [round(s * 1e7) for s in bounds],
                strict=True,
            )
        )
        head: dict[str, Any] = {
            "tile_type": TileType.PNG if raster else TileType.MVT,
            "tile_compression": Compression.NONE if raster else Compression.GZIP,
            **sides,
            "center_zoom": zooms[0],
            "center_lon_e7": 0,
            "center_lat_e7": 0,
        }
        writer.finalize({**head, **(header or {})}, {**told, **(metadata or {})})
    return path


def metadata_of(path: Path) -> dict[str, Any]:
    """Return the metadata of a file."""
    data = path.read_bytes()
    offset, length = struct.unpack("<QQ", data[24:40])
    found: dict[str, Any] = json.loads(gzip.decompress(data[offset : offset + length]))
    return found

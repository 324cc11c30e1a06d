"""Cities and towns: GeoNames' places, told apart from their suburbs, with the standing Natural Earth gives them.

Counterpart: `placement.py`, which decides at which zoom each of them appears.
`corrections.tsv` holds what is wrong in GeoNames itself, by id.
Rule: the two sources are matched by id where that id lies near and is no hamlet, else by distance and population; never
by name, which differs (Köln, Cologne). No city is lost and none comes twice.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import shapely  # type: ignore[import-untyped]

from basemap.feature import KM_PER_DEG
from basemap.names import compose, find_local_name, to_ascii
from basemap.shapefile import read_rows

UNRANKED = 99
COUNTRY_CAPITAL, REGION_CAPITAL = "country", "region"

_SAME_CITY_KM = 30.0
_SAME_SPOT_KM = 4.0
_TWIN_KM = 15.0
_QUARTER_REACH = 1.5

_LEAST_TOLD_ALIKE = 1_000
"""Of so many people no two places of one name have the same number by chance."""

_EXONYMS = {"Köln": "Cologne", "Sevilla": "Seville", "Hannover": "Hanover"}
"""Where GeoNames' main name is the one at home, and Natural Earth's the English one."""

Square = tuple[int, int]
"""A tenth of a degree each way."""


@dataclass(frozen=True)
class City:
    """A populated place. `rank` is Natural Earth's scale rank (0 world city, 10 small) or `UNRANKED`."""

    id: int
    name: str
    english_name: str
    lng_deg: float
    lat_deg: float
    population: int
    country_code: str
    rank: int = UNRANKED
    capital: str = ""


@dataclass(frozen=True)
class RankedPlace:
    """What Natural Earth knows of a place; `geonames_id` is 0 where it has none, and at times wrong."""

    geonames_id: int
    name: str
    lng_deg: float
    lat_deg: float
    population: int
    country_code: str
    rank: int
    capital: str


def read_corrections() -> tuple[set[int], dict[int, str]]:
    """The ids of places that are none, or told twice; English names of those that are told by another's."""
    dropped, english = set[int](), dict[int, str]()
    for line in Path(__file__).with_name("corrections.tsv").read_text(encoding="utf-8").splitlines():
        id, what, name, _ = line.split("\t")
        if what == "drop":
            dropped.add(int(id))
        else:
            english[int(id)] = name
    return dropped, english


def read_cities(path: Path) -> list[City]:
    """GeoNames' places of 500 people and more, by id."""
    rows = json.loads(path.read_text(encoding="utf-8")).values()
    dropped, english = read_corrections()
    cities = []
    for row in rows:
        if int(row["geonameid"]) in dropped:
            continue
        name = str(row["name"])
        home = compose(find_local_name(row["countrycode"], name, row["alternatenames"]))
        lng_deg, lat_deg = float(row["longitude"]), float(row["latitude"])
        cities.append(
            City(
                int(row["geonameid"]),
                home,
                english.get(int(row["geonameid"]), to_ascii(name)),
                lng_deg,
                lat_deg,
                int(row["population"]),
                row["countrycode"],
            )
        )
    return sorted(cities, key=lambda city: city.id)


def read_ranked_places(path: Path) -> list[RankedPlace]:
    fields = ["name", "featurecla", "scalerank", "pop_max", "geonameid", "iso_a2"]
    places = []
    for point, row in read_rows(path, fields, "latin1"):
        feature_class = row["featurecla"]
        capital = COUNTRY_CAPITAL if feature_class == "Admin-0 capital" else ""
        capital = REGION_CAPITAL if feature_class == "Admin-1 capital" else capital
        geonames_id = max(int(row["geonameid"]), 0) if math.isfinite(row["geonameid"]) else 0
        code = row["iso_a2"] or ""
        place = (row["name"], point.x, point.y, int(row["pop_max"]), code, int(row["scalerank"]), capital)
        places.append(RankedPlace(geonames_id, *place))
    return places


def match_cities(cities: list[City], places: list[RankedPlace]) -> list[City]:
    """The cities with rank and standing; places that match none are added as cities of their own.

    But for those with name and population of another place: that one's figures stand at a hamlet far away (Noginsk in Siberia).
    """
    told = Counter((place.name, place.population) for place in places)
    tree = shapely.STRtree(shapely.points([(city.lng_deg, city.lat_deg) for city in cities]))
    matched: dict[int, RankedPlace] = {}
    alone: list[City] = []
    for place in sorted(places, key=lambda place: (place.rank, -place.population, place.name)):
        reach_deg = _SAME_CITY_KM / KM_PER_DEG
        wide_deg = reach_deg / max(math.cos(math.radians(place.lat_deg)), 0.05)
        around = shapely.box(
            *(place.lng_deg - wide_deg, place.lat_deg - reach_deg),
            *(place.lng_deg + wide_deg, place.lat_deg + reach_deg),
        )
        near = [int(index) for index in tree.query(around)]
        best = find_match(place, [(index, cities[index]) for index in sorted(near)])
        if best is not None and best not in matched:
            matched[best] = place
        elif best is None and place.population > 0:
            if place.population >= _LEAST_TOLD_ALIKE and told[place.name, place.population] > 1:
                continue
            name = to_ascii(place.name)
            spot = (round(place.lng_deg, 5), round(place.lat_deg, 5))
            population, code = place.population, place.country_code
            alone.append(City(0, place.name, name, *spot, population, code, place.rank, place.capital))
    for index, place in matched.items():
        cities[index] = replace(cities[index], rank=place.rank, capital=place.capital)
        if _EXONYMS.get(cities[index].name) == place.name:
            cities[index] = replace(cities[index], english_name=place.name)
    return cities + alone


def find_match(place: RankedPlace, near: list[tuple[int, City]]) -> int | None:
    """Which of the cities near a place is the place."""
    best: tuple[float, int] | None = None
    for index, city in near:
        off_km = distance_km(place.lng_deg, place.lat_deg, city.lng_deg, city.lat_deg)
        is_big_enough = city.population >= 0.2 * place.population
        if off_km > _SAME_CITY_KM or not (is_big_enough or off_km <= _SAME_SPOT_KM):
            continue
        if city.id == place.geonames_id and is_big_enough:
            return index
        score = math.log10(city.population + 1) - off_km / 8.0
        if best is None or score > best[0]:
            best = (score, index)
    return best[1] if best else None


def drop_suburbs(cities: Iterable[City]) -> list[City]:
    """Without what lies inside a city at least four times as big, and without the smaller of two of one name.

    What Natural Earth ranks stays. Biggest first.
    """
    kept: list[City] = []
    covering: dict[Square, list[City]] = {}
    by_name: dict[str, list[City]] = {}
    for city in sorted(cities, key=lambda city: (city.rank == UNRANKED, -city.population, city.id)):
        names = {plain(name) for name in (city.name, city.english_name) if name}
        if city.rank == UNRANKED and (
            any(_is_inside(city, other) for other in covering.get(_square(city.lng_deg, city.lat_deg), ()))
            or any(_distance_km(city, other) < _TWIN_KM for name in names for other in by_name.get(name, ()))
        ):
            continue
        kept.append(city)
        for name in names:
            by_name.setdefault(name, []).append(city)
        for square in _squares_covered(city):
            covering.setdefault(square, []).append(city)
    return sorted(kept, key=lambda city: (-city.population, city.id))


def plain(name: str) -> str:
    """The letters of a name without case and accents, in which sources differ (Tver'); one in another script as it is."""
    return re.sub("[^a-z0-9]", "", to_ascii(name).casefold()) or name


def urban_radius_km(population: int) -> float:
    """Of a disc that holds a city: 3,000 people per km2 at 50,000 people, more in bigger cities."""
    density_km2 = 3000.0 * max(population / 50_000, 0.1) ** 0.25
    return math.sqrt(population / density_km2 / math.pi)


def _is_inside(city: City, other: City) -> bool:
    """A quarter that is named after its city (Zürich (Kreis 11)) may be bigger and further out."""
    off_km = _distance_km(city, other)
    if city.name.startswith((f"{other.name} (", f"{other.name}-")):
        return (
            off_km < _QUARTER_REACH * urban_radius_km(other.population) and other.population > city.population
        )
    return off_km < urban_radius_km(other.population) and other.population >= 4 * city.population


def _distance_km(first: City, second: City) -> float:
    return distance_km(first.lng_deg, first.lat_deg, second.lng_deg, second.lat_deg)


def _square(lng_deg: float, lat_deg: float) -> Square:
    return math.floor(lng_deg * 10), math.floor(lat_deg * 10)


def _squares_covered(city: City) -> list[Square]:
    high_deg = _QUARTER_REACH * urban_radius_km(city.population) / KM_PER_DEG
    wide_deg = high_deg / max(math.cos(math.radians(city.lat_deg)), 0.05)
    west, south = _square(city.lng_deg - wide_deg, city.lat_deg - high_deg)
    east, north = _square(city.lng_deg + wide_deg, city.lat_deg + high_deg)
    return [(x, y) for x in range(west, east + 1) for y in range(south, north + 1)]


def distance_km(lng_1_deg: float, lat_1_deg: float, lng_2_deg: float, lat_2_deg: float) -> float:
    """Good for places near to one another."""
    scale = math.cos(math.radians((lat_1_deg + lat_2_deg) / 2))
    across_deg = (lng_2_deg - lng_1_deg + 180.0) % 360.0 - 180.0
    return math.hypot(across_deg * scale, lat_2_deg - lat_1_deg) * KM_PER_DEG

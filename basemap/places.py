"""The layers `places` (countries, regions, localities) and `landcover` (where cities are).

Counterpart: `cities.py` and `placement.py` for localities.
Rule: `name` is the name at home; `name:en` is given where that is not Latin, or where English has another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import shapely  # type: ignore[import-untyped]
from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

from basemap.antimeridian import cut
from basemap.cities import COUNTRY_CAPITAL, REGION_CAPITAL, City, plain, urban_radius_km
from basemap.feature import (
    KM_PER_DEG,
    PIXEL_AT_ZOOM_7_DEG,
    Feature,
    Properties,
    Value,
    from_mercator,
    simplify,
    to_mercator,
)
from basemap.grade import Grade
from basemap.names import is_latin, is_shipped_script, to_ascii
from basemap.placement import score
from basemap.shapefile import read_rows
from basemap.sources import Sources
from basemap.topojson import read_shapes

_CAPITAL_LEVEL: dict[str, Value] = {COUNTRY_CAPITAL: "yes", REGION_CAPITAL: "4"}
_COUNTRY_PX, _REGION_PX = 45.0, 95.0
_LAST_REGION_ZOOM = 8
_CAPITALS_ZOOM = 4
_LETTER_PX, _LINE_PX, _NAMES_APART_PX, _LINE_LETTERS = 7.5, 15.0, 17.0, 14
"""How wide and high names are on the map, what is kept free between two of them, and where a long one is broken."""
_SEAT_OFF_DEG = 0.05
_LANGUAGE_OF_MAPS = {"BA": "bs", "BI": "fr", "CF": "fr", "CW": "nl", "PY": "es", "RW": "en", "SN": "fr"}
"""Of countries whose first official language is not that of their maps."""
_LEAST_URBAN_POPULATION = 10_000
_LEAST_URBAN_SIDE_KM = 6.0


def build_localities(placed: list[tuple[City, int]], grade: Grade) -> Iterator[Feature]:
    """What many places have in common stands first and in few values: that is what lets tiles be small."""
    for city, zoom in placed:
        population = _round(city.population)
        properties: Properties = {
            "kind": "locality",
            "kind_detail": _kind_detail(city),
            "population": population,
            "min_zoom": zoom,
            "sort_key": max(round((12 - score(city)) * 10), 0),
        }
        if city.capital:
            properties["capital"] = _CAPITAL_LEVEL[city.capital]
        properties |= _names(city.name, city.english_name)
        yield Feature(shapely.Point(city.lng_deg, city.lat_deg), min(zoom, grade.last_zoom), properties)


def build_countries(sources: Sources, cities: list[City]) -> Iterator[Feature]:
    """Each where it is wide, but beside its capital, whose name would have no room under it."""
    capitals = {city.country_code: city for city in cities if city.capital == COUNTRY_CAPITAL}
    known = json.loads((sources.geonames / "countries.json").read_text(encoding="utf-8")).values()
    codes = {f"{row['isonumeric']:03d}": (row["iso"], row["population"]) for row in known}
    for shape in read_shapes(sources.npm / "world-atlas" / "countries-50m.json", "countries"):
        if shape.id not in codes:
            continue
        code, population = codes[shape.id]
        outline = cut(shapely.multipolygons(shape.polygons))
        spot, side_deg = _label_spot(outline)
        zoom = max(_zoom_where_wide(side_deg, _COUNTRY_PX), 1)
        if zoom > _LAST_REGION_ZOOM:
            continue
        names = _names(find_country_name(code), find_country_name(code, "en"))
        if code in capitals:
            spot = _beside(outline, spot, names, capitals[code], max(zoom + 1, _CAPITALS_ZOOM))
        properties: Properties = {"kind": "country", "kind_detail": "country"}
        properties |= names
        properties |= {"country_code": code, "min_zoom": zoom, "population": _round(population)}
        properties |= {"sort_key": zoom * 10 - int(math.log10(population + 1))}
        yield Feature(spot, min(zoom, 6), properties)


def build_regions(sources: Sources, cities: list[City]) -> Iterator[Feature]:
    """First-order regions that are wide enough for their name, but none called as a city in it: that would look doubled."""
    seats = {
        (city.country_code, plain(name)): city
        for city in reversed(cities)
        for name in (city.english_name, city.name)
    }
    path = sources.regions / "ne_10m_admin_1_states_provinces.shp"
    for outline, row in read_rows(path, ["name", "iso_a2"], "utf-8"):
        spot, side_deg = _label_spot(cut(outline))
        zoom = max(_zoom_where_wide(side_deg, _REGION_PX), 4)
        if not row["name"] or zoom > _LAST_REGION_ZOOM:
            continue
        seat = seats.get((row["iso_a2"], plain(row["name"])))
        if seat and shapely.dwithin(outline, shapely.Point(seat.lng_deg, seat.lat_deg), _SEAT_OFF_DEG):
            continue
        properties: Properties = {"kind": "region", "kind_detail": "state"}
        properties |= _names(row["name"], to_ascii(row["name"])) | {"min_zoom": zoom, "sort_key": zoom * 10}
        yield Feature(spot, min(zoom, 7), properties)


def build_landcover(cities: list[City], grade: Grade) -> Iterator[Feature]:
    """Discs as big as a population needs, grown together: an estimate, there is no free outline of all cities.

    A single town would be a bare circle, so only areas as big as a city's are kept.
    """
    gap_deg = 1.5 * grade.pixel_deg
    discs = []
    for city in cities:
        if city.population >= _LEAST_URBAN_POPULATION:
            radius_deg = urban_radius_km(city.population) / KM_PER_DEG * _stretch(city.lat_deg)
            centre = to_mercator(np.array([[city.lng_deg, city.lat_deg]]))[0]
            discs.append(shapely.buffer(shapely.Point(centre), radius_deg + gap_deg, quad_segs=4))
    grown = shapely.get_parts(shapely.union_all(discs))
    for area in shapely.buffer(grown, -gap_deg, quad_segs=2):
        side_deg = math.sqrt(float(shapely.area(area)))
        outline = cut(simplify(shapely.transform(area, from_mercator), grade.pixel_deg / 3))
        stretch = _stretch(shapely.get_coordinates(outline)[0, 1])
        if side_deg / stretch * KM_PER_DEG >= _LEAST_URBAN_SIDE_KM:
            yield Feature(outline, min(max(_zoom_where_wide(side_deg, 6.0), 4), 7), {"kind": "urban_area"})


def _stretch(lat_deg: float) -> float:
    """How much bigger things are drawn than at the equator."""
    return 1 / math.cos(math.radians(min(abs(lat_deg), 85.0)))


@cache
def find_country_name(code: str, language: str | None = None) -> str:
    """In a given language, else in the first official one, else (or where that has a script we do not ship) in English."""
    official = (_LANGUAGE_OF_MAPS.get(code), *get_official_languages(code, de_facto=True))
    wanted = language or next(filter(None, official), "en")
    try:
        name = str(Locale.parse(wanted).territories.get(code, ""))
    except (UnknownLocaleError, ValueError):
        name = ""
    if name and (language or is_shipped_script(name)):
        return name
    return code if language == "en" else find_country_name(code, "en")


def _names(name: str, english_name: str) -> Properties:
    is_told = not english_name or to_ascii(name) == to_ascii(english_name)
    return {"name": name} if is_told else {"name": name, "name:en": english_name}


def _kind_detail(city: City) -> str:
    if city.population >= 100_000 or city.capital == COUNTRY_CAPITAL:
        return "city"
    return "town" if city.population >= 10_000 else "village"


def _round(population: int) -> int:
    """To two digits, below 10,000 to one: an estimate is all it is."""
    return int(float(f"{population:.{2 if population >= 10_000 else 1}g}"))


def _beside(
    outline: BaseGeometry, spot: BaseGeometry, names: Properties, capital: City, zoom: int
) -> BaseGeometry:
    """The spot next to a country's own where its name and its capital's have room from a zoom on; its own where there is none."""
    x, y = to_mercator(np.array([[capital.lng_deg, capital.lat_deg]]))[0]
    own = shapely.transform(spot, to_mercator)
    sizes_px = (_size_px(names), _size_px(_names(capital.name, capital.english_name)))
    wide, high = (
        ((one + other) / 2 + _NAMES_APART_PX) * PIXEL_AT_ZOOM_7_DEG * 2 ** (7 - zoom)
        for one, other in zip(*sizes_px, strict=True)
    )
    around = shapely.box(x - wide, y - high, x + wide, y + high)
    if not shapely.contains(around, own):
        return spot
    rest = shapely.difference(shapely.transform(outline, to_mercator), around)
    if shapely.is_empty(rest):
        return spot
    nearest = shapely.shortest_line(own, rest)
    if shapely.length(nearest) > max(wide, high):
        return spot
    return shapely.Point(from_mercator(shapely.get_coordinates(nearest)[-1:])[0])


def _size_px(names: Properties) -> tuple[float, float]:
    """How wide and high a name is about, with the Latin one beneath where the map writes that too."""
    lines = [str(names["name"])]
    if "name:en" in names and not is_latin(lines[0]):
        lines.append(str(names["name:en"]))
    rows = sum(math.ceil(len(line) / _LINE_LETTERS) for line in lines)
    return min(max(map(len, lines)), _LINE_LETTERS) * _LETTER_PX, rows * _LINE_PX


def _label_spot(outline: BaseGeometry) -> tuple[BaseGeometry, float]:
    """The place deepest inside the biggest part, and the side of a square as big as it, in degrees on the map."""
    parts = [shapely.transform(part, to_mercator) for part in shapely.get_parts(outline)]
    biggest = max(parts, key=shapely.area)
    side_deg = float(shapely.area(biggest)) ** 0.5
    circle = shapely.maximum_inscribed_circle(
        shapely.simplify(biggest, side_deg / 50), tolerance=side_deg / 50
    )
    return shapely.Point(from_mercator(shapely.get_coordinates(circle)[:1])[0]), side_deg


def _zoom_where_wide(side_deg: float, pixels: float) -> int:
    return max(math.ceil(math.log2(pixels * PIXEL_AT_ZOOM_7_DEG / side_deg)) + 7, 0)

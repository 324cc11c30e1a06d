"""The layer `water`: oceans, lakes and rivers, and points that bear the names of seas and lakes.

Counterpart: `earth.py`. Oceans are OpenStreetMap's coastline, shapes of lakes and rivers GSHHG's, names and ranks
Natural Earth's, which is true to a kilometre only: it gives a shape where GSHHG has none (reservoirs of our time).
Rule: what is left out or straightened is a few pixels of the last zoom, more where nobody lives (`detail.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import shapely  # type: ignore[import-untyped]
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

from basemap.detail import Detail
from basemap.feature import MERCATOR_LIMIT_DEG, PIXEL_AT_ZOOM_7_DEG, Feature, Properties, map_area_deg2
from basemap.gshhg import read_lakes, read_rivers
from basemap.rivers import build_rivers, read_named_rivers
from basemap.shapefile import Row, read_rows
from basemap.sources import Sources

LAKE_PX, FAR_LAKE_PX = 0.25, 4.0
ISLAND_PX, FAR_ISLAND_PX = 2.5, 8.0
LAKE_SIDE_PX, FAR_LAKE_SIDE_PX = 2.5, 8.0
"""Tolerances and least sides in pixels of the last zoom, near people and far from them."""

_BEYOND_180_DEG = 2.0
"""How far the sea around 180 degrees reaches to either side of it."""

_HERE = Path(__file__).parent
_LAKE_KINDS = {"Reservoir": "reservoir", "Alkaline Lake": "alkaline_lake"}


def build_water(sources: Sources, detail: Detail) -> Iterator[Feature]:
    yield from build_oceans(sources.npm / "@geo-maps" / "earth-seas-10m" / "map.geo.json", detail)
    yield from build_sea_names(detail.grade.last_zoom)
    yield from build_lakes(read_lakes(sources.gshhg), list(_read_named_lakes(sources.natural_earth)), detail)
    yield from build_rivers(read_rivers(sources.gshhg), read_named_rivers(sources.natural_earth), detail)


def build_oceans(path: Path, detail: Detail) -> Iterator[Feature]:
    seas = []
    for sea in polygons_of(shapely.from_geojson(path.read_text(encoding="utf-8"))):
        rings = [shapely.Polygon(ring) for ring in [sea.exterior, *sea.interiors]]
        shell, *islands = (ring.exterior if _is_shown(ring, detail) else None for ring in rings)
        if shell is not None:
            seas.append(shapely.Polygon(shell, [island for island in islands if island is not None]))
    for sea in [*seas, *join_across_180(seas)]:
        yield Feature(
            detail.simplify(sea, detail.grade.coast_px, detail.grade.far_coast_px), 0, {"kind": "ocean"}
        )


def join_across_180(seas: list[BaseGeometry]) -> list[BaseGeometry]:
    """The sea to both sides of 180 degrees as one, without an edge there: to be drawn over seas that end at 180 degrees.

    The tiler straightens that edge together with the coasts that end at it: from Fiji to Antarctica a hair of land would show.
    """
    south_deg, north_deg = -MERCATOR_LIMIT_DEG, MERCATOR_LIMIT_DEG
    parts = []
    for sea in seas:
        parts.append(shapely.clip_by_rect(sea, 180.0 - _BEYOND_180_DEG, south_deg, 180.0, north_deg))
        west = shapely.clip_by_rect(sea, -180.0, south_deg, -180.0 + _BEYOND_180_DEG, north_deg)
        parts.append(shapely.transform(west, lambda lng_lat: lng_lat + np.array([360.0, 0.0])))
    return polygons_of(shapely.union_all([shapely.make_valid(part) for part in parts]))


def _is_shown(island: BaseGeometry, detail: Detail) -> bool:
    is_near = bool(detail.is_near_people(shapely.get_coordinates(island)[:1])[0])
    least_px = ISLAND_PX if is_near else FAR_ISLAND_PX
    return math.sqrt(map_area_deg2(island)) >= least_px * detail.grade.pixel_deg


def build_sea_names(last_zoom: int) -> Iterator[Feature]:
    for line in (_HERE / "seas.tsv").read_text(encoding="utf-8").splitlines():
        name, kind, lng_deg, lat_deg, zoom = line.split("\t")
        place = shapely.Point(float(lng_deg), float(lat_deg))
        yield Feature(place, min(int(zoom), last_zoom), {"kind": kind, "name": name, "min_zoom": int(zoom)})


def build_lakes(
    shapes: list[BaseGeometry], named: list[tuple[BaseGeometry, Row]], detail: Detail
) -> Iterator[Feature]:
    """Every shape, with the name of the lake it covers most of; named lakes that no shape meets as they are."""
    tree = shapely.STRtree(shapes)
    rows: dict[int, tuple[float, Row]] = {}
    for outline, row in named:
        met = [
            (shapely.area(shapely.intersection(shapes[at], outline)), int(at)) for at in tree.query(outline)
        ]
        shared_deg2, at = max(met, default=(0.0, -1))
        if shared_deg2 <= 0.0:
            yield from _lake(outline, row, detail)
        elif shared_deg2 > rows.get(at, (0.0,))[0]:
            rows[at] = (shared_deg2, row)
    for at, shape in enumerate(shapes):
        yield from _lake(shape, rows[at][1] if at in rows else None, detail)


def _lake(shape: BaseGeometry, row: Row | None, detail: Detail) -> Iterator[Feature]:
    side_deg = math.sqrt(map_area_deg2(shape))
    is_near = bool(detail.is_near_people(shapely.get_coordinates(shape)).any())
    if side_deg < (LAKE_SIDE_PX if is_near else FAR_LAKE_SIDE_PX) * detail.grade.pixel_deg:
        return
    kind: Properties = {"kind": "lake"}
    if row is not None and row["featurec_2"] in _LAKE_KINDS:
        kind["kind_detail"] = _LAKE_KINDS[row["featurec_2"]]
    for part in polygons_of(shape):
        outline = detail.simplify(part, LAKE_PX, FAR_LAKE_PX)
        yield Feature(outline, _zoom_where_wide(side_deg, 8.0, detail.grade.last_zoom), kind)
    names = _lake_names(row)
    if names:
        middle = shapely.maximum_inscribed_circle(
            shapely.simplify(shape, side_deg / 40), tolerance=side_deg / 20
        ).coords[0]
        min_zoom = max(_zoom_where_wide(side_deg, 40.0, 12), 3)
        in_tiles_from = min(min_zoom, detail.grade.last_zoom)
        yield Feature(shapely.Point(middle), in_tiles_from, {**names, "kind": "lake", "min_zoom": min_zoom})


def _lake_names(row: Row | None) -> Properties:
    """Letters beyond ASCII were lost in the source: known victims are repaired, those that show it are dropped."""
    name = _repaired_names().get(row["name"], row["name"]) if row is not None else None
    if row is None or not name or "  " in name or "--" in name:
        return {}
    names: Properties = {"name": name}
    if (row["name_alt"] or "").startswith("Lake ") and "?" not in row["name_alt"]:
        names["name:en"] = row["name_alt"]
    return names


@cache
def _repaired_names() -> dict[str, str]:
    lines = (_HERE / "lake_names.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines)


def _zoom_where_wide(side_deg: float, pixels: float, most: int) -> int:
    """The first zoom at which a thing is that many pixels wide."""
    zoom = np.ceil(np.log2(pixels * PIXEL_AT_ZOOM_7_DEG / side_deg)) + 7
    return int(min(max(zoom, 0), most))


def _read_named_lakes(folder: Path) -> Iterator[tuple[BaseGeometry, Row]]:
    for outline, row in read_rows(folder / "ne_10m_ocean.shp", ["name", "name_alt", "featurec_2"], "latin1"):
        if row["featurec_2"] is not None:
            yield shapely.make_valid(outline), row


def polygons_of(geometry: BaseGeometry) -> list[BaseGeometry]:
    """The polygons of a collection, at any depth."""
    if geometry.geom_type == "Polygon":
        return [geometry]
    return [polygon for part in getattr(geometry, "geoms", []) for polygon in polygons_of(part)]

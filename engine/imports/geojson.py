"""GeoJSON (RFC 7946) made into records. Counterpart: `writing.py` writes it. One rule: as in `record.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from domain.text import clean_text
from engine.imports.record import (
    CannotRead,
    Record,
    capped,
    check_length,
    fields_from,
    name_in,
    place_from,
)


def read_geojson(data: bytes) -> list[Record]:
    """Return the features of a file. Raises CannotRead."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CannotRead(f"this is no JSON: {clean_text(str(error), 200)}") from error
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = {"type": "FeatureCollection", "features": [found]}
    features = found.get("features") if isinstance(found, dict) else None
    if (
        not isinstance(found, dict)
        or found.get("type") != "FeatureCollection"
        or not isinstance(features, list)
    ):
        raise CannotRead('a GeoJSON object of type "FeatureCollection" with its "features" expected')
    return capped(_features(features))


def _features(features: list[Any]) -> Iterator[Record]:
    for number, feature in enumerate(features, 1):
        where = f"feature {number}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise CannotRead(f'{where}: an object of type "Feature" expected')
        properties = feature.get("properties") or {}
        if not isinstance(properties, dict):
            raise CannotRead(f'{where}: "properties" is no object')
        fields = fields_from((str(name), value) for name, value in properties.items())
        key = feature.get("id")
        ends = (fields["a"], fields["b"]) if "a" in fields and "b" in fields else None
        places = _places(feature.get("geometry"), where)
        is_area = places is None
        key = clean_text(str(key), 80) if isinstance(key, str | int) else fields.get("id", "")
        yield Record(where, name_in(fields), fields, places or (), key, ends, is_area=is_area)


def _places(geometry: Any, where: str) -> tuple[tuple[float, float], ...] | None:
    """Return the places of a point or a line, None of what is neither."""
    if geometry is None:
        return ()
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Point", "LineString", "MultiLineString"):
        if kind in ("Polygon", "MultiPolygon", "MultiPoint", "GeometryCollection"):
            return None
        raise CannotRead(f"{where}: a geometry of GeoJSON expected, got {clean_text(str(kind), 40)!r}")
    points = geometry.get("coordinates")
    if kind == "Point":
        points = [points]
    elif kind == "MultiLineString" and isinstance(points, list):
        if len(points) != 1:
            return None
        points = points[0]
    if not isinstance(points, list) or not all(isinstance(p, list) and len(p) >= 2 for p in points):
        raise CannotRead(f"{where}: coordinates as [longitude, latitude] expected")
    check_length(len(points), where)
    return tuple(place_from(point[0], point[1], where) for point in points)

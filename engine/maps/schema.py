"""Whose layers a map has: Protomaps, OpenMapTiles, Shortbread, or a raster. Counterpart: the page's `ground_*.js` draw them.

One rule: a schema is recognised by layers that only it has, and what is none of them is refused: nobody could draw it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from domain.maps import MapSchema
from domain.text import clean_text
from engine.maps.directory import BadMap

NAME_CAP = 80
ATTRIBUTION_CAP = 200
LAYERS_CAP = 512
_SHOWN = 8
_MARKS: dict[MapSchema, tuple[frozenset[str], ...]] = {
    "openmaptiles": (
        frozenset({"transportation", "place", "water_name", "transportation_name", "landcover", "waterway"}),
    ),
    "shortbread": (
        frozenset(
            {
                "street_labels",
                "water_polygons",
                "place_labels",
                "boundary_labels",
                "streets",
                "water_lines",
                "ocean",
            }
        ),
    ),
    "protomaps": (
        frozenset({"earth", "roads", "places", "boundaries", "pois", "landcover", "physical_line"}),
    ),
}
"""Layers that tell the schemas apart; `water`, `boundary`, `buildings` and `landuse` do not."""
_LEAST = 2
_TITLES = {"protomaps": "Protomaps", "openmaptiles": "OpenMapTiles", "shortbread": "Shortbread"}
_TAG = re.compile(r"<[^<>]{0,500}>")
_ENTITIES = {
    "&copy;": "©",
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&nbsp;": " ",
}


class Told(NamedTuple):
    """What a file says of itself."""

    schema: MapSchema
    name: str
    attribution: str


def told_of(metadata: bytes, is_vector: bool) -> Told:
    """Return what the metadata tell. Raises BadMap."""
    try:
        told = msgspec.json.decode(metadata or b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadMap(f"the metadata are no JSON: {clean_text(str(error), 120)}") from None
    if not isinstance(told, dict):
        raise BadMap(f"the metadata are a {type(told).__name__}, an object expected")
    name = clean_text(told["name"], NAME_CAP) if isinstance(told.get("name"), str) else ""
    credit = told.get("attribution")
    attribution = plain_credit(credit) if isinstance(credit, str) else ""
    return Told(_schema_of(told.get("vector_layers")) if is_vector else "raster", name, attribution)


def _schema_of(layers: Any) -> MapSchema:
    if not isinstance(layers, list) or len(layers) > LAYERS_CAP:
        got = f"{len(layers):,} entries" if isinstance(layers, list) else type(layers).__name__
        raise BadMap(
            f"the metadata's vector_layers are {got}, a list of at most {LAYERS_CAP} layers expected"
        )
    names = {layer["id"] for layer in layers if isinstance(layer, dict) and isinstance(layer.get("id"), str)}
    counted = {schema: max(len(names & marks) for marks in kinds) for schema, kinds in _MARKS.items()}
    found = max(counted, key=counted.__getitem__)
    if counted[found] < _LEAST:
        shown = clean_text(", ".join(sorted(names)[:_SHOWN]), 120) or "none"
        raise BadMap(
            f"its layers are {shown}; those of {', '.join(_TITLES.values())} expected: nothing else can be drawn"
        )
    return found


def plain_credit(text: str) -> str:
    """Return an attribution, which by custom is HTML, as plain text."""
    text = _TAG.sub("", text[:4_000])
    for entity, letter in _ENTITIES.items():
        text = text.replace(entity, letter)
    return clean_text(text.replace("<", "").replace(">", ""), ATTRIBUTION_CAP)

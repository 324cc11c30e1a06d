"""GraphML made into records: networkx, yEd, Gephi, the Topology Zoo. Counterpart: `writing.py` writes it. One rule: as there."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element  # nosec B405 - the class alone

from domain.text import clean_text
from engine.imports.record import CannotRead, Record, capped, fields_from, name_in, place_from
from engine.imports.xml_file import children, local, read_xml

KEYS_CAP = 1_000
LNG_FIELDS = ("lng", "lon", "long", "longitude")
LAT_FIELDS = ("lat", "latitude")


def read_graphml(data: bytes) -> list[Record]:
    """Return the nodes and edges of a graph. Raises CannotRead."""
    root = read_xml(data)
    if local(root) != "graphml":
        raise CannotRead(f"the root of a GraphML file is <graphml>, got <{clean_text(local(root), 40)}>")
    names: dict[str, str] = {}
    for key in list(children(root, "key"))[:KEYS_CAP]:
        names[key.get("id", "")] = key.get("attr.name") or key.get("id") or ""
    graphs = list(children(root, "graph"))
    if not graphs:
        raise CannotRead("the file holds no <graph>")
    return capped(_records(graphs[0], names))


def _records(graph: Element, names: dict[str, str]) -> Iterator[Record]:
    numbers = {"node": 0, "edge": 0}
    for element in graph:
        kind = local(element)
        if kind not in numbers:
            continue
        numbers[kind] += 1
        where = f"{kind} {numbers[kind]}"
        fields = fields_from(
            (names.get(given.get("key", ""), ""), _value(given)) for given in children(element, "data")
        )
        key = clean_text(element.get("id", ""), 80)
        if kind == "node":
            yield Record(where, name_in(fields) or key, fields, _places(fields, where), key)
            continue
        ends = [clean_text(element.get(end, ""), 80) for end in ("source", "target")]
        if not all(ends):
            raise CannotRead(f"{where}: a source and a target expected")
        yield Record(where, name_in(fields), fields, (), key, (ends[0], ends[1]))


def _value(data: Element) -> str:
    """Return the text of a property; of yEd's drawings the label."""
    if data.text and data.text.strip():
        return data.text
    return next((part.text or "" for part in data.iter() if local(part) in ("NodeLabel", "EdgeLabel")), "")


def _places(fields: dict[str, str], where: str) -> tuple[tuple[float, float], ...]:
    lng = next((fields[name] for name in LNG_FIELDS if name in fields), None)
    lat = next((fields[name] for name in LAT_FIELDS if name in fields), None)
    return (place_from(lng, lat, where),) if lng is not None and lat is not None else ()

"""KML and KMZ made into records.

Counterpart: `writing.py` writes KML. One rule: links to pictures and servers are not followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element  # nosec B405 - the class alone
from zipfile import ZipInfo

from domain.exchanging import FILE_CAP_BYTES
from domain.text import clean_text
from engine.imports.record import (
    NAME_CAP,
    CannotRead,
    Record,
    capped,
    check_length,
    fields_from,
    name_in,
    place_from,
)
from engine.imports.xml_file import children, local, read_xml, text_in
from engine.zipped import Damaged, unzipped

ENTRIES_CAP = 10_000
UNPACKED_CAP_BYTES = 4 * FILE_CAP_BYTES
_TAG = re.compile(r"<[^<>]{0,2000}>")


def read_kml(data: bytes) -> list[Record]:
    """Return the placemarks of a KML file. Raises CannotRead."""
    root = read_xml(data)
    if local(root) != "kml":
        raise CannotRead(f"the root of a KML file is <kml>, got <{clean_text(local(root), 40)}>")
    return capped(_placemarks(root))


def read_kmz(data: bytes) -> list[Record]:
    """Return the placemarks of the first KML file within a KMZ. Raises CannotRead."""
    try:
        unpacked, _ = unzipped(data, _first_kml, UNPACKED_CAP_BYTES)
    except Damaged as error:
        raise CannotRead(f"this KMZ cannot be read: {error}") from error
    return read_kml(unpacked)


def _first_kml(members: list[ZipInfo]) -> ZipInfo:
    if len(members) > ENTRIES_CAP:
        raise CannotRead(f"the archive holds {len(members):,} files, at most {ENTRIES_CAP:,} expected")
    inner = next((one for one in members if one.filename.casefold().endswith(".kml")), None)
    if inner is None:
        raise CannotRead("the archive holds no .kml file")
    return inner


def _placemarks(root: Element) -> Iterator[Record]:
    waiting = [(root, "")]
    number = 0
    while waiting:
        element, folder = waiting.pop()
        inner = []
        for child in element:
            name = local(child)
            if name in ("Document", "Folder"):
                said = clean_text(text_in(child, "name"), NAME_CAP)
                inner.append((child, said if name == "Folder" and said else folder))
            elif name == "Placemark":
                number += 1
                yield _placemark(child, f"placemark {number}", folder)
        waiting += reversed(inner)


def _placemark(element: Element, where: str, folder: str) -> Record:
    pairs: list[tuple[str, object]] = [("name", text_in(element, "name"))]
    for data in children(element, "ExtendedData"):
        for given in data.iter():
            if local(given) == "Data":
                pairs.append((given.get("name", ""), text_in(given, "value")))
            elif local(given) == "SimpleData":
                pairs.append((given.get("name", ""), given.text or ""))
    if said := _TAG.sub(" ", text_in(element, "description")):
        pairs.append(("description", said))
    fields = fields_from(iter(pairs))
    ends = (fields["a"], fields["b"]) if "a" in fields and "b" in fields else None
    key = clean_text(element.get("id", ""), 80) or fields.get("id", "")
    places = _places(element, where)
    return Record(where, name_in(fields), fields, places or (), key, ends, folder, places is None)


def _places(element: Element, where: str) -> tuple[tuple[float, float], ...] | None:
    """Return the places of the placemark's first point or line, None of what is neither."""
    for part in element.iter():
        if local(part) in ("Polygon", "LinearRing", "Model", "Track"):
            return None
        if local(part) in ("Point", "LineString"):
            tuples = text_in(part, "coordinates").split()
            check_length(len(tuples), where)
            if local(part) == "Point" and len(tuples) != 1:
                raise CannotRead(f"{where}: one longitude,latitude expected of a point, got {len(tuples)}")
            return tuple(_place(text, where) for text in tuples)
    return ()


def _place(text: str, where: str) -> tuple[float, float]:
    lng, _, rest = text.partition(",")
    return place_from(lng, rest.partition(",")[0], where)

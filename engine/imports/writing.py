"""The inventory written as a file of another program. Counterpart: the readers beside it, which read the same names again.

One rule: no login, no secret and no address of ours is in it; what a format cannot hold is told.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr  # nosec B406 - writes, and reads nothing

import msgspec

from domain.exchanging import FileFormat
from domain.geometry import LngLat
from domain.inventory import Device, Inventory, Link, Site

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
COLUMNS = (
    "kind",
    "id",
    "name",
    "address",
    "role",
    "site",
    "place_of",
    "region",
    "lng",
    "lat",
    "subscribers",
    "tags",
    "interval_s",
    "elevation_m",
    "pop",
    "a",
    "b",
    "a_interface",
    "b_interface",
    "medium",
    "capacity_bps",
    "note",
)


class Written(NamedTuple):
    """A file, how many things it holds, and what it does not hold, in sentences."""

    data: bytes
    things: int
    left_out: tuple[str, ...] = ()


class _Thing(NamedTuple):
    fields: dict[str, str | int | float]
    places: tuple[tuple[float, float], ...]


def write(inventory: Inventory, format: FileFormat, devices: Iterable[UUID] | None = None) -> Written:
    """Return a file of everything, or of some devices, their sites and the links between them."""
    things = list(_things(inventory, None if devices is None else set(devices)))
    writers: dict[FileFormat, Callable[[list[_Thing]], bytes]] = {
        "geojson": _geojson,
        "kml": _kml,
        "kmz": _kmz,
        "graphml": _graphml,
        "csv": _csv,
    }
    written = Written(writers[format](things), len(things))
    if format in ("kml", "kmz"):
        placeless = [thing for thing in things if not thing.places]
        if placeless:
            said = f"{len(placeless)} things without a place: KML shows only what has one"
            return written._replace(things=len(things) - len(placeless), left_out=(said,))
    if format == "graphml":
        sites = sum(thing.fields["kind"] == "site" for thing in things)
        return written._replace(things=len(things) - sites)
    return written


def _things(inventory: Inventory, chosen: set[UUID] | None) -> Iterator[_Thing]:
    devices = [device for device in inventory.devices() if chosen is None or device.id in chosen]
    ids = {device.id for device in devices}
    sites = {device.site for device in devices}
    for site in inventory.sites():
        if chosen is None or site.id in sites:
            yield _Thing(_site_fields(inventory, site), _at(site.lng, site.lat))
    for device in devices:
        place = inventory.place_of(device)
        yield _Thing(_device_fields(inventory, device), ((place.lng, place.lat),) if place else ())
    for link in inventory.links():
        if {link.a, link.b} <= ids:
            yield _Thing(_link_fields(inventory, link), _path(inventory, link))


def _site_fields(inventory: Inventory, site: Site) -> dict[str, Any]:
    above = inventory.site(site.pop)
    return _given(
        kind="site",
        id=str(site.id),
        name=site.name,
        region=site.region,
        elevation_m=site.elevation_m,
        pop=above.name if above is not None else "",
        note=site.note,
    )


def _device_fields(inventory: Inventory, device: Device) -> dict[str, Any]:
    site = inventory.site(device.site)
    inherits = device.lng is None and site is not None and site.lng is not None
    return _given(
        kind="device",
        id=str(device.id),
        name=device.name,
        address=device.address,
        role=device.role,
        site=site.name if site is not None else "",
        place_of="site" if inherits else "",
        subscribers=device.subscribers,
        interval_s=device.interval_s,
        tags=", ".join(device.tags),
        note=device.note,
    )


def _link_fields(inventory: Inventory, link: Link) -> dict[str, Any]:
    ends = [inventory.device(end) for end in (link.a, link.b)]
    return _given(
        kind="link",
        id=str(link.id),
        name=" – ".join(end.name for end in ends if end is not None),
        a=str(link.a),
        b=str(link.b),
        a_interface=link.a_interface,
        b_interface=link.b_interface,
        medium=link.kind,
        capacity_bps=link.capacity_bps,
        note=link.note,
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", None)}


def _at(lng: float | None, lat: float | None) -> tuple[tuple[float, float], ...]:
    return ((lng, lat),) if lng is not None and lat is not None else ()


def _path(inventory: Inventory, link: Link) -> tuple[tuple[float, float], ...]:
    found: list[LngLat | None] = []
    for id in (link.a, link.b):
        device = inventory.device(id)
        found.append(inventory.place_of(device) if device is not None else None)
    a, b = found
    return ((a.lng, a.lat), *link.path, (b.lng, b.lat)) if a is not None and b is not None else ()


def _geojson(things: list[_Thing]) -> bytes:
    features = [
        {
            "type": "Feature",
            "id": thing.fields["id"],
            "properties": {name: value for name, value in thing.fields.items() if name != "id"},
            "geometry": _geometry(thing.places),
        }
        for thing in things
    ]
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def _geometry(places: tuple[tuple[float, float], ...]) -> dict[str, object] | None:
    if not places:
        return None
    if len(places) == 1:
        return {"type": "Point", "coordinates": places[0]}
    return {"type": "LineString", "coordinates": places}


def _kml(things: list[_Thing]) -> bytes:
    parts = [XML, '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Heliograph</name>\n']
    for kind, title in (("site", "Sites"), ("device", "Devices"), ("link", "Links")):
        parts.append(f"<Folder id={quoteattr(kind)}><name>{title}</name>\n")
        parts += [_placemark(thing) for thing in things if thing.fields["kind"] == kind and thing.places]
        parts.append("</Folder>\n")
    parts.append("</Document></kml>\n")
    return "".join(parts).encode()


def _placemark(thing: _Thing) -> str:
    rest = "".join(
        f"<Data name={quoteattr(name)}><value>{escape(str(value))}</value></Data>"
        for name, value in thing.fields.items()
        if name not in ("name", "note")
    )
    note = f"<description>{escape(str(thing.fields['note']))}</description>" if "note" in thing.fields else ""
    tuples = " ".join(f"{lng:.7f},{lat:.7f}" for lng, lat in thing.places)
    shape = "Point" if len(thing.places) == 1 else "LineString"
    name = escape(str(thing.fields.get("name", "")))
    return (
        f"<Placemark><name>{name}</name>{note}<ExtendedData>{rest}</ExtendedData>"
        f"<{shape}><coordinates>{tuples}</coordinates></{shape}></Placemark>\n"
    )


def _kmz(things: list[_Thing]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            zipfile.ZipInfo("doc.kml", (1980, 1, 1, 0, 0, 0)), _kml(things), zipfile.ZIP_DEFLATED
        )
    return packed.getvalue()


def _graphml(things: list[_Thing]) -> bytes:
    names = dict.fromkeys(
        name for thing in things for name in (*thing.fields, "lng", "lat") if name not in ("id", "a", "b")
    )
    kinds = {name: "double" if name in ("lng", "lat") else "string" for name in names}
    parts = [XML, '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n']
    parts += [
        f'<key id={quoteattr(name)} for="all" attr.name={quoteattr(name)} attr.type="{kind}"/>\n'
        for name, kind in kinds.items()
    ]
    parts.append('<graph edgedefault="undirected">\n')
    for thing in things:
        fields = {name: value for name, value in thing.fields.items() if name not in ("id", "a", "b")}
        if len(thing.places) == 1:
            fields["lng"], fields["lat"] = thing.places[0]
        data = "".join(f"<data key={quoteattr(n)}>{escape(str(v))}</data>" for n, v in fields.items())
        id = quoteattr(str(thing.fields["id"]))
        if thing.fields["kind"] == "device":
            parts.append(f"<node id={id}>{data}</node>\n")
        elif thing.fields["kind"] == "link":
            ends = f"source={quoteattr(str(thing.fields['a']))} target={quoteattr(str(thing.fields['b']))}"
            parts.append(f"<edge id={id} {ends}>{data}</edge>\n")
    parts.append("</graph></graphml>\n")
    return "".join(parts).encode()


def _csv(things: list[_Thing]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\r\n")
    table.writeheader()
    for thing in things:
        row: dict[str, object] = dict(thing.fields)
        if len(thing.places) == 1:
            row["lng"], row["lat"] = thing.places[0]
        table.writerow({name: _cell(value) for name, value in row.items()})
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return "'" + value
    return value

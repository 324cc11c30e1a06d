"""Places as well-known binary (OGC 06-103r4, section 8). Counterpart: `types.py` stores it, PostGIS and shapely read the same.

One rule: two dimensions, longitude first. Written little-endian; read in either order, and with PostGIS' SRID flag.
Points and rows of points are all that inventory holds, so that the engine need not load shapely and numpy (20 MB).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from domain.geometry import LngLat

_POINT, _MULTIPOINT = 1, 4
_SRID_FLAG = 0x20000000
_POINT_BYTES = struct.Struct("<BIdd")


def encode_point(place: LngLat) -> bytes:
    """Return a place as a WKB point (21 bytes)."""
    return _POINT_BYTES.pack(1, _POINT, place.lng, place.lat)


def encode_bends(bends: Sequence[tuple[float, float]]) -> bytes:
    """Return the bends of a path, in their order, as a WKB multipoint."""
    head = struct.pack("<BII", 1, _MULTIPOINT, len(bends))
    return head + b"".join(_POINT_BYTES.pack(1, _POINT, lng, lat) for lng, lat in bends)


def decode_point(data: bytes) -> LngLat:
    """Return the place of a WKB or EWKB point. Raises ValueError where the bytes are none."""
    place, end = _point_at(data, 0)
    if end != len(data):
        raise ValueError(f"a WKB point ends at byte {end}, got {len(data)} bytes")
    return place


def decode_bends(data: bytes) -> tuple[tuple[float, float], ...]:
    """Return the bends of a WKB or EWKB multipoint. Raises ValueError where the bytes are none."""
    order, kind, at = _head_at(data, 0)
    if kind != _MULTIPOINT or len(data) < at + 4:
        raise ValueError(f"a WKB multipoint expected, got geometry type {kind} in {len(data)} bytes")
    count = struct.unpack_from(order + "I", data, at)[0]
    at += 4
    if count > (len(data) - at) // _POINT_BYTES.size:
        raise ValueError(f"a WKB multipoint of {count} points does not fit in {len(data)} bytes")
    bends: list[tuple[float, float]] = []
    for _ in range(count):
        place, at = _point_at(data, at)
        bends.append((place.lng, place.lat))
    return tuple(bends)


def _point_at(data: bytes, at: int) -> tuple[LngLat, int]:
    order, kind, at = _head_at(data, at)
    if kind != _POINT or len(data) < at + 16:
        raise ValueError(f"a WKB point expected, got geometry type {kind} in {len(data)} bytes")
    return LngLat(*struct.unpack_from(order + "dd", data, at)), at + 16


def _head_at(data: bytes, at: int) -> tuple[str, int, int]:
    if len(data) < at + 5 or data[at] > 1:
        raise ValueError(f"WKB expected, got {len(data)} bytes")
    order = "<" if data[at] else ">"
    kind = struct.unpack_from(order + "I", data, at + 1)[0]
    return (order, kind & ~_SRID_FLAG, at + 9) if kind & _SRID_FLAG else (order, kind, at + 5)

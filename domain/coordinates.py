"""A place as people type or paste it. Pure. Counterpart: the search field, which flies there.

Read are decimal degrees, degrees with minutes and with seconds, each with or without the letters N, S, E, W (O for east, as
German has it), in either order where letters say which is which. Without letters latitude comes
first, as most maps copy it, and the other order is a second reading.
One rule: what is not surely a place is none; two numbers of an address or a version are not one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from domain.geometry import LngLat, is_place

TYPED_CAP = 80
_NUMBER = r"\d{1,3}(?:[.,]\d{1,12})?"
_ANGLE = re.compile(
    rf"""(?:(?P<before>[NSEWO])\s*)?
    (?P<sign>[-+\u2212])?(?P<deg>{_NUMBER})
    (?:(?:\s*[°º]\s*|\s+)(?P<min>{_NUMBER})\s*['\u2032\u2019]
       (?:\s*(?P<sec>{_NUMBER})\s*(?:["\u2033\u201d]|''|\u2032\u2032))?
      |\s*[°º])?
    (?(before)|(?:\s*(?P<after>[NSEWO]))?)""",
    re.VERBOSE | re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s*[,;/]\s*|\s+|(?<=[NSEWOnsewo])")


class _Angle(NamedTuple):
    """Degrees, and whether they are "lat" or "lng"; "" where nothing says so."""

    deg: float
    of: str


def read_places(text: str) -> tuple[LngLat, ...]:
    """Return the places that a text may be, likeliest first: "47.55 10.31", "47°33'N 10°18'E", "N47.55, E10.31"."""
    text = text.strip().strip("()[]")
    if not 3 <= len(text) <= TYPED_CAP:
        return ()
    first = _ANGLE.match(text)
    between = _BETWEEN.match(text, first.end()) if first is not None else None
    second = _ANGLE.fullmatch(text, between.end()) if between is not None else None
    if first is None or second is None or not _is_meant(text, first, second):
        return ()
    a, b = _angle(first), _angle(second)
    if a is None or b is None or (a.of and a.of == b.of):
        return ()
    as_typed, turned = LngLat(b.deg, a.deg), LngLat(a.deg, b.deg)
    if a.of or b.of:
        wanted = [turned if a.of == "lng" or b.of == "lat" else as_typed]
    else:
        wanted = [as_typed] if as_typed == turned else [as_typed, turned]
    return tuple(place for place in wanted if is_place(*place))


def place_words(place: LngLat) -> str:
    """Return a place as every map reads it: 47.55300° N, 10.31900° E."""
    lng, lat = place
    return f"{abs(lat):.5f}° {'S' if lat < 0 else 'N'}, {abs(lng):.5f}° {'W' if lng < 0 else 'E'}"


def _is_meant(text: str, first: re.Match[str], second: re.Match[str]) -> bool:
    """Two bare whole numbers may be anything; a fraction, a letter, a degree sign or a comma says that it is a place."""
    return any(sign in text for sign in ".,°º;") or any(m["before"] or m["after"] for m in (first, second))


def _angle(match: re.Match[str]) -> _Angle | None:
    letter = (match["before"] or match["after"] or "").upper()
    parts = [float((match[name] or "0").replace(",", ".")) for name in ("deg", "min", "sec")]
    if parts[1] >= 60 or parts[2] >= 60 or (letter and match["sign"]):
        return None
    deg = parts[0] + parts[1] / 60 + parts[2] / 3600
    if match["sign"] in ("-", "\u2212") or letter in ("S", "W"):
        deg = -deg
    return _Angle(deg, ("lat" if letter in "NS" else "lng") if letter else "")

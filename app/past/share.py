"""A moment as a link: heliograph://moment?at=...&lng=...&lat=...&zoom=...&select=... Counterpart: whoever is sent it.

Theory: a link says when and where to look, never what is seen there: who opens it sees it in the journal of their own engine.
One rule: a link comes from anywhere. It has a cap, each key is read by its type and range, and what does not fit refuses all.
"""

from __future__ import annotations

import math
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from domain.geometry import is_place

LINK_CAP = 500
SCHEME, PAGE = "heliograph", "moment"
KEYS = frozenset({"at", "lng", "lat", "zoom", "select"})
ZOOM_MOST = 24.0
AT_MOST_US = 7_258_118_400_000_000
"""The year 2200: a later moment is a mistake."""


class View(NamedTuple):
    """Where a map looks."""

    lng: float
    lat: float
    zoom: float


class MomentLink(NamedTuple):
    """When, and where it says so, on what the map looks and what is selected."""

    at_us: int
    view: View | None = None
    select: UUID | None = None


class BadLink(ValueError):
    """A text is no link to a moment; the message says what was got and what was expected."""


def link_of(moment: MomentLink) -> str:
    """Return the link of a moment."""
    fields: dict[str, str] = {"at": str(moment.at_us)}
    if moment.view is not None:
        fields |= {
            "lng": f"{moment.view.lng:.5f}",
            "lat": f"{moment.view.lat:.5f}",
            "zoom": f"{moment.view.zoom:.2f}",
        }
    if moment.select is not None:
        fields["select"] = str(moment.select)
    return f"{SCHEME}://{PAGE}?{urlencode(fields)}"


def is_link(text: str) -> bool:
    """Tell whether a text means to be such a link."""
    return text.strip().casefold().startswith(f"{SCHEME}:")


def read_link(text: str) -> MomentLink:
    """Return what a link says. Raises BadLink."""
    said = text.strip()
    if len(said) > LINK_CAP:
        raise BadLink(f"a link of {len(said)} characters, at most {LINK_CAP} expected")
    if not said.isascii() or not said.isprintable():
        raise BadLink("a link with characters that no link has")
    try:
        parts = urlsplit(said)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True, max_num_fields=len(KEYS))
    except ValueError as error:
        raise BadLink(f"not a link to a moment: {error}") from error
    if (parts.scheme, parts.netloc, parts.path.strip("/"), parts.fragment) != (SCHEME, PAGE, "", ""):
        raise BadLink(f"not a link to a moment: {SCHEME}://{PAGE}?at=... expected")
    fields = dict(pairs)
    if len(fields) != len(pairs) or not fields.keys() <= KEYS:
        raise BadLink(f"unknown or repeated keys; {', '.join(sorted(KEYS))} expected")
    return MomentLink(_at_us(fields.get("at", "")), _view(fields), _select(fields.get("select")))


def _at_us(text: str) -> int:
    if not text.isdecimal() or len(text) > 17 or not 0 < int(text) < AT_MOST_US:
        raise BadLink(f"at is {text[:40]!r}, microseconds since 1970 expected")
    return int(text)


def _view(fields: dict[str, str]) -> View | None:
    given = [fields.get(key) for key in ("lng", "lat", "zoom")]
    if given == [None, None, None]:
        return None
    try:
        lng, lat, zoom = (float(text or "") for text in given)
    except ValueError as error:
        raise BadLink("lng, lat and zoom are three numbers or none") from error
    if not is_place(lng, lat) or not math.isfinite(zoom) or not 0 <= zoom <= ZOOM_MOST:
        raise BadLink(f"lng, lat and zoom are {lng}, {lat}, {zoom}: no place on a map")
    return View(lng, lat, zoom)


def _select(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise BadLink(f"select is {text[:40]!r}, an id expected") from error

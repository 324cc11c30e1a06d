"""The one door between window and page. Counterpart: `map_assets/src/channel.js`.

Theory: each side sends one JSON string. What comes in is decoded against the types below: a wrong key, type, range or an
unknown id is logged with what was got and what was expected, counted, and goes no further.
One rule: nothing that the page says is believed before it has a type of this file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from PySide6.QtCore import QObject, Signal, Slot

from app.map.bridge_paper import FromPaper
from app.map.bridge_tools import FromTools
from app.map.bridge_types import Count, Lat, Lng, Pixel, Text, TimeUs, Zoom

TEXT_CAP = 262_144
"""Longest message of the page, in characters."""


class Ready(Struct, tag="ready", forbid_unknown_fields=True):
    """The page listens: send it everything."""


class Idle(Struct, tag="idle", forbid_unknown_fields=True):
    """The map stands still for the first time, `after_ms` after the page began to load."""

    after_ms: Annotated[float, Meta(ge=0, le=1e9)]


class CameraMoved(Struct, tag="camera_moved", forbid_unknown_fields=True):
    """Where the map looks, each time it comes to rest."""

    lng: Lng
    lat: Lat
    zoom: Zoom


class DeviceClicked(Struct, tag="device_clicked", forbid_unknown_fields=True):
    """A device was clicked."""

    id: UUID


class LinkClicked(Struct, tag="link_clicked", forbid_unknown_fields=True):
    """A link was clicked."""

    id: UUID


class SiteClicked(Struct, tag="site_clicked", forbid_unknown_fields=True):
    """A site's mark, or the name in the middle of its fan, was clicked."""

    id: UUID


class BackgroundClicked(Struct, tag="background_clicked", forbid_unknown_fields=True):
    """Neither a device nor a link was clicked, or Escape was pressed."""


class Hovered(Struct, tag="hovered", forbid_unknown_fields=True):
    """The pointer rests on a device or link, or (None) on neither: a card is wanted for it."""

    id: UUID | None


class DeviceDropped(Struct, tag="device_dropped", forbid_unknown_fields=True):
    """A drag has ended: the device is to stand here."""

    id: UUID
    lng: Lng
    lat: Lat


class SiteDropped(Struct, tag="site_dropped", forbid_unknown_fields=True):
    """A drag has ended: the site is to stand here, with all that stands where it does."""

    id: UUID
    lng: Lng
    lat: Lat


class MenuAsked(Struct, tag="menu_asked", forbid_unknown_fields=True):
    """A right click on the ground, at a pixel of the page."""

    lng: Lng
    lat: Lat
    x: Pixel
    y: Pixel


class WhatIfToggled(Struct, tag="what_if_toggled", forbid_unknown_fields=True):
    """A device or link is to fail in the what-if that is shown, or to fail no more."""

    id: UUID


class WhatIfLeft(Struct, tag="what_if_left", forbid_unknown_fields=True):
    """The what-if is to be left: Escape, or a click on its label."""


class PastLeft(Struct, tag="past_left", forbid_unknown_fields=True):
    """The past is to be left: Escape, or a click on its label."""


class Still(Struct, tag="still", forbid_unknown_fields=True):
    """The map has painted all that it was told, and stands still."""

    token: Count


class Painted(Struct, tag="painted", forbid_unknown_fields=True):
    """The tick with that stamp is on the screen since `painted_us`."""

    stamp_us: TimeUs
    painted_us: TimeUs


class Blocked(Struct, tag="blocked", forbid_unknown_fields=True):
    """The content policy stopped a request before it reached the gate."""

    url: Text


class BoxDrawn(Struct, tag="box_drawn", forbid_unknown_fields=True):
    """A hand has drawn a box: west, south, east, north; or it has given up."""

    box: tuple[Lng, Lat, Lng, Lat] | None


class Reported(Struct, tag="reported", forbid_unknown_fields=True):
    """The answer to a report that was asked for: what the page itself counts."""

    token: Count
    first_idle_s: float | None
    console_errors: Count
    rendered_devices: Count
    rendered_links: Count
    settled: bool
    zoom: Zoom
    center: tuple[Lng, Lat]


FromPage = (
    Ready
    | Idle
    | CameraMoved
    | DeviceClicked
    | LinkClicked
    | SiteClicked
    | BackgroundClicked
    | Hovered
    | DeviceDropped
    | FromTools
    | SiteDropped
    | MenuAsked
    | WhatIfToggled
    | WhatIfLeft
    | PastLeft
    | Still
    | Painted
    | Blocked
    | BoxDrawn
    | Reported
    | FromPaper
)

_decoder: msgspec.json.Decoder[FromPage] = msgspec.json.Decoder(FromPage)
_log = logging.getLogger("heliograph.map")


class PageError(ValueError):
    """The page said something that it may not say; the message has what was got and what was expected."""


class UnknownThing(PageError):
    """The page spoke of a thing that is not in the inventory: deleted a moment ago, or never there."""


def decode(text: str, known: Callable[[UUID], bool]) -> FromPage:
    """Return a message of the page. Raises PageError where a key, type, range or id is wrong."""
    if len(text) > TEXT_CAP:
        raise PageError(f"a message of {len(text)} characters, at most {TEXT_CAP} expected")
    try:
        message = _decoder.decode(text)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise PageError(f"{error}, in {text[:120]!r}") from error
    id = getattr(message, "id", None)
    if isinstance(id, UUID) and not known(id):
        raise UnknownThing(
            f"{type(message).__name__} of {id}: expected a device, a link or a site of the inventory"
        )
    return message


def _level(error: PageError) -> int:
    """A thing that was deleted while the page spoke of it is no fault."""
    return logging.WARNING if isinstance(error, UnknownThing) else logging.ERROR


class Door(QObject):
    """What the page sees of us: one signal, one slot."""

    to_page = Signal(str)

    def __init__(
        self,
        known: Callable[[UUID], bool],
        take: Callable[[FromPage], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._known = known
        self._take = take
        self.refused = 0

    @Slot(str)
    def from_page(self, text: str) -> None:
        """Check one message of the page and hand it on."""
        try:
            message = decode(text, self._known)
        except PageError as error:
            self.refused += 1
            _log.log(_level(error), "the page sent %s", error)
            return
        self._take(message)

    def send(self, message: dict[str, Any]) -> None:
        """Send one message to the page."""
        self.to_page.emit(msgspec.json.encode(message).decode())

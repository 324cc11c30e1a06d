"""What the page says while it shows a paper. Counterpart: `map_assets/src/paper_hand.js`; `bridge.py` decodes it.

One rule: as there; places are points of the paper, and whoever acts on them holds them to its edges.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from domain.diagram import COORDINATE_MAX, Shape

Coordinate = Annotated[float, Meta(ge=-COORDINATE_MAX, le=COORDINATE_MAX)]
Distance = Annotated[float, Meta(ge=-2 * COORDINATE_MAX, le=2 * COORDINATE_MAX)]
Pixel = Annotated[float, Meta(ge=-100_000, le=100_000)]


class ThingsMoved(Struct, tag="things_moved", forbid_unknown_fields=True):
    """A thing or drawing was dragged, and with it whatever is marked if it is."""

    id: UUID
    dx: Distance
    dy: Distance


class AreaMarked(Struct, tag="area_marked", forbid_unknown_fields=True):
    """A rubber band was drawn: what stands in it is marked too."""

    left: Coordinate
    top: Coordinate
    right: Coordinate
    bottom: Coordinate


class ThingMarked(Struct, tag="thing_marked", forbid_unknown_fields=True):
    """A submap or drawing was clicked, or a device with Shift; `more`: what is marked already stays."""

    id: UUID
    more: bool


class ThingOpened(Struct, tag="thing_opened", forbid_unknown_fields=True):
    """A submap or drawing was clicked twice."""

    id: UUID


class DrawingMade(Struct, tag="drawing_made", forbid_unknown_fields=True):
    """Something new was drawn."""

    shape: Shape
    x: Coordinate
    y: Coordinate
    width: Distance
    height: Distance


class DrawingPulled(Struct, tag="drawing_pulled", forbid_unknown_fields=True):
    """A drawing was pulled to another size."""

    id: UUID
    x: Coordinate
    y: Coordinate
    width: Distance
    height: Distance


class PaperMenuAsked(Struct, tag="paper_menu_asked", forbid_unknown_fields=True):
    """A right click on the paper or on a thing, at a pixel of the page."""

    id: UUID | None
    x: Coordinate
    y: Coordinate
    right: Pixel
    down: Pixel


class PaperEscaped(Struct, tag="paper_escaped", forbid_unknown_fields=True):
    """Escape was pressed and nothing was held."""


FromPaper = (
    ThingsMoved
    | AreaMarked
    | ThingMarked
    | ThingOpened
    | DrawingMade
    | DrawingPulled
    | PaperMenuAsked
    | PaperEscaped
)

"""What the page says while a hand holds a tool. Counterpart: `map_assets/src/tools.js` and its tools; `tools.py` acts on it.

One rule: ids in lists are checked by whoever acts on them; one that is not there is left out.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from app.map.bridge_types import Lat, Lng, Pixel

MOVES_CAP = 2_000
BENDS_CAP = 200

Path = Annotated[tuple[tuple[Lng, Lat], ...], Meta(max_length=BENDS_CAP)]


class Move(Struct, forbid_unknown_fields=True):
    """A device is to stand here."""

    id: UUID
    lng: Lng
    lat: Lat


class DevicesDropped(Struct, tag="devices_dropped", forbid_unknown_fields=True):
    """Several devices were moved in one go."""

    moves: Annotated[tuple[Move, ...], Meta(min_length=1, max_length=MOVES_CAP)]


class LinkDrawn(Struct, tag="link_drawn", forbid_unknown_fields=True):
    """A link was drawn from `a` to `b`; `path` holds its bends."""

    a: UUID
    b: UUID
    path: Path


class BendsMoved(Struct, tag="bends_moved", forbid_unknown_fields=True):
    """A link is to run through these bends."""

    id: UUID
    path: Path


class Picked(Struct, tag="picked", forbid_unknown_fields=True):
    """Who is picked now, beside what is selected."""

    ids: Annotated[tuple[UUID, ...], Meta(max_length=MOVES_CAP)]


class AlignAsked(Struct, tag="align_asked", forbid_unknown_fields=True):
    """Those that are picked are to stand where their sites do."""


class CandidateClicked(Struct, tag="candidate_clicked", forbid_unknown_fields=True):
    """A link that devices tell of was clicked, at a pixel of the page."""

    id: UUID
    x: Pixel
    y: Pixel


class ToolAsked(Struct, tag="tool_asked", forbid_unknown_fields=True):
    """A button of the map was clicked."""

    tool: Literal["edit", "link", "ruler", "layers"]


class ToolLeft(Struct, tag="tool_left", forbid_unknown_fields=True):
    """The tool was put down."""


class Copied(Struct, tag="copied", forbid_unknown_fields=True):
    """A text is to go to the clipboard, which the page cannot reach."""

    text: Annotated[str, Meta(max_length=50_000)]


class FilterLeft(Struct, tag="filter_left", forbid_unknown_fields=True):
    """Everything is to be shown again as it is."""


FromTools = (
    DevicesDropped
    | LinkDrawn
    | BendsMoved
    | Picked
    | AlignAsked
    | CandidateClicked
    | ToolAsked
    | ToolLeft
    | Copied
    | FilterLeft
)

"""The schematic view as people arrange it: diagrams, where things stand in them, what is drawn beside.

Counterpart: `inventory.py`.

Theory: a diagram shows the same network as the map, on paper instead of ground. One with a parent is a submap of it. Units of
the paper are points, x to the right and y down. One rule: each thing on the paper is an entity of its own, so that two people
who move two things do not clash.
"""

from __future__ import annotations

from typing import Literal, get_args
from uuid import UUID

import msgspec

Shape = Literal["text", "box", "ellipse", "line"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
COORDINATE_MAX = 1_000_000.0
"""Farthest from the middle of the paper, in points."""
COLORS = ("", "text", "accent", "blue", "teal", "sand")
"""Names of the inks of drawings; each theme has its own, and none is a status. "" is quiet."""


class Diagram(msgspec.Struct, frozen=True):
    """One sheet of paper. A submap of a `site` holds its devices without a word; any submap holds the devices that have a spot
    in it. `background` is the SHA-256 of a picture that is kept by its content, 64 hex digits, or "";
    `background_width` is how wide it lies on the paper, from its middle at 0, 0."""

    id: UUID
    name: str
    parent: UUID | None = None
    background: str = ""
    background_width: float = 1_000.0
    note: str = ""
    site: UUID | None = None


class Spot(msgspec.Struct, frozen=True):
    """Where a device, a site or a submap (`thing`) stands in a diagram. What is pinned is not moved when the rest is laid out."""

    id: UUID
    diagram: UUID
    thing: UUID
    x: float
    y: float
    is_pinned: bool = False


class Drawing(msgspec.Struct, frozen=True):
    """A text, a frame or a line that people put beside the network; x, y is its top left corner (of a line: its start)."""

    id: UUID
    diagram: UUID
    shape: Shape
    x: float
    y: float
    width: float = 0.0
    height: float = 0.0
    text: str = ""
    color: str = ""

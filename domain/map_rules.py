"""What is refused of radios and diagrams. Counterpart: `rules.py`, which asks here. One rule: as there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from uuid import UUID

from domain.blobs import is_digest
from domain.diagram import COLORS, COORDINATE_MAX, Diagram, Drawing, Spot
from domain.errors import Refusal
from domain.inventory import POPS_DEEP, Device, Inventory, Link, Site
from domain.radio import SECTORS_CAP
from domain.text import clean_text

AZIMUTH_RANGE_DEG = (0.0, 360.0)
BEAM_RANGE_DEG = (1.0, 360.0)
RADIO_RANGE_M = (1.0, 300_000.0)
FREQUENCY_RANGE_MHZ = (1.0, 300_000.0)
HEIGHT_RANGE_M = (0.0, 1_000.0)
GAIN_RANGE_DBI = (-20.0, 70.0)
TX_POWER_RANGE_DBM = (-50.0, 60.0)
TILT_RANGE_DEG = (-90.0, 90.0)
WIDTH_RANGE = (1.0, COORDINATE_MAX)

_RADIO = {
    "azimuth_deg": ("an azimuth", AZIMUTH_RANGE_DEG, "degrees"),
    "beam_deg": ("a beam width", BEAM_RANGE_DEG, "degrees"),
    "range_m": ("a range", RADIO_RANGE_M, "m"),
    "frequency_mhz": ("a frequency", FREQUENCY_RANGE_MHZ, "MHz"),
    "height_m": ("a height above the ground", HEIGHT_RANGE_M, "m"),
    "gain_dbi": ("an antenna gain", GAIN_RANGE_DBI, "dBi"),
    "tx_power_dbm": ("a transmit power", TX_POWER_RANGE_DBM, "dBm"),
    "tilt_deg": ("a tilt", TILT_RANGE_DEG, "degrees"),
}


def sector_refusals(device: Device) -> Iterator[Refusal]:
    """Go over what is refused of a device's sectors."""
    if len(device.sectors) > SECTORS_CAP:
        said = f"{len(device.sectors)} sectors, at most {SECTORS_CAP}"
        yield Refusal("INVALID_INPUT", said, "sectors", device.id)
    for sector in device.sectors[:SECTORS_CAP]:
        for name in _RADIO:
            yield from _radio("sectors", name, getattr(sector, name), device.id)


def radio_refusals(link: Link) -> Iterator[Refusal]:
    """Go over what is refused of a link's radios."""
    if link.radio is not None:
        for name in link.radio.__struct_fields__:
            yield from _radio(
                "radio", name.removeprefix("a_").removeprefix("b_"), getattr(link.radio, name), link.id
            )


def pop_refusals(inventory: Inventory, site: Site) -> Iterator[Refusal]:
    """Go over what is refused of the POP that a site hangs under."""
    above = site.pop
    for _ in range(POPS_DEEP):
        if above is None:
            return
        pop = inventory.site(above)
        if pop is None:
            yield Refusal("SITE_NOT_FOUND", f"there is no site {above}", "pop", site.id)
            return
        if pop.id == site.id:
            yield Refusal("INVALID_INPUT", "a site cannot hang under itself", "pop", site.id)
            return
        above = pop.pop
    yield Refusal("INVALID_INPUT", f"more than {POPS_DEEP} POPs stand above the site", "pop", site.id)


def diagram_refusals(inventory: Inventory, diagram: Diagram) -> Iterator[Refusal]:
    """Go over what is refused of a diagram."""
    if diagram.background and not is_digest(diagram.background):
        said = "the SHA-256 of a picture expected, 64 hex digits"
        yield Refusal("INVALID_INPUT", said, "background", diagram.id)
    yield from _within("background_width", diagram.background_width, WIDTH_RANGE, "points", diagram.id)
    if diagram.site is not None and inventory.site(diagram.site) is None:
        yield Refusal("SITE_NOT_FOUND", f"there is no site {diagram.site}", "site", diagram.id)
    seen, above = {diagram.id}, diagram.parent
    while above is not None:
        parent = inventory.diagram(above)
        if parent is None:
            yield Refusal("DIAGRAM_NOT_FOUND", f"there is no diagram {above}", "parent", diagram.id)
            return
        if above in seen:
            yield Refusal("INVALID_INPUT", "a diagram cannot be its own submap", "parent", diagram.id)
            return
        seen.add(above)
        above = parent.parent


def spot_refusals(inventory: Inventory, spot: Spot | Drawing) -> Iterator[Refusal]:
    """Go over what is refused of where a thing stands in a diagram, or of what is drawn there."""
    if inventory.diagram(spot.diagram) is None:
        yield Refusal("DIAGRAM_NOT_FOUND", f"there is no diagram {spot.diagram}", "diagram", spot.id)
    fields = ("x", "y") if isinstance(spot, Spot) else ("x", "y", "width", "height")
    for name in fields:
        yield from _within(name, getattr(spot, name), (-COORDINATE_MAX, COORDINATE_MAX), "points", spot.id)
    if isinstance(spot, Drawing) and spot.color not in COLORS:
        said = f"{', '.join(map(repr, COLORS))} expected, got {clean_text(spot.color, 40)!r}"
        yield Refusal("INVALID_INPUT", said, "color", spot.id)


def _radio(field: str, name: str, value: float | None, subject: UUID) -> Iterator[Refusal]:
    what, (low, high), unit = _RADIO[name]
    if value is not None and not low <= value <= high:
        said = f"{what} of {low:g} to {high:g} {unit} expected, got {value:g}"
        yield Refusal("INVALID_INPUT", said, field, subject)


def _within(
    field: str, value: float, span: tuple[float, float], unit: str, subject: UUID
) -> Iterator[Refusal]:
    low, high = span
    if not (math.isfinite(value) and low <= value <= high):
        said = f"{field.replace('_', ' ')}: {low:g} to {high:g} {unit} expected, got {value:g}"
        yield Refusal("INVALID_INPUT", said, field, subject)

"""How fine a build is: the small one that is committed, and the full one.

Counterpart: `__main__.py`, which builds one of them.
Rule: tolerances are told in pixels of the last zoom that has tiles, so that both look alike where they end.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """The last zooms of tiles and of names, and what is kept of shores and of places."""

    file: str
    """What the build is called; the small one belongs to the program, the full one is drawn instead where it lies beside it."""
    last_zoom: int
    last_name_zoom: int
    """Names that appear at a later zoom are left out."""
    least_village: int
    """People that a village must have."""
    coast_px: float
    far_coast_px: float
    """What a coast may be off at the last zoom, near people and far from them."""
    simplification: int
    """The tiler's, at zooms before the last, in parts of a tile of 2,048."""

    @property
    def pixel_deg(self) -> float:
        """One pixel of a 512 px tile at the last zoom, in degrees of longitude."""
        return 360.0 / (1 << self.last_zoom) / 512


SMALL = Grade("world.pmtiles", 7, 9, 2500, 1.2, 5.0, 8)
FULL = Grade("world-full.pmtiles", 8, 11, 500, 0.6, 3.0, 4)
GRADES = {"small": SMALL, "full": FULL}

"""Which map of the world the program has under everything. Counterpart: `basemap/`, which builds both; `scheme.py` serves one.

One rule: the full one is drawn where somebody has built it; nobody has to.
"""

from __future__ import annotations

from pathlib import Path

from map_assets.files import ASSETS, SMALL_WORLD

SMALL = SMALL_WORLD
"""Comes along, to zoom 7."""
FULL = ASSETS / "basemap" / "world-full.pmtiles"
"""What `./dev basemap full` builds, to zoom 8."""


def find_world(full: Path = FULL, small: Path = SMALL) -> Path:
    """Return the best map of the world that is there; the small one's place where there is none."""
    return full if full.is_file() else small

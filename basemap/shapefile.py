"""Reads Natural Earth's shapefiles.

Counterpart: the Debian packages of `debian.sha256`.
Rule: GDAL reads them, never a sequential reader: the file of country borders needs its .shx to be read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shapely  # type: ignore[import-untyped]
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]

Row = dict[str, Any]


def read_rows(path: Path, fields: list[str], encoding: str) -> Iterator[tuple[BaseGeometry, Row]]:
    """Geometry (of a point file: None where there is no .shp record) and the named fields of each record."""
    # GDAL is of the recipe's own group of packages: the rest of the recipe can be tested without it
    import pyogrio.raw  # noqa: PLC0415

    meta, _ids, geometries, columns = pyogrio.raw.read(path, columns=fields, encoding=encoding)
    names = [str(name) for name in meta["fields"]]
    values = [column.tolist() for column in columns]
    for index, geometry in enumerate(shapely.from_wkb(geometries)):
        if geometry is not None:
            yield geometry, {name: column[index] for name, column in zip(names, values, strict=True)}

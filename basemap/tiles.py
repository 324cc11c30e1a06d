"""From features to one PMTiles file.

Counterpart: `feature.py`. Tiles are cut by tippecanoe, in a single run: its tile-join crashes.
Rule: the same inputs give the same bytes; so no path, date or thread count of this machine gets into the file.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import shapely  # type: ignore[import-untyped]

from basemap.feature import Feature
from basemap.grade import Grade

log = logging.getLogger(__name__)

ATTRIBUTION = "© OpenStreetMap contributors, Natural Earth, GeoNames, GSHHG"
DESCRIPTION = "Offline basemap. Licences by layer: see LICENSE beside this file"

_DIGITS = 5
_OPTIONS = [
    "--force",
    "--quiet",
    "--no-tile-stats",
    "--no-feature-limit",
    "--no-tile-size-limit",
    "--drop-rate=1",
    "--full-detail=11",
    "--low-detail=11",
    "--buffer=3",
    "--simplification-at-maximum-zoom=1",
    "--no-tiny-polygon-reduction-at-maximum-zoom",
    "--coalesce",
    "--reorder",
]
"""Lines are simplified by their layers: the last zoom is shown far enlarged."""


class TilingFailed(Exception):
    """The tiler ended with an error."""


def write_layer(path: Path, features: Iterable[Feature]) -> int:
    """One GeoJSON feature a line; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for feature in features:
            geometry = shapely.transform(feature.geometry, lambda lng_lat: np.round(lng_lat, _DIGITS))
            if shapely.is_empty(geometry):
                continue
            properties = json.dumps(feature.properties, ensure_ascii=False, separators=(",", ":"))
            file.write(
                f'{{"type":"Feature","tippecanoe":{{"minzoom":{feature.min_tile_zoom}}},'
                f'"properties":{properties},"geometry":{shapely.to_geojson(geometry)}}}\n'
            )
            count += 1
    log.info("%s: %d features, %.1f MB", path.stem, count, path.stat().st_size / 1e6)
    return count


def cut_tiles(tippecanoe: Path, layers: list[Path], out: Path, grade: Grade) -> None:
    """Layer files of one folder into the PMTiles file `out`; relative names only, for they end up in the file."""
    folder = layers[0].parent
    inputs = [f"--named-layer={layer.stem}:{layer.name}" for layer in layers]
    texts = ["--name=Heliograph world", f"--attribution={ATTRIBUTION}", f"--description={DESCRIPTION}"]
    zooms = [
        "--minimum-zoom=0",
        f"--maximum-zoom={grade.last_zoom}",
        f"--simplification={grade.simplification}",
    ]
    villages = ["any", ["!=", "kind_detail", "village"], [">=", "population", grade.least_village]]
    kept = f"--feature-filter={json.dumps({'places': villages}, separators=(',', ':'))}"
    command = ["tippecanoe", "--output=world.pmtiles", *texts, *zooms, kept, *_OPTIONS, *inputs]
    done = subprocess.run(
        command, executable=tippecanoe, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise TilingFailed(f"tippecanoe ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "world.pmtiles", half := out.with_suffix(".half"))
    half.replace(out)
    log.info("%s: %.2f MB", out.name, out.stat().st_size / 1e6)

"""`python -m basemap`: builds the world's basemap, small (committed) or full.

Counterpart: `./dev basemap`, which calls it.
Rule: everything fetched and made on the way stays in the work folder and is used again; delete it to start afresh.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from platformdirs import user_cache_dir

from basemap.cities import drop_suburbs, match_cities, read_cities, read_ranked_places
from basemap.detail import Detail
from basemap.earth import build_boundaries, build_earth
from basemap.feature import Feature
from basemap.grade import GRADES, Grade
from basemap.placement import place_names
from basemap.places import build_countries, build_landcover, build_localities, build_regions
from basemap.roads import build_roads
from basemap.sources import MissingSource, Sources, fetch_sources
from basemap.tiles import TilingFailed, cut_tiles, write_layer
from basemap.water import build_water

log = logging.getLogger("basemap")

REPOSITORY = Path(__file__).resolve().parent.parent


def build(sources: Sources, out: Path, work: Path, grade: Grade) -> None:
    layers = work / "layers" / Path(grade.file).stem
    layers.mkdir(parents=True, exist_ok=True)
    all_cities = read_cities(sources.geonames / "cities500.json")
    ranked = read_ranked_places(sources.natural_earth / "ne_10m_populated_places_simple.shp")
    cities = drop_suburbs(match_cities(list(all_cities), ranked))
    detail = Detail(all_cities, grade)
    placed = place_names(cities, grade.last_name_zoom)

    def build_places() -> Iterator[Feature]:
        yield from build_countries(sources, cities)
        yield from build_regions(sources, cities)
        yield from build_localities(placed, grade)

    builders: dict[str, Callable[[], Iterator[Feature]]] = {
        "earth": build_earth,
        "landcover": lambda: build_landcover(all_cities, grade),
        "water": lambda: build_water(sources, detail),
        "boundaries": lambda: build_boundaries(sources, detail),
        "roads": lambda: build_roads(sources, grade),
        "places": build_places,
    }
    paths = []
    for name, build_layer in builders.items():
        paths.append(layers / f"{name}.geojsonl")
        write_layer(paths[-1], build_layer())
    cut_tiles(sources.tippecanoe, paths, out, grade)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m basemap", description="Build the world's offline basemap."
    )
    folder = REPOSITORY / "map_assets" / "basemap"
    default_work = Path(user_cache_dir("heliograph")) / "basemap"
    zooms = ", ".join(f"{name}: to zoom {grade.last_zoom}" for name, grade in GRADES.items())
    parser.add_argument("grade", nargs="?", default="small", choices=GRADES, help=f"how fine ({zooms})")
    parser.add_argument("--out", type=Path, help=f"the PMTiles file to write (default: in {folder})")
    parser.add_argument("--work", type=Path, default=default_work, help="where sources are kept")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    grade = GRADES[arguments.grade]
    out = arguments.out or folder / grade.file
    began_s = time.monotonic()
    try:
        build(fetch_sources(arguments.work), out.resolve(), arguments.work, grade)
    except (MissingSource, TilingFailed) as error:
        log.error("%s", error)
        return 1
    log.info("built in %.0f s", time.monotonic() - began_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())

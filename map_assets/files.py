"""Which files the map's page is made of: address below the page -> file. Counterpart: `app/map/scheme.py` and
`sync_server/admin/live_map.py`, which serve them.

One rule: what is not in the table does not exist, so there is no path to climb out of.
"""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).parent
WORLD = "basemap/world.pmtiles"
"""Where the page looks for the ground; which map of the world lies there, whoever serves it decides."""
SMALL_WORLD = ASSETS / "basemap" / "world.pmtiles"
"""Comes along, to zoom 7."""

_ICONS = ("plus", "minus", "maximize", "layers", "ruler", "pencil")
VENDOR = {
    "vendor/maplibre-gl.mjs": "maplibre-gl/dist/maplibre-gl.mjs",
    "vendor/maplibre-gl-worker.mjs": "maplibre-gl/dist/maplibre-gl-worker.mjs",
    "vendor/maplibre-gl.css": "maplibre-gl/dist/maplibre-gl.css",
    "vendor/pmtiles.js": "pmtiles/dist/pmtiles.js",
} | {f"icons/{name}.svg": f"lucide-static/icons/{name}.svg" for name in _ICONS}
"""What the page takes from npm: address -> file below node_modules."""
_OWN = {"src": (".js",), "style": (".css",), "fonts": (".ttf", ".woff2")}
"""Our own folders, and the kinds of file that are served of each."""
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
    ".pmtiles": "application/octet-stream",
}


def page_files() -> dict[str, Path]:
    """Return the table, without the ground. Files of npm stand in it whether they are there or not."""
    table = {"index.html": ASSETS / "index.html", "style/tokens.json": ASSETS / "style" / "tokens.json"}
    for folder, suffixes in _OWN.items():
        for file in sorted((ASSETS / folder).iterdir()):
            if file.suffix in suffixes:
                table[f"{folder}/{file.name}"] = file
    return table | {address: ASSETS / "node_modules" / file for address, file in VENDOR.items()}

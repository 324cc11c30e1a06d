"""The same network and changes drawn by Leaflet and by MapLibre with whole `setData`. Counterpart: `map_peers.js`, their page.

Not a bench of its own: `bench_map.py` runs it in the same run. The peers' page is served by the map's own scheme, from files
that only this bench adds to its table; Leaflet comes from node_modules and is never shipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QUrl
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QWidget

from app.map.page import Gate, MapPage, make_profile
from app.map.scheme import ORIGIN, MapFiles
from map_assets.files import ASSETS

PEERS = ("leaflet", "leaflet_canvas", "leaflet_svg", "whole_set_data")
HERE = Path(__file__).parent
LEAFLET = ASSETS / "node_modules" / "leaflet"


class PeersPage(QWidget):
    """A page that draws what others draw."""

    def __init__(self) -> None:
        super().__init__()
        self.resize(1280, 800)
        files = MapFiles(parent=self)
        for name in ("map_peers.html", "map_peers.js"):
            files.table[f"/bench/{name}"] = HERE / name
        for name in ("leaflet.js", "leaflet.css"):
            files.table[f"/bench/{name}"] = LEAFLET / "dist" / name
        gate = Gate(self)
        self.view = QWebEngineView(self)
        self.view.resize(1280, 800)
        self.page = MapPage(make_profile(files, gate, self), gate, self.view)
        self.view.setPage(self.page)
        self.page.load(QUrl(f"{ORIGIN}/bench/map_peers.html"))

    def prepare(self, peer: str, network: dict[str, Any]) -> None:
        """Let a peer draw the network; the page has `prepared` when it is done."""
        arguments = ", ".join(msgspec.json.encode(what).decode() for what in (peer, network))
        self.page.runJavaScript(f"prepare({arguments}); 0")

    def start(self, rounds: list[list[dict[str, Any]]]) -> None:
        """Time changes; the page has `taken_ms` when it is done."""
        self.page.runJavaScript(f"time({msgspec.json.encode(rounds).decode()}); 0")

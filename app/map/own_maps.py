"""What the page draws of the user's own maps, and areas on it. Counterpart: `map_assets/src/own_maps.js`, `area.js`.

One rule: the page gets an address that this file made; which file answers it stands in the scheme's table and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.map.bridge import BoxDrawn
from app.model import Delta, Model
from domain.maps import Box, MapFile

FOLDER = "/maps/"

Row = dict[str, Any]


def drawn(maps: Sequence[MapFile], theme: str) -> list[MapFile]:
    """Return the maps that a theme draws, the topmost first."""
    shown = [one for one in maps if one.use in ("always", theme) and not one.trouble]
    return sorted(shown, key=lambda one: (one.place, one.added_us))


def row_of(one: MapFile) -> Row:
    """Return a map as the page is told of it."""
    return {
        "id": one.id,
        "name": one.name,
        "schema": one.schema,
        "address": f"{FOLDER}{one.id}.pmtiles?{one.digest[:16]}",
        "min_zoom": one.min_zoom,
        "max_zoom": one.max_zoom,
        "bounds": one.bounds,
        "coverage": one.coverage,
        "opacity": one.opacity,
        "attribution": one.attribution,
    }


class OwnMaps(QObject):
    """Tells the page of maps and areas. `table` is the scheme's, `send` reaches a page that is ready."""

    box_drawn = Signal(object)
    """A hand has drawn this Box, or (None) has given up."""

    def __init__(
        self, model: Model, table: dict[str, Path], send: Callable[..., None], theme: str, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._model, self._table, self._send, self._theme = model, table, send, theme
        self._areas: tuple[Box, ...] = ()
        self._sent: list[Row] = []
        model.changed.connect(self._on_changed)

    def whole(self) -> dict[str, Any]:
        """Return what a fresh page has to know."""
        self._sent = self._rows()
        return {"maps": self._sent, "areas": self._areas}

    def set_theme(self, theme: str) -> None:
        """Draw what this theme draws."""
        self._theme = theme
        self._tell()

    def show_areas(self, areas: Sequence[Box]) -> None:
        """Frame these on the map, until others are."""
        self._areas = tuple(areas)
        self._send(areas=self._areas)

    def draw_box(self, wanted: bool = True) -> None:
        """Let the next drag on the map draw a box; `box_drawn` tells it."""
        self._send(draw_box=wanted)

    def take(self, message: BoxDrawn) -> None:
        """A box was drawn, or not."""
        self.box_drawn.emit(message.box)

    def _rows(self) -> list[Row]:
        """Return what is drawn, and have the scheme serve that and no other map."""
        maps = drawn(list(self._model.maps.values()), self._theme)
        for address in [address for address in self._table if address.startswith(FOLDER)]:
            del self._table[address]
        self._table.update((f"{FOLDER}{one.id}.pmtiles", Path(one.path)) for one in maps)
        return [row_of(one) for one in maps]

    def _tell(self) -> None:
        rows = self._rows()
        if rows != self._sent:
            self._sent = rows
            self._send(maps=rows)

    def _on_changed(self, delta: Delta) -> None:
        if delta.maps or delta.initial:
            self._tell()

"""Opens what there is of radio paths: a path in large, one between two places of the map, the terrain. Counterpart: `window.py`.

One rule: what is opened asks the engine itself; nothing is kept here.
"""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.commands import Asks
from app.look import Look
from app.model import Model
from app.panels.map_frame import Map, MapFrame
from app.radio.path import PathBoard, Plan
from app.radio.section import RadioSection
from app.radio.terrain import TerrainBoard
from domain.geometry import LngLat, distance_m

NEAR_M = 50.0
"""A place this near to a device is that device's."""


class Radio(QObject):
    """One method a dialog. `section` is that of the link panel."""

    def __init__(  # noqa: PLR0917
        self,
        model: Model,
        asks: Asks,
        look: Look,
        map: Map,
        frame: MapFrame,
        section: RadioSection,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._model, self._asks, self._look = model, asks, look
        self._frame, self._section, self._window = frame, section, window
        section.path_wanted.connect(self.open_path)
        section.terrain_wanted.connect(self.open_terrain)
        map.path_requested.connect(self.begin_path)

    def open_path(self, plan: Plan) -> None:
        """Open a path in large."""
        board = PathBoard(self._asks, self._look, plan, self._window)
        board.view.terrain_wanted.connect(lambda: self.open_terrain(board))
        board.open()

    def open_terrain(self, board: PathBoard | None = None) -> None:
        """Open the terrain; a path that is looked at follows what is imported."""
        terrain = TerrainBoard(self._model, self._asks, board or self._window)
        terrain.changed.connect(self._section.path.look_again)
        if board is not None:
            terrain.changed.connect(board.view.look_again)
        terrain.open()

    def begin_path(self, lng: float, lat: float) -> None:
        """Let the next click on the map be the other end of a path from here."""
        start = LngLat(lng, lat)
        self._frame.pick("Click where the path ends", lambda end, zoom: self._on_end(start, end))

    def _on_end(self, start: LngLat, end: LngLat | None) -> None:
        if end is None:
            return
        (a_name, a), (b_name, b) = self._named(start), self._named(end)
        self.open_path(Plan(a_name, b_name, a, b))

    def _named(self, place: LngLat) -> tuple[str, LngLat]:
        """Return a device that stands there, or the place itself."""
        inventory = self._model.inventory
        for device in inventory.devices():
            stands = inventory.place_of(device)
            if (
                stands is not None
                and abs(stands.lat - place.lat) < 0.01
                and distance_m(stands, place) <= NEAR_M
            ):
                return device.name, stands
        return f"{place.lat:.5f}, {place.lng:.5f}", place

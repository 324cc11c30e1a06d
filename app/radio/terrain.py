"""The terrain that was imported: what there is, more of it, less of it. Counterpart: `domain/terrain.py`; the engine reads files.

One rule: where files of heights come from is told in words; nothing here or in the engine ever asks the network for one.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QProgressBar, QTableWidget, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.form import Board, fill_row, plain_table
from app.draft import author_name
from app.model import Delta, Model
from app.panels.text import Label
from app.words import amount, capitalized, count_of
from domain.searching import SteerOperation
from domain.terrain import DeleteTerrain, ImportTerrain, QueryTerrain, TerrainTile
from domain.wire import Reply

WIDTH_PX = 720
FILES = "Heights of the ground (*.hgt *.zip *.tif *.tiff *.HGT *.TIF);;All files (*)"
EMPTY = (
    "No terrain yet. Heliograph asks nobody for it: bring the files.\n"
    "SRTM: tiles such as N46E012.hgt or N46E012.SRTMGL1.hgt.zip, from NASA Earthdata (LP DAAC) or the USGS EarthExplorer.\n"
    "Copernicus GLO-30: GeoTIFF tiles such as Copernicus_DSM_COG_10_N46_00_E012_00_DEM.tif, from the Copernicus Data Space or "
    "the open data buckets of cloud providers. They show roofs and treetops, SRTM nearly so."
)
_KM_PER_DEG = 111.3


class TerrainBoard(Board):
    """All tiles. `changed`: there are others than before."""

    changed = Signal()

    def __init__(self, model: Model, asks: Asks, parent: QWidget | None = None) -> None:
        super().__init__("Terrain", parent, width_px=WIDTH_PX)
        self._model, self._asks = model, asks
        self.tiles: list[TerrainTile] = []
        self.operation: UUID | None = None
        self.empty = Label(EMPTY, "quiet", wrap=True)
        self.table: QTableWidget = plain_table(
            ["Tile", "From", "To", "Step, m", "Holes, %", "Size", "By"], 0, (3, 4, 5)
        )
        self.table.setSelectionMode(QTableWidget.SelectionMode.ExtendedSelection)
        self.table.setMinimumHeight(220)
        self.state = Label("", "quiet", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(4)
        self.body.addWidget(self.empty)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.progress)
        self.body.addWidget(self.state)
        self.import_button = self.verb("Import files…", "primary")
        self.import_button.clicked.connect(self.choose_files)
        self.cancel_button = self.verb("Cancel import")
        self.cancel_button.clicked.connect(self._cancel)
        self.delete_button = self.verb("Delete")
        self.delete_button.clicked.connect(self.delete_chosen)
        self.table.itemSelectionChanged.connect(self._on_chosen)
        for part in (self.progress, self.cancel_button, self.table, self.empty):
            part.hide()
        model.changed.connect(self._on_changed)
        self._on_chosen()
        self.refresh()

    def refresh(self) -> None:
        """Ask what there is."""
        self._asks.request(QueryTerrain, self._on_tiles)

    def choose_files(self) -> None:
        """Let somebody choose files, and import them."""
        dialog = QFileDialog(self, "Import terrain", "", FILES)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self.import_files)
        dialog.open()

    def import_files(self, paths: list[str]) -> None:
        """Have the engine read files."""
        by = author_name()
        self._asks.request(lambda number: ImportTerrain(number, tuple(paths), by), self._on_begun)

    def delete_chosen(self) -> None:
        """Delete the chosen tiles; the files they came from stay where they are."""
        ids = tuple(self.tiles[number].id for number in self._chosen())
        if ids:
            self._asks.request(lambda number: DeleteTerrain(number, ids), self._on_deleted)

    def _on_tiles(self, reply: Reply) -> None:
        if not isValid(self):
            return
        self.say(reply.refusals)
        self.tiles = msgspec.convert(reply.result.get("tiles", []), list[TerrainTile])
        self.table.setRowCount(len(self.tiles))
        for number, tile in enumerate(self.tiles):
            texts = [
                tile.name,
                f"{tile.west:.2f}, {tile.south:.2f}",
                f"{tile.east:.2f}, {tile.north:.2f}",
                f"{tile.step_deg * _KM_PER_DEG * 1000:.0f}",
                f"{100 * tile.void_share:.0f}"
                if tile.void_share >= 0.01
                else "<1"
                if tile.void_share
                else "0",
                amount(tile.size_bytes),
                tile.added_by,
            ]
            fill_row(self.table, number, texts, (3, 4, 5))
        self.table.setVisible(bool(self.tiles))
        self.empty.setVisible(not self.tiles)
        if self.tiles and self.operation is None and not self.state.text():
            total = amount(sum(tile.size_bytes for tile in self.tiles))
            self.state.setText(f"{count_of(len(self.tiles), 'tile', 'tiles')}, {total}.")
        self._on_chosen()

    def _on_begun(self, reply: Reply) -> None:
        if not isValid(self):
            return
        self.say(reply.refusals)
        if not reply.refusals:
            self.operation = UUID(reply.result["operation"])
            self._show_operation()

    def _on_deleted(self, reply: Reply) -> None:
        if isValid(self):
            self.say(reply.refusals)
            self.state.setText("")
            self.refresh()
            self.changed.emit()

    def _on_changed(self, delta: Delta) -> None:
        if self.operation is not None and self.operation in delta.operations:
            self._show_operation()

    def _show_operation(self) -> None:
        found = self._model.operations.get(self.operation) if self.operation is not None else None
        if found is None:
            return
        runs = not found.has_ended
        self.progress.setVisible(runs)
        self.cancel_button.setVisible(runs)
        self.import_button.setEnabled(not runs)
        self.progress.setRange(0, found.total)
        self.progress.setValue(found.done)
        self.state.setText(f"{found.phase}…" if runs else f"{capitalized(found.result_words)}.")
        if not runs:
            self.operation = None
            self.refresh()
            self.changed.emit()

    def _cancel(self) -> None:
        id = self.operation
        if id is not None:
            self._asks.request(lambda number: SteerOperation(number, id, "cancel"), lambda reply: None)

    def _chosen(self) -> list[int]:
        return sorted({index.row() for index in self.table.selectionModel().selectedRows()})

    def _on_chosen(self) -> None:
        chosen = len(self._chosen())
        self.delete_button.setVisible(bool(self.tiles))
        self.delete_button.setEnabled(chosen > 0)
        self.delete_button.setText(f"Delete {count_of(chosen, 'tile', 'tiles')}" if chosen > 1 else "Delete")

"""The dialog of an export: which format, which devices, what the file would hold. Counterpart: `engine/imports/writing.py`.

One rule: what would be saved is told before it is, with what it leaves out; a late answer to a former choice is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QFileDialog, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.form import Form, two_columns
from app.exchange.files import TITLES, FileTrouble, write_file
from app.panels.text import Label
from app.words import amount, capitalized, count_of
from domain.errors import Refusal
from domain.exchanging import ExportNetwork, FileFormat
from domain.wire import Reply

WORKING_MS = 150
MEANT_FOR: dict[FileFormat, str] = {
    "geojson": "GeoJSON: for QGIS and other maps; holds everything.",
    "kml": "KML: for Google Earth; holds what has a place.",
    "kmz": "KMZ: KML, packed.",
    "graphml": "GraphML: for Gephi, yEd and networkx; devices and links, with sites as their properties.",
    "csv": "CSV: for spreadsheets; a row for each site, device and link.",
}
SECRETS = "Logins and secrets are never in a file."


class Scope(NamedTuple):
    """What can be saved: its words, and the devices; None is everything."""

    title: str
    devices: tuple[UUID, ...] | None


class ExportDialog(Form):
    """Asks the engine for the file at each choice, and saves the newest answer. `then` is told what was saved."""

    def __init__(
        self,
        scopes: Sequence[Scope],
        name: str,
        asks: Asks,
        then: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Export", "Save as…", parent, hint=SECRETS)
        self._scopes, self._name, self._asks, self._then = list(scopes), name, asks, then
        self._asked = 0
        self._data: bytes | None = None
        self._things = 0
        self.dialog: QFileDialog | None = None
        self.format, self.scope = QComboBox(), QComboBox()
        for format, title in TITLES.items():
            self.format.addItem(title, format)
        self.scope.addItems([scope.title for scope in self._scopes])
        self.meant = Label("", "small", wrap=True)
        self.told = Label("", wrap=True)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(WORKING_MS)
        self._late.timeout.connect(lambda: self.told.setText("Looking what it would hold…"))
        grid = two_columns()
        grid.addWidget(self.fields.add("format", "Format", self.format), 0, 0)
        grid.addWidget(self.fields.add("devices", "What", self.scope), 0, 1)
        self.body.addLayout(grid)
        self.body.addWidget(self.meant)
        self.body.addWidget(self.told)
        self.body.addStretch(1)
        self.format.currentIndexChanged.connect(self.ask)
        self.scope.currentIndexChanged.connect(self.ask)
        self.ask()

    def ask(self) -> None:
        """Ask for the file as it is chosen now."""
        self._asked += 1
        number = self._asked
        self._data = None
        format: FileFormat = self.format.currentData()
        devices = self._scopes[self.scope.currentIndex()].devices
        self.fields.clear()
        self.meant.setText(MEANT_FOR[format])
        self.submit_button.setEnabled(False)
        self._late.start()
        self._asks.request(
            lambda request: ExportNetwork(request, format, devices),
            lambda reply: self._on_file(number, reply),
        )

    def submit(self) -> None:
        """Ask where to save it."""
        if self._data is None:
            return
        format: FileFormat = self.format.currentData()
        dialog = QFileDialog(self, f"Save {count_of(self._things, 'thing', 'things')}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(f"{TITLES[format]} (*.{format})")
        dialog.setDefaultSuffix(format)
        dialog.selectFile(f"{self._name}.{format}")
        dialog.fileSelected.connect(lambda path: self.save_to(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        self.dialog = dialog
        dialog.open()

    def save_to(self, path: Path) -> None:
        """Save what was told of, and close; what goes wrong is said here."""
        if self._data is None:
            return
        try:
            write_file(path, self._data)
        except FileTrouble as error:
            self.refuse([Refusal("CANNOT_WRITE", str(error))])
            return
        self._then(f"Saved {count_of(self._things, 'thing', 'things')} to {path}")
        self.accept()

    def _on_file(self, number: int, reply: Reply) -> None:
        if not isValid(self) or number != self._asked:
            return
        self._late.stop()
        if reply.refusals:
            self.told.setText("")
            self.refuse(reply.refusals)
            return
        data, things = reply.result.get("data", b""), reply.result.get("things", 0)
        left_out: Sequence[str] = reply.result.get("left_out", ())
        if not things:
            self.told.setText("It would hold nothing: add or import devices first, or choose others.")
        else:
            self._data, self._things = data, things
            lines = [f"It holds {count_of(things, 'thing', 'things')} in {amount(len(data))}."]
            lines += [f"Left out: {capitalized(said)}." for said in left_out]
            self.told.setText("\n".join(lines))
        self.submit_button.setEnabled(bool(things))
        self.fit_soon()

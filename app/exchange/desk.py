"""Import and export of one window: files chosen or dropped, dialogs, toasts. Counterpart: `window.py`, which has one.

One rule: an import is submitted like any edit, so that its toast has "Undo" and everybody sees the same network.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog

from app.commands import Asks, Commands, Said, Then
from app.draft import edit_of
from app.exchange.choice import Area
from app.exchange.export_dialog import ExportDialog, Scope
from app.exchange.files import ENDINGS
from app.exchange.import_dialog import ImportDialog
from app.look import Look
from app.model import Model
from app.words import count_of, isolated
from domain.edit import Step

if TYPE_CHECKING:
    from app.window import Window

PAST_WHY = (
    "Files are of the live network, and this is the past. Press Esc for the live network, then try again."
)
_KNOWN = " ".join(f"*{ending}" for ending in ENDINGS)


class Exchange(QObject):
    """Takes files that are dropped on the window, too."""

    def __init__(self, model: Model, asks: Asks, commands: Commands, look: Look, window: Window) -> None:
        super().__init__(window)
        self._model, self._asks, self._commands, self._look = model, asks, commands, look
        self._window = window
        self.chooser: QFileDialog | None = None
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def open_import(self) -> None:
        """Ask for a file, then show what it would change."""
        if self._is_past():
            return
        chooser = QFileDialog(self._window, "Import")
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.setNameFilters([f"GeoJSON, KML, KMZ, GraphML, CSV ({_KNOWN})", "All files (*)"])
        chooser.fileSelected.connect(lambda path: self.import_file(Path(path)))
        chooser.finished.connect(chooser.deleteLater)
        self.chooser = chooser
        chooser.open()

    def import_file(self, path: Path) -> ImportDialog:
        """Show what a file would change."""
        dialog = ImportDialog(path, self._model, self._asks, self._look, self._send, self._window)
        dialog.imported.connect(self._show)
        dialog.another_wanted.connect(dialog.reject)
        dialog.another_wanted.connect(self.open_import)
        dialog.open()
        return dialog

    def open_export(self) -> ExportDialog | None:
        """Ask which format and what, then where to; None in the past: a file holds what is intended now."""
        if self._is_past():
            return None
        tenant = self._model.tenant
        name = tenant.name.translate(_NO_PATH) if tenant is not None else "Heliograph"
        dialog = ExportDialog(
            self.scopes(), name, self._asks, lambda said: self._commands.said.emit(Said(said)), self._window
        )
        dialog.open()
        return dialog

    def scopes(self) -> list[Scope]:
        """Return what can be exported: everything, what is selected, what the tree's filter leaves."""
        inventory, window = self._model.inventory, self._window
        found = [Scope(f"Everything: {count_of(len(inventory.tables['device']), 'device', 'devices')}", None)]
        ids = window.map.tools.picked or ((window.selected,) if window.selected is not None else ())
        devices = [device for id in ids if (device := inventory.device(id)) is not None]
        if devices:
            one = isolated(devices[0].name)
            what = one if len(devices) == 1 else count_of(len(devices), "device", "devices")
            found.append(Scope(f"Selected: {what}", tuple(device.id for device in devices)))
        if window.tree.rows.filtered:
            left = tuple(window.tree.rows.device_ids())
            found.append(Scope(f"As the tree is filtered: {count_of(len(left), 'device', 'devices')}", left))
        return found

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take a file that is dropped on the window, one at a time."""
        if isinstance(event, QDropEvent):
            path = _file_in(event.mimeData())
            if path is not None:
                event.acceptProposedAction()
                if event.type() == QEvent.Type.Drop and not self._is_past():
                    self.import_file(path)
                return True
        return super().eventFilter(watched, event)

    def _is_past(self) -> bool:
        """Whether the past is shown, and say then why there is neither import nor export."""
        is_past = self._window.past.machine.is_on
        if is_past:
            self._commands.said.emit(Said(PAST_WHY, bad=True))
        return is_past

    def _send(self, title: str, steps: Iterable[Step], then: Then) -> None:
        self._commands.submit(edit_of(title, self._commands.author, steps), {}, then)

    def _show(self, area: Area | None) -> None:
        if area is not None:
            self._window.map.frame_box(*area)


_NO_PATH = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))


def _file_in(data: QMimeData) -> Path | None:
    """Return the one file that is dragged, if it is of a kind that is read."""
    urls = data.urls()
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    return path if path is not None and path.suffix.casefold() in ENDINGS else None

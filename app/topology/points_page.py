"""Single points of failure: whose loss alone takes others along, the dearest first. Counterpart: `engine/inquiries.py`.

Theory: the engine is asked when somebody looks, and again when the network is another; what is shown meanwhile says when it
was counted. One rule: an empty list is only good news where there is a network to speak of.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
from PySide6.QtCore import QModelIndex, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from app.commands import Asks
from app.draft import now_us
from app.look import Look
from app.model import Delta, Model
from app.panels.rows_model import Column
from app.panels.text import Label, button
from app.topology.listing import Listing
from app.topology.table_file import as_csv, write_table
from app.topology.told import name_of_told
from app.words import clock, count_of, name_of_link
from domain.asking import POINTS_OF_FAILURE_CAP, QuerySinglePoints
from domain.topology import SinglePoint
from domain.wire import Reply

ASK_AGAIN_MS = 1_000
"""How long the network has to rest before it is counted anew."""


class PointRow(NamedTuple):
    """A single point of failure as it is shown; `share` is its cost against the dearest one's."""

    key: str
    id: UUID
    name: str
    kind: str
    status: str
    devices: int
    sites: int
    subscribers: int
    share: float


def _figure(number: int) -> str:
    return f"{number:,}"


WHAT_IF = 4
_COLUMNS = (
    Column(
        "If this fails",
        lambda row: row.name,
        status=lambda row: row.status,
        quiet=lambda row: row.kind,
    ),
    Column("Sites", lambda row: _figure(row.sites), 60, 2, order=lambda row: row.sites),
    Column("Devices", lambda row: _figure(row.devices), 70, 1, order=lambda row: row.devices),
    Column(
        "Subscribers",
        lambda row: _figure(row.subscribers),
        116,
        order=lambda row: row.subscribers,
        share=lambda row: row.share,
    ),
    Column("", lambda row: "What if", 64, is_text=True, is_link=lambda row: True),
)


class PointsPage(QWidget):
    """The list with search, what-if and export."""

    shown = Signal(object)
    """A device or link is to be seen on the map."""
    imagined = Signal(object)
    """What if this one failed?"""
    counted = Signal(int)
    failed = Signal(str)
    """A file could not be written."""

    def __init__(self, model: Model, asks: Asks, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._asks = model, asks
        self._points: list[SinglePoint] | None = None
        self._more = False
        self._is_out = False
        self._is_stale = True
        self._refused = ""
        self._told: frozenset[UUID] = frozenset()
        self._counted_us = 0
        self.dialog: QFileDialog | None = None
        self.listing = Listing(_COLUMNS, look, "Single points of failure")
        self.when = Label("", "small")
        self.export = button("Export CSV…", "link")
        self.export.clicked.connect(self._ask_where)
        self.listing.head.insertWidget(1, self.when)
        self.listing.head.addWidget(self.export)
        self.listing.opened.connect(lambda row: self.shown.emit(row.id))
        self.listing.table.clicked.connect(self._on_click)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(ASK_AGAIN_MS)
        self._again.timeout.connect(self._ask)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 4, 12, 8)
        layout.addWidget(self.listing)
        model.changed.connect(self._on_changed)
        self._show()

    def showEvent(self, event: object) -> None:
        """Count, where the network is another than when it was last counted."""
        if self._is_stale:
            self._ask()
        else:
            self._show()

    def csv(self) -> str:
        """Return what is shown as a table."""
        heads = ("If this fails", "Kind", "Sites", "Devices", "Subscribers")
        rows: list[PointRow] = self.listing.table.rows.rows
        return as_csv(heads, [(r.name, r.kind, r.sites, r.devices, r.subscribers) for r in rows])

    def save_to(self, path: Path, text: str) -> None:
        """Write a table, or say why not."""
        try:
            write_table(path, text)
        except OSError as error:
            self.failed.emit(f"{path.name} could not be written: {error.strerror or error}")

    def _ask(self) -> None:
        if self._is_out:
            return
        self._is_out, self._is_stale = True, False
        self._asks.request(lambda number: QuerySinglePoints(number, POINTS_OF_FAILURE_CAP), self._on_reply)

    def _on_reply(self, reply: Reply) -> None:
        self._is_out = False
        self._refused = "; ".join(refusal.message for refusal in reply.refusals)
        if not reply.refusals:
            self._points = msgspec.convert(reply.result.get("points", []), list[SinglePoint])
            self._more = bool(reply.result.get("more"))
            self._counted_us = now_us()
            self.counted.emit(len(self._points))
        self._show()
        if self._is_stale:
            self._again.start()

    def _on_changed(self, delta: Delta) -> None:
        told = self._model.derived_links.keys()
        if told != self._told:
            self._told = frozenset(told)
        elif not delta.inventory:
            if delta.health and self.isVisible():
                self._show()
            return
        self._is_stale = True
        if self.isVisible():
            self._again.start()
            self._show()

    def _show(self) -> None:
        points = self._points or []
        dearest = max((point.subscribers for point in points), default=0)
        most = max((point.devices for point in points), default=1)
        rows = [
            row
            for point in points
            if (row := self._row(point, point.subscribers / dearest if dearest else point.devices / most))
        ]
        self.listing.show_rows(rows, self._nothing())
        at = clock(self._counted_us, now_us()) if self._counted_us else ""
        first = f"the {len(points):,} dearest, " if self._more else ""
        self.when.setText(f"{first}counted at {at}" if at else "")
        self.export.setVisible(bool(rows))

    def _nothing(self) -> str:
        inventory = self._model.inventory
        if self._refused:
            return self._refused
        if self._points is None:
            return "The engine is counting…"
        if not inventory.tables["device"]:
            return "There are no devices yet."
        if not inventory.tables["link"] and not self._model.derived_links:
            return "There are no links yet. What hangs on what is known once links are drawn or told of."
        return "Every device has two ways to the network."

    def _row(self, point: SinglePoint, share: float) -> PointRow | None:
        """Return a row; None for what is gone since it was counted."""
        inventory, model = self._model.inventory, self._model
        device, link = inventory.device(point.id), inventory.link(point.id)
        told = model.derived_links.get(point.id)
        if device is not None:
            said = (device.name, str(device.role), model.status_of(device.id))
        elif link is not None:
            said = (name_of_link(inventory, link), f"{link.kind} link", model.link_status_of(link.id))
        elif told is not None:
            said = (name_of_told(model, told), f"{told.kind} link, not drawn", "unknown")
        else:
            return None
        counts = (point.devices, point.sites, point.subscribers)
        return PointRow(str(point.id), point.id, *said, *counts, share)

    def _on_click(self, index: QModelIndex) -> None:
        if index.column() == WHAT_IF:
            self.imagined.emit(self.listing.table.rows.rows[index.row()].id)

    def _ask_where(self) -> None:
        text, count = self.csv(), len(self.listing.table.rows.rows)
        dialog = QFileDialog(self, f"Save {count_of(count, 'row', 'rows')}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("Tables (*.csv)")
        dialog.setDefaultSuffix("csv")
        dialog.selectFile("Single points of failure.csv")
        dialog.fileSelected.connect(lambda path: self.save_to(Path(path), text))
        dialog.finished.connect(dialog.deleteLater)
        self.dialog = dialog
        dialog.open()

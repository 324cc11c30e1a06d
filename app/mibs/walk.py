"""What a device has at and below a name, page by page. Counterpart: `WalkDevice` of `domain/mib.py`.

Theory: each answer is one page and says where the next begins; to stop is to ask no more. One rule: a walk ends at its rows,
at its time, at the device's word, or when it is told to; and says which.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.look import Look
from app.model import Model
from app.panels.finder import Entry
from app.panels.picker import OFFERED_CAP, Picker, matches
from app.panels.rows_model import Column
from app.panels.rows_table import RowsTable
from app.panels.search_field import SearchField
from app.panels.text import Label, LineLabel, button, caption
from app.words import capitalized, count_of
from domain.inventory import Device
from domain.mib import WALK_PAGE_ROWS, WALK_ROWS_CAP, WALK_S, WalkDevice, WalkedValue
from domain.wire import Reply

FIRST_PAGE_ROWS = 40
"""The first page is small, so that something is there at once."""
TICK_MS = 500


class WalkedRow(msgspec.Struct, frozen=True):
    """A value in the table."""

    value: WalkedValue

    @property
    def key(self) -> str:
        """Its OID."""
        return self.value.oid


COLUMNS = (
    Column("Name", lambda row: row.value.name),
    Column(
        "Value", lambda row: row.value.value, width_px=260, is_text=True, order=lambda row: _order(row.value)
    ),
    Column("Unit", lambda row: row.value.units, width_px=76, rank=2, is_text=True),
    Column("As sent", lambda row: _sent(row.value), width_px=120, rank=1, is_text=True),
    Column("OID", lambda row: row.value.oid, width_px=190, rank=3, is_text=True),
)


def _order(value: WalkedValue) -> tuple[int, float, str]:
    """Return what sorts numbers as such, before texts."""
    digits = value.raw.removeprefix("-")
    return (
        (0, float(value.raw), "")
        if digits.isdecimal() and len(digits) < 21
        else (1, 0.0, value.value.casefold())
    )


def _sent(value: WalkedValue) -> str:
    return value.raw if value.raw != value.value else ""


class Walk(QWidget):
    """Device, verb, progress, values. It walks what `root` returns, an OID and its name."""

    row_chosen = Signal(str)
    """The OID of a value that was opened."""

    def __init__(
        self,
        model: Model,
        asks: Asks,
        look: Look,
        root: Callable[[], tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._asks, self._look, self._root = model, asks, look, root
        self._walked, self._name = "", ""
        self._round = 0
        self._began_s = 0.0
        self.device: UUID | None = None
        self.walking = False
        self.values: list[WalkedRow] = []
        self.device_button = button("")
        self.device_button.setAutoDefault(False)
        self.device_button.clicked.connect(self.pick_device)
        self.verb = button("Walk", "primary")
        self.verb.setAutoDefault(False)
        self.verb.clicked.connect(self.toggle)
        self.said = LineLabel("", "quiet", prose=True)
        self.search = SearchField("values")
        self.search.hide()
        self.table = RowsTable(COLUMNS, look, "Values")
        self.table.hide()
        self.search.textChanged.connect(self.table.search)
        self.search.left_down.connect(self.table.setFocus)
        self.table.typed.connect(self._on_typed)
        self.table.opened.connect(lambda row: self.row_chosen.emit(row.value.oid))
        self.whole = Label("", "small", wrap=True)
        self.whole.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.whole.hide()
        self.table.chosen.connect(self._on_row)
        self.empty = Label("", "quiet", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.verb)
        head.addWidget(self.device_button)
        head.addWidget(self.said, 1)
        head.addWidget(self.search)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.whole)
        layout.addWidget(self.empty, 1)
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._tell_progress)
        self.set_device(None)

    def devices(self) -> list[Device]:
        """Return who can be walked."""
        found = [
            d for d in self._model.inventory.devices() if any(probe.kind == "snmp" for probe in d.probes)
        ]
        return sorted(found, key=lambda device: device.name.casefold())

    def set_device(self, id: UUID | None) -> None:
        """Walk this one from now on; what another one said goes."""
        if id != self.device:
            self.stop("")
            self._show([])
        self.device = id
        found = self._model.inventory.device(id) if id is not None else None
        self.device_button.setText(caption(f"on {found.name}") if found is not None else "Choose a device…")
        self._dress()

    def pick_device(self) -> None:
        """Drop the list of devices."""

        def offer(text: str) -> list[Entry]:
            fitting = [d for d in self.devices() if matches(text, d.name, d.address)]
            shown = [
                Entry(d.name, lambda id=d.id: self.set_device(id), d.address, d.id == self.device)  # type: ignore[misc]
                for d in fitting[:OFFERED_CAP]
            ]
            return shown + [Entry("More: type to search")] * (len(fitting) > OFFERED_CAP)

        Picker(self._look, offer, "Which device", self).drop_under(self.device_button)

    def toggle(self) -> None:
        """Walk, or stop."""
        if self.walking:
            self.stop(f"{self._name}: stopped at {count_of(len(self.values), 'value', 'values')}")
        elif self.device is None:
            self.pick_device()
        else:
            self.begin()

    def begin(self) -> None:
        """Walk what is chosen on the device."""
        self._walked, self._name = self._root()
        if self.device is None or not self._walked:
            return
        self._round += 1
        self._began_s = time.monotonic()
        self.walking = True
        self.search.clear()
        self._show([])
        self._clock.start()
        self._dress()
        self._tell_progress()
        self._ask("")

    def stop(self, said: str) -> None:
        """Ask no more; an answer that is on its way is dropped."""
        self._round += 1
        self.walking = False
        self._clock.stop()
        self.said.setText(said)
        self._dress()

    def _ask(self, after: str) -> None:
        device, root, round_ = self.device, self._walked, self._round
        rows = WALK_PAGE_ROWS if after else FIRST_PAGE_ROWS

        def on_page(reply: Reply) -> None:
            if isValid(self) and round_ == self._round:
                self._on_page(reply)

        if device is not None:
            self._asks.request(lambda number: WalkDevice(number, device, root, after, rows), on_page)

    def _on_page(self, reply: Reply) -> None:
        if reply.refusals:
            at = f" after {count_of(len(self.values), 'value', 'values')}" if self.values else ""
            self.stop("; ".join(capitalized(refusal.message) for refusal in reply.refusals) + at)
            self.empty.setText(self.said.text())
            return
        fresh = [
            WalkedRow(value) for value in msgspec.convert(reply.result.get("values", []), list[WalkedValue])
        ]
        self._show([*self.values, *fresh][:WALK_ROWS_CAP])
        after, spent_s = str(reply.result.get("next", "")), time.monotonic() - self._began_s
        count = count_of(len(self.values), "value", "values")
        if not after:
            self.stop(f"{self._name}: {count} in {max(spent_s, 0.1):.1f} s" if self.values else "")
            self.empty.setText("The device has nothing there")
        elif len(self.values) >= WALK_ROWS_CAP:
            self.stop(f"{self._name}: {count}, and there is more: walk a smaller part")
        elif spent_s > WALK_S:
            self.stop(
                f"{self._name}: {count} in {spent_s:.0f} s, and there is more: choose a smaller part of the tree"
            )
        else:
            self._ask(after)

    def _show(self, rows: list[WalkedRow]) -> None:
        self.values = rows
        self.table.show_rows(rows)
        self.table.setVisible(bool(rows))
        self.search.show_for(len(rows))
        self.empty.setVisible(not rows)

    def _tell_progress(self) -> None:
        spent_s = time.monotonic() - self._began_s
        self.said.setText(f"{self._name}: {count_of(len(self.values), 'value', 'values')}, {spent_s:.0f} s")

    def _dress(self) -> None:
        self.verb.setText("Stop" if self.walking else "Walk")
        self.device_button.setEnabled(not self.walking)
        if not self.values:
            self.empty.setText(
                "Waiting for the device…"
                if self.walking
                else "What the device has at and below the chosen name comes here. Nothing is written to it."
            )

    def _on_row(self, row: WalkedRow | None) -> None:
        """Show all of a chosen value, however long, and its index in words."""
        if row is not None:
            value = row.value
            unit = f" {value.units}" if value.units else ""
            index = f" ({value.index})" if value.index else ""
            self.whole.setText(f"{value.name}{index}: {value.value}{unit}")
        self.whole.setVisible(row is not None)

    def _on_typed(self, text: str) -> None:
        self.search.show()
        self.search.setFocus()
        self.search.setText(text)

"""Choosing which of several devices stays where they are found to be one. Counterpart: `edits.merging`.

One rule: what goes and what goes over is said in numbers before it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from PySide6.QtWidgets import QWidget

from app.commands import Then
from app.dialogs.form import Form, fill_row, plain_table
from app.discovery.edits import merging
from app.look import ROW_PX
from app.model import Model
from app.panels.text import Label
from app.words import count_of, isolated
from domain.edit import Step
from domain.errors import Refusal
from domain.finding import Find
from domain.inventory import Device
from domain.rules import NAME_CAP

ROWS_SHOWN = 8
NUMBERS = (3, 4)
Submit = Callable[[str, list[Step], Then], None]
"""Sends the steps under a title."""


class MergeForm(Form):
    """Which one stays; the one that answers best is chosen at first."""

    def __init__(self, model: Model, find: Find, submit: Submit, parent: QWidget | None = None) -> None:
        super().__init__("One device, not several", "Merge", parent, width_px=480, hint="You can undo this.")
        self._model, self._submit = model, submit
        self._devices = devices_of(model, find)
        said = f"{find.match.words[:1].upper()}{find.match.words[1:]}." if find.match.words else ""
        self.body.addWidget(Label(said, "quiet", wrap=True))
        self.table = plain_table(["Name", "Address", "Is", "Links", "Probes"], 0, NUMBERS)
        self.table.setRowCount(len(self._devices))
        for row, device in enumerate(self._devices):
            links, status = self._links(device.id), model.status_of(device.id)
            cells = [device.name, device.address, status, f"{links:,}", f"{len(device.probes):,}"]
            fill_row(self.table, row, cells, NUMBERS)
        self.table.setFixedHeight((min(len(self._devices), ROWS_SHOWN) + 1) * ROW_PX + 8)
        self.body.addWidget(self.fields.add("devices", "Which one stays?", self.table))
        self.told = Label("", "small", wrap=True)
        self.body.addWidget(self.told)
        self.body.addStretch(1)
        self.table.itemSelectionChanged.connect(self._tell)
        if self._devices:
            self.table.selectRow(list(self._devices).index(best_of(model, self._devices)))
        self.table.setFocus()

    @property
    def stays(self) -> Device | None:
        """The device that is chosen to stay."""
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._model.inventory.device(self._devices[rows.pop()].id) if rows else None

    def submit(self) -> None:
        """Send it; the form closes when the engine has taken it."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        stays = self.stays
        ids = [device.id for device in self._devices if stays is None or device.id != stays.id]
        others = [device for id in ids if (device := self._model.inventory.device(id)) is not None]
        if stays is None or not others:
            self.refuse([Refusal("INVALID_INPUT", "they are not both there any more", "devices")])
            return
        self.begin()
        names = ", ".join(device.name for device in others)[:NAME_CAP]
        title = f"{names} and {stays.name} are one device"
        self._submit(title, merging(self._model.inventory, stays, others), self.on_answer)

    def _links(self, id: UUID) -> int:
        return sum(id in (link.a, link.b) for link in self._model.inventory.links())

    def _tell(self) -> None:
        stays = self.stays
        if stays is None:
            return
        others = [device for device in self._devices if device.id != stays.id]
        links = sum(self._links(device.id) for device in others)
        gone = ", ".join(isolated(device.name) for device in others)
        over = f"{count_of(links, 'link goes', 'links go')} over to {isolated(stays.name)}" if links else ""
        over = (
            f"{over}, as do rules and planned work"
            if over
            else f"Rules and planned work go over to {isolated(stays.name)}"
        )
        kept = "It keeps its name, its address and how it is asked."
        self.told.setText(f"{gone} will be deleted. {over}. {kept}")
        self.fit_soon()


def devices_of(model: Model, find: Find) -> Sequence[Device]:
    """Return the devices that a find says are one."""
    return [device for id in find.match.devices if (device := model.inventory.device(id)) is not None]


def best_of(model: Model, devices: Sequence[Device]) -> Device:
    """Return the device that most depends on: it answers, has more links, is asked in more ways."""

    def weight(device: Device) -> tuple[bool, int, int]:
        links = sum(device.id in (link.a, link.b) for link in model.inventory.links())
        return model.status_of(device.id) in ("up", "degraded"), links, len(device.probes)

    return max(devices, key=weight)

"""The form in which finds become devices: one, or many at once. Counterpart: `edits.adding`; the engine's rules judge.

One rule: all of it stands in the form before anything is added, and it is one edit with one undo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QTableWidget, QTableWidgetItem, QWidget

from app.commands import Then
from app.dialogs.form import Form, plain_table, two_columns
from app.dialogs.number_fields import read_number
from app.discovery.edits import Chosen, Place, adding, names_for, role_of, site_for
from app.discovery.words import asked_by, where_it_is
from app.draft import DeviceDraft
from app.look import ROW_PX
from app.panels.text import Label, tip
from app.words import count_of
from domain.edit import Step
from domain.errors import Refusal
from domain.finding import Find
from domain.inventory import ROLES, Device, Inventory, Role

WIDTH_PX = 560
ROWS_SHOWN = 10
NAME, ADDRESS, ASKED = range(3)
AS_IT_LOOKS = "Each as it looks"
Submit = Callable[[list[Step], list[Device], Then], None]
"""Sends the steps that make these devices."""


class AddForm(Form):
    """Name, address, site, role and interval; of many the names in a list, the rest for all."""

    def __init__(
        self, inventory: Inventory, finds: Sequence[Find], submit: Submit, parent: QWidget | None = None
    ) -> None:
        self._inventory, self._submit = inventory, submit
        self._finds = [find for find in finds if find.addresses]
        self._ids: dict[UUID, str] = {}
        only = self._finds[0] if len(self._finds) == 1 else None
        what = "Add a device" if only else f"Add {count_of(len(self._finds), 'device', 'devices')}"
        super().__init__(what, "Add", parent, width_px=WIDTH_PX)
        self.names: QTableWidget | None = None
        names = names_for(inventory, self._finds)
        self.name = QLineEdit(names[0] if only else "")
        self.name.setMaxLength(400)
        self.address = QComboBox()
        self.address.addItems(list(only.addresses) if only else [])
        self._sites = sorted(inventory.sites(), key=lambda site: site.name.casefold())
        self.site = QComboBox()
        self.site.setEditable(True)
        self.site.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.site.addItems(["", *(site.name for site in self._sites)])
        guessed = site_for(inventory, self._finds)
        self.site.setCurrentText(guessed.name if guessed else "")
        self.region = QLineEdit()
        self.region.setMaxLength(120)
        self.role = QComboBox()
        self.role.addItems([*([] if only else [AS_IT_LOOKS]), *ROLES])
        if only:
            self.role.setCurrentText(role_of(only))
        self.interval = QLineEdit(f"{DeviceDraft('', '').interval_s:g}")
        self.interval.setMaxLength(12)
        self._lay_out(only, names, len(finds) - len(self._finds))
        self.site.currentTextChanged.connect(self._on_site)
        self._on_site(self.site.currentText())
        self.name.selectAll()
        (self.name if only else self.site).setFocus()

    def submit(self) -> None:
        """Send it; the form closes when the engine has taken it."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        interval_s = read_number(self.interval.text())
        if interval_s is None:
            said = f"a number expected, got “{self.interval.text()}”"
            self.refuse([Refusal("INVALID_INPUT", said, "interval_s")])
            return
        self.begin()
        role = self.role.currentText()
        chosen_role: Role | None = None if role == AS_IT_LOOKS else role  # type: ignore[assignment]
        added = adding(self.chosen(), self._place(), chosen_role, interval_s)
        self._ids = {device.id: device.name for device in added.devices}
        self._submit(added.steps, added.devices, self.on_answer)

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Show refusals at their fields; of many, whose name or address it is stands before it."""
        if self.names is None:
            super().refuse(refusals)
            return
        named = [
            msgspec.structs.replace(said, message=f"{self._ids[said.subject]}: {said.message}", field="")
            if said.subject in self._ids and said.field in ("name", "address")
            else said
            for said in refusals
        ]
        super().refuse(named)

    def chosen(self) -> list[Chosen]:
        """Return the finds with the names that they will have."""
        if self.names is None:
            return [Chosen(self._finds[0], self.name.text().strip(), self.address.currentText())]
        texts = [self.names.item(row, NAME) for row in range(self.names.rowCount())]
        return [
            Chosen(find, item.text().strip() if item is not None else "")
            for find, item in zip(self._finds, texts, strict=True)
        ]

    def _place(self) -> Place:
        name = self.site.currentText().strip()
        known = next((site for site in self._sites if site.name.casefold() == name.casefold()), None)
        return Place(known.id) if known is not None else Place(None, name, self.region.text().strip())

    def _on_site(self, name: str) -> None:
        plain = name.strip().casefold()
        known = next((site for site in self._sites if site.name.casefold() == plain), None)
        self.region.setEnabled(known is None and bool(plain))
        self.region.setText(known.region if known is not None else self.region.text() if plain else "")

    def _lay_out(self, only: Find | None, names: Sequence[str], without: int) -> None:
        add = self.fields.add
        grid = two_columns()
        if only is not None:
            grid.addWidget(add("name", "Name", self.name), 0, 0)
            grid.addWidget(add("address", "Address", self.address), 0, 1)
        all_ = "" if only else " for all"
        grid.addWidget(add("site", f"Site{all_}, an old or a new one", self.site), 1, 0)
        grid.addWidget(add("region", "Region of a new site", self.region), 1, 1)
        grid.addWidget(add("role", f"Role{all_}", self.role), 2, 0)
        grid.addWidget(add("interval_s", "Asked every, seconds", self.interval), 2, 1)
        self.body.addLayout(grid)
        if only is not None:
            said = f"Asked by: {asked_by(only, self._inventory)}"
            self.body.addWidget(Label(said, "small", wrap=True))
        else:
            self.names = self._name_table(names)
            self.body.addWidget(self.names)
        if without:
            kept = f"{count_of(without, 'find', 'finds')} told no address and will stay in the list."
            self.body.addWidget(Label(kept, "small", wrap=True))
        self.body.addStretch(1)

    def _name_table(self, names: Sequence[str]) -> QTableWidget:
        made = plain_table(["Name", "Address", "Asked by"], NAME)
        made.setEditTriggers(
            QTableWidget.EditTrigger.DoubleClicked
            | QTableWidget.EditTrigger.EditKeyPressed
            | QTableWidget.EditTrigger.AnyKeyPressed
        )
        header = made.horizontalHeader()
        for column, width_px in ((ADDRESS, 130), (ASKED, 190)):
            header.setSectionResizeMode(column, header.ResizeMode.Interactive)
            header.resizeSection(column, width_px)
        made.setRowCount(len(names))
        made.setAccessibleName("Names of the devices")
        for row, (find, name) in enumerate(zip(self._finds, names, strict=True)):
            for column, text in enumerate((name, where_it_is(find), asked_by(find, self._inventory))):
                item = QTableWidgetItem(text)
                item.setToolTip(tip(text))
                if column != NAME:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                made.setItem(row, column, item)
        made.setFixedHeight((min(len(names), ROWS_SHOWN) + 1) * ROW_PX + 8)
        return made

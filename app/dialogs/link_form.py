"""The form that changes a link. Counterpart: `commands.edit_link`; the engine's refusals come back to its fields.

One rule: as in `device_form.py`: what the form cannot read as a number it says itself, the rest is the engine's word.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.commands import Then
from app.dialogs.fields import Fields
from app.model import Model
from app.panels.interfaces import ports_of
from app.panels.text import LineLabel, button
from app.panels.text_box import TextBox
from app.radio.fields import RadioFields
from app.words import figure, name_of_link
from domain.errors import Refusal
from domain.inventory import LINK_KINDS, Link

WIDTH_PX = 520
NOTE_PX = 88
Submit = Callable[[Link, Then], None]
"""Sends the link as it shall be; the second argument is told what the engine said."""


class LinkForm(QDialog):
    """Kind, capacity, the interface at each end, a note. It stays open until the engine has taken it."""

    def __init__(self, model: Model, link: Link, submit: Submit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Change link")
        self.setFixedWidth(WIDTH_PX)
        self._old, self._submit = link, submit
        self.fields = Fields()
        self.kind = QComboBox()
        self.kind.addItems(LINK_KINDS)
        self.kind.setCurrentText(link.kind)
        self.capacity = QLineEdit(f"{link.capacity_bps / 1e6:.15g}" if link.capacity_bps else "")
        self.capacity.setMaxLength(20)
        self.capacity.setPlaceholderText("Not known")
        self.a_interface = _interfaces(model, link.a, link.a_interface)
        self.b_interface = _interfaces(model, link.b, link.b_interface)
        names = [end.name if (end := model.inventory.device(id)) else "?" for id in (link.a, link.b)]
        self.radio = RadioFields(link.radio, names[0], names[1])
        self.note = TextBox(link.note)
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(NOTE_PX)
        self.submit_button = button("Save", "primary")
        self.submit_button.setDefault(True)
        self.submit_button.clicked.connect(self.submit)
        self._lay_out(model)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.submit)
        self.capacity.setFocus()

    def submit(self) -> None:
        """Send what was typed; the form closes when the engine has taken it."""
        self.fields.clear()
        capacity_bps = self._capacity_bps()
        bad: list[Refusal] = []
        radio = self.radio.value(bad)
        if bad:
            self.fields.refuse(bad)
        if bad or capacity_bps is None:
            return
        self.submit_button.setEnabled(False)
        new = msgspec.structs.replace(
            self._old,
            kind=self.kind.currentText(),
            capacity_bps=capacity_bps,
            a_interface=self.a_interface.currentText().strip(),
            b_interface=self.b_interface.currentText().strip(),
            note=self.note.toPlainText().strip(),
            radio=radio,
        )
        self._submit(new, self.on_answer)

    def on_answer(self, refusals: tuple[Refusal, ...]) -> None:
        """Close, or show what was refused where it was."""
        self.submit_button.setEnabled(True)
        if refusals:
            self.fields.refuse(refusals)
        else:
            self.accept()

    def _show_radio(self) -> None:
        """Show the radios where there are any, or may be."""
        is_radio = self.kind.currentText() == "wireless" or self._old.radio is not None
        self.fields.by_name["radio"].setVisible(is_radio)
        self.adjustSize()

    def _capacity_bps(self) -> int | None:
        text = self.capacity.text().strip().replace(",", ".")
        try:
            return round(float(text) * 1e6) if text else 0
        except (ValueError, OverflowError):
            said = f"a number of Mb/s expected, such as {figure(1000)}, got “{text}”"
            self.fields.refuse([Refusal("INVALID_INPUT", said, "capacity_bps")])
            return None

    def _lay_out(self, model: Model) -> None:
        add = self.fields.add
        ends = [model.inventory.device(id) for id in (self._old.a, self._old.b)]
        names = [end.name if end else "?" for end in ends]
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.addWidget(add("kind", "Kind", self.kind), 0, 0)
        grid.addWidget(add("capacity_bps", "Capacity, Mb/s", self.capacity), 0, 1)
        grid.addWidget(add("a_interface", f"Interface of {names[0]}", self.a_interface), 1, 0)
        grid.addWidget(add("b_interface", f"Interface of {names[1]}", self.b_interface), 1, 1)
        radio = add("radio", "Radio", self.radio)
        grid.addWidget(radio, 2, 0, 1, 2)
        grid.addWidget(add("note", "Note", self.note), 3, 0, 1, 2)
        self.radio.changed.connect(radio.accept)
        self.kind.currentTextChanged.connect(lambda _: self._show_radio())
        self._show_radio()
        cancel = button("Cancel")
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.submit_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(12)
        layout.addWidget(LineLabel(name_of_link(model.inventory, self._old), "title"))
        layout.addWidget(self.fields.rest)
        layout.addLayout(grid)
        layout.addLayout(foot)


def _interfaces(model: Model, device: UUID, chosen: str) -> QComboBox:
    made = QComboBox()
    made.setEditable(True)
    made.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    made.addItem("")
    made.addItems([port.interface.name for port in ports_of(model, device)])
    made.setCurrentText(chosen)
    return made

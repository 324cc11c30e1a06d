"""A form's fields: label above, refusal below. Counterpart: `domain/errors.Refusal`, whose `field` names one.

One rule: a refusal stands at the field that it names and goes when the field is changed; one that names none stands at the top.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.panels.text import Label, LineLabel, set_property
from app.words import capitalized
from domain.errors import Refusal

PORT_PX = 76


class PortLine(QLineEdit):
    """A port; what is none goes to the engine as it is, up to five digits."""

    def __init__(self, port: int) -> None:
        super().__init__(str(port))
        self.setValidator(QIntValidator(0, 99_999, self))
        self.setFixedWidth(PORT_PX)

    def value(self) -> int:
        """Return the port, 0 where there is none."""
        text = self.text()
        return int(text) if text.isdecimal() else 0


class Field(QWidget):
    """One input with its label and its refusal."""

    def __init__(self, label: str, input: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input = input
        self.refusal = Label("", "refusal", wrap=True)
        self.refusal.hide()
        heading = LineLabel(label, "field")
        heading.setBuddy(input)
        heading.setVisible(bool(label))
        if label:
            input.setAccessibleName(label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(heading)
        layout.addWidget(input)
        layout.addWidget(self.refusal)
        layout.addStretch(1)
        if isinstance(input, QLineEdit | QPlainTextEdit):
            input.textChanged.connect(self.accept)
        elif isinstance(input, QComboBox):
            input.currentTextChanged.connect(self.accept)
        elif isinstance(input, QCheckBox):
            input.toggled.connect(self.accept)

    def refuse(self, message: str) -> None:
        """Show why this field was refused."""
        said = self.refusal.text()
        self.refusal.setText(f"{said}; {message}" if said else capitalized(message))
        self.refusal.show()
        set_property(self.input, "refused", "true")

    def accept(self) -> None:
        """Take the refusal back."""
        self.refusal.setText("")
        self.refusal.hide()
        set_property(self.input, "refused", "false")


class Fields:
    """A form's fields by the names that refusals use; `rest` shows what names none of them."""

    def __init__(self) -> None:
        self.by_name: dict[str, Field] = {}
        self.rest = Label("", "refusal", wrap=True)
        self.rest.hide()

    def add(self, name: str, label: str, input: QWidget) -> Field:
        """Make a field."""
        self.by_name[name] = Field(label, input)
        return self.by_name[name]

    def clear(self) -> None:
        """Take all refusals back."""
        for field in self.by_name.values():
            field.accept()
        self.rest.setText("")
        self.rest.hide()

    def knows(self, name: str) -> bool:
        """Tell whether a refusal of that name has a field to stand at."""
        return self._named(name) is not None

    def refuse(self, refusals: Iterable[Refusal]) -> Field | None:
        """Show each refusal at its field, give the first of them the keyboard and return it."""
        first: Field | None = None
        loose = []
        for refusal in refusals:
            field = self._named(refusal.field)
            if field is None:
                loose.append(refusal.message)
                continue
            field.refuse(refusal.message)
            first = first or field
        if loose:
            self.rest.setText("\n".join(map(capitalized, loose)))
            self.rest.show()
        if first is not None:
            first.input.setFocus()
        return first

    def _named(self, name: str) -> Field | None:
        """Return the field of that name, else of the thing that it is a part of: "probes" for "probes.0.port"."""
        while name:
            field = self.by_name.get(name)
            if field is not None and not field.isHidden():
                return field
            name = name.rpartition(".")[0]
        return None

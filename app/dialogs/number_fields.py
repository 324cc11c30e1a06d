"""Numbers as people type them: with the unit beside them, or a time in the unit that fits. Counterpart: `fields.py`.

One rule: what cannot be read is told to the form as a refusal, never taken for something else.
"""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from app.panels.text import Label
from app.watching import DAY_S, HOUR_S, MINUTE_S, plain
from domain.errors import Refusal

NUMBER_CHARS = 24
NUMBER_PX = 88
_SPANS = (("s", 1), ("min", MINUTE_S), ("h", HOUR_S), ("d", DAY_S))


class NumberLine(QWidget):
    """A number and its unit. `factor`: how much of the domain's unit one of the shown is."""

    changed = Signal()

    def __init__(self, title: str, start: float | None, *, hint: str = "") -> None:
        super().__init__()
        self._factor = 1.0
        self.line = _line(title)
        self.line.setPlaceholderText(hint)
        self.unit = Label("", "quiet")
        self._start = start
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(self.unit)
        self.set_unit("", 1.0)
        self.line.textChanged.connect(self.changed)

    def setFocus(self, reason: Qt.FocusReason = Qt.FocusReason.OtherFocusReason) -> None:
        """Take the keyboard where the number is typed; a focus proxy would be a second stop for Tab."""
        self.line.setFocus(reason)

    def set_unit(self, unit: str, factor: float) -> None:
        """Show a unit; the number that it began with is shown in it, one that was typed stays as it was typed."""
        untouched = self._start is not None and self.line.text() in ("", plain(self._start / self._factor))
        self._factor = factor
        self.unit.setText(unit)
        self.unit.setVisible(bool(unit))
        if untouched and self._start is not None:
            self.line.setText(plain(self._start / factor))

    def is_empty(self) -> bool:
        """Tell whether nothing was typed."""
        return not self.line.text().strip()

    def value(self, field: str, bad: list[Refusal]) -> float | None:
        """Return the number in the domain's unit; None where nothing is typed, or with a refusal where it is no number."""
        text = self.line.text()
        if not text.strip():
            return None
        number = read_number(text)
        if number is None:
            bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{text.strip()}”", field))
            return None
        if self._start is not None and text == plain(self._start / self._factor):
            return self._start
        return number * self._factor


class SpanLine(QWidget):
    """A span of time: a number, and seconds, minutes, hours or days."""

    changed = Signal()

    def __init__(self, title: str, start_s: float, *, days: bool = False) -> None:
        super().__init__()
        units = _SPANS if days else _SPANS[:3]
        self.line = _line(title)
        self.unit = QComboBox()
        self.unit.setAccessibleName(f"Unit of {title}")
        for name, size_s in units:
            self.unit.addItem(name, size_s)
        fitting = [n for n, (_, size_s) in enumerate(units) if start_s >= size_s and start_s % size_s == 0]
        self.unit.setCurrentIndex(max(fitting) if start_s and fitting else int(not start_s))
        self.line.setText(plain(start_s / self.unit.currentData()))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(self.unit)
        self.line.textChanged.connect(self.changed)
        self.unit.currentIndexChanged.connect(self.changed)

    def setFocus(self, reason: Qt.FocusReason = Qt.FocusReason.OtherFocusReason) -> None:
        """Take the keyboard where the number is typed."""
        self.line.setFocus(reason)

    def seconds(self, field: str, bad: list[Refusal]) -> float:
        """Return the span; nothing typed is 0."""
        text = self.line.text().strip()
        if not text:
            return 0.0
        number = read_number(text)
        if number is None:
            bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{text}”", field))
            return 0.0
        return number * float(self.unit.currentData())


def read_number(text: str) -> float | None:
    """Return the number that a text is, with a point or a comma, or None."""
    try:
        number = float(text.strip().replace(",", ".").replace("\u2212", "-"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _line(title: str) -> QLineEdit:
    made = QLineEdit()
    made.setMaxLength(NUMBER_CHARS)
    made.setMinimumWidth(NUMBER_PX)
    made.setAccessibleName(title)
    made.setAlignment(Qt.AlignmentFlag.AlignLeft)
    return made

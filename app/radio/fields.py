"""What people type of radios: of a link both ends side by side, of a device a row a sector. Counterpart: `domain/radio.py`.

One rule: an empty field is a number that nobody has given; what cannot be read is said here, what may not be by the engine.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QVBoxLayout, QWidget

from app.panels.text import Label, LineLabel, button
from domain.errors import Refusal
from domain.radio import SECTORS_CAP, RadioPath, Sector

_CHARS = 12
_ENDS = (
    ("height_m", "Antenna above ground, m"),
    ("gain_dbi", "Antenna gain, dBi"),
    ("tx_power_dbm", "Sends, dBm"),
)
_COLUMNS = (
    ("interface", "Interface", 1.0),
    ("azimuth_deg", "Azimuth °", 1.0),
    ("beam_deg", "Beam °", 1.0),
    ("range_m", "Range km", 1_000.0),
    ("frequency_mhz", "MHz", 1.0),
    ("height_m", "Above m", 1.0),
    ("gain_dbi", "Gain dBi", 1.0),
    ("tx_power_dbm", "Sends dBm", 1.0),
)
_NEEDED = frozenset({"azimuth_deg", "beam_deg", "range_m"})


class RadioFields(QWidget):
    """The radios at both ends of a link."""

    changed = Signal()

    def __init__(
        self, radio: RadioPath | None, a_name: str, b_name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        given = radio or RadioPath()
        self.lines: dict[str, QLineEdit] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        for column in (1, 2):
            grid.setColumnStretch(column, 1)
        for column, name in ((1, a_name), (2, b_name)):
            grid.addWidget(LineLabel(name, "small"), 0, column)
        for row, (field, title) in enumerate(_ENDS, 1):
            grid.addWidget(Label(title, "field"), row, 0)
            for column, end, name in ((1, "a", a_name), (2, "b", b_name)):
                line = self._line(f"{end}_{field}", getattr(given, f"{end}_{field}"), f"{title}, at {name}")
                grid.addWidget(line, row, column)
        grid.addWidget(Label("Frequency, MHz", "field"), 4, 0)
        grid.addWidget(self._line("frequency_mhz", given.frequency_mhz, "Frequency, MHz"), 4, 1)

    def value(self, bad: list[Refusal]) -> RadioPath | None:
        """Return what was typed, None where nothing is; what is no number goes to `bad`."""
        typed = {name: _number(line.text(), "radio", bad) for name, line in self.lines.items()}
        return RadioPath(**typed) if any(value is not None for value in typed.values()) else None

    def _line(self, name: str, value: float | None, title: str) -> QLineEdit:
        made = self.lines[name] = _edit("" if value is None else f"{value:.10g}", title)
        made.textChanged.connect(self.changed)
        return made


class SectorRows(QWidget):
    """The sectors of a device, a row each; none is the usual. A tilt, which has no column, is kept as it was."""

    changed = Signal()

    def __init__(self, sectors: tuple[Sector, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tilts: list[float | None] = []
        self._made = 0
        self.rows: list[dict[str, QLineEdit]] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(4)
        self._grid.setVerticalSpacing(4)
        self.add_button = button("Add a sector", "link")
        self.add_button.setAutoDefault(False)
        self.add_button.clicked.connect(lambda: self.add(None))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._grid)
        layout.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)
        for sector in sectors:
            self.add(sector)

    def add(self, sector: Sector | None) -> None:
        """Add a row; a fresh one looks away from the last."""
        fresh = sector or Sector(self._next_azimuth_deg())
        if not self._made:
            for column, (_, title, _) in enumerate(_COLUMNS):
                self._grid.addWidget(LineLabel(title, "small"), 0, column)
        self._made += 1
        row, at = dict[str, QLineEdit](), self._made
        for column, (name, title, factor) in enumerate(_COLUMNS):
            value = getattr(fresh, name)
            text = value if isinstance(value, str) else "" if value is None else f"{value / factor:.10g}"
            row[name] = _edit(text, f"{title}, sector {at}")
            row[name].textChanged.connect(self.changed)
            self._grid.addWidget(row[name], at, column)
        remove = button("×", "link")
        remove.setAutoDefault(False)
        remove.setAccessibleName(f"Remove sector {at}")
        remove.setToolTip("Remove this sector")
        remove.clicked.connect(lambda: self._remove(row, remove))
        self._grid.addWidget(remove, at, len(_COLUMNS))
        self._tilts.append(fresh.tilt_deg)
        self.rows.append(row)
        self.add_button.setEnabled(len(self.rows) < SECTORS_CAP)
        self.changed.emit()

    def value(self, bad: list[Refusal]) -> tuple[Sector, ...]:
        """Return what was typed; what is no number, or is missing, goes to `bad`."""
        return tuple(
            self._sector(row, tilt_deg, bad) for row, tilt_deg in zip(self.rows, self._tilts, strict=True)
        )

    def _sector(self, row: Mapping[str, QLineEdit], tilt_deg: float | None, bad: list[Refusal]) -> Sector:
        typed: dict[str, float | str | None] = {
            "interface": row["interface"].text().strip(),
            "tilt_deg": tilt_deg,
        }
        for name, title, factor in _COLUMNS[1:]:
            number = _number(row[name].text(), "sectors", bad)
            if number is None and name in _NEEDED:
                if not row[name].text().strip():
                    bad.append(Refusal("INVALID_INPUT", f"{title.lower()} of a sector is missing", "sectors"))
                number = 1.0
            typed[name] = number * factor if number is not None else None
        return Sector(**typed)  # type: ignore[arg-type]

    def _remove(self, row: dict[str, QLineEdit], remove: QWidget) -> None:
        at = self.rows.index(row)
        del self.rows[at], self._tilts[at]
        for part in (*row.values(), remove):
            self._grid.removeWidget(part)
            part.deleteLater()
        self.add_button.setEnabled(True)
        self.changed.emit()

    def _next_azimuth_deg(self) -> float:
        if not self.rows:
            return 0.0
        last = _number(self.rows[-1]["azimuth_deg"].text(), "", []) or 0.0
        return (last + 120.0) % 360.0


def _edit(text: str, title: str) -> QLineEdit:
    made = QLineEdit(text)
    made.setMaxLength(120 if title.startswith("Interface") else _CHARS)
    made.setAccessibleName(title)
    return made


def _number(text: str, field: str, bad: list[Refusal]) -> float | None:
    text = text.strip().replace(",", ".").replace("−", "-")
    try:
        return float(text) if text else None
    except ValueError:
        bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{text}”", field))
        return None

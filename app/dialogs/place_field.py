"""Longitude and latitude as one line, and a button that has them clicked on the map. Counterpart: `panels/map_frame.py` `pick`.

One rule: a form that waits for a click on the map steps aside, and comes back whatever becomes of the click.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget
from shiboken6 import isValid

from app.panels.text import button
from domain.errors import Refusal
from domain.geometry import LngLat

Pick = Callable[[Callable[[LngLat | None], None]], None]
"""Asks for a click on the map; the place goes to its argument, None where nobody wanted any more."""
EXAMPLE = "longitude and latitude, such as 9.7438, 47.5031"


class PlaceField(QWidget):
    """The line, and the way to the map."""

    changed = Signal()

    def __init__(self, lng: float | None, lat: float | None, pick: Pick) -> None:
        super().__init__()
        self.line = QLineEdit(f"{lng!r}, {lat!r}" if lng is not None and lat is not None else "")
        self.line.setMaxLength(60)
        self.line.setPlaceholderText("Longitude, latitude")
        self.line.setAccessibleName("Place")
        self.pick = button("Choose on the map")
        self.pick.setAutoDefault(False)
        self._pick = pick
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(self.pick)
        self.setFocusProxy(self.line)
        self.line.textChanged.connect(self.changed)
        self.pick.clicked.connect(self._on_pick)

    def place(self, bad: list[Refusal]) -> LngLat | None:
        """Return what was typed, None for nothing; what cannot be read goes to `bad`. What may be is the engine's word."""
        text = self.line.text().strip().replace(";", ",")
        try:
            lng, lat = (float(part) for part in text.split(","))
        except ValueError:
            if text:
                bad.append(Refusal("INVALID_INPUT", f"{EXAMPLE} expected, got “{text[:40]}”", "place"))
            return None
        return LngLat(lng, lat)

    def _on_pick(self) -> None:
        form = self.window()
        form.hide()

        def back(place: LngLat | None) -> None:
            if isValid(self):
                if place is not None:
                    self.line.setText(f"{place.lng:.6f}, {place.lat:.6f}")
                form.show()
                self.line.setFocus()

        self._pick(back)

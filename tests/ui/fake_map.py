"""A map that draws nothing and remembers what it was told. Counterpart: `app/map/view.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class FakeMap(QWidget):
    """The signals and methods that the window uses."""

    device_clicked = Signal(object)
    link_clicked = Signal(object)
    background_clicked = Signal()
    device_dropped = Signal(object, float, float)
    place_requested = Signal(float, float)
    became_idle = Signal(float)
    page_died = Signal(str)

    external_requests = 0

    def __init__(self) -> None:
        super().__init__()
        self.theme = ""
        self.selected: UUID | None = None
        self.flown: list[UUID] = []
        self.fitted = 0

    def set_theme(self, theme: str) -> None:
        """Remember it."""
        self.theme = theme

    def select(self, id: UUID | None) -> None:
        """Remember it."""
        self.selected = id

    def fit(self) -> None:
        """Count it."""
        self.fitted += 1

    def fly_to(self, id: UUID) -> None:
        """Remember it."""
        self.flown.append(id)

    def report(self, then: Callable[[dict[str, Any]], None]) -> None:
        """Look at 10 east, 47 north, zoom 8."""
        then({"zoom": 8.0, "center": [10.0, 47.0]})

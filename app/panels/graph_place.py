"""Where a graph will stand. Counterpart: `charts/device_graph.py`, which it makes when there is something to draw.

One rule: the graph is made when the first thing is shown, not before: its library is heavy and the start is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.charts.choice import Choice
from app.commands import Asks
from app.look import Look
from app.model import Model

if TYPE_CHECKING:
    from app.charts.device_graph import DeviceGraph


class GraphPlace(QWidget):
    """Takes no room until there is a choice of what to draw."""

    def __init__(self, model: Model, link: Asks, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._link, self._look = model, link, look
        self.graph: DeviceGraph | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_device(self, device: UUID, choices: list[Choice]) -> None:
        """Draw one of the choices of a device."""
        self.setVisible(bool(choices))
        if self.graph is None:
            if not choices:
                return
            from app.charts.device_graph import DeviceGraph  # noqa: PLC0415  numpy and pyqtgraph, 0.4 s

            self.graph = DeviceGraph(self._model, self._link, self._look)
            self._layout.addWidget(self.graph)
        self.graph.show_device(device, choices)

    def choose(self, first_curve: tuple[str, str]) -> None:
        """Draw the choice whose first curve is this (metric, instance)."""
        if self.graph is not None:
            self.graph.choose(first_curve)

    def tick(self) -> None:
        """Move the right edge to now."""
        if self.graph is not None:
            self.graph.tick()

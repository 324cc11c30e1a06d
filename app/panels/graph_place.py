"""Where a graph will stand. Counterpart: `charts/`, whose graph it makes when there is something to draw.

One rule: the graph is made when the first thing is shown, not before: its library is heavy and the start is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.charts.choice import Choice
from app.look import Look
from app.model import Model
from domain.wire import Reply, ToEngine

if TYPE_CHECKING:
    from app.charts.device_graph import DeviceGraph


class Watches(Protocol):
    """What curves need of an engine's link."""

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        """Ask; `then` gets the one reply."""

    def watch(self, devices: Sequence[UUID]) -> None:
        """Ask for the latest values of these devices, in place of the former ones."""


class GraphPlace(QWidget):
    """Takes no room until there is a choice of what to draw. `size` "large" is the graph with everything."""

    def __init__(
        self,
        model: Model,
        link: Watches,
        look: Look,
        size: Literal["small", "large"] = "small",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._link, self._look, self._size = model, link, look, size
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
            self.graph = self._make()
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

    def _make(self) -> DeviceGraph:
        if self._size == "small":
            from app.charts.device_graph import DeviceGraph  # noqa: PLC0415  numpy and pyqtgraph, 0.4 s

            return DeviceGraph(self._model, self._link, self._look)
        from app.charts.graph_page import GraphPage  # noqa: PLC0415  as above

        return GraphPage(self._model, self._link, self._look)

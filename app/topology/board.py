"""The board under the map, in the place of the alerts: links told of, contradictions, single points of failure.

Counterpart: `panels/alerts.py`, to which its first tab leads back.
One rule: alerts are a click away and counted while it is open.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from app.commands import Asks, Commands
from app.look import Look
from app.model import Delta, Model
from app.panels.tabs import Tabs
from app.panels.text import caption
from app.topology.doubts_page import DoubtsPage
from app.topology.points_page import PointsPage
from app.topology.told_index import ToldIndex
from app.topology.told_page import ToldPage

HEAD_PX, LEAST_PX = 38, 200
_TITLES = {
    "alerts": "Alerts",
    "links": "Told of, not drawn",
    "doubts": "Contradictions",
    "points": "Single points of failure",
}


class Board(QWidget):
    """Three pages under one head."""

    closed = Signal()
    """Back to the alerts."""

    def __init__(self, model: Model, told: ToldIndex, asks: Asks, commands: Commands, look: Look) -> None:
        super().__init__()
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumHeight(LEAST_PX)
        self._model, self._look = model, look
        self.links = ToldPage(model, told, commands, look)
        self.doubts = DoubtsPage(model, told, look)
        self.points = PointsPage(model, asks, look)
        self._pages = {"links": self.links, "doubts": self.doubts, "points": self.points}
        self.tabs = Tabs()
        self.tabs.show_tabs(_TITLES)
        self.close_button = QToolButton()
        self.close_button.setProperty("kind", "bare")
        self.close_button.setToolTip("Back to the alerts")
        self.close_button.clicked.connect(self.closed)
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        head = QWidget()
        head.setFixedHeight(HEAD_PX)
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 4, 12, 0)
        row.setSpacing(10)
        row.addWidget(self.tabs, 1, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(head)
        layout.addWidget(self._stack, 1)
        self.tabs.chosen.connect(self._on_tab)
        self.links.counted.connect(lambda count: self._count("links", count))
        self.doubts.counted.connect(lambda count: self._count("doubts", count))
        self.points.counted.connect(lambda count: self._count("points", count))
        model.changed.connect(self._on_changed)
        look.changed.connect(self._dress)
        self._dress()

    @property
    def current(self) -> str:
        """The key of the page that is seen."""
        return self.tabs.current

    def open_page(self, key: str) -> None:
        """Show one page."""
        self.tabs.choose(key)
        self._stack.setCurrentWidget(self._pages[key])
        self.show()

    def tick(self) -> None:
        """Show ages as of now."""
        if self.isVisible():
            self.links.tick()
            self.doubts.tick()

    def _on_tab(self, key: str) -> None:
        if key == "alerts":
            self.closed.emit()
        else:
            self.open_page(key)

    def _count(self, key: str, count: int) -> None:
        title = f"{_TITLES[key]} {count:,}" if count else _TITLES[key]
        self.tabs.buttons[key].setText(caption(title))
        self.tabs.show_tabs({**self.tabs.titles, key: title})

    def _on_changed(self, delta: Delta) -> None:
        if delta.alerts or delta.initial:
            self._count("alerts", sum(alert.is_open for alert in self._model.alerts.values()))

    def _dress(self) -> None:
        self.close_button.setIcon(self._look.icon("x", size_px=16))

"""Some of everything about a device: facts, a graph, interfaces, photographs, what happened last. Counterpart: `device_body.py`.

One rule: what is cut short here says where the rest is.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.charts.choice import Choice
from app.look import Look
from app.model import Model
from app.panels import interfaces, journal
from app.panels.facts import FactsGrid, Line
from app.panels.graph_place import GraphPlace, Watches
from app.panels.interfaces import InterfacesTable, Port
from app.panels.journal import JournalList
from app.panels.text import Label, button
from app.photos.strip import PhotoStrip
from app.words import count_of

PADDING_PX = 16
NOT_KEPT = "What it told of itself (model, version, ports) and which probes answered is not kept by time."


class Overview(QScrollArea):
    """The first page."""

    all_wanted = Signal(str)

    def __init__(self, model: Model, link: Watches, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._look = model, look
        self.facts = FactsGrid()
        self.not_kept = Label(NOT_KEPT, "small", wrap=True)
        self.not_kept.hide()
        self.graph = GraphPlace(model, link, look)
        self.few_ports = InterfacesTable(look, interfaces.OVERVIEW_ROWS)
        self.few_rows = JournalList(model, link, look, journal.OVERVIEW_ROWS)
        self.photos = PhotoStrip(model, look)
        self._ports_more = button("", "link")
        self._ports_more.clicked.connect(lambda: self.all_wanted.emit("interfaces"))
        self._ports = self._ports_part()
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(PADDING_PX, 14, PADDING_PX, PADDING_PX)
        layout.setSpacing(16)
        layout.addWidget(self.facts)
        layout.addWidget(self.not_kept)
        layout.addWidget(self.graph)
        layout.addWidget(self._ports)
        layout.addWidget(self.photos)
        layout.addLayout(self._journal_part())
        layout.addStretch(1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inner)

    def show_device(
        self, device: UUID, lines: list[Line], ports: list[Port], choices: list[Choice], *, quiet: bool
    ) -> None:
        """Show a device; `quiet` where its numbers are old."""
        self.facts.show_lines(lines, self._look.theme.status_text)
        self.not_kept.setVisible(self._model.moment_us is not None)
        self.few_ports.show_ports(ports, quiet=quiet)
        self._ports.setVisible(bool(ports))
        hidden = len(ports) - interfaces.OVERVIEW_ROWS
        self._ports_more.setVisible(hidden > 0)
        self._ports_more.setText(f"Show {count_of(hidden, 'more', 'more')}")
        self.graph.show_device(device, choices)
        self.few_rows.show_device(device)
        self.photos.show_of(device)

    def _ports_part(self) -> QWidget:
        head = QHBoxLayout()
        head.addWidget(Label("Interfaces", "head"))
        head.addStretch(1)
        head.addWidget(Label("Mb/s", "small"))
        more = QHBoxLayout()
        more.addWidget(self._ports_more)
        more.addStretch(1)
        part = QWidget()
        ports = QVBoxLayout(part)
        ports.setContentsMargins(0, 0, 0, 0)
        ports.setSpacing(2)
        ports.addLayout(head)
        ports.addWidget(self.few_ports)
        ports.addLayout(more)
        return part

    def _journal_part(self) -> QVBoxLayout:
        everything = button("All", "link")
        everything.clicked.connect(lambda: self.all_wanted.emit("journal"))
        head = QHBoxLayout()
        head.addWidget(Label("Journal", "head"))
        head.addStretch(1)
        head.addWidget(everything)
        rows = QVBoxLayout()
        rows.setSpacing(6)
        rows.addLayout(head)
        rows.addWidget(self.few_rows)
        return rows

"""What is under a device's tabs: overview, interfaces, journal. Counterpart: `device.py`, the head above it.

One rule: the overview shows some of everything; the other tabs show all of one thing.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.charts.choice import Choice
from app.commands import Asks
from app.draft import now_us
from app.look import Look
from app.model import Model
from app.panels import interfaces, journal
from app.panels.facts import FactsGrid, lines_of
from app.panels.graph_place import GraphPlace
from app.panels.interfaces import InterfacesTable, Port, ports_of
from app.panels.journal import JournalList
from app.panels.text import Label, button
from app.words import count_of
from domain.inventory import Device, probe_names

PADDING_PX = 16
_OLD = frozenset({"down", "stale"})


class DeviceBody(QStackedWidget):
    """Three pages about one device."""

    all_wanted = Signal(str)
    """The key of the tab that shows all of what the overview shows some of."""

    def __init__(self, model: Model, link: Asks, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._look = model, look
        self.graph = GraphPlace(model, link, look)
        self.facts = FactsGrid()
        self.few_ports = InterfacesTable(look, interfaces.OVERVIEW_ROWS)
        self.all_ports = InterfacesTable(look)
        self.few_rows = JournalList(model, link, look, journal.OVERVIEW_ROWS)
        self.all_rows = JournalList(model, link, look, journal.ROWS_KEPT)
        self._ports_head = Label("Interfaces", "head")
        self._ports_more = button("", "link")
        self._pages = {
            "overview": self._overview(),
            "interfaces": _padded(self.all_ports),
            "journal": self._journal(),
        }
        for page in self._pages.values():
            self.addWidget(page)
        for table in (self.few_ports, self.all_ports):
            table.port_chosen.connect(self._on_port)
        self._ports_more.clicked.connect(lambda: self.all_wanted.emit("interfaces"))

    def show_page(self, key: str) -> None:
        """Show what is under a tab."""
        self.setCurrentWidget(self._pages[key])

    def show_device(self, device: Device, status: str) -> int:
        """Show a device and return how many interfaces it has."""
        self.facts.show_lines(lines_of(self._model, device, now_us()), self._look.theme.status_text)
        ports = ports_of(self._model, device.id)
        quiet = status in _OLD
        self.few_ports.show_ports(ports, quiet=quiet)
        self.all_ports.show_ports(ports, quiet=quiet)
        self.few_ports.setVisible(bool(ports))
        self._ports_head.setVisible(bool(ports))
        hidden = len(ports) - interfaces.OVERVIEW_ROWS
        self._ports_more.setVisible(hidden > 0)
        self._ports_more.setText(f"Show {count_of(hidden, 'more', 'more')}")
        self._ports_unit.setVisible(bool(ports))
        self.graph.show_device(device.id, self._choices(device, ports))
        self.few_rows.show_device(device.id)
        self.all_rows.show_device(device.id)
        return len(ports)

    def scroll_up(self) -> None:
        """Begin at the top, as with each other device."""
        self._scroll.verticalScrollBar().setValue(0)

    def tick(self) -> None:
        """Move the graph on."""
        self.graph.tick()

    def _choices(self, device: Device, ports: list[Port]) -> list[Choice]:
        shown = [port for port in ports if port.status != "maintenance"]
        traffic = [
            Choice(
                f"Traffic to {port.far_end}" if port.far_end else f"Traffic on {port.interface.name}",
                (("if_in_bps", port.interface.name, "in"), ("if_out_bps", port.interface.name, "out")),
            )
            for port in shown
        ]
        health = self._model.health.get(device.id)
        rest = [Choice("Round trip", (("rtt_ms", self._rtt_instance(device), ""),))] if health else []
        heard = {metric for metric, instance in self._model.samples.get(device.id, {}) if not instance}
        for metric, title in (
            ("cpu_load_pct", "CPU load"),
            ("memory_used_bytes", "Memory"),
            ("temperature_c", "Temperature"),
        ):
            if metric in heard:
                rest.append(Choice(title, ((metric, "", ""),)))
        return traffic + rest

    def _rtt_instance(self, device: Device) -> str:
        kinds = [
            instance for metric, instance in self._model.samples.get(device.id, {}) if metric == "rtt_ms"
        ]
        kinds += probe_names(device)
        return kinds[0] if kinds else ""

    def _on_port(self, name: str) -> None:
        self.graph.choose(("if_in_bps", name))
        self.all_wanted.emit("overview")

    def _overview(self) -> QWidget:
        self._ports_unit = Label("Mb/s", "small")
        head = QHBoxLayout()
        head.addWidget(self._ports_head)
        head.addStretch(1)
        head.addWidget(self._ports_unit)
        more = QHBoxLayout()
        more.addWidget(self._ports_more)
        more.addStretch(1)
        ports = QVBoxLayout()
        ports.setSpacing(2)
        ports.addLayout(head)
        ports.addWidget(self.few_ports)
        ports.addLayout(more)
        rows = QVBoxLayout()
        rows.setSpacing(6)
        rows.addLayout(self._journal_head())
        rows.addWidget(self.few_rows)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(PADDING_PX, 14, PADDING_PX, PADDING_PX)
        layout.setSpacing(16)
        layout.addWidget(self.facts)
        layout.addWidget(self.graph)
        layout.addLayout(ports)
        layout.addLayout(rows)
        layout.addStretch(1)
        self._scroll = scrolled(inner)
        return self._scroll

    def _journal_head(self) -> QHBoxLayout:
        everything: QPushButton = button("All", "link")
        everything.clicked.connect(lambda: self.all_wanted.emit("journal"))
        head = QHBoxLayout()
        head.addWidget(Label("Journal", "head"))
        head.addStretch(1)
        head.addWidget(everything)
        return head

    def _journal(self) -> QWidget:
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(PADDING_PX, 14, PADDING_PX, PADDING_PX)
        layout.addWidget(self.all_rows)
        layout.addStretch(1)
        return scrolled(inner)


def scrolled(inner: QWidget) -> QScrollArea:
    """Return a page that scrolls up and down only."""
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    return area


def _padded(inner: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(PADDING_PX, 8, 8, 8)
    layout.addWidget(inner)
    return page

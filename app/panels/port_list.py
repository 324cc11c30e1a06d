"""All interfaces of a device, with a search. Counterpart: `interfaces.py`, the table.

One rule: a search looks at everything that a port is called, its far end and its alias too.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.look import Look
from app.panels.interfaces import InterfacesTable, Port
from app.panels.search_field import SearchField
from app.panels.text import Label


class PortList(QWidget):
    """The table with its heading."""

    port_chosen = Signal(str)

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = InterfacesTable(look)
        self.count = Label("", "small")
        self.field = SearchField("Interfaces")
        self.field.textChanged.connect(self._show)
        self.field.left_down.connect(self.table.begin)
        self._ports: list[Port] = []
        self._quiet = False
        self.table.port_chosen.connect(self.port_chosen)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.setContentsMargins(0, 0, 8, 0)
        head.addWidget(Label("Interfaces", "head"))
        head.addWidget(self.count)
        head.addStretch(1)
        head.addWidget(self.field)
        head.addWidget(Label("Mb/s", "small"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 8, 8)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)

    def show_ports(self, ports: list[Port], *, quiet: bool) -> None:
        """Show a device's ports."""
        self._ports, self._quiet = ports, quiet
        self.field.show_for(len(ports))
        self._show()

    def begin(self) -> None:
        """Begin anew, as with each other device."""
        self.field.clear()
        self.table.scrollToTop()

    def _show(self) -> None:
        words = self.field.text().casefold().split()
        ports = [port for port in self._ports if port.holds(words)] if words else self._ports
        self.table.show_ports(ports, quiet=self._quiet)
        all_of = f"{len(ports):,} of " if words else ""
        self.count.setText(f"{all_of}{len(self._ports):,}")

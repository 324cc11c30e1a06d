"""What is under a device's tabs: overview, interfaces, graphs, and a page for each kind of thing that it tells of.

Counterpart: `device.py`, the head above it. Theory: a page is there while the device tells of what is on it, is made when it
is first looked at, and only the page that is seen is kept up to date. One rule: the overview shows some of everything; the
other tabs show all of one thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.charts.choice import Choice, choices_of
from app.look import Look
from app.model import Model, Sample
from app.panels import clients, hardware, neighbours, services, sessions
from app.panels.device_says import DeviceSays
from app.panels.facts import lines_of
from app.panels.graph_place import GraphPlace, Watches
from app.panels.interfaces import Port, ports_of
from app.panels.known_devices import KnownDevices
from app.panels.overview import Overview
from app.panels.port_list import PortList
from app.panels.section import Listed, Seen, Stack
from app.panels.timeline import Timeline
from domain.inventory import Device, probe_names
from domain.watching import PortWatch

PADDING_PX = 16
_OLD = frozenset({"down", "stale"})


class Page(NamedTuple):
    """A tab of lists: there while one of `prefixes` is told, or one of `metrics` is heard of an instance."""

    title: str
    lists: Sequence[Listed]
    prefixes: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    fills: bool = False


PAGES: Mapping[str, Page] = {
    "wireless": Page("Wireless", clients.LISTS, ("wireless_client",), ("wireless_clients",), True),
    "neighbours": Page("Neighbours", neighbours.LISTS, ("neighbour",), fills=True),
    "routing": Page("Routing", sessions.LISTS, ("routing",), fills=True),
    "hardware": Page(
        "Hardware",
        hardware.LISTS,
        ("optic", "poe", "sensor", "ups"),
        ("temperature_c", "voltage_v", "fan_rpm", "optical_rx_dbm", "power_w", "current_a", "humidity_pct"),
    ),
    "services": Page("Services", services.LISTS, ("service", "certificate", "netwatch")),
    "software": Page("Software", services.SOFTWARE, ("package",), fills=True),
}


class DeviceBody(QStackedWidget):
    """The pages about one device."""

    all_wanted = Signal(str)
    """The key of the tab that shows all of what the overview shows some of."""
    device_chosen = Signal(object)
    port_watched = Signal(object, str, object)
    """When a port of a device is to be alerted of: the device's id, the port's name, a `PortWatch` or None."""

    def __init__(self, model: Model, link: Watches, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._look = model, look
        self.says = DeviceSays()
        self.known = KnownDevices(model, self)
        self.overview = Overview(model, link, look)
        self.facts, self.few_ports, self.graph = (
            self.overview.facts,
            self.overview.few_ports,
            self.overview.graph,
        )
        self.port_list = PortList(look)
        self.all_ports = self.port_list.table
        self.large_graph = GraphPlace(model, link, look, "large")
        self.timeline = Timeline(model, link, look)
        self.stacks: dict[str, Stack] = {}
        self.current = "overview"
        self._device: UUID | None = None
        self._offered: tuple[object, list[Choice]] = (None, [])
        self._pages: dict[str, QWidget] = {
            "overview": self.overview,
            "interfaces": self.port_list,
            "graphs": scrolled(_padded(self.large_graph)),
            "journal": self.timeline,
        }
        for page in self._pages.values():
            self.addWidget(page)
        self.few_ports.port_chosen.connect(self._on_port)
        self.port_list.port_chosen.connect(self._on_port)
        for table in (self.few_ports, self.all_ports):
            table.watch_chosen.connect(self._on_watch)
        self.overview.all_wanted.connect(self.all_wanted)
        self.known.changed.connect(self._show_again)

    def tabs(self) -> dict[str, str]:
        """Return the tabs that the device has something for."""
        told = {prefix for page in PAGES.values() for prefix in page.prefixes if self.says.things(prefix)}
        heard = {metric for metric, instance in self._samples() if instance}
        found = {"overview": "Overview"}
        if self.says.things("interface"):
            found["interfaces"] = "Interfaces"
        found["graphs"] = "Graphs"
        for key, page in PAGES.items():
            if told.intersection(page.prefixes) or heard.intersection(page.metrics):
                found[key] = page.title
        return {**found, "journal": "Journal"}

    def show_page(self, key: str) -> None:
        """Show what is under a tab."""
        self.current = key
        if key in PAGES and key not in self._pages:
            self._pages[key] = self._made(key)
            self.addWidget(self._pages[key])
        self.setCurrentWidget(self._pages[key])
        self._show_again()

    def read(self, device: UUID) -> None:
        """Take in what a device says; the page follows with `show_device`."""
        self.says.read(self._model, device)

    def show_device(self, device: Device, status: str) -> None:
        """Show a device, on the page that is seen."""
        if device.id != self._device:
            self._device = device.id
            self.port_list.begin()
            self.overview.verticalScrollBar().setValue(0)
            for stack in self.stacks.values():
                stack.begin()
        self.read(device.id)
        quiet = status in _OLD
        if self.current in self.stacks:
            self.stacks[self.current].show_device(self._seen())
        elif self.current == "journal":
            self.timeline.show_of([device.id])
        else:
            ports = ports_of(self._model, device.id, self.says)
            self.port_list.show_ports(ports, quiet=quiet)
            if self.current == "graphs":
                self.large_graph.show_device(device.id, self._choices(device, ports))
            elif self.current == "overview":
                lines = lines_of(self._model, device, self.says, self._model.now_us())
                choices = self._choices(device, ports)
                self.overview.show_device(device.id, lines, ports, choices, quiet=quiet)

    def tick(self) -> None:
        """Move the graph on."""
        if self.current == "overview":
            self.graph.tick()
        elif self.current == "graphs":
            self.large_graph.tick()
        elif self.current == "journal":
            self.timeline.tick()

    def _seen(self) -> Seen:
        return Seen(self.says, self._samples(), self._model, self.known, self._model.now_us())

    def _samples(self) -> Mapping[tuple[str, str], Sample]:
        return self._model.samples.get(self.says.device, {}) if self.says.device is not None else {}

    def _show_again(self) -> None:
        device = self._model.inventory.device(self._device) if self._device is not None else None
        if device is not None:
            self.show_device(device, self._model.status_of(device.id))

    def _choices(self, device: Device, ports: list[Port]) -> list[Choice]:
        """Return what can be drawn, the same list while nothing new can be. Of the past: what is heard today, as it was then."""
        today = self._model.today or self._model
        if today is not self._model:
            ports = ports_of(today, device.id)
        traffic = tuple((port.interface.name, port.far_end) for port in ports if port.status != "maintenance")
        heard = list(today.samples.get(device.id, {}))
        if device.id in today.health:
            heard += [("rtt_ms", name) for name in probe_names(device) if name == "icmp"]
        signature = (device.id, traffic, frozenset(heard))
        if signature != self._offered[0]:
            titled = [(name, f"Traffic to {far}" if far else f"Traffic, {name}") for name, far in traffic]
            off = {port.interface.name for port in ports if port.status == "maintenance"}
            known = [key for key in heard if not (key[0].startswith("if_") and key[1] in off)]
            self._offered = (signature, choices_of(titled, known))
        return self._offered[1]

    def _on_port(self, name: str) -> None:
        self.all_wanted.emit("overview")
        self.graph.choose(("if_in_bps", name))

    def _on_watch(self, name: str, chosen: PortWatch | None) -> None:
        if self._device is not None:
            self.port_watched.emit(self._device, name, chosen)

    def _made(self, key: str) -> QWidget:
        page = PAGES[key]
        stack = self.stacks[key] = Stack(page.lists, self._look, fills=page.fills)
        stack.device_chosen.connect(self.device_chosen)
        return stack if page.fills else scrolled(stack)


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
    layout.setContentsMargins(PADDING_PX, 12, PADDING_PX, 12)
    layout.addWidget(inner)
    layout.addStretch(1)
    return page

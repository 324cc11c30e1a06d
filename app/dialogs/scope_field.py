"""Where something holds: regions, sites, tags, roles, single devices, ports by a pattern. Counterpart: `domain/watching.Scope`.

One rule: nothing chosen is everywhere, and how many devices that is stands below, whatever is chosen.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import cast
from uuid import UUID

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.dialogs.chips import Chips, Offer
from app.look import Look
from app.model import Delta, Model
from app.panels.picker import matches
from app.panels.text import Label, LineLabel
from app.watching import devices_in, tags_of
from app.words import count_of, isolated, where
from domain.inventory import ROLES, Inventory
from domain.watching import Scope

PATTERN_CHARS = 80
_Key = tuple[str, str | UUID]


class ScopeField(QWidget):
    """The chips, the pattern of ports where there is one, the count."""

    changed = Signal()

    def __init__(self, model: Model, look: Look, start: Scope, *, everywhere: str = "Everywhere") -> None:
        super().__init__()
        self._model, self._start = model, start
        self.chips = Chips(
            look,
            "Choose…",
            "Search regions, sites, tags, roles, devices",
            lambda text: offers(model.inventory, text),
            everywhere,
        )
        self.chips.choose(_chosen(model.inventory, start))
        self.pattern = QLineEdit(start.interface)
        self.pattern.setMaxLength(PATTERN_CHARS)
        self.pattern_label = LineLabel("", "field")
        self.call_ports("port")
        self.count = Label("", "small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.chips)
        layout.addWidget(self.count)
        layout.addWidget(self.pattern_label)
        layout.addWidget(self.pattern)
        self.chips.changed.connect(self._on_changed)
        self.pattern.textChanged.connect(self._on_changed)
        model.changed.connect(self._on_model)
        self._tell()

    def show_ports(self, shown: bool) -> None:
        """Offer the pattern of ports, or not; what is not offered is not in the scope."""
        self.pattern.setVisible(shown)
        self.pattern_label.setVisible(shown)

    def call_ports(self, one: str) -> None:
        """Say what the pattern is of: ports, or whatever else has a name."""
        self.pattern.setPlaceholderText(f"Every {one}")
        self.pattern.setAccessibleName(f"Only {one}s called")
        self.pattern_label.setText(f"Only {one}s called, * stands for anything")

    def setFocus(self, reason: Qt.FocusReason = Qt.FocusReason.OtherFocusReason) -> None:
        """Take the keyboard where more is added."""
        self.chips.setFocus(reason)

    @property
    def keyed(self) -> list[QWidget]:
        """What takes the keyboard, in the order in which it is seen."""
        return [*self.chips.keyed, self.pattern]

    def scope(self) -> Scope:
        """Return what is chosen."""
        chosen: dict[str, list[str | UUID]] = {}
        for kind, value in cast("list[_Key]", self.chips.keys):
            chosen.setdefault(kind, []).append(value)
        ports = "" if self.pattern.isHidden() else self.pattern.text().strip()
        return Scope(
            interface=ports,
            **{field: tuple(chosen.get(field, ())) for field in _FIELDS},  # type: ignore[arg-type]
        )

    def _on_changed(self) -> None:
        self._tell()
        self.changed.emit()

    def _on_model(self, delta: Delta) -> None:
        if delta.inventory:
            self._tell()

    def _tell(self) -> None:
        inventory = self._model.inventory
        inside = sum(1 for _ in devices_in(inventory, self.scope()))
        everything = len(inventory.tables["device"])
        said = count_of(everything, "device", "devices")
        self.count.setText(f"{inside:,} of {said}" if self.chips.keys else said)


_FIELDS = ("regions", "sites", "tags", "roles", "devices")


def offers(inventory: Inventory, text: str) -> Iterator[Offer]:
    """Go over what a folded text finds to choose from, group by group."""
    regions = sorted({site.region for site in inventory.sites() if site.region}, key=str.casefold)
    for name in regions:
        if matches(text, name, "region"):
            yield Offer(("regions", name), "Regions", name, f"region {isolated(name)}")
    for name in tags_of(inventory):
        if matches(text, name, "tag"):
            yield Offer(("tags", name), "Tags", name, f"tag {isolated(name)}")
    for role in ROLES:
        if matches(text, role, "role"):
            yield Offer(("roles", role), "Roles", role, f"role {role}")
    for site in sorted(inventory.sites(), key=lambda site: site.name.casefold()):
        if matches(text, site.name, site.region, "site"):
            yield Offer(("sites", site.id), "Sites", site.name, f"site {isolated(site.name)}", site.region)
    for device in sorted(inventory.devices(), key=lambda device: device.name.casefold()):
        place = where(inventory, device)
        if matches(text, device.name, device.address, place):
            yield Offer(("devices", device.id), "Devices", device.name, isolated(device.name), device.address)


def _chosen(inventory: Inventory, scope: Scope) -> Iterator[tuple[Hashable, str]]:
    for name in scope.regions:
        yield ("regions", name), f"region {isolated(name)}"
    for name in scope.tags:
        yield ("tags", name), f"tag {isolated(name)}"
    for name in scope.roles:
        yield ("roles", name), f"role {name}"
    for id in scope.sites:
        site = inventory.site(id)
        yield ("sites", id), f"site {isolated(site.name)}" if site else "a site that is gone"
    for id in scope.devices:
        device = inventory.device(id)
        yield ("devices", id), isolated(device.name) if device else "a device that is gone"

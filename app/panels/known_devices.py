"""Which device of the inventory somebody else means: by address, MAC or name. Counterpart: what neighbours tell.

Theory: addresses and names are in the inventory; MACs and further addresses are in what all devices say of themselves, which
may be half a million facts. Those are gone through in small pieces, from when somebody first asks. One rule: no repaint waits
for it; what is found later is told by `changed`.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import QObject, QTimer, Signal

from app.model import Delta, Model
from domain.device_facts import Neighbour

FACTS_AT_ONCE = 4000
_INTERFACE, _ADDRESS = "interface/", "address/"


class KnownDevices(QObject):
    """The index. It costs nothing before the first question."""

    changed = Signal()

    def __init__(self, model: Model, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._asked = False
        self._stale = True
        self._intended: dict[str, UUID] = {}
        self._said: dict[str, UUID] = {}
        self._waiting: set[UUID] = set()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self.read_some)
        model.changed.connect(self._on_changed)

    def find(self, neighbour: Neighbour) -> UUID | None:
        """Return the device that a neighbour is, or None: its address first, then its MAC, then its name."""
        if self._stale:
            self._read_inventory()
        if not self._asked:
            self._asked = True
            self._wait_for(set(self._model.facts))
        address, mac = neighbour.address.casefold(), neighbour.mac.casefold()
        name = f"name {neighbour.identity.casefold()}"
        found = (
            (self._intended.get(address) if address else None)
            or (self._said.get(mac) if mac else None)
            or (self._said.get(address) if address else None)
            or (self._intended.get(name) if neighbour.identity else None)
        )
        return found if found is not None and self._model.inventory.device(found) is not None else None

    def read_some(self) -> None:
        """Read what some of the waiting devices say."""
        read = 0
        while self._waiting and read < FACTS_AT_ONCE:
            id = self._waiting.pop()
            facts = self._model.facts.get(id, {})
            read += len(facts) + 1
            for (field, _), fact in facts.items():
                if field.startswith(_INTERFACE) and isinstance(fact.value, dict):
                    mac = fact.value.get("mac")
                    if isinstance(mac, str) and mac:
                        self._said[mac.casefold()] = id
                elif field.startswith(_ADDRESS):
                    self._said.setdefault(field.removeprefix(_ADDRESS).casefold(), id)
        if not self._waiting:
            self._timer.stop()
            self.changed.emit()

    def _read_inventory(self) -> None:
        self._stale = False
        self._intended = {}
        for device in self._model.inventory.devices():
            self._intended.setdefault(f"name {device.name.casefold()}", device.id)
            self._intended[device.address.casefold()] = device.id

    def _wait_for(self, devices: set[UUID]) -> None:
        if devices:
            self._waiting |= devices
            self._timer.start()

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory:
            self._stale = True
        if delta.initial:
            self._said.clear()
        if self._asked and delta.facts:
            self._wait_for(set(delta.facts))

"""The links that devices tell of, found by the drawn link that they are and by their ends.

Counterpart: the mirror's `derived_links`.
Theory: there may be twenty thousand, and they change ten times a second while devices are read anew; so each change costs what
it touches. One rule: whoever shows them asks here and goes through all of them only when all are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from PySide6.QtCore import QObject, Signal

from app.model import Delta, Model
from domain.evidence import DerivedLink
from domain.inventory import Link

_Ends = tuple[UUID, str, UUID, str]
T = TypeVar("T")
_NONE: frozenset[UUID] = frozenset()


class ToldIndex(QObject):
    """`undrawn` are those that nobody has drawn, also where the engine does not know yet that one was."""

    changed = Signal(object)
    """The ids that are other than before, or gone."""

    def __init__(self, model: Model, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.undrawn: dict[UUID, DerivedLink] = {}
        self._clear()
        model.changed.connect(self._on_changed)

    def of_link(self, link: UUID) -> DerivedLink | None:
        """Return what devices tell of a drawn link, or None."""
        return self._told.get(self._by_link.get(link, link))

    def at(self, *devices: UUID) -> list[DerivedLink]:
        """Return the links that devices tell of which end at one of these."""
        found: dict[UUID, DerivedLink] = {}
        for device in devices:
            found.update((id, self._told[id]) for id in self._by_device.get(device, ()))
        return list(found.values())

    def is_at_drawn_port(self, told: DerivedLink) -> bool:
        """Whether one of its ports is that of a drawn link, and can have no other; at a radio there may be many."""
        ends = ((told.a, told.a_interface), (told.b, told.b_interface))
        return told.kind != "wireless" and any(port and (id, port) in self._ports for id, port in ends)

    def _clear(self) -> None:
        self._told: dict[UUID, DerivedLink] = {}
        self._by_link: dict[UUID, UUID] = {}
        self._by_device: dict[UUID, set[UUID]] = {}
        self._drawn: dict[_Ends, int] = {}
        self._ports: dict[tuple[UUID, str], int] = {}
        self._ends: dict[UUID, _Ends] = {}
        self.undrawn.clear()

    def _on_changed(self, delta: Delta) -> None:
        if delta.initial:
            touched = set(self._told) | set(self._model.derived_links)
            self._clear()
            for link in self._model.inventory.links():
                self._draw(link.id, link)
        else:
            touched = set(delta.derived_links)
            for id in {*delta.links, *(thing.id for thing in delta.removed if thing.kind == "link")}:
                touched |= self._draw(id, self._model.inventory.link(id))
            for id in {*delta.devices, *(thing.id for thing in delta.removed if thing.kind == "device")}:
                touched |= self._by_device.get(id, _NONE)
        if touched:
            self._take(touched)
            self.changed.emit(touched)

    def _draw(self, id: UUID, link: Link | None) -> set[UUID]:
        """Take a drawn link as it is now; return what is told of the devices that it joins, and joined."""
        old, new = self._ends.pop(id, None), _ends(link) if link is not None else None
        if new is not None:
            self._ends[id] = new
        touched: set[UUID] = set()
        for ends, more in ((new, 1), (old, -1)):
            if ends is None:
                continue
            _count(self._drawn, ends, more)
            for port in (ends[:2], ends[2:]):
                _count(self._ports, port, more)
                touched |= self._by_device.get(port[0], _NONE)
        return touched

    def _take(self, ids: Iterable[UUID]) -> None:
        inventory = self._model.inventory
        for id in ids:
            old, new = self._told.pop(id, None), self._model.derived_links.get(id)
            if old is not None:
                for device in (old.a, old.b):
                    self._by_device[device].discard(id)
                if old.link is not None and self._by_link.get(old.link) == id:
                    del self._by_link[old.link]
                self.undrawn.pop(id, None)
            if new is None:
                continue
            self._told[id] = new
            for device in (new.a, new.b):
                self._by_device.setdefault(device, set()).add(id)
            if new.link is not None:
                self._by_link[new.link] = id
            elif (
                _ends(new) not in self._drawn
                and inventory.device(new.a) is not None
                and inventory.device(new.b) is not None
            ):
                self.undrawn[id] = new


def _count(counts: dict[T, int], key: T, more: int) -> None:
    counts[key] = counts.get(key, 0) + more
    if not counts[key]:
        del counts[key]


def _ends(link: Link | DerivedLink) -> _Ends:
    """Return both ends in one order, whichever way round it was drawn."""
    if link.a < link.b:
        return link.a, link.a_interface, link.b, link.b_interface
    return link.b, link.b_interface, link.a, link.a_interface

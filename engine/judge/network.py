"""The graph of a tenant's network as it stands in inventory and facts. Counterpart: `faults.py` asks it, `domain/topology` is it.

Theory: links are those by hand, and derived ones that are believed and are no other name of one by hand. Pollers enter where
people said so; else at a POP of each part of the network, the one with most links; else at its hub.
One rule: who asks settles first; derived links come in all at once, because each edit has the dominators computed anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from domain.evidence import DerivedLink, score_of
from domain.inventory import Inventory, Link
from domain.topology import Topology

BELIEVED = 0.5
"""The score from which a derived link is one that traffic goes over; that of fresh evidence: in an outage none is told anew."""
LAYER_2 = frozenset({"lldp", "cdp", "mndp", "wireless", "fdb"})


class Network:
    """Owns the topology of `inventory`."""

    def __init__(self, inventory: Inventory) -> None:
        self.topology = Topology()
        self._derived: dict[UUID, DerivedLink] = {}
        self._derived_at: dict[UUID, set[UUID]] = {}
        self._drawn: dict[UUID, tuple[UUID, UUID]] = {}
        self._of_pair: dict[frozenset[UUID], set[UUID]] = {}
        for device in inventory.devices():
            self.topology.put_node(device.id, device.subscribers, device.site)
        for link in inventory.links():
            self._draw(link)
        self._unsettled = True

    def change(self, inventory: Inventory, touched: Iterable[tuple[str, UUID]]) -> None:
        """Follow an edit that `inventory` holds already, whatever the order of its steps."""
        things = list(touched)
        devices = [(id, inventory.device(id)) for kind, id in things if kind == "device"]
        for _, device in devices:
            if device is not None:
                self.topology.put_node(device.id, device.subscribers, device.site)
        for kind, id in things:
            if kind == "link":
                self._redraw(id, inventory.link(id))
        for id, device in devices:
            if device is None and id in self.topology:
                for link in list(self._derived_at.get(id, ())):
                    self._drop(link)
                self.topology.remove_node(id)
        self._unsettled = True

    def derive(self, found: Iterable[DerivedLink], gone: Iterable[UUID]) -> None:
        """Take up links that devices tell of, or tell of no more."""
        version = self.topology.version
        for id in gone:
            self._drop(id)
        for link in found:
            is_believed = score_of(link.evidence, None) >= BELIEVED and any(
                one.source in LAYER_2 for one in link.evidence
            )
            is_there = link.a in self.topology and link.b in self.topology
            if link.link is None and is_believed and is_there and link.a != link.b:
                self._join(link.id, link.a, link.b)
                self._derived[link.id] = link
                for end in (link.a, link.b):
                    self._derived_at.setdefault(end, set()).add(link.id)
                self.topology.put_link(link.id, link.a, link.b)
            else:
                self._drop(link.id)
        self._unsettled |= self.topology.version != version

    def settle(self, inventory: Inventory) -> None:
        """Find the entries anew where an edit may have moved them. To be called before anything is asked."""
        if not self._unsettled:
            return
        self._unsettled = False
        topology = self.topology
        index, near = topology.index, topology.near
        known = [device for device in inventory.devices() if device.id in index]
        entries = {device.id for device in known if device.is_entry}
        entered = {index[id] for id in entries}
        pops = {index[device.id] for device in known if device.role == "pop"}
        for part in _parts(topology):
            if entered.isdisjoint(part):
                standing = pops.intersection(part) or part
                most = max(len(near[v]) for v in standing)
                entries.add(min(topology.names(v for v in standing if len(near[v]) == most)))
        topology.set_entries(entries)

    def far_ends(self, device: UUID, port: str) -> list[UUID]:
        """Return who is at a port of a device by the derived links."""
        found = (self._derived[id] for id in self._derived_at.get(device, ()))
        return [
            far
            for link in found
            for near, name, far in ((link.a, link.a_interface, link.b), (link.b, link.b_interface, link.a))
            if (near, name) == (device, port)
        ]

    def links_between(self, a: UUID, b: UUID) -> list[UUID]:
        """Return the links between two devices, those by hand before the derived."""
        found = self._of_pair.get(frozenset((a, b)), ())
        return sorted(found, key=lambda id: (id in self._derived, id))

    def _redraw(self, id: UUID, link: Link | None) -> None:
        if link is not None:
            self._draw(link)
        elif (ends := self._drawn.pop(id, None)) is not None:
            self._part(id, *ends)
            self.topology.remove_link(id)

    def _draw(self, link: Link) -> None:
        if link.a in self.topology and link.b in self.topology and link.a != link.b:
            old = self._drawn.get(link.id)
            if old is not None:
                self._part(link.id, *old)
            self._join(link.id, link.a, link.b)
            self._drawn[link.id] = (link.a, link.b)
            self.topology.put_link(link.id, link.a, link.b)

    def _drop(self, id: UUID) -> None:
        link = self._derived.pop(id, None)
        if link is None:
            return
        for end in (link.a, link.b):
            self._derived_at[end].discard(id)
            if not self._derived_at[end]:
                del self._derived_at[end]
        self._part(id, link.a, link.b)
        self.topology.remove_link(id)

    def _join(self, id: UUID, a: UUID, b: UUID) -> None:
        self._of_pair.setdefault(frozenset((a, b)), set()).add(id)

    def _part(self, id: UUID, a: UUID, b: UUID) -> None:
        pair = frozenset((a, b))
        self._of_pair[pair].discard(id)
        if not self._of_pair[pair]:
            del self._of_pair[pair]


def _parts(topology: Topology) -> Iterator[set[int]]:
    """Go over the parts of the network that hang together."""
    left = set(topology.index.values())
    while left:
        start = left.pop()
        part, waiting = {start}, [start]
        for v in waiting:
            fresh = left.intersection(topology.near[v])
            left -= fresh
            part |= fresh
            waiting += fresh
        yield part

"""What one diagram shows of the network: its devices, submaps for those that stand deeper, who is beyond its border.

Counterpart: `diagram.py` keeps the papers, `layout.py` says where what has no spot may stand.

Theory: each device stands in one diagram: the deepest that has a spot for it or is the submap of its site, else the root. Seen
from above it is part of the submap that it is in; seen from inside, a neighbour beyond the border is a guest.
One rule: every device is somewhere below the root, whatever was kept or deleted.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID, uuid5

from domain.diagram import Diagram
from domain.inventory import Inventory

ROOT_NAME = "Network"


class Sheet(NamedTuple):
    """`node_of` says of each device that is to be seen what stands for it: itself or a submap. `guests` are beyond the border."""

    diagram: UUID
    path: tuple[UUID, ...]
    """From the root to this one."""
    node_of: dict[UUID, UUID]
    submaps: tuple[Diagram, ...]
    guests: frozenset[UUID]

    @property
    def things(self) -> list[UUID]:
        """What can stand on this paper: devices and submaps, in the order of ids; no guests."""
        devices = (device for device, node in self.node_of.items() if node == device)
        return sorted({*devices, *(submap.id for submap in self.submaps)} - self.guests)

    def members(self, submap: UUID) -> list[UUID]:
        """Return the devices that a submap stands for."""
        return [device for device, node in self.node_of.items() if node == submap]


def root_of(tenant: UUID) -> UUID:
    """Return the id of a tenant's one diagram without a parent, which need not be there yet: two who make it make the same."""
    return uuid5(tenant, "diagram")


def parents_of(inventory: Inventory, root: UUID) -> dict[UUID, UUID]:
    """Return what each diagram but the root is a submap of; one that lost its parent is one of the root."""
    known = {diagram.id: diagram.parent for diagram in inventory.diagrams()}
    return {id: parent if parent in known and parent else root for id, parent in known.items() if id != root}


def path_to(diagram: UUID, parents: dict[UUID, UUID], root: UUID) -> tuple[UUID, ...]:
    """Return the diagrams from the root to one."""
    path = [diagram]
    while path[-1] != root:
        above = parents.get(path[-1], root)
        if above in path:
            above = root
        path.append(above)
    return tuple(reversed(path))


def homes_of(inventory: Inventory, root: UUID) -> dict[UUID, UUID]:
    """Return which diagram each device stands in."""
    parents = parents_of(inventory, root)
    depth = {id: len(path_to(id, parents, root)) for id in parents} | {root: 1}
    submaps = sorted(inventory.diagrams(), key=lambda diagram: diagram.id, reverse=True)
    of_site = {diagram.site: diagram.id for diagram in submaps if diagram.site and diagram.id != root}
    homes = {d.id: of_site.get(d.site, root) if d.site else root for d in inventory.devices()}
    for spot in inventory.spots():
        if spot.thing in homes and spot.diagram in depth:
            held = homes[spot.thing]
            if (-depth[spot.diagram], spot.diagram) < (-depth[held], held):
                homes[spot.thing] = spot.diagram
    return homes


def sheet_of(inventory: Inventory, root: UUID, diagram: UUID) -> Sheet:
    """Return what a diagram shows; one that is not there is shown as the root."""
    parents = parents_of(inventory, root)
    shown = diagram if diagram in parents else root
    below: dict[UUID, UUID | None] = {}
    """Of each diagram the submap of this one that it is in; None: this one itself."""
    for id in (root, *parents):
        path = path_to(id, parents, root)
        if shown in path:
            deeper = path[path.index(shown) + 1 :]
            below[id] = deeper[0] if deeper else None
    node_of: dict[UUID, UUID] = {}
    for device, home in homes_of(inventory, root).items():
        if home in below:
            node_of[device] = below[home] or device
    guests = set()
    for link in inventory.links():
        for end, other in ((link.a, link.b), (link.b, link.a)):
            if end in node_of and other not in node_of:
                guests.add(other)
    submaps = tuple(d for d in inventory.diagrams() if d.id in parents and parents[d.id] == shown)
    node_of |= {guest: guest for guest in guests}
    return Sheet(shown, path_to(shown, parents, root), node_of, submaps, frozenset(guests))

"""What somebody looks at, as devices, and the paper that has them. Counterpart: `desk.py` opens it, `map/looking.py` frames it.

One rule: of what stands in several submaps the paper above them all is the one.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from domain.inventory import Inventory
from domain.sheet import homes_of, parents_of, path_to


def devices_of(inventory: Inventory, root: UUID, thing: UUID) -> set[UUID]:
    """Return the devices of a thing: itself, the ends of a link, all of a site or of a submap and what is below it."""
    link = inventory.link(thing)
    if link is not None:
        return {link.a, link.b}
    if inventory.site(thing) is not None:
        return {device.id for device in inventory.devices() if device.site == thing}
    if inventory.diagram(thing) is not None:
        parents = parents_of(inventory, root)
        homes = homes_of(inventory, root)
        return {device for device, home in homes.items() if thing in path_to(home, parents, root)}
    return {thing} if inventory.device(thing) is not None else set()


def devices_in(inventory: Inventory, region: str) -> set[UUID]:
    """Return the devices of a region's sites."""
    sites = {site.id for site in inventory.sites() if inventory.region_of(site) == region}
    return {device.id for device in inventory.devices() if device.site in sites}


def home_of(inventory: Inventory, root: UUID, devices: Collection[UUID]) -> UUID | None:
    """Return the deepest diagram that all of these stand in or below; None where there are none."""
    parents, homes = parents_of(inventory, root), homes_of(inventory, root)
    paths = {path_to(home, parents, root) for home in {homes[id] for id in devices if id in homes}}
    if not paths:
        return None
    common: list[UUID] = [levels[0] for levels in zip(*paths, strict=False) if len(set(levels)) == 1]
    return common[-1]

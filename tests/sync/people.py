"""What people do in the model: small edits in a small network, so that they get in each other's way.

One rule: an edit is made from what its maker sees.
"""

from __future__ import annotations

from random import Random
from uuid import UUID

import msgspec

from domain.edit import Step, change, creation, deletion
from domain.inventory import Device, Entity, Inventory, Kind, Link, Probe, Site
from tests.sync.model_server import Reach

SITES = tuple(UUID(int=100 + number) for number in range(5))
_DEVICES = tuple(UUID(int=200 + number) for number in range(16))
_LINKS = tuple(UUID(int=300 + number) for number in range(12))
_WORDS = ("", "north", "south", "mast")


def edit_of(seen: Inventory, reach: Reach, dice: Random) -> list[Step]:
    """Return the steps of an edit, or none where nothing comes to mind."""
    steps: list[Step | None] = []
    for _ in range(1 if dice.random() < 0.7 else dice.randrange(2, 4)):
        steps += _ACTS[dice.randrange(len(_ACTS))](seen, reach, dice)
    return [step for step in steps if step is not None]


def _site(seen: Inventory, reach: Reach, dice: Random) -> list[Step | None]:
    id = dice.choice(SITES)
    old = seen.site(id)
    if old is None:
        return (
            [] if reach is not None else [creation("site", Site(id, f"Site {id.int}", dice.choice(_WORDS)))]
        )
    if reach is None and dice.random() < 0.3:
        inside = [device for device in seen.devices() if device.site == id]
        moved = [_changed("device", device, site=None) for device in inside if dice.random() < 0.8]
        return [*moved, deletion("site", old)]
    return [_changed("site", old, note=dice.choice(_WORDS), lng=float(dice.randrange(3)), lat=50.0)]


def _device(seen: Inventory, reach: Reach, dice: Random) -> list[Step | None]:
    id = dice.choice(_DEVICES)
    old = seen.device(id)
    if old is None:
        site = dice.choice([None, *(site.id for site in seen.sites())])
        address = f"10.0.0.{dice.randrange(1, 40)}"
        new = Device(id, f"R{id.int}", address, (Probe("icmp"),), site=site, note=dice.choice(_WORDS))
        return [creation("device", new)]
    what = dice.random()
    if what < 0.15:
        ends = [link for link in seen.links() if id in {link.a, link.b}]
        return [*(deletion("link", link) for link in ends), deletion("device", old)]
    if what < 0.35:
        return [_changed("device", old, site=dice.choice([None, *(site.id for site in seen.sites())]))]
    if what < 0.55:
        return [_changed("device", old, lng=float(dice.randrange(3)), lat=40.0 + dice.randrange(3))]
    if what < 0.65:
        first = msgspec.structs.replace(old, note="for a moment")
        return [change("device", old, first), _changed("device", first, note=dice.choice(_WORDS))]
    return [_changed("device", old, note=dice.choice(_WORDS), subscribers=dice.randrange(3))]


def _link(seen: Inventory, reach: Reach, dice: Random) -> list[Step | None]:
    id = dice.choice(_LINKS)
    old = seen.link(id)
    if old is not None and dice.random() < 0.4:
        return [deletion("link", old)]
    if old is not None:
        return [_changed("link", old, note=dice.choice(_WORDS), capacity_bps=dice.randrange(3))]
    devices = sorted(seen.tables["device"])
    if len(devices) < 2:
        return []
    a, b = dice.sample(devices, 2)
    return [creation("link", Link(id, a, b))]


def _changed(kind: Kind, old: Entity, **fields: object) -> Step | None:
    return change(kind, old, msgspec.structs.replace(old, **fields))


_ACTS = (_site, _device, _device, _device, _link)

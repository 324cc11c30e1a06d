"""What hands do to the map, made into edits: one drag, one drawing, one alignment is one Edit. Counterpart: `map/tools.py`.

One rule: where nothing would change, nothing is sent; where half of it cannot be done, the rest is, and the toast says how many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from app.commands import Commands, Said, Then
from app.draft import edit_of, new_id
from app.model import Model
from app.words import BETWEEN, count_of, ends_of_link
from domain.edit import Step, change, creation
from domain.geometry import LngLat
from domain.inventory import Device, Inventory, Link, Site

Bends = Sequence[tuple[float, float]]


class Editing:
    """The edits of one window's map."""

    def __init__(self, model: Model, commands: Commands) -> None:
        self._model = model
        self._commands = commands

    def move_devices(self, places: Mapping[UUID, LngLat]) -> None:
        """Put devices at places of their own."""
        steps = [
            step
            for device in _devices(self._model.inventory, places)
            if (step := _placed(device, *places[device.id])) is not None
        ]
        self._submit(f"Move {self._names(steps)}", steps)

    def align_to_site(self, ids: Iterable[UUID]) -> None:
        """Let devices stand where their sites do: their own places go. Those whose site has no place stay."""
        devices = _devices(self._model.inventory, ids)
        steps = [
            step
            for device in devices
            if is_alignable(self._model.inventory, device)
            and (step := _placed(device, None, None)) is not None
        ]
        if not steps and devices:
            self._commands.said.emit(Said("Nothing to align: no place of its own, or a site without one"))
        self._submit(f"Align {self._names(steps)} to the site", steps)

    def move_site_here(self, id: UUID) -> None:
        """Move a device's site to where the device stands, and let the device stand there with it."""
        inventory = self._model.inventory
        device = inventory.device(id)
        site = inventory.site(device.site) if device is not None else None
        place = inventory.place_of(device) if device is not None else None
        if device is None or site is None or place is None:
            return
        moved = change("site", site, msgspec.structs.replace(site, lng=place.lng, lat=place.lat))
        steps = [step for step in (moved, _placed(device, None, None)) if step is not None]
        self._submit(f"Move {site.name}", steps)

    def bend_link(self, id: UUID, path: Bends) -> None:
        """Let a link run through these bends."""
        link = self._model.inventory.link(id)
        if link is not None:
            step = change("link", link, msgspec.structs.replace(link, path=tuple(map(tuple, path))))
            self._submit(f"Change {self._ends(link)}", [step] if step is not None else [])

    def draw_link(self, a: UUID, b: UUID, path: Bends, then: Then | None = None) -> UUID | None:
        """Make a link between two devices. Returns the id that it will have, or None where an end is gone."""
        inventory = self._model.inventory
        if inventory.device(a) is None or inventory.device(b) is None or a == b:
            return None
        link = Link(new_id(), a, b, path=tuple((lng, lat) for lng, lat in path))
        self._submit(f"Add {self._ends(link)}", [creation("link", link)], then)
        return link.id

    def _ends(self, link: Link) -> str:
        return BETWEEN.join(ends_of_link(self._model.inventory, link))

    def _names(self, steps: Sequence[Step]) -> str:
        device = self._model.inventory.device(steps[0].id) if len(steps) == 1 else None
        return device.name if device is not None else count_of(len(steps), "device", "devices")

    def _submit(self, title: str, steps: Sequence[Step], then: Then | None = None) -> None:
        if steps:
            edit = edit_of(title, self._commands.author, steps)
            self._commands.submit(edit, {}, then or self._commands.tell_refusals)


def is_alignable(inventory: Inventory, device: Device) -> bool:
    """Tell whether a device stands apart from a site that has a place."""
    site = inventory.site(device.site)
    return device.lng is not None and _has_place(site)


def _has_place(site: Site | None) -> bool:
    return site is not None and site.lng is not None and site.lat is not None


def _devices(inventory: Inventory, ids: Iterable[UUID]) -> list[Device]:
    return [device for id in ids if (device := inventory.device(id)) is not None]


def _placed(device: Device, lng: float | None, lat: float | None) -> Step | None:
    return change("device", device, msgspec.structs.replace(device, lng=lng, lat=lat))

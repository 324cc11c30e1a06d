"""What would be lost, weakened and re-routed, as rows. Counterpart: `what_if.py` has the answer, `what_if_panel.py` shows it.

One rule: the symbol beside a name is how the device is now; what would become of it is the list that it stands in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from app.model import Model
from app.panels.rows_model import Column, count_column
from app.topology.told import name_of_device, name_of_told
from app.topology.what_if import Failing, Imagining
from app.words import count_of, name_of_link


class DeviceRow(NamedTuple):
    """A device that would be lost, or have one way left."""

    key: str
    device: UUID
    name: str
    where: str
    status: str
    subscribers: int


class SiteRow(NamedTuple):
    """A site that would be lost; `device` is one of its own, to be flown to."""

    key: str
    device: UUID
    name: str
    where: str
    devices: int
    subscribers: int


class MovedRow(NamedTuple):
    """A device that would send another way."""

    key: str
    device: UUID
    name: str
    status: str
    over: str
    behind: int


_SUBSCRIBERS = count_column("Subs", "subscribers", 60)
DEVICES = (
    Column("Device", lambda row: row.name, status=lambda row: row.status, quiet=lambda row: row.where),
    _SUBSCRIBERS,
)
SITES = (
    Column("Site", lambda row: row.name, quiet=lambda row: row.where),
    count_column("Devices", "devices", 66, 1),
    _SUBSCRIBERS,
)
MOVED = (
    Column("Device", lambda row: row.name, status=lambda row: row.status),
    Column("Now over", lambda row: row.over, 104, is_text=True),
    count_column("Behind it", "behind", 64),
)


def device_rows(model: Model, ids: Iterable[UUID]) -> list[DeviceRow]:
    """Return devices, those with most subscribers first."""
    rows = []
    for id in ids:
        device = model.inventory.device(id)
        if device is not None:
            site = model.inventory.site(device.site)
            where = site.name if site is not None else ""
            rows.append(DeviceRow(str(id), id, device.name, where, model.status_of(id), device.subscribers))
    return sorted(rows, key=lambda row: (-row.subscribers, row.name.casefold(), row.key))


def site_rows(model: Model, ids: Iterable[UUID]) -> list[SiteRow]:
    """Return sites, those with most subscribers first."""
    lost = set(ids)
    devices: dict[UUID, list[UUID]] = {}
    subscribers: dict[UUID, int] = {}
    for device in model.inventory.devices():
        if device.site in lost and device.site is not None:
            devices.setdefault(device.site, []).append(device.id)
            subscribers[device.site] = subscribers.get(device.site, 0) + device.subscribers
    rows = []
    for id, within in devices.items():
        site = model.inventory.site(id)
        if site is not None:
            row = SiteRow(
                str(id), within[0], site.name, model.inventory.region_of(site), len(within), subscribers[id]
            )
            rows.append(row)
    return sorted(rows, key=lambda row: (-row.subscribers, row.name.casefold(), row.key))


def moved_rows(model: Model, imagining: Imagining) -> list[MovedRow]:
    """Return who would send another way, in the order of the answer."""
    inventory = model.inventory
    return [
        MovedRow(
            str(detour.device),
            detour.device,
            device.name,
            model.status_of(detour.device),
            name_of_device(model, detour.over),
            detour.behind,
        )
        for detour in imagining.detours
        if (device := inventory.device(detour.device)) is not None
    ]


def name_of_failing(model: Model, failing: Failing) -> tuple[str, str]:
    """Return what fails, by name, and what it is."""
    inventory = model.inventory
    if failing.kind == "site":
        site = inventory.site(failing.id)
        count = sum(device.site == failing.id for device in inventory.devices())
        return (site.name if site is not None else "?"), f"site, {count_of(count, 'device', 'devices')}"
    if failing.kind == "device":
        device = inventory.device(failing.id)
        return (device.name if device is not None else "?"), "device"
    link, told = inventory.link(failing.id), model.derived_links.get(failing.id)
    if link is not None:
        return name_of_link(inventory, link), "link"
    return (name_of_told(model, told) if told is not None else "?"), "link, not drawn"


def sentence_of(model: Model, imagining: Imagining) -> str:
    """Return in one sentence what would come of it."""
    impact = imagining.impact
    if not imagining.failing:
        return "Nothing fails yet."
    if impact is None:
        return ""
    others = len(impact.devices) - len(set(impact.devices).intersection(imagining.devices()))
    said = [count_of(others, "other device", "other devices")] if others else []
    said += [count_of(len(impact.sites), "whole site", "whole sites")] if impact.sites else []
    said += [count_of(impact.subscribers, "subscriber", "subscribers")] if impact.subscribers else []
    if said:
        last = f" and {said[-1]}" if len(said) > 1 else said[0]
        return f"{', '.join(said[:-1])}{last} would be lost."
    if impact.degraded or impact.rerouted:
        return "Nobody else would be lost: there is another way."
    return "Nothing hangs on it."


def as_text(model: Model, imagining: Imagining) -> str:
    """Return the whole answer as it is copied: what fails, the sentence, and each who is lost."""
    lines = ["What if these fail:"]
    lines += [" ".join(name_of_failing(model, one)) for one in imagining.failing.values()]
    lines += ["", sentence_of(model, imagining)]
    impact = imagining.impact
    for title, ids in (
        ("Lost", impact.devices if impact is not None else ()),
        ("One way left", impact.degraded if impact is not None else ()),
    ):
        rows = device_rows(model, ids)
        if rows:
            lines += ["", f"{title}:"]
            lines += ["\t".join((row.name, row.where, str(row.subscribers))) for row in rows]
    moved = moved_rows(model, imagining)
    if moved:
        lines += ["", "Re-routed:"]
        lines += [f"{row.name}\tover {row.over}\t{row.behind} behind it" for row in moved]
    return "\n".join(lines)

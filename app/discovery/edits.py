"""What people make of finds, as steps of an edit. Counterpart: `app/commands.py` sends them, the engine's rules judge.

One rule: a find becomes a device with the ways in which it answered, and nothing that is there is overwritten unseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.commands import Commands, Then
from app.draft import edit_of, new_id
from domain.edit import Step, change, creation, deletion
from domain.finding import Find, MatchKind, device_from, ignore_key
from domain.identity import own_name
from domain.inventory import Device, Inventory, Link, Role, Site
from domain.rules import NAME_CAP, NOTE_CAP, TITLE_CAP
from domain.text import clean_text
from domain.watching import Ignored, Scope

_ROLE_SIGNS: tuple[tuple[Role, tuple[str, ...]], ...] = (
    ("power", ("ups", "apc ", "eltek", "smart-ups")),
    ("switch", ("crs", "css", "switch", "unifi us", "edgeswitch")),
    ("server", ("linux", "windows", "proxmox", "esxi", "freebsd")),
    ("relay", ("ccr", "rb4011", "rb5009", "rb1100")),
)
"""What boards and agents call themselves, and what such a thing mostly is in a provider's network."""
_ROLE_PROFILES: dict[str, Role] = {"ups": "power", "linux": "server", "ubiquiti-switch": "switch"}


Told = Callable[[Find], tuple[str, str]]
"""Which field of a device a find tells, and its value."""


class Chosen(NamedTuple):
    """A find that is to become a device: called so, asked there."""

    find: Find
    name: str
    address: str = ""


class Place(NamedTuple):
    """Where new devices stand: a site that is there, a new one of that name, or none."""

    site: UUID | None = None
    new_name: str = ""
    region: str = ""


class Added(NamedTuple):
    """The steps, and the devices that they make."""

    steps: list[Step]
    devices: list[Device]


def send(commands: Commands, title: str, steps: Sequence[Step], then: Then) -> None:
    """Send steps as one edit with one undo; at once done where there are none."""
    if steps:
        commands.submit(edit_of(title[:TITLE_CAP], commands.author, steps), {}, then)
    else:
        then(())


def role_of(find: Find) -> Role:
    """Return what a find most likely is in the network; a person may say otherwise."""
    if find.profile in _ROLE_PROFILES:
        return _ROLE_PROFILES[find.profile]
    said = f"{find.board} {find.sys_descr}".casefold()
    return next((role for role, signs in _ROLE_SIGNS if any(sign in said for sign in signs)), "other")


def names_for(inventory: Inventory, finds: Sequence[Find]) -> list[str]:
    """Return what to call them: what they call themselves, with the address where others are called the same."""
    taken = Counter(own_name(device.name) for device in inventory.devices())
    taken.update(own_name(find.name) for find in finds)
    names = []
    for find in finds:
        name = clean_text(find.name, NAME_CAP)
        address = next(iter(find.addresses), "")
        plain = own_name(name)
        if address and name != address and (not plain or taken[plain] > 1):
            name = f"{name[: NAME_CAP - len(address) - 1]} {address}"
        names.append(name)
    return names


def site_for(inventory: Inventory, finds: Iterable[Find]) -> Site | None:
    """Return the site whose name all these begin with, the longest such; None where there is none."""
    found: Site | None = None
    names = [find.identity.casefold() for find in finds]
    for site in inventory.sites():
        start = site.name.casefold()
        whole = all(
            name == start or name.startswith((f"{start} ", f"{start}-", f"{start}_")) for name in names
        )
        if start and names and whole and (found is None or len(start) > len(found.name)):
            found = site
    return found


def adding(chosen: Iterable[Chosen], place: Place, role: Role | None, interval_s: float) -> Added:
    """Return the steps that make devices of finds; those without an address are left out. `role` None: each as it looks."""
    steps: list[Step] = []
    site = place.site
    if site is None and place.new_name:
        made = Site(new_id(), place.new_name, place.region)
        steps.append(creation("site", made))
        site = made.id
    devices = []
    for find, name, address in chosen:
        device = device_from(find, new_id(), name)
        if device is None:
            continue
        devices.append(
            msgspec.structs.replace(
                device,
                address=address or device.address,
                role=role or role_of(find),
                site=site,
                interval_s=interval_s,
            )
        )
    return Added([*steps, *(creation("device", device) for device in devices)], devices)


def moving(inventory: Inventory, finds: Iterable[Find]) -> list[Step]:
    """Return the steps that give devices the address at which they were found."""
    return _changing(inventory, finds, "moved", lambda find: ("address", next(iter(find.addresses), "")))


def renaming(inventory: Inventory, finds: Iterable[Find]) -> list[Step]:
    """Return the steps that give devices the name by which they call themselves now."""
    return _changing(inventory, finds, "renamed", lambda find: ("name", clean_text(find.identity, NAME_CAP)))


def ignoring(inventory: Inventory, finds: Iterable[Find]) -> list[Step]:
    """Return the steps by which finds are never shown again; what is ignored already needs none."""
    known = {one.key for one in inventory.ignored()}
    steps = []
    for find in finds:
        key = ignore_key(find)
        if key and key not in known:
            known.add(key)
            steps.append(creation("ignored", Ignored(new_id(), key, clean_text(find.name, NAME_CAP) or key)))
    return steps


def merging(inventory: Inventory, stays: Device, others: Sequence[Device]) -> list[Step]:
    """Return the steps that make one device of several: links, photographs, rules and planned work go over to the one that stays.

    What it lacks (site, place, subscribers, note, tags, chosen ports) it takes from the others; its name, address and the ways
    in which it is asked stay its own. A link between them goes, as does one that it has already.
    """
    gone = {device.id: device for device in others}
    steps = _links_over(inventory, stays.id, gone)
    steps += _scopes_over(inventory, stays.id, frozenset(gone))
    for photo in inventory.photos():
        moved = msgspec.structs.replace(photo, device=stays.id)
        over = change("photo", photo, moved) if photo.device in gone else None
        steps += [over] if over is not None else []
    steps += [deletion("device", device) for device in others]
    merged = stays
    for other in others:
        merged = _filled(merged, other)
    step = change("device", stays, merged)
    return [*steps, step] if step is not None else steps


def _changing(inventory: Inventory, finds: Iterable[Find], kind: MatchKind, told: Told) -> list[Step]:
    """Return the steps that give the devices of one kind of finds what these tell, where they tell it."""
    steps = []
    for find in finds:
        device = inventory.device(find.match.devices[0]) if find.match.devices else None
        field, value = told(find)
        if device is not None and value and find.match.kind == kind:
            step = change("device", device, msgspec.structs.replace(device, **{field: value}))
            steps += [step] if step is not None else []
    return steps


def _filled(stays: Device, other: Device) -> Device:
    has_place = stays.lng is not None or stays.site is not None
    ports = {port.interface: port for port in (*other.ports, *stays.ports)}
    return msgspec.structs.replace(
        stays,
        site=stays.site or (None if has_place else other.site),
        lng=stays.lng if has_place else other.lng,
        lat=stays.lat if has_place else other.lat,
        subscribers=stays.subscribers or other.subscribers,
        note=stays.note or other.note[:NOTE_CAP],
        tags=tuple(dict.fromkeys((*stays.tags, *other.tags))),
        ports=tuple(ports[name] for name in sorted(ports)),
        is_entry=stays.is_entry or other.is_entry,
    )


def _links_over(inventory: Inventory, stays: UUID, gone: dict[UUID, Device]) -> list[Step]:
    steps: list[Step] = []
    kept = {
        _ends(link)
        for link in inventory.links()
        if stays in (link.a, link.b) and not gone.keys() & {link.a, link.b}
    }
    for link in inventory.links():
        if not gone.keys() & {link.a, link.b}:
            continue
        new = msgspec.structs.replace(
            link, a=stays if link.a in gone else link.a, b=stays if link.b in gone else link.b
        )
        if new.a == new.b or _ends(new) in kept:
            steps.append(deletion("link", link))
            continue
        kept.add(_ends(new))
        step = change("link", link, new)
        steps += [step] if step is not None else []
    return steps


def _ends(link: Link) -> frozenset[tuple[UUID, str]]:
    return frozenset(((link.a, link.a_interface), (link.b, link.b_interface)))


def _scopes_over(inventory: Inventory, stays: UUID, gone: frozenset[UUID]) -> list[Step]:
    """Return the steps by which rules and planned work that name what goes name what stays."""

    def over(scope: Scope) -> Scope:
        devices = dict.fromkeys(stays if id in gone else id for id in scope.devices)
        return msgspec.structs.replace(scope, devices=tuple(devices))

    found = [
        change("rule", rule, msgspec.structs.replace(rule, scope=over(rule.scope)))
        for rule in inventory.rules()
        if not gone.isdisjoint(rule.scope.devices)
    ]
    found += [
        change("maintenance", work, msgspec.structs.replace(work, scope=over(work.scope)))
        for work in inventory.maintenances()
        if not gone.isdisjoint(work.scope.devices)
    ]
    return [step for step in found if step is not None]

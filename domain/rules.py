"""What is refused, at both ends, before an edit is applied. Counterpart: `edit.apply`, which trusts what passed here.

One rule: a refusal names the field, says what was got and what is expected; those of an edit come at once, up to a cap.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Iterator
from typing import Any
from uuid import UUID

import msgspec

from domain.diagram import Diagram, Drawing, Spot
from domain.edit import EDIT_VERSION, UNDO_PREFIX, DoesNotFit, Edit, apply, entity_from, fields_of
from domain.errors import Refusal
from domain.geometry import is_place
from domain.inventory import KINDS, TYPES, Credential, Device, Entity, Inventory, Link, Site
from domain.map_rules import diagram_refusals, pop_refusals, radio_refusals, sector_refusals, spot_refusals
from domain.nouns import noun_of
from domain.photo import CAPTION_CAP, Photo
from domain.photo_rules import hanging_photos, photo_refusals
from domain.probe_rules import credential_refusals, probe_refusals
from domain.team_map import TeamMap, team_map_refusals
from domain.text import TEXT_CAP, clean_text, is_one_line, is_prose
from domain.watch_rules import ignored_refusals, maintenance_refusals, rule_refusals, watching_refusals
from domain.watching import AlertRule, Ignored, Maintenance

NAME_CAP = 120
NOTE_CAP = 4000
TITLE_CAP = 250
"""Longest title of an edit, in characters, without what an undo puts before it."""
STEPS_CAP = 20_000
REFUSALS_CAP = 100
"""Most refusals that are told one by one; an import can have a hundred thousand."""
REASON_CAP = 500
"""Characters kept of a refusal that quotes what was sent."""
PATH_CAP = 500
INTERVAL_RANGE_S = (1.0, 3600.0)
ELEVATION_RANGE_M = (-500.0, 10_000.0)
TIME_RANGE_US = (0, 4_102_444_800_000_000)
"""1970 to 2100: what people may say of when."""
SUBSCRIBERS_MAX = 10_000_000
CAPACITY_MAX_BPS = 10**14


def refusals(inventory: Inventory, edit: Edit) -> list[Refusal]:
    """Return why `edit` may not be applied to `inventory`; an empty list where it may. Changes nothing."""
    if not edit.steps:
        return [Refusal("INVALID_INPUT", "the edit has no steps")]
    return told([*of_edit(edit), *_of_steps(inventory, edit)])


def told(found: list[Refusal]) -> list[Refusal]:
    """Return the first refusals, and how many more there are as one."""
    more = len(found) - REFUSALS_CAP
    if more <= 0:
        return found
    return [*found[:REFUSALS_CAP], Refusal("MORE_REFUSALS", f"and {more} more")]


def of_edit(edit: Edit) -> Iterator[Refusal]:
    """Go over what is refused of an edit whatever its steps are."""
    if not 1 <= edit.version <= EDIT_VERSION:
        said = (
            f"an edit of version 1 to {EDIT_VERSION} expected, got {edit.version}: update the older program"
        )
        yield Refusal("UNKNOWN_VERSION", said, "version")
    yield from _time("at_us", edit.at_us)
    yield from _line("title", edit.title.removeprefix(UNDO_PREFIX), TITLE_CAP)
    yield from _line("author", edit.author, NAME_CAP)


def _of_steps(inventory: Inventory, edit: Edit) -> list[Refusal]:
    if len(edit.steps) > STEPS_CAP:
        return [
            Refusal("INVALID_INPUT", f"the edit has {len(edit.steps)} steps, at most {STEPS_CAP} go in one")
        ]
    for step in edit.steps:
        if step.kind not in KINDS:
            return [
                Refusal(
                    "UNKNOWN_KIND",
                    "a thing of a newer version, which is not known here: update",
                    subject=step.id,
                )
            ]
        if unknown := (step.after or {}).keys() - TYPES[step.kind].__struct_encode_fields__:
            said = f"{noun_of(step.kind).one}: {clean_text(min(unknown), 40)!r} is of a newer version, and not known here: update"
            return [Refusal("UNKNOWN_FIELD", said, subject=step.id)]
    trial = _copy_of(inventory, {step.kind for step in edit.steps})
    found: list[Refusal] = []
    try:
        for step in edit.steps:
            if step.after is not None:
                old = trial.get(step.kind, step.id)
                fields = {**(fields_of(old) if old else {}), **step.after}
                entity_from(step.kind, step.id, fields)
        apply(trial, edit)
    except DoesNotFit as error:
        said = clean_text(f"changed by somebody else meanwhile: {error}", REASON_CAP)
        return [Refusal("CLASH", said, subject=error.step.id)]
    except msgspec.ValidationError as error:
        said = clean_text(f"{noun_of(step.kind).one}: {error}", REASON_CAP)
        return [Refusal("INVALID_INPUT", said, field=_field_in(str(error)), subject=step.id)]
    things = dict.fromkeys((s.kind, s.id) for s in edit.steps)
    by_address = _by_address(trial, inventory, [id for kind, id in things if kind == "device"])
    for kind, id in things:
        entity = trial.get(kind, id)
        if entity is None:
            found += _orphans(trial, kind, id)
        else:
            found += _entity_refusals(trial, entity, by_address)
    return found


def _copy_of(inventory: Inventory, kinds: Container[str]) -> Inventory:
    """Return an inventory of which these kinds alone may be changed; the others are not copied."""
    copy = Inventory()
    copy.tables = {kind: dict(rows) if kind in kinds else rows for kind, rows in inventory.tables.items()}
    return copy


def _field_in(message: str) -> str:
    return message.rsplit("`$.", 1)[1].rstrip("`").split(".")[0].split("[")[0] if "`$." in message else ""


def _by_address(trial: Inventory, before: Inventory, ids: list[UUID]) -> dict[str, list[Device]]:
    """Return who has the addresses of those devices that are asked otherwise than before: no other can be a new twin."""
    found: dict[str, list[Device]] = {}
    for new, old in ((trial.device(id), before.device(id)) for id in ids):
        if new is not None and (old is None or (old.address, old.probes) != (new.address, new.probes)):
            found[new.address] = []
    if found:
        for device in trial.devices():
            if device.address in found:
                found[device.address].append(device)
    return found


def _orphans(inventory: Inventory, kind: str, id: Any) -> Iterator[Refusal]:
    if kind == "site":
        left = [d.name for d in inventory.devices() if d.site == id]
        if left:
            yield Refusal(
                "IN_USE", f"the site still holds {_some(left)}: move or delete them first", subject=id
            )
        shown = [diagram.name for diagram in inventory.diagrams() if diagram.site == id]
        if shown:
            yield Refusal("IN_USE", f"the submap {_some(shown)} shows this site: delete it first", subject=id)
        below = [site.name for site in inventory.sites() if site.pop == id]
        if below:
            yield Refusal("IN_USE", f"{_some(below)} hang under this site: move them first", subject=id)
    yield from hanging_photos(inventory, kind, id)
    if kind == "diagram":
        held = sum(row.diagram == id for row in inventory.spots())
        held += sum(row.diagram == id for row in inventory.drawings())
        held += sum(row.parent == id for row in inventory.diagrams())
        if held:
            yield Refusal(
                "IN_USE", f"{held} things still stand in the diagram: delete them with it", subject=id
            )
    if kind == "device":
        ends = [link for link in inventory.links() if id in (link.a, link.b)]
        if ends:
            yield Refusal("IN_USE", f"{len(ends)} links still end here: delete them with it", subject=id)
    if kind == "credential":
        users = [d.name for d in inventory.devices() if any(p.credential == id for p in d.probes)]
        if users:
            yield Refusal("IN_USE", f"the credential is still used by {_some(users)}", subject=id)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _entity_refusals(
    inventory: Inventory, entity: Entity, by_address: dict[str, list[Device]]
) -> Iterator[Refusal]:
    match entity:
        case Device():
            yield from _name(entity.name, entity)
            yield from _device(inventory, entity, by_address)
        case Site():
            yield from _name(entity.name, entity)
            yield from _place(entity)
            yield from _line("region", entity.region, NAME_CAP, entity.id)
            yield from _elevation(entity)
            yield from pop_refusals(inventory, entity)
            yield from _note(entity)
        case Link():
            yield from _link(inventory, entity)
        case Credential():
            yield from _name(entity.name, entity)
            yield from _line("user", entity.user, NAME_CAP, entity.id)
            yield from credential_refusals(entity)
        case AlertRule():
            yield from _name(entity.name, entity)
            yield from rule_refusals(entity)
            yield from _note(entity)
        case Maintenance():
            yield from _name(entity.name, entity)
            yield from _time("starts_us", entity.starts_us, entity.id)
            yield from _time("ends_us", entity.ends_us, entity.id)
            yield from maintenance_refusals(entity)
            yield from _note(entity)
        case Ignored():
            yield from _name(entity.name, entity)
            yield from ignored_refusals(entity)
        case Diagram():
            yield from _name(entity.name, entity)
            yield from diagram_refusals(inventory, entity)
            yield from _note(entity)
        case Spot():
            yield from spot_refusals(inventory, entity)
        case Drawing():
            yield from spot_refusals(inventory, entity)
            yield from _prose("text", entity.text, entity.id)
        case Photo():
            yield from photo_refusals(inventory, entity)
            yield from _line("caption", entity.caption, CAPTION_CAP, entity.id)
            yield from _line("author", entity.author, NAME_CAP, entity.id)
            for field, at_us in (("added_us", entity.added_us), ("taken_us", entity.taken_us)):
                if at_us is not None:
                    yield from _time(field, at_us, entity.id)
        case TeamMap():
            yield from _name(entity.name, entity)
            yield from team_map_refusals(inventory.team_maps(), entity)
            yield from _line("author", entity.author, NAME_CAP, entity.id)
            yield from _time("added_us", entity.added_us, entity.id)


def _line(field: str, text: str, cap: int, subject: UUID | None = None) -> Iterator[Refusal]:
    what = field.replace("_", " ")
    if len(text) > cap:
        said = f"the {what} has {len(text)} characters, at most {cap}"
        yield Refusal("INVALID_INPUT", said, field, subject)
    elif not is_one_line(text):
        said = f"the {what} holds control or invisible characters"
        yield Refusal("INVALID_INPUT", said, field, subject)


def _note(thing: Site | Device | Link | AlertRule | Maintenance | Diagram) -> Iterator[Refusal]:
    yield from _prose("note", thing.note, thing.id)


def _prose(field: str, text: str, subject: UUID) -> Iterator[Refusal]:
    if len(text) > NOTE_CAP:
        said = f"the {field} has {len(text)} characters, at most {NOTE_CAP}"
        yield Refusal("INVALID_INPUT", said, field, subject)
    elif not is_prose(text):
        yield Refusal("INVALID_INPUT", f"the {field} holds control characters", field, subject)


def _time(field: str, at_us: int, subject: UUID | None = None) -> Iterator[Refusal]:
    low, high = TIME_RANGE_US
    if not low <= at_us <= high:
        said = f"a time of 1970 to 2100 in microseconds expected, got {at_us}"
        yield Refusal("INVALID_INPUT", said, field, subject)


def _elevation(site: Site) -> Iterator[Refusal]:
    low, high = ELEVATION_RANGE_M
    if site.elevation_m is not None and not low <= site.elevation_m <= high:
        said = f"an elevation of {low:g} to {high:g} m expected, got {site.elevation_m:g}"
        yield Refusal("INVALID_INPUT", said, "elevation_m", site.id)


def _name(name: str, entity: Entity) -> Iterator[Refusal]:
    if not name.strip():
        yield Refusal("MISSING_REQUIRED_FIELD", "a name is needed", "name", entity.id)
    elif len(name) > NAME_CAP:
        yield Refusal(
            "INVALID_INPUT", f"the name has {len(name)} characters, at most {NAME_CAP}", "name", entity.id
        )
    elif clean_text(name, NAME_CAP) != name:
        yield Refusal(
            "INVALID_INPUT",
            "the name holds control or invisible characters, or doubled spaces",
            "name",
            entity.id,
        )


def _place(thing: Device | Site) -> Iterator[Refusal]:
    lng, lat = thing.lng, thing.lat
    if lng is None and lat is None:
        return
    if lng is None or lat is None:
        missing = "lng" if lng is None else "lat"
        yield Refusal("INVALID_INPUT", "a place needs both longitude and latitude", missing, thing.id)
    elif not is_place(lng, lat):
        field = "lng" if not is_place(lng, 0.0) else "lat"
        expected = "longitude -180 to 180" if field == "lng" else "latitude -90 to 90"
        got = lng if field == "lng" else lat
        yield Refusal("INVALID_INPUT", f"{expected} expected, got {got:g}", field, thing.id)


def _device(inventory: Inventory, device: Device, by_address: dict[str, list[Device]]) -> Iterator[Refusal]:
    try:
        address = ipaddress.ip_address(device.address)
    except ValueError:
        said = f"an IPv4 or IPv6 address expected, got {clean_text(device.address, 60)!r}"
        yield Refusal("INVALID_IP_ADDRESS", said, "address", device.id)
    else:
        if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
            yield Refusal("INVALID_IP_ADDRESS", f"{address} is no address of a device", "address", device.id)
        elif str(address) != device.address:
            yield Refusal("INVALID_IP_ADDRESS", f"write it as {address}", "address", device.id)
        yield from _twin(device, by_address)
    yield from _place(device)
    yield from probe_refusals(inventory, device)
    low, high = INTERVAL_RANGE_S
    if not low <= device.interval_s <= high:
        said = f"an interval of {low:g} to {high:g} s expected, got {device.interval_s:g}"
        yield Refusal("INVALID_INPUT", said, "interval_s", device.id)
    if not 0 <= device.subscribers <= SUBSCRIBERS_MAX:
        said = f"0 to {SUBSCRIBERS_MAX} subscribers expected, got {device.subscribers}"
        yield Refusal("INVALID_INPUT", said, "subscribers", device.id)
    yield from _note(device)
    yield from _line("profile", device.profile, NAME_CAP, device.id)
    yield from watching_refusals(device)
    yield from sector_refusals(device)
    if device.paused_until_us is not None:
        yield from _time("paused_until_us", device.paused_until_us, device.id)
    if device.site is not None and inventory.site(device.site) is None:
        yield Refusal("SITE_NOT_FOUND", f"there is no site {device.site}", "site", device.id)


def _twin(device: Device, by_address: dict[str, list[Device]]) -> Iterator[Refusal]:
    asked = {(p.kind, p.port) for p in device.probes}
    for other in by_address.get(device.address, ()):
        if other.id != device.id and (not asked or asked & {(p.kind, p.port) for p in other.probes}):
            said = f"{device.address} is already the address of {other.name}"
            yield Refusal("DEVICE_ALREADY_EXISTS", said, "address", device.id)
            return


def _link(inventory: Inventory, link: Link) -> Iterator[Refusal]:
    for field, end in (("a", link.a), ("b", link.b)):
        if inventory.device(end) is None:
            yield Refusal("DEVICE_NOT_FOUND", f"the link's end {field} is no device", field, link.id)
    if link.a == link.b:
        yield Refusal("INVALID_INPUT", "a link needs two different devices", "b", link.id)
    if not 0 <= link.capacity_bps <= CAPACITY_MAX_BPS:
        said = f"a capacity of 0 to {CAPACITY_MAX_BPS} bit/s expected, got {link.capacity_bps}"
        yield Refusal("INVALID_INPUT", said, "capacity_bps", link.id)
    if len(link.path) > PATH_CAP:
        yield Refusal("INVALID_INPUT", f"{len(link.path)} bends, at most {PATH_CAP}", "path", link.id)
    for lng, lat in link.path:
        if not is_place(lng, lat):
            yield Refusal("INVALID_INPUT", f"a bend at {lng:g}, {lat:g} is no place", "path", link.id)
            break
    yield from _line("a_interface", link.a_interface, TEXT_CAP, link.id)
    yield from _line("b_interface", link.b_interface, TEXT_CAP, link.id)
    yield from radio_refusals(link)
    yield from _note(link)

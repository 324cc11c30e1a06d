"""What records would change in an inventory: a row for a person and the steps of the edit. Counterpart: `record.py`.

Theory: a record with an address, or one that is known as a device, is a device; one that joins two is a link; any other with
a name is a site. What is known is found by our own id, then by address, then by a name that only one thing has. A record
changes only what it says; what a file does not tell of stays.
One rule: what is guessed or left out is said in its row.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import msgspec

from domain.edit import Step, change, creation
from domain.exchanging import STEPS_AT_ONCE_CAP, ImportRow
from domain.inventory import (
    LINK_KINDS,
    POPS_DEEP,
    ROLES,
    TYPES,
    Device,
    Entity,
    Inventory,
    Kind,
    Link,
    Probe,
    Site,
)
from engine.imports.known import Known
from engine.imports.record import CannotRead, Record
from engine.imports.values import Wrong, bits_in, number_in, tags_in, uuid_in

ADDRESS_FIELDS = ("address", "ip", "ip_address", "ipaddress", "management_ip", "mgmt_ip", "host", "loopback")
SITE_FIELDS = ("site", "location")
SITE_KINDS = ("site", "pop", "tower", "location")
NEAR_DEG = 0.002
"""How near the end of a line must be to a device to be taken for it: some 200 m."""
_LIKE_ADDRESS = re.compile(r"\d+(\.\d+){2,}(/\d+)?|[0-9A-Fa-f]*(:[0-9A-Fa-f.]*){2,}(/\d+)?")
"""Numbers with dots, or with colons."""


class Planner:
    """Goes over the records of one file. `new_id` makes ids; `probes` and `site` are those of new devices that name none."""

    def __init__(
        self, inventory: Inventory, new_id: Callable[[], UUID], probes: tuple[Probe, ...], site: UUID | None
    ) -> None:
        self._inventory = inventory
        self._new_id = new_id
        self._probes = probes
        self._site = site
        self.steps: list[Step] = []
        self.rows: list[ImportRow] = []
        self._sites = Known(inventory.sites())
        self._devices = Known(inventory.devices())
        self._by_address: dict[str, list[Device]] = {}
        for device in inventory.devices():
            self._by_address.setdefault(device.address, []).append(device)
        self._by_key: dict[str, Device] = {}
        self._links: dict[frozenset[UUID], list[Link]] = {}
        for link in inventory.links():
            self._links.setdefault(frozenset((link.a, link.b)), []).append(link)
        self._row_of: dict[UUID, int] = {}
        """The row that makes a thing which is not there yet."""
        self._taken: set[UUID] = set()
        """Things that a record of this file has spoken of."""

    def go_over(self, records: Iterable[Record]) -> None:
        """Plan sites first, then devices, then links, so that each finds what it needs; rows stay in the file's order."""
        made: list[tuple[int, ImportRow]] = []
        addressed = [(record, _address_in(record)) for record in records]
        kinds = [(self._kind_of(record, address), record, address) for record, address in addressed]
        turns: dict[str, list[int]] = {"site": [], "device": [], "link": [], "": []}
        for number, (kind, _, _) in enumerate(kinds):
            turns[kind].append(number)
        turns["site"] = _above_first(turns["site"], [record for _, record, _ in kinds])
        for number in (number for turn in turns.values() for number in turn):
            kind, record, address = kinds[number]
            made += ((number, row) for row in self._rows_for(kind, record, address, len(made)))
        order = sorted(range(len(made)), key=lambda index: made[index][0])
        place = {old: new for new, old in enumerate(order)}
        self.rows = [
            msgspec.structs.replace(made[i][1], needs=tuple(place[need] for need in made[i][1].needs))
            for i in order
        ]
        if len(self.steps) > STEPS_AT_ONCE_CAP:
            said = f"the file changes {len(self.steps):,} things, at most {STEPS_AT_ONCE_CAP:,} go in at once"
            raise CannotRead(f"{said}: import it in pieces")

    def _rows_for(self, kind: str, record: Record, address: str, first: int) -> list[ImportRow]:
        """Return the rows of one record; `first` is the index of the first."""
        name = record.name or record.fields.get("address", "")
        try:
            match kind:
                case "site":
                    return [self._plan_site(record, first)]
                case "device":
                    return self._plan_device(record, address, first)
                case "link":
                    return [self._plan_link(record)]
        except Wrong as error:
            return [ImportRow("skip", kind, name, record.where, str(error))]
        said = "areas are not kept" if record.is_area else "it has neither a name nor an address"
        return [ImportRow("skip", kind or "thing", name, record.where, said)]

    def _kind_of(self, record: Record, address: str) -> str:
        said = record.fields.get("kind", record.fields.get("type", "")).casefold()
        if record.is_area:
            return ""
        if record.ends is not None or len(record.places) > 1 or said == "link":
            return "link"
        if address or said == "device" or (not said and _no_address_in(record)):
            return "device"
        if said not in SITE_KINDS and record.name and self._is_device(record):
            return "device"
        return "site" if record.name and not record.is_area else ""

    def _is_device(self, record: Record) -> bool:
        return self._devices.find(record) is not None and self._sites.find(record) is None

    # Sites

    def _plan_site(self, record: Record, index: int) -> ImportRow:
        fields = record.fields
        given: dict[str, Any] = {"name": record.name}
        if region := _region_in(record):
            given["region"] = region
        if record.places:
            given["lng"], given["lat"] = record.places[0]
        for name in ("elevation_m", "elevation", "altitude"):
            if name in fields:
                given["elevation_m"] = number_in(fields[name], name)
                break
        _take_note(given, fields)
        needs: tuple[int, ...] = ()
        if pop := fields.get("pop"):
            above = self._sites.named(pop)
            if above is None:
                raise Wrong(f"there is no site {pop!r} to hang under")
            given["pop"] = above.id
            needs = (self._row_of[above.id],) if above.id in self._row_of else ()
        row = self._put("site", self._sites.find(record), given, record, index)
        return msgspec.structs.replace(row, needs=needs if row.steps else ())

    # Devices

    def _plan_device(self, record: Record, address: str, first: int) -> list[ImportRow]:
        fields = record.fields
        rows: list[ImportRow] = []
        old = self._known_device(record, address)
        given: dict[str, Any] = {}
        if record.name:
            given["name"] = record.name
        if address:
            given["address"] = address
        elif tried := _no_address_in(record):
            raise Wrong(f"{tried!r} is no IPv4 or IPv6 address")
        elif old is None:
            raise Wrong("a new device needs an address, and it names none")
        if record.places and fields.get("place_of") != "site":
            given["lng"], given["lat"] = record.places[0]
        if (role := fields.get("role", "").casefold()) in ROLES:
            given["role"] = role
        for name in ("subscribers", "interval_s"):
            if name in fields:
                number = number_in(fields[name], name)
                given[name] = int(number) if name == "subscribers" else number
        if "tags" in fields:
            given["tags"] = tags_in(fields["tags"])
        _take_note(given, fields)
        needs: tuple[int, ...] = ()
        if wanted := next((fields[name] for name in SITE_FIELDS if name in fields), ""):
            site, rows = self._site_called(wanted, record, first)
            given["site"] = site.id
            needs = (self._row_of[site.id],) if site.id in self._row_of else ()
        elif old is None and self._site is not None:
            given["site"] = self._site
        if old is None:
            given = {"name": given.get("address", ""), "probes": self._probes, **given}
        row_index = first + len(rows)
        row = self._put("device", old, given, record, row_index)
        made = self._made(row)
        known = made if isinstance(made, Device) else old
        if known is not None:
            for key in (record.key, record.name):
                if key:
                    self._by_key.setdefault(key, known)
        return [*rows, msgspec.structs.replace(row, needs=needs if row.steps else ())]

    def _known_device(self, record: Record, address: str) -> Device | None:
        if (found := self._devices.by_id(record)) is not None:
            return found
        there = self._by_address.get(address, [])
        if len(there) == 1:
            return there[0]
        named = [device for device in there if device.name == record.name]
        if there:
            return named[0] if len(named) == 1 else None
        return self._devices.find(record) if not address else None

    def _site_called(self, name: str, record: Record, index: int) -> tuple[Site, list[ImportRow]]:
        if (known := self._sites.named(name)) is not None:
            return known, []
        lng, lat = record.places[0] if record.places else (None, None)
        site = Site(self._new_id(), name[:120], _region_in(record), lng, lat)
        row = self._add("site", site, f"named by {record.name or record.where}", record, index)
        return site, [row]

    # Links

    def _plan_link(self, record: Record) -> ImportRow:
        fields = record.fields
        a, b, guessed = self._ends_of(record)
        if a.id == b.id:
            raise Wrong(f"both ends are {a.name}")
        given: dict[str, Any] = {"a": a.id, "b": b.id}
        for name in ("a_interface", "b_interface"):
            if name in fields:
                given[name] = fields[name]
        kind = fields.get("medium", fields.get("link_kind", fields.get("kind", ""))).casefold()
        kind = {"fiber": "fibre", "radio": "wireless", "ethernet": "copper"}.get(kind, kind)
        if kind in LINK_KINDS:
            given["kind"] = kind
        if said := fields.get("capacity_bps", fields.get("linkspeedraw", "")):
            given["capacity_bps"] = int(number_in(said, "capacity"))
        elif said := fields.get("capacity", fields.get("speed", "")):
            given["capacity_bps"] = bits_in(said)
        if len(record.places) > 2:
            given["path"] = record.places[1:-1]
        _take_note(given, fields)
        old = self._known_link(record, a, b, given)
        if old is not None and old.a == b.id:
            given = _turned(given)
        needs = tuple(self._row_of[end.id] for end in (a, b) if end.id in self._row_of)
        title = f"{a.name} – {b.name}"
        row = self._put("link", old, given, record._replace(name=title), 0)
        said = "; ".join(part for part in (row.said, guessed) if part)
        return msgspec.structs.replace(row, said=said, needs=needs if row.steps else ())

    def _ends_of(self, record: Record) -> tuple[Device, Device, str]:
        if record.ends is not None:
            a, b = (self._end_called(key) for key in record.ends)
            return a, b, ""
        if len(record.places) < 2:
            raise Wrong("a link needs two ends")
        a, b = (self._nearest(place) for place in (record.places[0], record.places[-1]))
        return a, b, "its ends were taken for the devices nearest to them"

    def _end_called(self, key: str) -> Device:
        id = uuid_in(key)
        found = self._inventory.device(id) if id is not None else None
        found = found or self._by_key.get(key) or self._devices.named(key)
        if found is None:
            there = self._by_address.get(key, [])
            found = there[0] if len(there) == 1 else None
        if found is None:
            raise Wrong(f"its end {key!r} is no device: name one, its address or its id")
        return found

    def _nearest(self, place: tuple[float, float]) -> Device:
        found = [
            (abs(where.lng - place[0]) + abs(where.lat - place[1]), device.name, device)
            for device in self._devices.all()
            if (where := self._inventory.place_of(device)) is not None
        ]
        near = min(found, default=None, key=lambda one: one[:2])
        if near is None or near[0] > NEAR_DEG:
            raise Wrong(f"no device stands at its end {place[0]:.5f}, {place[1]:.5f}")
        return near[2]

    def _known_link(self, record: Record, a: Device, b: Device, given: dict[str, Any]) -> Link | None:
        id = uuid_in(record.key)
        if id is not None and (link := self._inventory.link(id)) is not None:
            return link
        there = [link for link in self._links.get(frozenset((a.id, b.id)), []) if link.id not in self._taken]
        if "a_interface" in given or "b_interface" in given:
            wanted = frozenset((given.get("a_interface", ""), given.get("b_interface", "")))
            same = [link for link in there if frozenset((link.a_interface, link.b_interface)) == wanted]
            there = same or [link for link in there if not (link.a_interface or link.b_interface)]
        return there[0] if len(there) == 1 else None

    # Both

    def _put(
        self, kind: Kind, old: Entity | None, given: dict[str, Any], record: Record, index: int
    ) -> ImportRow:
        if old is None:
            try:
                made = msgspec.convert({"id": self._new_id(), **given}, TYPES[kind])
            except msgspec.ValidationError as error:
                raise Wrong(str(error)) from error
            return self._add(kind, made, "", record, index)
        name = record.name or getattr(old, "name", "")
        if old.id in self._taken:
            raise Wrong("the file speaks of it twice")
        self._taken.add(old.id)
        step = change(kind, old, msgspec.structs.replace(old, **given))
        if step is None or step.before is None or step.after is None:
            return ImportRow("same", kind, name, record.where)
        said = ", ".join(
            f"{field} {_shown(step.before[field])} → {_shown(now)}" for field, now in step.after.items()
        )
        self.steps.append(step)
        return ImportRow("change", kind, name, record.where, said, (len(self.steps) - 1,))

    def _add(self, kind: Kind, made: Any, said: str, record: Record, index: int) -> ImportRow:
        self.steps.append(creation(kind, made))
        if kind != "link":
            self._row_of[made.id] = index
            known: Any = self._sites if kind == "site" else self._devices
            known.add(made)
        if isinstance(made, Device):
            self._by_address.setdefault(made.address, []).append(made)
        self._taken.add(made.id)
        name = getattr(made, "name", record.name)
        return ImportRow("add", kind, name, record.where, said, (len(self.steps) - 1,))

    def _made(self, row: ImportRow) -> Entity | None:
        if row.action != "add":
            return None
        return self._devices.get(self.steps[row.steps[0]].id)


def _above_first(sites: list[int], records: list[Record]) -> list[int]:
    """Return the numbers of sites, each after the one of the file that it hangs under; what hangs in a ring comes last."""
    order: list[int] = []
    for _ in range(POPS_DEEP + 1):
        to_come = {records[number].name.casefold() for number in sites}
        above = {number: records[number].fields.get("pop", "").casefold() for number in sites}
        order += (number for number in sites if above[number] not in to_come)
        sites = [number for number in sites if above[number] in to_come]
    return order + sites


def _take_note(given: dict[str, Any], fields: dict[str, str]) -> None:
    said = next((fields[name] for name in ("note", "description", "comment") if name in fields), "")
    if said:
        given["note"] = said


def _address_in(record: Record) -> str:
    for name in ADDRESS_FIELDS:
        if name in record.fields:
            try:
                return str(ipaddress.ip_interface(record.fields[name].strip()).ip)
            except ValueError:
                continue
    return ""


def _no_address_in(record: Record) -> str:
    """Return what was meant as an address and is none, such as 10.0.0.999; a street is not meant as one."""
    texts = (record.fields[name].strip()[:60] for name in ADDRESS_FIELDS if name in record.fields)
    return next((text for text in texts if _LIKE_ADDRESS.fullmatch(text)), "")


def _region_in(record: Record) -> str:
    """Return the region that a record names; a folder is one where the file does not say by itself what its things are."""
    return record.fields.get("region", "" if "kind" in record.fields else record.folder)


def _turned(given: dict[str, Any]) -> dict[str, Any]:
    """Return a link's fields as seen from its other end."""
    turned = {**given, "a": given["b"], "b": given["a"]}
    for name, other in (("a_interface", "b_interface"), ("b_interface", "a_interface")):
        turned.pop(name, None)
        if other in given:
            turned[name] = given[other]
    if "path" in given:
        turned["path"] = given["path"][::-1]
    return turned


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.5f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return (
            f"{len(value)} entries"
            if value and isinstance(value[0], list)
            else ", ".join(map(str, value)) or "none"
        )
    text = "none" if value in (None, "") else str(value)
    return text if len(text) <= 40 else text[:39] + "…"

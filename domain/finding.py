"""What discovery saw and nobody has taken up: finds, how two become one, and which devices of the inventory they are.

Counterpart: `engine/discovery` makes and keeps them, the window shows them and makes edits of them; `identity.py` has the keys.
One rule: a find is data for a person. Nothing here changes the inventory, and nothing is ever added silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from domain.fact import Fact, best
from domain.identity import (
    ADDRESSES_CAP,
    MACS_CAP,
    Keys,
    are_apart,
    make_keys,
    own_address,
    own_name,
    plain_mac,
    shared_key,
)
from domain.inventory import Device, Probe
from domain.probe_rules import PROBES_CAP
from domain.receiving import plain_address

FINDS = UUID("5f0b7ab0-6d1c-5a6e-9f0e-0d3c1c0f7d11")
"""The namespace of finds' ids."""

SOURCES_CAP = 16
PORTS_CAP = 32

FindSource = Literal["sweep", "neighbour", "mndp"]
MatchKind = Literal["new", "known", "moved", "renamed", "duplicate"]


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who saw a find, and when last. `by` is the device that has it as a neighbour, `interface` where; else this engine."""

    source: FindSource
    at_us: int
    by: UUID | None = None
    interface: str = ""


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a find is to the inventory, which devices it is about, and why, in words.

    "moved": a device known by serial, MAC or engine id is now elsewhere. "duplicate": two devices of the inventory are one.
    """

    kind: MatchKind = "new"
    devices: tuple[UUID, ...] = ()
    words: str = ""


class Find(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something on the network. Text is its own, cleaned and capped. The latest address comes first.

    `addresses` are where it answered or announced itself; `own_addresses` are what it says it has beside, and no key: every
    router has 192.168.88.1 on some port. `probes` are those that answered, each with the credential that it answered to: ready
    to become a device's. `ports` took a TCP connection. `profile` is the SNMP profile that would be chosen,
    `greeting` what its SSH server says first.
    """

    id: UUID
    addresses: tuple[str, ...] = ()
    own_addresses: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    identity: str = ""
    serial: str = ""
    engine_id: str = ""
    vendor: str = ""
    sys_descr: str = ""
    sys_object_id: str = ""
    board: str = ""
    version: str = ""
    profile: str = ""
    greeting: str = ""
    probes: tuple[Probe, ...] = ()
    ports: tuple[int, ...] = ()
    sources: tuple[Seen, ...] = ()
    first_us: int = 0
    last_us: int = 0
    match: Match = Match()

    @property
    def keys(self) -> Keys:
        """What it is known by."""
        return make_keys(self.serial, self.macs, self.engine_id, self.addresses, self.identity)

    @property
    def name(self) -> str:
        """What to call it."""
        return self.identity or next(iter(self.addresses), "") or next(iter(self.macs), "")


_TEXTS = (
    "identity",
    "serial",
    "engine_id",
    "vendor",
    "sys_descr",
    "sys_object_id",
    "board",
    "version",
    "profile",
    "greeting",
)


def settled(find: Find) -> Find | None:
    """Return a find in one spelling and with the id that its strongest key gives it; None where it has no key at all.

    The first MAC in order stands for all, so that two passes over one network give the same ids.
    """
    addresses = _plain_addresses(find.addresses)
    own = tuple(address for address in _plain_addresses(find.own_addresses) if address not in addresses)
    macs = tuple(sorted({plain for mac in find.macs if (plain := plain_mac(mac))}))[:MACS_CAP]
    find = msgspec.structs.replace(find, addresses=addresses, own_addresses=own, macs=macs)
    texts = find.keys.texts
    return msgspec.structs.replace(find, id=uuid5(FINDS, texts[0])) if texts else None


def _plain_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    plain = dict.fromkeys(plain for address in addresses if (plain := own_address(address)))
    return tuple(plain)[:ADDRESSES_CAP]


def merge(a: Find, b: Find) -> Find:
    """Return two finds as one: what was seen later goes before, what only one has stays. Its id follows from its keys."""
    old, new = sorted((a, b), key=lambda find: (find.last_us, find.id.int))
    texts = {name: getattr(new, name) or getattr(old, name) for name in _TEXTS}
    probes = {(probe.kind, probe.port): probe for probe in (*old.probes, *new.probes)}
    seen = {
        (one.source, one.by, one.interface): one for one in sorted((*a.sources, *b.sources), key=_seen_us)
    }
    merged = Find(
        new.id,
        addresses=(*new.addresses, *old.addresses),
        own_addresses=(*new.own_addresses, *old.own_addresses),
        macs=(*new.macs, *old.macs),
        probes=tuple(probes.values())[:PROBES_CAP],
        ports=tuple(sorted({*a.ports, *b.ports}))[:PORTS_CAP],
        sources=tuple(sorted(seen.values(), key=_seen_us, reverse=True))[:SOURCES_CAP],
        first_us=min(a.first_us, b.first_us),
        last_us=max(a.last_us, b.last_us),
        **texts,
    )
    return settled(merged) or merged


def _seen_us(seen: Seen) -> tuple[int, str, str]:
    return seen.at_us, str(seen.by), seen.interface


def ignore_key(find: Find) -> str:
    """Return the key by which a find is never shown again, the strongest it has: `Ignored.key`."""
    return next(iter(find.keys.texts), "")


# What the inventory knows


class KnownDevice(msgspec.Struct, frozen=True):
    """A device of the inventory as finds are compared with it. `is_answering`: it does, at the address where it is asked."""

    id: UUID
    name: str
    address: str
    keys: Keys
    identity: str = ""
    is_answering: bool = False


def known_device(device: Device, facts: Mapping[tuple[str, str], Fact], is_answering: bool) -> KnownDevice:
    """Return what is known of a device from what people intend and from what it tells: facts by (field, source)."""
    wanted = [fact for fact in facts.values() if tells_who(fact.field)]
    told = {field: fact.value for field, fact in best(wanted).items()}
    macs = [
        str(value.get("mac", ""))
        for field, value in told.items()
        if field.startswith("interface/") and isinstance(value, dict)
    ]
    addresses = [field.removeprefix("address/") for field in told if field.startswith("address/")]
    identity = str(told.get("identity", ""))
    keys = make_keys(
        str(told.get("serial", "")),
        macs,
        str(told.get("engine_id", "")),
        (device.address, *addresses),
        identity or device.name,
    )
    return KnownDevice(device.id, device.name, plain_address(device.address), keys, identity, is_answering)


def tells_who(field: str) -> bool:
    """Tell whether a fact says who a device is, so that a change of it may change what a find is."""
    return field in ("serial", "identity", "engine_id") or field.startswith(("interface/", "address/"))


class KnownDevices:
    """The inventory's devices by their keys: 10,000 finds against 10,000 devices, one look-up a key."""

    def __init__(self, devices: Iterable[KnownDevice] = ()) -> None:
        self._devices: dict[UUID, KnownDevice] = {}
        self._by_key: dict[str, set[UUID]] = {}
        for device in devices:
            self.put(device)

    def get(self, id: UUID) -> KnownDevice | None:
        """Return what is known of a device."""
        return self._devices.get(id)

    def put(self, device: KnownDevice) -> None:
        """Take a device, or what became of it."""
        self.drop(device.id)
        self._devices[device.id] = device
        for text in device.keys.texts:
            self._by_key.setdefault(text, set()).add(device.id)

    def drop(self, id: UUID) -> None:
        """Forget a device."""
        device = self._devices.pop(id, None)
        for text in device.keys.texts if device else ():
            owners = self._by_key[text]
            owners.discard(id)
            if not owners:
                del self._by_key[text]

    def sharing(self, keys: Keys) -> list[KnownDevice]:
        """Return the devices that share any key, by name."""
        ids = {id for text in keys.texts for id in self._by_key.get(text, ())}
        return sorted((self._devices[id] for id in ids), key=lambda device: (device.name, device.id.int))


def match(find: Find, known: KnownDevices) -> Match:
    """Return what a find is to the inventory."""
    keys = find.keys
    strong: list[tuple[KnownDevice, str]] = []
    weak: list[KnownDevice] = []
    replaced: list[KnownDevice] = []
    for device in known.sharing(keys):
        key = shared_key(keys, device.keys)
        if key and not key.startswith("address:"):
            strong.append((device, key))
        elif key:
            weak.append(device)
        elif device.address in keys.addresses:
            replaced.append(device)
    at_intended = [device for device in weak if device.address in keys.addresses]
    same = [device for device, _ in strong] + at_intended
    if len(same) > 1 and not _are_apart(same):
        why = _say_key(strong[0][1]) if strong else "the same address"
        return Match("duplicate", _ids(same), f"{_names(same)} are one device: {why}")
    if strong:
        return _match_one(find, *strong[0])
    if at_intended or len(weak) == 1:
        device = at_intended[0] if at_intended else weak[0]
        renamed = _new_name(find, device)
        return Match("renamed" if renamed else "known", (device.id,), renamed or "the same address")
    if replaced:
        said = (
            f"another device answers at the address of {_names(replaced)}: it has {_say_key(keys.texts[0])}"
        )
        return Match("new", _ids(replaced), said)
    return Match()


def _match_one(find: Find, device: KnownDevice, key: str) -> Match:
    renamed = _new_name(find, device)
    has_it = device.address in (*find.addresses, *find.own_addresses)
    is_its_own = not device.keys.addresses.isdisjoint(find.addresses)
    if has_it or is_its_own or not find.addresses or device.is_answering:
        return Match("renamed" if renamed else "known", (device.id,), renamed or _say_key(key))
    said = f"{device.name} was at {device.address} and is now at {find.addresses[0]}: {_say_key(key)}"
    return Match("moved", (device.id,), f"{said}; {renamed}" if renamed else said)


def _new_name(find: Find, device: KnownDevice) -> str:
    """Return in words that a device calls itself otherwise than it last did, and than people call it."""
    told, now = own_name(device.identity), own_name(find.identity)
    if not told or not now or now in (told, own_name(device.name)):
        return ""
    return f"{device.name} called itself {device.identity!r} and now calls itself {find.identity!r}"


def _are_apart(devices: Sequence[KnownDevice]) -> bool:
    return any(are_apart(a.keys, b.keys) for n, a in enumerate(devices) for b in devices[n + 1 :])


def _say_key(text: str) -> str:
    kind, _, value = text.partition(":")
    names = {"serial": "serial number", "mac": "MAC", "engine": "SNMP engine id", "address": "address"}
    return f"{names[kind]} {value}"


def _names(devices: Sequence[KnownDevice]) -> str:
    shown = [device.name for device in devices[:3]]
    more = [f"{len(devices) - 3} more"] if len(devices) > 3 else []
    *first, last = shown + more
    return f"{', '.join(first)} and {last}" if first else last


def _ids(devices: Iterable[KnownDevice]) -> tuple[UUID, ...]:
    return tuple(device.id for device in devices)


# What people make of a find


def device_from(find: Find, id: UUID, name: str = "") -> Device | None:
    """Return the device that a find would be, None where it has no address to be asked at.

    It is pinged, and asked in the ways that it answered.
    """
    if not find.addresses:
        return None
    probes = tuple(_first_of_kind((Probe("icmp"), *find.probes)))
    return Device(id, name or find.name, find.addresses[0], probes)


def _first_of_kind(probes: Iterable[Probe]) -> Iterator[Probe]:
    kinds: set[str] = set()
    for probe in probes:
        if probe.kind not in kinds:
            kinds.add(probe.kind)
            yield probe

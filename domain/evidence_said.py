"""What one device says that has to do with links: its ports, addresses and names, and whom it hears where.

Theory: everything a device can say of another becomes one `Heard`. What it says no more is kept with the time when it was last
so (`with_past`), because a link does not go away with the device at its end; a port that hears somebody new instead has been
plugged anew, and its past is dropped. Counterpart: `evidence_claims.py`, which finds out who is meant.
One rule: text is the device's own; nothing here raises, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.evidence import DAY_US, TRUST, Source
from domain.fact import SOURCE_RANK, Fact
from domain.inventory import Device

PREFIXES = ("interface/", "address/", "neighbour/", "routing/", "wireless_client/", "optic/", "identity")
"""The facts that are read here; others change nothing."""

RADIO_KINDS = frozenset({"wlan", "wifi", "wifiwave2", "cap", "w60g"})
_VIRTUAL_KINDS = frozenset(
    {
        "bridge",
        "vlan",
        "loopback",
        "vrrp",
        "virtual",
        "tunnel",
        "ppp",
        "eoip",
        "gre-tunnel",
        "ipip-tunnel",
        "wg",
    }
    | {"vxlan", "macvlan", "pppoe-out", "pppoe-in", "l2tp-out", "sstp-out", "ovpn-out", "veth", "zerotier"}
)
_VIRTUAL_NAME = re.compile(
    r"(br|bridge|vlan|virbr|docker|lo|loopback|wg|tun|tap|dummy|vrrp|veth)([-_.]?\d|$|-)", re.IGNORECASE
)
_RADIO_NAME = re.compile(r"(wlan|wifi|ath|radio|air)\d*", re.IGNORECASE)
_PROTOCOLS: dict[str, Source] = {"lldp": "lldp", "cdp": "cdp", "mndp": "mndp"}
_UNOWNED_MACS = ("00:00:5E:00:01:", "00:00:5E:00:02:", "00:00:0C:07:AC:", "00:05:73:A0:", "00:00:00:00:00:00")
"""What routers share that stand in for one another (VRRP, HSRP), and none."""


class Port(NamedTuple):
    """One interface, as far as links need it. `bond`: the aggregate whose member it is."""

    mac: str
    kind: str
    alias: str
    bond: str = ""

    @property
    def is_radio(self) -> bool:
        """Whether many may be at its other end."""
        return self.kind in RADIO_KINDS


class Heard(NamedTuple):
    """Who is at a port, in the device's words. `probe`: whose answers confirm it; "" where it was last so `at_us`."""

    sources: tuple[Source, ...]
    probe: str
    interface: str
    mac: str
    address: str
    identity: str
    remote_interface: str
    at_us: int

    @property
    def who(self) -> tuple[str, str, str]:
        """What tells the one that is heard from others of the family."""
        family = TRUST[self.sources[0]].family
        return family, self.mac or self.address, "" if self.mac else self.identity


class Said(msgspec.Struct):
    """One device. `addresses` are its own with their interfaces; None has the one it is asked at, unless it tells that itself."""

    id: UUID
    name: str
    address: str
    identity: str = ""
    ports: dict[str, Port] = {}
    addresses: dict[str, str | None] = {}
    optics: frozenset[str] = frozenset()
    heard: tuple[Heard, ...] = ()
    past: tuple[Heard, ...] = ()
    sightings: tuple[Heard, ...] = ()

    @property
    def macs(self) -> dict[str, list[str]]:
        """Its MACs, each with the interfaces that have it."""
        found: dict[str, list[str]] = {}
        for name, port in self.ports.items():
            if is_own_mac(port.mac):
                found.setdefault(port.mac, []).append(name)
        return found


def is_own_mac(mac: str) -> bool:
    """Tell whether a MAC can belong to one interface: no group's, and none that stand-ins share."""
    return len(mac) == 17 and not mac.startswith(_UNOWNED_MACS) and mac[1] not in "13579BDFbdf"


def read_said(device: Device, facts: Iterable[Fact], sightings: Iterable[Heard] = ()) -> Said:
    """Return what the facts of a device say that has to do with links."""
    said = Said(device.id, device.name, device.address, ports={}, addresses={}, sightings=tuple(sightings))
    if _is_address(device.address):
        said.addresses[device.address] = None
    optics: set[str] = set()
    heard: dict[tuple[str, str, str, str], Heard] = {}
    read = [fact for fact in facts if fact.value is not None and fact.field.startswith(PREFIXES)]
    read.sort(key=lambda fact: (SOURCE_RANK.get(fact.source.partition(":")[0], 9), fact.source, fact.field))
    for fact in read:
        prefix, _, key = fact.field.partition("/")
        value = fact.value
        if prefix == "identity":
            said.identity = said.identity or str(value)
        elif not isinstance(value, Mapping):
            continue
        elif prefix == "interface":
            told = (_text(value, name) for name in ("mac", "kind", "alias", "bond"))
            said.ports.setdefault(key, Port(*told))
        elif prefix == "address":
            own = _text(value, "address")
            said.addresses[own] = said.addresses.get(own) or _text(value, "interface")
        elif prefix == "optic":
            optics.add(key)
        elif (one := _heard(prefix, value, fact)) is not None:
            heard.setdefault((*one.who, one.interface), one)
            _note_protocols(heard, one)
    said.optics = frozenset(optics)
    said.heard = tuple(heard.values())
    return said


def with_past(said: Said, old: Said, last_us: Mapping[str, int], now_us: int) -> Said:
    """Add to what is said now what was said until now and is not any more, unless others took its place.

    `last_us` is when each probe last answered before.
    """
    known = {one._replace(at_us=0): one for one in old.heard}
    said.heard = tuple(known.get(one._replace(at_us=0), one) for one in said.heard)
    ended = [
        one._replace(probe="", at_us=min(now_us, last_us.get(one.probe, one.at_us))) for one in old.heard
    ]
    now = {(one.who, one.interface) for one in said.heard}
    come = now - {(one.who, one.interface) for one in old.heard}
    moved = {who for who, _ in come}
    fresh = {(who[0], interface) for who, interface in come}
    said.past = tuple(
        one
        for one in (one._replace(at_us=min(one.at_us, now_us)) for one in (*old.past, *ended))
        if one.who not in moved
        and (one.who, one.interface) not in now
        and now_us - one.at_us < DAY_US
        and ((one.who[0], one.interface) not in fresh or one.who[0] in ("radio", "layer3"))
    )
    return said


def physical_port(said: Said, told: str) -> str:
    """Return the port that an interface goes through: itself, or what a VLAN lies on; "" where that is not known."""
    for name in told.split(","):
        port = said.ports.get(name)
        if port is None:
            if name and not _VIRTUAL_NAME.match(name):
                return name
            continue
        if port.kind not in _VIRTUAL_KINDS and not _VIRTUAL_NAME.match(name) and "." not in name:
            return name
        parent = name.rpartition(".")[0]
        if parent in said.ports:
            return parent
        if port.kind == "vlan" and (below := port_of_mac(said, port.mac)):
            return below
        if "." in name and port.kind not in _VIRTUAL_KINDS:
            return name
    return ""


def port_of_mac(said: Said, mac: str) -> str:
    """Return the one physical port that has a MAC; "" where that is none or several."""
    names = [
        name
        for name, port in said.ports.items()
        if port.mac == mac and port.kind != "vlan" and "." not in name and not port.bond
    ]
    return names[0] if mac and len(names) == 1 and physical_port(said, names[0]) == names[0] else ""


def match_port(said: Said, told: str) -> str:
    """Return the port of a device that another calls so: its name, alias or MAC, long or short; "" where none is meant.

    Of a device whose ports are not known the words are taken as they are.
    """
    if not told or not said.ports:
        return told
    for name in (told, *re.split(r"[,/]", told)):
        if name in said.ports and (port := physical_port(said, name)):
            return port
    if is_own_mac(told.upper()) and (port := port_of_mac(said, told.upper())):
        return port
    short = _short(told)
    alike = [
        name
        for name, port in said.ports.items()
        if _short(name) == short or (port.alias and port.alias == told)
    ]
    return physical_port(said, alike[0]) if len(alike) == 1 else ""


def is_radio(said: Said | None, name: str) -> bool:
    """Tell whether a port is a radio, at which many may be."""
    port = said.ports.get(name) if said is not None else None
    return port.is_radio if port is not None and port.kind else bool(_RADIO_NAME.match(name))


def _short(name: str) -> str:
    """ "GigabitEthernet0/1" and "Gi0/1" are one: two letters and what comes after the word."""
    found = re.match(r"([A-Za-z]+)[ -]?(\d[\d/.:]*)$", name)
    return f"{found[1][:2].lower()}{found[2]}" if found else name.lower()


def _heard(prefix: str, value: Mapping[str, Any], fact: Fact) -> Heard | None:
    interface, mac, address = (_text(value, name) for name in ("interface", "mac", "address"))
    if prefix == "neighbour":
        told = [_PROTOCOLS[word] for word in _text(value, "heard_by").split(",") if word in _PROTOCOLS]
        sources = tuple(told) or ("mndp" if fact.source.startswith("routeros") else "lldp",)
        return Heard(
            sources,
            fact.source,
            interface,
            mac,
            address,
            _text(value, "identity"),
            _text(value, "remote_interface"),
            fact.at_us,
        )
    if prefix == "wireless_client" and mac:
        return Heard(("wireless",), fact.source, interface, mac, "", "", "", fact.at_us)
    if prefix == "routing" and value.get("is_up") is True and value.get("protocol") in ("ospf", "bgp"):
        peer = _text(value, "peer")
        return Heard((value["protocol"],), fact.source, interface, "", peer, "", "", fact.at_us)
    return None


def _note_protocols(heard: dict[tuple[str, str, str, str], Heard], one: Heard) -> None:
    """Of one that was told twice the first holds; what it leaves out is filled in."""
    key = (*one.who, one.interface)
    first = heard[key]
    if first is not one:
        sources = tuple(dict.fromkeys((*first.sources, *one.sources)))
        heard[key] = first._replace(
            sources=sources,
            address=first.address or one.address,
            remote_interface=first.remote_interface or one.remote_interface,
        )


def _text(value: Mapping[str, Any], name: str) -> str:
    said = value.get(name, "")
    return said if isinstance(said, str) else ""


def _is_address(said: str) -> bool:
    return bool(said) and (said.replace(".", "").isdigit() or ":" in said)

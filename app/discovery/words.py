"""Finds as people read them; no Qt, no clock. Counterpart: `domain/finding.py`.

One rule: what somebody told of itself is shown as its word, what we made of it as ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from app.words import UNKNOWN, age_of, capitalized, clock, count_of, isolated
from domain.finding import Find, Seen
from domain.inventory import DEFAULT_PORT, CredentialKind, Inventory, Probe, probe_word

MATCH_TITLES: dict[str, str] = {
    "duplicate": "Duplicate",
    "moved": "Moved",
    "renamed": "Renamed",
    "new": "New",
}
"""In the order in which they are looked at: what is wrong with the inventory goes first."""
MATCH_HINTS: dict[str, str] = {
    "duplicate": "Two devices of the inventory are one",
    "moved": "A known device, now at another address",
    "renamed": "A known device that calls itself otherwise now",
    "new": "In no inventory yet",
}
SOURCE_TITLES: dict[str, str] = {"sweep": "Sweep", "neighbour": "Neighbours", "mndp": "MNDP"}
CREDENTIAL_WORDS: dict[CredentialKind, str] = {
    "snmp_community": "community",
    "snmp_v3": "SNMPv3 user",
    "routeros_login": "RouterOS login",
    "ssh_login": "SSH login",
    "ssh_key": "SSH key",
}
_PORT_WORDS = {22: "SSH", 80: "HTTP", 443: "HTTPS", 8291: "Winbox", 8728: "API", 8729: "API over TLS"}
_KEY_WORDS = {"serial": "Serial", "mac": "MAC", "engine": "SNMP engine", "address": "Address"}
KEYS_SHOWN, SEEN_SHOWN, ADDRESSES_SHOWN = 8, 6, 8


class Told(NamedTuple):
    """One line of what is known of a find."""

    label: str
    said: str


def what_it_is(find: Find) -> str:
    """Return vendor, board and version, as far as they are known; else what its agent says of itself."""
    vendor = "" if find.board.casefold().startswith(find.vendor.casefold()) else find.vendor
    parts = [part for part in (vendor, find.board, find.version) if part]
    return " ".join(isolated(part) for part in parts) or find.sys_descr or UNKNOWN


def where_it_is(find: Find) -> str:
    """Return its latest address, or its MAC where it has none."""
    return next(iter(find.addresses), "") or next(iter(find.macs), UNKNOWN)


def more_addresses(find: Find) -> str:
    """Return how many addresses it has beside the one that is shown."""
    return f"+{len(find.addresses) - 1}" if len(find.addresses) > 1 else ""


def address_order(find: Find) -> tuple[int, int]:
    """Return what sorts addresses by number; those without one come last."""
    try:
        parsed = ipaddress.ip_address(where_it_is(find))
    except ValueError:
        return (9, 0)
    return parsed.version, int(parsed)


def seen_words(seen: Seen, inventory: Inventory) -> str:
    """Return who saw it: sweep, neighbour of X at ether1, MNDP on eth0."""
    where = isolated(seen.interface)
    if seen.source == "neighbour":
        device = inventory.device(seen.by) if seen.by is not None else None
        by = f"neighbour of {isolated(device.name)}" if device else "neighbour of another find"
        return f"{by}, {where}" if where else by
    if seen.source == "mndp":
        return f"MNDP on {where}" if where else "MNDP"
    return "sweep"


def how_found(find: Find, inventory: Inventory) -> str:
    """Return who saw it last, and how many others did."""
    if not find.sources:
        return UNKNOWN
    said = capitalized(seen_words(find.sources[0], inventory))
    more = len(find.sources) - 1
    return f"{said} +{more}" if more else said


def probe_words(probe: Probe, inventory: Inventory) -> str:
    """Return a way to ask and with which login: SNMP with Field community."""
    usual = not probe.port or probe.port == DEFAULT_PORT[probe.kind]
    said = probe_word(probe.kind) if usual else f"{probe_word(probe.kind)} at port {probe.port}"
    credential = inventory.credential(probe.credential)
    return f"{said} with {isolated(credential.name)}" if credential is not None else said


def answers_to(find: Find, inventory: Inventory) -> str:
    """Return in which ways it answered; else which ports are open."""
    ways = [probe_words(probe, inventory) for probe in find.probes if probe.kind != "icmp"]
    if ways:
        return ", ".join(ways)
    return f"Open: {open_ports(find)}" if find.ports else UNKNOWN


def open_ports(find: Find) -> str:
    """Return the ports that took a connection, by name where they have one."""
    return ", ".join(_PORT_WORDS.get(port, str(port)) for port in find.ports)


def asked_by(find: Find, inventory: Inventory) -> str:
    """Return how it will be asked as a device."""
    ways = [probe_words(probe, inventory) for probe in find.probes if probe.kind != "icmp"]
    return ", ".join(["Ping", *ways])


def why_words(find: Find) -> str:
    """Return what it is to the inventory, as a sentence."""
    title = MATCH_HINTS.get(find.match.kind, find.match.kind)
    return f"{title}: {find.match.words}." if find.match.words else f"{title}."


def key_words(text: str) -> str:
    """Return a key as people read it: Serial HE7A0B."""
    kind, _, value = text.partition(":")
    return f"{_KEY_WORDS.get(kind, kind)} {value}"


def told_of(find: Find, inventory: Inventory, now_us: int) -> Iterator[Told]:
    """Go over all that is known of a find, in the order in which it is asked for."""
    yield Told("Address", where_it_is(find))
    yield Told("Also at", _some(find.addresses[1:], ADDRESSES_SHOWN))
    yield Told("Calls itself", find.identity)
    yield Told("Vendor", find.vendor)
    yield Told("Model", find.board)
    yield Told("Version", find.version)
    ways = [probe_words(probe, inventory) for probe in find.probes]
    for number, way in enumerate(ways):
        yield Told("" if number else "Answers to", way)
    yield Told("Open ports", open_ports(find))
    yield Told("Greeting", find.greeting)
    yield Told("Read over SNMP as", find.profile)
    yield Told("Object id", find.sys_object_id)
    yield Told("Own addresses", _some(find.own_addresses, ADDRESSES_SHOWN))
    for number, seen in enumerate(find.sources[:SEEN_SHOWN]):
        said = f"{capitalized(seen_words(seen, inventory))}, {age_of(seen.at_us, now_us)} ago"
        yield Told("" if number else "Seen by", said)
    if len(find.sources) > SEEN_SHOWN:
        yield Told("", f"and {len(find.sources) - SEEN_SHOWN} more")
    yield Told("First seen", clock(find.first_us, now_us) if find.first_us else "")
    yield Told("Last seen", clock(find.last_us, now_us) if find.last_us else "")
    keys = find.keys.texts
    for number, text in enumerate(keys[:KEYS_SHOWN]):
        yield Told("" if number else "Known by", key_words(text))
    if len(keys) > KEYS_SHOWN:
        yield Told("", f"and {count_of(len(keys) - KEYS_SHOWN, 'more key', 'more keys')}")


def names_of(inventory: Inventory, ids: tuple[UUID, ...]) -> list[tuple[UUID, str]]:
    """Return the devices that are there, with their names."""
    return [(id, device.name) for id in ids if (device := inventory.device(id)) is not None]


def _some(texts: tuple[str, ...], most: int) -> str:
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")

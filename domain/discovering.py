"""What a sweep or a walk is asked to do, and which addresses a range means. Counterpart: `engine/discovery` does it.

A range is "10.0.0.0/24", "10.0.0.1-10.0.0.40", "10.0.0.1-40" or one address; several are separated by commas or white space.
One rule: how much is asked for is counted before anything is listed, and too much is refused with both numbers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from uuid import UUID

import msgspec

from domain.errors import Refusal
from domain.identity import own_address
from domain.inventory import Inventory
from domain.nouns import LOGIN_NOUNS, with_article
from domain.text import clean_text

ADDRESSES_PER_OPERATION = 65_536
RANGES_CAP = 256
RATE_RANGE_PER_S = (1.0, 1_000.0)
DEFAULT_RATE_PER_S = 50.0
CREDENTIALS_CAP = 16
LOGINS_RANGE = (0, 5)
"""How many logins with a password one host may be tried with: more, and routers lock us out."""
DEPTH_RANGE = (1, 32)
WALKED_RANGE = (1, 10_000)
PORTS_CAP = 16

WINBOX, API, API_SSL, SSH, HTTP, HTTPS = 8291, 8728, 8729, 22, 80, 443
FINGERPRINT_PORTS = (WINBOX, API, API_SSL, SSH, HTTP, HTTPS)

DISCOVERY_CREDENTIALS = ("snmp_community", "snmp_v3", "routeros_login")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Span = tuple[int, int, int]
"""(IP version, first, last) as numbers."""


class Asking(msgspec.Struct, frozen=True):
    """How each address is asked, in a sweep and in a walk.

    `credentials` are tried in their order, until one answers; RouterOS logins only where its API is open, and at most
    `logins_per_host` of them. `asks_silent`: an address that answers no ping is asked all the same.
    """

    credentials: tuple[UUID, ...] = ()
    rate_per_s: float = DEFAULT_RATE_PER_S
    logins_per_host: int = 3
    asks_silent: bool = False
    snmp_port: int = 161
    routeros_port: int = API
    ports: tuple[int, ...] = FINGERPRINT_PORTS


class SweepSettings(msgspec.Struct, frozen=True):
    """Which addresses are asked, in text as people write it."""

    ranges: str
    asking: Asking = Asking()


class WalkSettings(msgspec.Struct, frozen=True):
    """From where neighbours are followed: devices of the inventory, or addresses.

    `within` are ranges that are not left; without any, only private addresses are asked: the neighbours of a network's edge
    belong to somebody else. At most `most` addresses are asked.
    """

    devices: tuple[UUID, ...] = ()
    addresses: tuple[str, ...] = ()
    within: str = ""
    depth: int = 4
    most: int = 1_000
    asking: Asking = Asking()


def read_spans(text: str) -> tuple[list[Span], list[Refusal]]:
    """Return what ranges mean, in order, without overlaps; and what is wrong with them."""
    parts = text.replace(",", " ").replace(";", " ").split()
    if len(parts) > RANGES_CAP:
        return [], [_no("ranges", f"at most {RANGES_CAP} ranges expected, got {len(parts)}")]
    spans: list[Span] = []
    wrong: list[Refusal] = []
    for part in parts:
        try:
            spans.append(_span(part))
        except ValueError as error:
            wrong.append(_no("ranges", f"{clean_text(part, 60)!r}: {clean_text(str(error), 120)}"))
    return _joined(spans), wrong


def count_addresses(spans: Iterable[Span]) -> int:
    """Return how many addresses these are."""
    return sum(last - first + 1 for _, first, last in spans)


def is_within(spans: Iterable[Span], address: str) -> bool:
    """Tell whether an address is in one of these."""
    parsed = ipaddress.ip_address(address)
    return any(version == parsed.version and first <= int(parsed) <= last for version, first, last in spans)


def spread_addresses(spans: Iterable[Span]) -> Iterator[str]:
    """Go over all addresses so that neighbours come far apart: first one of each /24, then the next of each."""
    blocks: list[Span] = []
    for version, first, last in spans:
        for start in range(first & ~0xFF, last + 1, 256):
            blocks.append((version, max(first, start), min(last, start + 255)))
    for offset in range(256):
        for version, first, last in blocks:
            number = (first & ~0xFF) + offset
            if first <= number <= last:
                yield str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))


def sweep_refusals(inventory: Inventory, settings: SweepSettings) -> Iterator[Refusal]:
    """Yield what is wrong with a sweep."""
    spans, wrong = read_spans(settings.ranges)
    yield from wrong
    if not spans and not wrong:
        yield Refusal(
            "MISSING_REQUIRED_FIELD", "a range of addresses is needed, such as 10.0.0.0/24", "ranges"
        )
    count = count_addresses(spans)
    if count > ADDRESSES_PER_OPERATION:
        said = f"{count:,} addresses, at most {ADDRESSES_PER_OPERATION:,} go in one sweep: split the ranges"
        yield _no("ranges", said)
    yield from _asking_refusals(inventory, settings.asking)


def walk_refusals(inventory: Inventory, settings: WalkSettings) -> Iterator[Refusal]:
    """Yield what is wrong with a walk."""
    if not settings.devices and not settings.addresses:
        yield Refusal("MISSING_REQUIRED_FIELD", "a device or an address to begin at is needed", "devices")
    for id in settings.devices:
        if inventory.device(id) is None:
            yield Refusal("DEVICE_NOT_FOUND", f"there is no device {id}", "devices", id)
    for address in settings.addresses:
        if own_address(address) != address:
            yield _no("addresses", f"an address expected, got {clean_text(address, 60)!r}")
    yield from (
        msgspec.structs.replace(refusal, field="within") for refusal in read_spans(settings.within)[1]
    )
    for field, value, (low, high) in (
        ("depth", settings.depth, DEPTH_RANGE),
        ("most", settings.most, WALKED_RANGE),
    ):
        if not low <= value <= high:
            yield _no(field, f"{low} to {high} expected, got {value}")
    yield from _asking_refusals(inventory, settings.asking)


def _asking_refusals(inventory: Inventory, asking: Asking) -> Iterator[Refusal]:
    low_per_s, high_per_s = RATE_RANGE_PER_S
    if not low_per_s <= asking.rate_per_s <= high_per_s:
        said = f"{low_per_s:g} to {high_per_s:g} addresses a second expected, got {asking.rate_per_s:g}"
        yield _no("rate_per_s", said)
    low, high = LOGINS_RANGE
    if not low <= asking.logins_per_host <= high:
        yield _no("logins_per_host", f"{low} to {high} expected, got {asking.logins_per_host}")
    if len(asking.credentials) > CREDENTIALS_CAP:
        said = f"at most {CREDENTIALS_CAP} credentials expected, got {len(asking.credentials)}"
        yield _no("credentials", said)
    for id in asking.credentials[:CREDENTIALS_CAP]:
        credential = inventory.credential(id)
        if credential is None:
            yield Refusal("CREDENTIAL_NOT_FOUND", f"there is no credential {id}", "credentials", id)
        elif credential.kind not in DISCOVERY_CREDENTIALS:
            got = with_article(LOGIN_NOUNS[credential.kind].one)
            said = f"a community, an SNMPv3 user or a RouterOS login expected, {credential.name!r} is {got}"
            yield _no("credentials", said)
    if len(asking.ports) > PORTS_CAP:
        yield _no("ports", f"at most {PORTS_CAP} ports expected, got {len(asking.ports)}")
    for port in (*asking.ports[:PORTS_CAP], asking.snmp_port, asking.routeros_port):
        if not 1 <= port <= 65_535:
            yield _no("ports", f"a port from 1 to 65535 expected, got {port}")


def _no(field: str, said: str) -> Refusal:
    return Refusal("INVALID_INPUT", said, field)


def _span(part: str) -> Span:
    """Return what one range means. Raises ValueError with what is wrong in words."""
    if "/" in part:
        network = ipaddress.ip_network(part, strict=False)
        _check(network.network_address)
        first, last = int(network.network_address), int(network.broadcast_address)
        if network.version == 4 and network.prefixlen < 31:  # the network's own and its broadcast address
            first, last = first + 1, last - 1
        elif network.version == 6 and network.prefixlen < 127:  # the routers' anycast address
            first += 1
        return network.version, first, last
    low, dash, high = part.partition("-")
    start = ipaddress.ip_address(low)
    _check(start)
    if not dash:
        return start.version, int(start), int(start)
    if high.isdecimal() and start.version == 4:
        high = f"{low.rpartition('.')[0]}.{high}"
    end = ipaddress.ip_address(high)
    _check(end)
    if end.version != start.version or int(end) < int(start):
        raise ValueError("a range from a lower to a higher address expected")
    return start.version, int(start), int(end)


def _check(address: Address) -> None:
    is_reserved = address.version == 4 and address.is_reserved
    if address.is_multicast or address.is_unspecified or address.is_link_local or is_reserved:
        raise ValueError("no address of a device is in it")


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for version, first, last in sorted(spans):
        if joined and joined[-1][0] == version and first <= joined[-1][2] + 1:
            joined[-1] = (version, joined[-1][1], max(joined[-1][2], last))
        else:
            joined.append((version, first, last))
    return joined

"""Who is meant by what devices hear: claims, "my port leads to that device". Counterpart: `evidence_said.py`, the words.

Theory: a directory of all MACs, addresses and names finds the device. A MAC says more than an address, which many routers
share (192.168.88.1), and an address more than a name; what two devices own names nobody. A forwarding table shows all that lies
behind a port, and only the nearest is at its other end: where a protocol of discovery tells who that is, the table adds its word
for the same; else it is the one device that no other of them stands before.
One rule: a claim is about two devices of the inventory; whom nobody knows is for discovery.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from domain.evidence import Source
from domain.evidence_said import Heard, Said, is_own_mac, match_port, physical_port, port_of_mac

_USUAL_NAMES = frozenset(
    {"", "mikrotik", "router", "switch", "localhost", "ubnt", "ubiquiti", "openwrt", "lede"}
)
_BROADCAST = ("lldp", "cdp", "mndp")
_NEAR = (*_BROADCAST, "wireless")


class Claim(NamedTuple):
    """`by` says that its port `own` leads to `peer`, at its port `far` ("": not told). `said` is the interface as it was told.

    `probe` is whose answers confirm it, "" where it was last so `at_us`.
    """

    by: UUID
    own: str
    said: str
    peer: UUID
    far: str
    sources: tuple[Source, ...]
    probe: str
    at_us: int
    detail: str
    crowd: int = 1

    @property
    def is_near(self) -> bool:
        """Tell whether it says who is at the other end, and not somewhere behind it."""
        return self.sources[0] in _NEAR


class Directory:
    """Whose a MAC, an address or a name is, and which devices speak of it."""

    def __init__(self) -> None:
        self._owners: dict[str, tuple[UUID, ...]] = {}
        self._speakers: dict[str, tuple[UUID, ...]] = {}
        self.said: dict[UUID, Said] = {}

    def change(self, id: UUID, new: Said | None) -> set[str]:
        """Take up what a device says now, None where it is gone; return the keys whose owners changed."""
        old = self.said.get(id)
        had, has = set(_owned(old)), set(_owned(new))
        for key in had - has:
            _take(self._owners, key, id)
        for key in has - had:
            self._owners[key] = tuple(sorted((*self._owners.get(key, ()), id)))
        spoke, speaks = set(_spoken(old)), set(_spoken(new))
        for key in spoke - speaks:
            _take(self._speakers, key, id)
        for key in speaks - spoke:
            self._speakers[key] = (*self._speakers.get(key, ()), id)
        if new is None:
            self.said.pop(id, None)
        else:
            self.said[id] = new
        return had ^ has

    def owners(self, key: str) -> tuple[UUID, ...]:
        """Return whose a MAC, an address, or a name written "=name" is."""
        return self._owners.get(key, ())

    def speakers(self, key: str) -> tuple[UUID, ...]:
        """Return who speaks of it."""
        return self._speakers.get(key, ())

    def find(self, one: Heard, by: UUID) -> UUID | None:
        """Return who is heard, None where that is nobody known, or not certain."""
        if one.peer is not None:
            return one.peer if one.peer in self.said and one.peer != by else None
        of_mac = self._others(one.mac, by) if is_own_mac(one.mac) else ()
        if len(of_mac) == 1:
            return of_mac[0]
        of_address = self._others(one.address, by)
        if of_mac:
            both = [id for id in of_mac if id in of_address]
            return both[0] if len(both) == 1 else None
        if len(of_address) == 1 and self._may_be(one, of_address[0]):
            return of_address[0]
        named = self._others(_name_key(one.identity), by) if one.identity else ()
        return named[0] if len(named) == 1 else None

    def _others(self, key: str, by: UUID) -> tuple[UUID, ...]:
        return tuple(id for id in self._owners.get(key, ()) if id != by) if key else ()

    def _may_be(self, one: Heard, id: UUID) -> bool:
        """A MAC that the owner of the address does not have tells that it is another, with an address that many have."""
        said = self.said[id]
        return not one.mac or one.address == said.address or not said.ports


def direct_claims(said: Said, directory: Directory) -> dict[UUID, tuple[Claim, ...]]:
    """Return what a device claims of others by all but its forwarding table, by whom it is about."""
    found: dict[UUID, list[Claim]] = {}
    arp = (one for one in said.sightings if one.sources == ("arp",))
    for one in (*said.heard, *said.past, *arp):
        peer = directory.find(one, said.id)
        if peer is not None:
            found.setdefault(peer, []).append(_claim(said, directory.said[peer], one))
    return {peer: tuple(left) for peer, claims in found.items() if (left := _uncrowded(claims, found))}


def _uncrowded(claims: list[Claim], found: dict[UUID, list[Claim]]) -> list[Claim]:
    """Of broadcasts, which go through switches: none where LLDP tells who is at the port, else one among others."""
    left: list[Claim] = []
    for claim in claims:
        if not claim.own or not claim.probe or "lldp" in claim.sources or claim.sources[0] not in _BROADCAST:
            left.append(claim)
            continue
        at_port = [one for some in found.values() for one in some if one.own == claim.own and one.probe]
        if not any("lldp" in one.sources and one.peer != claim.peer for one in at_port):
            crowd = len({one.peer for one in at_port if one.sources[0] in _BROADCAST})
            left.append(claim._replace(crowd=crowd))
    return left


def _claim(said: Said, peer: Said, one: Heard) -> Claim:
    far = match_port(peer, one.remote_interface)
    if not far and one.mac and one.sources[0] not in ("ospf", "bgp", "arp"):
        far = port_of_mac(peer, one.mac)
    own = physical_port(said, one.interface)
    detail = _detail(one)
    return Claim(said.id, own, one.interface, peer.id, far, one.sources, one.probe, one.at_us, detail)


def _detail(one: Heard) -> str:
    if one.sources[0] in _NEAR:
        return " ".join(filter(None, (one.identity or one.mac or one.address, one.remote_interface)))
    return one.address or one.mac


# ---- forwarding tables


Behind = dict[str, dict[UUID, Heard]]
"""By port, the known devices that a forwarding table shows there."""


def behind_ports(said: Said, directory: Directory) -> Behind:
    """Return which devices are behind the ports of one; of several MACs of one device the one seen last counts."""
    newest: dict[UUID, Heard] = {}
    for one in said.sightings:
        if one.sources != ("fdb",):
            continue
        peer = directory.find(one, said.id)
        if peer is not None and (
            peer not in newest or (one.at_us, one.mac) > (newest[peer].at_us, newest[peer].mac)
        ):
            newest[peer] = one
    found: Behind = {}
    for peer, one in newest.items():
        port = physical_port(said, one.interface)
        if port:
            found.setdefault(port, {})[peer] = one
    return found


def nearest_claims(
    said: Said,
    directory: Directory,
    behind: Mapping[UUID, Behind],
    near: Mapping[UUID, Mapping[UUID, tuple[Claim, ...]]],
    near_of: Iterable[UUID],
) -> dict[UUID, Claim]:
    """Return what the forwarding table of a device claims: of each port the nearest device, where that is certain.

    `behind` and `near` are what all devices show and directly claim; `near_of` is who claims something of this one.
    """
    found: dict[UUID, Claim] = {}
    at_port: dict[str, set[UUID]] = {}
    for port, peer in _near_ports(said.id, near, near_of):
        at_port.setdefault(port, set()).add(peer)
    for port, seen in behind.get(said.id, {}).items():
        told = at_port.get(port)
        if told:
            chosen = [peer for peer in seen if peer in told]
        else:
            chosen = [
                peer for peer in seen if not any(_is_before(other, peer, said.id, behind) for other in seen)
            ]
            chosen = chosen if len(chosen) == 1 else []
        for peer in chosen:
            one = seen[peer]
            far = port_of_mac(directory.said[peer], one.mac)
            detail = f"{one.mac} and no nearer device behind this port"
            found[peer] = Claim(said.id, port, one.interface, peer, far, ("fdb",), "", one.at_us, detail)
    return found


def _near_ports(
    id: UUID, near: Mapping[UUID, Mapping[UUID, tuple[Claim, ...]]], near_of: Iterable[UUID]
) -> Iterator[tuple[str, UUID]]:
    for peer, claims in near.get(id, {}).items():
        yield from ((claim.own, peer) for claim in claims if claim.is_near and claim.own)
    for peer in near_of:
        for claim in near.get(peer, {}).get(id, ()):
            if claim.is_near and claim.far:
                yield claim.far, peer


def _is_before(other: UUID, peer: UUID, seer: UUID, behind: Mapping[UUID, Behind]) -> bool:
    """Tell whether `other` stands between: it sees `peer` at another port than the one who sees both."""
    ports = behind.get(other, {})
    to_seer = {port for port, seen in ports.items() if seer in seen}
    to_peer = {port for port, seen in ports.items() if peer in seen}
    return other != peer and bool(to_seer and to_peer) and to_peer.isdisjoint(to_seer)


def _owned(said: Said | None) -> Iterator[str]:
    if said is None:
        return
    yield _id_key(said.id)
    yield from said.macs
    yield from said.addresses
    for name in (said.identity, said.name):
        if name.lower() not in _USUAL_NAMES:
            yield _name_key(name)


def _spoken(said: Said | None) -> Iterator[str]:
    if said is None:
        return
    for one in (*said.heard, *said.past, *said.sightings):
        name, peer = one.identity and _name_key(one.identity), one.peer and _id_key(one.peer)
        yield from filter(None, (one.mac, one.address, name, peer))


def _id_key(id: UUID) -> str:
    return f"#{id}"


def _name_key(name: str) -> str:
    return f"={name.lower()}"


def _take(table: dict[str, tuple[UUID, ...]], key: str, id: UUID) -> None:
    left = tuple(other for other in table[key] if other != id)
    if left:
        table[key] = left
    else:
        del table[key]

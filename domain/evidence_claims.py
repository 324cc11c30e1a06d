"""Who is meant by what devices hear: claims, "my port leads to that device". Counterpart: `evidence_said.py`, the words.

Theory: a directory of all MACs, addresses and names finds the device. A MAC says more than an address, which many routers
share (192.168.88.1), and an address more than a name; what two devices own names nobody. A forwarding table shows all that lies
behind a port, and only the nearest is at its other end: where a protocol of discovery tells who that is, the table adds its word
for the same; else it is the one device that no other of them stands before.
One rule: a claim is about two devices of the inventory; whom nobody knows is for discovery. In a bridged network hundreds hear
and own the same, so nothing here goes through all owners of a key, or holds each device of a port against each.
"""

from __future__ import annotations

from bisect import bisect_left
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


_CROWD = 3
"""Of more owners one more or less tells nobody apart, whoever of them asks."""


class Directory:
    """Whose a MAC, an address or a name is, and which devices speak of it."""

    def __init__(self) -> None:
        self._owners: dict[str, tuple[UUID, ...]] = {}
        self._speakers: dict[str, tuple[UUID, ...]] = {}
        self.said: dict[UUID, Said] = {}

    def change(self, id: UUID, new: Said | None) -> tuple[set[str], set[UUID]]:
        """Take up what a device says now, None where it is gone; return whose keys changed, and who may mean others now."""
        old = self.said.get(id)
        had, has = set(_owned(old)), set(_owned(new))
        for table, before, after in (
            (self._owners, had, has),
            (self._speakers, set(_spoken(old)), set(_spoken(new))),
        ):
            for key in before - after:
                _take(table, key, id)
            for key in after - before:
                _add(table, key, id)
        if new is None:
            self.said.pop(id, None)
        else:
            self.said[id] = new
        macs = {mac for said in (old, new) if said is not None for mac in said.macs}
        return had ^ has, self._concerned(had ^ has, had | has, macs)

    def _concerned(self, changed: Iterable[str], every: set[str], macs: set[str]) -> set[UUID]:
        """Return for whom it counts that keys have other owners; of a crowd only for who tells a shared MAC and an address."""
        found: set[UUID] = set()
        for key in changed:
            speakers = self._speakers.get(key, ())
            if len(self.owners(key)) <= _CROWD:
                found.update(speakers)
            elif not key.startswith("="):
                others = every - macs if key in macs else {mac for mac in macs if len(self.owners(mac)) > 1}
                for other in others:
                    found.update(set(speakers).intersection(self._speakers.get(other, ())))
        return found

    def owners(self, key: str) -> tuple[UUID, ...]:
        """Return whose a MAC, an address, or a name written "=name" is."""
        return self._owners.get(key, ())

    def find(self, one: Heard, by: UUID) -> UUID | None:
        """Return who is heard, None where that is nobody known, or not certain."""
        mac = one.mac if is_own_mac(one.mac) else ""
        of_mac = self._others(mac, by)
        if len(of_mac) == 1:
            return of_mac[0]
        if of_mac:
            owners = self.owners(one.address) if one.address else ()
            both = [id for id in self.owners(mac) if id != by and _has(owners, id)]
            return both[0] if len(both) == 1 else None
        of_address = self._others(one.address, by)
        if len(of_address) == 1 and self._may_be(one, of_address[0]):
            return of_address[0]
        named = self._others(_name_key(one.identity), by) if one.identity else ()
        return named[0] if len(named) == 1 else None

    def _others(self, key: str, by: UUID) -> tuple[UUID, ...]:
        """Return whose a key is beside one's own, of a crowd only as many as tell that it is one."""
        return tuple(id for id in self._owners.get(key, ())[:_CROWD] if id != by) if key else ()

    def _may_be(self, one: Heard, id: UUID) -> bool:
        """A MAC that the owner of the address does not have tells that it is another, with an address that many have."""
        said = self.said[id]
        return not one.mac or one.address == said.address or not said.ports


def direct_claims(said: Said, directory: Directory) -> dict[UUID, tuple[Claim, ...]]:
    """Return what a device claims of others by all but its forwarding table, by whom it is about."""
    found: dict[UUID, list[Claim]] = {}
    at_port: dict[str, tuple[set[UUID], set[UUID]]] = {}
    arp = (one for one in said.sightings if one.sources == ("arp",))
    for one in (*said.heard, *said.past, *arp):
        peer = directory.find(one, said.id)
        if peer is None:
            continue
        claim = _claim(said, directory.said[peer], one)
        found.setdefault(peer, []).append(claim)
        if claim.probe:
            by_lldp, by_broadcast = at_port.setdefault(claim.own, (set(), set()))
            if "lldp" in claim.sources:
                by_lldp.add(peer)
            if claim.sources[0] in _BROADCAST:
                by_broadcast.add(peer)
    return {peer: left for peer, claims in found.items() if (left := tuple(_uncrowded(claims, at_port)))}


def _uncrowded(
    claims: Iterable[Claim], at_port: Mapping[str, tuple[set[UUID], set[UUID]]]
) -> Iterator[Claim]:
    """Of broadcasts, which go through switches: none where LLDP tells who is at the port, else one among others."""
    for claim in claims:
        if not claim.own or not claim.probe or "lldp" in claim.sources or claim.sources[0] not in _BROADCAST:
            yield claim
            continue
        by_lldp, by_broadcast = at_port[claim.own]
        if by_lldp <= {claim.peer}:
            yield claim._replace(crowd=len(by_broadcast))


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


class Behind(NamedTuple):
    """The known devices that a forwarding table shows: at which port each is, and all of each port."""

    at: dict[UUID, tuple[str, Heard]]
    ports: dict[str, set[UUID]]


NOBODY = Behind({}, {})


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
    found = Behind({}, {})
    for peer, one in newest.items():
        port = physical_port(said, one.interface)
        if port:
            found.at[peer] = port, one
            found.ports.setdefault(port, set()).add(peer)
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
    shown = behind.get(said.id, NOBODY)
    for port, seen in shown.ports.items():
        told = at_port.get(port)
        for peer in seen & told if told else _nearest(said.id, seen, behind):
            one = shown.at[peer][1]
            far = port_of_mac(directory.said[peer], one.mac)
            detail = f"{one.mac} and no nearer device behind this port"
            found[peer] = Claim(said.id, port, one.interface, peer, far, ("fdb",), "", one.at_us, detail)
    return found


def _nearest(seer: UUID, seen: set[UUID], behind: Mapping[UUID, Behind]) -> set[UUID]:
    """Return the one behind a port before whom no other stands: who sees both at two ports stands between; else nobody."""
    left = set(seen)
    for other in seen:
        shown = behind.get(other, NOBODY)
        towards = shown.at.get(seer)
        if towards is None:
            continue
        for port, those in shown.ports.items():
            if port != towards[0]:
                left -= those
        if not left:
            break
    return left if len(left) == 1 else set()


def _near_ports(
    id: UUID, near: Mapping[UUID, Mapping[UUID, tuple[Claim, ...]]], near_of: Iterable[UUID]
) -> Iterator[tuple[str, UUID]]:
    for peer, claims in near.get(id, {}).items():
        yield from ((claim.own, peer) for claim in claims if claim.is_near and claim.own)
    for peer in near_of:
        for claim in near.get(peer, {}).get(id, ()):
            if claim.is_near and claim.far:
                yield claim.far, peer


def _owned(said: Said | None) -> Iterator[str]:
    if said is None:
        return
    yield from said.macs
    yield from said.addresses
    for name in (said.identity, said.name):
        if name.lower() not in _USUAL_NAMES:
            yield _name_key(name)


def _spoken(said: Said | None) -> Iterator[str]:
    if said is None:
        return
    for one in (*said.heard, *said.past, *said.sightings):
        yield from filter(None, (one.mac, one.address, one.identity and _name_key(one.identity)))


def _name_key(name: str) -> str:
    return f"={name.lower()}"


def _add(table: dict[str, tuple[UUID, ...]], key: str, id: UUID) -> None:
    """Put one in its place; a tuple, for nearly all have one member and there are hundreds of thousands."""
    has = table.get(key, ())
    place = bisect_left(has, id)
    table[key] = (*has[:place], id, *has[place:])


def _take(table: dict[str, tuple[UUID, ...]], key: str, id: UUID) -> None:
    has = table[key]
    place = bisect_left(has, id)
    left = has[:place] + has[place + 1 :]
    if left:
        table[key] = left
    else:
        del table[key]


def _has(ids: tuple[UUID, ...], id: UUID) -> bool:
    place = bisect_left(ids, id)
    return place < len(ids) and ids[place] == id

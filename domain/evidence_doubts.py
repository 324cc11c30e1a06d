"""What devices say that cannot be so, or not together with what people drew. Counterpart: `evidence_fusion.py`, which asks.

Only fresh words of discovery and radios count: a port that was silent for a while contradicts nothing. At a radio there may be
many, so that one who is missing there is no contradiction unless he is somewhere else.
One rule: a contradiction says who says what, and what was expected; it changes nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from domain.evidence import Contradiction, ContradictionKind, Evidence, contradiction_id, timeless_words
from domain.evidence_claims import Claim, Directory
from domain.evidence_said import Said, is_radio, physical_port
from domain.inventory import Link

MOST_NAMED = 4
"""More devices than these are not all named in words."""


class Face(NamedTuple):
    """Who is at a port of a device, fresh, and when that was last said."""

    port: str
    peer: UUID
    claim: Claim
    at_us: int


Faces = Callable[[UUID], Sequence[Face]]


class Doubts:
    """The contradictions that hold, in groups: those of one link, one device's ports, one key."""

    def __init__(self) -> None:
        self.held: dict[UUID, Contradiction] = {}
        self._groups: dict[object, dict[UUID, Contradiction]] = {}

    def hold(self, group: object, found: Iterable[Contradiction]) -> tuple[list[Contradiction], list[UUID]]:
        """Take what holds of a group now; return what of it is news, and the ids of what is settled."""
        was, new = self._groups.pop(group, {}), {one.id: one for one in found}
        for id in was.keys() & new.keys():
            if timeless_words(was[id]) == timeless_words(new[id]):
                new[id] = was[id]
        if new:
            self._groups[group] = new
        settled = [id for id in was if id not in new]
        for id in settled:
            del self.held[id]
        self.held |= new
        return [one for id, one in new.items() if one is not was.get(id)], settled


def link_doubt(link: Link, said: Mapping[UUID, Said], faces: Faces) -> Contradiction | None:
    """Return what contradicts a link by hand: its ports hear others, and not each other."""
    ends = ((link.a, link.a_interface, link.b), (link.b, link.b_interface, link.a))
    others: list[list[Face]] = []
    for device, port, other in ends:
        at_port = [face for face in faces(device) if port and face.port in (port, "")]
        if any(face.peer == other for face in at_port):
            return None
        others.append([face for face in at_port if face.port])
    heard = [(*end[:2], some) for end, some in zip(ends, others, strict=True) if some]
    if not heard or (len(heard) == 1 and is_radio(said.get(heard[0][0]), heard[0][1])):
        return None
    kind: ContradictionKind = "elsewhere" if len(heard) == 2 else "other_neighbour"
    words = "; ".join(f"{_at(said, device, port)} hears {_who(said, some)}" for device, port, some in heard)
    expected = f"the link says {_at(said, link.a, link.a_interface)} - {_at(said, link.b, link.b_interface)}"
    every = [face for _, _, some in heard for face in some]
    devices = (link.a, link.b, *sorted({face.peer for face in every} - {link.a, link.b}))
    about = _About((link.id,), devices, f"{words}, but {expected}")
    return _contradiction(kind, (link.id,), about, every)


def port_doubts(id: UUID, said: Mapping[UUID, Said], faces: Faces) -> list[Contradiction]:
    """Return the ports of a device at which LLDP, which goes through no switch, hears more than one."""
    at_port: dict[str, list[Face]] = {}
    for face in faces(id):
        is_own = face.claim.by == id and face.claim.probe and "lldp" in face.claim.sources
        if is_own and face.port and not is_radio(said.get(id), face.port):
            at_port.setdefault(face.port, []).append(face)
    found: list[Contradiction] = []
    for port, some in sorted(at_port.items()):
        peers = sorted({face.peer for face in some})
        if len(peers) > 1:
            words = f"{_at(said, id, port)} hears {_who(said, some)} by LLDP, and a port has one other end"
            about = _About((), (id, *peers), words)
            found.append(_contradiction("two_neighbours", (id, port), about, some))
    return found


def key_doubt(key: str, directory: Directory) -> Contradiction | None:
    """Return what contradicts a MAC or an address that several devices call their own."""
    owners = directory.owners(key)
    if len(owners) < 2 or key.startswith("="):
        return None
    is_mac = len(key) == 17 and key.count(":") == 5
    ids = _with_mac(key, owners, directory) if is_mac else _with_address(key, owners, directory)
    if len(ids) < 2:
        return None
    kind: ContradictionKind = "mac_twice" if is_mac else "address_twice"
    what = "the MAC" if is_mac else "the address"
    about = _About((), tuple(ids), f"{_names(directory.said, ids)} all say that {what} {key} is theirs")
    return _contradiction(kind, (key,), about, ())


def _with_mac(mac: str, owners: Iterable[UUID], directory: Directory) -> list[UUID]:
    """MACs that software makes up are often the same; those of ports are not."""
    if mac[1] in "2367ABEFabef":
        return []
    said = directory.said
    return [
        id
        for id in owners
        if any(physical_port(said[id], name) == name for name in said[id].macs.get(mac, ()))
    ]


def _with_address(address: str, owners: Sequence[UUID], directory: Directory) -> list[UUID]:
    """Routers are full of addresses that others have too; those that we ask at, and those of the world, are one's own."""
    said = directory.said
    told = [id for id in owners if said[id].addresses.get(address) is not None]
    asked = [id for id in owners if said[id].address == address]
    ip = ipaddress.ip_address(address) if _is_ip(address) else None
    if ip is None or ip.is_loopback or not told:
        return []
    if len(asked) == 1 and any(id not in asked for id in told):
        return sorted({*asked, *told})
    is_shared = any(_is_stand_in(said[id], address) for id in told)
    return list(told) if ip.is_global and len(told) == 2 and not is_shared else []


def _is_stand_in(said: Said, address: str) -> bool:
    """VRRP has the address on several routers, and so it should."""
    name = said.addresses.get(address) or ""
    port = said.ports.get(name)
    return name.lower().startswith(("vrrp", "lo")) or (port is not None and port.kind in ("vrrp", "loopback"))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class _About(NamedTuple):
    links: tuple[UUID, ...]
    devices: tuple[UUID, ...]
    words: str


def _contradiction(
    kind: ContradictionKind, key: tuple[object, ...], about: _About, faces: Iterable[Face]
) -> Contradiction:
    evidence = sorted(
        {
            Evidence(source, face.claim.by, face.claim.said, face.at_us, face.claim.detail)
            for face in faces
            for source in face.claim.sources
        },
        key=lambda one: (one.said_by, one.interface, one.source, one.detail, one.at_us),
    )
    at_us = max((one.at_us for one in evidence), default=0)
    return Contradiction(contradiction_id(kind, *key), kind, *about, at_us, tuple(evidence))


def _at(said: Mapping[UUID, Said], id: UUID, port: str) -> str:
    name = said[id].name if id in said else "a device that is gone"
    return f"{port} of {name}" if port else name


def _who(said: Mapping[UUID, Said], faces: Iterable[Face]) -> str:
    return _names(said, {face.peer for face in faces})


def _names(said: Mapping[UUID, Said], ids: Iterable[UUID]) -> str:
    names = sorted(said[id].name for id in ids if id in said)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more

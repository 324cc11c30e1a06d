"""Devices that say whom they hear, in a few words, and what is fused of it. Counterpart: `test_evidence*.py`."""

from __future__ import annotations

from uuid import UUID

from domain.evidence import Contradiction, DerivedLink
from domain.evidence_fusion import Fusion
from domain.evidence_said import Heard, Port, Said
from domain.inventory import Link

NOW_US = 2_000_000_000_000_000
MINUTE_US = 60_000_000
A, B, C, D = (UUID(int=number) for number in (1, 2, 3, 4))
VANTAGE = UUID(int=99)


def mac(id: UUID, port: str) -> str:
    return f"48:8F:5A:00:{id.int:02X}:{int(port[-1]):02X}"


def said(id: UUID, *heard: Heard, kinds: dict[str, str] | None = None, fdb: tuple[Heard, ...] = ()) -> Said:
    """A device R1, R2... with three ports e1, e2, e3, and what it hears."""
    ports = {name: Port(mac(id, name), (kinds or {}).get(name, "ether"), "") for name in ("e1", "e2", "e3")}
    address = f"10.0.0.{id.int}"
    return Said(id, f"R{id.int}", address, f"R{id.int}", ports, {address: "e1"}, heard=heard, sightings=fdb)


def hears(source: str, own: str, who: UUID, far: str = "e1", *, port: str | None = None) -> Heard:
    """`own` hears the port `far` of another, which tells its name as `port` (None: it does)."""
    told = far if port is None else port
    return Heard((source,), "p", own, mac(who, far), f"10.0.0.{who.int}", f"R{who.int}", told, NOW_US)  # type: ignore[arg-type]


def peers(source: str, own: str, who: UUID) -> Heard:
    return Heard((source,), "p", own, "", f"10.0.0.{who.int}", "", "", NOW_US)  # type: ignore[arg-type]


def sees(own: str, who: UUID, far: str = "e1", at_us: int = NOW_US) -> Heard:
    return Heard(("fdb",), "", own, mac(who, far), "", "", "", at_us)


def fuse(*saids: Said, links: tuple[Link, ...] = (), now_us: int = NOW_US) -> Fusion:
    fusion = Fusion()
    for link in links:
        fusion.put_link(link)
    for one in saids:
        fusion.put(one)
    fusion.turn(now_us)
    return fusion


def ends(fusion: Fusion) -> dict[tuple[UUID, str, UUID, str], float]:
    return {(one.a, one.a_interface, one.b, one.b_interface): one.score for one in fusion.links.values()}


def only(fusion: Fusion) -> DerivedLink:
    (link,) = fusion.links.values()
    return link


def doubts(fusion: Fusion) -> list[Contradiction]:
    return sorted(fusion.contradictions.values(), key=lambda one: one.kind)

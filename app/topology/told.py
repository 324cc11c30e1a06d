"""Links that devices tell of, in words: who says so and how sure that is. No Qt.

Counterpart: `domain/evidence.py`. One rule: a score is never said without who is behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from app.draft import new_id
from app.model import Model
from app.words import BETWEEN, isolated
from domain.evidence import HALF_STEPS, TRUST, DerivedLink, Evidence, steps_faded
from domain.fact import best
from domain.inventory import Link

SOURCE_WORDS = {
    "lldp": "LLDP",
    "cdp": "CDP",
    "mndp": "MNDP",
    "wireless": "Radio registration",
    "fdb": "Forwarding table",
    "ospf": "OSPF",
    "bgp": "BGP",
    "arp": "ARP",
    "manual": "By hand",
}
_OVER = {
    "lldp": "over LLDP",
    "cdp": "over CDP",
    "mndp": "over MNDP",
    "wireless": "by radio registration",
    "fdb": "in the forwarding table",
    "ospf": "over OSPF",
    "bgp": "over BGP",
    "arp": "in the ARP table",
}
NOBODY = "Drawn by hand. No device tells of it."
_ORDER = tuple(TRUST)


class Side(NamedTuple):
    """A link as it is seen from one of its ends."""

    device: UUID
    port: str
    far: UUID
    far_port: str


def sides(link: Link | DerivedLink) -> tuple[Side, Side]:
    """Return a link as each of its ends sees it."""
    return (
        Side(link.a, link.a_interface, link.b, link.b_interface),
        Side(link.b, link.b_interface, link.a, link.a_interface),
    )


def name_of_device(model: Model, id: UUID) -> str:
    """Return a device's name as it stands inside a line."""
    device = model.inventory.device(id)
    return isolated(device.name) if device is not None else "a deleted device"


def name_of_told(model: Model, told: DerivedLink) -> str:
    """Return what a link that devices tell of is called: its two ends."""
    return BETWEEN.join((name_of_device(model, told.a), name_of_device(model, told.b)))


def ports_words(a: str, b: str) -> str:
    """Return two ports, a question mark for one that nobody tells; empty where both are not told."""
    return f"{a or '?'}{BETWEEN}{b or '?'}" if a or b else ""


def at_port(port: str, device: str) -> str:
    """Return where a port is: sfp1 of Hilltop 4."""
    return f"{isolated(port)} of {device}" if port else device


def pct_words(score: float) -> str:
    """Return a score in per cent; 100 is said of nothing but certainty."""
    pct = int(score * 100 + 1e-6)
    return f"{pct} %" if pct or not score else "<1 %"


def is_old(evidence: Evidence, now_us: int) -> bool:
    """Tell whether a witness has been silent for so long that its word counts half or less."""
    is_witness = evidence.source != "manual"
    return is_witness and steps_faded(evidence.source, evidence.at_us, now_us) >= HALF_STEPS


def score_words(model: Model, told: DerivedLink, now_us: int) -> str:
    """Return who tells of a link and how sure it is: Seen by both ends over LLDP, 98 %."""
    heard = [one for one in told.evidence if one.source != "manual"]
    fresh = [one for one in heard if not is_old(one, now_us)]
    said = _seen_words(model, told, fresh or heard)
    return f"{'Seen' if fresh else 'Was seen'} {said}, {pct_words(told.score)}"


def _seen_words(model: Model, told: DerivedLink, evidence: Sequence[Evidence]) -> str:
    by: dict[str, set[UUID]] = {}
    for one in evidence:
        by.setdefault(one.source, set()).add(one.said_by)
    both = [source for source in _ORDER if len(by.get(source, ())) > 1]
    parts = [f"by both ends {listed([_OVER[source] for source in both])}"] if both else []
    for end in (told.a, told.b):
        alone = [source for source in _ORDER if by.get(source) == {end}]
        if alone:
            parts.append(f"by {name_of_device(model, end)} {listed([_OVER[source] for source in alone])}")
    return "; ".join(parts)


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: a, b and c."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def sources_words(told: DerivedLink) -> str:
    """Return who tells of a link, as short as a column has room for: LLDP at both ends, OSPF."""
    by: dict[str, set[UUID]] = {}
    for one in told.evidence:
        by.setdefault(one.source, set()).add(one.said_by)
    return ", ".join(
        f"{SOURCE_WORDS[source]} at both ends" if len(by[source]) > 1 else SOURCE_WORDS[source]
        for source in _ORDER
        if source in by
    )


def drawn_from(model: Model, told: DerivedLink) -> Link:
    """Return the link by hand that one becomes when it is adopted; as fast as the slower of its ports."""
    speeds = [_speed_bps(model, side.device, side.port) for side in sides(told)]
    capacity_bps = min((speed for speed in speeds if speed), default=0)
    return Link(new_id(), told.a, told.b, told.a_interface, told.b_interface, told.kind, capacity_bps)


def _speed_bps(model: Model, device: UUID, port: str) -> int:
    """Return how fast a port says it is, 0 where it does not say."""
    facts = model.facts.get(device, {})
    field = f"interface/{port}"
    fact = best([fact for (name, _), fact in facts.items() if name == field]).get(field)
    value = fact.value if fact is not None else None
    speed = value.get("speed_bps") if isinstance(value, dict) else None
    return speed if isinstance(speed, int) and speed > 0 else 0

"""Who says that a link exists: evidence, the links that follow from it, and what contradicts what people drew.

Theory: each source is trusted to a share (`TRUST`). What one device says by several protocols of one family is one witness,
of which the best counts; what different witnesses say is independent, so that they combine to 1 - prod(1 - share). Of all
that routing and addresses say (layer 3: "on one subnet") only the best counts, once. A witness that is heard no more fades: to
half after three of its source's usual refreshes, and after a day it is none.
Counterpart: `evidence_said.py` reads a device's facts, `evidence_fusion.py` makes links of all of them.
One rule: a machine's link never changes a link by hand; it only names it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple
from uuid import UUID, uuid5

import msgspec

from domain.inventory import LinkKind

Source = Literal["lldp", "cdp", "mndp", "wireless", "fdb", "ospf", "bgp", "arp", "manual"]
Family = Literal["discovery", "radio", "switching", "layer3"]
ContradictionKind = Literal["other_neighbour", "elsewhere", "two_neighbours", "mac_twice", "address_twice"]


class Trust(NamedTuple):
    """How far a source is believed, which sources it stands together with, and how often it is usually told anew."""

    family: Family
    share: float
    refresh_s: float


TRUST: dict[str, Trust] = {
    "lldp": Trust("discovery", 0.85, 300),
    "cdp": Trust("discovery", 0.80, 300),
    "mndp": Trust("discovery", 0.80, 300),
    "wireless": Trust("radio", 0.90, 300),
    "fdb": Trust("switching", 0.50, 1_200),
    "ospf": Trust("layer3", 0.40, 300),
    "arp": Trust("layer3", 0.15, 1_200),
    "bgp": Trust("layer3", 0.10, 300),
}
"""LLDP from both ends is 0.98, from one 0.85, with OSPF beside it 0.91; OSPF alone is a candidate of 0.4, ARP alone is none."""

LEAST_STRENGTH = 0.2
"""What a link's evidence has to amount to while it is fresh; below, it supports a link and makes none."""

HALVED_AFTER_REFRESHES = 3
DAY_US = 86_400_000_000
TELL_AGAIN_US = 3_600_000_000
"""A link of which nothing changed but when it was last seen is news after so long."""

_STEPS_PER_HALF = 2
"""Fading goes in steps, so that it is known when a score will be another."""
HALF_STEPS, FAINT_STEPS, GONE_STEPS = _STEPS_PER_HALF, 16, 17
_STEP_US = {
    source: int(trust.refresh_s * HALVED_AFTER_REFRESHES * 1e6) // _STEPS_PER_HALF
    for source, trust in TRUST.items()
}

_LINKS = UUID("6f0e6c36-6b1f-5d0c-9a3b-0c5a6b1f7f01")
_CONTRADICTIONS = UUID("6f0e6c36-6b1f-5d0c-9a3b-0c5a6b1f7f02")


class Evidence(msgspec.Struct, frozen=True):
    """One witness: the device `said_by` says so of its own `interface`; of `manual` it is the link by hand. `at_us`: last so.

    `crowd` is how many devices that port hears so: broadcasts go through switches, and only one of them is at its other end.
    """

    source: Source
    said_by: UUID
    interface: str
    at_us: int
    detail: str = ""
    crowd: int = 1


class DerivedLink(msgspec.Struct, frozen=True):
    """A link that devices tell of: `a` sorts before `b`, a port that nobody tells is "". `link` is the one by hand that it is.

    `score` is 0 to 1; what is drawn by hand adds nothing to it. `seen_us` is when any witness last said so.
    """

    id: UUID
    a: UUID
    a_interface: str
    b: UUID
    b_interface: str
    kind: LinkKind
    evidence: tuple[Evidence, ...]
    score: float
    seen_us: int
    link: UUID | None = None


class Contradiction(msgspec.Struct, frozen=True):
    """Things that cannot all be so, in words. `links` are by hand; `at_us` is when the newest of its evidence was told."""

    id: UUID
    kind: ContradictionKind
    links: tuple[UUID, ...]
    devices: tuple[UUID, ...]
    words: str
    at_us: int
    evidence: tuple[Evidence, ...] = ()


def link_id(a: UUID, a_interface: str, b: UUID, b_interface: str) -> UUID:
    """Return the id of the link between two ends, the same each time."""
    return uuid5(_LINKS, "\n".join((str(a), a_interface, str(b), b_interface)))


def contradiction_id(kind: ContradictionKind, *about: object) -> UUID:
    """Return the id of a contradiction, the same as long as it is about the same things."""
    return uuid5(_CONTRADICTIONS, "\n".join((kind, *map(str, about))))


def steps_faded(source: str, at_us: int, now_us: int) -> int:
    """Return by how many steps evidence has faded: 0 is fresh, `FAINT_STEPS` next to nothing, `GONE_STEPS` nothing at all."""
    age_us = now_us - at_us
    if age_us >= DAY_US:
        return GONE_STEPS
    return min(max(age_us, 0) // _STEP_US[source], FAINT_STEPS)


def fading(steps: int) -> float:
    """Return what is left of evidence after so many steps, 1 to 0."""
    return 0.0 if steps >= GONE_STEPS else 0.5 ** (steps / _STEPS_PER_HALF)


def next_step_us(source: str, at_us: int, steps: int) -> int | None:
    """Return when evidence that has faded so far fades by one more; None where it is gone."""
    if steps >= FAINT_STEPS:
        return at_us + DAY_US if steps < GONE_STEPS else None
    return at_us + min(DAY_US, (steps + 1) * _STEP_US[source])


def score_of(evidence: Iterable[Evidence], now_us: int | None) -> float:
    """Return how sure a link is, 0 to 1; without a time, how sure it is while all evidence is fresh."""
    best: dict[tuple[str, UUID | None], float] = {}
    for one in evidence:
        trust = TRUST.get(one.source)
        if trust is None:
            continue
        share = (
            trust.share
            / one.crowd
            * (1.0 if now_us is None else fading(steps_faded(one.source, one.at_us, now_us)))
        )
        family: str = trust.family
        witness = (family, None if family == "layer3" else one.said_by)
        best[witness] = max(share, best.get(witness, 0.0))
    doubt = 1.0
    for witness in sorted(best, key=str):
        doubt *= 1.0 - best[witness]
    return round(1.0 - doubt, 3)


def is_news(old: DerivedLink | None, new: DerivedLink) -> bool:
    """Tell whether a link says something else than before; when it was last seen is news once an hour."""
    if old is None or new.seen_us - old.seen_us >= TELL_AGAIN_US:
        return True
    return timeless(old) != timeless(new)


def timeless(link: DerivedLink) -> tuple[object, ...]:
    """Return all of a link but the times."""
    said = tuple((one.source, one.said_by, one.interface, one.detail, one.crowd) for one in link.evidence)
    return link.id, link.kind, said, link.score, link.link


def timeless_words(contradiction: Contradiction) -> tuple[object, ...]:
    """Return all of a contradiction but the times."""
    said = tuple((one.source, one.said_by, one.interface, one.detail) for one in contradiction.evidence)
    return contradiction.id, contradiction.links, contradiction.devices, contradiction.words, said

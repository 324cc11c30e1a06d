"""The links between two devices, put together from what each claims of the other. Counterpart: `evidence_claims.py`.

Theory: a claim that names both ports is a link; one that names its own port belongs to the link that has this port, and two
such, one from each side, are one link. What is left, and what routing and addresses say, supports the links that are there;
where there are none it is one of its own. So parallel links stay as many as there are ports.
One rule: the result does not depend on the order of the claims.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import msgspec

from domain.evidence import DAY_US, LEAST_STRENGTH, TRUST, DerivedLink, Evidence, link_id, score_of
from domain.evidence_claims import Claim
from domain.evidence_said import Said, is_radio
from domain.inventory import Link, LinkKind

Ends = tuple[str, str]
Pair = tuple[UUID, UUID]
"""Two devices, the one that sorts lower first."""

_FIBRE_NAME = re.compile(r"sfp|qsfp|combo|xe-|et-|(te|twe|fo|hu)[a-z]*\d+/", re.IGNORECASE)


class Bundle(msgspec.Struct):
    """One link's ports and all that is claimed of it."""

    a: str
    b: str
    claims: list[Claim]


def pair_of(one: UUID, other: UUID) -> Pair:
    """Return two devices in their order."""
    return (one, other) if one < other else (other, one)


def bundle_claims(pair: Pair, claims: Iterable[Claim]) -> list[Bundle]:
    """Return the links between two devices, by their ports."""
    a = pair[0]
    near: dict[Ends, list[Claim]] = {}
    far: list[tuple[Ends, Claim]] = []
    for claim in sorted(claims, key=_order):
        told = "" if claim.sources[0] == "fdb" else claim.far  # a router sends with one MAC from many ports
        ends = (claim.own, told) if claim.by == a else (told, claim.own)
        if TRUST[claim.sources[0]].family == "layer3":
            far.append((ends, claim))
        else:
            near.setdefault(ends, []).append(claim)
    bundles = {ends: Bundle(*ends, some) for ends, some in near.items() if all(ends)}
    loose = {ends: some for ends, some in near.items() if not all(ends)}
    for ends in [ends for ends in loose if any(ends)]:
        homes = [bundle for whole, bundle in sorted(bundles.items()) if _fits(ends, whole)]
        if homes:
            homes[0].claims += loose.pop(ends)
    _join_halves(bundles, loose)
    found = [bundles[ends] for ends in sorted(bundles)]
    for bundle in found:
        _guess_port(bundle)
    if not found and far:
        return [_candidate(far)]
    for ends, claim in far:  # "on one subnet" supports the link whose port it names, else every one
        for bundle in [bundle for bundle in found if _fits(ends, (bundle.a, bundle.b))] or found:
            bundle.claims.append(claim)
    return found


def join_members(
    pair: Pair, bundles: Sequence[Bundle], said: Callable[[UUID], Said | None], links: Iterable[Link]
) -> list[Bundle]:
    """Make one link of those between members of one aggregate, at its own ports; not where people have drawn a member alone."""
    bonds = [
        {name: port.bond for name, port in one.ports.items() if port.bond} if (one := said(id)) else {}
        for id in pair
    ]
    drawn = {
        (end, port)
        for link in links
        for end, port in ((link.a, link.a_interface), (link.b, link.b_interface))
    }
    if any((end, port) in drawn for end, of in zip(pair, bonds, strict=True) for port in of):
        return list(bundles)
    found: dict[Ends, Bundle] = {}
    for bundle in bundles:
        ends = (bonds[0].get(bundle.a, bundle.a), bonds[1].get(bundle.b, bundle.b))
        if ends == (bundle.a, bundle.b) and ends not in found:
            found[ends] = bundle
        else:
            there = found.get(ends)
            found[ends] = Bundle(*ends, [*(there.claims if there is not None else ()), *bundle.claims])
    return [found[ends] for ends in sorted(found)]


def _guess_port(bundle: Bundle) -> None:
    """Where only a forwarding table tells of a link, the port whose MAC it shows is taken for the far one."""
    ports = {claim.far for claim in bundle.claims}
    sayers = {(claim.by, claim.sources[0]) for claim in bundle.claims}
    if not (bundle.a and bundle.b) and len(ports) == len(sayers) == 1 and min(sayers)[1] == "fdb":
        bundle.a, bundle.b = bundle.a or min(ports), bundle.b or min(ports)


def _candidate(far: Sequence[tuple[Ends, Claim]]) -> Bundle:
    """Return the link that neighbours on one subnet may have, at the ports that they agree on."""
    a, b = ({ends[side] for ends, _ in far if ends[side]} for side in (0, 1))
    return Bundle(a.pop() if len(a) == 1 else "", b.pop() if len(b) == 1 else "", [claim for _, claim in far])


def _join_halves(bundles: dict[Ends, Bundle], loose: dict[Ends, list[Claim]]) -> None:
    """Make one link of what each side says of its own port, as long as it is clear which ports belong together."""
    of_a = sorted(ends for ends in loose if ends[0])
    of_b = sorted(ends for ends in loose if ends[1])
    if len(of_a) == len(of_b) == 1:
        ends = (of_a[0][0], of_b[0][1])
        bundles[ends] = Bundle(*ends, loose.pop(of_a[0]) + loose.pop(of_b[0]))
    else:
        more, fewer = (of_a, of_b) if len(of_a) >= len(of_b) else (of_b, of_a)
        for place, ends in enumerate(more):
            claims = loose.pop(ends) + (loose.pop(fewer[place]) if place < len(fewer) else [])
            bundles[ends] = Bundle(*ends, claims)
    rest = [claim for claims in loose.values() for claim in claims]
    if rest and bundles:
        bundles[min(bundles)].claims += rest
    elif rest:
        bundles["", ""] = Bundle("", "", rest)


def _fits(part: Ends, whole: Ends) -> bool:
    return all(
        not mine or not theirs or mine == theirs for mine, theirs in zip(part, whole, strict=True)
    ) and any(mine and mine == theirs for mine, theirs in zip(part, whole, strict=True))


def _order(claim: Claim) -> tuple[object, ...]:
    return claim.by, claim.own, claim.far, claim.sources, claim.said, claim.probe, claim.at_us, claim.detail


def match_links(pair: Pair, bundles: Sequence[Bundle], links: Iterable[Link]) -> dict[int, Link]:
    """Return which bundle, by its place, is which link by hand; ports that both name have to be the same."""
    choices: list[tuple[int, UUID, int, Link]] = []
    for link in links:
        a, b = (
            (link.a_interface, link.b_interface)
            if link.a == pair[0]
            else (link.b_interface, link.a_interface)
        )
        for place, bundle in enumerate(bundles):
            ports = ((a, bundle.a), (b, bundle.b))
            if all(not drawn or not told or drawn == told for drawn, told in ports):
                same = sum(bool(drawn) and drawn == told for drawn, told in ports)
                choices.append((-same, link.id, place, link))
    found: dict[int, Link] = {}
    taken: set[UUID] = set()
    for _, id, place, link in sorted(choices, key=lambda choice: choice[:3]):
        if place not in found and id not in taken:
            found[place] = link
            taken.add(id)
    return found


def derive(
    pair: Pair,
    bundle: Bundle,
    link: Link | None,
    *,
    said: Callable[[UUID], Said | None],
    last_us: Callable[[Claim], int],
    now_us: int,
) -> DerivedLink | None:
    """Return the link that a bundle amounts to; None where that is too little, or nobody has said so for a day."""
    evidence = [one for one in _evidence(bundle.claims, last_us) if now_us - one.at_us < DAY_US]
    if score_of(evidence, None) < LEAST_STRENGTH:
        return None
    score = score_of(evidence, now_us)
    seen_us = max(one.at_us for one in evidence)
    if link is not None:
        evidence.append(Evidence("manual", link.id, "", seen_us))
    a, b = pair
    id = link_id(a, bundle.a, b, bundle.b)
    kind = _kind(bundle, said(a), said(b))
    return DerivedLink(
        id, a, bundle.a, b, bundle.b, kind, tuple(evidence), score, seen_us, None if link is None else link.id
    )


def _evidence(claims: Iterable[Claim], last_us: Callable[[Claim], int]) -> list[Evidence]:
    """Return each source's newest word of each port; the best sources first."""
    newest: dict[tuple[str, UUID, str], Evidence] = {}
    for claim in claims:
        at_us = last_us(claim)
        for source in claim.sources:
            key = (source, claim.by, claim.said)
            if key not in newest or at_us > newest[key].at_us:
                newest[key] = Evidence(source, claim.by, claim.said, at_us, claim.detail, claim.crowd)
    return sorted(
        newest.values(), key=lambda one: (-TRUST[one.source].share, one.source, one.said_by, one.interface)
    )


def _kind(bundle: Bundle, a: Said | None, b: Said | None) -> LinkKind:
    if any(claim.sources[0] == "wireless" for claim in bundle.claims):
        return "wireless"
    ends = ((a, bundle.a), (b, bundle.b))
    if any(name and is_radio(said, name) for said, name in ends):
        return "wireless"
    for said, name in ends:
        if name and ((said is not None and name in said.optics) or _FIBRE_NAME.match(name)):
            return "fibre"
    return "copper"

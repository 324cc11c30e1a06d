"""What devices tell of the small network, for the tests of links, boards and what-ifs. Counterpart: `fake_engine.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.draft import now_us
from domain.evidence import Contradiction, DerivedLink, Evidence, Source, contradiction_id, link_id, score_of
from domain.fact import Fact
from domain.topology import Impact, Moved, SinglePoint
from domain.wire import Changed, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of

G1, G2, L1, LINK = id_of("g1"), id_of("g2"), id_of("l1"), id_of("link")
S_US = 1_000_000


def tell(bench: Bench, **rows: Any) -> None:
    """Tell the window something, and let it show it."""
    bench.model.merge(Changed(99, **rows))
    bench.model.flush()


def heard(source: Source, by: UUID, port: str, age_s: float = 10) -> Evidence:
    """Return a witness."""
    return Evidence(source, by, port, now_us() - int(age_s * S_US))


def told(
    ends: tuple[UUID, str, UUID, str], evidence: Sequence[Evidence], link: UUID | None = None, **fields: Any
) -> DerivedLink:
    """Return a link that devices tell of, scored as the engine does."""
    a, a_port, b, b_port = ends
    if b < a:
        a, a_port, b, b_port = b, b_port, a, a_port
    now = now_us()
    seen_us = max(one.at_us for one in evidence)
    score = score_of(evidence, now)
    kind = fields.get("kind", "copper")
    id = link_id(a, a_port, b, b_port)
    return DerivedLink(id, a, a_port, b, b_port, kind, tuple(evidence), score, seen_us, link)


def doubt_of_link() -> tuple[Contradiction, DerivedLink]:
    """Return that sfp1 of the first router hears the access point, and the link that this amounts to."""
    seen = heard("lldp", G1, "sfp1", 20)
    words = "sfp1 of Grünten R1 hears Grünten AP, but the link says sfp1 of Grünten R1 - sfp2 of Lindau R1"
    doubt = Contradiction(
        contradiction_id("other_neighbour", LINK),
        "other_neighbour",
        (LINK,),
        (G1, L1, G2),
        words,
        seen.at_us,
        (seen,),
    )
    return doubt, told((G1, "sfp1", G2, "ether1"), [seen])


def port_fact(device: UUID, name: str, speed_bps: int) -> Fact:
    """Return what a device says of a port."""
    value = {"name": name, "index": 1, "speed_bps": speed_bps, "admin_up": True, "oper_up": True}
    return Fact(device, f"interface/{name}", "snmp", VANTAGE, 1, value)


def answer(impact: Impact, moved: Moved | None = None) -> Reply:
    """Return what the engine would reply to a what-if."""
    told = {"impact": msgspec.to_builtins(impact), "moved": msgspec.to_builtins(moved or Moved())}
    return Reply(0, result=told)


def points(*found: SinglePoint, more: bool = False) -> Reply:
    """Return what the engine would reply to a question for single points of failure."""
    return Reply(0, result={"points": msgspec.to_builtins(list(found)), "more": more})

"""What a link carries and whether it stands, from what its two ends tell. Counterpart: `judge/links.py`, the map's half-links.

One rule: `a to b` is what a sends; where only one end is known, its view serves both directions.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

LinkStatus = Literal["up", "down", "unknown"]
LOAD_BOUNDS_PCT = (1, 25, 50, 75, 90)
"""Bounds of the six load classes: idle, then 1, 25, 50, 75 and 90 per cent and more."""


class EndView(NamedTuple):
    """One end's interface: running or not (None: it does not tell), what it takes in and sends out in bit/s."""

    oper_up: bool | None = None
    in_bps: float | None = None
    out_bps: float | None = None


class LinkState(msgspec.Struct, frozen=True):
    """A link now: status, since when, bit/s each way (None: not known), when it was last seen."""

    link: UUID
    status: LinkStatus = "unknown"
    since_us: int = 0
    at_us: int = 0
    ab_bps: float | None = None
    ba_bps: float | None = None


def next_link_state(old: LinkState | None, link: UUID, a: EndView, b: EndView, at_us: int) -> LinkState:
    """Return a link's state from its two ends; a view without data is EndView()."""
    status: LinkStatus = "unknown"
    if a.oper_up is False or b.oper_up is False:
        status = "down"
    elif a.oper_up or b.oper_up:
        status = "up"
    ab, ba = _known(a.out_bps, b.in_bps), _known(b.out_bps, a.in_bps)
    if status == "down":
        ab = ba = None
    since_us = old.since_us if old is not None and old.status == status else at_us
    return LinkState(link, status, since_us, at_us, ab, ba)


def _known(sent: float | None, received: float | None) -> float | None:
    if sent is not None and received is not None:
        return max(sent, received)
    return sent if sent is not None else received


def load_pct(bps: float | None, capacity_bps: int) -> float | None:
    """Return load in per cent of capacity, or None where either is not known."""
    return None if bps is None or capacity_bps <= 0 else 100.0 * bps / capacity_bps


def load_class(pct: float | None) -> int | None:
    """Return the load class 0 (idle) to 5 (>= 90 %), or None where the load is not known."""
    return None if pct is None else sum(pct >= bound for bound in LOAD_BOUNDS_PCT)

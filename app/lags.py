"""Links of several ports as the window knows them: which members a link has, how each is, what those that run can carry.

Counterpart: `domain/lag.py`; the mirror's facts and newest numbers are read.
One rule: of the past it is known how members ran, if they were polled; which ports are members is as of today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from app.words import isolated, rate
from domain.inventory import Link
from domain.lag import Lag, Member, lag_of, member_told
from domain.lag import members_words as words_of_members
from domain.load import load_pct

if TYPE_CHECKING:
    from app.model import Model


def members_of(model: Model, link: Link) -> Lag | None:
    """Return the members of a link and how each is; None where it is one line."""
    if model.moment_us is not None:
        return model.lags_then.get(link.id)
    ends = ((link.a, link.a_interface), (link.b, link.b_interface))
    found = ([_member(model, end, port) for port in model.bonds.members(end, bond)] for end, bond in ends)
    return lag_of(*found)


def capacity_bps(model: Model, link: Link) -> int:
    """Return what a link can carry now, 0 where nobody knows; of several members those count that run."""
    lag = members_of(model, link)
    return lag.capacity_bps(link.capacity_bps) if lag is not None else link.capacity_bps


def members_reason(model: Model, lag: Lag) -> str:
    """Return which of a link's members are down, as its alert says; nothing where none is."""
    if not lag.down:
        return ""
    named = [(member.interface, model.inventory.device(member.device)) for member in lag.fallen]
    said = [
        f"{isolated(port)} of {isolated(device.name)}" if device else isolated(port) for port, device in named
    ]
    return f"{words_of_members(lag)}: {', '.join(said)} {'does' if len(said) == 1 else 'do'} not run."


def member_lines(model: Model, lag: Lag, most: int) -> list[tuple[str, str]]:
    """Return a line for each member: its port, and whether it runs and what it sends, by the end that tells of more of them."""
    end = max((lag.of_a, lag.of_b), key=len)
    shown = end if len(end) <= most else end[: most - 1]
    lines = [(f"Member {member.interface}", _member_words(member)) for member in shown]
    return [*lines, ("", f"{len(end) - len(shown)} more")] if len(shown) < len(end) else lines


def _member_words(member: Member) -> str:
    if member.runs is None:
        return "does not tell"
    if not member.runs:
        return "down"
    if member.in_bps is None and member.out_bps is None:
        return "up"
    pct = load_pct(max(member.in_bps or 0.0, member.out_bps or 0.0), member.speed_bps)
    return f"{rate(member.out_bps)} out, {rate(member.in_bps)} in" + (
        f", {pct:.0f} %" if pct is not None else ""
    )


def _member(model: Model, device: UUID, port: str) -> Member:
    samples = model.samples.get(device, {})
    took, sent = (samples.get((metric, port)) for metric in ("if_in_bps", "if_out_bps"))
    told = member_told(device, port, model.facts.get(device, {}))
    return told._replace(in_bps=took.value if took else None, out_bps=sent.value if sent else None)

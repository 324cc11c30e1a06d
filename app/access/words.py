"""How a tunnel stands, in words. Counterpart: `domain/tunnels.py`.

One rule: what is over says why before anything else.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from app.words import capitalized, clock, count_of, isolated, size
from domain.tunnels import TeamTunnel, Tunnel, TunnelsState, service_words

WAYS = {"direct": "From here", "relay": "By the server"}


class OpenAt(NamedTuple):
    """Which tunnels to one device are open: what of this computer's, each by its name; and of whom else's, by what."""

    mine: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()


def open_at(told: TunnelsState) -> dict[UUID, OpenAt]:
    """Return which tunnels are open, by the device that they lead to."""
    found: dict[UUID, OpenAt] = {}
    for one in told.tunnels:
        if not one.ended:
            at = found.get(one.device, OpenAt())
            found[one.device] = at._replace(mine=(*at.mine, service_words(one.service, one.target_port)))
    for other in told.team:
        at = found.get(other.device, OpenAt())
        by = other.by or other.computer
        what = service_words(other.service, other.target_port)
        found[other.device] = at._replace(others=(*at.others, (by, what)))
    return found


def on_it_words(at: OpenAt) -> str:
    """Return who is on a device: "You are on it by WinBox; Ben is on it by SSH"."""
    said = [f"You are on it by {' and '.join(dict.fromkeys(at.mine))}"] if at.mine else []
    return "; ".join(said + [f"{isolated(by)} is on it by {what}" for by, what in dict.fromkeys(at.others)])


def use_of(tunnel: Tunnel) -> str:
    """Return how much a tunnel is in use, or why it is not."""
    if tunnel.ended:
        return f"Ended: {tunnel.ended}"
    if tunnel.trouble and not tunnel.connections:
        return capitalized(tunnel.trouble)
    return count_of(tunnel.connections, "connection", "connections") if tunnel.connections else "Not in use"


def stand_of(tunnel: Tunnel, now_us: int) -> str:
    """Return how a tunnel stands, with what passed, its way and since when."""
    said = [use_of(tunnel)]
    if tunnel.to_bytes:
        said.append(f"{size(tunnel.to_bytes)} there and {size(tunnel.from_bytes)} back")
    if not tunnel.ended:
        said.append(f"{WAYS[tunnel.way].lower()} since {clock(tunnel.since_us, now_us)}")
    if tunnel.is_shared and not tunnel.ended:
        said.insert(1, "shared")
    if tunnel.warning and not tunnel.ended:
        said.insert(0, capitalized(tunnel.warning))
    return ", ".join(said)


def others_of(other: TeamTunnel, now_us: int) -> str:
    """Return since when somebody else is at a device, and from where."""
    said = [
        f"{WAYS[other.way] if other.way == 'relay' else 'Directly'} since {clock(other.since_us, now_us)}"
    ]
    if other.computer:
        said.append(f"at {other.computer}")
    if other.is_shared:
        said.append("shared")
    return ", ".join(said)

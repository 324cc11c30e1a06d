"""A fault: the one thing that broke, and all that went with it. Counterpart: `judge/faults.py` finds it, map and alerts show it.

Theory: of all that does not answer, a few are causes and the rest is behind them. A fault names a cause: a device, a link, or
our own uplink; what lies behind it is affected and alerts for nothing. One rule: a fault says what was seen, and when; what it
is called in words is made of that, in one place.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

FaultKind = Literal["device", "link", "cut_off"]


class LastSeen(msgspec.Struct, frozen=True):
    """The link over which the cause was last heard; `signal_dbm` then, and what it is on most days (None: not known)."""

    link: UUID
    at_us: int
    signal_dbm: float | None = None
    normal_dbm: float | None = None

    @property
    def below_normal_db(self) -> float | None:
        """How much weaker than on most days it was heard, or None where that is not known."""
        if self.signal_dbm is None or self.normal_dbm is None:
            return None
        return self.normal_dbm - self.signal_dbm


class Consequence(msgspec.Struct, frozen=True):
    """What a device that lives complains of, and only for what broke: the title of its rule, and why, in words."""

    subject: UUID
    title: str
    reason: str


class Fault(msgspec.Struct, frozen=True):
    """One cause and what it takes with it: `affected` devices that do not answer since.

    `subject` is a device, a link, or (cut_off) the vantage that has lost its way to the network. `behind` counts the affected
    and those that hang on it alone and were not asked yet, `sites` the whole sites among these, `subscribers` those of all and
    its own. `still_answer`: hang on it alone, and answer: it passes traffic, and only does not speak for itself. `lost_power`: a
    supply on battery was its last word. `beside`: other causes that bound the same dark part of the network. `weakened`: had two
    ways to the network, and hang on one since. `consequences`: what living neighbours complain of by it, the first of them.
    """

    subject: UUID
    kind: FaultKind
    since_us: int
    affected: tuple[UUID, ...] = ()
    links: tuple[UUID, ...] = ()
    behind: int = 0
    sites: int = 0
    subscribers: int = 0
    still_answer: int = 0
    lost_power: bool = False
    last_seen: LastSeen | None = None
    beside: tuple[UUID, ...] = ()
    weakened: tuple[UUID, ...] = ()
    consequences: tuple[Consequence, ...] = ()


def takes_words(fault: Fault) -> str:
    """Return what lies behind a fault: "11 sites, 214 subscribers behind it", or "" where that is nothing."""
    said = [
        counted(number, what)
        for number, what in (
            (fault.sites, "site"),
            (fault.behind if not fault.sites else 0, "device"),
            (fault.subscribers, "subscriber"),
        )
        if number
    ]
    return f"{', '.join(said)} behind it" if said else ""


def seen_words(seen: LastSeen, link_name: str) -> str:
    """Return how it was last heard: "last seen over Hilltop 2 - Hilltop 4 at -81 dBm, 12 dB below normal"."""
    said = f"last seen over {link_name}"
    if seen.signal_dbm is None:
        return said
    said += f" at {seen.signal_dbm:.0f} dBm".replace("-", "\u2212")
    below = seen.below_normal_db
    if below is None or abs(below) < 3:
        return said
    return said + f", {abs(below):.0f} dB {'below' if below > 0 else 'above'} normal"


def fault_words(fault: Fault, link_name: str = "") -> str:
    """Return what is known of a fault, without its name and its time; `link_name` of the link it was last seen over."""
    if fault.kind == "cut_off":
        return "this computer has lost its way to the network: no device answers from here"
    said = [takes_words(fault)]
    if fault.still_answer:
        said.append(f"{counted(fault.still_answer, 'device')} behind it still answer")
    if fault.lost_power:
        said.append("it ran on battery before")
    if fault.weakened:
        said.append(f"{counted(len(fault.weakened), 'device')} without a second way")
    if fault.last_seen is not None and link_name:
        said.append(seen_words(fault.last_seen, link_name))
    return "; ".join(filter(None, said))


def counted(number: int, what: str) -> str:
    """Return a number and its noun: 1 site, 2 sites."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"

"""A link of several ports (LAG, 802.3ad, bonding): its members, how many of them run, what it can and does carry.

Theory: a device tells of each port whose member it is (`Interface.bond`). A link whose port at either end is such an aggregate
is a LAG; it is as many members wide as the end that tells of more, and of a broken pair of ports both ends may tell or one.
Counterpart: `load.py`, the state of a link; the judge, the what-if, the window and the server's map count members with this.
One rule: a member that nobody tells of counts as one that runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from domain.fact import Fact, best
from domain.load import EndView

Facts = Mapping[tuple[str, str], Fact]
"""What a device tells of itself, by field and source."""
End = tuple[UUID, str]
"""Where a link ends: a device and its port."""


class Member(NamedTuple):
    """A physical port of an aggregate. `runs` None: it does not tell."""

    device: UUID
    interface: str
    runs: bool | None = None
    speed_bps: int = 0
    in_bps: float | None = None
    out_bps: float | None = None


class Lag(NamedTuple):
    """The members of a link, by the end that tells of them."""

    of_a: tuple[Member, ...]
    of_b: tuple[Member, ...]

    @property
    def width(self) -> int:
        """How many members it has."""
        return max(len(self.of_a), len(self.of_b))

    @property
    def down(self) -> int:
        """How many of them do not run: as many as the end that misses more tells."""
        return max(len(_fallen(self.of_a)), len(_fallen(self.of_b)))

    @property
    def is_degraded(self) -> bool:
        """Whether some run and some do not."""
        return 0 < self.down < self.width

    @property
    def is_down(self) -> bool:
        """Whether none of those runs that one end tells of."""
        return any(0 < len(end) == len(_fallen(end)) for end in (self.of_a, self.of_b))

    @property
    def is_told(self) -> bool:
        """Whether anybody tells how any of them is."""
        return any(member.runs is not None for member in (*self.of_a, *self.of_b))

    @property
    def fallen(self) -> tuple[Member, ...]:
        """The members that do not run, those of a first."""
        return (*_fallen(self.of_a), *_fallen(self.of_b))

    def capacity_bps(self, intended_bps: int) -> int:
        """Return what the members that run can carry together: their share of what people say that all can, else their speeds."""
        told = min((end for end in (self.of_a, self.of_b) if end), key=_running_share, default=())
        if intended_bps > 0:
            return round(intended_bps * _running_share(told))
        return sum(member.speed_bps for member in told if member.runs is not False)


class Bonds:
    """The members of aggregates, as facts tell of them. Several probes may tell of one port: all that is told holds."""

    def __init__(self) -> None:
        self._told: dict[UUID, dict[tuple[str, str], str]] = {}
        """By device, of (source, port) its aggregate; without those that are no members."""

    def learn(self, fact: Fact) -> bool:
        """Take up a fact; return whether it is about a port that is or was a member."""
        prefix, _, port = fact.field.partition("/")
        if prefix != "interface":
            return False
        bond = fact.value.get("bond") if isinstance(fact.value, dict) else None
        if isinstance(bond, str) and bond and bond != port:
            self._told.setdefault(fact.subject, {})[fact.source, port] = bond
            return True
        told = self._told.get(fact.subject, {})
        was = told.pop((fact.source, port), None)
        if was is not None and not told:
            del self._told[fact.subject]
        return was is not None

    def copy(self) -> Bonds:
        """Return what is known now, to go on by itself."""
        made = Bonds()
        made._told = {device: dict(told) for device, told in self._told.items()}
        return made

    def forget(self, device: UUID) -> None:
        """Drop a device."""
        self._told.pop(device, None)

    def members(self, device: UUID, bond: str) -> tuple[str, ...]:
        """Return the ports of an aggregate, in the order of their names."""
        told = self._told.get(device)
        return tuple(sorted({port for (_, port), of in told.items() if of == bond})) if told and bond else ()


def lag_of(of_a: Iterable[Member], of_b: Iterable[Member]) -> Lag | None:
    """Return the LAG of these members; None where neither end has any."""
    found = Lag(tuple(of_a), tuple(of_b))
    return found if found.width else None


def member_told(device: UUID, port: str, facts: Facts) -> Member:
    """Return a port as the facts of its device tell of it; what it carries they do not say."""
    field = f"interface/{port}"
    told = best([fact for (name, _), fact in facts.items() if name == field])
    value = told[field].value if field in told and isinstance(told[field].value, dict) else {}
    runs, speed = value.get("oper_up"), value.get("speed_bps")
    return Member(
        device, port, runs if isinstance(runs, bool) else None, speed if isinstance(speed, int) else 0
    )


def lag_told(a: End, b: End, facts: Mapping[UUID, Facts]) -> Lag | None:
    """Return the members of a link as facts of the devices at its two ends tell of them; None where it is one line."""
    bonds, ends = Bonds(), (a, b)
    for device, _ in ends:
        for fact in facts.get(device, {}).values():
            bonds.learn(fact)
    found = (
        [member_told(end, port, facts.get(end, {})) for port in bonds.members(end, bond)]
        for end, bond in ends
    )
    return lag_of(*found)


def members_words(lag: Lag) -> str:
    """Return how many are down, in words: "1 of 2 members down"; "2 members" where none is."""
    return f"{lag.down} of {lag.width} members down" if lag.down else f"{lag.width} members"


def joined(own: EndView, members: Sequence[EndView]) -> EndView:
    """Return what an aggregate tells, with what its members tell of it: it is down when all of them are, and where it does not
    tell itself it runs when one of them does, and carries the sum."""
    runs = [member.oper_up for member in members]
    oper_up = own.oper_up
    if members and all(one is False for one in runs):
        oper_up = False
    elif oper_up is None and any(runs):
        oper_up = True
    took = own.in_bps if own.in_bps is not None else _sum(member.in_bps for member in members)
    sent = own.out_bps if own.out_bps is not None else _sum(member.out_bps for member in members)
    return EndView(oper_up, took, sent)


def _fallen(members: Iterable[Member]) -> tuple[Member, ...]:
    return tuple(member for member in members if member.runs is False)


def _running_share(members: Sequence[Member]) -> float:
    """Return the share of the speed of all that those have which run; of their number where a speed is not known."""
    if not members:
        return 1.0
    weights = [member.speed_bps for member in members]
    if not all(weights):
        weights = [1] * len(members)
    runs = (weight for weight, member in zip(weights, members, strict=True) if member.runs is not False)
    return sum(runs) / sum(weights)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None

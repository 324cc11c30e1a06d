"""Follows neighbours from a seed: whom devices and finds hear at their ports, and whom those hear. Counterpart: `sweep.py`.

Theory: in rounds, as far as it was asked to go. Of a device of the inventory what it told anyway is read, it is not asked again;
any other address is asked as in a sweep. Whom a neighbour names is a find, asked or not: a switch without an address has a name.
What many devices told is looked at with rests between, in which the walk can be paused or ended.
One rule: a network ends where another's begins, so what is not private, or not in the ranges that were given, is not asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from domain.device_facts import Neighbour
from domain.discovering import Span, WalkSettings, is_within, read_spans
from domain.finding import Find, Seen, settled
from domain.identity import own_address
from domain.text import clean_text
from engine.discovery.prober import Met, Prober
from engine.discovery.sweep import Round, Take, Tally, count_of
from engine.operations import Control

NEIGHBOURS_CAP = 100_000
"""Neighbours that one walk looks at: a switch that names thousands is not followed for ever."""

MET_AT_ONCE = 20
"""Neighbours that are queued between two rests, in some milliseconds."""


class _Step(NamedTuple):
    """Whom to follow: whom an address that was asked has named, or a device, whose facts are read when its turn comes."""

    named: tuple[Neighbour, ...] = ()
    device: UUID | None = None


class Walk:
    """One walk: call it with its operation's control.

    `neighbours_of` are the facts of a device, `device_at` tells whose an address is in the inventory.
    """

    def __init__(
        self,
        settings: WalkSettings,
        prober: Prober,
        take: Take,
        *,
        neighbours_of: Callable[[UUID], Iterable[Neighbour]],
        device_at: Callable[[str], UUID | None],
        now_us: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._within: list[Span] = read_spans(settings.within)[0]
        self._round = Round(prober, settings.asking.rate_per_s)
        self._take = take
        self._neighbours_of = neighbours_of
        self._device_at = device_at
        self._now_us = now_us
        self._tally = Tally()
        self._addresses: set[str] = set()
        self._devices: set[UUID] = set()
        self._seen = self._foreign = self._too_many = 0

    async def __call__(self, control: Control) -> str:
        """Follow neighbours, and say what came of it."""
        steps = [step for id in self._settings.devices for step in self._step_of(id)]
        steps += await self._ask(self._settings.addresses, control, 0)
        for depth in range(1, self._settings.depth + 1):
            wanted: list[str] = []
            following: list[_Step] = []
            for step in steps:
                for some in self._named_by(step):
                    await asyncio.sleep(0)
                    await control.gate()
                    for neighbour in some:
                        following += self._meet(neighbour, step.device, wanted)
            steps = following + await self._ask(wanted, control, depth)
            if not steps:
                break
        return self._words

    def _named_by(self, step: _Step) -> Iterator[tuple[Neighbour, ...]]:
        """Go over whom a step names, some at a time, and over nobody once where it names none."""
        told = step.named if step.device is None else tuple(self._neighbours_of(step.device))
        named = told[: NEIGHBOURS_CAP - self._seen]
        self._seen += len(named)
        for first in range(0, max(1, len(named)), MET_AT_ONCE):
            yield named[first : first + MET_AT_ONCE]

    def _meet(self, neighbour: Neighbour, by: UUID | None, wanted: list[str]) -> list[_Step]:
        """Have a neighbour queued, and note to ask it; where it is a device, return whom it hears itself."""
        address = own_address(neighbour.address)
        device = self._device_at(address) if address else None
        if device is not None:
            return self._step_of(device)
        find = find_of(neighbour, by, self._now_us())
        if find is not None:
            self._take(Met(find))
        if address and self._may_ask(address):
            wanted.append(address)
        return []

    def _may_ask(self, address: str) -> bool:
        if address in self._addresses:
            return False
        self._addresses.add(address)
        parsed = ipaddress.ip_address(address)
        if not (is_within(self._within, address) if self._within else parsed.is_private or parsed in _SHARED):
            self._foreign += 1
            return False
        return True

    def _step_of(self, device: UUID) -> list[_Step]:
        if device in self._devices:
            return []
        self._devices.add(device)
        return [_Step(device=device)]

    async def _ask(self, addresses: Iterable[str], control: Control, depth: int) -> list[_Step]:
        """Ask a round of addresses; return whom they named."""
        listed = list(addresses)
        room = max(0, self._settings.most - self._tally.asked)
        self._too_many += max(0, len(listed) - room)
        steps: list[_Step] = []
        self._addresses.update(listed)
        total = self._tally.asked + len(listed[:room])
        control.tell(
            total=total,
            phase=f"asking, {count_of(depth, 'step', 'steps')} from the beginning" if depth else "asking",
        )

        def on_asked(address: str, met: Met | None) -> None:
            self._tally.add(met, self._take(met) if met is not None else None)
            if met is not None:
                self._addresses.update(met.find.own_addresses)
                steps.append(_Step(met.neighbours))
            control.words = self._words
            control.tell(self._tally.asked)

        await self._round.ask(listed[:room], control, on_asked)
        return steps

    @property
    def _words(self) -> str:
        said = f"{count_of(len(self._devices), 'device', 'devices')} followed, {self._tally.words}"
        if self._foreign:
            where = "outside the ranges" if self._within else "public: name their ranges to have them asked"
            said += f"; {self._foreign:,} left alone that are {where}"
        if self._too_many:
            said += f"; {self._too_many:,} not asked, for {self._settings.most:,} is the most"
        return said


_SHARED = ipaddress.ip_network("100.64.0.0/10")
"""RFC 6598: what carriers use behind their NAT, and the customers' side of many networks."""


def find_of(neighbour: Neighbour, by: UUID | None, at_us: int) -> Find | None:
    """Return the find that a neighbour is, None where it names nothing that is a key."""
    return settled(
        Find(
            UUID(int=0),
            addresses=(neighbour.address,) if neighbour.address else (),
            macs=(neighbour.mac,) if neighbour.mac else (),
            identity=clean_text(neighbour.identity),
            vendor=clean_text(neighbour.platform),
            board=clean_text(neighbour.board),
            version=clean_text(neighbour.version),
            sources=(Seen("neighbour", at_us, by, clean_text(neighbour.interface)),),
            first_us=at_us,
            last_us=at_us,
        )
    )

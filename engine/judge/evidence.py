"""Links and contradictions from what devices tell, kept up to date. Counterpart: `domain/evidence_fusion.py` works them out.

Theory: what is learned only marks a device; a turn reads the marked devices' facts, the longest waiting first and at most so
many, so that a start with ten thousand devices stalls nothing. Of the tables of MACs and addresses only those of known devices
are kept. One rule: no IO and no clock in here; facts are read where they are, in the state.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from uuid import UUID

from domain.evidence import DAY_US, Contradiction, DerivedLink
from domain.evidence_fusion import Fusion, Turn
from domain.evidence_said import PREFIXES, Heard, Said, is_own_mac, read_said, with_past
from domain.fact import Fact
from domain.inventory import Link
from domain.observation import Sighting
from engine.state import State

MOST_PER_TURN, MOST_FACTS_PER_TURN = 50, 1_500
"""Devices and facts that a turn reads, in some 20 ms; more wait for the next one."""

MOST_WORDS_PER_TURN, MOST_PAIRS_PER_TURN = 1_500, 200
"""What devices say that a turn takes up, and the pairs whose links it puts together: some 20 ms each."""

SIGHTINGS_CAP = 4_096
"""Of one device; what was seen longest ago goes first."""


class EvidenceBook:
    """Owns derived links and contradictions; reads inventory, facts and health of `state`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._fusion = Fusion()
        self._waiting: dict[UUID, None] = {}
        self._sightings: dict[UUID, dict[tuple[str, str], Heard]] = {}
        for device in state.inventory.devices():
            self._waiting[device.id] = None
        for link in state.inventory.links():
            self._fusion.put_link(link)
        for id, health in state.health.items():
            for name, probe in health.probes.items():
                if probe.last_answer_us is not None:
                    self._fusion.hear(id, name, probe.last_answer_us)

    @property
    def links(self) -> dict[UUID, DerivedLink]:
        """What holds since the last turn, by id."""
        return self._fusion.links

    @property
    def contradictions(self) -> dict[UUID, Contradiction]:
        """What holds since the last turn, by id."""
        return self._fusion.contradictions

    @property
    def is_behind(self) -> bool:
        """Tell whether the last turn left anything for the next: have that soon."""
        return bool(self._waiting) or self._fusion.is_behind

    def owners(self, key: str) -> tuple[UUID, ...]:
        """Return the devices whose own a MAC or an address is."""
        return self._fusion.owners(key)

    def learn(self, device: UUID, facts: Iterable[Fact] | None = None) -> None:
        """Note that a device tells something new: these facts, or (None) its name or address in the inventory."""
        if facts is None or any(fact.field.startswith(PREFIXES) for fact in facts):
            self._waiting.setdefault(device)

    def hear(self, device: UUID, probe: str, at_us: int) -> None:
        """Note that a probe answered: what it told before still holds."""
        self._fusion.hear(device, probe, at_us)

    def set_back(self, now_us: int) -> None:
        """Take it that nothing was heard after now: the clock was set back."""
        self._fusion.set_back(now_us)
        self._waiting |= dict.fromkeys(self._fusion.said)

    def sight(self, device: UUID, sightings: Iterable[Sighting], at_us: int) -> None:
        """Keep what is seen of devices that are known, and forget what is a day old."""
        table = self._sightings.get(device, {})
        for key, old in list(table.items()):
            if at_us - old.at_us >= DAY_US:
                del table[key]
        for one in sightings:
            is_known = (is_own_mac(one.mac) and self.owners(one.mac)) or (
                one.kind == "arp" and self.owners(one.address)
            )
            if is_known:
                key = (one.kind, one.mac or one.address)
                table.pop(key, None)
                address = one.address if one.kind == "arp" else ""
                table[key] = Heard((one.kind,), "", one.interface, one.mac, address, "", "", at_us)
        while len(table) > SIGHTINGS_CAP:
            del table[next(iter(table))]
        if table:
            self._sightings[device] = table
        if table or device in self._sightings:
            self._waiting.setdefault(device)

    def forget(self, device: UUID) -> None:
        """Drop a device that was deleted."""
        self._waiting.pop(device, None)
        self._sightings.pop(device, None)
        self._fusion.drop(device)

    def change_link(self, link: Link) -> None:
        """Take up a link by hand, or a change of it."""
        self._fusion.put_link(link)

    def forget_link(self, id: UUID) -> None:
        """Drop a link by hand."""
        self._fusion.drop_link(id)

    def turn(self, now_us: int, most: int = MOST_PER_TURN) -> Turn:
        """Read who waits, at most so many; return what changed of links and contradictions."""
        facts_read = 0
        for id in list(islice(self._waiting, most)):
            if facts_read >= MOST_FACTS_PER_TURN:
                break
            del self._waiting[id]
            device = self._state.inventory.device(id)
            if device is None:
                continue
            facts = self._state.facts.get(id, {}).values()
            facts_read += len(facts) + len(self._sightings.get(id, ()))
            said = read_said(device, facts, self._sightings.get(id, {}).values())
            old = self._fusion.said.get(id) or Said(id, device.name, device.address)
            self._fusion.put(with_past(said, old, self._fusion.last_us(id), now_us))
        return self._fusion.turn(now_us, MOST_PAIRS_PER_TURN, MOST_WORDS_PER_TURN)

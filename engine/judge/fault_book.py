"""Faults as they are shown: what a cause takes with it, and what it said last. Counterpart: `faults.py` says who is a cause.

One rule: a fault is made anew of the graph whenever something about it turned; only last words are kept, for a silent device
says no others.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from domain.fault import Consequence, Fault, LastSeen, fault_words
from domain.inventory import Inventory
from domain.topology import Causes, impact
from engine.judge.blame import Blame
from engine.judge.network import Network
from engine.judge.outcome import Outcome
from engine.judge.suspects import Suspects
from engine.state import State

CONSEQUENCES_SHOWN = 50


class LastWords(NamedTuple):
    """What the past knows of a cause: how it was heard last and on most days in dBm, and whether its power went before it did."""

    signal_dbm: float | None = None
    normal_dbm: float | None = None
    lost_power: bool = False


class FaultBook:
    """Writes `state.faults`."""

    def __init__(self, state: State, causes: Causes, suspects: Suspects, blame: Blame) -> None:
        self.last_words: dict[UUID, LastWords] = {}
        self._state = state
        self._causes = causes
        self._suspects = suspects
        self._blame = blame
        self._last_link: dict[UUID, UUID | None] = {}
        self._cut_off: UUID | None = None
        """Whose uplink is a fault."""

    def tell_device(self, device: UUID, missed_us: int, network: Network, outcome: Outcome) -> None:
        """Bring the fault of a device to what holds; who answered since `missed_us` is not lost with it."""
        self._put(self._of_device(device, network, missed_us), outcome)

    def tell_link(self, link: UUID, network: Network, outcome: Outcome) -> None:
        """Bring the fault of a link to what holds."""
        self._put(self._of_link(link, network), outcome)

    def end(self, subject: UUID, outcome: Outcome) -> None:
        """Take a fault out, if there is one."""
        self.last_words.pop(subject, None)
        self._last_link.pop(subject, None)
        if self._state.faults.pop(subject, None) is not None:
            outcome.faults.append(subject)

    def tell_uplink(self, entries: tuple[UUID, ...], has_way: Callable[[str], bool], outcome: Outcome) -> str:
        """Bring the fault of the uplink of who saw devices fall to what holds; return the reason in words where that is ours."""
        vantage = self._who_saw()
        if vantage != self._cut_off:
            self.end_uplink(outcome)
            self._cut_off = vantage
        blast = self._causes.blast(None)
        behind = tuple(id for id in blast.devices if id not in entries)
        old = self._state.faults.get(vantage)
        since_us = old.since_us if old is not None else min(self._since_us(id) for id in blast.devices)
        fault = Fault(
            vantage,
            "cut_off",
            since_us,
            behind,
            behind=len(behind),
            sites=len(blast.sites),
            subscribers=blast.subscribers,
            beside=entries,
        )
        self._put(fault, outcome)
        if vantage != self._state.vantage:
            return ""
        found = [d for id in entries if (d := self._state.inventory.device(id)) is not None]
        if found and not any(has_way(device.address) for device in found):
            return "this computer has no way to the network: no device answers from here"
        names = " or ".join(device.name for device in found[:3])
        return f"no device answers from here: {names} or this computer's own line has failed"

    def end_uplink(self, outcome: Outcome) -> None:
        """Nobody is cut off."""
        if self._cut_off is not None:
            self.end(self._cut_off, outcome)
            self._cut_off = None

    def _who_saw(self) -> UUID:
        """Return from where devices are down: here, or else where another sees them. That says nothing of our own line."""
        vantages = [one.vantage for one in self._state.health.values() if one.status == "down"]
        own = self._state.vantage
        return own if own in vantages or not vantages else vantages[0]

    def words_of(self, subject: UUID) -> str:
        """Return what a fault takes with it and how it was heard last, in words; empty where there is nothing to say."""
        fault = self._state.faults.get(subject)
        if fault is None:
            return ""
        seen = fault.last_seen
        return fault_words(fault, name_of(self._state.inventory, seen.link) if seen is not None else "")

    def _of_device(self, device: UUID, network: Network, missed_us: int) -> Fault:
        topology, state = network.topology, self._state
        affected = self._suspects.blast(device)[1:]
        own = topology.sites[topology.index[device]]
        behind, still_answer = set(affected), 0
        for id in topology.behind(device):
            health = state.health.get(id)
            if health is None or (health.last_answer_us or 0) <= missed_us:
                behind.add(id)
            elif health.status in ("up", "degraded"):
                still_answer += 1
        slots = [topology.index[id] for id in (device, *behind)]
        roots = self._suspects.told(affected[0], self._causes.verdict(affected[0]).roots) if affected else ()
        members = self._suspects.members.get(device, (device,))
        return Fault(
            device,
            "device",
            min(self._since_us(id) for id in members),
            affected,
            links=self._causes.fallen_links(device, missed_us),
            behind=len(behind),
            sites=sum(site != own for site in topology.sites_within(slots)),
            subscribers=sum(topology.subscribers[v] for v in slots),
            still_answer=still_answer,
            lost_power=self.last_words.get(device, LastWords()).lost_power,
            last_seen=self._last_seen(device, network),
            beside=tuple(id for id in roots if id != device),
            weakened=self._weakened(network, device, None),
            consequences=self._consequences(device),
        )

    def _of_link(self, link: UUID, network: Network) -> Fault:
        state = self._state.link_states.get(link)
        return Fault(
            link,
            "link",
            state.since_us if state is not None else 0,
            weakened=self._weakened(network, None, link),
            consequences=self._consequences(link),
        )

    def _consequences(self, subject: UUID) -> tuple[Consequence, ...]:
        followed = self._blame.followed.get(subject)
        return tuple(islice(followed.values(), CONSEQUENCES_SHOWN)) if followed else ()

    def _weakened(self, network: Network, device: UUID | None, link: UUID | None) -> tuple[UUID, ...]:
        """Return who lost a second way by this, and by nothing else that was there before."""
        now = self._causes.weakened()
        if not now or (link is not None and link not in network.topology.links):
            return ()
        alone = impact(network.topology, (device,) if device else (), (link,) if link else ())
        return tuple(id for id in alone.degraded if id in now)

    def _last_seen(self, device: UUID, network: Network) -> LastSeen | None:
        health = self._state.health.get(device)
        if device not in self._last_link:
            witness = next(iter(self._causes.witnesses(device, 1)), None)
            links = network.links_between(device, witness) if witness is not None else []
            self._last_link[device] = links[0] if links else None
        link = self._last_link[device]
        if link is None or health is None or health.last_answer_us is None:
            return None
        words = self.last_words.get(device, LastWords())
        return LastSeen(link, health.last_answer_us, words.signal_dbm, words.normal_dbm)

    def _since_us(self, device: UUID) -> int:
        """Return since when a device does not answer: its last answer is the last that is known."""
        health = self._state.health.get(device)
        if health is None:
            return 0
        return health.last_answer_us or health.since_us

    def _put(self, fault: Fault, outcome: Outcome) -> None:
        if self._state.faults.get(fault.subject) != fault:
            self._state.faults[fault.subject] = fault
            outcome.faults.append(fault.subject)


def name_of(inventory: Inventory, id: UUID) -> str:
    """Return what a device is called, or a link by its ends; empty where it is gone."""
    link = inventory.link(id)
    ends = (inventory.device(end) for end in ((id,) if link is None else (link.a, link.b)))
    return " \u2013 ".join(end.name for end in ends if end is not None)

"""What broke, and what only lies behind it: which alerts may open, and the faults that are shown. Counterpart: `domain/topology`.

Theory: a device that falls silent is hushed at once, before its alert can open, and stays so until it is clear what it is. What
lies behind a cause stays hushed, and is shown as affected. A cause is shown at once and believed when a witness, which stands
before it, has answered some seconds after its own first miss: the way up to it stands. Until then the witnesses
are asked, at most for one poll age. What was behind a cause that came back gets the time to come back itself. A suspect, which
nobody hears, is a cause where all behind it fell silent together; these are affected by it.
One rule: time is an argument; whom to ask, and whether this computer has a way to an address, is asked of others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from domain.evidence import DerivedLink
from domain.health import SILENT, Health
from domain.inventory import PUSHED, Inventory
from domain.load import LinkState
from domain.observation import Observation
from domain.topology import Causes, impact
from engine.judge.blame import Blame
from engine.judge.fallen_links import APART_S, age_us, weigh
from engine.judge.fault_book import FaultBook, LastWords
from engine.judge.network import Network
from engine.judge.outcome import Outcome
from engine.judge.peace import Peace
from engine.judge.suspects import Suspects
from engine.state import State

COME_BACK_S = 40.0
"""How long what was behind a cause may take to answer once that is back, for routes have to be found again; and how long what
was down may take to answer on all its probes, for a router that boots answers pings first."""
ASK_AGAIN_S = 2.0
UNHEARD = "Nobody hears it: it has failed, or what is before it"
TOGETHER_S = 120.0
"""An alert that opened at most so long before its cause fell is of the same event."""


@dataclass(slots=True)
class _Doubt:
    """A cause that is not believed yet. `back_us`: when what it was behind came back, where it was behind something."""

    began_us: int
    back_us: int | None = None


class Faults:
    """Owns the faults of `state`. `ask` polls a device now, `has_way` tells whether this computer has a route to an address."""

    def __init__(
        self, state: State, peace: Peace, ask: Callable[[UUID], object], has_way: Callable[[str], bool]
    ) -> None:
        self._state, self._peace, self._ask, self._has_way = state, peace, ask, has_way
        self._network = Network(state.inventory)
        self._causes = Causes(self._network.topology)
        self._missed_us: dict[UUID, int] = {}
        self._resting: set[UUID] = set()
        self._behind: dict[UUID, tuple[UUID, ...]] = {}
        self._doubts: dict[UUID, _Doubt] = {}
        self._believed: set[UUID] = set()
        self._links_down: set[UUID] = set()
        self._derived: dict[UUID, DerivedLink | None] = {}
        self._is_cut_off = False
        self._asked_us: dict[UUID, int] = {}
        self._waking: dict[UUID, int] = {}
        self._suspects = Suspects(self._causes, TOGETHER_S)
        self._accused: set[UUID] = set()
        self.blame = Blame(state, self._causes, self._suspects, self._network)
        self._book = FaultBook(state, self._causes, self._suspects, self.blame)
        self._is_begun = False
        for health in state.health.values():
            self._note(health)
        for link in state.link_states.values():
            self._note_link(link)

    @property
    def network(self) -> Network:
        """The graph, settled: for questions."""
        self._network.settle(self._state.inventory)
        return self._network

    def dependents(self, devices: frozenset[UUID]) -> Iterable[UUID]:
        """Return what loses its way to the network when these devices are off."""
        topology = self.network.topology
        return impact(topology, [id for id in devices if id in topology]).devices

    # What is seen

    def see(self, observation: Observation, new: Health) -> None:
        """Note when a probe began to miss: what a witness said before that proves nothing."""
        if observation.failure is not None:
            if new.probes[observation.probe].misses == 1:
                self._missed_us[new.device] = observation.at_us
        elif self._missed_us and not new.misses:
            self._missed_us.pop(new.device, None)

    def turn_device(self, new: Health, at_us: int, outcome: Outcome) -> None:
        """Follow a device whose status is another than before. To be called before its alerts are."""
        was_down = self._causes.is_down(new.device)
        self._note(new)
        self._waking.pop(new.device, None)
        if new.status == "down":
            self._rest(new.device, at_us, outcome)
        elif new.status == "degraded" and (was_down or not self._is_alive(new, at_us)):
            self._rest(new.device, at_us, outcome)
            self._waking[new.device] = at_us + int(COME_BACK_S * 1e6) * was_down

    def turn_link(self, new: LinkState, at_us: int, outcome: Outcome) -> None:
        """Follow a link whose status is another than before. To be called before its alerts are."""
        self._note_link(new)
        self.blame.turn_link(new.link)
        if new.status == "down":
            self._links_down.add(new.link)
            self._rest(new.link, at_us, outcome)
        else:
            self._links_down.discard(new.link)
            self._behind.pop(new.link, None)
            self._book.end(new.link, outcome)

    def let_go(self, subject: UUID, status: str, at_us: int, outcome: Outcome) -> None:
        """Let a device or link that is not down alert for what it is. To be called after its alerts know its status."""
        if status != "down" and subject not in self._waking:
            self._release(subject, at_us, outcome)

    def change(
        self, inventory: Inventory, touched: Iterable[tuple[str, UUID]], at_us: int, outcome: Outcome
    ) -> None:
        """Follow an edit that `inventory` holds already."""
        things = list(touched)
        self._network.change(inventory, things)
        for kind, id in things:
            if kind == "device" and inventory.device(id) is None:
                self._causes.forget(id)
                self._missed_us.pop(id, None)
                self._waking.pop(id, None)
                self._doubts.pop(id, None)
                self._behind.pop(id, None)
                self._believed.discard(id)
            elif kind == "link" and id not in self._state.link_states:
                self._causes.set_link(id, False)
                self._links_down.discard(id)
                self._behind.pop(id, None)
            else:
                continue
            self._release(id, at_us, outcome)
            self._book.end(id, outcome)

    def derive(self, found: Iterable[DerivedLink], gone: Iterable[UUID], *, more: bool) -> None:
        """Take up links that devices tell of; `more`: there are others to come soon, so wait for them."""
        self._derived.update((link.id, link) for link in found)
        self._derived.update((id, None) for id in gone)
        if not more and self._derived:
            links = [link for link in self._derived.values() if link is not None]
            self._network.derive(links, [id for id, link in self._derived.items() if link is None])
            self._derived = {}

    def begin_anew(self, now_us: int) -> None:
        """Take up every doubt anew, for the clocks have jumped: nobody was asked meanwhile."""
        self._missed_us = {id: min(at_us, now_us) for id, at_us in self._missed_us.items()}
        self._doubts = {id: _Doubt(now_us, now_us) for id in self._doubts}
        self._waking = {
            id: min(until_us, now_us + int(COME_BACK_S * 1e6)) for id, until_us in self._waking.items()
        }
        self._asked_us.clear()

    def tell_last_words(self, device: UUID, words: LastWords, outcome: Outcome) -> None:
        """Take up what the past knows of a cause."""
        self._book.last_words[device] = words
        self.tell({device}, outcome)

    # What it means

    def tick(self, now_us: int, outcome: Outcome) -> None:
        """Look, and believe causes that are proven. To be called each second."""
        if not self._is_begun:
            self._is_begun = True
            self._links_down = {
                link.link for link in self._state.link_states.values() if link.status == "down"
            }
            down = [health.device for health in self._state.health.values() if health.status == "down"]
            for subject in (*down, *self._links_down):
                self._rest(subject, now_us, outcome)
            self._accuse_again(now_us, outcome)
        self.look(now_us, outcome)
        for id in list(self._doubts):
            self._weigh(id, now_us, outcome)
        for id in list(self._links_down & self._resting):
            self._weigh_link(id, now_us, outcome)
        for id in list(self._waking):
            self._wake(id, now_us, outcome)
        if self._is_cut_off:
            self._tell_uplink(now_us, outcome)
        if not (self._doubts or self._links_down or self._waking):
            self._asked_us.clear()

    def look(self, now_us: int, outcome: Outcome) -> None:
        """Find out what each device is that turned: a cause, or behind one. Before the first tick nothing is known."""
        if not self._is_begun:
            return
        self._network.settle(self._state.inventory)
        changes = self._causes.take_changes()
        turned = set(changes.devices)
        was_cut_off, self._is_cut_off = self._is_cut_off, self._causes.cut_off
        if was_cut_off != self._is_cut_off:
            turned |= self._resting | self._behind.keys() | self._believed | self._doubts.keys()
            self._tell_uplink(now_us, outcome)
        if turned or changes.roots:
            turned |= self._suspects.look(self._began_us)
        for id in turned:
            if id in self._network.topology:
                self._judge(id, now_us, outcome)
        self.blame.turned |= turned
        self.tell(turned | changes.roots, outcome)

    def _judge(self, device: UUID, now_us: int, outcome: Outcome) -> None:
        if device in self._suspects.members:
            if device not in self._accused:
                self._believed.discard(device)
                self._doubts.setdefault(device, _Doubt(now_us))
            return
        if device in self._accused:
            self._accused.discard(device)
            self._believed.discard(device)
            if not self._is_down(device):
                self._peace.turn_suspect(device, "", 0, now_us, outcome)
        verdict = self._causes.verdict(device)
        if verdict.kind == "affected" or device in self._suspects.of:
            self._doubts.pop(device, None)
            self._believed.discard(device)
            roots = self._suspects.told(device, verdict.roots)
            if device not in self._behind or self._behind[device] != roots:
                self._behind[device] = roots
                self._put_behind(device, roots, now_us, outcome)
            return
        was_behind = self._behind.pop(device, None) is not None
        if verdict.kind == "clear":
            self._doubts.pop(device, None)
            self._believed.discard(device)
        elif device not in self._believed and (was_behind or device not in self._doubts):
            self._doubts[device] = _Doubt(now_us, now_us if was_behind else None)

    def _put_behind(self, device: UUID, roots: tuple[UUID, ...], now_us: int, outcome: Outcome) -> None:
        names = [found.name for id in roots[:3] if (found := self._state.inventory.device(id)) is not None]
        more = f" and {len(roots) - 3} more" if len(roots) > 3 else ""
        why = f"behind {', '.join(names)}{more}" if names else "this computer has lost its way to the network"
        since_us = min(map(self._began_us, roots)) - int(TOGETHER_S * 1e6) if roots else None
        self._resting.add(device)
        self._peace.set_suppressed(device, True, now_us, outcome, why=why, since_us=since_us)

    # Doubts

    def _weigh(self, device: UUID, now_us: int, outcome: Outcome) -> None:
        """Believe a cause that is proven, or that nobody could prove in time; ask for proof of the rest."""
        doubt = self._doubts[device]
        witnesses = self._causes.witnesses(device)
        if self._is_believable(device, doubt, witnesses, now_us):
            del self._doubts[device]
            self._believed.add(device)
            said = self._book.words_of(device)
            if device in self._suspects.members:
                self._accuse(device, f"{said}. {UNHEARD}", now_us, outcome)
                return
            self._peace.explain(device, ". ".join(filter(None, (said, self._state.health[device].reason))))
            self._release(device, now_us, outcome)
            return
        self._ask_all((*witnesses, device) if doubt.back_us is not None else witnesses, now_us)

    def _accuse(self, device: UUID, why: str, now_us: int, outcome: Outcome) -> None:
        self._accused.add(device)
        self._believed.add(device)
        self._peace.turn_suspect(device, why, self._began_us(device), now_us, outcome)

    def _accuse_again(self, now_us: int, outcome: Outcome) -> None:
        """Take up suspects that an alert was open about when the engine stopped."""
        self._network.settle(self._state.inventory)
        self._suspects.look(self._began_us)
        for alert in list(self._state.alerts.values()):
            if (
                alert.cleared_us is None
                and alert.kind == "device_down"
                and alert.subject in self._suspects.members
            ):
                self._accuse(alert.subject, alert.reason, now_us, outcome)

    def _is_believable(self, device: UUID, doubt: _Doubt, witnesses: tuple[UUID, ...], now_us: int) -> bool:
        if doubt.back_us is not None:
            asked = self._state.health[device].heard_us - doubt.back_us >= COME_BACK_S * 1e6 / 2
            if now_us - doubt.back_us < COME_BACK_S * 1e6 or not (
                asked or self._is_late(device, doubt, now_us)
            ):
                return False
        fault = self._state.faults.get(device)
        if fault is not None and fault.last_seen is not None and now_us - doubt.began_us < 1e6:
            return False  # how it was heard last is being read from the disk
        if not witnesses:
            return True
        from_us = self._began_us(device) + APART_S * 1e6
        answers = (self._state.health[id].last_answer_us for id in witnesses if id in self._state.health)
        if any(at_us is not None and from_us < at_us <= now_us for at_us in answers):
            return True
        return all(self._is_late(id, doubt, now_us) for id in witnesses)

    def _is_late(self, device: UUID, doubt: _Doubt, now_us: int) -> bool:
        """Tell whether a device had one poll age to answer since a doubt began."""
        found = self._state.inventory.device(device)
        return found is None or now_us - doubt.began_us > age_us(self._state, (device,))

    def _is_alive(self, health: Health, now_us: int) -> bool:
        """Tell whether a degraded device answered since it began to miss, if only with a refusal: what dies while it is asked has
        a probe that fails before the others are asked at all."""
        failures = (probe.failure for probe in health.probes.values() if probe.failed)
        return (
            (health.last_answer_us or 0) > self._missed_us.get(health.device, 0)
            or any(failure is not None and failure.kind not in SILENT for failure in failures)
            or now_us - health.since_us > age_us(self._state, (health.device,))
        )

    def _wake(self, device: UUID, now_us: int, outcome: Outcome) -> None:
        """Let a degraded device alert once it is known to live, and had the time to come back whole."""
        if now_us >= self._waking[device] and self._is_alive(self._state.health[device], now_us):
            del self._waking[device]
            self._release(device, now_us, outcome)
        else:
            self._ask_all((device,), now_us)

    def _weigh_link(self, link: UUID, now_us: int, outcome: Outcome) -> None:
        """Let a link alert that is news of its own."""
        both, state = self._state.inventory.link(link), self._state.link_states.get(link)
        if both is None or state is None:
            return
        weighed = weigh(both, state, self._state, self._causes, now_us)
        if weighed.silent is not None and link not in self._behind:
            self._behind[link] = (weighed.silent,)
            self._put_behind(link, (weighed.silent,), now_us, outcome)
        if weighed.is_news:
            self._behind.pop(link, None)
            self.blame.turn_link(link)
            self._release(link, now_us, outcome)
            self.tell({link}, outcome)
            return
        self._ask_all(weighed.ask, now_us)

    def _ask_all(self, devices: Iterable[UUID], now_us: int) -> None:
        for id in devices:
            if now_us - self._asked_us.get(id, 0) >= ASK_AGAIN_S * 1e6:
                self._asked_us[id] = now_us
                self._ask(id)

    # What is noted, and what is told

    def _tell_uplink(self, now_us: int, outcome: Outcome) -> None:
        if not self._is_cut_off:
            self._book.end_uplink(outcome)
            self._peace.turn_uplink("", now_us, outcome)
            return
        topology = self._network.topology
        entries = topology.names(sorted(topology.entries))
        self._peace.turn_uplink(self._book.tell_uplink(entries, self._has_way, outcome), now_us, outcome)

    def tell(self, subjects: Iterable[UUID], outcome: Outcome) -> None:
        """Bring the faults of some devices and links to what holds."""
        causes = self._believed | self._doubts.keys()
        links = self._links_down - self._resting
        for id in subjects:
            if id in causes:
                self._book.tell_device(id, self._began_us(id), self._network, outcome)
            elif id in links:
                self._book.tell_link(id, self._network, outcome)
            else:
                self._book.end(id, outcome)

    def _began_us(self, device: UUID) -> int:
        """Return when a device began to miss; of a suspect the first that hangs on it."""
        members = self._suspects.members.get(device)
        if members is not None:
            return min(map(self._began_us, members))
        health = self._state.health.get(device)
        return self._missed_us.get(device, health.since_us if health is not None else 0)

    def _is_down(self, device: UUID) -> bool:
        health = self._state.health.get(device)
        return health is not None and health.status == "down"

    def _note(self, health: Health) -> None:
        since_us = self._missed_us.get(health.device, health.since_us)
        self._causes.set_state(health.device, health.status, since_us, is_asked=PUSHED not in health.probes)

    def _note_link(self, link: LinkState) -> None:
        self._causes.set_link(link.link, link.status == "down", link.since_us)

    def _rest(self, subject: UUID, at_us: int, outcome: Outcome) -> None:
        self._resting.add(subject)
        self._peace.set_suppressed(subject, True, at_us, outcome)

    def _release(self, subject: UUID, at_us: int, outcome: Outcome) -> None:
        if subject in self._resting:
            self._resting.discard(subject)
            self._peace.set_suppressed(subject, False, at_us, outcome)

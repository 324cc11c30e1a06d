"""The judge of a tenant: folds observations and time into what holds now. Counterpart: `compose.py`, who carries it on.

Theory: `observe` for each answer or failure, `end_visit` when a device was asked whole, `tick` each second, and
`change_inventory` after an edit; each leaves as one Outcome. After a jump of the clocks a miss is no news until each device
had its interval: the network comes back later than the computer does. One rule: no IO and no clock in here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec

from domain.alerts import Act, Alert
from domain.habits import Against
from domain.health import Health, aged, next_health, stale_after_us, without_probe
from domain.inventory import PUSHED, SLOWEST_INTERVAL_S, Device, Inventory, Link, is_paused, signs_of_life
from domain.journal import JournalRow
from domain.metrics import believable
from domain.observation import Observation, Reading, Value
from domain.team import poller_of
from engine.journal import JournalPen
from engine.judge.alerts import Alerts
from engine.judge.chronicle import Chronicle
from engine.judge.clocks import ClockWatch, Listening
from engine.judge.evidence import EvidenceBook
from engine.judge.facts import fold_facts
from engine.judge.fault_book import LastWords
from engine.judge.faults import Faults
from engine.judge.health import tell_probe_edge, tell_status_edge
from engine.judge.links import Links
from engine.judge.outcome import Outcome, Sample
from engine.judge.rule_past import Watched
from engine.judge.rules import CYCLE_MARGIN_S, Rules
from engine.judge.signals import Signals
from engine.judge.told import Told
from engine.state import State

_log = logging.getLogger("engine.judge")

TICK_S = 1.0
AGE_EVERY_TICKS = 5


class Judge:
    """Owns health, links, alerts, faults, facts and latest values of `state`; `unbelievable` counts values out of range.

    `ask` polls a device now; `has_way` tells whether this computer has a route to an address. `is_looking`: somebody else
    judges; what is seen here then is nothing, and causes are found behind what others saw (`following.py`).
    """

    def __init__(
        self,
        state: State,
        pen: JournalPen,
        on_outcome: Callable[[Outcome], None],
        now_us: int,
        now_s: float,
        *,
        ask: Callable[[UUID], object] = lambda device: None,
        has_way: Callable[[str], bool] = lambda address: True,
        is_looking: bool = False,
    ) -> None:
        self.unbelievable = 0
        self._told = Told(state.values)
        self._is_looking = is_looking
        self._state = state
        self._pen = pen
        self._on_outcome = on_outcome
        unasked = (d.id for d in state.inventory.devices() if is_paused(d, now_us) or not d.probes)
        self._links = Links(state.link_states, state.inventory.links(), unasked, state.facts)
        self._signals = Signals(state, state.inventory.links())
        alerts = Alerts(state.alerts, pen, is_looking=is_looking)
        self.rules = Rules(state, alerts, self._links.interfaces, self._told.is_off, now_us)
        self.faults = Faults(state, self.rules, ask, has_way)
        self.rules.works.dependents = self.faults.dependents
        self.evidence = EvidenceBook(state)
        state.derived_links, state.contradictions = self.evidence.links, self.evidence.contradictions
        self._consequences = self.rules.find_consequences(self.faults.blame, self.evidence.owners, ask)
        self._chronicle = Chronicle(pen, state.values)
        self._clocks = ClockWatch(now_us, now_s)
        self._listening = Listening(state, now_us)
        self._suspended_us: int | None = None
        self._ticks = 0
        self._soonest_stale_us: float | None = None
        self._visit: dict[UUID, list[Value]] = {}

    def observe(self, observation: Observation) -> None:
        """Fold one observation in; one of a device or probe that is gone by now is nothing."""
        device = self._state.inventory.device(observation.device)
        if (
            device is None
            or self._is_looking
            or is_paused(device, observation.at_us)
            or observation.probe not in signs_of_life(device)
        ):
            return
        if observation.failure is not None and self._suspends(device, observation.at_us):
            return
        outcome = Outcome()
        old = self._state.health.get(device.id)
        new = next_health(old, observation)
        if new is old:
            return
        tell_probe_edge(old, new, observation.probe)
        self.faults.see(observation, new)
        is_link_news = False
        if observation.probe == PUSHED:
            pass  # a sign of life; what was pushed is taken by itself
        elif observation.reading is not None:
            is_link_news = self._read(observation, observation.reading, outcome)
        elif new.probes[observation.probe].failed:
            is_link_news = self._lose(device.id, observation.probe, outcome)
        self._turn_health(device, old, new, observation.at_us, outcome)
        if is_link_news:
            self._turn_links(device.id, observation.at_us, outcome)
        self._on_outcome(outcome)

    def end_visit(self, device: UUID, at_us: int) -> None:
        """Make one sample of all that a visit brought, and the latest values."""
        values = self._visit.pop(device, None)
        visited = self._state.inventory.device(device)
        if values and visited is not None:
            self._told.show(device, at_us)
            outcome = Outcome(samples=[Sample(device, at_us, tuple(values))], values=[device])
            self.rules.end_visit(visited, at_us, outcome)
            self._on_outcome(outcome)

    def take_pushed(self, device: Device, values: Iterable[Value], at_us: int) -> None:
        """Judge the numbers that a device pushed; they are stored already, where they came in."""
        if self._is_looking or is_paused(device, at_us):
            return
        outcome, keep_us = Outcome(values=[device.id]), int(stale_after_us(_slowest_s(device)))
        fresh = self._told.push(device.id, believable(tuple(values)), at_us, keep_us)
        self._told.show(device.id, at_us)
        self.rules.judge_alone(device, PUSHED, fresh, at_us, outcome)
        if self._links.see(device.id, PUSHED, self._told.of(device.id)[PUSHED]):
            self._turn_links(device.id, at_us, outcome)
        self._hand_on(outcome)

    def _forget_pushes(self, now_us: int, outcome: Outcome) -> None:
        """What a device pushed that is asked too is over when nothing comes any more: its probes say that it is there."""
        for id, at_us in self._told.pushers():
            device = self._state.inventory.device(id)
            if device is not None and device.probes and now_us - at_us > stale_after_us(_slowest_s(device)):
                self.rules.lose(id, PUSHED, now_us, outcome)
                if self._lose(id, PUSHED, outcome):
                    self._turn_links(id, now_us, outcome)

    def tick(self, now_us: int, now_s: float) -> None:
        """Look at the clocks; age what nobody polled; let time add up for alerts. To be called each TICK_S."""
        outcome = Outcome()
        if (jump_s := self._clocks.jump_s(now_us, now_s, TICK_S)) and not self._is_looking:
            self._suspend(jump_s, now_us, outcome)
        self._ticks += 1
        if self._ticks % AGE_EVERY_TICKS == 0 and not self._is_looking:
            self._forget_pushes(now_us, outcome)
            self._age(now_us, outcome)
        self.faults.tick(now_us, outcome)
        if not self._is_looking:
            self.faults.tell(self._consequences.tick(now_us, outcome), outcome)
            self.rules.tick(now_us, outcome)
        self._hand_on(outcome)

    def look(self, now_us: int) -> None:
        """Find out what is behind what: to be called soon after a device went down, that it is not shown as a cause meanwhile."""
        outcome = Outcome()
        self.faults.look(now_us, outcome)
        self._hand_on(outcome)

    def _hand_on(self, outcome: Outcome) -> None:
        if outcome:
            self._on_outcome(outcome)

    def act(self, alert: Alert, act: Act) -> Outcome:
        """Note what somebody did to an alert. Not handed on: who asks makes it durable first."""
        outcome = Outcome()
        self.rules.act(alert, act, outcome)
        return outcome

    def turn_evidence(self, now_us: int) -> bool:
        """Bring the links that devices tell of up to date; return whether more waits. To be called each TICK_S, sooner then."""
        outcome, turn = Outcome(), self.evidence.turn(now_us)
        self.faults.derive(turn.links, turn.gone, more=self.evidence.is_behind)
        outcome.derived_links += [*(link.id for link in turn.links), *turn.gone]
        outcome.contradictions += [*(one.id for one in turn.contradictions), *turn.settled]
        self._hand_on(outcome)
        return self.evidence.is_behind

    def hear(self, rows: list[JournalRow]) -> None:
        """Hand on what devices sent unasked, with what follows from it."""
        self._on_outcome(Outcome(journal=[*rows, *self._chronicle.hear(rows)]))

    def tell_last_words(self, device: UUID, words: LastWords) -> None:
        """Take up what the past knows of a cause."""
        outcome = Outcome()
        self.faults.tell_last_words(device, words, outcome)
        self._hand_on(outcome)

    def judge_past(self, device: UUID, found: Iterable[tuple[Watched, Against | None]], at_us: int) -> None:
        """Hold numbers of a device against their own past; None where too little of it is known."""
        there = self._state.inventory.device(device)
        if there is None:
            return
        outcome = Outcome()
        for watched, against in found:
            self.rules.judge_past(there, watched, against, at_us, outcome)
        self._hand_on(outcome)

    def change_inventory(self, before: Inventory, touched: Iterable[tuple[str, UUID]], at_us: int) -> None:
        """Follow an edit that `state.inventory` holds already."""
        outcome, touched = Outcome(), list(dict.fromkeys(touched))
        self._soonest_stale_us = None
        for kind, id in touched:
            if kind == "device":
                self._follow_device(before.device(id), self._state.inventory.device(id), id, at_us, outcome)
            elif kind == "link":
                self._follow_link(before.link(id), self._state.inventory.link(id), id, at_us, outcome)
        self.faults.change(self._state.inventory, touched, at_us, outcome)
        self.rules.change_inventory(before, touched, at_us, outcome)
        self._hand_on(outcome)

    # What a reading brings and a failure takes

    def _read(self, observation: Observation, reading: Reading, outcome: Outcome) -> bool:
        """Take up an answer's numbers and facts; return whether a link may have turned."""
        device = observation.device
        believed = believable(reading.values)
        self.unbelievable += len(reading.values) - len(believed)
        if observation.rtt_us is not None:
            believed = (("rtt_ms", observation.probe, observation.rtt_us / 1000), *believed)
        if radio := self._signals.compare(device, believed):
            believed = (*believed, *radio)
        self._told.take(device, observation.probe, believed)
        self._visit.setdefault(device, []).extend(believed)
        self.rules.see(device, observation.probe, believed)
        if (
            restart := self._chronicle.see(device, observation.probe, believed, observation.at_us)
        ) is not None:
            outcome.journal.append(restart)
        if reading.facts or reading.facts_whole:
            facts = self._state.facts.setdefault(device, {})
            version = facts.get(("version", observation.probe))
            changed = fold_facts(facts, observation, reading)
            outcome.facts += changed
            for fact in changed:
                if fact.field == "version" and (
                    row := self._chronicle.follow_version(version, fact, facts.values())
                ):
                    outcome.journal.append(row)
            self._links.learn(changed)
            self.rules.see_facts(changed, observation.at_us, outcome)
            self.evidence.learn(device, changed)
        self.evidence.hear(device, observation.probe, observation.at_us)
        if reading.sightings:
            self.evidence.sight(device, reading.sightings, observation.at_us)
        return self._links.see(device, observation.probe, believed)

    def _lose(self, device: UUID, probe: str | None, outcome: Outcome) -> bool:
        """Forget the numbers of a probe, or of all: they are live no more. Return whether a link may have turned."""
        if self._told.lose(device, probe):
            outcome.values.append(device)
        return self._links.lose(device, probe)

    # What turns

    def _turn_health(
        self, device: Device, old: Health | None, new: Health, at_us: int, outcome: Outcome
    ) -> None:
        self._state.health[device.id] = new
        outcome.health.append(new)
        tell_status_edge(device, old, new, at_us=at_us, pen=self._pen, outcome=outcome)
        if old is None or old.status != new.status:
            self.faults.turn_device(new, at_us, outcome)
            self.rules.turn_device(device, new, at_us, outcome)
            self.faults.let_go(device.id, new.status, at_us, outcome)

    def _turn_links(self, device: UUID, at_us: int, outcome: Outcome) -> None:
        for link, lag in self._links.lags(device):
            self.rules.turn_members(link, lag, at_us, outcome)
        for old, new in self._links.turn(device, at_us):
            outcome.link_states.append(new)
            was = old.status if old is not None else "unknown"
            if was == new.status:
                continue
            outcome.turned = True
            row = self._pen.row(at_us, "link_status", new.link, was=was, status=new.status)
            outcome.journal.append(row)
            level = logging.WARNING if new.status == "down" else logging.INFO
            _log.log(level, "link_status", extra={"link_id": new.link, "was": was, "status": new.status})
            self.faults.turn_link(new, at_us, outcome)
            self.rules.turn_link(new.link, new.status, at_us, outcome)
            self.faults.let_go(new.link, new.status, at_us, outcome)

    # Time

    def _suspend(self, jump_s: float, now_us: int, outcome: Outcome) -> None:
        self.faults.begin_anew(now_us)
        if jump_s < 0:
            self.evidence.set_back(now_us)
        self._suspended_us = self._listening.polls_us = now_us
        outcome.journal.append(self._pen.row(now_us, "judgement_suspended", None, jump_s=round(jump_s, 3)))
        _log.warning("judgement_suspended", extra={"jump_s": round(jump_s, 3)})
        for health in list(self._state.health.values()):
            if (
                health.heard_us > now_us
            ):  # the clock was set back: what is heard from now on must not look old
                self._state.health[health.device] = msgspec.structs.replace(health, heard_us=now_us)

    def _suspends(self, device: Device, at_us: int) -> bool:
        since_us = self._suspended_us
        return since_us is not None and at_us < since_us + (device.interval_s + CYCLE_MARGIN_S) * 1e6

    def _age(self, now_us: int, outcome: Outcome) -> None:
        """Turn stale what was not heard for long, all in one go: of a link neither end is believed longer than the other."""
        if self._soonest_stale_us is None:
            every = (stale_after_us(_slowest_s(device)) for device in self._state.inventory.devices())
            self._soonest_stale_us = min(every, default=0)
        self._listening.look(now_us)
        if self._listening.polls_us >= (least_us := now_us - self._soonest_stale_us):
            return
        for id, old in [item for item in self._state.health.items() if item[1].heard_us < least_us]:
            device = self._state.inventory.device(id)
            if device is None or not old.heard_us or old.status in ("stale", "unknown"):
                continue
            heard_us = max(old.heard_us, self._listening.since_us(device))
            if now_us - heard_us <= stale_after_us(_slowest_s(device)):
                continue
            poller = poller_of(self._state.team, device.polled_by or old.vantage)
            new = aged(msgspec.structs.replace(old, heard_us=heard_us), now_us, _slowest_s(device), poller)
            self._lose(id, None, outcome)
            self._turn_health(device, old, new, now_us, outcome)
            self._turn_links(id, now_us, outcome)

    # Edits

    def _follow_device(
        self, old: Device | None, new: Device | None, id: UUID, at_us: int, outcome: Outcome
    ) -> None:
        if new is None:
            self.rules.forget(id, at_us, outcome, "the device was deleted")
            for table in (self._state.health, self._state.facts, self._visit):
                table.pop(id, None)
            self._told.forget(id)
            self._links.forget(id)
            self.evidence.forget(id)
            self._chronicle.forget(id)
            return
        if old is None or (old.name, old.address) != (new.name, new.address):
            self.evidence.learn(id)
        health = self._state.health.get(id)
        if old is None or health is None:
            return
        paused = is_paused(new, at_us)
        if paused or new.address != old.address:
            fresh = Health(id, health.vantage, since_us=at_us, reason="paused" if paused else "not asked yet")
            self.rules.forget(id, at_us, outcome, "paused" if paused else "it has another address")
            if new.address != old.address:
                self._chronicle.forget(id)
            self._lose(id, None, outcome)
        else:
            fresh = health
            for probe in set(health.probes) - signs_of_life(new):
                fresh = without_probe(fresh, probe, at_us)
                self._lose(id, probe, outcome)
        if fresh is not health:
            self._turn_health(new, health, fresh, at_us, outcome)
            self._turn_links(id, at_us, outcome)

    def _follow_link(
        self, old: Link | None, new: Link | None, id: UUID, at_us: int, outcome: Outcome
    ) -> None:
        if new is None:
            self._links.drop(id)
            self._signals.drop(id)
            self.evidence.forget_link(id)
        else:
            self._links.set(new)
            self._signals.set(new)
            self.evidence.change_link(new)
        if old is not None and (new is None or _ends(old) != _ends(new)):
            self._state.link_states.pop(id, None)
            self.rules.forget(id, at_us, outcome, "the link was changed or deleted")
        if new is not None:
            for end in (new.a, new.b):
                for probe, values in self._told.of(end).items():
                    self._links.see(end, probe, values)
            self._turn_links(new.a, at_us, outcome)


def _slowest_s(device: Device) -> float:
    """Return the longest that may pass between two polls of a device that answers."""
    return max(device.interval_s, SLOWEST_INTERVAL_S) if device.may_slow else device.interval_s


def _ends(link: Link) -> tuple[UUID, str, UUID, str]:
    return link.a, link.a_interface, link.b, link.b_interface

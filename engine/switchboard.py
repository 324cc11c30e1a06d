"""What passes from one room of the engine to the others. Counterpart: `compose.py`, who makes the rooms and puts them in here.

Theory: a judge is made anew whenever another way of judging begins, from what is known, as at a start: for this network or the
team ("judging"), for this computer alone while the team's server is not heard ("local"), or not at all ("looking"), when all
that it does is to find the causes behind what others saw. Which devices are asked from here is another matter: `polls` says so,
and what is seen of them while another judges is gathered here, and reported to him. What is judged locally is shown and written
into the journal, and nowhere else.
One rule: nothing here decides; it carries.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol
from uuid import UUID

from domain.alerts import Act, Alert
from domain.inventory import Device, Inventory, is_paused
from domain.journal import RECEIVED_KINDS, JournalRow
from domain.observation import Observation, Value
from domain.polling import HOLD_S
from domain.sync import Entries
from domain.sync import Live as Seen
from engine.discovery.desk import DiscoveryDesk
from engine.endpoint import Endpoint
from engine.judge.following import carry, follow, forget, hear, hear_pushed, judge_pushed, measure
from engine.judge.from_here import FromHere
from engine.judge.gathering import Gathering
from engine.judge.judge import Judge
from engine.judge.last_words import LastWordsReader
from engine.judge.outcome import Outcome
from engine.ledger import Written
from engine.logins import Logins
from engine.monitor.live import Live
from engine.monitor.poller import Monitor
from engine.receivers import Receivers
from engine.state import State, Subject
from engine.storage import Batch, CycleRow, StoreThread
from engine.upkeep import Upkeep

_log = logging.getLogger("engine")

Way = Literal["judging", "local", "looking"]


class Reporting(Protocol):
    """Who carries what is seen here to who judges elsewhere."""

    def add(self, observation: Observation) -> None: ...
    def end_visit(self, device: UUID, at_us: int) -> None: ...


class Silence:
    """Nobody does."""

    def add(self, observation: Observation) -> None:
        """Lose it."""

    def end_visit(self, device: UUID, at_us: int) -> None:
        """Lose it."""


class Switchboard:
    """`make_judge` makes one that looks on where it is told so; the rooms are set before anything passes."""

    monitor: Monitor
    live: Live
    receivers: Receivers
    discovery: DiscoveryDesk
    endpoint: Endpoint
    logins: Logins
    last_words: LastWordsReader

    def __init__(  # noqa: PLR0917
        self,
        state: State,
        store: StoreThread,
        upkeep: Upkeep,
        make_judge: Callable[[bool], Judge],
        now_us: Callable[[], int],
        way: Way = "judging",
    ) -> None:
        self._state = state
        self._store = store
        self._upkeep = upkeep
        self._make_judge = make_judge
        self._now_us = now_us
        self.way: Way = way
        self.note: Callable[[Outcome], None] = lambda _: None
        """Hears of what this engine judged for others, or learned while another judges."""
        self.on_watched: Callable[[frozenset[UUID]], None] = lambda _: None
        """Hears which devices somebody looks at here."""
        self.from_here: FromHere | None = None
        """Of a team's engine: what it judged for itself alone."""
        self.polls: Callable[[Device], bool] = lambda _: True
        """Whether a device is asked from here."""
        self.after_s: Callable[[Device], float] = lambda _: 0.0
        """How long to wait before a device is asked that others asked until just now."""
        self.report: Reporting = Silence()
        """Takes what is seen here while another judges."""
        self.ask_elsewhere: Callable[[Device], bool] = lambda _: False
        """Has a device asked at once that is asked from elsewhere; tells whether it can."""
        self.fell = asyncio.Event()
        """Set where a device went down: whoever judges is to look what it is before clients are told."""
        self.heard = 0
        """How often the team told news: what was read off the disk before is old."""
        self.judge = make_judge(way == "looking")
        self._gathering = Gathering(state)

    # From monitor, receivers and windows to the judge

    def observe(self, observation: Observation) -> None:
        """A device answered, or did not."""
        if self.way != "looking":
            self.judge.observe(observation)
            return
        self.report.add(observation)
        if outcome := self._gathering.observe(observation):
            self.carry(outcome)

    def end_visit(self, device: UUID) -> None:
        """A device was asked whole."""
        at_us = self._now_us()
        if self.way != "looking":
            self.judge.end_visit(device, at_us)
            return
        self.report.end_visit(device, at_us)
        if outcome := self._gathering.end_visit(device, at_us):
            self.carry(outcome)

    def observe_for(self, observation: Observation) -> None:
        """A device answered another install, or did not; nothing where it is not judged here for the team."""
        if self.way == "judging":
            self.judge.observe(observation)

    def end_visit_for(self, device: UUID, at_us: int) -> None:
        """A device was asked whole by another install."""
        if self.way == "judging":
            self.judge.end_visit(device, at_us)

    def probe_now(self, id: UUID) -> bool:
        """Have a device asked at once, from wherever it is asked; False where it is not asked at all."""
        if self.monitor.probe_now(id):
            return True
        device = self._state.inventory.device(id)
        if device is None or not device.probes or is_paused(device, self._now_us()) or self.polls(device):
            return False
        return self.ask_elsewhere(device)

    @property
    def sees_nothing(self) -> bool:
        """Whether this engine judges for all, and no device at all answers it."""
        fault = self._state.faults.get(self._state.vantage)
        return self.way == "judging" and fault is not None and fault.kind == "cut_off"

    def hear(self, rows: list[JournalRow]) -> None:
        """Devices sent something unasked."""
        self.judge.hear(rows)

    def act(self, alert: Alert, act: Act) -> Outcome:
        """Somebody did something to an alert."""
        outcome = self.judge.act(alert, act)
        if self.from_here is not None:
            self.from_here.acted(outcome.alerts)
        return outcome

    def is_local(self, alert: UUID) -> bool:
        """Tell whether an alert is as it is because this computer alone judged it so."""
        return self.from_here is not None and self.from_here.holds(alert)

    # From the judge to clients and storage

    def carry(self, outcome: Outcome) -> None:
        """Hand what the judge changed to clients and storage; a health or link on disk only where its status turned."""
        self.tell(outcome)
        own = [CycleRow(*sample) for sample in outcome.samples if self._is_polled(sample.device)]
        batch = Batch(own, outcome.facts)
        batch.journal = outcome.journal
        if self.way == "local" and self.from_here is not None:
            self.from_here.note(outcome)
        if self.way == "judging":
            batch.alerts = outcome.alerts
            if outcome.turned:
                batch.health, batch.link_states = outcome.health, outcome.link_states
        if batch.rows:
            self._store.put(batch)
            if self.way != "local" and (outcome.turned or outcome.journal or outcome.facts):
                self.note(outcome)

    def tell(self, outcome: Outcome) -> None:
        """Hand what changed to clients."""
        if outcome.turned and any(health.status == "down" for health in outcome.health):
            self.fell.set()
        self._upkeep.rows_since_keyframe += sum(row.kind not in RECEIVED_KINDS for row in outcome.journal)
        if outcome.facts:
            self.receivers.learn(outcome.facts)
        if outcome.facts or outcome.turned:
            self.discovery.learn(outcome.facts, [health.device for health in outcome.health])
        self.last_words.follow(outcome.faults)
        self.endpoint.touch(outcome.subjects(), outcome.journal)

    def touch(self, subjects: list[Subject], rows: Sequence[JournalRow] = ()) -> None:
        """Tell clients that these have a new state, and what happened."""
        self.endpoint.touch(subjects, rows)

    def watch(self, devices: frozenset[UUID]) -> None:
        """Somebody looks at these devices: have their newest numbers, from themselves and from those who ask them."""
        self.live.watch(devices)
        self.on_watched(devices)

    # Edits

    def on_applied(
        self, before: Inventory, touched: list[tuple[str, UUID]], renewed: set[UUID], written: Written
    ) -> None:
        """Have everybody follow an edit that the state holds already; `renewed` are credentials with a new secret."""
        inventory = self._state.inventory
        self.judge.change_inventory(before, touched, written.at_us)
        renewed |= {id for kind, id in touched if kind == "credential"}
        self.receivers.change_devices(id for kind, id in touched if kind == "device")
        self.discovery.change(touched)
        if renewed:
            self.receivers.change_users()
        for kind, id in touched:
            if kind == "device":
                device = inventory.device(id)
                if device is None:
                    self.monitor.remove_device(id)
                    self.live.change(id)
                    self._gathering.forget(id)
                else:
                    old = before.device(id)
                    is_moved = old is not None and old.polled_by != device.polled_by
                    self.ask(device, after_s=HOLD_S if is_moved else 0.0)
            elif kind == "link":
                self._gathering.change_link(id, inventory.link(id))
        for device in inventory.devices() if renewed else ():
            if any(probe.credential in renewed for probe in device.probes):
                self.ask(device, renew=True)
        self._upkeep.rows_since_keyframe += max(1, len(written.journal))
        subjects = [Subject(kind, id) for kind, id in touched]  # type: ignore[arg-type]
        self.endpoint.touch(subjects, written.journal, at_once=True)

    def ask(self, device: Device, renew: bool = False, after_s: float = 0.0) -> None:
        """Have a device asked as it is now, if it is from here; `renew` where it has another secret. Where others asked it until
        now it is not before `after_s`."""
        if not self.polls(device):
            self.monitor.remove_device(device.id)
            self._gathering.forget(device.id)
        elif not self.monitor.set_device(device, renew, after_s):
            return
        self.live.change(device.id)

    def ask_all(self) -> int:
        """Have all devices asked that are asked from here, and no other; return how many there are."""
        count = 0
        for count, device in enumerate(self._state.inventory.devices(), 1):  # noqa: B007
            if self.polls(device):
                self.monitor.set_device(device, after_s=self.after_s(device))
            else:
                self.monitor.remove_device(device.id)
                self._gathering.forget(device.id)
        return count

    def on_rates(self, device: UUID, rates: Sequence[Value]) -> None:
        """A device streamed, or does so no more."""
        if rates:
            self._state.live[device] = self._now_us(), tuple(rates)
        elif self._state.live.pop(device, None) is None:
            return
        self.endpoint.touch([Subject("values", device)])

    def on_unlocked(self) -> None:
        """Ask at once what failed because the vault was locked."""
        self.receivers.change_users()
        for device in self.logins.take_locked_out():
            self.ask(device, renew=True)

    # The team

    def recall(self, known: Batch) -> None:
        """Take the team's word for what this engine judged for itself alone. `known`: what of health, links and alerts is on
        disk; the episodes that opened here end."""
        if self.way != "local" or self.from_here is None:
            return
        rows, unknown = self.from_here.end({one.id: one for one in known.alerts}, self._now_us())
        touched = _recall(self._state, known, unknown)
        if rows:
            self._store.put(Batch(journal=rows))
        self.endpoint.touch(touched, rows)
        self._upkeep.keep_keyframe_soon()

    def judge_as(self, way: Way) -> None:
        """Judge in another way from now on; where this engine judged for itself alone, after `recall`."""
        if way == self.way:
            return
        was, self.way = self.way, way
        _log.info("judging", extra={"way": way, "was": was})
        touched = [Subject("fault", id) for id in self._state.faults]
        self._state.faults.clear()  # the new judge finds them anew
        self.judge = self._make_judge(way == "looking")
        self._gathering = Gathering(self._state)
        self.endpoint.touch(touched)

    def _is_polled(self, id: UUID) -> bool:
        device = self._state.inventory.device(id)
        return device is not None and self.polls(device)

    def on_live(self, live: Seen) -> None:
        """Others measured devices that somebody looks at, heard some, at times of theirs, and say what links carry; who judges
        here knows better, but of what pushes."""
        touched = [Subject("values", id) for id in measure(self._state, live.numbers)]
        if self.way == "looking":
            touched += [Subject("health", id) for id in hear(self._state, dict(live.heard), self._now_us())]
            touched += [Subject("link_state", id) for id in carry(self._state, live.loads)]
        else:
            hear_pushed(self._state, self.judge, dict(live.heard), self._now_us())
            judge_pushed(self._state, self.judge, live.pushed, self._now_us())
        self.endpoint.touch(touched)

    def forget_loads(self) -> None:
        """Nobody says any more what links carry."""
        unknown = ((id, None, None) for id in list(self._state.link_states))
        self.endpoint.touch([Subject("link_state", id) for id in carry(self._state, unknown)])

    def on_news(self, parts: Iterable[Entries]) -> None:
        """Follow what others saw and did; they are on disk already. Who judges knows better what it judges itself."""
        self.heard += 1
        for part in parts:
            outcome = follow(self._state, self.judge, part, self._now_us(), is_judge=self.way != "looking")
            forget(self._state, part.gone, outcome)
            if outcome:
                self.tell(outcome)


def _recall(state: State, known: Batch, unknown: Mapping[UUID, Alert]) -> list[Subject]:
    """Take the team's word for what was judged here alone, and of alerts that it has none of ours; return what is another by
    it."""
    touched: list[Subject] = []
    health = {one.device: one for one in known.health if one.device in state.inventory.tables["device"]}
    links = {one.link: one for one in known.link_states if one.link in state.inventory.tables["link"]}
    alerts = {**unknown, **{one.id: one for one in known.alerts}}
    touched += [Subject("health", id) for id in state.health.keys() | health.keys()]
    touched += [Subject("link_state", id) for id in state.link_states.keys() | links.keys()]
    touched += [Subject("alert", id) for id in alerts if state.alerts.get(id) != alerts[id]]
    tables: list[tuple[Any, Any]] = [
        (state.health, health),
        (state.link_states, links),
        (state.alerts, alerts),
    ]
    for table, told in tables:
        table.clear()
        table.update(told)
    return touched

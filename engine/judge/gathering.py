"""Numbers and facts of what this engine polls while another judges. Counterpart: `judge.py`, which makes the same of what it
judges.

One rule: nothing here says how a device fares; that is for who judges, who hears of the same observations.
"""

from __future__ import annotations

from itertools import chain
from uuid import UUID

from domain.inventory import Link, probe_names
from domain.metrics import believable
from domain.observation import Observation, Value
from domain.wire import LatestValues
from engine.judge.facts import fold_facts
from engine.judge.outcome import Outcome, Sample
from engine.judge.signals import Signals
from engine.state import State


class Gathering:
    """The latest numbers of each device, and those of the visit that goes on; both begin empty."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._signals = Signals(state, state.inventory.links())
        self._values: dict[UUID, dict[str, tuple[Value, ...]]] = {}
        self._visit: dict[UUID, list[Value]] = {}

    def observe(self, observation: Observation) -> Outcome:
        """Fold one observation in; return what is another now."""
        id, outcome = observation.device, Outcome()
        device, reading = self._state.inventory.device(id), observation.reading
        if device is None or observation.probe not in probe_names(device):
            return outcome
        if reading is None:
            self._values.get(id, {}).pop(observation.probe, None)
            return outcome
        believed = believable(reading.values)
        if observation.rtt_us is not None:
            believed = (("rtt_ms", observation.probe, observation.rtt_us / 1000), *believed)
        if radio := self._signals.compare(id, believed):
            believed = (*believed, *radio)
        self._values.setdefault(id, {})[observation.probe] = believed
        self._visit.setdefault(id, []).extend(believed)
        if reading.facts or reading.facts_whole:
            outcome.facts = fold_facts(self._state.facts.setdefault(id, {}), observation, reading)
        return outcome

    def end_visit(self, device: UUID, at_us: int) -> Outcome:
        """Make one sample of all that a visit brought, and the latest values."""
        values = self._visit.pop(device, None)
        if not values or self._state.inventory.device(device) is None:
            return Outcome()
        told = tuple(chain.from_iterable(self._values.get(device, {}).values()))
        self._state.values[device] = LatestValues(device, at_us, told)
        return Outcome(samples=[Sample(device, at_us, tuple(values))], values=[device])

    def change_link(self, id: UUID, link: Link | None) -> None:
        """Follow an edit of a link."""
        if link is None:
            self._signals.drop(id)
        else:
            self._signals.set(link)

    def forget(self, device: UUID) -> None:
        """Drop what is known of a device that is not asked from here any more."""
        self._values.pop(device, None)
        self._visit.pop(device, None)

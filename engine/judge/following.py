"""What others saw, in the state of an engine that does not judge, or judges beside them. Counterpart: `judge.py`, whose rooms
follow.

Theory: health and links come as their judge has them; the causes behind them are found here anew, in the same graph, so that a
window shows them whoever judges. Alerts come whole. What this engine judges itself it knows better; of alerts it takes what is
told, for people's acts on them come so.
One rule: nothing here writes into the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from uuid import UUID

import msgspec

from domain.fact import Fact
from domain.health import ProbeHealth
from domain.inventory import PUSHED
from domain.load import LinkState
from domain.metrics import CATALOGUE
from domain.observation import Observation, Reading
from domain.sync import Entries, Gone, Load, Numbers
from domain.wire import LatestValues
from engine.judge.judge import Judge
from engine.judge.outcome import Outcome
from engine.state import State


def follow(state: State, judge: Judge, part: Entries, at_us: int, *, is_judge: bool) -> Outcome:
    """Take up what a part of entries says; `is_judge`: this engine judges health and links itself. Return what is another
    now."""
    outcome = Outcome()
    if not is_judge:
        for health in part.health:
            old = state.health.get(health.device)
            if old is not None and old.heard_us > health.heard_us and old.since_us > health.since_us:
                continue  # of another vantage, and older
            state.health[health.device] = health
            outcome.health.append(health)
            if old is None or old.status != health.status:
                outcome.turned = True
                judge.faults.turn_device(health, at_us, outcome)
                judge.faults.let_go(health.device, health.status, at_us, outcome)
        for told in part.link_states:
            was = state.link_states.get(told.link)
            link = _with_load_of(told, was)
            state.link_states[link.link] = link
            outcome.link_states.append(link)
            if was is None or was.status != link.status:
                outcome.turned = True
                judge.faults.turn_link(link, at_us, outcome)
                judge.faults.let_go(link.link, link.status, at_us, outcome)
    for alert in part.alerts:
        state.alerts[alert.id] = alert
        outcome.alerts.append(alert)
    _learn(state, judge, part.facts, outcome)
    return outcome


def hear(state: State, heard: Mapping[UUID, int], now_us: int) -> list[UUID]:
    """Note when devices were heard last, that go on as they are, by clocks of others; return those of which that is news."""
    found: list[UUID] = []
    for device, told_us in heard.items():
        at_us = min(told_us, now_us)
        health = state.health.get(device)
        if health is not None and at_us > health.heard_us:
            probes = {name: _heard(probe, at_us) for name, probe in health.probes.items()}
            state.health[device] = msgspec.structs.replace(health, heard_us=at_us, probes=probes)
            found.append(device)
    return found


def hear_pushed(state: State, judge: Judge, devices: Iterable[UUID], at_us: int) -> None:
    """Take it as a sign of life of devices that nobody asks that the server has something of them; who judges does."""
    for id in devices:
        device = state.inventory.device(id)
        if device is not None and not device.probes:
            judge.observe(Observation(id, PUSHED, state.vantage, at_us, None, Reading()))


def judge_pushed(state: State, judge: Judge, told: Iterable[Numbers], at_us: int) -> None:
    """Judge what devices pushed, asked or not, as of now."""
    for id, _, values in told:
        device = state.inventory.device(id)
        if device is not None:
            judge.take_pushed(device, (one for one in values if isfinite(one[2])), at_us)


def measure(state: State, told: Iterable[Numbers]) -> list[UUID]:
    """Take up what others measured; return the devices of which it is newer than what is known."""
    found: list[UUID] = []
    for device, at_us, values in told:
        old = state.values.get(device)
        if device in state.inventory.tables["device"] and (old is None or old.at_us < at_us):
            known = tuple(one for one in values if one[0] in CATALOGUE and isfinite(one[2]))
            state.values[device] = LatestValues(device, at_us, known)
            found.append(device)
    return found


def carry(state: State, loads: Iterable[Load]) -> list[UUID]:
    """Take up what links carry as who judges says; return those of which that is news."""
    found = []
    for id, *told in loads:
        old = state.link_states.get(id)
        ab, ba = (bps if bps is not None and isfinite(bps) and bps >= 0 else None for bps in told)
        if old is not None and (old.ab_bps, old.ba_bps) != (ab, ba):
            state.link_states[id] = msgspec.structs.replace(old, ab_bps=ab, ba_bps=ba)
            found.append(id)
    return found


def forget(state: State, gone: Iterable[Gone], outcome: Outcome) -> None:
    """Drop what is gone of what was seen; an alert that is gone goes with what it is about."""
    for one in gone:
        match one.kind:
            case "health":
                if state.health.pop(one.id, None) is not None:
                    outcome.turned = True
            case "link_state":
                state.link_states.pop(one.id, None)
            case "alert":
                state.alerts.pop(one.id, None)
            case "fact":
                state.facts.pop(one.id, None)


def _with_load_of(link: LinkState, was: LinkState | None) -> LinkState:
    """Return a link's state without what it carried when its status turned, which would pass for what it carries now: that is
    told by itself (`sync/carrying.py`), and holds while the link stays as it is."""
    if was is None or was.status != link.status:
        return LinkState(link.link, link.status, link.since_us, link.at_us)
    return LinkState(link.link, link.status, link.since_us, link.at_us, was.ab_bps, was.ba_bps)


def _heard(probe: ProbeHealth, at_us: int) -> ProbeHealth:
    """Return how a probe fares by then: one that answered goes on to."""
    if probe.last_answer_us is None or probe.misses:
        return probe
    return msgspec.structs.replace(probe, last_answer_us=at_us)


def _learn(state: State, judge: Judge, told: Iterable[Fact], outcome: Outcome) -> None:
    by_device: dict[UUID, list[Fact]] = {}
    for fact in told:
        if fact.subject in state.inventory.tables["device"]:
            by_device.setdefault(fact.subject, []).append(fact)
    for device, facts in by_device.items():
        latest: dict[tuple[str, str], Fact] = {}
        for fact in sorted(facts, key=lambda one: one.at_us):
            latest[fact.field, fact.source] = fact
        old = state.facts.get(device, {})
        changed = [fact for key, fact in latest.items() if old.get(key) != fact]
        state.facts[device] = latest
        judge.evidence.learn(device, changed)
        outcome.facts += changed

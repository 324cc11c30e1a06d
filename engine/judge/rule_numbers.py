"""Numbers held against thresholds, and against what they were. Counterpart: `rule_plan.py`, the checks; `holds.py`.

Theory: 33,000 values a second pass here, so what breaks no rule is let by at one look, as long as nothing holds on its device.
What is left of a visit is judged when the visit is over: each number that the best source told, once. A number that is not told
holds what it held: the source may just not answer. But one that its source left out in `MISSING_LOOKS` visits in a row is gone.
One rule: only a value that was told in this visit opens or ends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from domain.alert_rules import has_changed, key_of, matches
from domain.fact import SOURCE_RANK
from domain.inventory import SLOWEST_INTERVAL_S, Device, probe_names
from domain.observation import Value
from domain.watching import AlertRule
from engine.judge.holds import MORE, Hold, Holds
from engine.judge.outcome import Outcome
from engine.judge.rule_plan import RUNNING, Check, Plan, Plans

MISSING_LOOKS = 25
"""More than any source needs to have asked for everything once."""
FEWER_LOOKS = 3
"""What stands for the rest is over after so many looks in which there was no rest."""
GAP_INTERVALS = 3
"""So many intervals count at most as the time between two looks."""
CHANGED_FOR_US = 86_400_000_000
"""What changed is taken for what is usual after a day."""
WAS_CAP = 4_096
"""Of more numbers of a device, what was usual is kept of those that it still tells: who invents names fills no memory."""
KINDS = frozenset({"threshold", "change"})


class _Told(NamedTuple):
    """What a probe told, and of that what is looked at."""

    values: Sequence[Value]
    picked: list[Value]


_Fresh = dict[str, _Told]


class _Visit(NamedTuple):
    """A visit that is over: what each probe told, and what held before."""

    device: Device
    fresh: _Fresh
    holds: Mapping[tuple[str, str], Hold]
    at_us: int
    outcome: Outcome


_NOTHING: Mapping[tuple[str, str], Hold] = {}


class Numbers:
    """Judges the numbers of visits. `is_off` tells whether a port of a device does not run, `on_port` hears of ports."""

    def __init__(
        self,
        plans: Plans,
        holds: Holds,
        is_off: Callable[[UUID, str], bool],
        on_port: Callable[[Device, str, bool, int, Outcome], None],
    ) -> None:
        self._plans = plans
        self._holds = holds
        self._is_off = is_off
        self._on_port = on_port
        self._fresh: dict[UUID, _Fresh] = {}
        self._was: dict[UUID, dict[tuple[str, str], float]] = {}

    def see(self, device: UUID, probe: str, values: Sequence[Value]) -> None:
        """Pick what is looked at from what a probe told."""
        told, fresh = self._picked(device, values), self._fresh.get(device)
        if fresh is None:
            self._fresh[device] = {probe: told}
        else:
            fresh[probe] = told

    def judge_alone(
        self, device: Device, probe: str, values: Sequence[Value], at_us: int, outcome: Outcome
    ) -> None:
        """Judge what came by itself, whatever visit is under way."""
        self._judge(device, {probe: self._picked(device.id, values)}, at_us, outcome)

    def lose(self, device: UUID, probe: str, at_us: int, outcome: Outcome) -> None:
        """A probe tells no more: what it told holds no more."""
        for hold in list((self._holds.of(device) or {}).values()):
            if hold.rule.kind in KINDS and hold.probe == probe:
                self._holds.drop(hold, at_us, outcome, "it is no longer told")

    def _picked(self, device: UUID, values: Sequence[Value]) -> _Told:
        calm = self._plans.of(device).calm
        picked = [value for value in values if value[0] in calm]
        if self._holds.of(device) is None:
            picked = [value for value in picked if not calm[value[0]][0] <= value[2] <= calm[value[0]][1]]
        return _Told(values, picked)

    def forget(self, device: UUID) -> None:
        """Forget what a device told."""
        self._fresh.pop(device, None)
        self._was.pop(device, None)

    def accept(self, hold: Hold) -> None:
        """Take a number as it is now for what is usual: a person said so."""
        if hold.rule.kind == "change" and hold.value is not None:
            self._was.setdefault(hold.subject, {})[hold.key, hold.instance] = hold.value

    def end_visit(self, device: Device, at_us: int, outcome: Outcome) -> None:
        """Judge what the probes told since the last visit."""
        fresh = self._fresh.pop(device.id, None)
        if fresh is not None:
            self._judge(device, fresh, at_us, outcome)

    def _judge(self, device: Device, fresh: _Fresh, at_us: int, outcome: Outcome) -> None:
        holds, plan = self._holds.of(device.id), self._plans.of(device.id)
        if holds is None and all(_is_calm(plan, told.picked) for told in fresh.values()):
            return
        visit = _Visit(device, fresh, holds or _NOTHING, at_us, outcome)
        shared: dict[tuple[str, str], tuple[str, float]] = {}
        for probe, metric, instance, value in _seen(fresh):
            if metric in plan.parts:
                shared[metric, instance] = probe, value
            if metric in plan.checks:
                self._check(visit, plan.checks[metric], instance, probe, value)
            if metric in plan.changes:
                for rule in plan.changes[metric]:
                    self._compare(visit, rule, instance, probe, value)
            elif metric == RUNNING:
                self._on_port(device, instance, value > 0, at_us, outcome)
        for (metric, instance), (probe, value) in shared.items():
            for share in plan.shares:
                _, whole = shared.get((share.whole, instance), ("", 0.0))
                if metric == share.part and whole > 0 and (share.name, instance) not in shared:
                    self._check(visit, share.checks, instance, probe, 100.0 * value / whole)
        if visit.holds:
            self._miss(visit)
        was = self._was.get(device.id, {})
        if len(was) > WAS_CAP:
            told = {instance for _, _, instance, _ in _seen(fresh)}
            kept = {place: value for place, value in was.items() if place[1] in told or place in visit.holds}
            self._was[device.id] = kept

    def _check(self, visit: _Visit, checks: Iterable[Check], instance: str, probe: str, value: float) -> None:
        for check in checks:
            hold = visit.holds.get((check.key, instance))
            if hold is not None:
                self._go_on(visit, hold, check, probe, value)
            elif check.compare(value, check.threshold):
                self._begin(visit, check, instance, probe, value)

    def _begin(self, visit: _Visit, check: Check, instance: str, probe: str, value: float) -> None:
        rule, device = check.rule, visit.device
        if not matches(rule.scope.interface, instance) or (instance and self._is_off(device.id, instance)):
            return
        if len(visit.fresh) > 1 and _is_told_better(visit.fresh, probe, rule.metric, instance):
            return
        hold = Hold(rule, device.id, instance, visit.at_us, visit.at_us, int(rule.for_s * 1e6), probe=probe)
        hold.value, hold.limit = float(value), rule.threshold
        self._holds.begin(hold, visit.at_us, visit.outcome)

    def _go_on(self, visit: _Visit, hold: Hold, check: Check, probe: str, value: float) -> None:
        hold.probe, hold.missing = probe, -1
        until = check.until if self._holds.is_alert(hold) else check.threshold
        if not check.compare(value, until):
            self._holds.end(hold, visit.at_us, visit.outcome, "it is over")
        elif hold.instance and self._is_off(visit.device.id, hold.instance):
            self._holds.end(hold, visit.at_us, visit.outcome, "the port does not run")
        else:
            hold.value = float(value)
            self._holds.see(hold, visit.at_us, gap_us(visit.device), visit.outcome)

    def _compare(self, visit: _Visit, rule: AlertRule, instance: str, probe: str, value: float) -> None:
        """Hold a number against what it was before it changed."""
        place, at_us = (key_of(rule), instance), visit.at_us
        was = self._was.setdefault(visit.device.id, {})
        hold = visit.holds.get(place)
        if place not in was:
            was[place] = hold.limit if hold is not None and hold.limit is not None else value
        if not has_changed(rule, was[place], value):
            was[place] = value
            if hold is not None:
                self._holds.end(hold, at_us, visit.outcome, "it is as it was before")
        elif hold is None:
            if matches(rule.scope.interface, instance):
                for_us = int(rule.for_s * 1e6)
                hold = Hold(rule, visit.device.id, instance, at_us, at_us, for_us, probe=probe)
                hold.value, hold.limit = float(value), was[place]
                self._holds.begin(hold, at_us, visit.outcome)
        elif at_us - hold.since_us >= CHANGED_FOR_US and hold.because is None:
            was[place] = value
            self._holds.end(hold, at_us, visit.outcome, "it has been so for a day")
        else:
            hold.probe, hold.missing, hold.value = probe, -1, float(value)
            self._holds.see(hold, at_us, gap_us(visit.device), visit.outcome)

    def _miss(self, visit: _Visit) -> None:
        """Count the looks that did not tell what holds."""
        for hold in list(visit.holds.values()):
            if hold.instance == MORE:
                hold.missing += 1
                if hold.missing >= FEWER_LOOKS:
                    self._holds.drop(hold, visit.at_us, visit.outcome, "it is not so many any more")
                continue
            if hold.rule.kind not in KINDS:
                continue
            whole = len(visit.fresh) == len(probe_names(visit.device))
            if hold.missing < 0 or (hold.probe in visit.fresh if hold.probe else whole):
                hold.missing += 1
            if hold.missing >= MISSING_LOOKS:
                self._holds.drop(hold, visit.at_us, visit.outcome, "it is no longer told")


def _is_calm(plan: Plan, picked: Sequence[Value]) -> bool:
    """Tell whether all that was picked is parts of shares that break nothing: what most visits bring."""
    for metric, instance, value in picked:
        if metric not in plan.parts or metric in plan.checks or metric in plan.changes:
            return False
        for share in plan.shares:
            if metric == share.part:
                for other, at, whole in picked:
                    if other == share.whole and at == instance and whole > 0:
                        if not share.calm[0] <= 100.0 * value / whole <= share.calm[1]:
                            return False
                        break
    return True


def _ranked(fresh: _Fresh) -> list[tuple[str, _Told]]:
    return sorted(fresh.items(), key=lambda told: _rank(told[0]))


def _rank(probe: str) -> int:
    return SOURCE_RANK.get(probe.partition(":")[0], 9)


def _is_told_better(fresh: _Fresh, probe: str, metric: str, instance: str) -> bool:
    """Tell whether a better source told the same number, which breaks nothing."""
    better = [told.values for name, told in fresh.items() if _rank(name) < _rank(probe)]
    return any(name == metric and at == instance for values in better for name, at, _ in values)


def _seen(fresh: _Fresh) -> Iterable[tuple[str, str, str, float]]:
    """Return (probe, metric, instance, value) of a visit, each number as the best source told it."""
    if len(fresh) == 1:
        ((probe, (_, picked)),) = fresh.items()
        return [(probe, *value) for value in picked]
    found: dict[tuple[str, str], tuple[str, str, str, float]] = {}
    for probe, (_, picked) in _ranked(fresh):
        for metric, instance, value in picked:
            found.setdefault((metric, instance), (probe, metric, instance, value))
    return found.values()


def gap_us(device: Device) -> int:
    """Return how much time between two looks at a device counts at most."""
    interval_s = max(device.interval_s, SLOWEST_INTERVAL_S) if device.may_slow else device.interval_s
    return int(GAP_INTERVALS * interval_s * 1e6)

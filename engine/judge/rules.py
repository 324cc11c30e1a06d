"""What people want to be told of, held against what is seen. Counterpart: `judge.py` tells what it sees; `alerts.py`.

Theory: four rooms see (statuses, flaps, numbers, and the past, which `rule_history.py` fetches), all into `holds.py`, which knows
for how long something held and who is to be left in peace. A rule that was changed begins anew: its alerts clear, and what it
looks at now opens when that has held long enough. A restart loses no alert and opens none twice: those that are open hold on;
what had not held long enough begins anew, a status after its device had time to be asked.
One rule: no clock in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from domain.alert_rules import is_same_test, matches, rules_by_key
from domain.alerts import Act, Alert
from domain.fact import Fact
from domain.habits import Against
from domain.health import Health
from domain.inventory import Device, Inventory, Link, probe_names
from domain.lag import Lag
from domain.load import LinkStatus
from domain.observation import Value
from domain.watching import AlertRule
from engine.judge.alerts import Alerts
from engine.judge.blame import Blame
from engine.judge.consequences import Consequences
from engine.judge.holds import Hold, Holds
from engine.judge.outcome import Outcome
from engine.judge.quiet import Works
from engine.judge.rule_flaps import Flaps
from engine.judge.rule_numbers import Numbers
from engine.judge.rule_past import Past, Watched
from engine.judge.rule_plan import Plans
from engine.judge.rule_statuses import Statuses, is_disabled
from engine.state import State

FAULT = "fault"
"""On whose behalf the graph leaves somebody in peace."""
CYCLE_MARGIN_S = 5.0
"""Added to a device's interval for the visit itself, where time is given to be asked."""

SILENCE_GRACE_US = 60_000_000
"""So long after a start alerts stay silenced whose cause is not known any more: the graph looks for it anew."""


class Rules:
    """All rules of a tenant at work. `linked` tells which ports of a device carry links, `is_off` which do not run."""

    def __init__(
        self,
        state: State,
        alerts: Alerts,
        linked: Callable[[UUID], Iterable[str]],
        is_off: Callable[[UUID, str], bool],
        now_us: int,
    ) -> None:
        self._state = state
        self._alerts = alerts
        self.plans = Plans(state, linked)
        self._holds = Holds(alerts)
        self._flaps = Flaps(self._holds)
        self._statuses = Statuses(state, self.plans, self._holds, self._flaps)
        self._numbers = Numbers(self.plans, self._holds, is_off, self._statuses.turn_port)
        self._past = Past(self.plans, self._holds)
        self.works = Works(state, self._holds)
        self._begun_us: int | None = None
        self._is_silence_settled = False
        for alert in state.alerts.values():
            if alert.cleared_us is None:
                self._restore(alert, now_us)

    def find_consequences(
        self, blame: Blame, owners: Callable[[str], tuple[UUID, ...]], ask: Callable[[UUID], object]
    ) -> Consequences:
        """Return who tells which conditions only follow from a fault, and lets them rest."""
        return Consequences(self._state, self._holds, blame, owners, ask)

    # What is seen

    def turn_device(self, device: Device, new: Health, at_us: int, outcome: Outcome) -> None:
        """Follow a device whose status is another than before."""
        self._statuses.turn_device(device, new, at_us, outcome)

    def turn_link(self, id: UUID, status: LinkStatus, at_us: int, outcome: Outcome) -> None:
        """Follow a link whose status is another than before."""
        link = self._state.inventory.link(id)
        if link is not None:
            self._statuses.turn_link(link, status, at_us, outcome)

    def turn_members(self, link: Link, lag: Lag | None, at_us: int, outcome: Outcome) -> None:
        """Follow how many members of a link run; None: it is one line."""
        self._statuses.turn_members(link, lag, at_us, outcome)

    def turn_suspect(self, device: UUID, reason: str, since_us: int, at_us: int, outcome: Outcome) -> None:
        """Follow a device that nobody hears: it must have failed for a reason, or (empty) not."""
        self._statuses.turn_suspect(device, reason, since_us, at_us, outcome)

    def turn_uplink(self, reason: str, at_us: int, outcome: Outcome) -> None:
        """Follow our own way to the network: cut off for a reason, or (empty) not."""
        self._statuses.turn_uplink(self._state.vantage, reason, at_us, outcome)

    def see(self, device: UUID, probe: str, values: Sequence[Value]) -> None:
        """Take up the numbers that a probe told; they are judged at the end of the visit."""
        self._numbers.see(device, probe, values)

    def see_facts(self, facts: Iterable[Fact], at_us: int, outcome: Outcome) -> None:
        """Follow ports that are gone from their device, or were switched off on it."""
        for fact in facts:
            if not fact.field.startswith("interface/") or not (fact.value is None or is_disabled(fact)):
                continue
            port = fact.field.removeprefix("interface/")
            self._statuses.forget_port(fact.subject, port)
            why = "the port is gone" if fact.value is None else "the port was disabled"
            for hold in list((self._holds.of(fact.subject) or {}).values()):
                if hold.instance == port and (fact.value is None or hold.rule.kind == "port_down"):
                    self._holds.drop(hold, at_us, outcome, why)

    def end_visit(self, device: Device, at_us: int, outcome: Outcome) -> None:
        """Judge the numbers of a visit that is over."""
        self._numbers.end_visit(device, at_us, outcome)

    def judge_alone(
        self, device: Device, probe: str, values: Sequence[Value], at_us: int, outcome: Outcome
    ) -> None:
        """Judge numbers that came by themselves, whatever visit is under way."""
        self._numbers.judge_alone(device, probe, values, at_us, outcome)

    def lose(self, device: UUID, probe: str, at_us: int, outcome: Outcome) -> None:
        """What a probe told is not told any more."""
        self._numbers.lose(device, probe, at_us, outcome)

    def watched(self, device: Device) -> list[Watched]:
        """Return which numbers of a device are held against their past."""
        told = self._state.values.get(device.id)
        return self._past.watched(device, told.values if told is not None else ())

    def judge_past(
        self, device: Device, watched: Watched, found: Against | None, at_us: int, outcome: Outcome
    ) -> None:
        """Judge a number against its past; None: too little is known, or it is no longer told."""
        self._past.judge(device, watched, found, at_us, outcome)

    def tick(self, now_us: int, outcome: Outcome) -> None:
        """Let time pass. To be called each second."""
        if self._begun_us is None:
            self._begun_us = now_us
            self._begin(now_us, outcome)
        self.works.tick(now_us, outcome)
        self._flaps.tick(now_us, outcome)
        self._holds.tick(now_us, outcome)
        if not self._is_silence_settled and now_us - self._begun_us >= SILENCE_GRACE_US:
            self._is_silence_settled = True
            self._holds.settle_silence(now_us, outcome)

    # What people and the graph say

    def act(self, alert: Alert, act: Act, outcome: Outcome) -> None:
        """Note what somebody did to an alert."""
        self._alerts.act(alert, act, outcome)
        hold = self._holds.get(alert.subject, alert.rule, alert.instance)
        if act.what == "resolved" and hold is not None:
            self._numbers.accept(hold)
            self._holds.look_again(hold)

    def set_suppressed(  # noqa: PLR0917 the graph's words for it
        self,
        subject: UUID,
        is_suppressed: bool,
        at_us: int,
        outcome: Outcome,
        why: str = "",
        since_us: int | None = None,
    ) -> None:
        """Let nothing about a device or link open, as long as it is suppressed; its times stand still.

        Alerts that are open are silenced where `why` says anything; without it they are left as they are, for a moment's hold.
        Those that opened from `since_us` on are cleared.
        """
        if is_suppressed:
            self._holds.hush(subject, FAULT, at_us, outcome, why=why, since_us=since_us)
        else:
            self._holds.unhush(subject, FAULT, at_us, outcome)
        if why or not is_suppressed:
            self._statuses.settle_turns(subject, at_us, outcome)

    def explain(self, device: UUID, words: str) -> None:
        """Say more of why a device is down, in the alert that is to open."""
        for hold in (self._holds.of(device) or {}).values():
            if hold.rule.kind == "device_down":
                hold.reason = words

    # Edits

    def forget(self, subject: UUID, at_us: int, outcome: Outcome, why: str) -> None:
        """Clear all about a device or link that is gone, paused or another one now."""
        self._holds.drop_all(subject, at_us, outcome, why)
        self._statuses.forget(subject)
        self._numbers.forget(subject)
        self.plans.forget(subject)

    def change_inventory(
        self, before: Inventory, touched: Iterable[tuple[str, UUID]], at_us: int, outcome: Outcome
    ) -> None:
        """Follow an edit that `state.inventory` holds already, after devices and links were followed one by one."""
        things = list(dict.fromkeys(touched))
        kinds = {kind for kind, _ in things}
        if not kinds & {"rule", "site", "device", "link", "maintenance"}:
            return
        if kinds & {"rule", "site"}:
            self.plans.forget_all()
        for kind, id in things:
            if kind == "device":
                self.plans.forget(id)
                self._statuses.forget_ports(id)
            elif kind == "link":
                for link in (before.link(id), self._state.inventory.link(id)):
                    for end in (link.a, link.b) if link is not None else ():
                        self.plans.forget(end)
                        self._statuses.forget_ports(end)
        if "rule" in kinds:
            self._change_rules(before, at_us, outcome)
        if kinds & {"rule", "site", "device", "link"}:
            only = (
                None
                if kinds & {"rule", "site"}
                else {id for kind, id in things if kind in ("device", "link")}
            )
            self._drop_what_is_out(at_us, outcome, only)
            self._statuses.judge_all(at_us, {}, outcome, only)
        self.works.look(at_us, outcome)

    def _change_rules(self, before: Inventory, at_us: int, outcome: Outcome) -> None:
        old, new = rules_by_key(before), rules_by_key(self._state.inventory)
        changed = {key for key, rule in old.items() if key not in new or not is_same_test(rule, new[key])}
        for hold in self._holds.all():
            if hold.key in changed:
                is_on = hold.key in self.plans.rules
                why = "the rule was changed" if is_on else "the rule was switched off"
                self._holds.drop(hold, at_us, outcome, why)
        self._statuses.forget_all_ports()
        self._flaps.forget_rules(changed)

    def _drop_what_is_out(self, at_us: int, outcome: Outcome, only: set[UUID] | None = None) -> None:
        for hold in self._holds.all() if only is None else self._holds.about(only):
            why = self._why_out(hold)
            if why:
                self._holds.drop(hold, at_us, outcome, why)

    def _why_out(self, hold: Hold) -> str:
        """Return why a condition is nobody's affair any more; empty where it still is."""
        if hold.subject == self._state.vantage:
            return "" if hold.key in self.plans.rules else "the rule was switched off"
        link = self._state.inventory.link(hold.subject)
        devices = (hold.subject,) if link is None else (link.a, link.b)
        found = [self._state.inventory.device(id) for id in devices]
        if not any(found):
            return "it was deleted"
        if not any(self.plans.applies(hold.rule, id) for id in devices):
            return "the rule does not look at it any more"
        if hold.rule.kind == "link_down" and link is not None:
            rules = [rule for rule, _ in self.plans.of_link(link)]
            return "" if hold.rule.id in {rule.id for rule in rules} else "its port is not watched any more"
        if hold.rule.kind == "port_down" and link is not None:
            return "" if self.plans.of_members(link) else "its members are not watched any more"
        if hold.rule.kind == "port_down" and not self.plans.of_port(hold.subject, hold.instance):
            return "the port is not watched any more"
        if hold.rule.scope.interface and hold.instance and link is None:
            fits = matches(hold.rule.scope.interface, hold.instance)
            return "" if fits else "the rule does not look at it any more"
        if hold.probe and found[0] is not None and hold.probe not in probe_names(found[0]):
            return "it is not asked for any more"
        return ""

    # A start

    def _restore(self, alert: Alert, now_us: int) -> None:
        """Hold on to an alert that was not cleared when the engine stopped."""
        if alert.kind == "external":
            return
        every = rules_by_key(self._state.inventory)
        rule = every.get(alert.rule)
        if rule is None:
            rule = AlertRule(alert.id, alert.title, alert.kind, is_on=False)
        link = self._state.inventory.link(alert.subject)
        ends = (link.a, link.b) if link is not None else ()
        since_us, for_us = alert.since_us or alert.opened_us, int(rule.for_s * 1e6)
        hold = Hold(rule, alert.subject, alert.instance, since_us, now_us, for_us, ends, key=alert.rule)
        hold.held_us, hold.reason = for_us, alert.reason
        hold.value, hold.limit = alert.value, alert.limit
        self._holds.restore(hold)
        if rule.kind == "flapping":
            self._flaps.restore(hold)

    def _begin(self, now_us: int, outcome: Outcome) -> None:
        """Compare, at the first tick, what held when the engine stopped with what stands now."""
        inventory = self._state.inventory
        self._drop_what_is_out(now_us, outcome)
        for hold in self._holds.all():
            if not self._statuses.still_holds(hold, inventory):
                self._holds.drop(hold, now_us, outcome, "it is over")
        grace_us = {d.id: int((d.interval_s + CYCLE_MARGIN_S) * 1e6) for d in inventory.devices()}
        self.works.look(now_us, outcome)
        self._statuses.judge_all(now_us, grace_us, outcome)

"""What stays as it is until it turns: devices, links, ports, our own way out. Counterpart: `judge.py`, which tells each turn.

Theory of what is known: a device that is stale was not polled, a link that is unknown was not told of. Then an alert that is open
stays so until somebody knows, and what was about to become one is forgotten. So is a port that was down when its device falls
silent.
What is hushed for a moment turns on credit: it is counted when it is let go, and not at all where it was somebody else's fault.
A turn is a change of direction between two things that are known: a device that fails by halves, falls silent and comes back
by halves has turned twice, once for the worse and once for the better.
One rule: what nobody knows is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.alert_rules import key_of
from domain.fact import Fact
from domain.health import Health, Status
from domain.inventory import Device, Inventory, Link, probe_names
from domain.lag import Lag, members_words
from domain.load import LinkStatus
from domain.watching import AlertRule, RuleKind
from engine.judge.holds import Hold, Holds
from engine.judge.outcome import Outcome
from engine.judge.rule_flaps import Flaps, Turning
from engine.judge.rule_plan import Plans
from engine.state import State

KIND_OF: dict[Status, RuleKind] = {
    "down": "device_down",
    "degraded": "device_degraded",
    "stale": "device_stale",
}
_DEPTH = {"up": 0, "degraded": 1, "down": 2}
"""How bad what is known is."""
PORTS_NAMED = 4
"""Most ports that the reason of an alert names."""
LINK_REASON = "an end's interface does not run"


class Statuses:
    """Follows statuses; what it remembers of ports is whether each was down when it was told last."""

    def __init__(self, state: State, plans: Plans, holds: Holds, flaps: Flaps) -> None:
        self._state = state
        self._plans = plans
        self._holds = holds
        self._flaps = flaps
        statuses = [(health.device, health.status) for health in state.health.values()]
        statuses += [(link.link, link.status) for link in state.link_states.values()]
        self._known: dict[UUID, str] = {id: status for id, status in statuses if status in _DEPTH}
        self._worsened: dict[UUID, bool] = {}
        self._ports_down: dict[UUID, dict[str, bool]] = {}
        self._suspected: dict[UUID, tuple[str, int]] = {}
        self._credit: dict[UUID, list[tuple[Sequence[AlertRule], Turning]]] = {}

    def turn_device(self, device: Device, new: Health, at_us: int, outcome: Outcome) -> None:
        """Follow a device whose status is another than before."""
        plan, status = self._plans.of(device.id), new.status
        self._count_turn(Turning(device.id), status, plan.rules("flapping"), at_us, outcome)
        mine = self._kind(device.id, status)
        for hold in list((self._holds.of(device.id) or {}).values()):
            kind = hold.rule.kind
            if kind == mine or kind not in KIND_OF.values():
                continue
            if status == "stale" and kind == "device_down" and device.id in self._suspected:
                continue
            if status != "stale" or kind == "device_stale":
                self._holds.end(hold, at_us, outcome, new.reason)
            elif not self._holds.is_alert(hold):
                self._holds.drop(hold, at_us, outcome)
        if status in ("down", "stale"):
            self._forget_ports(device.id, at_us, outcome)
        for rule in plan.rules(mine) if mine is not None else ():
            hold = Hold(rule, device.id, "", new.since_us, at_us, _us(rule.for_s), reason=new.reason)
            self._holds.begin(hold, at_us, outcome)

    def turn_link(self, link: Link, status: LinkStatus, at_us: int, outcome: Outcome) -> None:
        """Follow a link whose status is another than before."""
        ends = (link.a, link.b)
        flapping = {rule.id: rule for end in ends for rule in self._plans.of(end).rules("flapping")}
        known = {"up": "up", "down": "down"}.get(status, "")
        self._count_turn(Turning(link.id, "", ends), known, list(flapping.values()), at_us, outcome)
        holds = [h for h in (self._holds.of(link.id) or {}).values() if h.rule.kind == "link_down"]
        if status == "down":
            for rule, for_us in self._plans.of_link(link):
                hold = Hold(rule, link.id, "", at_us, at_us, for_us, ends, reason=LINK_REASON)
                self._holds.begin(hold, at_us, outcome)
        for hold in holds if status != "down" else ():
            if status == "up":
                self._holds.end(hold, at_us, outcome, "its interfaces run")
            elif not self._holds.is_alert(hold):
                self._holds.drop(hold, at_us, outcome)

    def turn_members(self, link: Link, lag: Lag | None, at_us: int, outcome: Outcome) -> None:
        """Follow how many members of a link run. That all are down is the link's own affair; that nobody tells is no news."""
        said = members_words(lag) if lag is not None and lag.is_degraded else ""
        if not said and lag is not None and not lag.is_told:
            return
        for hold in list((self._holds.of(link.id) or {}).values()):
            if hold.rule.kind == "port_down" and hold.instance != said:
                now = said or (
                    "all its members are down" if lag is not None and lag.down else "all its members run"
                )
                self._holds.end(hold, at_us, outcome, now)
        ports = _ports_words(self._state.inventory, lag) if lag is not None else ""
        for rule, for_us in self._plans.of_members(link) if said else ():
            old = self._holds.get(link.id, key_of(rule), said)
            if old is None or old.over_us is not None:
                reason, ends = f"{said}: {ports}", (link.a, link.b)
                hold = Hold(rule, link.id, said, at_us, at_us, for_us, ends, reason=reason)
                self._holds.begin(hold, at_us, outcome)

    def turn_port(self, device: Device, port: str, runs: bool, at_us: int, outcome: Outcome) -> None:
        """Follow what a visit told of a port, turned or not."""
        was_down = self._ports_down.setdefault(device.id, {})
        was = was_down.get(port)
        if was is (not runs):
            return
        rules = self._plans.of_port(device.id, port)
        was_down[port] = not runs
        if not rules:
            return
        if was is not None:
            flapping = self._plans.of(device.id).rules("flapping")
            self._flaps.turn(flapping, Turning(device.id, port), at_us, outcome)
        if runs:
            self.end_port(device.id, port, at_us, outcome, "it runs")
            return
        if self._is_disabled(device, port):
            del was_down[port]  # not followed: a port that runs is told only while something holds
            return
        for rule, for_us in rules:
            hold = Hold(rule, device.id, port, at_us, at_us, for_us, reason=f"{port} does not run")
            if not self._holds.begin(hold, at_us, outcome):
                was_down.pop(port, None)  # one too many: looked at anew at the next visit

    def turn_suspect(self, device: UUID, reason: str, since_us: int, at_us: int, outcome: Outcome) -> None:
        """Follow a device that nobody hears: it must have failed for a reason, or (empty) not."""
        if reason:
            self._suspected[device] = reason, since_us
            self._take_up_suspect(device, at_us, outcome)
            self._end_all(device, "device_stale", at_us, outcome, "it has failed, as it seems")
            return
        self._suspected.pop(device, None)
        self._end_all(device, "device_down", at_us, outcome, "what is behind it answers")
        if device in self._state.health:
            self._take_up(device, 0, at_us, outcome)

    def turn_uplink(self, vantage: UUID, reason: str, at_us: int, outcome: Outcome) -> None:
        """Follow our own way to the network: cut off for a reason, or (empty) not."""
        rule = self._plans.rules.get("cut_off")
        hold = self._holds.get(vantage, "cut_off")
        if not reason and hold is not None:
            self._holds.end(hold, at_us, outcome, "the network is in reach again")
        elif reason and hold is None and rule is not None:
            hold = Hold(rule, vantage, "", at_us, at_us, _us(rule.for_s), reason=reason)
            self._holds.begin(hold, at_us, outcome)

    def end_port(self, device: UUID, port: str, at_us: int, outcome: Outcome, why: str) -> None:
        """Say that a port is down no more, or that nobody asks."""
        for hold in list((self._holds.of(device) or {}).values()):
            if hold.rule.kind == "port_down" and hold.instance == port:
                self._holds.end(hold, at_us, outcome, why)

    def forget(self, subject: UUID) -> None:
        """Forget how a device, its ports or a link were: what they are next is no turn."""
        self._known.pop(subject, None)
        self._worsened.pop(subject, None)
        self._ports_down.pop(subject, None)
        self._suspected.pop(subject, None)
        self._credit.pop(subject, None)
        self._flaps.forget(subject)

    def forget_ports(self, device: UUID) -> None:
        """Let what a device's ports are be looked at anew at its next visit."""
        self._ports_down.pop(device, None)

    def forget_port(self, device: UUID, port: str) -> None:
        """Forget how a port was that is gone."""
        self._ports_down.get(device, {}).pop(port, None)

    def forget_all_ports(self) -> None:
        """Let all ports be looked at anew."""
        self._ports_down.clear()

    def judge_all(
        self, at_us: int, grace_us: dict[UUID, int], outcome: Outcome, only: set[UUID] | None = None
    ) -> None:
        """Take up what stands without a hold; each device's and link's time begins `grace_us` late, at 0 where not named.

        `only` these devices and links, with the links of these devices.
        """
        every = self._state.health
        for id in list(every) if only is None else [id for id in only if id in every]:
            self._take_up(id, grace_us.get(id, 0), at_us, outcome)
        for device in self._suspected:
            self._take_up_suspect(device, at_us, outcome)
        for state in list(self._state.link_states.values()):
            link = self._state.inventory.link(state.link)
            if link is None or state.status != "down":
                continue
            if only is not None and only.isdisjoint((link.id, link.a, link.b)):
                continue
            late_us = max(grace_us.get(link.a, 0), grace_us.get(link.b, 0))
            for rule, for_us in self._plans.of_link(link):
                if self._lacks(rule, link.id):
                    hold = Hold(rule, link.id, "", state.since_us, at_us, for_us, (link.a, link.b))
                    hold.reason, hold.held_us = LINK_REASON, -late_us
                    self._holds.begin(hold, at_us, outcome)

    def still_holds(self, hold: Hold, inventory: Inventory) -> bool:
        """Tell whether a status is still as a hold says, or nobody knows."""
        if hold.rule.kind == "link_down":
            link = self._state.link_states.get(hold.subject)
            return inventory.link(hold.subject) is not None and (link is None or link.status != "up")
        health = self._state.health.get(hold.subject)
        if hold.rule.kind in KIND_OF.values():
            status = health.status if health is not None else "unknown"
            if hold.subject in self._suspected and hold.rule.kind != "device_degraded":
                return hold.rule.kind == "device_down"
            return KIND_OF.get(status) == hold.rule.kind or (
                status == "stale" and hold.rule.kind != "device_stale"
            )
        return True

    def _kind(self, device: UUID, status: Status) -> RuleKind | None:
        """Return what rules a status is told by: that a suspect tells nothing is part of its failure."""
        return None if status == "stale" and device in self._suspected else KIND_OF.get(status)

    def _take_up(self, device: UUID, late_us: int, at_us: int, outcome: Outcome) -> None:
        """Take up a device's status where that stands without a hold; its time begins late."""
        health = self._state.health[device]
        kind = self._kind(device, health.status)
        for rule in self._plans.of(device).rules(kind) if kind is not None else ():
            if self._lacks(rule, device):
                hold = Hold(rule, device, "", health.since_us, at_us, _us(rule.for_s))
                hold.reason, hold.held_us = health.reason, -late_us
                self._holds.begin(hold, at_us, outcome)

    def _end_all(self, device: UUID, kind: RuleKind, at_us: int, outcome: Outcome, why: str) -> None:
        for hold in list((self._holds.of(device) or {}).values()):
            if hold.rule.kind == kind:
                self._holds.end(hold, at_us, outcome, why)

    def _take_up_suspect(self, device: UUID, at_us: int, outcome: Outcome) -> None:
        reason, since_us = self._suspected[device]
        for rule in self._plans.of(device).rules("device_down"):
            if self._lacks(rule, device):
                hold = Hold(rule, device, "", since_us, at_us, _us(rule.for_s), reason=reason)
                self._holds.begin(hold, at_us, outcome)

    def _lacks(self, rule: AlertRule, subject: UUID) -> bool:
        return self._holds.get(subject, key_of(rule)) is None

    def _count_turn(
        self, what: Turning, now: str, rules: Sequence[AlertRule], at_us: int, outcome: Outcome
    ) -> None:
        if now not in _DEPTH:
            return
        was = self._known.get(what.subject, now)
        self._known[what.subject] = now
        worsens = _DEPTH[now] > _DEPTH[was]
        if was == now or self._worsened.get(what.subject) is worsens:
            return
        self._worsened[what.subject] = worsens
        if self._holds.is_hushed(what.subject) and not self._holds.is_silenced(what.subject):
            self._credit.setdefault(what.subject, []).append((rules, what))
        else:
            self._flaps.turn(rules, what, at_us, outcome)

    def settle_turns(self, subject: UUID, at_us: int, outcome: Outcome) -> None:
        """Count the turns of what is let go; forget those of what is left in peace for a reason."""
        for rules, what in self._credit.pop(subject, ()):
            self._flaps.turn(rules, what, at_us, outcome)

    def _forget_ports(self, device: UUID, at_us: int, outcome: Outcome) -> None:
        """Of a device that falls silent: nobody knows whether its ports are still down."""
        for hold in list((self._holds.of(device) or {}).values()):
            if hold.rule.kind == "port_down" and not self._holds.is_alert(hold):
                self._holds.drop(hold, at_us, outcome)
                self._ports_down.get(device, {}).pop(hold.instance, None)

    def _is_disabled(self, device: Device, port: str) -> bool:
        """Tell whether somebody switched a port off on the device."""
        facts = self._state.facts.get(device.id, {})
        found = (facts.get((f"interface/{port}", probe)) for probe in probe_names(device))
        return any(fact is not None and is_disabled(fact) for fact in found)


def _ports_words(inventory: Inventory, lag: Lag) -> str:
    """Return which ports of which devices do not run: "ether2 of Kempten does not run"."""
    named = [(member.interface, inventory.device(member.device)) for member in lag.fallen[:PORTS_NAMED]]
    said = [f"{port} of {device.name}" if device is not None else port for port, device in named]
    more = [f"{len(lag.fallen) - PORTS_NAMED} more"] if len(lag.fallen) > PORTS_NAMED else []
    return f"{', '.join((*said, *more))} {'does' if len(lag.fallen) == 1 else 'do'} not run"


def is_disabled(fact: Fact) -> bool:
    """Tell whether a fact says of a port that somebody switched it off."""
    return isinstance(fact.value, dict) and fact.value.get("admin_up") is False


def _us(seconds: float) -> int:
    return int(seconds * 1e6)

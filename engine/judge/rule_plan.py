"""Which rules look at a device: worked out once, and again when the inventory changes. Counterpart: `domain/alert_rules.py`.

Theory: a plan is what a visit needs: by metric its checks, the names that are worth a look at all, the ports that are watched.
Devices that the same rules look at share one plan, but those with ports of their own.
One rule: a plan is not changed; it is dropped.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import UUID

from domain.alert_rules import comparison, is_in_scope, key_of, matches, rules_by_key
from domain.inventory import Device, Link
from domain.metrics import SHARES
from domain.watching import AlertRule, RuleKind
from engine.state import State

RUNNING = "if_oper_up"
NEVER = (1.0, 0.0)
"""The range that holds no value."""


class Check(NamedTuple):
    """A threshold, ready to be held against a value."""

    compare: Callable[[float, float], bool]
    threshold: float
    until: float
    key: str
    rule: AlertRule


class Share(NamedTuple):
    """A share of two numbers: what it is called, of what, what it is held against, and where it breaks nothing."""

    name: str
    part: str
    whole: str
    checks: tuple[Check, ...]
    calm: tuple[float, float]


class Plan(NamedTuple):
    """What is looked at. `calm`: the metrics that anything here is about, and the range of values that break nothing (an empty
    one where every value is looked at). `parts`: the shares' names and what they are made of."""

    calm: dict[str, tuple[float, float]]
    checks: dict[str, tuple[Check, ...]]
    shares: tuple[Share, ...]
    parts: frozenset[str]
    changes: dict[str, tuple[AlertRule, ...]]
    statuses: dict[RuleKind, tuple[AlertRule, ...]]
    past: tuple[AlertRule, ...]
    ports: dict[str, tuple[tuple[AlertRule, int], ...]] | None
    """By port: rules and for how long, in microseconds; filled as ports are met. None: no port is watched."""

    def rules(self, kind: RuleKind) -> tuple[AlertRule, ...]:
        """Return the rules of a kind that looks at a status."""
        return self.statuses.get(kind, ())


class Plans:
    """The plans of all devices. `linked` tells which ports of a device carry a link: those are the link's affair."""

    def __init__(self, state: State, linked: Callable[[UUID], Iterable[str]]) -> None:
        self._state = state
        self._linked = linked
        self._plans: dict[UUID, Plan] = {}
        self._shared: dict[tuple[str, ...], Plan] = {}
        self._rules: dict[str, AlertRule] = {}
        self.forget_all()

    @property
    def rules(self) -> dict[str, AlertRule]:
        """All rules that are on, by key."""
        return self._rules

    def forget(self, device: UUID) -> None:
        """Work out a device's plan anew."""
        self._plans.pop(device, None)

    def forget_all(self) -> None:
        """Work out everything anew."""
        every = rules_by_key(self._state.inventory)
        self._rules = {key: rule for key, rule in every.items() if rule.is_on}
        self._plans.clear()
        self._shared.clear()

    def of(self, device: UUID) -> Plan:
        """Return a device's plan; that of a device which is gone is empty."""
        plan = self._plans.get(device)
        if plan is None:
            found = self._state.inventory.device(device)
            plan = self._plans[device] = self._made(found) if found is not None else _plan(())
        return plan

    def applies(self, rule: AlertRule, device: UUID) -> bool:
        """Tell whether a rule, as it is now, looks at a device."""
        found = self._state.inventory.device(device)
        now = self._rules.get(key_of(rule))
        return found is not None and now is not None and is_in_scope(now.scope, self._state.inventory, found)

    def of_members(self, link: Link) -> list[tuple[AlertRule, int]]:
        """Return the rules about a link some of whose members are down, and for how long: those about ports, at either end."""
        return self._of_ends(link, "port_down")

    def of_link(self, link: Link) -> list[tuple[AlertRule, int]]:
        """Return the rules about a link that is down, and for how long it has to be, as people chose for its ports."""
        return self._of_ends(link, "link_down")

    def _of_ends(self, link: Link, kind: RuleKind) -> list[tuple[AlertRule, int]]:
        ends = ((link.a, link.a_interface), (link.b, link.b_interface))
        delay_s = 0.0
        for end, interface in ends:
            device = self._state.inventory.device(end)
            chosen = next((p for p in device.ports if p.interface == interface), None) if device else None
            if chosen is not None and not chosen.is_on:
                return []
            delay_s = max(delay_s, chosen.delay_s if chosen is not None else 0.0)
        found = {
            key_of(rule): rule
            for end, interface in ends
            for rule in self.of(end).rules(kind)
            if matches(rule.scope.interface, interface)
        }
        return [(rule, int(max(rule.for_s, delay_s) * 1e6)) for rule in found.values()]

    def of_port(self, device: UUID, interface: str) -> tuple[tuple[AlertRule, int], ...]:
        """Return the rules about a port that is down, and for how long it has to be."""
        ports = self.of(device).ports
        if ports is None:
            return ()
        if interface not in ports:
            ports[interface] = self._port(device, interface)
        return ports[interface]

    def _port(self, id: UUID, interface: str) -> tuple[tuple[AlertRule, int], ...]:
        device = self._state.inventory.device(id)
        chosen = next((p for p in device.ports if p.interface == interface), None) if device else None
        if interface in self._linked(id) or (chosen is not None and not chosen.is_on):
            return ()
        return tuple(
            (rule, int((chosen.delay_s or rule.for_s if chosen is not None else rule.for_s) * 1e6))
            for rule in self.of(id).rules("port_down")
            if (matches(rule.scope.interface, interface) if rule.scope.interface else chosen is not None)
        )

    def _made(self, device: Device) -> Plan:
        inventory = self._state.inventory
        keys = tuple(key for key, rule in self._rules.items() if is_in_scope(rule.scope, inventory, device))
        plan = self._shared.get(keys)
        if plan is None:
            plan = self._shared[keys] = _plan(self._rules[key] for key in keys)
        if device.ports or any(rule.scope.interface for rule in plan.rules("port_down")):
            plan = plan._replace(ports={}, calm={**plan.calm, RUNNING: (math.ulp(0.0), math.inf)})
        return plan


def _plan(rules: Iterable[AlertRule]) -> Plan:
    checks: dict[str, list[Check]] = defaultdict(list)
    changes: dict[str, list[AlertRule]] = defaultdict(list)
    statuses: dict[RuleKind, list[AlertRule]] = defaultdict(list)
    past: list[AlertRule] = []
    for rule in rules:
        match rule.kind:
            case "threshold":
                until = rule.threshold if rule.clear_at is None else rule.clear_at
                check = Check(comparison(rule.op), rule.threshold, until, key_of(rule), rule)
                checks[rule.metric].append(check)
            case "change":
                changes[rule.metric].append(rule)
            case "anomaly" | "trend":
                past.append(rule)
            case kind:
                statuses[kind].append(rule)
    shares = tuple(
        Share(name, *SHARES[name], tuple(checks[name]), _calm(checks[name]))
        for name in SHARES
        if name in checks
    )
    parts = {metric for share in shares for metric in (share.part, share.whole)}
    return Plan(
        {metric: _calm(found) for metric, found in checks.items()} | dict.fromkeys((*changes, *parts), NEVER),
        {metric: tuple(found) for metric, found in checks.items()},
        shares,
        frozenset({*parts, *(share.name for share in shares)}),
        {metric: tuple(found) for metric, found in changes.items()},
        {kind: tuple(found) for kind, found in statuses.items()},
        tuple(past),
        None,
    )


def _calm(checks: Iterable[Check]) -> tuple[float, float]:
    """Return the range in which a value breaks none of these; it may be smaller than it could be."""
    low, high = -math.inf, math.inf
    for check in checks:
        match check.rule.op:
            case "gt":
                high = min(high, check.threshold)
            case "gte":
                high = min(high, math.nextafter(check.threshold, -math.inf))
            case "lt":
                low = max(low, check.threshold)
            case "lte":
                low = max(low, math.nextafter(check.threshold, math.inf))
            case _:
                return NEVER
    return low, high

"""Alert rules and scopes in words, and which devices a scope names; no Qt. Counterpart: `domain/watching.py`.

One rule: a rule is said as one sentence, the same in the list, in its form and in the title of its edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from app.words import count_of, isolated
from domain.alert_rules import DEFAULT_RULES, is_in_scope
from domain.inventory import Device, Inventory
from domain.metrics import CATALOGUE, Metric
from domain.watching import AlertRule, Comparison, RuleKind, Scope, Severity

NAMES_SHOWN = 3
"""So many names of a scope are said, then how many more there are."""
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400

Origin = Literal["built-in", "changed", "own"]


class KindWords(NamedTuple):
    """What a kind of rule is called in its form, how its condition begins, and what is asked of it.

    `ops` are the comparisons that make sense; `unit` that of its threshold, None where it is the metric's, "" where there is no
    threshold; `has_ports`: it can be narrowed to ports.
    """

    title: str
    condition: str
    ops: tuple[Comparison, ...] = ()
    unit: str | None = ""
    has_for: bool = True
    has_scope: bool = True
    has_ports: bool = False


_ALL: tuple[Comparison, ...] = ("gt", "gte", "lt", "lte", "eq", "ne")
_WAYS: tuple[Comparison, ...] = ("gt", "lt", "ne")
KINDS: dict[RuleKind, KindWords] = {
    "device_down": KindWords("A device is down", "device down"),
    "device_degraded": KindWords("A device is degraded", "device degraded"),
    "device_stale": KindWords("A device sends no more data", "no data from device"),
    "link_down": KindWords("A link is down", "link down"),
    "port_down": KindWords("A port is down", "port down", has_ports=True),
    "threshold": KindWords("A number is too high or too low", "{metric}", _ALL, None, has_ports=True),
    "change": KindWords("A number changes", "{metric}", _WAYS, None, has_for=False, has_ports=True),
    "flapping": KindWords("Something goes up and down", "up and down", unit="times in 10 min", has_for=False),
    "anomaly": KindWords(
        "A number is unlike the same hour of past weeks",
        "{metric} unlike the same hour of past weeks",
        _WAYS,
        "standard deviations",
        has_ports=True,
    ),
    "trend": KindWords(
        "A number gets worse from week to week",
        "{metric}, last 7 days against the 14 before,",
        _WAYS[:2],
        None,
        has_for=False,
        has_ports=True,
    ),
    "cut_off": KindWords(
        "This computer has lost its way to the network",
        "this computer cut off from the network",
        has_scope=False,
    ),
}
SYMBOLS: dict[Comparison, str] = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "eq": "=", "ne": "≠"}
OP_WORDS: dict[Comparison, str] = {
    "gt": "above",
    "gte": "at least",
    "lt": "below",
    "lte": "at most",
    "eq": "equal to",
    "ne": "other than",
}
PAST_WORDS: dict[Comparison, str] = {"gt": "higher by", "lt": "lower by", "ne": "off by"}
MOVE_WORDS: dict[Comparison, str] = {"gt": "rises", "lt": "falls", "ne": "changes"}
AGAINST_PAST = frozenset({"anomaly", "trend"})
_SAME_WAY: dict[Comparison, Comparison] = {"gte": "gt", "lte": "lt", "eq": "ne"}
SEVERITY_WORDS: dict[Severity, str] = {"critical": "Critical", "warning": "Warning", "info": "Info"}
SEVERITY_ICONS: dict[Severity, tuple[str, str]] = {
    "critical": ("octagon-alert", "down"),
    "warning": ("triangle-alert", "degraded"),
    "info": ("info", "stale"),
}
"""The icon of a severity, and the status whose ink it has; the word always stands beside it."""
_SHOWN_UNITS = {"1/s": ("per s", 1.0), "bit/s": ("Mb/s", 1e6), "B": ("MiB", float(1 << 20))}
_SHOWN_UNIT_OF = {
    "certificate_left_s": ("d", float(DAY_S)),
    "runtime_left_s": ("min", float(MINUTE_S)),
    "uptime_s": ("min", float(MINUTE_S)),
}
_TITLES = {"if_in_bps": "Traffic in", "if_out_bps": "Traffic out", "if_oper_up": "Port running"}
"""What the catalogue calls so that it is only clear in a table of ports."""


class Listed(NamedTuple):
    """A rule in effect and where it comes from; `default` is what it is without a change, None of an own one."""

    rule: AlertRule
    origin: Origin
    default: AlertRule | None


def listed_rules(inventory: Inventory) -> list[Listed]:
    """Return all rules, the built-in ones first, in their order."""
    kept = {rule.id: rule for rule in inventory.rules()}
    found = []
    for default in DEFAULT_RULES:
        changed = kept.pop(default.id, None)
        found.append(Listed(changed or default, "changed" if changed else "built-in", default))
    return found + [Listed(rule, "own", None) for rule in kept.values()]


def default_of(id: UUID) -> AlertRule | None:
    """Return the built-in rule of that id."""
    return next((rule for rule in DEFAULT_RULES if rule.id == id), None)


# Numbers


def metric_title(metric: Metric) -> str:
    """Return what a metric is called where nothing else says what it is of."""
    return _TITLES.get(metric.name, metric.title)


def shown_unit(metric: Metric) -> tuple[str, float]:
    """Return the unit in which people write a metric, and how much of the catalogue's it is."""
    return _SHOWN_UNIT_OF.get(metric.name) or _SHOWN_UNITS.get(metric.unit, (metric.unit, 1.0))


def is_yes_or_no(metric: Metric) -> bool:
    """Tell whether a metric is 1 for yes and 0 for no."""
    return (metric.low, metric.high, metric.unit) == (0, 1, "")


def threshold_unit(kind: RuleKind, metric: Metric | None) -> tuple[str, float]:
    """Return the unit of a rule's threshold as it is written, and how much of the domain's it is."""
    unit = KINDS[kind].unit
    if unit is not None:
        return unit, 1.0
    return shown_unit(metric) if metric is not None else ("", 1.0)


def plain(number: float) -> str:
    """Return a number as it is typed: no thousands apart, no digits that say nothing."""
    return f"{number:.12g}"


def span(seconds: float) -> str:
    """Return a time that was chosen, exactly: 90 s, 10 min, 2 h."""
    for size, unit in ((HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _value(number: float, unit: str, factor: float) -> str:
    said = plain(number / factor).replace("-", "\u2212")
    return f"{said} {unit}" if unit else said


# Rules


def way_of(op: Comparison) -> Comparison:
    """Return which way of moving a comparison means: up, down or either."""
    return _SAME_WAY.get(op, op)


def op_words(kind: RuleKind, op: Comparison) -> str:
    """Return a comparison as a form of that kind offers it."""
    if kind == "change":
        return MOVE_WORDS[way_of(op)].capitalize()
    if kind in AGAINST_PAST:
        return PAST_WORDS[way_of(op)].capitalize()
    return f"{SYMBOLS[op]}  {OP_WORDS[op]}"


def rule_words(rule: AlertRule) -> str:
    """Return what a rule looks at: "CPU load > 90 % for 10 min, clears below 80 %"."""
    words = KINDS[rule.kind]
    metric = CATALOGUE.get(rule.metric)
    said = [words.condition.replace("{metric}", metric_title(metric) if metric else "A number")]
    unit, factor = threshold_unit(rule.kind, metric)
    threshold = _value(rule.threshold, unit, factor)
    if rule.kind == "threshold" and metric is not None and is_yes_or_no(metric) and rule.op in ("eq", "ne"):
        said.append(f"is {'yes' if bool(rule.threshold) == (rule.op == 'eq') else 'no'}")
    elif rule.kind == "threshold":
        said.append(f"{SYMBOLS[rule.op]} {threshold}")
    elif rule.kind in AGAINST_PAST:
        said.append(f"{PAST_WORDS[way_of(rule.op)]} {threshold}")
    elif rule.kind == "change":
        said.append(MOVE_WORDS[way_of(rule.op)])
        if rule.threshold:
            said.append(f"by more than {threshold}")
    elif words.unit:
        said.append(f"{SYMBOLS[rule.op]} {threshold}")
    if rule.for_s and words.has_for:
        said.append(f"for {span(rule.for_s)}")
    condition = " ".join(said)
    if rule.kind == "threshold" and rule.clear_at is not None and rule.clear_at != rule.threshold:
        way = "below" if rule.op in ("gt", "gte") else "above"
        condition += f", clears {way} {_value(rule.clear_at, unit, factor)}"
    return condition[:1].upper() + condition[1:]


def rule_sentence(inventory: Inventory, rule: AlertRule) -> str:
    """Return all of a rule: "Warning when CPU load > 90 % for 10 min; in region Oberallgäu."."""
    words = rule_words(rule)
    first = words.split(" ", 1)[0]
    if first.istitle():
        words = words[:1].lower() + words[1:]
    where = f"; {scope_words(inventory, rule.scope)}" if KINDS[rule.kind].has_scope else ""
    return f"{SEVERITY_WORDS[rule.severity]} when {words}{where}."


# Scopes


def scope_names(inventory: Inventory, scope: Scope) -> list[str]:
    """Return what a scope names, one text each: "region Oberallgäu", "tag backbone"; empty where it is everywhere."""
    sites = [inventory.site(id) for id in scope.sites]
    devices = [inventory.device(id) for id in scope.devices]
    return [
        *(f"region {isolated(name)}" for name in scope.regions),
        *(f"site {isolated(site.name)}" if site else "a site that is gone" for site in sites),
        *(f"tag {isolated(name)}" for name in scope.tags),
        *(f"role {name}" for name in scope.roles),
        *(isolated(device.name) if device else "a device that is gone" for device in devices),
    ]


def scope_words(inventory: Inventory, scope: Scope) -> str:
    """Return a scope: "everywhere", or "region Oberallgäu, tag backbone, ports ether*"."""
    names = scope_names(inventory, scope)
    said = names[:NAMES_SHOWN] or ["everywhere"]
    if len(names) > NAMES_SHOWN:
        said.append(f"{len(names) - NAMES_SHOWN:,} more")
    if scope.interface:
        said.append(f"ports {scope.interface}")
    return ", ".join(said)


def devices_in(inventory: Inventory, scope: Scope) -> Iterator[Device]:
    """Go over the devices of a scope."""
    return (device for device in inventory.devices() if is_in_scope(scope, inventory, device))


def matched_words(inventory: Inventory, rule: AlertRule) -> str:
    """Return how much a rule would look at now: "Looks at 12 of 40 devices"."""
    if not KINDS[rule.kind].has_scope:
        return ""
    inside = {device.id for device in devices_in(inventory, rule.scope)}
    if rule.kind == "link_down":
        links = sum(link.a in inside or link.b in inside for link in inventory.links())
        return f"It would look at {count_of(links, 'link', 'links')}."
    return f"It would look at {count_of(len(inside), 'device', 'devices')}."


def tags_of(inventory: Inventory) -> list[str]:
    """Return every tag that some device has, in order."""
    return sorted({tag for device in inventory.devices() for tag in device.tags}, key=str.casefold)


def renamed(rule: AlertRule, new_id: UUID) -> AlertRule:
    """Return a copy of a rule under a name that says so."""
    return msgspec.structs.replace(rule, id=new_id, name=f"{rule.name[:110]} (copy)")

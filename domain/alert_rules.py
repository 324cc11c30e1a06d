"""Which rules hold and where, and what they say. Counterpart: `watching.py`, their shape; `engine/judge/rules.py`, their timers.

Theory: the built-in rules have a short key, which names them in alerts, and an id made of it. A rule in the inventory with such
an id takes the built-in one's place, also to switch it off; every other rule of the inventory is named by its own id.
One rule: nothing here looks at a clock or remembers anything.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

import msgspec

from domain.inventory import PUSHED, Device, Inventory
from domain.metrics import CATALOGUE
from domain.watching import AlertRule, Comparison, Scope

_SPACE = UUID("0b1f1c0e-52a5-4f0b-9a55-7d5d5b5f6a2e")
_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3_600.0, 86_400.0


def rule_id(key: str) -> UUID:
    """Return the id that a built-in rule has for ever."""
    return uuid5(_SPACE, key)


def _built_in(key: str, name: str, kind: Any, metric: str = "", **fields: Any) -> tuple[str, AlertRule]:
    return key, AlertRule(rule_id(key), name, kind, metric, **fields)


_BUILT_IN: tuple[tuple[str, AlertRule], ...] = (
    _built_in("cut_off", "Cut off from the network", "cut_off", severity="critical"),
    _built_in("device_down", "Device down", "device_down", severity="critical"),
    _built_in("device_degraded", "Device degraded", "device_degraded", for_s=10.0),
    _built_in("device_stale", "Device not polled", "device_stale", for_s=_MINUTE_S),
    _built_in("link_down", "Link down", "link_down"),
    _built_in("port_down", "Port down", "port_down"),
    _built_in("flapping", "Flapping", "flapping", op="gte", threshold=5.0),
    _built_in(
        "cpu_busy",
        "CPU busy",
        "threshold",
        "cpu_load_pct",
        threshold=90.0,
        clear_at=80.0,
        for_s=10 * _MINUTE_S,
    ),
    _built_in(
        "memory_short",
        "Memory short",
        "threshold",
        "memory_used_pct",
        threshold=90.0,
        clear_at=85.0,
        for_s=10 * _MINUTE_S,
    ),
    _built_in(
        "disk_full",
        "Disk nearly full",
        "threshold",
        "disk_used_pct",
        threshold=90.0,
        clear_at=88.0,
        for_s=10 * _MINUTE_S,
    ),
    _built_in(
        "hot", "Too hot", "threshold", "temperature_c", threshold=70.0, clear_at=65.0, for_s=5 * _MINUTE_S
    ),
    _built_in(
        "loss", "Packets lost", "threshold", "loss_pct", threshold=10.0, clear_at=5.0, for_s=5 * _MINUTE_S
    ),
    _built_in(
        "slow", "Slower than usual", "anomaly", "rtt_ms", threshold=4.0, for_s=_HOUR_S, severity="info"
    ),
    _built_in("signal_worse", "Signal gets worse", "trend", "signal_dbm", op="lt", threshold=5.0),
    _built_in(
        "signal_missing",
        "Signal far below expected",
        "threshold",
        "signal_gap_db",
        threshold=10.0,
        clear_at=7.0,
        for_s=30 * _MINUTE_S,
    ),
    _built_in(
        "signal_uneven",
        "One direction much weaker",
        "threshold",
        "signal_asymmetry_db",
        threshold=10.0,
        clear_at=7.0,
        for_s=30 * _MINUTE_S,
        severity="info",
    ),
    _built_in(
        "ccq_low",
        "Poor radio link",
        "threshold",
        "ccq_pct",
        op="lt",
        threshold=50.0,
        clear_at=60.0,
        for_s=30 * _MINUTE_S,
    ),
    _built_in(
        "light_low",
        "Too little light",
        "threshold",
        "optical_rx_dbm",
        op="lt",
        threshold=-25.0,
        clear_at=-24.0,
        for_s=5 * _MINUTE_S,
    ),
    _built_in(
        "port_errors",
        "Port errors",
        "threshold",
        "if_in_errors_per_s",
        threshold=1.0,
        clear_at=0.5,
        for_s=10 * _MINUTE_S,
        severity="info",
    ),
    _built_in("on_battery", "On battery", "threshold", "on_battery", op="eq", threshold=1.0),
    _built_in(
        "battery_ending",
        "Battery nearly empty",
        "threshold",
        "runtime_left_s",
        op="lt",
        threshold=15 * _MINUTE_S,
        clear_at=20 * _MINUTE_S,
        severity="critical",
    ),
    _built_in(
        "certificate_ending",
        "Certificate ends soon",
        "threshold",
        "certificate_left_s",
        op="lt",
        threshold=14 * _DAY_S,
    ),
    _built_in("bgp_lost", "BGP session lost", "change", "bgp_established", op="lt"),
    _built_in("ospf_lost", "OSPF neighbour lost", "change", "ospf_full", op="lt"),
    _built_in(
        "netwatch_down",
        "Netwatch: host down",
        "threshold",
        "netwatch_up",
        op="eq",
        threshold=0.0,
        for_s=_MINUTE_S,
    ),
)
DEFAULT_RULES: tuple[AlertRule, ...] = tuple(rule for _, rule in _BUILT_IN)
KEYS: dict[UUID, str] = {rule.id: key for key, rule in _BUILT_IN}
"""The short names of the built-in rules."""


def key_of(rule: AlertRule) -> str:
    """Return what alerts call a rule: a built-in one's key, else its id as text."""
    return KEYS.get(rule.id) or str(rule.id)


def rules_by_key(inventory: Inventory) -> dict[str, AlertRule]:
    """Return all rules, those that are switched off too, as people changed them."""
    return {key_of(rule): rule for rule in (*DEFAULT_RULES, *inventory.rules())}


# Where


def is_everywhere(scope: Scope) -> bool:
    """Tell whether a scope names no device, and so means all."""
    return not (scope.regions or scope.sites or scope.tags or scope.roles or scope.devices)


def is_in_scope(scope: Scope, inventory: Inventory, device: Device) -> bool:
    """Tell whether any list of a scope names a device; the interface is not looked at."""
    if is_everywhere(scope):
        return True
    if device.id in scope.devices or device.role in scope.roles:
        return True
    if scope.tags and not set(scope.tags).isdisjoint(device.tags):
        return True
    if device.site is None:
        return False
    if device.site in scope.sites:
        return True
    site = inventory.site(device.site)
    region = inventory.region_of(site) if site is not None and scope.regions else ""
    return bool(region) and region in scope.regions


@lru_cache(maxsize=1_000)
def _pattern(glob: str) -> re.Pattern[str]:
    first, *rest = (re.escape(part).replace(r"\?", ".") for part in glob.split("*"))
    if rest:  # what stands between two stars is taken where it comes first: to try all places takes hours with many stars
        first += "".join(f"(?>.*?{part})" for part in rest[:-1]) + ".*" + rest[-1]
    return re.compile(first, re.DOTALL)


def matches(glob: str, interface: str) -> bool:
    """Tell whether a port's name fits a pattern, in which * is any text and ? any letter; the empty one fits all."""
    return not glob or _pattern(glob).fullmatch(interface) is not None


# What


_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


def comparison(op: Comparison) -> Callable[[float, float], bool]:
    """Return the function that compares a value with a threshold."""
    return _COMPARE[op]


def has_changed(rule: AlertRule, before: float, now: float) -> bool:
    """Tell whether a number moved by more than a rule's threshold, in the direction that counts (`eq` and `ne`: either)."""
    moved = now - before
    if rule.op in ("lt", "lte"):
        moved = -moved
    elif rule.op in ("eq", "ne"):
        moved = abs(moved)
    return moved >= rule.threshold and moved > 0 if rule.op in ("gte", "lte") else moved > rule.threshold


# In words


def amount(metric: str, value: float) -> str:
    """Return a value with its unit as people say it."""
    unit = CATALOGUE[metric].unit if metric in CATALOGUE else ""
    if unit == "s":
        return span(value)
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if unit in ("bit/s", "B") and abs(value) >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    number = f"{value:.1f}".rstrip("0").rstrip(".") if abs(value) < 10_000 else f"{value:,.0f}"
    number = "0" if number == "-0" else number
    return f"{number} {unit}" if unit else number


def span(seconds: float) -> str:
    """Return a time in its largest fitting unit: 90 s, 10 min, 2 h, 13 days."""
    size, unit = next(
        (
            (size, unit)
            for size, unit in ((_DAY_S, "days"), (_HOUR_S, "h"), (_MINUTE_S, "min"))
            if abs(seconds) >= 2 * size
        ),
        (1.0, "s"),
    )
    return f"{seconds / size:.1f}".rstrip("0").rstrip(".") + f" {unit}"


_SAID = {
    "gt": "above",
    "gte": "at least",
    "lt": "below",
    "lte": "at most",
    "eq": "equal to",
    "ne": "other than",
}


def threshold_words(rule: AlertRule, instance: str, value: float) -> str:
    """Return why a threshold is broken: "CPU load is 95 %, above 90 % for 10 min"."""
    metric = CATALOGUE[rule.metric]
    if (metric.low, metric.high, metric.unit) == (0, 1, ""):
        return f"{_titled(rule, instance)}: {'yes' if value else 'no'}"
    held = f" for {span(rule.for_s)}" if rule.for_s else ""
    limit = amount(rule.metric, rule.threshold)
    return f"{_titled(rule, instance)} is {amount(rule.metric, value)}, {_SAID[rule.op]} {limit}{held}"


def change_words(rule: AlertRule, instance: str, before: float, now: float) -> str:
    """Return what changed: "BGP established went from 4 to 3"."""
    moved = f"went from {amount(rule.metric, before)} to {amount(rule.metric, now)}"
    return f"{_titled(rule, instance)} {moved}"


def _titled(rule: AlertRule, instance: str) -> str:
    """Return what a rule's number is called: what is pushed has its own name."""
    title = CATALOGUE[rule.metric].title
    if rule.metric == PUSHED and instance:
        return instance
    return f"{title} ({instance})" if instance else title


def is_same_test(old: AlertRule, new: AlertRule) -> bool:
    """Tell whether two forms of a rule open the same alerts: they differ in name and note alone."""
    return msgspec.structs.replace(old, name=new.name, note=new.note) == new

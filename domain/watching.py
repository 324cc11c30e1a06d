"""What people want to be told of, and when to be left in peace: rules, maintenance, ports, finds to ignore.

Counterpart: `inventory.py` holds them, `alert_rules.py` and `maintenance.py` say what follows from them, `watch_rules.py` what
is refused. One rule: a scope that names nothing means the whole tenant.
"""

from __future__ import annotations

from typing import Literal, get_args
from uuid import UUID

import msgspec

RuleKind = Literal[
    "device_down",
    "device_degraded",
    "device_stale",
    "link_down",
    "port_down",
    "threshold",
    "change",
    "flapping",
    "anomaly",
    "trend",
    "cut_off",
]
"""What a rule looks at: a status, a link, a port, a number, its change, its wavering, its habit, its drift, or our own uplink."""
Comparison = Literal["gt", "gte", "lt", "lte", "eq", "ne"]
Severity = Literal["critical", "warning", "info"]
Repeat = Literal["", "daily", "weekly", "monthly"]

RULE_KINDS: tuple[RuleKind, ...] = get_args(RuleKind)
COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
REPEATS: tuple[Repeat, ...] = get_args(Repeat)
METRIC_KINDS = frozenset({"threshold", "change", "anomaly", "trend"})
"""The kinds that look at one metric of the catalogue."""


class PortWatch(msgspec.Struct, frozen=True):
    """What a person chose for one port: told when it goes down or not, and after how long."""

    interface: str
    is_on: bool = True
    delay_s: float = 0.0


class Scope(msgspec.Struct, frozen=True):
    """Which devices: those that any list names, or all. `interface` narrows it to ports: a pattern with * and ?."""

    regions: tuple[str, ...] = ()
    sites: tuple[UUID, ...] = ()
    tags: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    devices: tuple[UUID, ...] = ()
    interface: str = ""


class AlertRule(msgspec.Struct, frozen=True):
    """When to alert. `for_s`: how long it must hold; `clear_at`: the value at which a threshold is over, None is the same.

    An `anomaly` is `threshold` standard deviations off the same hour of past weeks, a `trend` is `threshold` units worse over
    the last 7 days than over the 14 before, `flapping` is `threshold` turns in ten minutes; `op` says which way counts.
    """

    id: UUID
    name: str
    kind: RuleKind
    metric: str = ""
    op: Comparison = "gt"
    threshold: float = 0.0
    clear_at: float | None = None
    for_s: float = 0.0
    severity: Severity = "warning"
    scope: Scope = Scope()
    is_on: bool = True
    note: str = ""


class Maintenance(msgspec.Struct, frozen=True):
    """Planned work: nothing in scope alerts meanwhile. Repeated at the same time of day in `zone`, an IANA name.

    `with_dependents`: nor what loses its way to the network by it.
    """

    id: UUID
    name: str
    starts_us: int
    ends_us: int
    scope: Scope = Scope()
    repeat: Repeat = ""
    zone: str = "UTC"
    with_dependents: bool = True
    note: str = ""


class Ignored(msgspec.Struct, frozen=True):
    """Something discovery found that nobody wants to see again. `key`: "serial:…", "mac:…", "engine:…" or "address:…"."""

    id: UUID
    key: str
    name: str

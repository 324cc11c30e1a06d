"""What is refused of alert rules, maintenance, chosen ports and finds to ignore. Counterpart: `rules.py`, which asks here.

One rule: as there, a refusal names the field and says what was got and what is expected.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from domain.errors import Refusal
from domain.maintenance import zone_of
from domain.metrics import CATALOGUE, SHARES
from domain.text import TEXT_CAP, clean_text
from domain.watching import METRIC_KINDS, AlertRule, Ignored, Maintenance, PortWatch, Scope

if TYPE_CHECKING:
    from domain.inventory import Device

FOR_RANGE_S = (0.0, 86_400.0)
"""How long something must hold before it is an alert."""
TURNS_RANGE = (2.0, 100.0)
"""Turns in ten minutes above which something may be called flapping."""
LABEL_CAP = 60
TAGS_CAP = 50
PORTS_CAP = 500
SCOPE_CAP = 2_000
"""Most entries of one list of a scope."""
MAINTENANCE_CAP_US = 366 * 86_400_000_000
_REPEAT_US = {"daily": 86_400_000_000, "weekly": 7 * 86_400_000_000, "monthly": 28 * 86_400_000_000}
_KEY = re.compile(r"(serial|mac|engine|address):[^\s](?:.{0,110}[^\s])?")


def watching_refusals(device: Device) -> Iterator[Refusal]:
    """Yield what is wrong with a device's tags and chosen ports."""
    yield from _labels("tags", device.tags, TAGS_CAP, device.id)
    if len(device.ports) > PORTS_CAP:
        yield _no("ports", f"{len(device.ports)} ports, at most {PORTS_CAP}", device.id)
        return
    names = [port.interface for port in device.ports]
    if len(set(names)) < len(names):
        yield _no("ports", "one port is chosen twice", device.id)
    for port in device.ports:
        yield from _port(port, device.id)


def rule_refusals(rule: AlertRule) -> Iterator[Refusal]:
    """Yield what is wrong with an alert rule, its name and note apart."""
    if (rule.kind in METRIC_KINDS) != (rule.metric in CATALOGUE):
        got = clean_text(rule.metric, 60)
        expected = "a metric of the catalogue" if rule.kind in METRIC_KINDS else "no metric"
        yield _no("metric", f"{expected} expected with {_named(rule)}, got {got!r}", rule.id)
    for field, value in (("threshold", rule.threshold), ("clear_at", rule.clear_at)):
        if value is not None and not math.isfinite(value):
            yield _no(field, f"a number expected, got {value}", rule.id)
    yield from _against_past(rule)
    yield from _hysteresis(rule)
    yield from _seconds("for_s", rule.for_s, rule.id)
    yield from _scope(rule.scope, rule.id)


def _named(rule: AlertRule) -> str:
    return f'a rule of the kind "{rule.kind.replace("_", " ")}"'


def maintenance_refusals(work: Maintenance) -> Iterator[Refusal]:
    """Yield what is wrong with planned work, its name, its note and its times' ranges apart."""
    span_us = work.ends_us - work.starts_us
    if span_us <= 0:
        yield _no("ends_us", "it ends before it starts", work.id)
    elif span_us > MAINTENANCE_CAP_US:
        yield _no("ends_us", "at most a year at a time", work.id)
    elif work.repeat and span_us >= _REPEAT_US[work.repeat]:
        yield _no("repeat", f"it lasts longer than until it is repeated ({work.repeat})", work.id)
    if zone_of(work.zone) is None:
        said = f'a time zone such as "Europe/Vienna" expected, got {clean_text(work.zone, 60)!r}'
        yield _no("zone", said, work.id)
    if work.scope.interface:
        yield _no("scope.interface", "planned work is about devices, not about single ports", work.id)
    yield from _scope(work.scope, work.id)


def ignored_refusals(find: Ignored) -> Iterator[Refusal]:
    """Yield what is wrong with a find to ignore, its name apart."""
    if not _KEY.fullmatch(find.key) or clean_text(find.key) != find.key:
        said = f"serial:, mac:, engine: or address: and what it is expected, got {clean_text(find.key, 60)!r}"
        yield _no("key", said, find.id)


def _against_past(rule: AlertRule) -> Iterator[Refusal]:
    if rule.kind == "flapping" and not TURNS_RANGE[0] <= rule.threshold <= TURNS_RANGE[1]:
        low, high = TURNS_RANGE
        yield _no(
            "threshold", f"{low:g} to {high:g} turns in ten minutes expected, got {rule.threshold:g}", rule.id
        )
    if rule.kind == "change" and rule.threshold < 0:
        yield _no("threshold", f"0 or more expected of a change, got {rule.threshold:g}", rule.id)
    if rule.kind not in ("anomaly", "trend"):
        return
    if rule.threshold <= 0:
        yield _no("threshold", f"more than 0 expected with {_named(rule)}, got {rule.threshold:g}", rule.id)
    if rule.op == "eq" or (rule.op == "ne" and rule.kind == "trend"):
        yield _no("op", "a direction is needed: higher or lower than in the past", rule.id)
    if rule.metric in SHARES:
        yield _no("metric", "a share of two numbers has no past: take one of the numbers", rule.id)


def _hysteresis(rule: AlertRule) -> Iterator[Refusal]:
    if rule.clear_at is None or rule.kind != "threshold":
        return
    if rule.op in ("gt", "gte") and rule.clear_at > rule.threshold:
        yield _no("clear_at", f"at most the threshold {rule.threshold:g}, got {rule.clear_at:g}", rule.id)
    elif rule.op in ("lt", "lte") and rule.clear_at < rule.threshold:
        yield _no("clear_at", f"at least the threshold {rule.threshold:g}, got {rule.clear_at:g}", rule.id)
    elif rule.op in ("eq", "ne"):
        yield _no("clear_at", "equal and not equal have no second threshold", rule.id)


def _port(port: PortWatch, device: UUID) -> Iterator[Refusal]:
    if not port.interface or clean_text(port.interface, TEXT_CAP) != port.interface:
        yield _no("ports", f"a port's name expected, got {clean_text(port.interface, 60)!r}", device)
    yield from _seconds("ports", port.delay_s, device)


def _scope(scope: Scope, subject: UUID) -> Iterator[Refusal]:
    yield from _labels("scope.regions", scope.regions, SCOPE_CAP, subject)
    yield from _labels("scope.tags", scope.tags, SCOPE_CAP, subject)
    yield from _labels("scope.roles", scope.roles, SCOPE_CAP, subject)
    yield from _labels("scope.interface", (scope.interface,) if scope.interface else (), 1, subject)
    for field, ids in (("scope.sites", scope.sites), ("scope.devices", scope.devices)):
        if len(ids) > SCOPE_CAP:
            yield _no(field, f"{len(ids)} entries, at most {SCOPE_CAP}", subject)


def _labels(field: str, labels: Sequence[str], cap: int, subject: UUID) -> Iterator[Refusal]:
    if len(labels) > cap:
        yield _no(field, f"{len(labels)} entries, at most {cap}", subject)
        return
    for label in labels:
        if not label or len(label) > LABEL_CAP or clean_text(label, LABEL_CAP) != label:
            said = f"1 to {LABEL_CAP} plain characters expected, got {clean_text(label, LABEL_CAP)!r}"
            yield _no(field, said, subject)


def _seconds(field: str, value: float, subject: UUID) -> Iterator[Refusal]:
    low, high = FOR_RANGE_S
    if not low <= value <= high:
        yield _no(field, f"{low:g} to {high:g} s expected, got {value:g}", subject)


def _no(field: str, message: str, subject: UUID) -> Refusal:
    return Refusal("INVALID_INPUT", message, field, subject)

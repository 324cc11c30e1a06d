"""The built-in rules, scopes, comparisons and words; what is refused of rules and of planned work."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alert_rules import (
    DEFAULT_RULES,
    KEYS,
    amount,
    has_changed,
    key_of,
    matches,
    rule_id,
    rules_by_key,
    span,
    threshold_words,
)
from domain.inventory import Inventory
from domain.metrics import CATALOGUE, SHARES
from domain.watch_rules import maintenance_refusals, rule_refusals
from domain.watching import METRIC_KINDS, AlertRule, Maintenance, Scope
from tests.unit.inventories import inventory

RULES = {KEYS[rule.id]: rule for rule in DEFAULT_RULES}
OWN = AlertRule(UUID(int=700), "Hot", "threshold", "temperature_c", "gt", 50.0, 40.0)


def test_every_built_in_rule_is_one_that_people_could_have_written() -> None:
    for rule in DEFAULT_RULES:
        assert list(rule_refusals(rule)) == [], rule.name
    assert (
        len({rule.id for rule in DEFAULT_RULES}) == len(DEFAULT_RULES) == len({r.name for r in DEFAULT_RULES})
    )


def test_the_ids_of_built_in_rules_are_for_ever() -> None:
    assert rule_id("device_down") == UUID("038d945d-902c-5e09-8456-3259e500ac2e")
    assert key_of(RULES["cpu_busy"]) == "cpu_busy" and key_of(OWN) == str(OWN.id)


def test_the_inventorys_rules_stand_beside_the_built_in_ones_or_in_their_place() -> None:
    off = msgspec.structs.replace(RULES["cpu_busy"], is_on=False)
    found = rules_by_key(inventory(off, OWN))
    assert found["cpu_busy"] is off and found[str(OWN.id)] is OWN
    assert len(found) == len(DEFAULT_RULES) + 1 and rules_by_key(Inventory()) == RULES


def test_the_guide_names_every_built_in_rule_with_its_severity() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs/guide/alerts.md").read_text("utf-8")
    for key, rule in RULES.items():
        assert f"| {rule.name} | `{key}` | {rule.severity} |" in guide


def test_shares_are_of_metrics_that_are_told() -> None:
    assert {*SHARES, *(name for pair in SHARES.values() for name in pair)} <= CATALOGUE.keys()


@pytest.mark.parametrize(
    ("glob", "name", "fits"),
    [
        ("", "ether1", True),
        ("ether*", "ether12", True),
        ("ether?", "ether12", False),
        ("*", "", True),
        ("sfp[1]", "sfp1", False),
        ("sfp[1]", "sfp[1]", True),
        ("ETHER1", "ether1", False),
        ("a.c", "abc", False),
    ],
)
def test_patterns_of_ports(glob: str, name: str, fits: bool) -> None:
    assert matches(glob, name) is fits


@given(st.text("ab*?", max_size=8), st.text("ab\n", max_size=12))
def test_a_pattern_fits_what_the_shells_would(glob: str, name: str) -> None:
    assert matches(glob, name) is (not glob or fnmatchcase(name, glob))


def test_a_pattern_of_many_stars_on_a_name_that_means_no_good_comes_to_an_end() -> None:
    assert not matches("*a" * 20 + "*b", "a" * 256)


@pytest.mark.parametrize(
    ("op", "threshold", "before", "now", "counts"),
    [
        ("lt", 0.0, 4, 3, True),
        ("lt", 0.0, 4, 5, False),
        ("lt", 1.0, 4, 3, False),
        ("lte", 1.0, 4, 3, True),
        ("lte", 0.0, 4, 4, False),
        ("gt", 0.0, 4, 5, True),
        ("ne", 0.0, 4, 3, True),
        ("ne", 0.0, 4, 4, False),
        ("eq", 0.0, 4, 5, True),
    ],
)
def test_which_changes_count(op: Any, threshold: float, before: float, now: float, counts: bool) -> None:
    rule = AlertRule(UUID(int=1), "x", "change", "bgp_established", op, threshold)
    assert has_changed(rule, before, now) is counts


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("cpu_load_pct", 95.25, "95.2 %"),
        ("signal_dbm", -81.0, "-81 dBm"),
        ("if_in_bps", 1_500_000.0, "1.5 Mbit/s"),
        ("certificate_left_s", 9.5 * 86_400, "9.5 days"),
        ("wireless_clients", 12.0, "12"),
        ("rtt_ms", -0.01, "0 ms"),
    ],
)
def test_values_are_said_with_their_unit(metric: str, value: float, said: str) -> None:
    assert amount(metric, value) == said


def test_times_are_said_in_the_largest_fitting_unit() -> None:
    assert [span(s) for s in (10, 90, 600, 7200, 86_400 * 13)] == ["10 s", "90 s", "10 min", "2 h", "13 days"]


def test_why_a_threshold_is_broken() -> None:
    assert (
        threshold_words(RULES["hot"], "board", 71.0) == "Temperature (board) is 71 °C, above 70 °C for 5 min"
    )
    assert threshold_words(RULES["on_battery"], "", 1.0) == "On battery: yes"
    assert threshold_words(RULES["certificate_ending"], "https:443", 86_400.0 * 3).endswith(
        "is 3 days, below 14 days"
    )


# What is refused


def refused(rule: AlertRule) -> list[str]:
    return [refusal.field for refusal in rule_refusals(rule)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"metric": "nonsense"}, "metric"),
        ({"metric": ""}, "metric"),
        ({"kind": "device_down"}, "metric"),
        ({"threshold": float("nan")}, "threshold"),
        ({"clear_at": 60.0}, "clear_at"),
        ({"op": "lt", "clear_at": 10.0}, "clear_at"),
        ({"op": "eq"}, "clear_at"),
        ({"for_s": -1.0}, "for_s"),
        ({"for_s": 90_000.0}, "for_s"),
        ({"scope": Scope(tags=("x" * 61,))}, "scope.tags"),
        ({"scope": Scope(interface="a\x1b[2J")}, "scope.interface"),
        ({"kind": "anomaly", "clear_at": None, "threshold": 0.0}, "threshold"),
        ({"kind": "anomaly", "clear_at": None, "op": "eq"}, "op"),
        ({"kind": "trend", "clear_at": None, "op": "ne"}, "op"),
        ({"kind": "trend", "clear_at": None, "metric": "memory_used_pct"}, "metric"),
        ({"kind": "change", "clear_at": None, "threshold": -1.0}, "threshold"),
        ({"kind": "flapping", "metric": "", "clear_at": None, "threshold": 1.0}, "threshold"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(fields: dict[str, Any], field: str) -> None:
    assert refused(OWN) == []
    assert refused(msgspec.structs.replace(OWN, **fields)) == [field]


def test_which_kinds_look_at_a_metric() -> None:
    assert {rule.kind for rule in DEFAULT_RULES if rule.metric} == METRIC_KINDS


HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ends_us": 0}, "ends_us"),
        ({"ends_us": 400 * 24 * HOUR_US}, "ends_us"),
        ({"repeat": "daily", "ends_us": 24 * HOUR_US}, "repeat"),
        ({"zone": "Nowhere/Atall"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"scope": Scope(interface="ether1")}, "scope.interface"),
    ],
)
def test_planned_work_that_makes_no_sense_is_refused_at_its_field(fields: dict[str, Any], field: str) -> None:
    planned = Maintenance(UUID(int=1), "Mast", 0, HOUR_US)
    assert list(maintenance_refusals(planned)) == []
    found = list(maintenance_refusals(msgspec.structs.replace(planned, **fields)))
    assert [refusal.field for refusal in found] == [field]

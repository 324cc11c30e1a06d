"""Numbers against thresholds and what they were, as conversations: duration, hysteresis, scope, what is told no more."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.alert_rules import rule_id
from domain.edit import change, creation, deletion
from domain.inventory import Site
from domain.watching import AlertRule, Scope
from engine.judge import rule_numbers
from engine.judge.rule_numbers import MISSING_LOOKS
from tests.unit.court import DEFAULTS, ROUTEROS, SNMP, A, B, ports
from tests.unit.inventories import device
from tests.unit.rule_court import RuleCourt

HOT = AlertRule(UUID(int=700), "Hot", "threshold", "temperature_c", "gt", 50.0, 40.0, 60.0, "critical")
KEY = str(HOT.id)


def cpu(percent: float) -> tuple[str, str, float]:
    return ("cpu_load_pct", "", percent)


def hot(degrees: float, sensor: str = "board") -> tuple[str, str, float]:
    return ("temperature_c", sensor, degrees)


def rule(**fields: Any) -> AlertRule:
    return msgspec.structs.replace(HOT, **fields)


def test_a_busy_processor_is_an_alert_after_ten_minutes_and_over_below_the_second_threshold() -> None:
    court = RuleCourt(A)
    court.polls(A, 595, cpu(95))
    assert court.open_alerts == []
    court.polls(A, 15, cpu(97))
    alert = court.told("cpu_busy", A.id)
    assert (alert.severity, alert.title, alert.kind, alert.value) == ("warning", "CPU busy", "threshold", 97)
    assert alert.reason == "CPU load is 97 %, above 90 % for 10 min"
    assert alert.opened_us - alert.since_us == 600_000_000
    court.polls(A, 60, cpu(85))
    assert court.open_alerts == ["cpu_busy"], "between the two thresholds it goes on"
    court.polls(A, 5, cpu(80))
    assert court.alert_rows == ["opened cpu_busy", "cleared cpu_busy"]


def test_what_falls_below_the_threshold_before_its_time_begins_anew() -> None:
    court = RuleCourt(A)
    for _ in range(5):
        court.polls(A, 500, cpu(95))
        court.polls(A, 5, cpu(85))
    assert court.alert_rows == []


def test_a_flicker_inside_the_duration_does_not_alert_and_repeats_make_one_alert_with_a_count() -> None:
    court = RuleCourt(A, rule(for_s=0.0, clear_at=None))
    for _ in range(100):
        court.polls(A, 10, hot(55))
        court.polls(A, 5, hot(45))
    (alert,) = court.state.alerts.values()
    assert alert.count == 100 and not alert.is_open


@pytest.mark.parametrize(
    ("op", "breaks", "holds_not"),
    [
        ("gt", 50.1, 50.0),
        ("gte", 50.0, 49.9),
        ("lt", 49.9, 50.0),
        ("lte", 50.0, 50.1),
        ("eq", 50.0, 50.1),
        ("ne", 50.1, 50.0),
    ],
)
def test_every_comparison(op: Any, breaks: float, holds_not: float) -> None:
    court = RuleCourt(A, rule(op=op, for_s=0.0, clear_at=None))
    court.polls(A, 5, hot(holds_not))
    assert court.alert_rows == []
    court.polls(A, 5, hot(breaks))
    assert court.open_alerts == [f"{KEY} board"]
    court.polls(A, 5, hot(holds_not))
    assert court.alert_rows == [f"opened {KEY}", f"cleared {KEY}"]


def test_each_sensor_has_its_own_alert() -> None:
    court = RuleCourt(A, rule(for_s=0.0))
    court.polls(A, 5, hot(55, "board"), hot(56, "cpu"), hot(20, "case"))
    assert court.open_alerts == [f"{KEY} board", f"{KEY} cpu"]
    court.polls(A, 5, hot(30, "board"), hot(56, "cpu"), hot(20, "case"))
    assert court.open_alerts == [f"{KEY} cpu"]


def test_memory_in_use_is_worked_out_of_two_numbers() -> None:
    court = RuleCourt(A)
    full = (("memory_used_bytes", "", 95e6), ("memory_total_bytes", "", 100e6))
    court.polls(A, 610, *full)
    alert = court.told("memory_short", A.id)
    assert alert.value == pytest.approx(95.0)
    assert alert.reason == "Memory in use is 95 %, above 90 % for 10 min"
    court.polls(A, 5, ("memory_used_bytes", "", 50e6), full[1])
    assert court.open_alerts == []


def test_a_share_that_the_device_tells_itself_goes_before_one_that_is_worked_out() -> None:
    court = RuleCourt(A)
    told = (("disk_used_bytes", "", 99.0), ("disk_total_bytes", "", 100.0), ("disk_used_pct", "", 20.0))
    court.polls(A, 700, *told)
    assert court.open_alerts == []


def test_of_two_sources_the_better_is_believed_once() -> None:
    both = device(1, probes=(SNMP, ROUTEROS), interval_s=5.0)
    court = RuleCourt(both, rule(for_s=0.0))
    for _ in range(3):
        court.now_s += 5
        court.answers(both, (hot(55),), probe="snmp")
        court.visits(both, hot(30), probe="routeros")
    assert court.alert_rows == []
    court.now_s += 5
    court.answers(both, (hot(30),), probe="snmp")
    court.visits(both, hot(55), probe="routeros")
    assert court.open_alerts == [f"{KEY} board"]


def test_time_in_which_nobody_looked_counts_three_intervals_at_most() -> None:
    court = RuleCourt(A, HOT)
    court.polls(A, 5, hot(55))
    court.now_s += 3600
    court.polls(A, 5, hot(55))
    assert court.open_alerts == [], "an hour of silence is no minute of heat"
    court.polls(A, 45, hot(55))
    assert court.open_alerts == [f"{KEY} board"]


def test_a_device_that_does_not_answer_keeps_the_alerts_of_its_numbers() -> None:
    court = RuleCourt(A, rule(for_s=0.0))
    court.polls(A, 5, hot(55))
    court.misses(A, 3)
    court.passes(60)
    assert court.told(KEY, A.id, "board").is_open
    court.polls(A, 5, hot(20))
    assert court.open_alerts == []


def test_a_number_that_is_told_no_more_by_who_told_it_clears_its_alert() -> None:
    court = RuleCourt(A, rule(for_s=0.0))
    court.polls(A, 5, hot(55))
    court.polls(A, 5 * (MISSING_LOOKS - 1), cpu(1))
    assert court.open_alerts == [f"{KEY} board"]
    court.polls(A, 5, cpu(1))
    assert court.told(KEY, A.id, "board").cleared_why == "it is no longer told"


def test_a_port_that_is_gone_takes_its_alerts_with_it_at_once() -> None:
    light = AlertRule(UUID(int=701), "Dark", "threshold", "optical_rx_dbm", "lt", -20.0)
    court = RuleCourt(A, light)
    interface = {"interface/sfp1": {"name": "sfp1"}}
    court.visits(A, *ports("sfp1"), ("optical_rx_dbm", "sfp1", -30.0), facts=interface)
    assert court.open_alerts == [f"{light.id} sfp1"]
    court.visits(A, facts={}, whole=("interface/",))
    assert court.told(str(light.id), A.id, "sfp1").cleared_why == "the port is gone"


def test_a_port_that_does_not_run_may_be_as_dark_as_it_likes() -> None:
    light = AlertRule(UUID(int=701), "Dark", "threshold", "optical_rx_dbm", "lt", -20.0)
    court = RuleCourt(A, light)
    court.polls(A, 5, *ports("sfp1", 0), ("optical_rx_dbm", "sfp1", -40.0))
    assert court.open_alerts == []
    court.polls(A, 5, *ports("sfp1", 1), ("optical_rx_dbm", "sfp1", -40.0))
    assert court.open_alerts == [f"{light.id} sfp1"]
    court.polls(A, 5, *ports("sfp1", 0), ("optical_rx_dbm", "sfp1", -40.0))
    assert court.told(str(light.id), A.id, "sfp1").cleared_why == "the port does not run"


# Change

SESSIONS = DEFAULTS["bgp_lost"]


def bgp(sessions: float) -> tuple[str, str, float]:
    return ("bgp_established", "", sessions)


def test_a_lost_session_is_an_alert_until_there_are_as_many_again() -> None:
    court = RuleCourt(A)
    for sessions in (4, 4, 5, 4):
        court.polls(A, 5, bgp(sessions))
    alert = court.told("bgp_lost", A.id)
    assert (alert.value, alert.limit) == (4, 5)
    assert alert.reason == "BGP established went from 5 to 4"
    court.polls(A, 5, bgp(3))
    assert court.open_alerts == ["bgp_lost"]
    court.polls(A, 5, bgp(5))
    assert court.open_alerts == []


def test_whoever_resolves_a_change_takes_it_for_what_is_usual() -> None:
    court = RuleCourt(A)
    for sessions in (5, 4):
        court.polls(A, 5, bgp(sessions))
    court.acts(court.told("bgp_lost", A.id), "resolved")
    court.polls(A, 300, bgp(4))
    assert court.alert_rows == ["opened bgp_lost", "resolved bgp_lost", "cleared bgp_lost"]
    court.polls(A, 5, bgp(3))
    assert court.told("bgp_lost", A.id).count == 2


def test_after_a_day_a_change_is_what_is_usual() -> None:
    slow = device(1, probes=(SNMP,), interval_s=3600.0)
    court = RuleCourt(slow)
    court.polls(slow, 3600, bgp(5))
    court.polls(slow, 24 * 3600, bgp(4))
    assert court.open_alerts == ["bgp_lost"]
    court.polls(slow, 3600, bgp(4))
    assert court.told("bgp_lost", slow.id).cleared_why == "it has been so for a day"


# Scope and edits


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (Scope(), True),
        (Scope(devices=(A.id,)), True),
        (Scope(devices=(B.id,)), False),
        (Scope(regions=("North",)), True),
        (Scope(regions=("South",)), False),
        (Scope(sites=(UUID(int=50),)), True),
        (Scope(tags=("backbone", "x")), True),
        (Scope(tags=("x",)), False),
        (Scope(roles=("pop",)), True),
        (Scope(roles=("relay",), devices=(A.id,)), True),
        (Scope(interface="boa*"), True),
        (Scope(interface="b?"), False),
    ],
)
def test_a_rule_looks_where_any_list_of_its_scope_names_the_device(scope: Scope, inside: bool) -> None:
    site = Site(UUID(int=50), "Hilltop", "North")
    placed = device(1, probes=(SNMP,), interval_s=5.0, site=site.id, tags=("backbone",), role="pop")
    court = RuleCourt(site, placed, B, rule(for_s=0.0, scope=scope))
    court.polls(placed, 5, hot(55))
    assert bool(court.open_alerts) is inside


def test_a_device_that_leaves_the_scope_takes_its_alert_with_it_and_one_that_enters_is_looked_at() -> None:
    tagged = device(1, probes=(SNMP,), interval_s=5.0, tags=("backbone",))
    court = RuleCourt(tagged, B, rule(for_s=0.0, scope=Scope(tags=("backbone",))))
    for of in (tagged, B):
        court.polls(of, 5, hot(55))
    assert court.alert(KEY, B.id, "board") is None
    other = device(2, probes=(SNMP,), interval_s=5.0, tags=("backbone",))
    court.edits(change("device", tagged, A), change("device", B, other))
    assert court.told(KEY, A.id, "board").cleared_why == "the rule does not look at it any more"
    court.polls(other, 5, hot(55))
    assert court.told(KEY, B.id, "board").is_open


def test_a_site_in_another_region_is_another_scope() -> None:
    site, moved = Site(UUID(int=50), "Hilltop", "North"), Site(UUID(int=50), "Hilltop", "South")
    placed = device(1, probes=(SNMP,), interval_s=5.0, site=site.id)
    court = RuleCourt(site, placed, rule(for_s=0.0, scope=Scope(regions=("North",))))
    court.polls(placed, 5, hot(55))
    court.edits(change("site", site, moved))
    assert court.open_alerts == []


def test_a_rule_that_is_changed_switched_off_or_deleted_clears_its_alerts_and_says_why() -> None:
    court = RuleCourt(A, first := rule(for_s=0.0))
    court.polls(A, 5, hot(55))
    court.edits(change("rule", first, renamed := rule(for_s=0.0, name="Very hot")))
    assert court.open_alerts == [f"{KEY} board"], "another name is no other rule"
    court.edits(change("rule", renamed, higher := rule(for_s=0.0, threshold=52.0)))
    assert court.told(KEY, A.id, "board").cleared_why == "the rule was changed"
    court.polls(A, 5, hot(55))
    assert court.told(KEY, A.id, "board").count == 2
    court.edits(change("rule", higher, off := rule(for_s=0.0, threshold=52.0, is_on=False)))
    assert court.told(KEY, A.id, "board").cleared_why == "the rule was switched off"
    court.polls(A, 5, hot(55))
    assert court.open_alerts == []
    court.edits(change("rule", off, rule(for_s=0.0)))
    court.polls(A, 5, hot(55))
    court.edits(deletion("rule", rule(for_s=0.0)))
    assert court.told(KEY, A.id, "board").cleared_why == "the rule was switched off"


def test_a_rule_of_the_same_id_takes_the_place_of_a_built_in_one() -> None:
    court = RuleCourt(A)
    court.polls(A, 610, cpu(95))
    stricter = msgspec.structs.replace(DEFAULTS["cpu_busy"], threshold=50.0, clear_at=None, for_s=0.0)
    assert stricter.id == rule_id("cpu_busy")
    court.edits(creation("rule", stricter))
    assert court.open_alerts == []
    court.polls(A, 5, cpu(60))
    assert court.open_alerts == ["cpu_busy"]
    court.edits(change("rule", stricter, msgspec.structs.replace(stricter, is_on=False)))
    court.polls(A, 1000, cpu(99))
    assert court.open_alerts == []


def test_a_paused_device_and_one_that_got_another_address_start_with_a_clean_slate() -> None:
    for later in ({"paused": True}, {"address": "10.9.9.9"}):
        court = RuleCourt(A, rule(for_s=0.0))
        court.polls(A, 5, hot(55))
        court.edits(change("device", A, device(1, probes=(SNMP,), interval_s=5.0, **later)))
        assert court.open_alerts == []


def test_a_probe_that_is_taken_off_takes_its_numbers_alerts_with_it() -> None:
    both = device(1, probes=(SNMP, ROUTEROS), interval_s=5.0)
    court = RuleCourt(both, rule(for_s=0.0))
    court.answers(both, probe="snmp")
    court.visits(both, hot(55), probe="routeros")
    assert court.open_alerts == [f"{KEY} board"]
    court.edits(change("device", both, A))
    assert court.told(KEY, A.id, "board").cleared_why == "it is not asked for any more"


def test_who_invents_sensors_fills_no_memory_and_a_change_of_what_is_told_is_still_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rule_numbers, "WAS_CAP", 20)
    court = RuleCourt(A, rule(kind="change", threshold=5.0, clear_at=None, for_s=0.0))
    for visit in range(30):
        invented = [hot(20, f"sensor {visit} {n}") for n in range(10)]
        court.polls(A, 5, hot(40), *invented)
        assert len(court.judge.rules._numbers._was[A.id]) <= 20 + 11
    court.polls(A, 5, hot(50))
    assert court.open_alerts == [f"{KEY} board"]

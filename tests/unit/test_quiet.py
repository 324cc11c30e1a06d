"""Who is left in peace: planned work and what lies behind a fault; and that a restart loses no alert and opens none twice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.edit import change, creation, deletion
from domain.inventory import Site
from domain.watching import AlertRule, Maintenance, PortWatch, Scope
from engine.judge.outcome import Outcome
from engine.judge.rules import SILENCE_GRACE_US
from tests.unit.court import DEFAULTS, LINK, SNMP, START_S, A, B, Court, ports
from tests.unit.inventories import device
from tests.unit.rule_court import RuleCourt

SLOW_DOWN = msgspec.structs.replace(DEFAULTS["device_down"], for_s=60.0)
C = device(3, probes=(SNMP,), interval_s=5.0)
HOT = AlertRule(UUID(int=700), "Hot", "threshold", "temperature_c", "gt", 50.0, None, 60.0)


def work(start_s: float, end_s: float, *devices: Any, **more: Any) -> Maintenance:
    """Return planned work, in seconds of the court."""
    scope = Scope(devices=tuple(d.id for d in devices)) if devices else Scope()
    return Maintenance(
        UUID(int=800), "mast", int((START_S + start_s) * 1e6), int((START_S + end_s) * 1e6), scope, **more
    )


def kill(court: Court, of: Any) -> None:
    court.answers(of)
    court.misses(of, 3)


def silence(court: Court, of: Any, seconds: float) -> None:
    """Let time pass while a device misses every poll."""
    for _ in range(int(seconds)):
        court.passes(1)
        court.misses_now(of, "snmp")


# Planned work


def test_what_breaks_during_planned_work_alerts_when_it_ends_with_its_real_start() -> None:
    court = RuleCourt(A, work(10, 100, A))
    court.answers(A)
    court.passes(15)
    court.misses(A, 3)
    down_us = court.state.health[A.id].since_us
    silence(court, A, 60)
    assert court.state.alerts == {}
    silence(court, A, 30)
    alert = court.told("device_down", A.id)
    assert alert.is_open and alert.since_us == down_us
    assert START_S + 99 <= alert.opened_us / 1e6 <= START_S + 102


def test_what_is_well_again_before_planned_work_ends_never_alerts() -> None:
    court = RuleCourt(A, B, LINK, work(10, 100, A))
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2"))
    court.passes(15)
    court.answers(B, ports("wlan2", 0))
    court.misses(A, 3)
    court.passes(20)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2"))
    court.passes(90)
    assert [row for row in court.alert_rows if "stale" not in row] == []


def test_an_alert_from_before_planned_work_stays_silenced_and_calls_again_afterwards() -> None:
    court = RuleCourt(A, B, LINK, work(30, 60, A))
    kill(court, A)
    court.answers(B, ports("wlan2", 0))
    for of in (A.id, LINK.id):
        rule = "device_down" if of == A.id else "link_down"
        assert court.told(rule, of).is_open
    court.passes(30)
    assert court.counters.total == 0 and court.counters.silenced == 2
    assert court.told("device_down", A.id).silenced == "planned work: mast"
    court.passes(30)
    assert court.told("device_down", A.id).silenced == court.told("link_down", LINK.id).silenced == ""
    assert court.alert_rows.count("opened device_down") == 1


def test_work_that_is_entered_after_it_began_clears_the_alerts_that_it_made() -> None:
    court = RuleCourt(A)
    court.passes(20)
    kill(court, A)
    court.edits(creation("maintenance", work(15, 100, A)))
    assert court.told("device_down", A.id).cleared_why == "planned work: mast"
    silence(court, A, 90)
    assert court.told("device_down", A.id).count == 2


def test_work_that_is_called_off_is_over_at_once() -> None:
    court = RuleCourt(A, planned := work(0, 1000, A))
    court.passes(2)
    kill(court, A)
    assert court.open_alerts == []
    court.edits(deletion("maintenance", planned))
    assert court.open_alerts == ["device_down"]


def test_whoever_is_covered_twice_is_at_peace_until_both_are_over() -> None:
    other = msgspec.structs.replace(work(0, 100, A), id=UUID(int=801), name="power")
    court = RuleCourt(A, work(0, 50, A), other)
    court.passes(2)
    kill(court, A)
    silence(court, A, 60)
    assert court.open_alerts == []
    silence(court, A, 40)
    assert court.open_alerts == ["device_down"]


def test_planned_work_on_a_parent_covers_what_loses_its_way_by_it_or_not_as_chosen() -> None:
    for with_dependents in (True, False):
        court = RuleCourt(A, B, work(0, 100, A, with_dependents=with_dependents))
        court.judge.rules.works.dependents = lambda devices: [B.id] if A.id in devices else []
        court.passes(2)
        kill(court, B)
        assert bool(court.open_alerts) is not with_dependents


def test_work_everywhere_leaves_everybody_in_peace_but_for_a_device_that_moves_out_of_its_site() -> None:
    site = Site(UUID(int=50), "Hilltop")
    placed = device(1, probes=(SNMP,), interval_s=5.0, site=site.id)
    planned = msgspec.structs.replace(work(0, 500), scope=Scope(sites=(site.id,)))
    court = RuleCourt(site, placed, planned)
    court.passes(2)
    kill(court, placed)
    assert court.open_alerts == []
    court.edits(change("device", placed, A))
    assert court.open_alerts == ["device_down"]


@pytest.mark.parametrize("set_back_s", [0.0, 3600.0])
def test_nightly_work_begins_again_and_a_clock_that_is_set_back_begins_it_again_too(
    set_back_s: float,
) -> None:
    court = RuleCourt(A, work(10, 60, A, repeat="daily"))
    court.passes(70)
    kill(court, A)
    assert court.open_alerts == ["device_down"]
    court.set_back_s = set_back_s or -86_350.0
    court.passes(2)
    silenced = court.told("device_down", A.id).silenced
    assert bool(silenced) is not bool(set_back_s), "an hour before it began, there was no work"


# Behind a fault


def suppress(court: Court, subject: UUID, is_suppressed: bool, why: str = "behind Hilltop 2") -> None:
    outcome = Outcome()
    court.judge.rules.set_suppressed(
        subject, is_suppressed, court.now_us, outcome, why if is_suppressed else ""
    )
    court.outcomes.append(outcome)


def test_times_stand_still_while_suppressed_and_are_not_lost() -> None:
    court = RuleCourt(A, SLOW_DOWN, HOT)
    court.polls(A, 35, ("temperature_c", "", 60.0))
    court.misses(A, 3)
    silence(court, A, 40)
    suppress(court, A.id, True)
    silence(court, A, 3600)
    assert court.open_alerts == []
    suppress(court, A.id, False)
    silence(court, A, 18)
    assert court.open_alerts == []
    silence(court, A, 5)
    assert court.open_alerts == ["device_down"]
    court.polls(A, 10, ("temperature_c", "", 60.0))
    assert court.open_alerts == []
    court.polls(A, 25, ("temperature_c", "", 60.0))
    assert court.open_alerts == [str(HOT.id)]


def test_what_is_held_for_a_moment_opens_when_it_is_let_go_and_nothing_open_is_silenced_for_it() -> None:
    court = RuleCourt(A, B, LINK)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2", 0))
    suppress(court, A.id, True, "")
    court.misses(A, 3)
    court.passes(5)
    assert court.open_alerts == ["link_down"] and court.counters.silenced == 0
    court.judge.rules.explain(A.id, "A unreachable: 11 sites behind it")
    suppress(court, A.id, False)
    assert court.told("device_down", A.id).reason == "A unreachable: 11 sites behind it"


def test_recovery_while_suppressed_clears_and_leaves_nothing_to_open() -> None:
    court = RuleCourt(A)
    kill(court, A)
    suppress(court, A.id, True)
    assert court.told("device_down", A.id).silenced == "behind Hilltop 2"
    court.now_s += 1
    court.answers(A)
    assert not court.told("device_down", A.id).is_open
    suppress(court, A.id, False)
    court.passes(60)
    assert court.alert_rows[:3] == ["opened device_down", "silenced device_down", "cleared device_down"]
    assert court.told("device_down", A.id).count == 1


def test_planned_work_and_a_fault_are_two_reasons_and_the_one_that_is_left_is_said() -> None:
    court = RuleCourt(A, work(20, 40, A))
    kill(court, A)
    suppress(court, A.id, True)
    court.passes(20)
    suppress(court, A.id, False)
    assert court.told("device_down", A.id).silenced == "planned work: mast"
    court.passes(25)
    assert court.told("device_down", A.id).silenced == ""


# A restart


def test_a_restart_opens_nothing_twice_and_clears_what_is_over() -> None:
    chosen = device(1, probes=(SNMP,), interval_s=5.0, ports=(PortWatch("ether7"),))
    court = RuleCourt(chosen, B, C, LINK, msgspec.structs.replace(HOT, for_s=0.0))
    told = (("temperature_c", "", 60.0), *ports("ether7", 0), *ports("ether1"))
    court.visits(chosen, *told)
    court.visits(B, *ports("wlan2", 0))
    kill(court, C)
    before, rows = court.open_alerts, court.alert_rows
    assert before == sorted(["device_down", "link_down", "port_down ether7", f"{HOT.id}"])
    court.restarts(30.0)
    for _ in range(12):
        court.passes(5)
        court.visits(chosen, *told)
        court.visits(B, *ports("wlan2", 0))
        court.misses_now(C, "snmp")
    assert court.open_alerts == before and court.alert_rows == rows
    court.visits(chosen, ("temperature_c", "", 20.0), *ports("ether7"), *ports("ether1"))
    court.visits(B, *ports("wlan2"))
    court.answers(C)
    assert court.open_alerts == []


def test_what_had_not_held_long_enough_begins_anew_after_a_restart_and_a_cycle() -> None:
    court = RuleCourt(A, SLOW_DOWN)
    kill(court, A)
    silence(court, A, 50)
    court.restarts()
    silence(court, A, 5 + 5 + 55)
    assert court.open_alerts == []
    silence(court, A, 10)
    assert court.open_alerts == ["device_down"]


def test_an_alert_that_was_on_its_way_when_the_engine_died_is_not_lost() -> None:
    court = RuleCourt(A)
    court.answers(A)
    court.misses(A, 3)
    court.state.alerts.clear()  # it was killed between the two
    court.restarts()
    silence(court, A, 15)
    assert court.open_alerts == ["device_down"]


def test_a_device_that_answers_after_a_restart_is_no_alert() -> None:
    court = RuleCourt(A)
    court.answers(A)
    court.misses(A, 3)
    court.state.alerts.clear()
    court.restarts()
    court.passes(3)
    court.answers(A)
    court.passes(10)
    assert court.state.alerts == {}


def test_alerts_whose_device_recovered_or_whose_rule_went_while_the_row_was_lost_clear_at_the_first_tick() -> (
    None
):
    court = RuleCourt(A, B, LINK, HOT)
    kill(court, A)
    court.polls(B, 65, ("temperature_c", "", 60.0))
    assert court.open_alerts == ["device_down", str(HOT.id)] or court.open_alerts == [
        str(HOT.id),
        "device_down",
    ]
    court.state.health[A.id] = msgspec.structs.replace(court.state.health[A.id], status="up")
    del court.state.inventory.tables["rule"][HOT.id]
    court.restarts()
    court.passes(1)
    assert court.open_alerts == []
    assert court.told("device_down", A.id).cleared_why == "it is over"


def test_a_flapping_link_still_flaps_after_a_restart_and_is_calm_in_time() -> None:
    court = RuleCourt(A, B, LINK)
    court.answers(A, ports("ether1"))
    for up in (1, 0, 1, 0, 1, 0, 1):
        court.passes(1)
        court.visits(B, *ports("wlan2", up))
    assert court.open_alerts == ["flapping"] or "flapping" in court.open_alerts
    rows = court.alert_rows
    court.restarts()
    for up in (0, 1, 0, 1):
        court.passes(1)
        court.visits(B, *ports("wlan2", up))
    assert court.alert_rows == rows
    for _ in range(200):
        court.passes(5)
        court.visits(A, *ports("ether1"))
        court.visits(B, *ports("wlan2", 1))
    assert court.open_alerts == []


def test_planned_work_that_is_on_stays_on_over_a_restart_and_one_that_ended_meanwhile_calls_again() -> None:
    court = RuleCourt(A, work(20, 60, A))
    kill(court, A)
    court.passes(25)
    rows = court.alert_rows
    court.restarts(1.0)
    court.passes(2)
    assert court.alert_rows == rows and court.counters.silenced == 1
    court.restarts(60.0)
    court.passes(SILENCE_GRACE_US / 1e6 + 2)
    assert court.told("device_down", A.id).silenced == ""


def test_a_resolved_alert_that_still_holds_opens_again_after_a_restart_too() -> None:
    court = RuleCourt(A)
    kill(court, A)
    court.acts(court.told("device_down", A.id), "resolved")
    court.restarts()
    silence(court, A, 65)
    assert court.told("device_down", A.id).is_open and court.told("device_down", A.id).count == 1

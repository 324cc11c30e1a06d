"""The judge as conversations: observations, edits and time in, outcomes out."""

from __future__ import annotations

import logging

import pytest

from domain.alerts import Act
from domain.edit import change, creation, deletion
from engine.journal import JournalPen
from engine.judge.clocks import ClockWatch
from engine.judge.facts import FACTS_CAP
from engine.judge.judge import Judge
from engine.state import State
from tests.unit.court import DEFAULTS, ICMP, LINK, ROUTEROS, SNMP, VANTAGE, A, B, ports
from tests.unit.inventories import device
from tests.unit.rule_court import RuleCourt as Court


def test_a_device_goes_up_dies_and_is_back_with_one_row_an_edge() -> None:
    court = Court(A)
    court.answers(A)
    court.misses(A, 6)
    assert court.status(A) == "down"
    alert = court.alert("device_down", A.id)
    assert alert is not None and alert.is_open and "no_answer" in alert.reason
    court.now_s += 1
    court.answers(A)
    assert court.journal == [
        ("status", "up"),
        ("status", "down"),
        ("alert_opened", "device_down"),
        ("status", "up"),
        ("alert_cleared", "device_down"),
    ]
    again = court.alert("device_down", A.id)
    assert again is not None and not again.is_open


def test_failure_and_recovery_are_logged_once_each(caplog: pytest.LogCaptureFixture) -> None:
    court = Court(A)
    with caplog.at_level(logging.INFO):
        court.answers(A)
        court.misses(A, 9)
        court.answers(A)
        court.answers(A)
    told = [r.getMessage() for r in caplog.records]
    assert [told.count(e) for e in ("probe_failed", "probe_recovered")] == [1, 1]
    assert told.count("device_status") == 3
    failed = next(r.__dict__ for r in caplog.records if r.getMessage() == "probe_failed")
    assert (failed["device_id"], failed["probe"], failed["attempt"]) == (A.id, "snmp", 3)


def test_a_device_that_dies_with_all_probes_is_never_degraded_on_its_way() -> None:
    both = device(1, probes=(ICMP, SNMP), interval_s=5.0)
    court = Court(both)
    court.answers(both, probe="icmp")
    court.answers(both, probe="snmp")
    for _ in range(3):
        court.misses(both, probe="icmp")
        court.misses(both, probe="snmp")
    assert [body for kind, body in court.journal if kind == "status"] == ["up", "down"]


def test_degraded_is_an_alert_only_when_it_lasts() -> None:
    both = device(1, probes=(ICMP, SNMP), interval_s=5.0)
    court = Court(both)
    court.answers(both, probe="icmp")
    court.answers(both, probe="snmp")
    for _ in range(3):
        court.misses(both, probe="snmp", kind="bad_credentials")
        court.answers(both, probe="icmp")
    assert court.status(both) == "degraded" and court.state.alerts == {}
    court.passes(DEFAULTS["device_degraded"].for_s + 1)
    alert = court.alert("device_degraded", both.id)
    assert alert is not None and alert.is_open and "bad_credentials" in alert.reason
    court.answers(both, probe="snmp")
    cleared = court.alert("device_degraded", both.id)
    assert cleared is not None and not cleared.is_open


def test_both_ends_make_the_state_of_a_link_and_one_end_is_enough() -> None:
    court = Court(A, B, LINK)
    court.answers(A, ports("ether1", 1, took=10, sent=20))
    link = court.state.link_states[LINK.id]
    assert (link.status, link.ab_bps, link.ba_bps) == ("up", 20, 10)
    court.answers(B, ports("wlan2", 1, took=25, sent=5))
    link = court.state.link_states[LINK.id]
    assert (link.status, link.ab_bps, link.ba_bps) == ("up", 25, 10)


def test_a_cut_link_is_down_with_an_alert_until_it_runs_again() -> None:
    court = Court(A, B, LINK)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2", 0))
    assert court.state.link_states[LINK.id].status == "down"
    court.answers(B, ports("wlan2", 1))
    assert court.journal[2:] == [
        ("status", "up"),
        ("link_status", "down"),
        ("alert_opened", "link_down"),
        ("link_status", "up"),
        ("alert_cleared", "link_down"),
    ]


def test_what_a_dead_end_said_last_is_not_live() -> None:
    court = Court(A, B, LINK)
    court.answers(A, ports("ether1", 1, took=7, sent=9))
    court.misses(A, 3)
    assert court.status(A) == "down"
    link = court.state.link_states[LINK.id]
    assert (link.status, link.ab_bps, link.ba_bps) == ("unknown", None, None)
    assert court.state.values[A.id].values == ()


def test_two_misses_do_not_take_the_load_off_the_map() -> None:
    court = Court(A, B, LINK)
    court.answers(A, ports("ether1", 1, took=7, sent=9))
    court.misses(A, 2)
    assert court.state.link_states[LINK.id].ab_bps == 9


def test_a_link_made_by_hand_has_its_state_from_what_was_read_before() -> None:
    court = Court(A, B)
    court.answers(A, ports("ether1", 1, sent=3))
    court.edits(creation("link", LINK))
    assert court.state.link_states[LINK.id].status == "up"
    court.edits(deletion("link", LINK))
    assert court.state.link_states == {}


def test_routeros_is_believed_before_snmp_about_an_interface() -> None:
    both = device(1, probes=(SNMP, ROUTEROS), interval_s=5.0)
    court = Court(both, B, LINK)
    court.answers(both, ports("ether1", 1, sent=3), probe="routeros")
    court.answers(both, ports("ether1", 0), probe="snmp")
    assert court.state.link_states[LINK.id].status == "up"


def test_a_visit_is_one_sample_with_its_round_trips_and_without_what_cannot_be() -> None:
    court = Court(A)
    court.answers(A, (("cpu_load_pct", "", 12.0), ("cpu_load_pct", "x", 1e9), ("nonsense", "", 1.0)))
    court.judge.end_visit(A.id, court.now_us)
    court.judge.end_visit(A.id, court.now_us)
    (sample,) = [s for outcome in court.outcomes for s in outcome.samples]
    assert sample.values == (("rtt_ms", "snmp", 1.5), ("cpu_load_pct", "", 12.0))
    assert court.judge.unbelievable == 2
    assert court.state.values[A.id].values == sample.values


def test_only_facts_with_a_new_value_leave_and_absent_ones_of_a_whole_are_gone() -> None:
    court = Court(A)
    facts = {"identity": "R1", "interface/ether1": {"name": "ether1"}, "interface/ether2": {"name": "ether2"}}
    court.answers(A, facts=facts, whole=("interface/",))
    court.answers(A, facts=facts, whole=("interface/",))
    court.answers(A, facts={"interface/ether1": {"name": "ether1"}}, whole=("interface/",))
    told = [(f.field, f.value) for outcome in court.outcomes for f in outcome.facts]
    assert told[:3] == list(facts.items()) and told[3:] == [("interface/ether2", None)]


def test_a_device_that_invents_interfaces_fills_no_memory() -> None:
    court = Court(A)
    for n in range(30):
        facts = {f"interface/{n}-{k}": {"name": "x"} for k in range(500)}
        court.answers(A, facts=facts, whole=("interface/",))
        assert len(court.state.facts[A.id]) <= FACTS_CAP


def test_a_poller_that_is_silent_makes_stale_and_leaves_the_alert_open() -> None:
    court = Court(A)
    court.answers(A, (("cpu_load_pct", "", 12.0),))
    court.misses(A, 3)
    court.passes(25)
    assert court.status(A) == "stale"
    alert = court.alert("device_down", A.id)
    assert alert is not None and alert.is_open
    court.answers(A)
    assert court.status(A) == "up"


def test_after_a_restart_nothing_is_stale_before_it_could_be_polled() -> None:
    first = Court(A)
    first.answers(A)
    state = State(first.state.inventory, VANTAGE, health=dict(first.state.health))
    later = Court(state=state)
    later.now_s = 86_400
    later.judge = Judge(state, JournalPen(VANTAGE, 1), later.outcomes.append, later.now_us, 0.0)
    later.judge.tick(later.now_us + 1_000_000, 1.0)
    for n in range(2, 12):
        later.judge.tick(later.now_us + n * 1_000_000, float(n))
    assert later.status(A) == "up" and later.journal == []


def test_a_jump_of_the_clock_suspends_judgement_for_a_cycle() -> None:
    court = Court(A)
    court.answers(A)
    court.passes(2)
    court.set_back_s = -3600.0  # the wall clock jumps an hour ahead: the computer slept
    court.passes(1)
    assert court.journal[-1][0] == "judgement_suspended"
    court.misses(A, 6)
    assert court.status(A) == "up", "the network comes back later than the computer"
    court.now_s += 10
    court.misses(A, 3)
    assert court.status(A) == "down"


def test_a_clock_set_back_does_not_make_the_judge_deaf() -> None:
    court = Court(A)
    court.now_s = 10
    court.answers(A)
    court.set_back_s = 3600.0
    court.passes(1)
    court.now_s += 20
    court.misses(A, 3)
    assert court.status(A) == "down"


@pytest.mark.parametrize(
    ("wall_s", "run_s", "jumps"),
    [(1.0, 1.0, False), (1.2, 4.9, False), (7.0, 1.0, True), (-60.0, 1.0, True), (9.0, 9.0, True)],
)
def test_the_clocks_jump_when_they_part_or_when_the_process_was_stopped(
    wall_s: float, run_s: float, jumps: bool
) -> None:
    watch = ClockWatch(0, 0.0)
    assert bool(watch.jump_s(int(wall_s * 1e6), run_s, 1.0)) is jumps


def test_a_deleted_device_leaves_nothing_but_cleared_alerts() -> None:
    court = Court(A)
    court.answers(A, (("cpu_load_pct", "", 12.0),), facts={"identity": "R1"})
    court.misses(A, 3)
    court.edits(deletion("device", A))
    assert not (court.state.health or court.state.facts or court.state.values)
    alert = court.alert("device_down", A.id)
    assert alert is not None and not alert.is_open
    court.misses(A, 1)
    court.judge.end_visit(A.id, court.now_us)
    assert court.state.health == {} and court.journal[-1] == ("alert_cleared", "device_down")


def test_a_paused_device_is_unknown_without_alerts_and_stays_so() -> None:
    court = Court(A)
    court.answers(A)
    court.misses(A, 3)
    paused = device(1, probes=(SNMP,), interval_s=5.0, paused=True)
    step = change("device", A, paused)
    court.edits(step)
    assert (court.status(A), court.state.health[A.id].reason) == ("unknown", "paused")
    alert = court.alert("device_down", A.id)
    assert alert is not None and not alert.is_open
    court.misses(A, 3)
    court.passes(60)
    assert court.status(A) == "unknown"


def test_a_probe_taken_off_takes_its_failure_with_it() -> None:
    both = device(1, probes=(ICMP, SNMP), interval_s=5.0)
    court = Court(both)
    court.answers(both, probe="icmp")
    court.answers(both, probe="snmp")
    for _ in range(3):
        court.misses(both, probe="snmp")
        court.answers(both, probe="icmp")
    assert court.status(both) == "degraded"
    court.edits(change("device", both, device(1, probes=(ICMP,), interval_s=5.0)))
    assert court.status(both) == "up"


def test_an_acknowledgement_is_a_row_once_and_is_not_handed_on_before_it_is_durable() -> None:
    court = Court(A)
    court.answers(A)
    court.misses(A, 3)
    alert = court.alert("device_down", A.id)
    assert alert is not None
    told = len(court.outcomes)
    outcome = court.judge.act(alert, Act(court.now_us, "acknowledged", "mara"))
    assert len(court.outcomes) == told
    assert [row.kind for row in outcome.journal] == ["alert_acknowledged"]
    again = court.alert("device_down", A.id)
    assert again is not None and again.acknowledged_by == "mara"
    assert not court.judge.act(again, Act(court.now_us, "acknowledged", "tom"))

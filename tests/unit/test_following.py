"""What others hear of devices keeps them fresh in an engine that asks nothing itself, and changes nothing else."""

from __future__ import annotations

from uuid import UUID

from domain.health import Health, ProbeHealth
from domain.inventory import Device, Inventory
from domain.load import LinkState
from domain.observation import Failure
from domain.sync import Entries
from engine.journal import JournalPen
from engine.judge.following import follow, hear, measure
from engine.judge.judge import Judge
from engine.state import State

DEVICE, OTHER, MINE = (UUID(int=number) for number in (1, 2, 3))
NOW_US = 900


def state_with(**probes: ProbeHealth) -> State:
    state = State(Inventory(), MINE)
    state.health[DEVICE] = Health(DEVICE, OTHER, "degraded", since_us=50, heard_us=100, probes=probes)
    return state


def test_what_is_heard_later_is_fresh_and_only_what_answered_has_answered_again() -> None:
    well = ProbeHealth(last_answer_us=100, rtt_us=7)
    failing = ProbeHealth(4, last_answer_us=60, failure=Failure("no_answer", "no answer"))
    state = state_with(icmp=well, snmp=failing)
    assert hear(state, {DEVICE: 500, OTHER: 500}, NOW_US) == [DEVICE]
    health = state.health[DEVICE]
    assert (health.status, health.since_us, health.heard_us) == ("degraded", 50, 500)
    assert health.probes["icmp"] == ProbeHealth(last_answer_us=500, rtt_us=7)
    assert health.probes["snmp"] == failing
    assert OTHER not in state.health


def test_what_is_older_says_nothing_and_a_clock_that_is_ahead_makes_nothing_fresher_than_now() -> None:
    state = state_with(icmp=ProbeHealth(last_answer_us=100))
    assert hear(state, {DEVICE: 90}, NOW_US) == []
    assert hear(state, {DEVICE: 10**15}, NOW_US) == [DEVICE]
    assert state.health[DEVICE].heard_us == NOW_US


def test_what_a_link_carried_when_its_status_turned_elsewhere_is_not_taken_for_what_it_carries() -> None:
    state, link = State(Inventory(), MINE), LinkState(OTHER, "up", 5, 6, 1e6, 2e6)
    judge = Judge(state, JournalPen(MINE, 1), lambda _: None, NOW_US, 0.0, is_looking=True)
    follow(state, judge, Entries(0, 1, True, link_states=(link,)), NOW_US, is_judge=False)
    assert state.link_states[OTHER] == LinkState(OTHER, "up", 5, 6)


def test_newer_numbers_of_others_are_taken_up_and_what_nobody_knows_is_left_out() -> None:
    told = Device(DEVICE, "a", "192.0.2.1")
    state = State(Inventory({"device": {DEVICE: told}}), MINE)
    assert measure(state, [(DEVICE, 5, (("rtt_ms", "", 2.5), ("no_metric", "", 1.0))), (OTHER, 5, ())]) == [
        DEVICE
    ]
    assert state.values[DEVICE].values == (("rtt_ms", "", 2.5),)
    assert measure(state, [(DEVICE, 5, (("rtt_ms", "", 9.0),))]) == []

"""What others hear of devices keeps them fresh in an engine that asks nothing itself, and changes nothing else."""

from __future__ import annotations

from uuid import UUID

from domain.health import Health, ProbeHealth
from domain.inventory import Inventory
from domain.observation import Failure
from engine.judge.following import hear
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

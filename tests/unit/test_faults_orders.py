"""Faults in every order: planned work on a parent, ways that die one after the other, recovery, who is polled last."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

import msgspec
import pytest

from domain.watching import Maintenance, Scope
from tests.unit.court import START_S
from tests.unit.test_faults import CHAIN, FARM, HILL, LONG_S, POP, RELAY, RING, SETTLE_S, chain, ring
from tests.unit.town import Town, join, node


def work(starts_s: float, ends_s: float, *devices: UUID) -> Maintenance:
    """Return planned work on devices and all that hang on them, in seconds of the town."""
    starts_us, ends_us = (int((START_S + s) * 1e6) for s in (starts_s, ends_s))
    return Maintenance(UUID(int=800), "mast", starts_us, ends_us, Scope(devices=devices))


# Planned work


def test_planned_work_on_a_parent_leaves_all_behind_it_in_peace_and_nothing_opens_when_all_is_well_again() -> (
    None
):
    town = chain(work(100, 1000, RELAY.id))
    town.runs(100)
    town.dead = {RELAY.id}
    town.runs(300)
    assert {town.status(one) for one in (RELAY, HILL, FARM)} == {"down"}
    assert town.opened() == []
    town.dead = set()
    town.runs(800)
    assert town.opened() == [] and town.causes() == []


def test_what_is_still_down_when_planned_work_ends_opens_then_and_only_its_cause() -> None:
    town = chain(work(100, 1000, RELAY.id))
    town.runs(100)
    town.dead = {RELAY.id}
    town.runs(1000)
    assert town.open_names() == ["device_down relay"] and town.opened() == ["relay"]
    assert town.affected() == {"hill", "farm"}


def test_what_did_not_come_back_behind_a_mended_parent_opens_when_the_work_ends() -> None:
    town = chain(work(100, 1000, RELAY.id))
    town.runs(100)
    town.dead = {RELAY.id, HILL.id}
    town.runs(300)
    town.dead = {HILL.id}
    town.runs(300)
    assert town.opened() == []
    town.runs(400)
    assert town.open_names() == ["device_down hill"] and town.opened() == ["hill"]


def test_planned_work_on_a_child_says_nothing_of_its_parent() -> None:
    town = chain(work(100, 1000, HILL.id))
    town.runs(100)
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down relay"]


def test_a_parent_that_recovers_just_after_planned_work_ended_has_one_alert_and_its_children_none() -> None:
    town = chain(work(100, 400, RELAY.id))
    town.runs(100)
    town.dead = {RELAY.id}
    town.runs(260)
    town.dead = set()
    town.runs(LONG_S)
    assert town.open_names() == [] and set(town.opened()) <= {"relay"}


# Two ways


def test_the_second_of_two_ways_that_dies_takes_with_it_what_has_no_other() -> None:
    town = ring()
    town.cut = {RING[0].id}
    town.runs(LONG_S)
    assert town.open_names() == ["link_down pop-relay"]
    town.cut = {RING[0].id, RING[3].id}
    town.runs(2 * LONG_S)
    assert town.status(HILL) == "down"
    assert town.opened("device_down") == ["farm"], "the first device behind the cut that took them along"
    assert town.affected() == {"relay", "hill"}


def test_a_neighbour_that_dies_after_the_other_way_was_cut_is_the_cause() -> None:
    town = ring()
    town.cut = {RING[2].id}
    town.runs(LONG_S)
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    assert town.opened("device_down") == ["relay"] and town.affected() == {"hill"}


@pytest.mark.parametrize("wait_s", [2, 10, 45, 300])
def test_both_neighbours_of_a_ring_die_one_after_the_other_and_are_both_causes(wait_s: int) -> None:
    town = ring()
    town.dead = {RELAY.id}
    town.runs(wait_s)
    town.dead = {RELAY.id, FARM.id}
    town.runs(2 * LONG_S)
    assert town.open_names("device_down") == ["device_down farm", "device_down relay"]
    assert town.opened("device_down") in (["relay", "farm"], ["farm", "relay"])
    assert town.affected() == {"hill"}
    town.dead = set()
    town.runs(2 * LONG_S)
    assert town.open_names() == [] and len(town.opened("device_down")) == 2


def test_a_ring_that_is_cut_twice_at_once_tells_where_and_not_who_lies_between() -> None:
    town = ring()
    town.cut = {RING[0].id, RING[3].id}
    town.runs(2 * LONG_S)
    assert set(town.opened("device_down")) <= {"relay", "farm"}
    assert "hill" not in town.opened() and town.status(HILL) == "down"


# Recovery


@pytest.mark.parametrize("order", [*permutations((RELAY.id, HILL.id, FARM.id))])
@pytest.mark.parametrize("wait_s", [15, 150])
def test_recovery_in_any_order_opens_nothing_but_what_is_still_down_and_first(
    order: tuple[UUID, ...], wait_s: int
) -> None:
    town = chain()
    town.dead = set(order)
    town.runs(LONG_S)
    for id in order:
        before = len(town.opened())
        town.dead = town.dead - {id}
        town.runs(wait_s)
        first = next((one.name for one in (RELAY, HILL, FARM) if one.id in town.dead), None)
        assert set(town.opened()[before:]) <= {first}
    town.runs(2 * LONG_S)
    assert town.open_names() == [] and town.causes() == []


@pytest.mark.parametrize("late", [RELAY, HILL, FARM])
def test_whoever_is_heard_last_after_a_cause_came_back_opens_nothing(late: object) -> None:
    town = chain()
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    town.dead = set()
    for one in (RELAY, HILL, FARM):
        if one is not late:
            town.ask(one.id)
    town.runs(2 * LONG_S)
    assert town.open_names() == [] and town.opened() == ["relay"]


def test_a_relay_that_comes_and_goes_is_never_many_alerts() -> None:
    town = chain()
    for _ in range(20):
        town.dead = {RELAY.id}
        town.runs(40)
        town.dead = set()
        town.runs(40)
    town.runs(LONG_S)
    assert set(town.opened()) == {"relay"}
    town.runs(1800)
    assert town.open_names() == []


# Who is polled when


@pytest.mark.parametrize("first_s", range(0, 30, 3))
def test_a_parent_that_is_polled_late_is_asked_and_its_children_open_nothing(first_s: int) -> None:
    town = chain()
    town.runs(first_s)
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    assert town.opened() == ["relay"] and town.affected() == {"hill", "farm"}


def test_a_parent_with_a_slow_interval_is_not_waited_for() -> None:
    slow = msgspec.structs.replace(RELAY, interval_s=300.0)
    town = Town(POP, POP, slow, HILL, FARM, *CHAIN)
    town.runs(320)
    town.dead = {slow.id}
    town.runs(60)
    assert town.opened() == ["relay"] and town.affected() == {"hill", "farm"}


def test_a_chain_whose_far_end_is_polled_first_is_one_alert() -> None:
    deep = [node(10 + n, f"N{n}") for n in range(12)]
    links = [join(10 + n, a, b) for n, (a, b) in enumerate(zip([RELAY, *deep], deep, strict=False))]
    town = Town(POP, POP, RELAY, *deep, CHAIN[0], *links)
    town.runs(SETTLE_S)
    town.dead = {RELAY.id}
    for second, one in enumerate(reversed(deep)):
        town.ask(one.id)
        if second % 3 == 0:
            town.runs(1)
    town.runs(LONG_S)
    assert town.opened() == ["relay"] and len(town.affected()) == 12

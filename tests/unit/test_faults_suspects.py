"""A switch that nobody polls dies: one fault and one alert about it, not one for each device behind it."""

from __future__ import annotations

import msgspec

from domain.edit import change, deletion
from tests.unit.court import START_S
from tests.unit.town import INTERVAL_S, Town, join, node

POP = node(1, "pop", "pop")
RELAY = node(2, "relay")
SWITCH = msgspec.structs.replace(node(3, "switch", "switch"), probes=())
HILL = node(4, "hill", subscribers=20)
FARM = node(5, "farm", "access", subscribers=7)
MILL = node(6, "mill", "access")
BARN = node(7, "barn", "access")
LINKS = (
    join(1, POP, RELAY),
    join(2, RELAY, SWITCH),
    join(3, SWITCH, HILL),
    join(4, SWITCH, FARM),
    join(5, SWITCH, MILL),
    join(6, HILL, BARN),
)
BEHIND = {"hill", "farm", "mill", "barn"}
SETTLE_S = 2 * INTERVAL_S
LONG_S = 5 * INTERVAL_S
BEGUN_US = int((START_S + SETTLE_S) * 1e6)


def village() -> Town:
    """Return pop - relay - switch, and behind the switch hill - barn, farm and mill."""
    town = Town(POP, POP, RELAY, SWITCH, HILL, FARM, MILL, BARN, *LINKS)
    town.runs(SETTLE_S)
    return town


def test_a_switch_that_nobody_polls_and_that_dies_is_one_fault_and_one_alert() -> None:
    town = village()
    town.dead = {SWITCH.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down switch"] and town.opened() == ["switch"]
    assert town.causes() == ["switch"] and town.affected() == BEHIND
    assert town.state.faults[SWITCH.id].behind == 4


def test_the_alert_says_that_it_may_be_what_is_before_it() -> None:
    town = village()
    town.cut = {LINKS[1].id}
    town.runs(LONG_S)
    alert = town.told("device_down", SWITCH.id)
    assert alert.reason == (
        "4 devices, 27 subscribers behind it. Nobody hears it: it has failed, or what is before it"
    )
    assert BEGUN_US < alert.since_us < alert.opened_us


def test_a_device_behind_the_switch_that_dies_alone_is_its_own_cause_within_ten_seconds() -> None:
    town = village()
    town.dead = {FARM.id}
    town.ask(FARM.id)
    town.runs(3)
    assert town.status(FARM) == "down"
    town.runs(8)
    assert town.open_names() == ["device_down farm"] and town.causes() == ["farm"]


def test_the_device_that_is_polled_first_waits_for_the_others_behind_the_switch() -> None:
    for first in (HILL, FARM, MILL):
        town = village()
        town.dead = {SWITCH.id}
        town.ask(first.id)
        town.runs(LONG_S)
        assert town.opened() == ["switch"], first.name


def test_one_device_alone_behind_the_switch_is_told_itself() -> None:
    town = Town(POP, POP, RELAY, SWITCH, HILL, *LINKS[:3])
    town.runs(SETTLE_S)
    town.dead = {SWITCH.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down hill"]


def test_a_switch_that_comes_back_leaves_nothing_open_and_opens_nothing() -> None:
    town = village()
    town.dead = {SWITCH.id}
    town.runs(LONG_S)
    town.dead = set()
    town.runs(2 * LONG_S)
    assert town.causes() == [] and town.open_names() == []
    assert town.opened() == ["switch"]


def test_what_stays_dead_behind_a_switch_that_came_back_is_told_then() -> None:
    town = village()
    town.dead = {SWITCH.id, FARM.id}
    town.runs(LONG_S)
    assert town.opened() == ["switch"]
    town.dead = {FARM.id}
    town.runs(2 * LONG_S)
    assert town.open_names() == ["device_down farm"] and town.causes() == ["farm"]


def test_what_was_down_long_before_stays_a_cause_of_its_own() -> None:
    town = village()
    town.dead = {FARM.id}
    town.runs(10 * INTERVAL_S)
    town.dead = {FARM.id, SWITCH.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down farm", "device_down switch"]
    assert town.affected() == {"hill", "mill", "barn"}


def test_two_switches_one_behind_the_other_are_one_alert_about_the_one_before_all_that_is_silent() -> None:
    deep = msgspec.structs.replace(node(8, "deep", "switch"), probes=())
    cow, hen = node(9, "cow", "access"), node(10, "hen", "access")
    more = (join(7, SWITCH, deep), join(8, deep, cow), join(9, deep, hen))
    for dead, cause, silent in ((SWITCH, "switch", BEHIND | {"cow", "hen"}), (deep, "deep", {"cow", "hen"})):
        town = Town(POP, POP, RELAY, SWITCH, HILL, FARM, MILL, BARN, deep, cow, hen, *LINKS, *more)
        town.runs(SETTLE_S)
        town.dead = {dead.id}
        town.runs(LONG_S)
        assert town.opened() == [cause] and town.causes() == [cause]
        assert town.affected() == silent


def test_a_restart_neither_loses_nor_repeats_the_alert_about_a_suspect() -> None:
    town = village()
    town.dead = {SWITCH.id}
    town.runs(LONG_S)
    town.restarts(20)
    town.runs(2 * LONG_S)
    assert town.open_names() == ["device_down switch"] and town.opened() == ["switch"]
    assert town.causes() == ["switch"] and town.affected() == BEHIND
    town.dead = set()
    town.runs(2 * LONG_S)
    assert town.open_names() == [] and town.opened() == ["switch"]


def test_a_switch_that_came_back_while_the_engine_was_stopped_is_told_no_more() -> None:
    town = village()
    town.dead = {SWITCH.id}
    town.runs(LONG_S)
    town.dead = set()
    town.restarts(20)
    town.runs(2 * LONG_S)
    assert town.open_names() == [] and town.causes() == [] and town.opened() == ["switch"]


def test_a_dead_relay_that_is_paused_is_one_alert_again_for_what_is_behind_it_is_still_lost() -> None:
    town = village()
    town.dead = {HILL.id, RELAY.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down relay"]
    town.edits(change("device", RELAY, msgspec.structs.replace(RELAY, paused=True)))
    town.runs(2 * LONG_S)
    assert town.open_names() == ["device_down relay"]
    assert town.causes() == ["relay"] and town.affected() == BEHIND


def test_a_suspect_that_is_polled_from_now_on_keeps_its_alert_until_it_answers() -> None:
    town = village()
    town.dead = {RELAY.id}
    town.edits(change("device", RELAY, paused := msgspec.structs.replace(RELAY, paused=True)))
    town.runs(LONG_S)
    assert town.open_names() == ["device_down relay"]
    town.edits(change("device", paused, RELAY))
    town.runs(LONG_S)
    assert town.open_names() == ["device_down relay"] and town.opened() == ["relay"]
    town.dead = set()
    town.runs(2 * LONG_S)
    assert town.open_names() == [] and town.opened() == ["relay"]


def test_a_suspect_that_is_deleted_leaves_what_was_behind_it_to_itself() -> None:
    town = village()
    town.dead = {SWITCH.id}
    town.runs(LONG_S)
    town.edits(*(deletion("link", link) for link in LINKS[1:5]), deletion("device", SWITCH))
    town.runs(2 * LONG_S)
    assert "switch" not in town.causes() and town.open_names("device_down") != []

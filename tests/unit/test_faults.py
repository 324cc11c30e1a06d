"""Which of the silent devices is the cause, and which only lies behind it: conversations in virtual time."""

from __future__ import annotations

from domain.edit import change, deletion
from domain.inventory import Inventory, Site
from tests.unit.town import INTERVAL_S, Town, join, node

POP = node(1, "pop", "pop")
RELAY = node(2, "relay", subscribers=3)
HILL = node(3, "hill", subscribers=20)
FARM = node(4, "farm", "access", subscribers=7)
CHAIN = (join(1, POP, RELAY), join(2, RELAY, HILL), join(3, HILL, FARM))
RING = (join(1, POP, RELAY), join(2, RELAY, HILL), join(3, HILL, FARM), join(4, FARM, POP))
SETTLE_S = 2 * INTERVAL_S
LONG_S = 5 * INTERVAL_S


def chain(*more: object) -> Town:
    """Return pop - relay - hill - farm, polled and well."""
    town = Town(POP, POP, RELAY, HILL, FARM, *CHAIN, *more)  # type: ignore[arg-type]
    town.runs(SETTLE_S)
    assert {town.status(one) for one in town.state.inventory.devices()} == {"up"}
    return town


def ring() -> Town:
    """Return the same closed to a ring."""
    town = Town(POP, POP, RELAY, HILL, FARM, *RING)
    town.runs(SETTLE_S)
    return town


def test_a_dead_relay_is_one_alert_and_what_is_behind_it_is_affected() -> None:
    town = chain()
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down relay"]
    assert town.opened() == ["relay"]
    assert town.causes() == ["relay"] and town.affected() == {"hill", "farm"}


def test_the_alert_says_what_is_behind_it() -> None:
    town = chain()
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    reason = town.told("device_down", RELAY.id).reason
    assert reason == "2 devices, 30 subscribers behind it; last seen over pop – relay. Ping: icmp: no_answer"


def test_a_child_that_is_polled_before_its_dead_parent_opens_no_alert() -> None:
    town = chain()
    for one in (HILL, FARM):
        town.ask(one.id)
    town.dead = {RELAY.id}
    town.runs(5)
    assert town.status(HILL) == "down"
    town.runs(LONG_S)
    assert town.opened() == ["relay"]


def test_a_parent_that_is_alive_is_asked_and_its_child_alerts_within_ten_seconds() -> None:
    town = chain()
    town.dead = {HILL.id}
    town.ask(HILL.id)
    town.runs(3)
    assert town.status(HILL) == "down"
    town.runs(6)
    assert town.open_names() == ["device_down hill"]


def test_a_ring_that_is_cut_once_loses_nobody_and_says_who_has_no_second_way() -> None:
    town = ring()
    town.cut = {RING[1].id}
    town.runs(LONG_S)
    assert town.open_names() == ["link_down relay-hill"]
    assert {town.status(one) for one in (RELAY, HILL, FARM)} == {"up"}
    fault = town.state.faults[RING[1].id]
    assert fault.kind == "link" and {town.name_of(id) for id in fault.weakened} == {"relay", "hill", "farm"}


def test_a_ring_that_is_mended_has_no_fault_left() -> None:
    town = ring()
    town.cut = {RING[1].id}
    town.runs(LONG_S)
    town.cut = set()
    town.runs(LONG_S)
    assert town.causes() == [] and town.open_names() == []
    assert town.opened() == ["relay-hill"]


def test_a_cut_inside_a_ring_beside_a_dead_device_darkens_what_lies_between() -> None:
    town = ring()
    town.cut = {RING[0].id}
    town.runs(LONG_S)
    town.dead = {FARM.id}
    town.runs(LONG_S)
    assert town.open_names("device_down") == ["device_down farm"]
    assert town.causes() == ["farm", "pop-relay"]
    assert town.affected() == {"relay", "hill"}


def test_two_faults_at_once_are_two_causes() -> None:
    other, far = node(5, "tower"), node(6, "barn", "access")
    town = chain(other, far, join(5, POP, other), join(6, other, far))
    town.dead = {RELAY.id, other.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down relay", "device_down tower"]
    assert town.affected() == {"hill", "farm", "barn"}


def test_a_fault_behind_a_fault_is_told_when_the_first_is_mended() -> None:
    town = chain()
    town.dead = {RELAY.id, FARM.id}
    town.runs(LONG_S)
    assert town.opened() == ["relay"]
    town.dead = {FARM.id}
    town.runs(2 * LONG_S)
    assert town.open_names() == ["device_down farm"]
    assert town.opened() == ["relay", "farm"]


def test_what_comes_back_with_its_cause_alerts_for_nothing() -> None:
    town = chain()
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    town.dead = set()
    town.ask(RELAY.id)
    town.runs(2 * LONG_S)
    assert town.open_names() == [] and town.opened() == ["relay"]
    assert town.causes() == []


def test_recovery_in_any_order_ends_all() -> None:
    town = chain()
    town.dead = {RELAY.id, HILL.id, FARM.id}
    town.runs(LONG_S)
    for mended in ({HILL.id, FARM.id}, {FARM.id}, set()):
        town.dead = set(mended)
        town.runs(2 * LONG_S)
    assert town.open_names() == [] and town.causes() == []
    assert town.opened() == ["relay", "hill", "farm"]


def test_the_poller_s_own_uplink_is_one_alert_and_no_device_s() -> None:
    town = chain()
    town.is_out = True
    town.runs(LONG_S)
    assert town.open_names() == ["cut_off uplink"]
    assert town.opened() == ["uplink"]
    assert "this computer has no way" in town.told("cut_off", town.state.vantage).reason
    town.is_out = False
    town.runs(LONG_S)
    assert town.open_names() == [] and town.opened() == ["uplink"]


def test_an_entry_that_dies_alone_takes_all_with_it() -> None:
    town = chain()
    town.dead = {POP.id}
    town.runs(LONG_S)
    assert town.open_names() == ["cut_off uplink"]
    assert "pop or this computer's own line" in town.told("cut_off", town.state.vantage).reason


def test_a_laptop_that_slept_for_eight_hours_alerts_for_nothing() -> None:
    town = chain()
    town.now_s += 8 * 3600
    town.is_out = True
    town.runs(20)
    town.is_out = False
    town.runs(LONG_S)
    assert town.opened() == []


def test_a_clock_set_back_an_hour_neither_hides_a_fault_nor_makes_one() -> None:
    town = chain()
    town.set_back_s = 3600
    town.runs(LONG_S)
    assert town.opened() == []
    town.dead = {RELAY.id}
    town.runs(2 * LONG_S)
    assert town.open_names() == ["device_down relay"]


def test_a_clock_that_is_set_back_during_a_fault_tells_it_once() -> None:
    town = chain()
    town.dead = {RELAY.id}
    town.runs(8)
    town.set_back_s = 3600
    town.runs(2 * LONG_S)
    assert town.opened() == ["relay"]


def test_a_restart_in_the_middle_of_a_fault_neither_loses_nor_repeats() -> None:
    town = chain()
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    town.restarts(20)
    town.runs(2 * LONG_S)
    assert town.open_names() == ["device_down relay"] and town.opened() == ["relay"]
    assert town.causes() == ["relay"] and town.affected() == {"hill", "farm"}


def test_a_link_that_falls_with_its_device_is_no_alert_of_its_own() -> None:
    town = chain()
    town.dead = {HILL.id}
    town.ask(RELAY.id)
    town.runs(LONG_S)
    assert town.open_names() == ["device_down hill"]
    assert town.state.link_states[CHAIN[1].id].status == "down"
    assert town.state.faults[HILL.id].links == (CHAIN[1].id,)


def test_an_entry_that_a_person_names_is_where_the_network_begins() -> None:
    town = chain()
    town.edits(change("device", FARM, node(4, "farm", "access", subscribers=7, is_entry=True)))
    topology = town.judge.faults.network.topology
    assert set(topology.names(topology.entries)) == {FARM.id}


def test_a_cause_that_is_deleted_leaves_what_was_behind_it_to_itself() -> None:
    town = chain()
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    town.edits(deletion("link", CHAIN[0]), deletion("link", CHAIN[1]), deletion("device", RELAY))
    town.runs(2 * LONG_S)
    assert town.causes() == ["hill"] and town.affected() == {"farm"}
    assert town.open_names() == ["device_down hill"]


def test_steps_of_an_edit_in_any_order_make_the_same_graph() -> None:
    town = chain()
    new = node(9, "new")
    link = join(9, FARM, new)
    before = town.state.inventory
    after = Inventory(before.tables)
    after.tables["device"][new.id], after.tables["link"][link.id] = new, link
    town.state.inventory = after
    town.judge.change_inventory(before, [("link", link.id), ("device", new.id)], town.now_us)
    assert town.judge.faults.network.topology.way(new.id) == (new.id, FARM.id, HILL.id, RELAY.id, POP.id)


def test_whole_sites_behind_a_cause_are_counted_and_its_own_is_not() -> None:
    here, there = Site(node(70).id, "here"), Site(node(71).id, "there")
    relay, hill = node(2, "relay", site=here.id), node(3, "hill", site=there.id)
    town = Town(POP, here, there, POP, relay, hill, join(1, POP, relay), join(2, relay, hill))
    town.runs(SETTLE_S)
    town.dead = {relay.id}
    town.runs(LONG_S)
    assert town.state.faults[relay.id].sites == 1
    assert town.told("device_down", relay.id).reason.startswith("1 site behind it")


def test_what_falls_behind_a_known_cause_is_affected_at_a_look_and_a_look_believes_nothing() -> None:
    town = chain()
    town.dead = {RELAY.id}
    while town.causes() != ["relay"]:
        town.runs(1)
    assert town.status(HILL) == "up", "it is polled later"
    while town.status(HILL) != "down":
        town.misses_now(HILL)
    told = len(town.alert_rows)
    assert town.affected() == set()
    town.judge.look(town.now_us)
    assert town.affected() == {"hill"}
    assert len(town.alert_rows) == told


def test_a_new_judge_looks_at_nothing_before_its_first_tick() -> None:
    town = chain()
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    town.restarts()
    told = len(town.outcomes)
    town.judge.look(town.now_us)
    assert len(town.outcomes) == told
    town.runs(90)
    assert [row for row in town.alert_rows if row.startswith("unsilenced")] == []

"""What becomes of finds, as edits: what the rules take, what an undo brings back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.discovery.edits import (
    Chosen,
    Place,
    adding,
    ignoring,
    merging,
    moving,
    names_for,
    renaming,
    role_of,
    site_for,
)
from app.draft import edit_of, new_id
from domain.alert_rules import DEFAULT_RULES
from domain.edit import Step, apply, inverse
from domain.inventory import Device, Inventory, Link, Probe
from domain.rules import refusals
from domain.watching import AlertRule, Ignored, Maintenance, PortWatch, Scope
from tests.ui.discovery_finds import find, matched
from tests.ui.fake_engine import id_of, small_network


def done(inventory: Inventory, steps: Sequence[Step]) -> Inventory:
    """Apply steps as the engine would; their inverse brings everything back."""
    before = Inventory({kind: dict(rows) for kind, rows in inventory.tables.items()})
    edit = edit_of("an edit", "tester", steps)
    assert refusals(inventory, edit) == []
    apply(inventory, edit)
    after = Inventory({kind: dict(rows) for kind, rows in inventory.tables.items()})
    back = inverse(edit, new_id(), 1, "tester")
    assert refusals(inventory, back) == []
    apply(inventory, back)
    assert inventory == before
    return after


def device(inventory: Inventory, name: str) -> Device:
    (found,) = [each for each in inventory.devices() if each.name == name]
    return found


def test_a_find_becomes_a_device_that_is_asked_as_it_answered() -> None:
    added = adding([Chosen(find(3), "Hilltop")], Place(id_of("Lindau")), None, 60.0)
    after = done(small_network(), added.steps)
    made = device(after, "Hilltop")
    assert made.probes == (Probe("icmp"), Probe("snmp", 161, id_of("community")))
    assert (made.address, made.site, made.role, made.interval_s) == (
        "10.7.0.4",
        id_of("Lindau"),
        "relay",
        60.0,
    )


def test_many_finds_become_devices_at_a_new_site_in_one_edit_and_those_without_address_stay_out() -> None:
    chosen = [Chosen(find(1), "A"), Chosen(find(2), "B"), Chosen(find(3, addresses=()), "C")]
    added = adding(chosen, Place(None, "Hochgrat", "Allgäu"), "access", 30.0)
    after = done(small_network(), added.steps)
    assert [each.name for each in added.devices] == ["A", "B"]
    (site,) = [each for each in after.sites() if each.name == "Hochgrat"]
    assert site.region == "Allgäu"
    assert {device(after, name).site for name in "AB"} == {site.id}
    assert {device(after, name).role for name in "AB"} == {"access"}


def test_names_that_say_nothing_or_are_taken_get_their_address() -> None:
    finds = [
        find(1, identity="MikroTik"),
        find(2, identity="Tower"),
        find(3, identity="tower"),
        find(4, identity="Lindau R1"),
        find(5, identity=""),
        find(6, identity="Alone"),
    ]
    assert names_for(small_network(), finds) == [
        "MikroTik 10.7.0.2",
        "Tower 10.7.0.3",
        "tower 10.7.0.4",
        "Lindau R1 10.7.0.5",
        "10.7.0.6",
        "Alone",
    ]
    long = names_for(small_network(), [find(1, identity="MikroTik"), find(2, identity="x" * 300)])
    assert max(map(len, long)) <= 120


def test_the_site_is_the_longest_that_all_names_begin_with() -> None:
    inventory = small_network()
    for finds, name in (
        ([find(1, identity="Grünten AP 3")], "Grünten"),
        ([find(1, identity="grünten-r4"), find(2, identity="Grünten_r5")], "Grünten"),
        ([find(1, identity="Grüntensee")], None),
        ([find(1, identity="Grünten R1"), find(2, identity="Lindau R1")], None),
        ([], None),
    ):
        found = site_for(inventory, finds)
        assert (found.name if found else None) == name


def test_the_role_is_what_it_looks_like() -> None:
    assert role_of(find(1, board="CRS326-24G-2S+")) == "switch"
    assert role_of(find(1, board="", sys_descr="Linux mail 6.1.0", profile="linux")) == "server"
    assert role_of(find(1, board="", sys_descr="APC Web/SNMP", profile="ups")) == "power"
    assert role_of(find(1, board="LHG 5")) == "other"


def test_moved_devices_get_their_address_and_renamed_ones_their_name() -> None:
    inventory = small_network()
    finds = [matched(1, "moved", "g1"), matched(2, "renamed", "g2", identity="Grünten AP-5")]
    assert device(done(inventory, moving(inventory, finds)), "Grünten R1").address == "10.7.0.2"
    assert device(done(inventory, renaming(inventory, finds)), "Grünten AP-5").id == id_of("g2")
    assert moving(inventory, [matched(3, "moved", "gone"), matched(4, "moved", "g1", addresses=())]) == []


def test_what_is_ignored_is_ignored_once_by_its_strongest_key() -> None:
    inventory = small_network()
    one = find(1, serial="HE7A0B1C2D3")
    after = done(inventory, ignoring(inventory, [one, one, find(2)]))
    assert sorted(each.key for each in after.ignored()) == ["mac:4C:5E:0C:00:00:02", "serial:HE7A0B1C2D3"]
    known = Ignored(UUID(int=1), "serial:HE7A0B1C2D3", "x")
    assert ignoring(Inventory({"ignored": {known.id: known}}), [one]) == []


def merged_network() -> Inventory:
    """The small network with a twin of Grünten R1, which has links, rules and planned work of its own."""
    inventory = small_network()
    ports = (PortWatch("ether1", False), PortWatch("ether2"))
    twin = Device(
        id_of("twin"),
        "Twin",
        "10.9.9.9",
        (Probe("icmp"),),
        subscribers=40,
        tags=("old",),
        note="by the door",
        ports=ports,
    )
    g1, g2, l1 = (id_of(name) for name in ("g1", "g2", "l1"))
    rule: AlertRule = DEFAULT_RULES[0]
    rows = (
        ("device", twin),
        ("link", Link(id_of("loop"), twin.id, g1, "ether1", "ether9")),
        ("link", Link(id_of("again"), l1, twin.id, "sfp2", "sfp1", "fibre")),
        ("link", Link(id_of("more"), twin.id, g2, "ether3", "ether1")),
        ("rule", AlertRule(rule.id, rule.name, rule.kind, scope=Scope(devices=(twin.id, l1, g1)))),
        ("maintenance", Maintenance(id_of("work"), "Mast", 1, 2, Scope(devices=(twin.id,)))),
    )
    for kind, row in rows:
        inventory.tables[kind][row.id] = row
    return inventory


def test_of_two_devices_one_stays_with_the_links_rules_and_planned_work_of_both() -> None:
    inventory = merged_network()
    stays, twin = inventory.device(id_of("g1")), inventory.device(id_of("twin"))
    assert stays is not None
    assert twin is not None
    after = done(inventory, merging(inventory, stays, [twin]))
    assert after.device(twin.id) is None
    merged = device(after, "Grünten R1")
    assert (merged.address, merged.probes, merged.site) == (stays.address, stays.probes, stays.site)
    assert (merged.subscribers, merged.tags, merged.note) == (12, ("old",), "by the door")
    assert [port.interface for port in merged.ports] == ["ether1", "ether2"]
    ends = {(link.a, link.b, link.a_interface) for link in after.links()}
    assert ends == {
        (stays.id, id_of("l1"), "sfp1"),  # and no second one of the same ports
        (stays.id, id_of("g2"), "ether3"),
    }
    assert [rule.scope.devices for rule in after.rules()] == [(stays.id, id_of("l1"))]
    assert [work.scope.devices for work in after.maintenances()] == [(stays.id,)]


def test_what_stays_without_a_place_takes_the_others() -> None:
    inventory = merged_network()
    stays, other = inventory.device(id_of("twin")), inventory.device(id_of("g1"))
    assert stays is not None
    assert other is not None
    after = done(inventory, merging(inventory, stays, [other]))
    assert device(after, "Twin").site == id_of("Grünten")
    assert device(after, "Twin").subscribers == 40

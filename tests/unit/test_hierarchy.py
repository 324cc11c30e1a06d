"""Region, POP, site, device: who stands in what, and that what is told anew is what reading it all would say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.hierarchy import FAULT_ORDER, NO_SITE, Hierarchy, Key
from domain.inventory import POPS_DEEP, Device, Inventory, Site

SPACE = UUID("018f0000-0000-7000-8000-000000000001")
FIXTURE = json.loads((Path(__file__).parent / "hierarchy.json").read_text("utf-8"))


def id_of(name: str) -> UUID:
    return uuid5(SPACE, name)


class Net:
    """An inventory with statuses, and how often a status was asked for."""

    def __init__(self) -> None:
        self.inventory = Inventory()
        self.statuses: dict[UUID, str] = {}
        self.asked = 0

    def status_of(self, device: UUID) -> str:
        self.asked += 1
        return self.statuses.get(device, "unknown")

    def site(self, name: str, region: str = "", pop: str = "") -> UUID:
        id = id_of(name)
        self.inventory.tables["site"][id] = Site(id, name, region, pop=id_of(pop) if pop else None)
        return id

    def device(self, name: str, site: str = "", status: str = "up", subscribers: int = 0) -> UUID:
        id = id_of(name)
        at = id_of(site) if site else None
        self.inventory.tables["device"][id] = Device(id, name, "10.0.0.1", site=at, subscribers=subscribers)
        self.statuses[id] = status
        return id

    def hierarchy(self) -> Hierarchy:
        return Hierarchy(self.inventory, self.status_of)


def imported() -> Net:
    net = Net()
    for row in FIXTURE["sites"]:
        net.site(row["name"], row.get("region", ""), row.get("pop", ""))
    for row in FIXTURE["devices"]:
        net.device(row["name"], row.get("site", ""), row["status"], row.get("subscribers", 0))
    return net


def key_of(name: str) -> Key:
    kind, _, rest = name.partition(" ")
    if name == "no site":
        return NO_SITE
    return ("region", rest) if kind == "region" else ("site", id_of(rest))


def shape(tree: Hierarchy) -> dict[Key, Any]:
    """Return all that a tree says, whatever the order it came in."""
    found: dict[Key, Any] = {}
    waiting = tree.tops()
    while waiting:
        key = waiting.pop()
        rollup = tree.rollup(key)
        found[key] = (tree.above(key), set(tree.below(key)), rollup.counts, rollup.subscribers)
        waiting += [child for child in tree.below(key) if child[0] == "site"]
    return found


@pytest.mark.parametrize("row", FIXTURE["rollups"], ids=lambda row: row["place"])
def test_the_rollups_of_an_imported_network_are_those_counted_by_hand(row: dict[str, Any]) -> None:
    tree = imported().hierarchy()
    rollup = tree.rollup(key_of(row["place"]))
    assert (rollup.worst, rollup.counts) == (row["worst"], row["counts"])
    assert (rollup.total, rollup.subscribers) == (row["devices"], row["subscribers"])


def test_what_stands_in_what_is_as_it_was_imported() -> None:
    net = imported()
    tree = net.hierarchy()
    stands = {
        row["name"]: above
        for row in FIXTURE["sites"]
        if (above := tree.above(("site", id_of(row["name"])))) is not None
    }
    assert stands == {name: key_of(place) for name, place in FIXTURE["stands_in"].items()}
    assert {key for key in tree.tops() if key != NO_SITE} == {("region", name) for name in FIXTURE["regions"]}


def test_one_fault_among_many_that_are_well_is_the_worst_all_the_way_up() -> None:
    net = Net()
    net.site("POP", "Region")
    for number in range(500):
        net.site(f"S{number}", pop="POP")
        net.device(f"D{number}", f"S{number}")
    tree = net.hierarchy()
    assert tree.rollup(("region", "Region")).worst == "up"
    net.statuses[id_of("D77")] = "down"
    tree.turn([id_of("D77")])
    for place in (("site", id_of("S77")), ("site", id_of("POP")), ("region", "Region")):
        assert tree.rollup(place).worst == "down"
    assert tree.rollup(("region", "Region")).counts == {"down": 1, "up": 499}
    assert tree.rollup(("site", id_of("S78"))).worst == "up"


def test_a_status_that_turns_costs_the_way_up_and_not_the_network() -> None:
    net = Net()
    for number in range(100):
        net.site(f"POP{number}", f"Region {number % 10}")
        for below in range(10):
            net.site(f"S{number}.{below}", pop=f"POP{number}")
            for device in range(10):
                net.device(f"D{number}.{below}.{device}", f"S{number}.{below}")
    tree = net.hierarchy()
    assert (net.asked, tree.rollup(("region", "Region 3")).total) == (10_000, 1_000)
    net.asked = 0
    turned = id_of("D33.4.5")
    net.statuses[turned] = "degraded"
    touched = tree.turn([turned])
    assert net.asked == 1
    site, pop = id_of("S33.4"), id_of("POP33")
    assert touched == {("device", turned), ("site", site), ("site", pop), ("region", "Region 3")}
    assert tree.turn([turned]) == set()
    net.site("S33.4", pop="POP34")
    net.asked = 0
    assert tree.take([site], [])
    assert (net.asked, tree.above(("site", site))) == (0, ("site", id_of("POP34")))
    assert tree.rollup(("region", "Region 3")).total == 990
    assert not tree.take([site], [turned])


def test_a_site_has_the_region_of_its_pop_where_it_names_none() -> None:
    net = Net()
    for name, region, pop in (("Core", "Allgäu", ""), ("Hill", "", "Core"), ("Roof", "", "Hill")):
        net.site(name, region, pop)
    own = net.site("Own", "Tirol", "Hill")
    tree = net.hierarchy()
    sites = {site.name: net.inventory.region_of(site) for site in net.inventory.sites()}
    assert sites == {"Core": "Allgäu", "Hill": "Allgäu", "Roof": "Allgäu", "Own": "Tirol"}
    assert tree.above(("site", own)) == ("region", "Tirol")
    assert own in tree.hung_under(id_of("Hill"))
    net.site("Core", "Tirol")
    assert tree.take([id_of("Core")], [])
    assert tree.tops() == [("region", "Tirol")]
    assert tree.above(("site", own)) == ("site", id_of("Hill"))


def test_sites_in_a_ring_and_sites_far_too_deep_stand_in_their_region() -> None:
    net = Net()
    net.site("A", "", "B")
    net.site("B", "", "A")
    for number in range(POPS_DEEP * 3):
        net.site(f"S{number}", "Deep", f"S{number - 1}" if number else "")
    tree = net.hierarchy()
    assert tree.above(("site", id_of("A"))) == ("region", "")
    assert tree.above(("site", id_of(f"S{POPS_DEEP}"))) == ("site", id_of(f"S{POPS_DEEP - 1}"))
    assert tree.above(("site", id_of(f"S{POPS_DEEP * 2}"))) == ("region", "Deep")
    tree.take([id_of("A")], [])
    assert shape(tree) == shape(net.hierarchy())


def test_all_below_a_place_are_found() -> None:
    net = imported()
    tree = net.hierarchy()
    place: Key = ("site", id_of("Kempten"))
    assert set(tree.sites(place)) == {id_of(name) for name in ("Grünten", "Hauchenberg", "Missen")}
    assert len(set(tree.devices(place))) == tree.rollup(place).total


NAMES = ["S1", "S2", "S3", "S4"]
CHANGES = st.one_of(
    st.tuples(
        st.just("site"),
        st.sampled_from(NAMES),
        st.sampled_from(["", "N", "S"]),
        st.sampled_from(["", *NAMES]),
    ),
    st.tuples(st.just("gone site"), st.sampled_from(NAMES)),
    st.tuples(
        st.just("device"), st.sampled_from("abc"), st.sampled_from(["", *NAMES]), st.sampled_from(FAULT_ORDER)
    ),
    st.tuples(st.just("gone device"), st.sampled_from("abc")),
    st.tuples(st.just("turn"), st.sampled_from("abc"), st.sampled_from(FAULT_ORDER)),
)


@settings(max_examples=300)
@given(st.lists(CHANGES, max_size=30))
def test_told_of_each_change_it_says_what_reading_it_all_anew_says(changes: list[tuple[str, ...]]) -> None:
    net = Net()
    tree = net.hierarchy()
    for what, name, *rest in changes:
        id = id_of(name)
        if what == "site":
            net.site(name, *rest)
            tree.take([id], [])
        elif what == "gone site":
            net.inventory.tables["site"].pop(id, None)
            tree.take([id], [])
        elif what == "device":
            net.device(name, rest[0], rest[1], 3)
            tree.take([], [id])
        elif what == "gone device":
            net.inventory.tables["device"].pop(id, None)
            tree.take([], [id])
        else:
            net.statuses[id] = rest[0]
            tree.turn([id])
    assert shape(tree) == shape(net.hierarchy())

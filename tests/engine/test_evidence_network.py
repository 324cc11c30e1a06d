"""A simulated network, read by our drivers, gives back its own links; and the judge's book of evidence keeps them up to date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from domain.evidence import DAY_US, DerivedLink
from domain.fact import Fact
from domain.inventory import Device, Inventory, Link
from domain.observation import Sighting
from engine.drivers.routeros import interfaces, services
from engine.drivers.routeros.router import Router as Driven
from engine.judge.evidence import MOST_PER_TURN, SIGHTINGS_CAP, EvidenceBook
from engine.state import State
from simnet import menus_interface, menus_services
from simnet.mikrotik_mib import mib_of
from simnet.network import VORALPNET, load_network
from simnet.router import Router
from simnet.world import World
from tests.engine.walks import read_objects

AT_S = 1_760_000_000.0
AT_US = int(AT_S * 1e6)
MINUTE_US = 60_000_000
VANTAGE = UUID(int=999_999)
Ends = tuple[str, str, str, str]
_OVER_SNMP: dict[str, dict[str, Any]] = {}
"""Read once for all tests."""


class Watched:
    """The demo network, and what the engine holds of it."""

    def __init__(self) -> None:
        self.world = World(load_network(VORALPNET), AT_S)
        self.ids = {name: UUID(int=number + 1) for number, name in enumerate(self.world.routers)}
        self.names = {id: name for name, id in self.ids.items()}
        inventory = Inventory()
        for number, (name, router) in enumerate(self.world.routers.items()):
            router.address = f"10.255.0.{number + 1}"
            inventory.tables["device"][self.ids[name]] = Device(self.ids[name], name, router.address)
        self.state = State(inventory, VANTAGE)
        for name in self.world.routers:
            self.read(name)
        self.book = EvidenceBook(self.state)

    def read(self, name: str, at_us: int = AT_US) -> list[Fact]:
        """Read a router as the RouterOS driver does; return what is new."""
        router, driven = self.world.routers[name], Driven()
        if not {"snmp", "routeros"} & set(router.spec.probes):
            return []
        interfaces._take_interfaces(driven, menus_interface.interfaces(router, AT_S), 0, [])
        if router.board.make == "mikrotik":
            services._take_neighbours(driven, menus_services.neighbours(router, AT_S), 0, [])
            services._take_addresses(driven, menus_services.addresses(router, AT_S), 0, [])
        id = self.ids[name]
        told = dict(driven.take_reading(()).facts)
        if router.board.make != "mikrotik" and at_us == AT_US:
            if name not in _OVER_SNMP:
                _OVER_SNMP[name] = _told_over_snmp(router)
            told |= _OVER_SNMP[name]
        facts = self.state.facts.setdefault(id, {})
        new = [
            Fact(id, field, "routeros", VANTAGE, at_us, told.get(field))
            for field in {*told, *(field for field, _ in facts)}
        ]
        new = [
            fact
            for fact in new
            if (fact.field, "routeros") not in facts or facts[fact.field, "routeros"].value != fact.value
        ]
        facts.update({(fact.field, "routeros"): fact for fact in new})
        return new

    def settle(self, at_us: int = AT_US) -> None:
        """Have turns until nothing waits."""
        self.book.turn(at_us)
        while self.book.is_behind:
            self.book.turn(at_us)

    def ends(self, link: DerivedLink) -> Ends:
        return _sorted((self.names[link.a], link.a_interface, self.names[link.b], link.b_interface))

    def found(self) -> dict[Ends, DerivedLink]:
        return {self.ends(link): link for link in self.book.links.values()}

    def between(self, one: str, other: str) -> list[DerivedLink]:
        return [link for ends, link in self.found().items() if {one, other} == {ends[0], ends[2]}]


def _told_over_snmp(router: Router) -> dict[str, Any]:
    """What our SNMP driver reads of a simulated agent."""
    mib, objects = mib_of(router.board.make), dict[str, bytes]()
    found = mib.following(router, (1,), AT_S)
    while found is not None:
        objects[".".join(map(str, found.oid))] = found.value
        found = mib.following(router, found.oid, AT_S)
    (reading,) = read_objects(objects)
    return {field: value for field, value in reading.facts if field.startswith(("interface/", "neighbour/"))}


def _sorted(ends: Ends) -> Ends:
    return ends if ends[0] < ends[2] else (ends[2], ends[3], ends[0], ends[1])


@pytest.fixture
def watched() -> Iterator[Watched]:
    yield Watched()


def test_the_demo_network_gives_back_all_its_links(watched: Watched) -> None:
    watched.settle()
    drawn = {
        _sorted((link.a, link.a_interface, link.b, link.b_interface)) for link in watched.world.network.links
    }
    assert len(drawn) == 62
    assert watched.found().keys() == drawn
    assert all(link.score >= 0.8 for link in watched.book.links.values())
    assert not watched.book.contradictions


def test_a_link_by_hand_that_devices_tell_of_is_named_by_the_derived_one(watched: Watched) -> None:
    spec = watched.world.network.links[0]
    drawn = Link(
        UUID(int=7_000), watched.ids[spec.a], watched.ids[spec.b], spec.a_interface, spec.b_interface
    )
    watched.settle()
    watched.book.change_link(drawn)
    turn = watched.book.turn(AT_US)
    (link,) = turn.links
    assert link.link == drawn.id
    assert link.evidence[-1].source == "manual"
    assert link.evidence[-1].said_by == drawn.id
    watched.book.forget_link(drawn.id)
    (link,) = watched.book.turn(AT_US).links
    assert link.link is None


def test_a_device_that_dies_keeps_its_links_for_a_day_and_they_fade(watched: Watched) -> None:
    watched.settle()
    spec = watched.world.network.links[0]
    for name in watched.ids:
        watched.book.hear(watched.ids[name], "routeros", AT_US)
    watched.world.kill(watched.world.routers[spec.b], AT_S)
    for name in watched.ids:
        if name != spec.b:
            watched.book.learn(watched.ids[name], watched.read(name, AT_US))
    watched.settle(AT_US)
    (link,) = watched.between(spec.a, spec.b)
    fresh = link.score
    for minute in range(20):
        at_us = AT_US + minute * MINUTE_US
        for name in watched.ids:
            if name != spec.b:
                watched.book.hear(watched.ids[name], "routeros", at_us)
        watched.book.turn(at_us)
    (link,) = watched.between(spec.a, spec.b)
    assert 0.4 < link.score < fresh - 0.2
    others = [one for ends, one in watched.found().items() if spec.b not in ends]
    assert all(one.score >= 0.8 for one in others)
    watched.settle(AT_US + DAY_US + MINUTE_US)
    assert not watched.between(spec.a, spec.b)


def test_a_deleted_device_takes_its_links_with_it(watched: Watched) -> None:
    watched.settle()
    spec = watched.world.network.links[0]
    id = watched.ids[spec.b]
    of_it = {link.id for link in watched.book.links.values() if id in (link.a, link.b)}
    del watched.state.inventory.tables["device"][id]
    watched.state.facts.pop(id)
    watched.book.forget(id)
    assert set(watched.book.turn(AT_US).gone) == of_it
    assert not any(id in (link.a, link.b) for link in watched.book.links.values())


def test_of_sightings_only_those_of_known_devices_are_kept(watched: Watched) -> None:
    watched.settle()
    spec = watched.world.network.links[0]
    far = watched.world.routers[spec.b].interfaces[0].mac.hex(":").upper()
    strangers = [
        Sighting("fdb", "ether1", f"02:00:00:00:{n >> 8:02X}:{n & 255:02X}") for n in range(SIGHTINGS_CAP)
    ]
    lonely = next(name for name in watched.ids if not watched.between(name, spec.b) and name != spec.b)
    watched.book.sight(watched.ids[lonely], [*strangers, Sighting("fdb", "ether9", far)], AT_US)
    watched.settle()
    (link,) = watched.between(lonely, spec.b)
    assert [(one.source, one.interface) for one in link.evidence] == [("fdb", "ether9")]
    assert link.score == 0.5
    assert sum(map(len, watched.book._sightings.values())) == 1


def test_a_start_reads_so_many_devices_a_turn(watched: Watched) -> None:
    watched.book.turn(AT_US)
    assert watched.book.is_behind
    assert len(watched.book._waiting) == len(watched.ids) - MOST_PER_TURN


def test_facts_that_say_nothing_of_links_cost_no_turn(watched: Watched) -> None:
    watched.settle()
    id = next(iter(watched.state.facts))
    watched.book.learn(id, [Fact(id, "sensor/cpu", "routeros", VANTAGE, AT_US, {"name": "cpu"})])
    assert not watched.book.is_behind
    assert not watched.book.turn(AT_US)

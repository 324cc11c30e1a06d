"""What living neighbours complain of only because something broke: conversations in virtual time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.edit import change, deletion
from domain.evidence import DerivedLink, Evidence
from domain.inventory import Device, PortWatch
from domain.watching import AlertRule
from tests.unit.town import INTERVAL_S, Town, join, node

POP = node(1, "pop", "pop")
RELAY = node(2, "relay")
HILL = node(3, "hill")
FARM = node(4, "farm", "access")
MAST = node(5, "mast")
LINKS = (join(1, POP, RELAY), join(2, RELAY, HILL), join(3, HILL, FARM), join(4, POP, MAST))
SETTLE_S, LONG_S = 2 * INTERVAL_S, 5 * INTERVAL_S
COMES_BACK_S = 300
BFD = AlertRule(UUID(int=801), "BFD down", "change", "bfd_up", "lt")
CLIENTS = AlertRule(UUID(int=802), "Client gone", "change", "wireless_clients", "lt")
MAC = "6C:3B:6B:00:00:05"


class Valley(Town):
    """A town whose devices tell of sessions with others, of hosts they watch and of ports, when `tells` is due."""

    def __init__(self, *more: Any) -> None:
        self.peers: dict[tuple[UUID, str], list[Device]] = {}
        self.hosts: dict[UUID, list[Device]] = {}
        self.down: set[tuple[UUID, UUID]] = set()
        self.ports: dict[tuple[UUID, str], bool] = {}
        super().__init__(POP, POP, RELAY, HILL, FARM, MAST, *LINKS, *more)

    def runs(self, seconds: float) -> None:
        """Let the network be polled; living devices end a visit each ten seconds."""
        for _ in range(int(seconds)):
            super().runs(1)
            self.judge.turn_evidence(self.now_us)
            if int(self.now_s) % 10 == 0:
                self.all_tell()

    def all_tell(self) -> None:
        """Have everybody who is reached tell of sessions now."""
        reached = self.reached()
        for one in list(self.state.inventory.devices()):
            if one.id in reached:
                self.tells(one)

    def tells(self, one: Device) -> None:
        """Have a device tell of its sessions, hosts and ports, as they are."""
        values: list[tuple[str, str, float]] = []
        facts: dict[str, Any] = {}
        for (id, protocol), peers in self.peers.items():
            if id == one.id:
                there = [peer for peer in peers if self.hears(one, peer)]
                count = {"ospf": "ospf_full", "bgp": "bgp_established", "bfd": "bfd_up"}[protocol]
                values.append((count, "", float(len(there))))
                for peer in there if protocol == "ospf" else peers:
                    told = {"protocol": protocol, "peer": peer.address, "is_up": peer in there}
                    facts[f"routing/{protocol}/{peer.address}"] = told
        for host in self.hosts.get(one.id, []):
            values.append(("netwatch_up", host.address, float(self.hears(one, host))))
        values += [
            ("if_oper_up", name, float(runs)) for (id, name), runs in self.ports.items() if id == one.id
        ]
        values += self._ports(one)
        self.visits(one, *values, probe="icmp", facts=facts, whole=("routing/",))

    def hears(self, one: Device, other: Device) -> bool:
        """Whether a device gets to another: that one lives and is reached, and nothing between the two is cut."""
        cut = any({link.a, link.b} == {one.id, other.id} and link.id in self.cut for link in LINKS)
        return other.id in self.reached() and not cut and (one.id, other.id) not in self.down

    def named(self, subject: Device) -> list[str]:
        """What is listed with the fault of a device."""
        fault = self.state.faults.get(subject.id)
        return (
            sorted(f"{c.title} {self.name_of(c.subject)}: {c.reason}" for c in fault.consequences)
            if fault
            else []
        )


def valley(*more: Any, ospf: bool = True) -> Valley:
    """Return pop - relay - hill - farm and pop - mast, polled and well, with OSPF along the links."""
    town = Valley(*more)
    for one, peers in ((POP, [RELAY, MAST]), (RELAY, [POP, HILL]), (HILL, [RELAY, FARM]), (FARM, [HILL])):
        if ospf:
            town.peers[one.id, "ospf"] = peers
    town.runs(SETTLE_S)
    assert {town.status(one) for one in town.state.inventory.devices()} == {"up"}
    assert town.open_alerts == []
    return town


def test_a_neighbours_lost_session_is_a_consequence_of_the_death_and_no_alert() -> None:
    town = valley()
    town.dead = {HILL.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down hill"]
    assert town.opened("ospf_lost") == []
    assert town.named(HILL) == ["OSPF neighbour lost relay: OSPF full went from 2 to 1"]


def test_it_waits_from_the_moment_it_is_seen_until_the_neighbour_has_answered() -> None:
    town = valley()
    town.dead = {HILL.id}
    town.tells(RELAY)  # before anybody has missed
    town.runs(1)
    assert town.open_alerts == []
    town.runs(LONG_S)
    assert town.opened() == ["hill"]


def test_a_session_that_is_lost_between_two_that_live_is_an_alert_within_seconds() -> None:
    town = valley()
    town.down = {(RELAY.id, HILL.id)}
    town.tells(RELAY)
    town.runs(5)
    assert town.open_names() == ["ospf_lost relay"]


def test_an_alert_that_opened_seconds_before_the_device_is_believed_dead_is_absorbed() -> None:
    town = valley()
    town.down = {(RELAY.id, HILL.id)}  # it loses its sessions as it dies, and answers pings a while
    town.tells(RELAY)
    town.runs(15)
    assert town.open_names() == ["ospf_lost relay"]
    town.dead = {HILL.id}
    town.runs(LONG_S)
    alert = town.told("ospf_lost", RELAY.id)
    assert (alert.is_open, alert.cleared_why) == (False, "because of hill")
    assert town.open_names() == ["device_down hill"]
    assert town.named(HILL) == ["OSPF neighbour lost relay: OSPF full went from 2 to 1"]


def test_an_alert_that_is_older_than_the_fault_is_no_consequence_of_it() -> None:
    town = valley()
    town.down = {(RELAY.id, HILL.id)}
    town.runs(600)
    town.dead = {HILL.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down hill", "ospf_lost relay"]
    assert town.named(HILL) == []


def test_what_comes_back_with_the_device_never_alerted_and_what_outlasts_it_opens() -> None:
    town = valley()
    town.dead = {HILL.id}
    town.runs(LONG_S)
    town.dead = set()
    town.runs(COMES_BACK_S)
    assert town.open_alerts == []
    assert set(town.opened()) == {"hill"}
    town.dead = {HILL.id}
    town.runs(LONG_S)
    town.dead, town.down = set(), {(RELAY.id, HILL.id)}
    town.runs(60)
    assert town.open_alerts == [], "sessions take their time"
    town.runs(COMES_BACK_S)
    assert town.open_names() == ["ospf_lost relay"]


def test_a_loss_beyond_that_of_the_dead_is_an_alert_while_the_fault_is_open() -> None:
    town = valley()
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down relay"]
    town.down = {(POP.id, MAST.id)}
    town.runs(20)
    assert town.open_names() == ["device_down relay", "ospf_lost pop"]
    assert town.named(RELAY) == []


def test_sessions_of_bgp_and_bfd_with_a_device_that_is_only_affected_name_the_cause() -> None:
    town = Valley(BFD)
    town.peers = {(MAST.id, "bgp"): [FARM, POP], (MAST.id, "bfd"): [FARM]}
    town.runs(SETTLE_S)
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down relay"]
    assert town.named(RELAY) == [
        "BFD down mast: BFD up went from 1 to 0",
        "BGP session lost mast: BGP established went from 2 to 1",
    ]


def test_netwatch_of_a_dead_host_rests_with_its_timer_and_of_another_alerts() -> None:
    town = valley()
    town.hosts = {MAST.id: [FARM, HILL]}
    town.runs(SETTLE_S)
    town.dead = {HILL.id}
    town.runs(2 * LONG_S)
    assert town.open_names() == ["device_down hill"]
    assert len([words for words in town.named(HILL) if words.startswith("Netwatch")]) == 2
    town.dead, town.down = set(), {(MAST.id, FARM.id)}
    town.runs(100)
    assert town.open_alerts == []
    town.runs(COMES_BACK_S)
    assert town.open_names() == ["netwatch_down mast"]


def test_a_port_whose_far_end_died_is_a_consequence_and_one_whose_far_end_lives_an_alert() -> None:
    town = valley(ospf=False)
    town.edits(change("device", MAST, msgspec.structs.replace(MAST, ports=(PortWatch("ether5"),))))
    seen = (
        Evidence("lldp", MAST.id, "ether5", town.now_us),
        Evidence("lldp", FARM.id, "ether9", town.now_us),
    )
    link = DerivedLink(
        UUID(int=900), FARM.id, "ether9", MAST.id, "ether5", "ethernet", seen, 0.98, town.now_us
    )
    town.judge.faults.derive([link], [], more=False)
    town.runs(5)
    town.ports = {(MAST.id, "ether5"): False}
    town.runs(20)
    assert town.open_names() == ["port_down mast"], "the farm lives"
    town.ports = {(MAST.id, "ether5"): True}
    town.runs(200)
    assert town.open_alerts == []
    town.ports, town.dead = {(MAST.id, "ether5"): False}, {FARM.id}
    town.tells(MAST)
    town.runs(LONG_S)
    assert town.open_names() == ["device_down farm"]
    assert town.named(FARM) == ["Port down mast: ether5 does not run"]
    town.dead = set()
    town.runs(COMES_BACK_S)
    assert town.open_names() == ["port_down mast"], "the farm is back, and its port is still down"


def test_the_registration_of_a_dead_client_is_a_consequence() -> None:
    town = Valley(CLIENTS)
    other = "6C:3B:6B:00:00:09"
    town.visits(
        FARM, probe="icmp", facts={"interface/wlan1": {"mac": MAC, "kind": "wlan"}}, whole=("interface/",)
    )

    def tells(*macs: str) -> None:
        facts = {f"wireless_client/wlan1/{mac}": {"mac": mac, "interface": "wlan1"} for mac in macs}
        count = ("wireless_clients", "wlan1", float(len(macs)))
        town.visits(HILL, count, probe="icmp", facts=facts, whole=("wireless_client/",))

    town.runs(SETTLE_S)
    tells(MAC, other)
    town.runs(10)
    town.dead = {FARM.id}
    tells(other)
    town.runs(LONG_S)
    assert town.open_names() == ["device_down farm"]
    assert town.named(FARM) == ["Client gone hill: Wireless clients (wlan1) went from 2 to 1"]
    tells()
    town.runs(5)
    assert town.open_names() == [f"{CLIENTS.id} hill", "device_down farm"], "the other is nobody's fault"


def test_sessions_over_a_link_that_fell_alone_are_consequences_of_the_link() -> None:
    ring = join(5, FARM, MAST)
    town = valley(ring)
    town.cut = {LINKS[1].id}
    town.runs(LONG_S)
    assert town.open_names() == ["link_down relay-hill"]
    fault = town.state.faults[LINKS[1].id]
    assert sorted(town.name_of(one.subject) for one in fault.consequences) == ["hill", "relay"]
    town.cut = set()
    town.runs(COMES_BACK_S)
    assert town.open_alerts == []
    assert set(town.opened()) == {"relay-hill"}


def test_a_session_with_nobody_that_is_known_alerts_at_once() -> None:
    town = valley(ospf=False)
    for count in (2.0, 1.0):
        told = {"routing/ospf/192.0.2.9": {"protocol": "ospf", "peer": "192.0.2.9", "is_up": count == 2.0}}
        town.visits(RELAY, ("ospf_full", "", count), probe="icmp", facts=told)
    assert town.open_names() == ["ospf_lost relay"]


def test_when_the_cause_is_deleted_what_followed_from_it_is_an_alert() -> None:
    town = valley()
    town.dead = {MAST.id}
    town.runs(LONG_S)
    assert town.open_names() == ["device_down mast"]
    town.edits(deletion("link", LINKS[3]), deletion("device", MAST))
    town.runs(COMES_BACK_S)
    assert town.open_names() == ["ospf_lost pop"]


def test_nothing_is_left_of_conditions_that_are_over() -> None:
    town = valley()
    town.hosts = {MAST.id: [FARM]}
    for _ in range(3):
        town.dead = {HILL.id}
        town.runs(LONG_S)
        town.dead = set()
        town.runs(COMES_BACK_S)
    book = town.judge._consequences
    assert not (book._cases or book._at or book._due or book._unheard or town.judge.faults.blame.followed)

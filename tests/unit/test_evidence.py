"""Who says that a link exists, how sure that is, and what contradicts what people drew."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from domain.device_facts import Neighbour, OwnAddress, RoutingSession, WirelessClient
from domain.evidence import DAY_US, Evidence, link_id, score_of
from domain.evidence_claims import Directory
from domain.evidence_fusion import Fusion, Turn
from domain.evidence_said import Heard, Port, Said, match_port, physical_port, read_said, with_past
from domain.fact import Fact
from domain.inventory import Device
from tests.unit.evidences import (
    MINUTE_US,
    NOW_US,
    VANTAGE,
    A,
    B,
    C,
    D,
    ends,
    fuse,
    hears,
    mac,
    only,
    peers,
    said,
    sees,
)
from tests.unit.inventories import device

# ---- how sure


@pytest.mark.parametrize(
    ("witnesses", "score"),
    [
        ([("lldp", A)], 0.85),
        ([("lldp", A), ("lldp", B)], 0.978),
        ([("lldp", A), ("mndp", A), ("cdp", A)], 0.85),
        ([("mndp", A)], 0.8),
        ([("wireless", A)], 0.9),
        ([("fdb", A)], 0.5),
        ([("fdb", A), ("fdb", B)], 0.75),
        ([("ospf", A), ("ospf", B), ("arp", A), ("bgp", B)], 0.4),
        ([("lldp", A), ("ospf", A)], 0.91),
        ([("lldp", A), ("manual", C)], 0.85),
        ([("manual", C)], 0.0),
        ([], 0.0),
    ],
)
def test_witnesses_of_one_family_are_one_and_others_are_independent(
    witnesses: list[tuple[str, UUID]], score: float
) -> None:
    evidence = [Evidence(source, by, "e1", NOW_US) for source, by in witnesses]  # type: ignore[arg-type]
    assert score_of(evidence, NOW_US) == score


@pytest.mark.parametrize(
    ("age_us", "score"),
    [
        (0, 0.85),
        (7 * MINUTE_US, 0.85),
        (15 * MINUTE_US, 0.425),
        (30 * MINUTE_US, 0.213),
        (DAY_US - 1, 0.003),
        (DAY_US, 0.0),
        (-5 * MINUTE_US, 0.85),
    ],
)
def test_what_nobody_confirms_is_half_after_three_refreshes_and_gone_after_a_day(
    age_us: int, score: float
) -> None:
    assert score_of([Evidence("lldp", A, "e1", NOW_US - age_us)], NOW_US) == score


# ---- links


def test_both_ends_that_hear_each_other_are_one_link_with_both_ports() -> None:
    fusion = fuse(said(A, hears("lldp", "e1", B, "e2")), said(B, hears("lldp", "e2", A, "e1")))
    link = only(fusion)
    assert ends(fusion) == {(A, "e1", B, "e2"): 0.978}
    assert link.id == link_id(A, "e1", B, "e2")
    assert link.seen_us == NOW_US
    assert {(one.source, one.said_by, one.interface) for one in link.evidence} == {
        ("lldp", A, "e1"),
        ("lldp", B, "e2"),
    }


def test_two_halves_that_name_no_far_port_are_one_link() -> None:
    a, b = said(A, hears("lldp", "e1", B, port="")), said(B, hears("lldp", "e2", A, port=""))
    a.heard = tuple(one._replace(mac="") for one in a.heard)
    b.heard = tuple(one._replace(mac="") for one in b.heard)
    assert ends(fuse(a, b)) == {(A, "e1", B, "e2"): 0.978}


def test_parallel_links_stay_two() -> None:
    a = said(A, hears("lldp", "e1", B, "e1"), hears("lldp", "e2", B, "e2"))
    b = said(B, hears("lldp", "e1", A, "e1"), hears("lldp", "e2", A, "e2"))
    assert ends(fuse(a, b)).keys() == {(A, "e1", B, "e1"), (A, "e2", B, "e2")}


def test_a_station_that_is_registered_is_a_wireless_link() -> None:
    a = said(A, hears("wireless", "e1", B, "e1", port=""), kinds={"e1": "wlan"})
    link = only(fuse(a, said(B, kinds={"e1": "wlan"})))
    assert (link.kind, link.a_interface, link.b_interface, link.score) == ("wireless", "e1", "e1", 0.9)


def test_neighbours_on_a_subnet_are_a_weak_candidate_and_who_has_only_an_address_none() -> None:
    assert ends(fuse(said(A, peers("ospf", "e1", B)), said(B))) == {(A, "e1", B, ""): 0.4}
    assert not ends(fuse(said(A, peers("bgp", "", B)), said(B)))
    arp = Heard(("arp",), "", "e1", mac(B, "e1"), "10.0.0.2", "", "", NOW_US)
    assert not ends(fuse(said(A, fdb=(arp,)), said(B)))


def test_a_subnet_supports_the_link_that_is_there() -> None:
    a = said(A, hears("lldp", "e1", B), peers("ospf", "bridge", B))
    assert ends(fuse(a, said(B))) == {(A, "e1", B, "e1"): 0.91}


def test_of_broadcasts_through_a_switch_each_counts_less() -> None:
    crowd = said(A, *(hears("mndp", "e1", other) for other in (B, C, D)))
    scores = ends(fuse(crowd, said(B), said(C), said(D)))
    assert set(scores.values()) == {0.267}
    nearer = said(A, hears("lldp", "e1", B), hears("mndp", "e1", C), hears("mndp", "e2", D))
    assert ends(fuse(nearer, said(B), said(C), said(D))).keys() == {(A, "e1", B, "e1"), (A, "e2", D, "e1")}


def test_who_is_heard_is_known_by_mac_then_by_address_then_by_name_or_not_at_all() -> None:
    by_address = hears("lldp", "e1", B)._replace(mac="")
    by_name = by_address._replace(address="")
    stranger = hears("mndp", "e1", B)._replace(
        mac="48:8F:5A:FF:FF:FF", address="192.168.88.1", identity="MikroTik"
    )
    b = said(B)
    b.addresses = {**b.addresses, "192.168.88.1": "e2"}
    assert ends(fuse(said(A, by_address), b))
    assert ends(fuse(said(A, by_name), b))
    assert not ends(fuse(said(A, stranger), b))
    b.identity = b.name = "MikroTik"
    assert not ends(fuse(said(A, stranger), b))
    assert not ends(fuse(said(A, by_name._replace(identity="R3")), said(C), Said(D, "R3", "10.9.9.9")))


# ---- forwarding tables


def test_the_one_known_device_behind_a_port_is_at_its_other_end() -> None:
    assert ends(fuse(said(A, fdb=(sees("e1", B),)), said(B))) == {(A, "e1", B, "e1"): 0.5}


def test_of_several_behind_a_port_the_nearest_is_the_one_that_sees_the_others_elsewhere() -> None:
    a = said(A, fdb=(sees("e1", B), sees("e1", C)))
    assert not ends(fuse(a, said(B), said(C)))
    b = said(B, fdb=(sees("e1", A), sees("e2", C)))
    assert ends(fuse(a, b, said(C))) == {(A, "e1", B, "e1"): 0.75, (B, "e2", C, "e1"): 0.5}


def test_the_nearest_is_found_however_late_the_others_tell() -> None:
    fusion = fuse(said(A, fdb=(sees("e1", B), sees("e1", C))), said(B), said(C))
    fusion.put(said(B, fdb=(sees("e1", A), sees("e2", C))))
    fusion.turn(NOW_US)
    assert ends(fusion)[A, "e1", B, "e1"] == 0.75


def test_where_a_neighbour_is_heard_the_table_adds_only_its_word_for_the_same() -> None:
    a = said(A, fdb=(sees("e1", B), sees("e1", C)))
    fusion = fuse(a, said(B), said(C))
    fusion.put(said(C, hears("lldp", "e2", A, "e1")))
    fusion.turn(NOW_US)
    assert ends(fusion) == {(A, "e1", C, "e2"): 0.925}


# ---- ports


def test_ports_are_matched_by_name_alias_mac_and_in_short() -> None:
    told = said(B)
    told.ports = {
        "GigabitEthernet0/1": Port("48:8F:5A:00:00:11", "ether", "to the north"),
        "GigabitEthernet0/2": Port("48:8F:5A:00:00:12", "ether", ""),
        "bridge": Port("48:8F:5A:00:00:12", "bridge", ""),
    }
    for words in ("GigabitEthernet0/1", "Gi0/1", "gi0/1", "to the north", "48:8f:5a:00:00:11"):
        assert match_port(told, words) == "GigabitEthernet0/1"
    assert match_port(told, "48:8F:5A:00:00:12") == ""
    assert match_port(told, "port 7") == ""
    assert match_port(said(C), "bridge/e2") == "e2"
    assert match_port(Said(D, "icmp only", "10.0.0.9"), "eth7") == "eth7"


def test_what_is_heard_on_a_vlan_or_a_bridge_is_brought_to_its_port_where_that_is_told() -> None:
    told = said(A)
    told.ports |= {
        "vlan10": Port(told.ports["e2"].mac, "vlan", ""),
        "e3.20": Port("", "ether", ""),
        "bridge": Port(told.ports["e1"].mac, "bridge", ""),
    }
    spoken = {
        name: physical_port(told, name) for name in ("e1,bridge", "bridge", "vlan10", "e3.20", "vlan99", "x7")
    }
    assert spoken == {
        "e1,bridge": "e1",
        "bridge": "",
        "vlan10": "e2",
        "e3.20": "e3",
        "vlan99": "",
        "x7": "x7",
    }


def test_a_port_that_turns_into_a_bridge_is_a_links_end_no_more() -> None:
    fusion = fuse(said(A, hears("lldp", "e1", B, "e2")), said(B))
    fusion.put(said(B, kinds={"e2": "bridge"}))
    fusion.turn(NOW_US)
    assert ends(fusion) == {(A, "e1", B, ""): 0.85}


# ---- what was said before


def test_what_is_said_no_more_is_kept_from_when_it_was_last_so() -> None:
    old = said(A, hears("lldp", "e1", B))
    new = with_past(said(A), old, {"p": NOW_US + MINUTE_US}, NOW_US + 2 * MINUTE_US)
    (past,) = new.past
    assert (past.probe, past.at_us) == ("", NOW_US + MINUTE_US)
    again = with_past(said(A, hears("lldp", "e1", B)), new, {}, NOW_US + 3 * MINUTE_US)
    assert not again.past
    assert not with_past(said(A), new, {}, NOW_US + DAY_US + MINUTE_US).past


def test_a_port_that_hears_somebody_new_has_been_plugged_anew() -> None:
    old = said(A, hears("lldp", "e1", B), hears("lldp", "e2", C))
    new = with_past(said(A, hears("lldp", "e1", D)), old, {}, NOW_US)
    assert [(one.interface, one.mac) for one in new.past] == [("e2", mac(C, "e1"))]
    moved = with_past(said(A, hears("lldp", "e3", B)), old, {}, NOW_US)
    assert [one.interface for one in moved.past] == ["e2"]
    radio = with_past(said(A, hears("wireless", "e1", D)), said(A, hears("wireless", "e1", B)), {}, NOW_US)
    assert len(radio.past) == 1


def test_a_device_that_answers_keeps_its_links_fresh_and_is_not_told_of() -> None:
    fusion = fuse(said(A, hears("lldp", "e1", B)), said(B))
    turns: list[Turn] = []
    for minute in range(50):
        fusion.hear(A, "p", NOW_US + minute * MINUTE_US)
        turns.append(fusion.turn(NOW_US + minute * MINUTE_US))
    assert not any(turns)
    assert only(fusion).score == 0.85
    for minute in range(50, 80):
        turns.append(fusion.turn(NOW_US + minute * MINUTE_US))
    assert only(fusion).score < 0.5
    fusion.hear(A, "p", NOW_US + 80 * MINUTE_US)
    (link,) = fusion.turn(NOW_US + 80 * MINUTE_US).links
    assert (link.score, link.seen_us) == (0.85, NOW_US + 80 * MINUTE_US)


# ---- facts


def fact(field: str, value: object, source: str = "routeros") -> Fact:
    return Fact(A, field, source, VANTAGE, NOW_US, value)


def test_facts_of_all_kinds_are_read_and_those_of_no_use_left_out() -> None:
    plain = msgspec.to_builtins
    asked: Device = device(1)
    read = read_said(
        asked,
        [
            fact("identity", "Hilltop"),
            fact("interface/e1", {"name": "e1", "kind": "ether", "mac": mac(A, "e1")}),
            fact("interface/e1", {"name": "e1", "kind": "other", "mac": ""}, "snmp"),
            fact("interface/e2", None),
            fact("optic/e1", {"interface": "e1"}),
            fact("address/10.9.0.1", plain(OwnAddress("10.9.0.1", "e1"))),
            fact("neighbour/e1/x", plain(Neighbour("e1", "48:8F:5A:00:02:01", heard_by="cdp,lldp,mndp"))),
            fact(
                "neighbour/e1/x",
                plain(Neighbour("e1", "48:8F:5A:00:02:01", "10.0.0.2", "R2", "e7", heard_by="lldp")),
                "snmp",
            ),
            fact("routing/ospf/10.0.0.2", plain(RoutingSession("ospf", "10.0.0.2", "Full", True, "e1"))),
            fact("routing/ospf/10.0.0.3", plain(RoutingSession("ospf", "10.0.0.3", "Down", False, "e1"))),
            fact("routing/bfd/10.0.0.2", plain(RoutingSession("bfd", "10.0.0.2", "up", True, "e1"))),
            fact("wireless_client/e3/y", plain(WirelessClient("e3", "48:8F:5A:00:03:01", signal_dbm=-60.0))),
            fact("neighbour/odd", "no struct"),
            fact("sensor/cpu", {"name": "cpu"}),
        ],
    )
    assert read.identity == "Hilltop"
    assert read.ports == {"e1": Port(mac(A, "e1"), "ether", "")}
    assert read.addresses == {asked.address: None, "10.9.0.1": "e1"}
    assert read.optics == {"e1"}
    assert [(one.sources, one.interface, one.mac or one.address) for one in read.heard] == [
        (("cdp", "lldp", "mndp"), "e1", "48:8F:5A:00:02:01"),
        (("ospf",), "e1", "10.0.0.2"),
        (("wireless",), "e3", "48:8F:5A:00:03:01"),
    ]
    assert (read.heard[0].remote_interface, read.heard[0].address) == ("e7", "10.0.0.2")


def test_a_client_whose_signal_changes_is_nothing_new() -> None:
    old = said(A, hears("wireless", "e1", B))
    later = said(A, hears("wireless", "e1", B)._replace(at_us=NOW_US + MINUTE_US))
    assert with_past(later, old, {}, NOW_US + MINUTE_US) == old


# ---- hundreds that hear and own the same


EVERYBODYS = "192.168.88.1"


def _crowd(count: int, *heard: Heard) -> list[Said]:
    """Devices that all own one address, and hear somebody."""
    return [
        Said(
            UUID(int=n),
            f"R{n}",
            f"10.0.1.{n}",
            ports={"e1": Port(f"48:8F:5A:01:{n:02X}:01", "ether", "")},
            addresses={f"10.0.1.{n}": "e1", EVERYBODYS: "e1"},
            heard=heard,
        )
        for n in range(100, 100 + count)
    ]


def test_one_more_of_a_crowd_that_owns_an_address_is_nothing_to_those_who_speak_of_it() -> None:
    stranger = Heard(("mndp",), "p", "e1", "48:8F:5A:02:00:01", EVERYBODYS, "MikroTik", "", NOW_US)
    directory = Directory()
    concerned = [directory.change(one.id, one)[1] for one in _crowd(40, stranger)]
    assert sum(map(len, concerned)) < 10
    assert len(directory.owners(EVERYBODYS)) == 40
    assert directory.find(stranger, UUID(int=100)) is None


def test_one_more_of_a_crowd_counts_for_who_tells_a_shared_mac_and_the_address() -> None:
    twin = "48:8F:5A:02:00:01"
    directory = Directory()
    for one in _crowd(5):
        directory.change(one.id, one)
    by = said(A, Heard(("mndp",), "p", "e1", twin, EVERYBODYS, "", "", NOW_US))
    directory.change(A, by)
    for id in (B, C):
        clone = said(id)
        clone.ports["e9"] = Port(twin, "ether", "")
        directory.change(id, clone)
    assert directory.find(by.heard[0], A) is None
    clone = said(C)
    clone.ports["e9"] = Port(twin, "ether", "")
    clone.addresses[EVERYBODYS] = "e9"
    assert directory.change(C, clone)[1] == {A}
    assert directory.find(by.heard[0], A) == C


def test_a_bridge_where_everybody_hears_everybody_is_read_some_words_a_turn() -> None:
    ids = [UUID(int=n) for n in range(1, 21)]
    everybody = [
        said(
            id,
            *(hears("mndp", "e1", other) for other in ids if other != id),
            fdb=tuple(sees("e1", other) for other in ids if other != id),
        )
        for id in ids
    ]
    whole, fusion = fuse(*everybody), Fusion()
    for one in everybody:
        fusion.put(one)
    turns = 1
    while not fusion.turn(NOW_US, 1_000, 50) and fusion.is_behind:
        turns += 1
    while fusion.is_behind:
        fusion.turn(NOW_US, 1_000, 50)
    assert turns >= len(ids) * (len(ids) - 1) // 50
    assert ends(fusion) == ends(whole)

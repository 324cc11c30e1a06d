"""What devices say against what people drew, and against each other."""

from __future__ import annotations

from uuid import UUID

from domain.evidence_said import Port
from domain.inventory import Link
from tests.unit.evidences import MINUTE_US, NOW_US, A, B, C, D, doubts, fuse, hears, mac, said


def drawn(number: int, a: UUID, a_interface: str, b: UUID, b_interface: str) -> Link:
    return Link(UUID(int=1_000 + number), a, b, a_interface, b_interface)


def test_links_by_hand_are_matched_by_their_ports() -> None:
    a = said(A, hears("lldp", "e1", B, "e1"), hears("lldp", "e2", B, "e2"))
    links = (drawn(1, B, "e2", A, "e2"), drawn(2, A, "", B, ""), drawn(3, A, "e1", B, "e3"))
    found = {one.a_interface: one.link for one in fuse(a, said(B), links=links).links.values()}
    assert found == {"e1": links[1].id, "e2": links[0].id}


def test_a_link_by_hand_whose_port_hears_another_is_contradicted() -> None:
    link = drawn(1, A, "e1", B, "e1")
    fusion = fuse(said(A, hears("lldp", "e1", C)), said(B), said(C), links=(link,))
    (doubt,) = doubts(fusion)
    assert (doubt.kind, doubt.links, set(doubt.devices)) == ("other_neighbour", (link.id,), {A, B, C})
    assert doubt.words == "e1 of R1 hears R3, but the link says e1 of R1 - e1 of R2"
    assert [(one.source, one.said_by) for one in doubt.evidence] == [("lldp", A)]
    fusion.put(said(A, hears("lldp", "e1", B)))
    turn = fusion.turn(NOW_US)
    assert (turn.settled, doubts(fusion)) == ([doubt.id], [])


def test_a_link_by_hand_whose_both_ends_hear_others_is_said_to_be_elsewhere() -> None:
    link = drawn(1, A, "e1", B, "e1")
    saids = (said(A, hears("lldp", "e1", C)), said(B, hears("lldp", "e1", D)), said(C), said(D))
    (doubt,) = doubts(fuse(*saids, links=(link,)))
    assert doubt.kind == "elsewhere"


def test_an_access_point_that_misses_one_of_its_stations_contradicts_nothing() -> None:
    radio = {"e1": "wlan"}
    a = said(A, hears("wireless", "e1", C, port=""), kinds=radio)
    link = drawn(1, A, "e1", B, "e1")
    assert not doubts(fuse(a, said(B, kinds=radio), said(C, kinds=radio), links=(link,)))
    moved = said(B, hears("wireless", "e1", D, port=""), kinds=radio)
    (doubt,) = doubts(fuse(a, moved, said(C, kinds=radio), said(D, kinds=radio), links=(link,)))
    assert doubt.kind == "elsewhere"


def test_a_port_with_two_neighbours_by_lldp_is_told_and_by_broadcasts_not() -> None:
    a = said(A, hears("lldp", "e1", B), hears("lldp", "e1", C))
    (doubt,) = doubts(fuse(a, said(B), said(C)))
    assert (doubt.kind, doubt.devices) == ("two_neighbours", (A, B, C))
    assert "R2, R3" in doubt.words
    assert not doubts(fuse(said(A, hears("mndp", "e1", B), hears("mndp", "e1", C)), said(B), said(C)))


def test_what_was_heard_long_ago_contradicts_nothing() -> None:
    link = drawn(1, A, "e1", B, "e1")
    fusion = fuse(said(A, hears("lldp", "e1", C)), said(B), said(C), links=(link,))
    assert doubts(fusion)
    fusion.turn(NOW_US + 16 * MINUTE_US)
    assert not doubts(fusion)
    fusion.hear(A, "p", NOW_US + 20 * MINUTE_US)
    fusion.turn(NOW_US + 20 * MINUTE_US)
    assert doubts(fusion)


def test_a_mac_of_two_devices_is_told_unless_software_made_it_up() -> None:
    twin = said(B)
    twin.ports["e2"] = Port(mac(A, "e1"), "ether", "")
    (doubt,) = doubts(fuse(said(A), twin))
    assert (doubt.kind, doubt.devices) == ("mac_twice", (A, B))
    one, other = said(A), said(B)
    for both in (one, other):
        both.ports["e1"] = Port("02:00:00:00:00:01", "ether", "")
        both.ports["e2"] = Port("00:00:5E:00:01:05", "ether", "")
    assert not doubts(fuse(one, other))


def test_an_address_we_ask_at_that_another_has_is_told_and_one_that_many_have_is_not() -> None:
    other = said(B)
    other.addresses["10.0.0.1"] = "e2"
    (doubt,) = doubts(fuse(said(A), other))
    assert (doubt.kind, doubt.devices) == ("address_twice", (A, B))
    one, two = said(A), said(B)
    for both in (one, two):
        both.addresses |= {"192.168.88.1": "e3"}
    assert not doubts(fuse(one, two))
    for both in (one, two):
        both.addresses |= {"9.9.9.9": "vrrp1", "8.8.8.8": "e3"}
    (doubt,) = doubts(fuse(one, two))
    assert "8.8.8.8" in doubt.words

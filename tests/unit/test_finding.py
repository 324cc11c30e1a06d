"""Finds: by what two are one, what merges, and what a find is to the inventory."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fact import Fact
from domain.finding import (
    Find,
    KnownDevice,
    KnownDevices,
    Seen,
    device_from,
    ignore_key,
    known_device,
    match,
    merge,
    settled,
)
from domain.identity import (
    are_apart,
    make_keys,
    own_address,
    own_engine_id,
    own_mac,
    plain_serial,
    shared_key,
)
from domain.inventory import Device, Probe

A, B = UUID(int=1), UUID(int=2)
MAC, OTHER_MAC, THIRD_MAC = "48:8F:5A:00:00:01", "48:8F:5A:00:00:02", "DC:2C:6E:00:00:03"
ENGINE = "80001f8880abcdef0123456789"


def find(*addresses: str, at_us: int = 1, **said: object) -> Find:
    made = settled(Find(UUID(int=0), addresses, first_us=at_us, last_us=at_us, **said))  # type: ignore[arg-type]
    assert made is not None
    return made


def known(
    id: UUID,
    name: str,
    address: str,
    *,
    serial: str = "",
    macs: tuple[str, ...] = (),
    engine_id: str = "",
    identity: str = "",
    also: tuple[str, ...] = (),
    is_answering: bool = False,
) -> KnownDevice:
    keys = make_keys(serial, macs, engine_id, (address, *also), identity or name)
    return KnownDevice(id, name, address, keys, identity, is_answering)


@pytest.mark.parametrize(
    "serial",
    [
        "",
        "0",
        "000000",
        "None",
        "N/A",
        "Not Specified",
        "To Be Filled By O.E.M.",
        "123456789",
        "XXXXXXXX",
        "A1",
    ],
)
def test_what_vendors_print_before_they_know_better_is_no_serial(serial: str) -> None:
    assert plain_serial(serial) == ""


def test_a_serial_has_one_spelling() -> None:
    assert plain_serial(" he7a 0b1c2d3 ") == "HE7A0B1C2D3"


@pytest.mark.parametrize(
    "mac",
    [
        "00:00:5E:00:01:0A",  # VRRP
        "00:00:5e:00:02:0a",
        "00-00-0C-07-AC-01",  # HSRP
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "01:00:5e:00:00:fb",
        "02:42:ac:11:00:02",  # a container's
        "DA:A1:19:00:00:01",
        "no mac",
        "",
        "48:8f:5a:00:00",
    ],
)
def test_a_mac_that_several_may_have_is_no_key(mac: str) -> None:
    assert own_mac(mac) == ""


def test_a_mac_has_one_spelling() -> None:
    assert own_mac("488f.5a00.0001") == own_mac("48-8f-5a-00-00-01") == MAC


@pytest.mark.parametrize(
    "engine_id",
    [
        "80003a8c04",  # RouterOS without a suffix
        "80003a8c0400000000",
        "8000000901c0a85801",  # made of 192.168.88.1
        "800000090300005e000101",  # made of VRRP's MAC
        "800000090302424200ff01",
        "80",
        "no hex",
        "",
    ],
)
def test_an_engine_id_without_a_part_of_its_own_is_no_key(engine_id: str) -> None:
    assert own_engine_id(engine_id) == ""


def test_an_engine_id_that_is_its_own_is_a_key() -> None:
    assert own_engine_id(ENGINE.upper()) == ENGINE
    assert own_engine_id("8000000903488f5a000001") == "8000000903488f5a000001"


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "fe80::1", "fe80::1%eth0", "224.0.0.1", "255.255.255.255", "x"]
)
def test_an_address_that_is_another_behind_each_port_is_no_key(address: str) -> None:
    assert own_address(address) == ""


def test_the_same_serial_is_one_whatever_else_differs() -> None:
    a, b = find("10.0.0.1", serial="S-100", macs=(MAC,)), find("10.0.0.2", serial="S-100", macs=(OTHER_MAC,))
    assert shared_key(a.keys, b.keys) == "serial:S-100"


def test_different_serials_are_two_whatever_else_is_the_same() -> None:
    a = find("10.0.0.1", serial="S-100", macs=(MAC,), engine_id=ENGINE)
    b = find("10.0.0.1", serial="S-200", macs=(MAC,), engine_id=ENGINE)
    assert shared_key(a.keys, b.keys) == ""
    assert are_apart(a.keys, b.keys)


def test_a_copied_engine_id_makes_no_one_of_two_with_different_macs() -> None:
    a, b = (
        find("10.0.0.1", macs=(MAC,), engine_id=ENGINE),
        find("10.0.0.2", macs=(OTHER_MAC,), engine_id=ENGINE),
    )
    assert shared_key(a.keys, b.keys) == ""


def test_two_new_routers_at_the_factory_address_are_two() -> None:
    a = find("192.168.88.1", macs=(MAC,), identity="MikroTik")
    b = find("192.168.88.1", macs=(OTHER_MAC,), identity="MikroTik")
    assert shared_key(a.keys, b.keys) == ""


def test_a_chassis_mac_that_is_no_ports_is_still_the_switch_of_that_name_at_that_address() -> None:
    heard = find("10.0.0.1", macs=(MAC,), identity="sw1")
    swept = find("10.0.0.1", macs=(OTHER_MAC, THIRD_MAC), identity="SW1")
    assert shared_key(heard.keys, swept.keys) == "address:10.0.0.1"


def test_what_has_no_key_is_no_find() -> None:
    assert settled(Find(UUID(int=0), ("fe80::1",), macs=("02:00:00:00:00:01",), identity="ghost")) is None


def test_the_id_follows_from_the_strongest_key_alone() -> None:
    assert find("10.0.0.1", serial="S-100").id == find("10.9.9.9", serial="s-100", macs=(MAC,)).id
    assert find("10.0.0.1", macs=(OTHER_MAC, MAC)).id == find("10.0.0.7", macs=(MAC, OTHER_MAC)).id
    assert find("10.0.0.1").id != find("10.0.0.2").id


def test_a_merged_find_has_the_latest_words_and_all_addresses_and_ways_to_ask() -> None:
    snmp, api = Probe("snmp", 161, A), Probe("routeros", 8728, B)
    old = find(
        "10.0.0.1", at_us=5, serial="S-100", identity="old", board="RB5009", probes=(snmp,), ports=(22,),
        sources=(Seen("sweep", 5),),
    )  # fmt: skip
    new = find(
        "10.0.0.2", at_us=9, macs=(MAC,), identity="new", probes=(api,), ports=(8291,),
        sources=(Seen("mndp", 9), Seen("sweep", 9)),
    )  # fmt: skip
    got = merge(old, new)
    assert got == merge(new, old)
    assert got.addresses == ("10.0.0.2", "10.0.0.1")
    assert (got.identity, got.board, got.serial) == ("new", "RB5009", "S-100")
    assert set(got.probes) == {snmp, api}
    assert got.ports == (22, 8291)
    assert (got.first_us, got.last_us) == (5, 9)
    assert set(got.sources) == {Seen("mndp", 9), Seen("sweep", 9)}
    assert got.id == old.id


_finds = st.builds(
    find,
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    at_us=st.integers(1, 5),
    serial=st.sampled_from(["", "S-100", "S-200"]),
    macs=st.lists(st.sampled_from([MAC, OTHER_MAC, THIRD_MAC]), max_size=2).map(tuple),
    identity=st.sampled_from(["", "r1", "r2"]),
)


@given(_finds, _finds)
def test_merging_does_not_ask_who_came_first_and_loses_no_key(a: Find, b: Find) -> None:
    got = merge(a, b)
    again = merge(b, a)
    assert (set(got.addresses), got.macs, got.id) == (set(again.addresses), again.macs, again.id)
    assert set(a.macs) | set(b.macs) == set(got.macs)
    assert set(a.addresses) | set(b.addresses) == set(got.addresses)
    assert merge(got, got) == got


@given(_finds, _finds)
def test_sharing_a_key_is_mutual_and_never_apart(a: Find, b: Find) -> None:
    assert shared_key(a.keys, b.keys) == shared_key(b.keys, a.keys)
    assert not (shared_key(a.keys, b.keys) and are_apart(a.keys, b.keys))


def test_a_stranger_is_new() -> None:
    got = match(find("10.0.0.9", serial="S-900"), KnownDevices([known(A, "r1", "10.0.0.1", serial="S-100")]))
    assert (got.kind, got.devices) == ("new", ())


def test_a_device_at_its_address_is_known() -> None:
    devices = KnownDevices([known(A, "r1", "10.0.0.1")])
    assert match(find("10.0.0.1", serial="S-100"), devices).kind == "known"
    assert match(find("10.0.0.1"), devices).devices == (A,)


def test_a_device_that_is_at_another_address_has_moved() -> None:
    devices = KnownDevices([known(A, "Hilltop", "10.0.0.1", serial="S-100")])
    got = match(find("10.0.9.1", serial="S-100"), devices)
    assert (got.kind, got.devices) == ("moved", (A,))
    assert got.words == "Hilltop was at 10.0.0.1 and is now at 10.0.9.1: serial number S-100"


@pytest.mark.parametrize("said", [{"macs": (MAC,)}, {"engine_id": ENGINE}])
def test_a_device_has_moved_by_its_mac_or_engine_id_as_well(said: dict[str, object]) -> None:
    devices = KnownDevices([known(A, "r1", "10.0.0.1", **said)])  # type: ignore[arg-type]
    assert match(find("10.0.9.1", **said), devices).kind == "moved"


def test_a_second_address_of_a_device_that_answers_at_its_first_is_no_move() -> None:
    answering = KnownDevices([known(A, "r1", "10.0.0.1", serial="S-100", is_answering=True)])
    assert match(find("10.0.9.1", serial="S-100"), answering).kind == "known"
    told = KnownDevices([known(A, "r1", "10.0.0.1", serial="S-100", also=("10.0.9.1",))])
    assert match(find("10.0.9.1", serial="S-100"), told).kind == "known"
    both = find("10.0.9.1", "10.0.0.1", serial="S-100")
    assert match(both, KnownDevices([known(A, "r1", "10.0.0.1", serial="S-100")])).kind == "known"


def test_a_device_that_calls_itself_otherwise_is_renamed() -> None:
    devices = KnownDevices([known(A, "Hilltop", "10.0.0.1", serial="S-100", identity="hill-4")])
    got = match(find("10.0.0.1", serial="S-100", identity="hill-5"), devices)
    assert (got.kind, got.words) == (
        "renamed",
        "Hilltop called itself 'hill-4' and now calls itself 'hill-5'",
    )
    assert match(find("10.0.0.1", serial="S-100", identity="HILLTOP"), devices).kind == "known"


def test_two_devices_of_the_inventory_that_are_one_are_a_duplicate() -> None:
    devices = KnownDevices([known(A, "r1", "10.0.0.1", serial="S-100"), known(B, "r2", "10.0.9.1")])
    got = match(find("10.0.0.1", "10.0.9.1", serial="S-100"), devices)
    assert (got.kind, set(got.devices)) == ("duplicate", {A, B})
    assert got.words == "r1 and r2 are one device: serial number S-100"


def test_a_device_that_took_anothers_address_has_moved_and_is_no_duplicate() -> None:
    devices = KnownDevices(
        [known(A, "r1", "10.0.0.1", serial="S-100"), known(B, "r2", "10.0.9.1", serial="S-200")]
    )
    assert match(find("10.0.9.1", serial="S-100"), devices).kind == "moved"


def test_a_device_that_was_replaced_is_new_and_says_whose_address_it_has() -> None:
    devices = KnownDevices([known(A, "Hilltop", "10.0.0.1", serial="S-100")])
    got = match(find("10.0.0.1", serial="S-200"), devices)
    assert (got.kind, got.devices) == ("new", (A,))
    assert got.words == "another device answers at the address of Hilltop: it has serial number S-200"


def test_a_virtual_routers_mac_matches_nobody() -> None:
    devices = KnownDevices([known(A, "r1", "10.0.0.1", macs=("00:00:5E:00:01:01",))])
    assert match(find("10.0.0.2", macs=("00:00:5E:00:01:01",)), devices).kind == "new"


def test_a_device_that_was_dropped_is_known_no_more() -> None:
    devices = KnownDevices([known(A, "r1", "10.0.0.1", serial="S-100")])
    devices.put(known(A, "r1", "10.0.0.2", serial="S-200"))
    assert match(find("10.0.0.1", serial="S-100"), devices).kind == "new"
    devices.drop(A)
    assert match(find("10.0.0.2"), devices).kind == "new"


def test_what_is_known_of_a_device_comes_from_its_facts() -> None:
    told = {
        "serial": "S-100", "identity": "hill-4", "interface/ether1": {"name": "ether1", "mac": MAC},
        "address/10.0.9.1": {"address": "10.0.9.1"}, "cpu": "x",
    }  # fmt: skip
    facts = {(field, "snmp"): Fact(A, field, "snmp", B, 1, value) for field, value in told.items()}
    got = known_device(Device(A, "Hilltop", "10.0.0.1"), facts, True)
    assert got == known(
        A, "Hilltop", "10.0.0.1", serial="S-100", macs=(MAC,), identity="hill-4", also=("10.0.9.1",), is_answering=True
    )  # fmt: skip


def test_a_find_becomes_a_device_that_is_pinged_and_asked_as_it_answered() -> None:
    snmp = Probe("snmp", 161, A)
    made = device_from(find("10.0.0.1", identity="hill-4", probes=(snmp, Probe("snmp", 1161, B))), B)
    assert made == Device(B, "hill-4", "10.0.0.1", (Probe("icmp"), snmp))
    assert device_from(find(macs=(MAC,)), B) is None


def test_what_is_ignored_is_ignored_by_the_strongest_key() -> None:
    assert ignore_key(find("10.0.0.1", serial="S-100", macs=(MAC,))) == "serial:S-100"
    assert ignore_key(find("10.0.0.1", macs=(MAC,))) == f"mac:{MAC}"
    assert ignore_key(find("10.0.0.1")) == "address:10.0.0.1"


def test_a_find_goes_over_the_wire_as_it_is() -> None:
    made = find(
        "10.0.0.1", serial="S-100", probes=(Probe("snmp", 161, A),), sources=(Seen("sweep", 1, A, "ether1"),)
    )
    made = msgspec.structs.replace(made, match=match(made, KnownDevices([known(A, "r1", "10.0.0.1")])))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Find) == made


def test_an_address_that_a_device_only_says_it_has_is_no_key_but_tells_that_it_has_not_moved() -> None:
    a = find("10.0.0.1", own_addresses=("192.168.88.1", "10.0.0.1", "fe80::1"))
    assert a.own_addresses == ("192.168.88.1",)
    assert shared_key(a.keys, find("192.168.88.1").keys) == ""
    devices = KnownDevices([known(A, "r1", "10.0.0.1", serial="S-100")])
    assert match(find("10.0.9.1", serial="S-100", own_addresses=("10.0.0.1",)), devices).kind == "known"
    elsewhere = KnownDevices([known(A, "r1", "10.0.0.1", serial="S-100", also=("192.168.88.1",))])
    moved = find("10.0.9.1", serial="S-100", own_addresses=("192.168.88.1",))
    assert match(moved, elsewhere).kind == "moved"


def test_an_address_that_several_devices_say_they_have_tells_none_of_them() -> None:
    one = known(A, "r1", "10.0.0.1", also=("192.168.88.1",))
    assert match(find("192.168.88.1"), KnownDevices([one])).devices == (A,)
    both = KnownDevices([one, known(B, "r2", "10.0.0.2", also=("192.168.88.1",))])
    assert match(find("192.168.88.1"), both).kind == "new"

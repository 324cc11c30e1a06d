"""What may pass, whose it is, who is held apart, which settings make sense, what a trap is called: no sockets."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.device_facts import FACT_TYPES, OwnAddress
from domain.fact import Fact
from domain.inventory import Device
from domain.receiving import (
    IGNORED_CAP,
    QUARANTINE_MESSAGES_CAP,
    QUARANTINE_SENDERS_CAP,
    QuarantinedMessage,
    ReceiverSettings,
    plain_address,
    receiver_refusals,
)
from engine.protocols.ber import Absent, Value
from engine.protocols.notifications import Notification
from engine.receivers import flood
from engine.receivers.flood import SENDERS_CAP, Flood
from engine.receivers.quarantine import Quarantine
from engine.receivers.senders import Senders
from engine.receivers.traps import LINK_DOWN, VALUE_CAP, tell, text_of
from tests.engine.reception import VANTAGE, state_of

ONE, TWO, THREE = (UUID(int=n) for n in (1, 2, 3))


# ---- floods


def test_a_sender_may_send_its_burst_at_once_and_its_rate_for_ever() -> None:
    gate = Flood(20.0, 100, 0.0)
    assert sum(gate.admit("10.0.0.1", True, 0.0) for _ in range(1_000)) == 100
    passed = sum(gate.admit("10.0.0.1", True, 5 + n / 100) for n in range(1_000))
    assert passed in range(298, 302)  # 100 by then, and 20 in each of ten seconds
    assert gate.dropped == 900 + 1_000 - passed


def test_one_sender_costs_another_nothing() -> None:
    gate = Flood(20.0, 100, 0.0)
    for _ in range(10_000):
        gate.admit("10.0.0.1", True, 0.0)
    assert all(gate.admit("10.0.0.2", True, 0.0) for _ in range(100))


def test_forged_strangers_without_number_leave_the_devices_their_share() -> None:
    gate = Flood(20.0, 100, 0.0)
    passed = sum(gate.admit(f"198.51.{n // 250}.{n % 250}", False, 1.0) for n in range(20_000))
    assert passed == flood.STRANGERS_BURST
    assert all(gate.admit(f"10.0.0.{n}", True, 1.0) for n in range(200))
    assert len(gate._senders) <= SENDERS_CAP and len(gate._dropped_of) <= SENDERS_CAP


def test_all_devices_together_have_a_cap_too() -> None:
    gate = Flood(1_000.0, 10_000, 0.0)
    assert (
        sum(gate.admit(f"10.0.{n % 250}.{n % 249}", True, 0.0) for n in range(25_000)) == flood.DEVICES_BURST
    )


def test_what_was_dropped_is_told_once_with_the_worst_by_name() -> None:
    gate = Flood(1.0, 1, 0.0)
    for number in range(15):
        for _ in range(2 + number):
            gate.admit(f"10.0.0.{number}", True, 0.0)
    dropped = gate.take_dropped()
    assert dropped is not None
    assert dropped.messages == gate.dropped == sum(range(1, 16))
    assert dropped.senders[:2] == [("10.0.0.14", 15), ("10.0.0.13", 14)]
    assert dropped.more == sum(range(1, 6))
    assert gate.take_dropped() is None


# ---- whose it is


def fact(device: UUID, field: str, value: object = True, source: str = "snmp") -> Fact:
    return Fact(device, field, source, VANTAGE, 1, value)


def test_a_device_is_found_by_its_address_then_by_one_it_tells_then_by_its_name() -> None:
    state = state_of(Device(ONE, "Gate", "10.0.0.1"), Device(TWO, "Hill", "10.0.0.2"))
    senders = Senders(state)
    assert senders.find("10.0.0.1") == (ONE, "")
    assert senders.find("10.0.0.1", "hill") == (ONE, "")  # the address goes before the name
    assert senders.find("192.0.2.7").device is None
    senders.learn([fact(TWO, "address/192.0.2.7"), fact(TWO, "address/10.0.0.1")])
    assert senders.find("192.0.2.7").device == TWO
    assert senders.find("10.0.0.1").device == ONE  # the inventory goes before what is told
    assert senders.find("203.0.113.9", "HILL.example.net").device == TWO
    senders.learn([fact(ONE, "identity", "gw-7.example.net")])
    assert senders.find("203.0.113.9", "gw-7.example.net").device == ONE
    assert senders.find("203.0.113.9", "gw-7").device is None
    assert senders.find("203.0.113.9", "").why == "no device has the address 203.0.113.9"


def test_what_several_devices_share_names_none_unless_the_name_picks_one() -> None:
    devices = [
        Device(ONE, "Gate", "127.0.0.1"),
        Device(TWO, "Hill", "127.0.0.1"),
        Device(THREE, "Mast", "10.0.0.3"),
    ]
    senders = Senders(state_of(*devices))
    assert senders.find("127.0.0.1") == (None, "2 devices have the address 127.0.0.1")
    assert senders.find("127.0.0.1", "hill").device == TWO
    assert senders.find("127.0.0.1", "mast").device is None  # it is not one of the two
    senders.learn(fact(id, "address/192.168.88.1") for id in (ONE, TWO, THREE))
    assert senders.find("192.168.88.1").device is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0", "fe80::1", "224.0.0.5", "nonsense"])
def test_an_address_that_everybody_has_is_nobodys(address: str) -> None:
    senders = Senders(state_of(Device(ONE, "Gate", "10.0.0.1")))
    senders.learn([fact(ONE, f"address/{address}")])
    assert not senders.has(plain_address(address))


def test_devices_come_change_and_go() -> None:
    state = state_of(Device(ONE, "Gate", "10.0.0.1"))
    senders = Senders(state)
    state.inventory.tables["device"][ONE] = Device(ONE, "Door", "10.0.0.9")
    state.inventory.tables["device"][TWO] = Device(TWO, "Hill", "fe80::2%eth0")
    senders.change([ONE, TWO])
    assert not senders.has("10.0.0.1") and senders.find("10.0.0.9").device == ONE
    assert senders.find("", "gate").device is None and senders.find("", "door").device == ONE
    assert senders.find(plain_address("fe80::2%eth3")).device == TWO
    senders.learn([fact(TWO, "address/192.0.2.7")])
    del state.inventory.tables["device"][TWO]
    senders.change([TWO])
    assert senders.find("192.0.2.7").device is None


def test_a_told_address_goes_when_the_last_that_told_it_takes_it_back() -> None:
    senders = Senders(state_of(Device(ONE, "Gate", "10.0.0.1")))
    senders.learn(fact(ONE, "address/192.0.2.7", source=source) for source in ("snmp", "routeros"))
    senders.learn([fact(ONE, "address/192.0.2.7", None, "snmp")])
    assert senders.has("192.0.2.7")
    senders.learn([fact(ONE, "address/192.0.2.7", None, "routeros")])
    assert not senders.has("192.0.2.7")
    assert (senders._told._owners, senders._told._names) == ({}, {})


def test_what_was_told_before_they_were_switched_on_counts() -> None:
    state = state_of(Device(ONE, "Gate", "10.0.0.1"))
    state.facts[ONE] = {("address/192.0.2.7", "snmp"): fact(ONE, "address/192.0.2.7")}
    assert Senders(state).find("192.0.2.7").device == ONE
    assert FACT_TYPES["address"] is OwnAddress


# ---- strangers


def message(at_us: int, text: str = "x") -> QuarantinedMessage:
    return QuarantinedMessage(at_us, "syslog", "info", text)


def test_of_strangers_and_their_messages_the_newest_are_kept() -> None:
    held = Quarantine()
    for number in range(QUARANTINE_SENDERS_CAP + 3):
        held.hold(f"sender {number}", message(number), "no device")
    for number in range(1_000, 1_025):
        held.hold("sender 3", message(number), "no device")
    assert len(held) == QUARANTINE_SENDERS_CAP
    senders = held.senders(2)
    assert [s.address for s in senders] == ["sender 3", f"sender {QUARANTINE_SENDERS_CAP + 2}"]
    assert (senders[0].count, senders[0].first_us, senders[0].last_us) == (26, 3, 1_024)
    assert [m.at_us for m in senders[0].messages] == list(range(1_024, 1_024 - QUARANTINE_MESSAGES_CAP, -1))
    assert not held.forget("sender 0") and held.forget("sender 3")
    assert "sender 3" not in [s.address for s in held.senders(1_000)]


def test_a_stranger_that_became_a_device_is_released_and_a_device_that_cannot_be_opened_is_not() -> None:
    held = Quarantine()
    held.hold("10.0.0.1", message(1), "no device")
    held.hold("10.0.0.2", message(2), "not opened", ONE)
    held.release(lambda address: True)
    assert [s.address for s in held.senders(9)] == ["10.0.0.2"]


# ---- settings


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        (ReceiverSettings(), []),
        (ReceiverSettings(162, 514, 514, "10.0.0.1", 5.0, 10, ("192.0.2.1", "2001:db8::1")), []),
        (ReceiverSettings(0, 65_536, -1), ["traps_port", "syslog_udp_port", "syslog_tcp_port"]),
        (ReceiverSettings(5_000, 5_000), ["syslog_udp_port"]),
        (ReceiverSettings(address="gate.example.net"), ["address"]),
        (ReceiverSettings(sender_per_s=float("nan"), sender_burst=0), ["sender_per_s", "sender_burst"]),
        (ReceiverSettings(ignored=("", "010.0.0.1", "2001:DB8::1")), ["ignored"] * 3),
        (ReceiverSettings(ignored=("10.0.0.1",) * (IGNORED_CAP + 1)), ["ignored"]),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_field(
    settings: ReceiverSettings, fields: list[str]
) -> None:
    assert [refusal.field for refusal in receiver_refusals(settings)] == fields


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%en0", "fe80::1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("gate", ""),
        ("", ""),
    ],
)
def test_an_address_is_compared_in_one_spelling(address: str, plain: str) -> None:
    assert plain_address(address) == plain


# ---- words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        ("1.3.6.1", "1.3.6.1"),
        (None, ""),
        (Absent.NO_SUCH_OBJECT, ""),
        (b"ether3", "ether3"),
        ("Föhn".encode(), "Föhn"),
        (b"ether3\x00", "ether3"),
        (b"\x4c\x5e\x0c\x01\x02\xff", "4c:5e:0c:01:02:ff"),
        (b"\x1b[31mred", "1b:5b:33:31:6d:72:65:64"),
        (b"", ""),
    ],
)
def test_a_value_becomes_text(value: Value, text: str) -> None:
    assert text_of(value) == text


@given(st.binary(max_size=2_000))
def test_no_octets_become_more_text_than_the_cap_or_anything_unprintable(octets: bytes) -> None:
    assert len(text_of(octets)) <= VALUE_CAP and text_of(octets).isprintable()


def test_a_link_trap_names_its_port_as_it_says_or_as_is_known() -> None:
    index = ("1.3.6.1.2.1.2.2.1.1.3", 3)
    named = Notification("v2c", LINK_DOWN, 1, [index, ("1.3.6.1.2.1.2.2.1.2.3", b"sfp1")])
    assert tell(named).text == "linkDown: sfp1"
    bare = Notification("v2c", LINK_DOWN, 1, [index])
    assert tell(bare, lambda index: {3: "ether3"}.get(index, "")).text == "linkDown: ether3"
    assert tell(bare).text == "linkDown: port 3"
    assert tell(Notification("v2c", LINK_DOWN, 1, [])).text == "linkDown"


def test_a_trap_without_a_name_here_goes_by_its_number_and_values() -> None:
    told = tell(
        Notification("v1", "1.3.6.1.4.1.9.1", 1, [("1.3.1", b"hot"), ("1.3.2", 77)], agent="10.0.0.9")
    )
    assert (told.severity, told.text) == ("notice", "1.3.6.1.4.1.9.1: hot; 77")
    assert (told.body["name"], told.body["agent"]) == ("", "10.0.0.9")

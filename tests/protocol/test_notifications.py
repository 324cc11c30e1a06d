"""Traps and informs: v1 in the form of v2, what is refused, what a large one costs, pysnmp as oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import encoder
from pysnmp.proto import rfc1155
from pysnmp.proto.api import v1, v2c

from domain.errors import BadReply
from engine.protocols import ber, notifications, snmp
from engine.protocols.notifications import (
    SYS_UPTIME,
    TRAP_OID,
    VARBINDS_CAP,
    Notification,
    decode_notification,
)
from engine.protocols.sealed import Sealed
from engine.protocols.snmp import Pdu
from tests.protocol.values import Bound, bound_lists

LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
ENTERPRISE = "1.3.6.1.4.1.14988"
UPTIME = (SYS_UPTIME, ber.encode_integer(4242, ber.TIME_TICKS))


def oid(text: str) -> bytes:
    return ber.encode_oid(text)


def v2(pdu: int = Pdu.TRAP, name: str = LINK_DOWN, bound: list[tuple[str, bytes]] | None = None) -> bytes:
    """A notification of v2c."""
    return snmp.encode_message(1, b"geheim", pdu, 77, [UPTIME, (TRAP_OID, oid(name)), *(bound or [])])


def v1_by_pysnmp(generic: int, specific: int, agent: str = "10.9.8.7", **varbinds: Any) -> bytes:
    """A v1 trap as pysnmp writes it."""
    pdu = v1.TrapPDU()
    v1.apiTrapPDU.set_defaults(pdu)
    v1.apiTrapPDU.set_enterprise(pdu, tuple(map(int, ENTERPRISE.split("."))))
    v1.apiTrapPDU.set_generic_trap(pdu, generic)
    v1.apiTrapPDU.set_specific_trap(pdu, specific)
    v1.apiTrapPDU.set_agent_address(pdu, rfc1155.IpAddress(agent))
    v1.apiTrapPDU.set_timestamp(pdu, 4242)
    v1.apiTrapPDU.set_varbinds(pdu, [((1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 3), v1.Integer(3))])
    message = v1.Message()
    v1.apiMessage.set_defaults(message)
    v1.apiMessage.set_community(message, "geheim")
    v1.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def read(data: bytes) -> Notification:
    found = decode_notification(data)
    assert isinstance(found, Notification)
    return found


@pytest.mark.parametrize(
    ("generic", "specific", "name"),
    [
        (0, 0, "1.3.6.1.6.3.1.1.5.1"),
        (2, 0, LINK_DOWN),
        (5, 9, "1.3.6.1.6.3.1.1.5.6"),
        (6, 0, f"{ENTERPRISE}.0.0"),
        (6, 17, f"{ENTERPRISE}.0.17"),
    ],
)
def test_a_v1_trap_of_pysnmp_comes_out_as_rfc_3584_says(generic: int, specific: int, name: str) -> None:
    found = read(v1_by_pysnmp(generic, specific))
    assert (found.version, found.oid, found.uptime_ticks, found.agent) == ("v1", name, 4242, "10.9.8.7")
    assert found.varbinds == [("1.3.6.1.2.1.2.2.1.1.3", 3)]
    assert (found.confirmed, found.answer) == (False, None)


def test_an_agent_that_does_not_know_its_address_gives_none() -> None:
    assert read(v1_by_pysnmp(2, 0, "0.0.0.0")).agent == ""


def test_a_generic_trap_that_there_is_none_of_is_refused() -> None:
    known = v1_by_pysnmp(5, 0)
    assert known.count(b"\x02\x01\x05\x02\x01\x00") == 1
    with pytest.raises(BadReply, match="got 7"):
        decode_notification(known.replace(b"\x02\x01\x05\x02\x01\x00", b"\x02\x01\x07\x02\x01\x00"))


@given(bound_lists)
def test_a_v2c_trap_holds_what_was_put_in_as_far_as_it_is_read(bound: list[Bound]) -> None:
    found = read(v2(bound=[(one.oid, one.tlv) for one in bound]))
    special = {SYS_UPTIME, TRAP_OID, "1.3.6.1.6.3.18.1.3.0", "1.3.6.1.6.3.18.1.4.0"}
    there = [(one.oid, one.value) for one in bound if one.oid not in special]
    assert repr(found.varbinds) == repr(there[:VARBINDS_CAP])
    assert (found.oid, found.uptime_ticks) == (LINK_DOWN, 4242)


def test_an_inform_is_answered_as_pysnmp_would() -> None:
    inform = v2(Pdu.INFORM, bound=[("1.3.6.1.2.1.2.2.1.1.3", ber.encode_integer(3))])
    found = read(inform + b"trailing")
    assert found.confirmed
    answer = snmp.decode_message(found.answer or b"")
    asked = snmp.decode_message(inform)
    assert isinstance(answer, snmp.Message) and isinstance(asked, snmp.Message)
    pdu = v2c.InformRequestPDU()
    v2c.apiPDU.set_defaults(pdu)
    assert answer.pdu == v2c.apiPDU.get_response(pdu).tagSet[-1].tagId + 0xA0
    assert (answer.request_id, answer.error_status, answer.varbinds) == (77, 0, asked.varbinds)
    assert answer.community == b"geheim"


def test_a_community_is_in_no_text() -> None:
    inform = v2(Pdu.INFORM, bound=[("1.3.6.1.6.3.18.1.4.0", ber.encode_tlv(ber.OCTET_STRING, b"geheim"))])
    assert "geheim" not in repr(read(inform))


def test_an_address_that_a_proxy_adds_is_the_agents() -> None:
    proxied = v2(bound=[("1.3.6.1.6.3.18.1.3.0", ber.encode_tlv(ber.IP_ADDRESS, bytes((10, 1, 2, 3))))])
    assert (read(proxied).agent, read(proxied).varbinds) == ("10.1.2.3", [])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "got the end"),
        (b"<\x03\x02\x01\x01", "expected a message"),
        (snmp.encode_get(0x1000000, b"public", (SYS_UPTIME,)), "no trap and no inform"),
        (snmp.encode_message(1, b"c", Pdu.TRAP, 1, [UPTIME]), "does not say which"),
        (snmp.encode_message(0, b"c", Pdu.TRAP, 1, [UPTIME]), "a trap of v1"),
        (snmp.encode_message(2, b"c", Pdu.TRAP, 1, [UPTIME]), "version 2"),
        (v2()[:-1], "leaves its enclosing"),
    ],
)
def test_what_is_no_notification_is_refused_by_name(data: bytes, why: str) -> None:
    with pytest.raises(BadReply, match=why):
        decode_notification(data)


def test_of_a_giant_trap_the_first_varbinds_are_decoded_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    plain = snmp.decode_varbinds

    def count(data: bytes, at: int, end: int) -> list[snmp.Varbind]:
        found = plain(data, at, end)
        counted.append(len(found))
        return found

    monkeypatch.setattr(notifications, "decode_varbinds", count)
    long = ".".join(["1.3", *["4294967295"] * 100])
    found = read(v2(bound=[(f"{long}.{n}", ber.encode_integer(n)) for n in range(100)]))
    assert counted == [VARBINDS_CAP + 2]
    assert [value for _, value in found.varbinds] == list(range(VARBINDS_CAP))


@given(st.binary(max_size=300), st.data())
def test_any_bytes_and_any_damage_end_in_a_notification_or_a_refusal(
    junk: bytes, data: st.DataObject
) -> None:
    whole = data.draw(st.sampled_from([v2(), v2(Pdu.INFORM), v1_by_pysnmp(6, 3)]))
    at = data.draw(st.integers(0, len(whole)))
    for hostile in (junk, whole[:at] + junk, whole[:at] + junk[:1] + whole[at + 1 :]):
        try:
            found = decode_notification(hostile)
        except BadReply:
            continue
        assert isinstance(found, Notification | Sealed)

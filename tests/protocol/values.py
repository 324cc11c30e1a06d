"""Hypothesis strategies of SNMP values and messages, each with what should be read back. Counterpart: the SNMP tests."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hypothesis import strategies as st

from engine.protocols import ber, snmp
from engine.protocols.ber import Absent, Value


class Bound(NamedTuple):
    """A varbind: its OID, its type, the TLV of its value, and the value."""

    oid: str
    tag: int
    tlv: bytes
    value: Value


first_two = (
    st.tuples(st.integers(0, 1), st.integers(0, 39))
    | st.tuples(st.just(2), st.integers(0, ber.MAX_SUB_ID - 80))
).map(list)
sub_ids = st.lists(st.integers(0, 127) | st.integers(0, ber.MAX_SUB_ID), max_size=30)
oids = st.builds(lambda top, rest: ".".join(map(str, top + rest)), first_two, sub_ids)

numbers32 = st.sampled_from([0, 1, 127, 128, 255, 256, 2**31 - 1, 2**31, 2**32 - 1]) | st.integers(
    0, 2**32 - 1
)
numbers64 = st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
signed32 = st.sampled_from([0, -1, 127, 128, -128, -129, 2**31 - 1, -(2**31)]) | st.integers(
    -(2**31), 2**31 - 1
)


def number_of(tag: int, numbers: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, bytes, Value]]:
    return numbers.map(lambda number: (tag, ber.encode_integer(number, tag), number))


typed_values: st.SearchStrategy[tuple[int, bytes, Value]] = st.one_of(
    number_of(ber.INTEGER, signed32),
    number_of(ber.COUNTER32, numbers32),
    number_of(ber.GAUGE32, numbers32),
    number_of(ber.TIME_TICKS, numbers32),
    number_of(ber.COUNTER64, numbers64),
    st.binary(max_size=300).map(
        lambda body: (ber.OCTET_STRING, ber.encode_tlv(ber.OCTET_STRING, body), body)
    ),
    st.binary(max_size=20)
    .filter(lambda body: not body.startswith(b"\x9f"))
    .map(lambda body: (ber.OPAQUE, ber.encode_tlv(ber.OPAQUE, body), body)),
    st.floats(width=32, allow_nan=False).map(
        lambda number: (
            ber.OPAQUE,
            ber.encode_tlv(ber.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", number)),
            number,
        )
    ),
    st.floats(allow_nan=False).map(
        lambda number: (
            ber.OPAQUE,
            ber.encode_tlv(ber.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", number)),
            number,
        )
    ),
    oids.map(lambda oid: (ber.OID, ber.encode_oid(oid), oid)),
    st.binary(min_size=4, max_size=4).map(
        lambda body: (ber.IP_ADDRESS, ber.encode_tlv(ber.IP_ADDRESS, body), ".".join(map(str, body)))
    ),
    st.just((ber.NULL, b"\x05\x00", None)),
    st.sampled_from(list(Absent)).map(lambda which: (which.value, bytes((which.value, 0)), which)),
)

bounds = st.builds(lambda oid, typed: Bound(oid, *typed), oids, typed_values)
bound_lists = st.lists(bounds, max_size=12)
request_ids = st.integers(-(2**31), 2**31 - 1) | st.integers(snmp.MIN_REQUEST_ID, snmp.MAX_REQUEST_ID)
pdus = st.sampled_from([pdu for pdu in snmp.Pdu if pdu is not snmp.Pdu.TRAP_V1])
numbers_of_error = st.just((0, 0)) | st.tuples(st.integers(0, 18), st.integers(0, 200))


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, snmp.Message]:
    """Draw the bytes of a message and what they mean."""
    bound = draw(bound_lists)
    version, pdu = draw(st.sampled_from(snmp.Version)), draw(pdus)
    community, request_id = draw(st.binary(max_size=40) | st.just(b"public")), draw(request_ids)
    numbers = draw(numbers_of_error)
    data = snmp.encode_message(
        version, community, pdu, request_id, [(one.oid, one.tlv) for one in bound], numbers=numbers
    )
    varbinds = [(one.oid, one.value) for one in bound]
    return data, snmp.Message(version, community, pdu, request_id, *numbers, varbinds)

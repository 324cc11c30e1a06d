"""BER on its own: the standard's examples, what real devices bend, and every way to be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadReply
from engine.protocols import ber
from engine.protocols.ber import (
    Absent,
    Memo,
    decode_oid,
    decode_value,
    encode_integer,
    encode_oid,
    encode_tlv,
)
from tests.protocol.values import oids, typed_values


def read(text: str) -> ber.Value:
    """Read one value that fills its bytes."""
    data = bytes.fromhex(text)
    value, end = decode_value(data, 0, len(data))
    assert end == len(data)
    return value


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("02 01 00", 0),
        ("02 01 7f", 127),
        ("02 02 00 80", 128),
        ("02 01 80", -128),
        ("02 04 ff ff ff fe", -2),
        ("04 03 61 00 ff", b"a\x00\xff"),
        ("05 00", None),
        ("06 03 81 34 03", "2.100.3"),  # X.690, 8.19.5
        ("06 02 8f 1d", "2.1869"),
        ("06 09 2b 06 01 04 01 f5 0c 01 01", "1.3.6.1.4.1.14988.1.1"),
        ("40 04 c0 00 02 01", "192.0.2.1"),
        ("41 05 00 ff ff ff ff", 2**32 - 1),
        ("42 01 7b", 123),
        ("43 03 01 00 00", 65536),
        ("44 03 01 02 03", b"\x01\x02\x03"),
        ("44 07 9f 78 04 3f c0 00 00", 1.5),
        ("44 0b 9f 79 08 3f f8 00 00 00 00 00 00", 1.5),
        ("46 09 00 ff ff ff ff ff ff ff ff", 2**64 - 1),
        ("80 00", Absent.NO_SUCH_OBJECT),
        ("81 00", Absent.NO_SUCH_INSTANCE),
        ("82 00", Absent.END_OF_MIB_VIEW),
    ],
)
def test_each_type_is_read_as_the_standards_write_it(octets: str, value: ber.Value) -> None:
    assert read(octets) == value


@pytest.mark.parametrize(
    ("octets", "value", "quirk"),
    [
        ("41 04 ff ff ff ff", 2**32 - 1, "a counter without its leading zero"),
        ("42 05 ff 80 00 00 00", 2**31, "a gauge whose sign was stretched"),
        ("46 08 ff ff ff ff ff ff ff ff", 2**64 - 1, "a 64-bit counter without its leading zero"),
        ("46 0a 00 00 ff ff ff ff ff ff ff ff", 2**64 - 1, "a 64-bit counter with two leading zeros"),
        ("02 05 00 80 00 00 01", 2**31 + 1, "an unsigned index in a signed type, written positive"),
        ("02 04 80 00 00 01", 1 - 2**31, "an unsigned index in a signed type, left for the driver to mask"),
        ("02 04 00 00 00 05", 5, "a number with padding"),
        ("02 00", 0, "a number of no bytes"),
        ("04 81 01 61", b"a", "a length in two bytes where one would do"),
        ("04 84 00 00 00 01 61", b"a", "a length in five bytes where one would do"),
        ("06 00", "0.0", "an OID of no bytes"),
        ("06 05 8f ff ff ff 7f", "2.4294967215", "a first arc as large as 32 bits allow"),
    ],
)
def test_what_real_devices_bend_is_read_as_they_mean_it(octets: str, value: ber.Value, quirk: str) -> None:
    assert read(octets) == value, quirk


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", "got the end"),
        ("04", "got the end"),
        ("04 05 61", "leaves its enclosing value by 4"),
        ("04 84 ff ff ff ff", "leaves its enclosing value"),
        ("04 85 00 00", "leaves its value"),
        ("04 80 61 00 00", "indefinite"),
        ("1f 81 01 00", "continues in more bytes"),
        ("09 03 80 00 01", "no type of SNMP"),
        ("30 00", "no type of SNMP"),
        ("05 01 00", "a NULL of 1 bytes"),
        ("82 01 00", "a NULL of 1 bytes"),
        ("40 05 01 02 03 04 05", "an IpAddress of 5 bytes"),
        ("02 09 01 00 00 00 00 00 00 00 00", "an INTEGER of 9 bytes"),
        ("41 05 01 00 00 00 00", "32 bits in 5 bytes"),
        ("46 09 01 00 00 00 00 00 00 00 00", "64 bits in 9 bytes"),
        ("06 02 2b 86", "does not end"),
        ("06 03 2b 80 01", "starts with a zero"),
        ("06 06 2b 90 80 80 80 00", "over 32 bits"),
        ("06 81 81" + "01" * 129, "more than 128 arcs"),
    ],
)
def test_what_breaks_the_rules_is_refused_with_its_reason(octets: str, reason: str) -> None:
    with pytest.raises(BadReply, match=reason):
        read(octets)


def test_the_offset_of_a_bad_reply_is_that_of_the_byte() -> None:
    with pytest.raises(BadReply) as caught:
        read("06 03 2b 80 01")
    assert caught.value.offset == 3


@pytest.mark.parametrize(
    "oid", ["", "1", "3.1", "1.40", "1.-3", "1.3.x", "1.3.4294967296", "2.4294967216", "1.3" + ".1" * 127]
)
def test_an_oid_that_is_none_is_our_own_mistake(oid: str) -> None:
    with pytest.raises(ValueError, match=r"not an OID|over 32 bits|invalid literal"):
        encode_oid(oid)


@given(oids)
def test_an_oid_survives_the_way_there_and_back(oid: str) -> None:
    tlv = encode_oid(oid)
    assert decode_oid(tlv, 0, len(tlv)) == (oid, len(tlv))


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_survives_in_its_shortest_form(number: int) -> None:
    tlv = encode_integer(number)
    assert decode_value(tlv, 0, len(tlv)) == (number, len(tlv))
    assert len(tlv) == 3 or (not (tlv[2] == 0 and tlv[3] < 0x80) and not (tlv[2] == 0xFF and tlv[3] >= 0x80))


@given(typed_values, st.binary(max_size=8))
def test_a_value_ends_where_its_length_says_whatever_follows(
    typed: tuple[int, bytes, ber.Value], after: bytes
) -> None:
    _, tlv, value = typed
    assert decode_value(tlv + after, 0, len(tlv + after)) == (value, len(tlv))


@given(st.binary(max_size=64))
def test_any_bytes_are_a_value_or_a_bad_reply_within_them(data: bytes) -> None:
    try:
        _, end = decode_value(data, 0, len(data))
    except BadReply as error:
        assert 0 <= error.offset <= len(data)
    else:
        assert 2 <= end <= len(data)


def test_a_memo_keeps_what_is_asked_for_and_forgets_the_rest() -> None:
    reads: list[bytes] = []

    def measure(key: bytes) -> int:
        reads.append(key)
        return len(key)

    memo = Memo(measure, entries=10)
    for number in range(1000):
        assert memo[b"often"] == 5
        assert memo[b"once %d" % number] == len(b"once %d" % number)
        assert len(memo) <= 10
    assert reads.count(b"often") == 1
    assert len(reads) == 1001


def test_a_memo_does_not_keep_long_keys() -> None:
    memo = Memo(len, entries=10)
    assert memo[bytes(1000)] == 1000
    assert not memo


def test_a_long_length_is_written_in_as_few_bytes_as_hold_it() -> None:
    assert encode_tlv(4, bytes(127))[:2] == b"\x04\x7f"
    assert encode_tlv(4, bytes(128))[:3] == b"\x04\x81\x80"
    assert encode_tlv(4, bytes(65536))[:5] == b"\x04\x83\x01\x00\x00"

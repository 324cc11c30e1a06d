"""SNMP messages on their own: written requests, replies quick and thorough, and every way to be refused."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.errors import BadReply
from engine.protocols import ber, snmp
from engine.protocols.ber import Absent
from engine.protocols.snmp import (
    Message,
    Pdu,
    Version,
    decode_message,
    encode_get,
    encode_getbulk,
    encode_getnext,
    encode_message,
)
from tests.protocol.values import bound_lists, messages, oids

SYS_DESCR, SYS_UPTIME = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.3.0"


def thorough(data: bytes) -> Message:
    """Read a message without any quick way."""
    quick_varbinds, snmp.decode_varbinds = snmp.decode_varbinds, thorough_varbinds
    try:
        return snmp._decode_message(data)
    finally:
        snmp.decode_varbinds = quick_varbinds


def thorough_varbinds(data: bytes, at: int, end: int) -> list[snmp.Varbind]:
    varbinds = []
    while at < end:
        varbind, at = snmp._decode_varbind(data, at, end)
        varbinds.append(varbind)
    return varbinds


def outcome(read: object, data: bytes) -> object:
    """Return what reading gives, the refusal included."""
    try:
        return read(data)  # type: ignore[operator]
    except BadReply as error:
        return error.reason, error.offset


# ---- requests

GET_OF_TWO = """
    30 34  02 01 01  04 06 70 75 62 6c 69 63
      a0 27  02 04 12 34 56 78  02 01 00  02 01 00
        30 19  30 0c  06 08 2b 06 01 02 01 01 01 00  05 00
               30 09  06 05 2b 06 01 04 01  05 00
"""


def test_a_get_is_written_byte_for_byte_as_the_standards_lay_it_out() -> None:
    assert encode_get(0x12345678, b"public", (SYS_DESCR, "1.3.6.1.4.1")) == bytes.fromhex(GET_OF_TWO)


def test_a_v1_getnext_and_a_getbulk_differ_from_it_where_they_should() -> None:
    getnext = decode_message(encode_getnext(0x800000, b"x", (SYS_DESCR,), Version.V1))
    assert getnext == Message(0, b"x", Pdu.GET_NEXT, 0x800000, 0, 0, [(SYS_DESCR, None)])
    getbulk = decode_message(encode_getbulk(0x7FFFFFFF, b"x", (SYS_DESCR, SYS_UPTIME), 25, non_repeaters=1))
    assert getbulk == Message(
        1, b"x", Pdu.GET_BULK, 0x7FFFFFFF, 1, 25, [(SYS_DESCR, None), (SYS_UPTIME, None)]
    )


@given(
    st.integers(snmp.MIN_REQUEST_ID, snmp.MAX_REQUEST_ID),
    st.binary(max_size=300),
    st.lists(oids, max_size=30).map(tuple),
    st.sampled_from(Version),
)
def test_a_request_made_of_cached_halves_equals_one_made_whole(
    request_id: int, community: bytes, asked: tuple[str, ...], version: Version
) -> None:
    nulls = [(oid, b"\x05\x00") for oid in asked]
    whole = encode_message(version, community, Pdu.GET, request_id, nulls)
    assert encode_get(request_id, community, asked, version) == whole


@pytest.mark.parametrize("request_id", [-1, 0, snmp.MIN_REQUEST_ID - 1, snmp.MAX_REQUEST_ID + 1])
def test_a_request_id_that_does_not_fill_four_bytes_is_our_own_mistake(request_id: int) -> None:
    with pytest.raises(ValueError, match="request id"):
        encode_get(request_id, b"public", (SYS_DESCR,))


# ---- replies


@given(messages())
def test_a_message_survives_the_way_there_and_back(drawn: tuple[bytes, Message]) -> None:
    data, message = drawn
    assert decode_message(data) == message


@given(messages())
def test_a_second_reading_from_the_memo_equals_the_first(drawn: tuple[bytes, Message]) -> None:
    data, _ = drawn
    assert decode_message(data) == decode_message(data) == thorough(data)


@given(messages(), st.data())
def test_the_quick_way_reads_damaged_messages_as_the_thorough_one_does(
    drawn: tuple[bytes, Message], choose: st.DataObject
) -> None:
    data = bytearray(drawn[0])
    decode_message(bytes(data))  # so that the memo knows its OIDs
    for _ in range(choose.draw(st.integers(1, 3))):
        at = choose.draw(st.integers(0, len(data) - 1))
        data[at] = choose.draw(
            st.integers(0, 255) | st.sampled_from([0x30, 0x06, 0x04, 0x80, 0x81, 0x82, 0x7F])
        )
    damaged = (
        bytes(data[: choose.draw(st.integers(0, len(data)))]) if choose.draw(st.booleans()) else bytes(data)
    )
    assert outcome(decode_message, damaged) == outcome(thorough, damaged)


@given(
    st.lists(
        st.sampled_from([0x30, 0x02, 0x04, 0x05, 0x06, 0x41, 0x80, 0x81, 0, 1, 2, 3, 4, 5, 6, 7, 9]),
        max_size=60,
    )
)
@example([0x30, 0x81, 0x06, 0x06, 0x02, 0x2B, 0x06, 0x05, 0x00, 0x05, 0x00])
@example([0x30, 0x04, 0x06, 0x00, 0x05, 0x00])
@example([0x30, 0x05, 0x06, 0x01, 0x2B, 0x41, 0x00])
def test_any_octets_as_varbinds_are_read_alike_both_ways(octets: list[int]) -> None:
    data = bytes(octets)
    quick = outcome(lambda data: snmp.decode_varbinds(data, 0, len(data)), data)
    assert quick == outcome(lambda data: thorough_varbinds(data, 0, len(data)), data)


lengths = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, -1, 1, 0x80, 0x81])
"""What is added to a right length; mostly nothing."""


@st.composite
def bent_varbinds(draw: st.DrawFn) -> bytes:
    """Draw varbinds of which here and there a length lies, a type is odd, or the last is cut."""
    data = b""
    for _ in range(draw(st.integers(1, 4))):
        tag = draw(
            st.sampled_from([0x02, 0x04, 0x05, 0x06, 0x40, 0x41, 0x42, 0x43, 0x44, 0x46, 0x47, 0x80, 0x82])
        )
        first = draw(st.sampled_from([b"", b"\x00", b"\xff", b"\x00\x00", b"\x80"]))
        value = (first + draw(st.binary(max_size=9)))[: draw(st.integers(0, 10))]
        oid = draw(st.sampled_from([b"", b"+", b"+\x06\x01", b"+\x06\x01\x90\x00", b"\x80\x01", b"+\x81"]))
        body = bytes((0x06, len(oid) + draw(lengths) & 0xFF)) + oid
        body += bytes((tag, len(value) + draw(lengths) & 0xFF)) + value
        data += bytes((draw(st.sampled_from([0x30] * 9 + [0x31])), len(body) + draw(lengths) & 0xFF)) + body
    return data[: len(data) - draw(st.sampled_from([0, 0, 0, 1, 2, 7]))]


@settings(max_examples=400)
@given(bent_varbinds(), st.sampled_from([0, 0, 20]))
@example(b"\x30\x85\x06\x01\x2b\x04\x80" + bytes(0x80), 0)  # the length of a value in its long form
@example(b"\x30\x85\x06\x81\x01\x2b" + bytes(0x80) + b"\x05\x00", 0)  # that of an OID
@example(b"\x30\x85\x06\x81\x01\x2b" + bytes(0x7F) + b"\x04\x00", 0)
@example(b"\x30\x0a\x06\x01\x2b\x42\x05\xff\x80\x00\x00\x00", 0)  # a stretched sign
@example(b"\x30\x0a\x06\x01\x2b\x42\x05\x01\x80\x00\x00\x00", 0)
@example(b"\x30\x07\x06\x01\x2b\x04\x02x", 20)  # a value that ends after the list of varbinds
def test_bent_varbinds_are_read_alike_both_ways(data: bytes, after: int) -> None:
    whole = data + bytes(after)
    quick = outcome(lambda whole: snmp.decode_varbinds(whole, 0, len(data)), whole)
    assert quick == outcome(lambda whole: thorough_varbinds(whole, 0, len(data)), whole)


@pytest.mark.parametrize("size", [0, 127, 128, 129, 255, 256])
def test_a_community_of_any_length_is_read_whole(size: int) -> None:
    data = encode_message(1, b"c" * size, Pdu.RESPONSE, 0x1234567, [(SYS_UPTIME, b"\x43\x01\x05")])
    assert decode_message(data).community == b"c" * size
    assert decode_message(data) == thorough(data)


@given(bound_lists, st.integers(0, 5))
def test_lengths_written_long_are_read_alike(
    bound: list[tuple[str, int, bytes, ber.Value]], padding: int
) -> None:
    def stretch(tag: int, body: bytes) -> bytes:
        return bytes((tag, 0x82)) + len(body).to_bytes(2, "big") + body

    varbinds = b"".join(stretch(0x30, ber.encode_oid(one[0]) + one[2]) for one in bound)
    pdu = stretch(0xA2, bytes.fromhex("02 04 12 34 56 78 02 01 00 02 01 00") + stretch(0x30, varbinds))
    data = stretch(0x30, bytes.fromhex("02 01 01 04 01 78") + pdu) + bytes(padding)
    assert decode_message(data).varbinds == [(one[0], one[3]) for one in bound]
    assert decode_message(data) == thorough(data)


@given(st.binary(max_size=400))
def test_any_datagram_is_a_message_or_a_bad_reply(data: bytes) -> None:
    try:
        decode_message(data)
    except BadReply as error:
        assert 0 <= error.offset <= len(data)


REPLY = """
    30 82 00 34  02 01 01  04 06 70 75 62 6c 69 63
      a2 27  02 04 00 00 00 07  02 01 00  02 01 00
        30 19  30 0c  06 08 2b 06 01 02 01 01 01 00  81 00
               30 09  06 05 2b 06 01 04 01  05 00
"""


@pytest.mark.parametrize("padding", ["", "00 00"])
def test_a_padded_request_id_and_absent_values_are_read(padding: str) -> None:
    message = decode_message(bytes.fromhex(REPLY + padding))
    assert message.request_id == 7
    assert message.varbinds == [(SYS_DESCR, Absent.NO_SUCH_INSTANCE), ("1.3.6.1.4.1", None)]


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ("30 82 00 34", "31 82 00 34", "expected a message"),
        ("30 82 00 34", "30 82 00 35", "leaves its enclosing value by 1"),
        ("30 82 00 34", "30 84 00 34", "leaves its enclosing value"),
        ("02 01 01  04", "02 01 02  04", "expected SNMP v1 .* got version 2"),
        ("04 06 70", "05 06 70", "expected a community"),
        ("a2 27", "a4 27", "no message with a request id"),
        ("a2 27", "62 27", "no message with a request id"),
        ("a2 27", "a2 26", "1 bytes between the end of the PDU"),
        ("02 04 00 00 00 07", "04 04 00 00 00 07", "expected a request id"),
        ("02 01 00  02 01 00", "02 01 00  05 01 00", "expected an error index"),
        ("30 19", "30 18", "1 bytes between the end of the varbinds"),
        ("30 0c", "30 0b", "leaves its enclosing value by 2|a value of 0 bytes|got the end"),
        ("30 0c", "30 0d", "1 bytes between the end of a value"),
        ("06 08", "05 08", "expected an OID"),
        ("81 00", "85 00", "no type of SNMP"),
    ],
)
def test_a_reply_bent_in_one_place_is_refused_with_its_reason(was: str, becomes: str, reason: str) -> None:
    assert was in REPLY
    with pytest.raises(BadReply, match=reason):
        decode_message(bytes.fromhex(REPLY.replace(was, becomes, 1)))


def test_a_datagram_larger_than_udp_allows_is_not_looked_at() -> None:
    with pytest.raises(BadReply, match="the cap is 65535"):
        decode_message(b"\x30" + bytes(65_535))


def test_a_reply_of_more_varbinds_than_anyone_asks_for_is_refused() -> None:
    def reply(count: int) -> bytes:
        return encode_message(1, b"x", Pdu.RESPONSE, 0x1234567, [("1.3.6", b"\x02\x01\x05")] * count)

    assert len(decode_message(reply(snmp.MAX_VARBINDS)).varbinds) == snmp.MAX_VARBINDS
    with pytest.raises(BadReply, match="more than 2048 varbinds"):
        decode_message(reply(snmp.MAX_VARBINDS + 1))


def test_a_community_does_not_show_in_what_is_logged() -> None:
    message = decode_message(encode_get(snmp.MIN_REQUEST_ID, b"hunter2", (SYS_DESCR,)))
    assert "hunter2" not in repr(message)
    assert "hunter2" not in str(message)


def test_a_flood_of_new_oids_fills_the_memos_to_their_caps_and_no_further() -> None:
    tail = ".4294967295" * 9  # as long as the memos keep
    for start in range(0, 20_000, 500):
        bound = [(f"1.3.6.1.4.1.{start + n}{tail}", b"\x05\x00") for n in range(500)]
        decode_message(encode_message(1, b"x", Pdu.RESPONSE, 0x1234567, bound))
    held = 0
    for memo in (snmp._HEADS, ber._OID_TEXTS):
        for generation in (memo, memo._older):
            assert len(generation) <= ber.MEMO_ENTRIES
            held += sys.getsizeof(generation)
            held += sum(sys.getsizeof(key) + sys.getsizeof(value) for key, value in generation.items())
    assert 2 << 20 < held < 16 << 20

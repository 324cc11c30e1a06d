"""A reply read by the layout of the last one is the message that it is. Counterpart: `engine/protocols/snmp_get.py`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadReply
from engine.protocols import ber
from engine.protocols.sealed import Sealed
from engine.protocols.snmp import (
    MAX_REQUEST_ID,
    MIN_REQUEST_ID,
    Message,
    Pdu,
    Version,
    decode_message,
    encode_get,
    encode_message,
)
from engine.protocols.snmp_get import LAYOUTS_CAP, Get

COLUMN = "1.3.6.1.2.1.31.1.1.1.6"
TAGS = (ber.COUNTER64, ber.COUNTER32, ber.GAUGE32, ber.TIME_TICKS, ber.INTEGER)

numbers = st.tuples(st.sampled_from(TAGS), st.integers(0, 2**31 - 1) | st.integers(2**31, 2**32 - 1))
values = st.one_of(
    numbers.map(lambda n: ber.encode_integer(n[1] if n[0] != ber.INTEGER else n[1] - 2**31, n[0])),
    st.binary(max_size=40).map(lambda text: ber.encode_tlv(ber.OCTET_STRING, text)),
    st.sampled_from(
        (ber.encode_tlv(0x80, b""), ber.encode_tlv(ber.NULL, b""), ber.encode_oid("1.3.6.1.4.1.9"))
    ),
)
ids = st.integers(MIN_REQUEST_ID, MAX_REQUEST_ID)


def outcome_of(read: Callable[[bytes], object], data: bytes) -> object:
    """Return what is read of bytes, its values by OID, or that they are refused."""
    try:
        read_of = read(data)
        if not isinstance(read_of, Message):
            return read_of
        return (*msgspec.structs.astuple(read_of)[:6], read_of.values)
    except BadReply:
        return "refused"


def reply(request_id: int, said: list[bytes], community: bytes = b"public", error: int = 0) -> bytes:
    """Return a response whose values are `said`, bound to the ports of one column."""
    bound = [(f"{COLUMN}.{place}", value) for place, value in enumerate(said)]
    return encode_message(1, community, Pdu.RESPONSE, request_id, bound, numbers=(error, 0))


def counted(count: int, at: int) -> list[bytes]:
    """Return so many counters, of a length that `at` does not change."""
    return [ber.encode_integer(10**9 + 1000 * at + place, ber.COUNTER64) for place in range(count)]


class Reader:
    """One GET as the transport uses it."""

    def __init__(self) -> None:
        self.get = Get(b"public", (COLUMN,), Version.V2C)

    def read(self, data: bytes) -> Message | Sealed:
        """Read a reply by its layout, or the long way and learn from it."""
        known = self.get.read(data)
        if known is not None:
            return known
        message = decode_message(data)
        if isinstance(message, Message):
            self.get.learn(data, message)
        return message


def taught(said: list[bytes]) -> Reader:
    """Return a reader that has seen such a reply twice."""
    reader = Reader()
    for request_id in (MIN_REQUEST_ID, MIN_REQUEST_ID + 1):
        reader.read(reply(request_id, said))
    return reader


@given(
    st.lists(values, min_size=1, max_size=12),
    st.lists(st.tuples(ids, st.lists(values, max_size=12)), max_size=4),
)
def test_whatever_comes_after_whatever_is_read_as_without_a_layout(
    first: list[bytes], later: list[tuple[int, list[bytes]]]
) -> None:
    reader = taught(first)
    for request_id, said in later:
        for data in (reply(request_id, said), reply(request_id, first)):
            assert outcome_of(reader.read, data) == outcome_of(decode_message, data)


@given(st.lists(values, min_size=6, max_size=12), st.data())
def test_a_reply_with_any_bytes_changed_is_read_as_without_a_layout(
    said: list[bytes], draw: st.DataObject
) -> None:
    reader, data = taught(said), bytearray(reply(MIN_REQUEST_ID + 2, said))
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    assert outcome_of(reader.read, bytes(data)) == outcome_of(decode_message, bytes(data))


def test_a_layout_is_learned_from_the_second_reply_and_used_for_the_third() -> None:
    reader = taught(counted(8, 1))
    [layout] = reader.get._layouts
    message = layout.read(reply(MIN_REQUEST_ID + 7, counted(8, 2)))
    assert isinstance(message, Message)
    assert message.request_id == MIN_REQUEST_ID + 7
    assert [*message.values.values()] == [10**9 + 2000 + place for place in range(8)]
    assert layout.read(reply(MIN_REQUEST_ID + 8, counted(8, 3), b"secret")) is None


def test_another_community_of_the_same_length_is_seen() -> None:
    reader = taught(counted(8, 1))
    message = reader.read(reply(MIN_REQUEST_ID + 3, counted(8, 2), b"publik"))
    assert isinstance(message, Message)
    assert message.community == b"publik"


def test_an_error_of_the_agent_is_seen_by_a_reader_that_knows_the_layout() -> None:
    reader = taught(counted(8, 1))
    message = reader.read(reply(MIN_REQUEST_ID + 3, counted(8, 2), error=5))
    assert isinstance(message, Message)
    assert message.error_status == 5


def test_values_whose_lengths_change_back_and_forth_each_have_a_layout() -> None:
    reader = Reader()
    short = [*counted(8, 1), ber.encode_integer(7, ber.GAUGE32)]
    long = [*counted(8, 1), ber.encode_integer(7_000, ber.GAUGE32)]
    for request_id in range(MIN_REQUEST_ID, MIN_REQUEST_ID + 4):
        for said in (short, short, long, long):
            data = reply(request_id, said)
            assert outcome_of(reader.read, data) == outcome_of(decode_message, data)
    assert {layout.size for layout in reader.get._layouts} == {
        len(reply(MIN_REQUEST_ID, said)) for said in (short, long)
    }


def test_an_agent_whose_replies_are_never_laid_out_alike_fills_no_more_than_the_cap() -> None:
    reader = Reader()
    for count in (*range(3, 100), *range(3, 100)):
        for request_id in range(MIN_REQUEST_ID, MIN_REQUEST_ID + 3):
            reader.read(reply(request_id, counted(count, 1)))
        assert len(reader.get._layouts) <= LAYOUTS_CAP


@given(
    ids,
    st.lists(st.sampled_from((COLUMN, "1.3.6.1.2.1.1.3.0")), min_size=1, max_size=4),
    st.sampled_from(Version),
)
def test_the_question_is_that_of_encode_get(request_id: int, oids: list[str], version: Version) -> None:
    get = Get(b"public", tuple(oids), version)
    assert get(request_id) == encode_get(request_id, b"public", tuple(oids), version)

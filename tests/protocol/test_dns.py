"""DNS messages, held against dnspython; whatever else comes is BadReply and cheap."""

from __future__ import annotations

import contextlib
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadReply
from engine.protocols.dns import LABELS_CAP, TYPES, Reply, decode_reply, encode_question

RECORDS = {
    "A": ["192.0.2.7", "192.0.2.10"],
    "AAAA": ["2001:db8::1"],
    "CNAME": ["other.example."],
    "MX": ["10 mail.example.", "20 backup.example."],
    "NS": ["ns1.example."],
    "PTR": ["tower.example."],
    "SOA": ["ns1.example. admin.example. 1 7200 3600 1209600 300"],
    "SRV": ["1 2 5060 sip.example."],
    "TXT": ["v=spf1 -all"],
}


def reply_to(question: bytes, *records: tuple[str, str, str], rcode: int = 0) -> bytes:
    """What dnspython makes of records (name, type, text)."""
    reply = dns.message.make_response(dns.message.from_wire(question))
    reply.set_rcode(rcode)
    for name, type, text in records:
        quoted = f'"{text}"' if type == "TXT" else text
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", type, quoted))
    return reply.to_wire()


@pytest.mark.parametrize("type", TYPES)
def test_a_question_is_what_dnspython_reads(type: str) -> None:
    message = dns.message.from_wire(encode_question(0xBEEF, "Tower.example", type))
    assert message.id == 0xBEEF
    assert message.flags == dns.flags.RD
    assert message.edns == -1
    assert [str(asked) for asked in message.question] == [f"Tower.example. IN {type}"]


@pytest.mark.parametrize("type", TYPES)
def test_the_records_of_the_asked_type_are_read_sorted(type: str) -> None:
    question = encode_question(7, "tower.example", type)
    others = [("tower.example.", other, RECORDS[other][0]) for other in TYPES if other != type]
    wanted = [("Tower.Example.", type, text) for text in reversed(RECORDS[type])]
    reply = decode_reply(question, reply_to(question, *others, *wanted))
    assert reply == Reply("NOERROR", tuple(sorted(RECORDS[type])))


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
def test_why_there_is_no_answer_is_read(rcode: str) -> None:
    question = encode_question(7, "tower.example", "A")
    assert decode_reply(question, reply_to(question, rcode=dns.rcode.from_text(rcode))) == Reply(rcode, ())


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (encode_question(8, "tower.example", "A"), "no reply to ours"),
        (encode_question(7, "power.example", "A"), "to another question"),
        (encode_question(7, "tower.example", "MX"), "to another question"),
    ],
)
def test_a_reply_to_another_question_is_none(other: bytes, words: str) -> None:
    with pytest.raises(BadReply, match=words):
        decode_reply(encode_question(7, "tower.example", "A"), reply_to(other))


def test_a_question_is_no_reply() -> None:
    question = encode_question(7, "tower.example", "A")
    with pytest.raises(BadReply, match="no reply to ours"):
        decode_reply(question, question)


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".".join(["y" * 60] * 5), "grün.example"])
def test_what_is_no_name_is_not_asked_for(name: str) -> None:
    with pytest.raises(ValueError):
        encode_question(1, name, "A")


def test_the_root_can_be_asked_for() -> None:
    assert str(dns.message.from_wire(encode_question(1, ".", "NS")).question[0]) == ". IN NS"


QUESTION = encode_question(7, "tower.example", "NS")
HEADER = struct.Struct(">6H")


def answer(count: int, *records: bytes) -> bytes:
    """A reply made by hand."""
    return HEADER.pack(7, 0x8180, 1, count, 0, 0) + QUESTION[12:] + b"".join(records)


def record(name: bytes, data: bytes, type: int = 2) -> bytes:
    """A record made by hand."""
    return name + struct.pack(">2HIH", type, 1, 60, len(data)) + data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "a DNS message of 0 bytes"),
        (answer(1), "ends too soon"),
        (answer(1, record(b"\xc0\xff", b"\0")), "points forward"),
        (answer(1, record(b"\xc0" + bytes((12 + len(QUESTION) - 12,)), b"\0")), "points forward"),
        (answer(1, record(b"\x80", b"\0")), "label of an unknown kind"),
        (answer(1, record(b"\0", b"\x01a")), ""),
        (answer(1, record(b"\0", b"\0\0")), "has not 2 bytes"),
        (answer(501), "501 records"),
        (answer(1, record(b"\0", b"abc", 2)), ""),
        (HEADER.pack(7, 0x8180, 0, 0, 0, 0), "does not repeat the question"),
        (HEADER.pack(7, 0x8180, 2, 0, 0, 0) + QUESTION[12:] * 2, "another question"),
        (answer(1, record(b"\x3f" + b"x" * 63, b"\0")), ""),
    ],
)
def test_what_breaks_the_rules_is_named(data: bytes, words: str) -> None:
    with pytest.raises(BadReply) as raised:
        decode_reply(QUESTION, data)
    assert words in str(raised.value)


def test_names_that_point_to_long_names_end_at_the_cap() -> None:
    long = b"".join(b"\x01" + bytes((97 + n % 26,)) for n in range(126)) + b"\0"
    first = record(b"\0", long)
    at = 12 + len(QUESTION) - 12 + 11
    pointer = (0xC000 | at).to_bytes(2, "big")
    many = 500
    data = answer(many, first, *[record(pointer, pointer)] * (many - 1))
    assert many * 126 * 2 > LABELS_CAP
    with pytest.raises(BadReply, match="a DNS name that does not end"):
        decode_reply(QUESTION, data)


WHOLE = reply_to(
    encode_question(7, "tower.example", "SOA"),
    *[("tower.example.", type, text) for type, texts in RECORDS.items() for text in texts],
)


@given(
    st.lists(st.tuples(st.integers(12, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(WHOLE)),
)
def test_no_bytes_raise_anything_but_badreply(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(WHOLE)
    for at, octet in changes:
        data[at] = octet
    for type in ("SOA", "TXT", "MX"):
        question = encode_question(7, "tower.example", type)
        for tried in (bytes(data), bytes(data[:cut])):
            with contextlib.suppress(BadReply):
                assert all(text.isprintable() for text in decode_reply(question, tried).records)

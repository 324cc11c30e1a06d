"""MNDP: what devices announce, written out by hand and by the simulator, and what anybody may send instead."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadReply
from engine.protocols.mndp import MAX_BYTES, NAME_CAP, RECORDS_CAP, REQUEST, Announcement, decode_announcement
from simnet.mndp import write_announcement
from simnet.serving import SimulatedRouter

MAC = bytes.fromhex("b869f4123456")


def record(kind: int, content: bytes) -> bytes:
    return struct.pack(">HH", kind, len(content)) + content


def datagram(*records: bytes, sequence: int = 7) -> bytes:
    return struct.pack(">HH", 0, sequence) + b"".join(records)


def test_an_announcement_is_read_whole() -> None:
    data = datagram(
        record(1, MAC),
        record(5, b"hilltop-4"),
        record(7, b"6.49.10 (long-term)"),
        record(8, b"MikroTik"),
        record(10, bytes.fromhex("80510100")),
        record(11, b"ABCD-1234"),
        record(12, b"RB960PGS"),
        record(14, b"\x01"),
        record(15, bytes.fromhex("fe80000000000000ba69f4fffe123456")),
        record(16, b"bridge/ether1"),
        record(17, bytes((10, 4, 0, 1))),
        sequence=258,
    )
    assert decode_announcement(data) == Announcement(
        mac="B8:69:F4:12:34:56",
        identity="hilltop-4",
        version="6.49.10 (long-term)",
        platform="MikroTik",
        uptime_s=86_400,
        software_id="ABCD-1234",
        board="RB960PGS",
        unpack=1,
        ipv6="fe80::ba69:f4ff:fe12:3456",
        interface="bridge/ether1",
        ipv4="10.4.0.1",
        sequence=258,
    )


def test_four_zero_bytes_are_a_request_and_announce_nobody() -> None:
    assert decode_announcement(REQUEST) is None


def test_what_is_not_known_is_skipped_and_a_mac_is_enough() -> None:
    data = datagram(record(99, b"?" * 40), record(1, MAC), record(14, b"ab"), record(17, bytes(4)))
    assert decode_announcement(data) == Announcement(mac="B8:69:F4:12:34:56", sequence=7)


def test_a_name_is_cleaned_and_capped() -> None:
    data = datagram(
        record(1, MAC), record(5, b"\x1b[31mevil\x00\r\n\xe2\x80\xaename" + b"x" * 900 + b"\x00\x00")
    )
    got = decode_announcement(data)
    assert got is not None
    assert got.identity.startswith("evil name")
    assert len(got.identity) == NAME_CAP
    assert got.identity.isprintable()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"\0\0\0", "3 bytes"),
        (datagram(record(5, b"x")), "without a MAC"),
        (datagram(record(1, MAC[:5])), "5 bytes, 6 expected"),
        (datagram(record(17, b"abc")), "3 bytes, 4 expected"),
        (datagram(record(1, MAC)) + b"\0\5", "without its type and length"),
        (datagram(record(1, MAC)) + b"\0\5\xff\xff", "65535 bytes where 0 are left"),
        (datagram(record(1, MAC), *[record(99, b"")] * RECORDS_CAP), f"more than {RECORDS_CAP} records"),
        (datagram(record(1, MAC), record(99, bytes(MAX_BYTES))), f"at most {MAX_BYTES}"),
    ],
)
def test_what_breaks_the_protocol_or_a_cap_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(BadReply, match=words):
        decode_announcement(data)


def test_as_many_records_as_may_be_are_read() -> None:
    assert decode_announcement(datagram(record(1, MAC), *[record(99, b"")] * (RECORDS_CAP - 1)))


@given(st.binary(max_size=3_000))
def test_no_bytes_are_a_bug(data: bytes) -> None:
    try:
        got = decode_announcement(data)
    except BadReply as error:
        assert str(error).isprintable()
    else:
        assert got is None or got.mac


_records = st.builds(
    record, st.sampled_from([1, 5, 7, 8, 10, 11, 12, 14, 15, 16, 17, 99]), st.binary(max_size=20)
)


@given(st.lists(_records, max_size=RECORDS_CAP - 1))
def test_no_records_are_a_bug(records: list[bytes]) -> None:
    try:
        got = decode_announcement(datagram(record(1, MAC), *records))
    except BadReply:
        return
    assert got is not None
    for text in (got.identity, got.version, got.platform, got.software_id, got.board, got.interface):
        assert len(text) <= NAME_CAP
        assert text == "" or text.isprintable()


def test_a_simulated_router_announces_what_it_is() -> None:
    router = SimulatedRouter(identity="Gipfel ä", version="6.49.10").router
    router.address = "10.0.0.1"
    port = router.interfaces[0]
    got = decode_announcement(write_announcement(port, router.booted_at_s + 90.5, 70_000))
    assert got == Announcement(
        mac=port.mac.hex(":").upper(),
        identity="Gipfel ä",
        version="6.49.10 (long-term)",
        platform="MikroTik",
        uptime_s=90,
        software_id="HE7A-0B1C",
        board="RB5009UG+S+",
        unpack=0,
        interface=port.name,
        ipv4="10.0.0.1",
        sequence=70_000 & 0xFFFF,
    )

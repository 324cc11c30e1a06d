"""ICMP echo: packets as captured, the checksum's own examples, and the kernel as foreign peer."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import BadReply
from engine.protocols.icmp import (
    HEAD_BYTES,
    KEY_BYTES,
    SECRET_BYTES,
    TOKEN_BYTES,
    VOLLEY_MESSAGE_BYTES,
    VOLLEY_PAYLOAD_BYTES,
    Echo,
    Volley,
    checksum,
    decode_echo_reply,
    encode_echo_request,
    make_signs,
    split_payload,
)

idents = st.integers(0, 0xFFFF)
echoes = st.builds(Echo, idents, idents, st.binary(max_size=200))

PING = bytes.fromhex("08 00 4d 5a 00 01 00 01") + b"abcdefghijklmnopqrstuvwabcdefghi"
PONG = bytes.fromhex("00 00 55 5a 00 01 00 01") + b"abcdefghijklmnopqrstuvwabcdefghi"
"""What Windows' ping sends, and its answer: the best known 40 bytes of ICMP."""


def in_ip(message: bytes, options: bytes = b"") -> bytes:
    """Put a message into an IPv4 packet of 127.0.0.1 to itself."""
    head = bytes((0x45 + len(options) // 4, 0)) + (20 + len(options) + len(message)).to_bytes(2, "big")
    return head + bytes.fromhex("00 00 40 00 40 01 7c cf 7f 00 00 01 7f 00 00 01") + options + message


def answer_to(request: bytes, ip_version: int) -> bytes:
    """Return the reply a host gives: the other type, and on version 4 the checksum that goes with it."""
    if ip_version == 6:
        return b"\x81" + request[1:]
    unsummed = b"\x00\x00\x00\x00" + request[4:]
    return unsummed[:2] + checksum(unsummed).to_bytes(2, "big") + unsummed[4:]


def test_a_request_is_the_one_windows_sends() -> None:
    assert encode_echo_request(Echo(1, 1, PING[8:])) == PING


@pytest.mark.parametrize("packet", [PONG, in_ip(PONG), in_ip(PONG, b"\x94\x04\x00\x00")])
def test_a_reply_is_read_with_and_without_its_ip_header(packet: bytes) -> None:
    assert decode_echo_reply(packet) == Echo(1, 1, PING[8:])


def test_a_version_6_request_leaves_the_checksum_to_the_kernel() -> None:
    assert (
        encode_echo_request(Echo(0x1234, 7, b"token"), 6)
        == bytes.fromhex("80 00 00 00 12 34 00 07") + b"token"
    )
    reply = bytes.fromhex("81 00 be ef 12 34 00 07") + b"token"
    assert decode_echo_reply(reply, 6) == Echo(0x1234, 7, b"token")


@pytest.mark.parametrize(
    ("data", "total"),
    [
        (bytes.fromhex("00 01 f2 03 f4 f5 f6 f7"), 0x220D),  # RFC 1071, section 3
        (bytes.fromhex("45000073000040004011 0000 c0a80001c0a800c7"), 0xB861),
        (b"", 0xFFFF),
        (b"\x00\x00\x00\x00", 0xFFFF),
        (b"\xff\xff", 0),
        (b"\x01", 0xFEFF),
    ],
)
def test_the_checksum_is_that_of_rfc_1071(data: bytes, total: int) -> None:
    assert checksum(data) == total


@given(st.binary(max_size=100))
def test_the_checksum_is_the_folded_sum_of_words(data: bytes) -> None:
    padded = data + b"\x00" * (len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert checksum(data) == total ^ 0xFFFF


@given(echoes, st.sampled_from([4, 6]))
def test_an_echo_survives_the_way_there_and_back(echo: Echo, ip_version: int) -> None:
    reply = answer_to(encode_echo_request(echo, ip_version), ip_version)
    assert decode_echo_reply(reply, ip_version) == echo
    if ip_version == 4:
        assert decode_echo_reply(in_ip(reply)) == echo


@given(echoes, st.sampled_from([4, 6]))
def test_our_own_request_heard_on_loopback_is_no_reply(echo: Echo, ip_version: int) -> None:
    assert decode_echo_reply(encode_echo_request(echo, ip_version), ip_version) is None


keys, tokens = (
    st.binary(min_size=size, max_size=size) | st.sampled_from([bytes(size), b"\xff" * size])
    for size in (KEY_BYTES, TOKEN_BYTES)
)


secrets = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES) | st.sampled_from([bytes(4), b"\xff" * 4])


@given(idents, tokens, keys, secrets, st.sampled_from([4, 6]), st.lists(st.integers(0, 15), unique=True))
def test_a_volley_is_the_echoes_one_by_one(
    ident: int, token: bytes, key: bytes, secret: bytes, ip_version: int, places: list[int]
) -> None:
    volley = Volley(ident, token, 16, ip_version)
    payload = volley.payload(key)
    assert payload.startswith(token + key)
    for asked in (places, range(16), range(3, 9)):
        told = [bytes((place,)) * 2 + secret[2:] for place in asked]
        signs = make_signs(b"".join(told))
        whole = [payload + part + bytes(0xFF - byte for byte in part) for part in told]
        assert [split_payload(one) for one in whole] == [(payload, sign) for sign in signs]
        one_by_one = [
            encode_echo_request(Echo(ident, place, one), ip_version)
            for place, one in zip(asked, whole, strict=True)
        ]
        assert volley.encode(payload, asked, signs) == b"".join(one_by_one)


@given(st.binary(max_size=40).filter(lambda data: len(data) != VOLLEY_PAYLOAD_BYTES))
@example(b"\xff" * VOLLEY_PAYLOAD_BYTES + b"\0")
def test_a_payload_of_another_length_has_no_sign(payload: bytes) -> None:
    assert split_payload(payload) == (payload, 0)
    assert 0 not in make_signs(bytes(SECRET_BYTES) + b"\xff" * SECRET_BYTES)


@given(idents, tokens, keys, secrets, st.sampled_from([4, 6]), st.integers(0, 15))
def test_a_volley_knows_the_reply_before_it_comes(
    ident: int, token: bytes, key: bytes, secret: bytes, ip_version: int, place: int
) -> None:
    volley = Volley(ident, token, 16, ip_version)
    payload = volley.payload(key)
    reply = answer_to(volley.encode(payload, [place], make_signs(secret)), ip_version)
    assert volley.heads[reply[:HEAD_BYTES]] == place
    for at in range(HEAD_BYTES):
        other = reply[:at] + bytes((reply[at] ^ 0x80,)) + reply[at + 1 : HEAD_BYTES]
        assert volley.heads.get(other) != place


@given(tokens, keys, secrets, st.integers(0, 15))
def test_a_reply_with_the_other_zero_for_a_checksum_is_known_as_well(
    token: bytes, key: bytes, secret: bytes, place: int
) -> None:
    rest = checksum(Volley(0, token, 1).payload(bytes(KEY_BYTES)) + place.to_bytes(2, "big"))
    volley = Volley(rest, token, 16)  # an ident that makes the sum of this reply 0xFFFF
    request = volley.encode(volley.payload(key), [place], make_signs(secret))
    reply = answer_to(request, 4)
    assert reply[2:4] == b"\0\0"
    hasty = (
        b"\0\0" + ((int.from_bytes(request[2:4], "big") + 0x0800) % 0x10000).to_bytes(2, "big") + request[4:]
    )
    assert hasty[2:4] == b"\xff\xff"
    assert decode_echo_reply(hasty) == decode_echo_reply(reply)
    assert volley.heads[reply[:HEAD_BYTES]] == volley.heads[hasty[:HEAD_BYTES]] == place


def test_the_messages_of_a_volley_have_one_size() -> None:
    volley = Volley(1, b"our sign", 3)
    messages = volley.encode(volley.payload(b"a secret"), range(3), make_signs(bytes(3 * SECRET_BYTES)))
    assert len(messages) == 3 * VOLLEY_MESSAGE_BYTES


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "an ICMP message of 0 bytes"),
        (PONG[:7], "an ICMP message of 7 bytes"),
        (in_ip(b"")[:19], "an IP header of 20 bytes in a packet of 19"),
        (b"\x44" + in_ip(PONG)[1:], "an IP header of 16 bytes"),
        (in_ip(PONG[:4]), "an ICMP message of 4 bytes"),
        (PONG[:-1] + b"j", "checksum"),
    ],
)
def test_a_damaged_packet_is_a_bad_reply(packet: bytes, reason: str) -> None:
    with pytest.raises(BadReply, match=reason):
        decode_echo_reply(packet)


def test_an_unreachable_message_is_no_reply() -> None:
    assert decode_echo_reply(in_ip(bytes.fromhex("03 01 fc fe 00 00 00 00") + in_ip(PING))) is None


@given(st.binary(max_size=80), st.sampled_from([4, 6]))
def test_any_packet_is_an_echo_or_none_or_a_bad_reply(data: bytes, ip_version: int) -> None:
    try:
        echo = decode_echo_reply(data, ip_version)
    except BadReply as error:
        assert 0 <= error.offset <= len(data)
    else:
        assert echo is None or data.endswith(echo.payload)


@pytest.mark.parametrize("echo", [Echo(1, 1, bytes(65_508))])
def test_a_payload_larger_than_a_datagram_is_our_own_mistake(echo: Echo) -> None:
    with pytest.raises(ValueError, match="65508"):
        encode_echo_request(echo)


@pytest.mark.parametrize("kind", [socket.SOCK_RAW, socket.SOCK_DGRAM])
def test_the_kernel_answers_on_loopback(kind: socket.SocketKind) -> None:
    try:
        ours = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
    except PermissionError:
        assert not icmp_is_allowed(kind)
        return
    echo = Echo(0x4711, 3, b"a token and some padding")
    with ours:
        ours.settimeout(5)
        ours.sendto(encode_echo_request(echo), ("127.0.0.1", 0))
        while (reply := decode_echo_reply(ours.recv(2048))) is None or reply.payload != echo.payload:
            pass
    assert reply.sequence == echo.sequence
    assert kind == socket.SOCK_DGRAM or reply.ident == echo.ident


def icmp_is_allowed(kind: socket.SocketKind) -> bool:
    """Say by what the kernel publishes whether this process may open such a socket (Linux)."""
    if kind == socket.SOCK_RAW:
        effective = next(
            line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff")
        )
        return bool(int(effective.split()[1], 16) >> 13 & 1)
    low, high = map(int, Path("/proc/sys/net/ipv4/ping_group_range").read_text().split())
    return any(low <= group <= high for group in {os.getegid(), *os.getgroups()})

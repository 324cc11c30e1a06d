"""ICMP echo, version 4 (RFC 792) and 6 (RFC 4443). Counterpart: the ICMP transport and its raw or datagram sockets.

A datagram socket's kernel writes its own `ident` into what is sent and hands up only its own replies; a raw socket hears
the host's whole ICMP. So a reply is ours when sequence and payload are, and on a raw socket the ident too: let the payload
begin with a token that cannot be guessed.

Pings in numbers go out as a `Volley`: one payload for all but a sign of each, in which nothing weighs in the checksum but what
never changes. So the first 8 bytes of message and reply depend on an echo's place alone, are made once, and a reply is compared,
not computed.
One rule: on version 6 the kernel alone writes and checks the checksum (RFC 3542, section 3.1), here it stays 0.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence

import msgspec

from domain.errors import BadReply

MAX_PAYLOAD_BYTES = 65_507
"""What fits into the largest IPv4 datagram beside its header and that of the echo."""

_HEADER = struct.Struct(">BBHHH")
_REQUEST, _REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}


class Echo(msgspec.Struct, frozen=True):
    """What tells one echo from another."""

    ident: int
    sequence: int
    payload: bytes


def encode_echo_request(echo: Echo, ip_version: int = 4) -> bytes:
    """Return the ICMP message; `ident` and `sequence` have 16 bits."""
    if len(echo.payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(echo.payload)} bytes, the cap is {MAX_PAYLOAD_BYTES}")
    kind = _REQUEST[ip_version]
    message = _HEADER.pack(kind, 0, 0, echo.ident, echo.sequence) + echo.payload
    if ip_version == 6:
        return message
    return _HEADER.pack(kind, 0, checksum(message), echo.ident, echo.sequence) + echo.payload


def decode_echo_reply(data: bytes, ip_version: int = 4) -> Echo | None:
    """Read what a socket received; None for any ICMP message but an echo reply, BadReply for one that is damaged.

    Whether an IPv4 header comes first differs by kind of socket and by system, and shows: 4 is no ICMP type's first digit.
    """
    at = 0
    if ip_version == 4 and data and data[0] >> 4 == 4:
        at = (data[0] & 0x0F) * 4
        if at < 20 or at > len(data):
            raise BadReply(f"an IP header of {at} bytes in a packet of {len(data)}")
    if len(data) - at < _HEADER.size:
        raise BadReply(f"an ICMP message of {len(data) - at} bytes", at)
    kind, code, _, ident, sequence = _HEADER.unpack_from(data, at)
    if kind != _REPLY[ip_version] or code:
        return None
    if ip_version == 4 and checksum(data[at:]):
        raise BadReply("the checksum of an echo reply is wrong", at + 2)
    return Echo(ident, sequence, data[at + _HEADER.size :])


HEAD_BYTES = _HEADER.size
TOKEN_BYTES = KEY_BYTES = 8
SHARED_BYTES = TOKEN_BYTES + 2 * KEY_BYTES
SECRET_BYTES = 4
"""What nobody can guess in a sign."""
VOLLEY_PAYLOAD_BYTES = SHARED_BYTES + 2 * SECRET_BYTES
VOLLEY_MESSAGE_BYTES = HEAD_BYTES + VOLLEY_PAYLOAD_BYTES
_COMPLEMENT = bytes(range(0xFF, -1, -1))
_WORDS = VOLLEY_MESSAGE_BYTES // 8
_TOKEN_AT, _KEY_AT, _COUNTERWEIGHT_AT, _SIGN_AT = 1, 2, 3, 4


class Volley:
    """The bytes of up to `size` echoes at a time, whose sequence is their place: 0 up to `size`.

    `heads` tells the place of a reply by its first 8 bytes, whose checksum is 0 on version 6: a kernel has seen to it.
    """

    def __init__(self, ident: int, token: bytes, size: int, ip_version: int = 4) -> None:
        self.heads: dict[bytes, int] = {}
        self._token = token
        self._size = size
        payload = self.payload(bytes(KEY_BYTES)).ljust(VOLLEY_PAYLOAD_BYTES, b"\0")
        echoes = [Echo(ident, place, payload) for place in range(size)]
        self._messages = b"".join(encode_echo_request(echo, ip_version) for echo in echoes)
        kind = _REPLY[ip_version]
        for place, echo in enumerate(echoes):
            unsummed = _HEADER.pack(kind, 0, 0, ident, place)
            total = checksum(unsummed + echo.payload) if ip_version == 4 else 0
            self.heads[_HEADER.pack(kind, 0, total, ident, place)] = place
            if ip_version == 4 and not total:  # who only adds 8 to a request's checksum has the other zero
                self.heads[_HEADER.pack(kind, 0, 0xFFFF, ident, place)] = place

    def payload(self, key: bytes) -> bytes:
        """Return what the echoes of this key share: the key, and what makes it weigh nothing (RFC 1071, section 2)."""
        counterweight = (~int.from_bytes(key) & (1 << 8 * KEY_BYTES) - 1).to_bytes(KEY_BYTES)
        return self._token + key + counterweight

    def encode(self, payload: bytes, places: Sequence[int], signs: array[int]) -> bytes:
        """Return the requests of these places, one behind the other, each with its sign behind what they share."""
        if isinstance(places, range):
            messages = bytearray(
                self._messages[places.start * VOLLEY_MESSAGE_BYTES : places.stop * VOLLEY_MESSAGE_BYTES]
            )
        else:
            starts = [place * VOLLEY_MESSAGE_BYTES for place in places]
            messages = bytearray().join(
                self._messages[start : start + VOLLEY_MESSAGE_BYTES] for start in starts
            )
        words, told = memoryview(messages).cast("Q"), memoryview(payload).cast("Q")
        for at in (_KEY_AT, _COUNTERWEIGHT_AT):
            words[at::_WORDS] = array("Q", (told[at - _TOKEN_AT],)) * len(places)
        words[_SIGN_AT::_WORDS] = signs
        return bytes(messages)


def make_signs(secrets: bytes) -> array[int]:
    """Return a sign for each `SECRET_BYTES`: they, and behind them what makes them weigh nothing. None is 0."""
    signs = array("Q", bytes(2 * len(secrets)))
    halves = memoryview(signs).cast("B").cast("I")
    halves[0::2], halves[1::2] = array("I", secrets), array("I", secrets.translate(_COMPLEMENT))
    return signs


def split_payload(payload: bytes) -> tuple[bytes, int]:
    """Return what a reply's payload shares with others, and its sign; 0 where it is none of a volley."""
    if len(payload) != VOLLEY_PAYLOAD_BYTES:
        return payload, 0
    return payload[:SHARED_BYTES], int.from_bytes(payload[SHARED_BYTES:], sys.byteorder)


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071): 0 over data that holds its own right one."""
    # Folding by 0xFFFF is what adding 16-bit words with end-around carry comes to; a sum that is not 0 never folds to 0.
    total = int.from_bytes(data + bytes(len(data) % 2), "big")
    return 0xFFFF - (total % 0xFFFF or 0xFFFF) if total else 0xFFFF

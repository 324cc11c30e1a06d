"""ICMP echo, version 4 (RFC 792) and 6 (RFC 4443). Counterpart: the ICMP transport and its raw or datagram sockets.

A datagram socket's kernel writes its own `ident` into what is sent and hands up only its own replies; a raw socket hears
the host's whole ICMP. So a reply is ours when sequence and payload are, and on a raw socket the ident too: let the payload
begin with a token that cannot be guessed.

One rule: on version 6 the kernel alone writes and checks the checksum (RFC 3542, section 3.1), here it stays 0.
"""

from __future__ import annotations

import struct

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


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071): 0 over data that holds its own right one."""
    # Folding by 0xFFFF is what adding 16-bit words with end-around carry comes to; a sum that is not 0 never folds to 0.
    total = int.from_bytes(data + bytes(len(data) % 2), "big")
    return 0xFFFF - (total % 0xFFFF or 0xFFFF) if total else 0xFFFF

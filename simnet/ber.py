"""The few shapes of BER that SNMP needs (X.690, RFC 3416), as bytes.

Counterpart: `agent.py`. One rule: whatever comes in, the only exception that leaves is BerError.
"""

from __future__ import annotations

from functools import lru_cache

Oid = tuple[int, ...]

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_ID = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIME_TICKS = 0x43
COUNTER64 = 0x46
NO_SUCH_OBJECT = b"\x80\x00"
NO_SUCH_INSTANCE = b"\x81\x00"
END_OF_MIB_VIEW = b"\x82\x00"
NULL_VALUE = b"\x05\x00"

_MAX_OID_LENGTH = 128


class BerError(ValueError):
    """Bytes that are no message of ours to read."""


def encode(tag: int, body: bytes) -> bytes:
    """Put a tag and a length before a body."""
    length = len(body)
    if length < 0x80:
        return bytes((tag, length)) + body
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """Encode a signed integer in as few octets as it needs."""
    return encode(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def encode_unsigned(tag: int, value: int) -> bytes:
    """Encode a counter, gauge or time: 32 bits, or 64 for Counter64, wrapping as the device's would."""
    return encode_integer(value & (0xFFFF_FFFF_FFFF_FFFF if tag == COUNTER64 else 0xFFFF_FFFF), tag)


def encode_text(text: str) -> bytes:
    """Encode a text as an octet string in UTF-8, as RouterOS sends its names; escaped octets go out as they are."""
    return encode(OCTET_STRING, text.encode("utf-8", "surrogateescape"))


def encode_subids(oid: Oid) -> bytes:
    """Encode sub-identifiers in base 128, without the rule for the first two."""
    if max(oid) < 0x80:
        return bytes(oid)
    out = bytearray()
    for part in oid:
        groups = [part & 0x7F]
        part >>= 7  # noqa: PLW2901
        while part:
            groups.append(0x80 | part & 0x7F)
            part >>= 7  # noqa: PLW2901
        out += bytes(reversed(groups))
    return bytes(out)


@lru_cache(maxsize=16_384)
def encode_oid(oid: Oid) -> bytes:
    """Encode an object identifier with its tag; at least two sub-identifiers."""
    return encode(OBJECT_ID, encode_subids((oid[0] * 40 + oid[1], *oid[2:])))


@lru_cache(maxsize=8_192)
def decode_oid(body: bytes) -> Oid:
    """Decode the body of an object identifier."""
    if not body or len(body) > 5 * _MAX_OID_LENGTH or body[-1] & 0x80:
        raise BerError("an object identifier of an impossible length")
    parts: list[int] = []
    value = 0
    for octet in body:
        value = value << 7 | octet & 0x7F
        if value > 0xFFFF_FFFF:
            raise BerError("a sub-identifier beyond 32 bits")
        if not octet & 0x80:
            parts.append(value)
            value = 0
    if len(parts) >= _MAX_OID_LENGTH:
        raise BerError("an object identifier of more than 128 parts")
    first = min(parts[0] // 40, 2)
    return (first, parts[0] - 40 * first, *parts[1:])


def decode(data: bytes, start: int = 0) -> tuple[int, bytes, int]:
    """Read one element at `start`; returns its tag, its body and where the next one begins."""
    try:
        tag, length = data[start], data[start + 1]
        begin = start + 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise BerError(f"a length of {size} octets at {start}")
            length = int.from_bytes(data[begin : begin + size], "big")
            begin += size
    except IndexError:
        raise BerError(f"cut off at {start}") from None
    end = begin + length
    if end > len(data):
        raise BerError(f"cut off at {start}: {length} octets announced, {len(data) - begin} there")
    return tag, data[begin:end], end


def decode_integer(tag: int, body: bytes) -> int:
    """Read a signed integer of at most four octets."""
    if tag != INTEGER or not 1 <= len(body) <= 4:
        raise BerError("expected an integer of 32 bits")
    return int.from_bytes(body, "big", signed=True)

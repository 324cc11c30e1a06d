"""The part of BER (ITU-T X.690) that SNMP uses. Counterpart: `snmp.py`, which knows what the values mean together.

An OID is a dotted `str` without a leading dot: its hash is computed once, a prefix is `startswith` and an index is a slice,
and the memo below hands out the same object each time an OID is seen, so that dictionaries find it by identity.

One rule: strict about bounds, lenient about style. A length that leaves its enclosing value is refused; a length or a
number written longer than it need be, or an unsigned number without its leading zero, is what real devices send.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import TypeVar

from domain.errors import BadReply

INTEGER, OCTET_STRING, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIME_TICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46
"""Application tags of RFC 2578, section 7.1; Gauge32 and Unsigned32 share one."""

MAX_SUB_ID = 0xFFFF_FFFF
MAX_SUB_IDS = 128
"""RFC 2578, section 3.5: an OID has at most 128 sub-identifiers of 32 bits."""

MEMO_ENTRIES, MEMO_KEY_BYTES = 8192, 64
"""What one generation of a memo keeps; two generations of the longest keys are below 8 MB."""

T = TypeVar("T")


class Absent(Enum):
    """What v2c answers in place of a value (RFC 3416, section 3). Compare with `is`."""

    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


Value = int | float | bytes | str | Absent | None
"""INTEGER, counters, gauges and ticks: int. OCTET STRING and Opaque: bytes. OID and IpAddress: str. Opaque float: float.

A signed INTEGER stays as it was sent. Where MikroTik puts an unsigned index into one (negative from 2**31 on), the driver
that knows the column masks it with 0xFFFFFFFF.
"""


# ---- bytes from values


def encode_tlv(tag: int, body: bytes) -> bytes:
    """Return `body` with its tag and the shortest length before it."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """Return the shortest two's complement form of `value`; unsigned types are written so too (RFC 2578, 7.1)."""
    magnitude = value if value >= 0 else ~value
    return encode_tlv(tag, value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True))


@lru_cache(maxsize=MEMO_ENTRIES)
def encode_oid(oid: str) -> bytes:
    """Return the TLV of a dotted OID; ValueError where it is none, since our own code wrote it."""
    arcs = [int(arc) for arc in oid.split(".")]
    if not 2 <= len(arcs) <= MAX_SUB_IDS or min(arcs) < 0 or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise ValueError(f"not an OID: {oid!r}")
    arcs[:2] = [arcs[0] * 40 + arcs[1]]
    if max(arcs) > MAX_SUB_ID:
        raise ValueError(f"an arc of {oid!r} is over 32 bits")
    body = bytearray()
    for arc in arcs:
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(arc & 0x7F | 0x80)
        body += bytes(reversed(octets))
    return encode_tlv(OID, bytes(body))


# ---- values from bytes


def decode_header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return (tag, start, stop) of the value at `at`; it is whole, within `end`, of one tag byte and a definite length."""
    if at + 2 > end:
        raise BadReply("expected a tag and a length, got the end", at)
    tag, size = data[at], data[at + 1]
    if tag & 0x1F == 0x1F:
        raise BadReply(f"tag {tag:#04x} continues in more bytes, SNMP has none such", at)
    start = at + 2
    if size >= 0x80:
        octets = size & 0x7F
        if not octets:
            raise BadReply("indefinite length, SNMP has none such", at + 1)
        if start + octets > end:
            raise BadReply(f"a length of {octets} bytes leaves its value", at + 1)
        size = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if start + size > end:
        raise BadReply(f"a value of {size} bytes leaves its enclosing value by {start + size - end}", at)
    return tag, start, start + size


def decode_expected(data: bytes, at: int, end: int, tag: int, what: str) -> tuple[int, int]:
    """Return (start, stop) of the value at `at`, which must carry `tag`."""
    got, start, stop = decode_header(data, at, end)
    if got != tag:
        raise BadReply(f"expected {what} (tag {tag:#04x}), got tag {got:#04x}", at)
    return start, stop


def decode_integer(data: bytes, at: int, end: int, what: str) -> tuple[int, int]:
    """Return (number, end) of the INTEGER at `at`."""
    start, stop = decode_expected(data, at, end, INTEGER, what)
    return _signed(data, start, stop), stop


def decode_value(data: bytes, at: int, end: int) -> tuple[Value, int]:
    """Return (value, end) of the value at `at`, of any type SNMP binds to an OID."""
    tag, start, stop = decode_header(data, at, end)
    decode = _DECODERS.get(tag)
    if decode is None:
        raise BadReply(f"tag {tag:#04x} is no type of SNMP", at)
    return decode(data, start, stop), stop


class Memo(dict[bytes, T]):
    """What `read` makes of bytes that come again and again: `memo[key]`, as fast as a dictionary when it was seen lately.

    Two generations: what the older one still serves moves to the younger, so a device that sends new bytes each time
    pushes out its own and leaves what is asked for in every cycle. What `read` raises passes and is not kept.
    """

    def __init__(self, read: Callable[[bytes], T], entries: int = MEMO_ENTRIES) -> None:
        super().__init__()
        self._read = read
        self._entries = entries
        self._older: dict[bytes, T] = {}

    def __missing__(self, key: bytes) -> T:
        value = self._older.get(key)
        if value is None:
            value = self._read(key)
        if len(key) <= MEMO_KEY_BYTES:
            if len(self) >= self._entries:
                self._older = dict(self)
                self.clear()
            self[key] = value
        return value


def decode_oid(data: bytes, at: int, end: int) -> tuple[str, int]:
    """Return (OID, end) of the OBJECT IDENTIFIER at `at`."""
    start, stop = decode_expected(data, at, end, OID, "an OID")
    return _oid(data, start, stop), stop


def _oid(data: bytes, start: int, stop: int) -> str:
    try:
        return _OID_TEXTS[data[start:stop]]
    except BadReply as error:
        raise BadReply(error.reason, start + error.offset) from None


def _read_oid(body: bytes) -> str:
    """Return the text of an OID's content octets; one memo for all devices, since they are asked the same questions."""
    if not body:
        return "0.0"  # net-snmp reads it so
    if body[-1] >= 0x80:
        raise BadReply("the last arc of an OID does not end", len(body) - 1)
    arcs: list[int] = []
    arc = 0
    for at, octet in enumerate(body):
        if octet == 0x80 and not arc and (at == 0 or body[at - 1] < 0x80):
            raise BadReply("an arc of an OID starts with a zero", at)
        arc = arc << 7 | octet & 0x7F
        if arc > MAX_SUB_ID:
            raise BadReply("an arc of an OID is over 32 bits", at)
        if octet < 0x80:
            if arcs:
                arcs.append(arc)
            else:
                top = min(arc // 40, 2)
                arcs = [top, arc - 40 * top]
            arc = 0
        if len(arcs) > MAX_SUB_IDS:
            raise BadReply(f"an OID of more than {MAX_SUB_IDS} arcs", at)
    return ".".join(map(str, arcs))


_OID_TEXTS = Memo(_read_oid)


def _signed(data: bytes, start: int, stop: int) -> int:
    if stop - start > 8:
        raise BadReply(f"an INTEGER of {stop - start} bytes", start)
    return int.from_bytes(data[start:stop], "big", signed=True)


def _unsigned(data: bytes, start: int, stop: int, bits: int) -> int:
    """Read a number that is never negative; bytes beyond its width may only be sign or padding."""
    body = data[start:stop]
    extra = len(body) - bits // 8
    if extra > 0:
        if body[:extra] not in (bytes(extra), b"\xff" * extra):
            raise BadReply(f"a number of {bits} bits in {len(body)} bytes", start)
        body = body[extra:]
    return int.from_bytes(body, "big")


def _unsigned32(data: bytes, start: int, stop: int) -> int:
    return _unsigned(data, start, stop, 32)


def _unsigned64(data: bytes, start: int, stop: int) -> int:
    return _unsigned(data, start, stop, 64)


def _octets(data: bytes, start: int, stop: int) -> bytes:
    return data[start:stop]


def _null(data: bytes, start: int, stop: int) -> None:
    if start != stop:
        raise BadReply(f"a NULL of {stop - start} bytes", start)


def _ip_address(data: bytes, start: int, stop: int) -> str:
    if stop - start != 4:
        raise BadReply(f"an IpAddress of {stop - start} bytes", start)
    return ".".join(map(str, data[start:stop]))


def _opaque(data: bytes, start: int, stop: int) -> float | bytes:
    """Read Opaque; net-snmp wraps floats so (`9f 78 04` a single, `9f 79 08` a double), all else stays bytes."""
    head, body = data[start : start + 3], data[start + 3 : stop]
    if head == b"\x9f\x78\x04" and len(body) == 4:
        return float(struct.unpack(">f", body)[0])
    if head == b"\x9f\x79\x08" and len(body) == 8:
        return float(struct.unpack(">d", body)[0])
    return data[start:stop]


def _absent(which: Absent) -> Callable[[bytes, int, int], Absent]:
    def decode(data: bytes, start: int, stop: int) -> Absent:
        _null(data, start, stop)
        return which

    return decode


_DECODERS: dict[int, Callable[[bytes, int, int], Value]] = {
    INTEGER: _signed,
    OCTET_STRING: _octets,
    NULL: _null,
    OID: _oid,
    IP_ADDRESS: _ip_address,
    COUNTER32: _unsigned32,
    GAUGE32: _unsigned32,
    TIME_TICKS: _unsigned32,
    OPAQUE: _opaque,
    COUNTER64: _unsigned64,
    **{which.value: _absent(which) for which in Absent},
}

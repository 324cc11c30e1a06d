"""SNMP messages of v1 and v2c, and the PDUs of all versions (RFC 1157, RFC 3416).

Counterpart: `ber.py` and `sealed.py` below, `snmp_v3.py` and the SNMP drivers above.

A request's bytes are the same from poll to poll but for its id, so all around the id is made once per (community, OIDs).
A reply is read by one loop that handles what agents nearly always send (short lengths, an OID seen before, a plain number
or string) and hands anything else to `_decode_varbind`, which alone decides what is refused.

One rule: the quick loop may only take what the thorough way would have read to the same value; a property test holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

from domain.errors import BadReply
from engine.protocols.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    SEQUENCE,
    TIME_TICKS,
    Memo,
    Value,
    decode_expected,
    decode_header,
    decode_integer,
    decode_oid,
    decode_value,
    encode_integer,
    encode_oid,
    encode_tlv,
)
from engine.protocols.sealed import V3, Sealed, decode_sealed

MAX_MESSAGE_BYTES = 65_535
"""The most a UDP datagram holds, and so the most of a message that is ever looked at."""

MAX_VARBINDS = 2048
"""More than any question of ours is answered with; keeps a datagram of nothing but new OIDs below 50 ms."""

MIN_REQUEST_ID, MAX_REQUEST_ID = 0x0080_0000, 0x7FFF_FFFF
"""The request ids that BER writes in exactly four bytes; `encode_get` and its like take only these."""


class Version(IntEnum):
    """The number a message opens with."""

    V1 = 0
    V2C = 1


class Pdu(IntEnum):
    """What a message is (RFC 3416, section 3); the values are the tags on the wire."""

    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    SET = 0xA3
    TRAP_V1 = 0xA4
    GET_BULK = 0xA5
    INFORM = 0xA6
    TRAP = 0xA7
    REPORT = 0xA8


Varbind = tuple[str, Value]


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message other than a v1 trap; one of v3 is opened by `snmp_v3.py` and has None for a community.

    `error_status` and `error_index` (from 1, 0 for none) are those of RFC 3416; in a GETBULK they are its non-repeaters
    and max-repetitions. v1 has no `Absent` values: an unknown OID is `error_status` 2 (noSuchName). A reply that was read by
    the layout of an earlier one has its values in `found`, by OID, and no `varbinds`: no pair need be made of each.
    """

    version: int
    community: bytes | None
    pdu: int
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[Varbind]
    found: dict[str, Value] | None = None

    @property
    def values(self) -> dict[str, Value]:
        """The values by OID; of one that is bound twice the later."""
        return dict(self.varbinds) if self.found is None else self.found

    def __repr__(self) -> str:
        """Leave the community out: it is a secret, and this ends up in logs and in failing tests."""
        return (
            f"Message(v{self.version}, {self.pdu:#04x}, id {self.request_id}, "
            f"error {self.error_status}/{self.error_index}, {self.found or self.varbinds!r})"
        )


# ---- requests


def encode_get(request_id: int, community: bytes, oids: tuple[str, ...], version: int = Version.V2C) -> bytes:
    """Return a GET of `oids`."""
    head, tail = around_id(Pdu.GET, version, community, oids)
    return head + four_bytes(request_id) + tail


def encode_getnext(
    request_id: int, community: bytes, oids: tuple[str, ...], version: int = Version.V2C
) -> bytes:
    """Return a GETNEXT after `oids`."""
    head, tail = around_id(Pdu.GET_NEXT, version, community, oids)
    return head + four_bytes(request_id) + tail


def encode_getbulk(
    request_id: int, community: bytes, oids: tuple[str, ...], max_repetitions: int, non_repeaters: int = 0
) -> bytes:
    """Return a v2c GETBULK after `oids`: the first `non_repeaters` once, the others up to `max_repetitions` times."""
    head, tail = around_id(Pdu.GET_BULK, Version.V2C, community, oids, (non_repeaters, max_repetitions))
    return head + four_bytes(request_id) + tail


def encode_pdu(request_id: int, pdu: int, oids: tuple[str, ...], numbers: tuple[int, int] = (0, 0)) -> bytes:
    """Return the PDU of a request without its message; `numbers` as in `encode_message`."""
    head, tail = _pdu_around_id(pdu, oids, numbers)
    return head + four_bytes(request_id) + tail


def encode_message(
    version: int,
    community: bytes,
    pdu: int,
    request_id: int,
    varbinds: Sequence[tuple[str, bytes]],
    *,
    numbers: tuple[int, int] = (0, 0),
) -> bytes:
    """Return any message whole; a varbind is an OID and the TLV of its value, `numbers` are error status and index."""
    body = encode_integer(request_id) + _after_id(numbers, varbinds)
    head = encode_integer(version) + encode_tlv(OCTET_STRING, community)
    return encode_tlv(SEQUENCE, head + encode_tlv(pdu, body))


def _after_id(numbers: tuple[int, int], varbinds: Sequence[tuple[str, bytes]]) -> bytes:
    bound = b"".join([encode_tlv(SEQUENCE, encode_oid(oid) + value) for oid, value in varbinds])
    return b"".join(map(encode_integer, numbers)) + encode_tlv(SEQUENCE, bound)


@lru_cache(maxsize=4096)
def around_id(
    pdu: int, version: int, community: bytes, oids: tuple[str, ...], numbers: tuple[int, int] = (0, 0)
) -> tuple[bytes, bytes]:
    """Return the bytes before and after the request id of a request."""
    head, tail = _pdu_around_id(pdu, oids, numbers)
    body = encode_integer(version) + encode_tlv(OCTET_STRING, community) + head
    whole = encode_tlv(SEQUENCE, body + bytes(4) + tail)
    return whole[: -4 - len(tail)], tail


@lru_cache(maxsize=4096)
def _pdu_around_id(pdu: int, oids: tuple[str, ...], numbers: tuple[int, int]) -> tuple[bytes, bytes]:
    tail = _after_id(numbers, [(oid, encode_tlv(NULL, b"")) for oid in oids])
    whole = encode_tlv(pdu, encode_integer(MIN_REQUEST_ID) + tail)
    return whole[: -4 - len(tail)], tail


def four_bytes(request_id: int) -> bytes:
    """Return a request id as BER writes its content; ValueError for one that takes fewer bytes, or more."""
    if not MIN_REQUEST_ID <= request_id <= MAX_REQUEST_ID:
        raise ValueError(f"request id {request_id} is not in {MIN_REQUEST_ID}..{MAX_REQUEST_ID}")
    return request_id.to_bytes(4, "big")


# ---- replies


def decode_message(data: bytes) -> Message | Sealed:
    """Read one datagram; bytes after the message are let pass, all else that is not SNMP is a BadReply."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise BadReply(f"a message of {len(data)} bytes, the cap is {MAX_MESSAGE_BYTES}")
    return _decode_usual_reply(data) or _decode_message(data)


def _decode_usual_reply(data: bytes) -> Message | None:
    """Read a message as agents nearly always lay it out, else None: four bytes of request id, no error."""
    usual = _usual(data)
    if usual is None:
        return None
    at, pdu_at, id_at, varbinds_at, end = usual
    return Message(
        data[at + 2],
        data[at + 5 : pdu_at],
        data[pdu_at],
        int.from_bytes(data[id_at : id_at + 4], "big", signed=True),
        0,
        0,
        decode_varbinds(data, varbinds_at, end),
    )


def _usual(data: bytes) -> tuple[int, int, int, int, int] | None:
    """Return where version, PDU, request id and varbinds begin, and the end, of a message as agents nearly always lay it out."""
    if len(data) < 32:
        return None
    at, end = _span(data, 1)
    pdu_at = at + 5 + data[at + 4]
    if pdu_at + 20 > end or end > len(data):
        return None
    id_at, pdu_end = _span(data, pdu_at + 1)
    varbinds_at, varbinds_end = _span(data, id_at + 13)
    if (
        data[0] != SEQUENCE
        or data[at : at + 4] not in _VERSION_THEN_COMMUNITY
        or data[at + 4] >= 0x80
        or data[pdu_at] not in _PDUS
        or data[id_at : id_at + 2] != b"\x02\x04"
        or data[id_at + 6 : id_at + 13] != b"\x02\x01\x00\x02\x01\x00\x30"
        or not varbinds_end == pdu_end == end
    ):
        return None
    return at, pdu_at, id_at + 2, varbinds_at, end


_VERSION_THEN_COMMUNITY = frozenset((b"\x02\x01\x00\x04", b"\x02\x01\x01\x04"))
_PDUS = frozenset(pdu.value for pdu in Pdu if pdu != Pdu.TRAP_V1)


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Return (start, stop) by the length at `at`, (0, 0) for one of more than three bytes."""
    form = data[at]
    if form < 0x80:
        return at + 1, at + 1 + form
    if form == 0x82:
        return at + 3, at + 3 + (data[at + 1] << 8 | data[at + 2])
    if form == 0x81:
        return at + 2, at + 2 + data[at + 1]
    return 0, 0


def _decode_message(data: bytes) -> Message | Sealed:
    at, end = decode_expected(data, 0, len(data), SEQUENCE, "a message")
    version, at = decode_integer(data, at, end, "a version")
    if version == V3:
        return decode_sealed(data, at, end)
    if version not in (Version.V1, Version.V2C):
        raise BadReply(f"expected SNMP v1 (0), v2c (1) or v3 (3), got version {version}", at)
    start, at = decode_expected(data, at, end, OCTET_STRING, "a community")
    return decode_pdu(data, at, end, version, data[start:at])


def decode_pdu(data: bytes, at: int, end: int, version: int, community: bytes | None) -> Message:
    """Read the PDU that fills data[at:end]."""
    pdu, start, stop = decode_header(data, at, end)
    if pdu not in _PDUS:
        raise BadReply(f"tag {pdu:#04x} is no message with a request id", at)
    if stop != end:
        raise BadReply(f"{end - stop} bytes between the end of the PDU and of its message", stop)
    request_id, at = decode_integer(data, start, end, "a request id")
    error_status, at = decode_integer(data, at, end, "an error status")
    error_index, at = decode_integer(data, at, end, "an error index")
    at, stop = decode_expected(data, at, end, SEQUENCE, "a list of varbinds")
    if stop != end:
        raise BadReply(f"{end - stop} bytes between the end of the varbinds and of their message", stop)
    return Message(
        version, community, pdu, request_id, error_status, error_index, decode_varbinds(data, at, end)
    )


def decode_varbinds(data: bytes, at: int, end: int) -> list[Varbind]:
    """Read the varbinds that fill data[at:end]."""
    varbinds: list[Varbind] = []
    add, heads, number = varbinds.append, _HEADS, int.from_bytes
    shortest = end - 6  # where the last varbind can start
    for _ in range(MAX_VARBINDS):
        if at > shortest:
            break
        start = at + 6 + data[at + 3]
        oid, kind, size = heads[data[at:start]]
        stop = at + size
        if stop > end:
            break
        if kind == _UNSIGNED:
            add((oid, number(data[start:stop], "big")))
        elif kind == _OCTETS:
            add((oid, data[start:stop]))
        elif kind == _SIGNED:
            add((oid, number(data[start:stop], "big", signed=True)))
        elif kind == _PADDED and not data[start]:
            add((oid, number(data[start:stop], "big")))
        else:
            varbind, stop = _decode_varbind(data, at, end)
            add(varbind)
        at = stop
    while at < end:
        if len(varbinds) >= MAX_VARBINDS:
            raise BadReply(f"more than {MAX_VARBINDS} varbinds", at)
        varbind, at = _decode_varbind(data, at, end)
        add(varbind)
    return varbinds


class Plain(NamedTuple):
    """Where the values of a message lie, and the places (from 1) of those that are not simply unsigned numbers."""

    id_at: int
    spans: list[tuple[int, int]]
    signed: tuple[int, ...]
    texts: tuple[int, ...]
    padded: tuple[int, ...]


def plain_values(data: bytes) -> Plain | None:
    """Tell where the values of a message are that is all numbers and strings, laid out as usual; None for any other."""
    usual = _usual(data)
    if usual is None or usual[-1] != len(data):
        return None
    at, end = usual[3:]
    spans: list[tuple[int, int]] = []
    places: dict[int, list[int]] = {_UNSIGNED: [], _SIGNED: [], _OCTETS: [], _PADDED: []}
    while at < end:
        start = at + 6 + data[at + 3] if at + 6 <= end else end
        _, kind, size = _HEADS[data[at:start]]
        at += size
        if kind == _UNUSUAL or at > end or (start == at and kind != _OCTETS):
            return None
        spans.append((start, at))
        places[kind].append(len(spans))
    signed, texts, padded = (tuple(places[kind]) for kind in (_SIGNED, _OCTETS, _PADDED))
    return Plain(usual[2], spans, signed, texts, padded)


_UNSIGNED, _OCTETS, _SIGNED, _PADDED, _UNUSUAL = range(5)


def _read_head(head: bytes) -> tuple[str, int, int]:
    """Return (OID, how to read the value, size of the varbind) of all of a varbind but its value's content.

    `_UNUSUAL` when it is anything but two headers and an OID, each length one byte, around a number or string.
    """
    unusual = ("", _UNUSUAL, 0)
    oid_size = head[3]
    if len(head) != oid_size + 6 or oid_size >= 0x80 or head[0] != SEQUENCE or head[2] != OID:
        return unusual
    tag, size = head[-2], head[-1]
    if size >= 0x80 or head[1] != oid_size + 4 + size:
        return unusual
    if tag == OCTET_STRING:
        kind = _OCTETS
    elif tag == INTEGER and size <= 8:
        kind = _SIGNED
    elif (tag == COUNTER64 and size <= 8) or (tag in _NUMBERS32 and size <= 4):
        kind = _UNSIGNED
    elif tag in _NUMBERS32 and size == 5:
        kind = _PADDED  # with the leading zero of numbers from 2**31 on, or with a stretched sign
    else:
        return unusual
    try:
        return decode_oid(head, 2, oid_size + 4)[0], kind, 2 + head[1]
    except BadReply:
        return unusual  # to be refused where its offset is known


_NUMBERS32 = (COUNTER32, GAUGE32, TIME_TICKS)
_HEADS = Memo(_read_head)


def _decode_varbind(data: bytes, at: int, end: int) -> tuple[Varbind, int]:
    """Read the varbind at `at` the thorough way; return it and its end."""
    start, stop = decode_expected(data, at, end, SEQUENCE, "a varbind")
    oid, start = decode_oid(data, start, stop)
    value, start = decode_value(data, start, stop)
    if start != stop:
        raise BadReply(f"{stop - start} bytes between the end of a value and of its varbind", start)
    return (oid, value), stop

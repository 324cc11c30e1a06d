"""An SNMP agent: a datagram in, a datagram or silence out (RFC 1157, RFC 3416).

Counterpart: `mikrotik_mib.py`, the tree it answers from, and `secure_agent.py`, which has v3 around it. One rule: a wrong
community, a wrong version or bytes that are no request get no answer at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simnet.ber import (
    COUNTER64,
    END_OF_MIB_VIEW,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    NULL_VALUE,
    OBJECT_ID,
    OCTET_STRING,
    SEQUENCE,
    BerError,
    Oid,
    decode,
    decode_integer,
    decode_oid,
    encode,
    encode_integer,
    encode_oid,
)
from simnet.mib import Found, Mib
from simnet.router import Router
from simnet.secure_agent import V3, SecureAgent
from simnet.usm import SnmpUser

GET, GET_NEXT, RESPONSE, SET, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5
V1, V2C = 0, 1
_TOO_BIG, _NO_SUCH_NAME, _NO_ACCESS = 1, 2, 6
_MAX_REPLY_BYTES = 8192
"""An answer is no larger; a bulk answer ends earlier, any other becomes tooBig."""
_MAX_NAMES = 256
_ENGINE_ID_HEAD = bytes.fromhex("80003a8c04")
"""MikroTik's enterprise number, and that a text follows (RFC 3411, SnmpEngineID)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: for GETBULK `status` is non-repeaters and `index` max-repetitions. In v3 it has no community."""

    version: int
    community: bytes
    kind: int
    request_id: int
    status: int
    index: int
    names: list[Oid]


def decode_request(datagram: bytes) -> Request:
    """Take a datagram apart.

    Raises:
        BerError: it is no request of SNMP v1 or v2c.
    """
    tag, message, _ = decode(datagram)
    if tag != SEQUENCE:
        raise BerError("no sequence")
    tag, body, place = decode(message)
    version = decode_integer(tag, body)
    tag, community, place = decode(message, place)
    if tag != OCTET_STRING or version not in (V1, V2C):
        raise BerError(f"version {version}")
    return decode_pdu(message[place:], version, community)


def decode_pdu(octets: bytes, version: int, community: bytes) -> Request:
    """Take a PDU apart.

    Raises:
        BerError: it is no request.
    """
    kind, pdu, _ = decode(octets)
    if kind not in (GET, GET_NEXT, SET) and (kind != GET_BULK or version == V1):
        raise BerError(f"a PDU of kind {kind:#x}")
    place = 0
    numbers: list[int] = []
    for _ in range(3):
        tag, body, place = decode(pdu, place)
        numbers.append(decode_integer(tag, body))
    tag, bindings, _ = decode(pdu, place)
    if tag != SEQUENCE:
        raise BerError("no bindings")
    names: list[Oid] = []
    place = 0
    while place < len(bindings):
        tag, binding, place = decode(bindings, place)
        tag, name, _ = decode(binding)
        if tag != OBJECT_ID or len(names) == _MAX_NAMES:
            raise BerError("a binding without a name, or too many")
        names.append(decode_oid(name))
    return Request(version, community, kind, numbers[0], numbers[1], numbers[2], names)


def encode_response(request: Request, found: list[Found], status: int = 0, index: int = 0) -> bytes:
    """Build the answer to a request: the message, in v3 the PDU."""
    bindings = b"".join(encode(SEQUENCE, encode_oid(item.oid) + item.value) for item in found)
    pdu = (
        encode_integer(request.request_id)
        + encode_integer(status)
        + encode_integer(index)
        + encode(SEQUENCE, bindings)
    )
    response = encode(RESPONSE, pdu)
    if request.version == V3:
        return response
    return encode(
        SEQUENCE, encode_integer(request.version) + encode(OCTET_STRING, request.community) + response
    )


class Agent:
    """Answers for one router."""

    def __init__(self, router: Router, mib: Mib, community: str, users: Sequence[SnmpUser] = ()) -> None:
        self._router = router
        self._mib = mib
        self._community = community.encode()
        engine_id = _ENGINE_ID_HEAD + router.spec.serial.encode()[:27]
        self._secure = SecureAgent(users, engine_id, router.uptime_s, self._respond_to_pdu) if users else None

    def answer(self, datagram: bytes, at_s: float) -> bytes | None:
        """Return the answer to a datagram, or None where a router stays silent."""
        if self._secure and b"\x02\x01\x03" in datagram[2:7]:
            return self._secure.answer(datagram, at_s)
        try:
            request = decode_request(datagram)
        except BerError:
            return None
        return self.respond(request, at_s) if request.community == self._community else None

    def _respond_to_pdu(self, pdu: bytes, at_s: float) -> bytes:
        return self.respond(decode_pdu(pdu, V3, b""), at_s)

    def respond(self, request: Request, at_s: float) -> bytes:
        """Return the answer to a request whose community is right."""
        if request.kind == SET:
            status = _NO_SUCH_NAME if request.version == V1 else _NO_ACCESS
            return self._refuse(request, status, 1 if request.names else 0)
        if request.kind == GET_BULK:
            return encode_response(request, self._read_bulk(request, at_s))
        if request.version == V1:
            return self._answer_v1(request, at_s)
        reply = encode_response(request, [self._read(request.kind, name, at_s) for name in request.names])
        return reply if len(reply) <= _MAX_REPLY_BYTES else self._refuse(request, _TOO_BIG, 0)

    def _read(self, kind: int, name: Oid, at_s: float) -> Found:
        if kind == GET:
            found = self._mib.find(self._router, name, at_s)
            missing = NO_SUCH_INSTANCE if self._mib.has_object(name) else NO_SUCH_OBJECT
            return found or Found(name, missing)
        return self._mib.following(self._router, name, at_s) or Found(name, END_OF_MIB_VIEW)

    def _answer_v1(self, request: Request, at_s: float) -> bytes:
        """Version 1 has no exceptions and no 64-bit counters: a walk steps over those, a GET does not find them."""
        found: list[Found] = []
        for place, name in enumerate(request.names):
            item = self._read(request.kind, name, at_s)
            while request.kind == GET_NEXT and item.value[0] == COUNTER64:
                item = self._read(request.kind, item.oid, at_s)
            if item.value[0] in (COUNTER64, NO_SUCH_OBJECT[0], NO_SUCH_INSTANCE[0], END_OF_MIB_VIEW[0]):
                return self._refuse(request, _NO_SUCH_NAME, place + 1)
            found.append(item)
        reply = encode_response(request, found)
        return reply if len(reply) <= _MAX_REPLY_BYTES else self._refuse(request, _TOO_BIG, 0)

    def _refuse(self, request: Request, status: int, index: int) -> bytes:
        return encode_response(request, [Found(name, NULL_VALUE) for name in request.names], status, index)

    def _read_bulk(self, request: Request, at_s: float) -> list[Found]:
        single = min(max(0, request.status), len(request.names))
        found = [self._read(GET_NEXT, name, at_s) for name in request.names[:single]]
        room = _MAX_REPLY_BYTES - sum(_size(item) for item in found)
        names = request.names[single:]
        for _ in range(max(0, request.index)):
            row = [self._read(GET_NEXT, name, at_s) for name in names]
            for item in row:
                room -= _size(item)
                if room < 0:
                    return found
                found.append(item)
            if not row or all(item.value == END_OF_MIB_VIEW for item in row):
                break
            names = [item.oid for item in row]
        return found


def _size(item: Found) -> int:
    """A bound on the octets a binding takes."""
    return len(item.value) + 2 * len(item.oid) + 12

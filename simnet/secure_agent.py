"""The SNMPv3 half of an agent: discovery, time, digests and privacy around the same answers (RFC 3412, RFC 3414).

Counterpart: `agent.py`, which answers what is inside, and `usm.py`, the keys. One rule: the checks come in the order of
RFC 3414, section 3.2, and what fails one is told by the Report that is named there.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simnet.ber import (
    COUNTER32,
    OCTET_STRING,
    SEQUENCE,
    BerError,
    Oid,
    decode,
    decode_integer,
    encode,
    encode_integer,
    encode_oid,
    encode_unsigned,
)
from simnet.usm import SnmpUser, UserKeys

V3 = 3
REPORT = 0xA8
_SIGNED, _ENCRYPTED, _REPORTABLE = 1, 2, 4
_USM = 3
_WINDOW_S = 150
_LARGEST = 65_507
_STATS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1)
_NO_SUCH_LEVEL, _NOT_IN_TIME, _NO_SUCH_USER, _NO_SUCH_ENGINE, _WRONG_DIGEST, _NOT_DECRYPTED = range(1, 7)

Respond = Callable[[bytes, float], bytes | None]
"""Answers a PDU with a PDU."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A message as it came. `place` is where in it the digest begins."""

    datagram: bytes
    number: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: str
    digest: bytes
    place: int
    salt: bytes
    content: bytes


class SecureAgent:
    """Answers the users of one router. `uptime_s` tells since when, at a moment, it has been up; less than before is a boot."""

    def __init__(
        self,
        users: Sequence[SnmpUser],
        engine_id: bytes,
        uptime_s: Callable[[float], float],
        respond: Respond,
    ) -> None:
        self._engine_id = engine_id
        self._keys = {user.name: UserKeys(user, engine_id) for user in users}
        self._uptime_s = uptime_s
        self._respond = respond
        self._boots = 1
        self._time_s = 0
        self._complaints = 0
        self._salt = 0

    def answer(self, datagram: bytes, at_s: float) -> bytes | None:
        """Return the answer to a datagram of version 3, a Report, or None."""
        try:
            frame = _decode_frame(datagram)
            time_s = int(self._uptime_s(at_s))
            self._boots += time_s < self._time_s
            self._time_s = time_s
            return self._answer(frame, at_s)
        except BerError:
            return None

    def _answer(self, frame: _Frame, at_s: float) -> bytes | None:
        if frame.engine_id != self._engine_id:
            return self._complain(frame, _NO_SUCH_ENGINE)
        keys = self._keys.get(frame.user)
        if keys is None:
            return self._complain(frame, _NO_SUCH_USER)
        level = frame.flags & (_SIGNED | _ENCRYPTED)
        offered = (_SIGNED if keys.user.auth else 0) | (_ENCRYPTED if keys.user.privacy else 0)
        if level & ~offered or level == _ENCRYPTED:
            return self._complain(frame, _NO_SUCH_LEVEL)
        if level & _SIGNED:
            end = frame.place + len(frame.digest)
            bare = frame.datagram[: frame.place] + bytes(len(frame.digest)) + frame.datagram[end:]
            if not hmac.compare_digest(keys.sign(bare), frame.digest):
                return self._complain(frame, _WRONG_DIGEST)
            if frame.boots != self._boots or abs(frame.time_s - self._time_s) > _WINDOW_S:
                return self._complain(frame, _NOT_IN_TIME, keys)
        scoped = frame.content
        if level & _ENCRYPTED:
            plain = keys.decrypt(frame.content, frame.salt, frame.boots, frame.time_s)
            if plain is None or plain[:1] != bytes((SEQUENCE,)):
                return self._complain(frame, _NOT_DECRYPTED, keys)
            _, scoped, _ = decode(plain)
        if level != offered:
            return None  # a router shows nothing to a user who comes with less than it was given
        _, _, place = decode(scoped)
        _, context, place = decode(scoped, place)
        if context:
            return None
        reply = self._respond(scoped[place:], at_s)
        return self._seal(frame, reply, keys, level) if reply else None

    def _complain(self, frame: _Frame, what: int, keys: UserKeys | None = None) -> bytes | None:
        if not frame.flags & _REPORTABLE:
            return None
        self._complaints += 1
        name = encode_oid((*_STATS, what, 0))
        bound = encode(SEQUENCE, name + encode_unsigned(COUNTER32, self._complaints))
        numbers = encode_integer(frame.number) + encode_integer(0) + encode_integer(0)
        report = encode(REPORT, numbers + encode(SEQUENCE, bound))
        return self._seal(frame, report, keys, _SIGNED if keys else 0)

    def _seal(self, frame: _Frame, pdu: bytes, keys: UserKeys | None, level: int) -> bytes:
        content = encode(SEQUENCE, encode(OCTET_STRING, self._engine_id) + encode(OCTET_STRING, b"") + pdu)
        salt = b""
        if keys and level & _ENCRYPTED:
            self._salt += 1
            hidden, salt = keys.encrypt(content, self._boots, self._time_s, self._salt)
            content = encode(OCTET_STRING, hidden)
        size = keys.digest_bytes if keys and level & _SIGNED else 0
        header = encode(
            SEQUENCE,
            encode_integer(frame.number)
            + encode_integer(_LARGEST)
            + encode(OCTET_STRING, bytes((level,)))
            + encode_integer(_USM),
        )
        parameters = encode(
            SEQUENCE,
            encode(OCTET_STRING, self._engine_id)
            + encode_integer(self._boots)
            + encode_integer(self._time_s)
            + encode(OCTET_STRING, frame.user.encode("utf-8", "surrogateescape"))
            + encode(OCTET_STRING, bytes(size))
            + encode(OCTET_STRING, salt),
        )
        bare = encode(SEQUENCE, encode_integer(V3) + header + encode(OCTET_STRING, parameters) + content)
        if not keys or not size:
            return bare
        place = len(bare) - len(content) - len(encode(OCTET_STRING, salt)) - size
        return bare[:place] + keys.sign(bare) + bare[place + size :]


def _decode_frame(datagram: bytes) -> _Frame:
    _, message, stop = decode(datagram)
    datagram = datagram[:stop]
    _, _, place = decode(message)
    _, header, place = decode(message, place)
    tag, wrapped, place = decode(message, place)
    content_tag, content, _ = decode(message, place)
    number, inner = _integer(header, 0)
    _, inner = _integer(header, inner)
    _, flags, inner = decode(header, inner)
    model, _ = _integer(header, inner)
    wanted = OCTET_STRING if flags[:1] and flags[0] & _ENCRYPTED else SEQUENCE
    if len(flags) != 1 or model != _USM or tag != OCTET_STRING or content_tag != wanted:
        raise BerError("no message of the user-based security model")
    _, parameters, _ = decode(wrapped)
    _, engine_id, inner = decode(parameters)
    boots, inner = _integer(parameters, inner)
    time_s, inner = _integer(parameters, inner)
    _, user, inner = decode(parameters, inner)
    _, digest, inner = decode(parameters, inner)
    after_digest = len(parameters) - inner
    _, salt, _ = decode(parameters, inner)
    end = stop - len(message) + place - after_digest
    if min(boots, time_s) < 0:
        raise BerError("a time before there was any")
    return _Frame(
        datagram,
        number,
        flags[0],
        engine_id,
        boots,
        time_s,
        user.decode("utf-8", "surrogateescape"),
        digest,
        end - len(digest),
        salt,
        content,
    )


def _integer(data: bytes, place: int) -> tuple[int, int]:
    tag, body, place = decode(data, place)
    return decode_integer(tag, body), place

"""A message of SNMPv3 as it lies on the wire: header, security parameters, and a content still to be opened.

Counterpart: `snmp.py` finds out that a message is one, `snmp_v3.py` opens it; the layout is in RFC 3412, section 6, and
RFC 3414, section 2.4. One rule: what is read here is not yet believed; only lengths and ranges are checked.
"""

from __future__ import annotations

import msgspec

from domain.errors import BadReply
from engine.protocols.ber import (
    OCTET_STRING,
    SEQUENCE,
    decode_expected,
    decode_integer,
    encode_integer,
    encode_tlv,
)

V3 = 3
AUTHENTICATED, PRIVATE, REPORTABLE = 1, 2, 4
"""The flags of a message (RFC 3412, 6.4)."""

MAX_ENGINE_ID_BYTES = 32
MAX_NAME_BYTES = 255
"""Of a user; RFC 3414 says 32, but it is only compared with ours."""

MAX_DIGEST_BYTES, MAX_SALT_BYTES = 64, 64
MAX_NUMBER = 0x7FFF_FFFF
_USM = 3
_HEADER_BEFORE_ID = bytes.fromhex("02 01 03  30 11  02 04")
_ID_TO_FLAGS = bytes.fromhex("02 03 00ffe3  04 01")
"""Between them the message id in four bytes; we take 65,507 bytes, the most of a UDP datagram."""

_FLAGS_TO_SECURITY = bytes.fromhex("02 01 03")


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """Who says when to have sent this; `data[digest_at:]` opens with the digest, `data[content_at:end]` is the content."""

    data: bytes
    end: int
    message_id: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    content_at: int

    def __repr__(self) -> str:
        """Leave the bytes out."""
        return f"Sealed(id {self.message_id}, flags {self.flags}, engine {self.engine_id.hex()})"

    def without_digest(self) -> bytes:
        """Return the message with zeros in place of its digest: what the digest is made of."""
        after = self.digest_at + len(self.digest)
        return b"".join((self.data[: self.digest_at], bytes(len(self.digest)), self.data[after : self.end]))


def encode_sealed(
    message_id: int,
    flags: int,
    content: bytes,
    *,
    engine_id: bytes = b"",
    clock: tuple[int, int] = (0, 0),
    user: bytes = b"",
    digest_bytes: int = 0,
    salt: bytes = b"",
) -> tuple[bytes, int]:
    """Return a message whose digest is zeros, and where the digest is; `clock` is the engine's boots and seconds."""
    boots, time_s = clock
    salt_and_content = encode_tlv(OCTET_STRING, salt) + content
    parameters = b"".join(
        (
            encode_tlv(OCTET_STRING, engine_id),
            encode_integer(boots),
            encode_integer(time_s),
            encode_tlv(OCTET_STRING, user),
            encode_tlv(OCTET_STRING, bytes(digest_bytes)),
            encode_tlv(OCTET_STRING, salt),
        )
    )
    body = b"".join(
        (
            _HEADER_BEFORE_ID,
            message_id.to_bytes(4, "big"),
            _ID_TO_FLAGS,
            bytes((flags,)),
            _FLAGS_TO_SECURITY,
            encode_tlv(OCTET_STRING, encode_tlv(SEQUENCE, parameters)),
            content,
        )
    )
    whole = encode_tlv(SEQUENCE, body)
    return whole, len(whole) - len(salt_and_content) - digest_bytes


def decode_sealed(data: bytes, at: int, end: int) -> Sealed:
    """Read what follows the version of a v3 message that ends at `end`. Raises BadReply."""
    start, at = decode_expected(data, at, end, SEQUENCE, "a header")
    message_id, start = decode_integer(data, start, at, "a message id")
    _, start = decode_integer(data, start, at, "a size")
    flags, start = decode_octets(data, start, at, 1, "flags")
    model, start = decode_integer(data, start, at, "a security model")
    if model != _USM:
        raise BadReply(f"security model {model}, expected 3 (USM)", start)
    if len(flags) != 1 or flags[0] & (AUTHENTICATED | PRIVATE) == PRIVATE:
        raise BadReply(
            f"flags {flags.hex()}: one byte expected, and no privacy without authentication", start
        )
    start, content_at = decode_expected(data, at, end, OCTET_STRING, "security parameters")
    start, stop = decode_expected(data, start, content_at, SEQUENCE, "security parameters")
    engine_id, start = decode_octets(data, start, stop, MAX_ENGINE_ID_BYTES, "an engine id")
    boots, start = decode_integer(data, start, stop, "engine boots")
    time_s, start = decode_integer(data, start, stop, "an engine time")
    if not (0 <= boots <= MAX_NUMBER and 0 <= time_s <= MAX_NUMBER):
        raise BadReply("engine boots or time below zero or over 31 bits", start)
    user, start = decode_octets(data, start, stop, MAX_NAME_BYTES, "a user name")
    digest, start = decode_octets(data, start, stop, MAX_DIGEST_BYTES, "a digest")
    digest_at = start - len(digest)
    salt, start = decode_octets(data, start, stop, MAX_SALT_BYTES, "a privacy salt")
    return Sealed(
        data,
        end,
        message_id,
        flags[0],
        engine_id,
        boots,
        time_s,
        user,
        digest,
        digest_at,
        salt,
        content_at,
    )


def decode_octets(data: bytes, at: int, end: int, cap: int, what: str) -> tuple[bytes, int]:
    """Return (bytes, end) of the OCTET STRING at `at`."""
    start, stop = decode_expected(data, at, end, OCTET_STRING, what)
    if stop - start > cap:
        raise BadReply(f"{what} of {stop - start} bytes, at most {cap} expected", at)
    return data[start:stop], stop

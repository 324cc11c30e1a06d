"""A message of SNMPv3 as it lies on the wire: header, security parameters, and a content still to be opened.

Counterpart: `snmp.py` finds out that a message is one, `snmp_v3.py` opens it; the layout is in RFC 3412, section 6, and
RFC 3414, section 2.4. A frame is read in one go if each of its lengths is one byte, as nearly always, else field by field.
One rule: what is read here is not yet believed; only lengths and ranges are checked, and both ways read the same.
"""

from __future__ import annotations

import msgspec

from domain.errors import BadReply
from engine.protocols.ber import (
    INTEGER,
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
_VERSION = bytes.fromhex("02 01 03")
_ID_TO_FLAGS = bytes.fromhex("02 03 00ffe3  04 01")
"""Between message id and flags: we take 65,507 bytes, the most of a UDP datagram."""

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
            _VERSION,
            encode_tlv(
                SEQUENCE,
                b"".join((encode_integer(message_id), _ID_TO_FLAGS, bytes((flags,)), _FLAGS_TO_SECURITY)),
            ),
            encode_tlv(OCTET_STRING, encode_tlv(SEQUENCE, parameters)),
            content,
        )
    )
    whole = encode_tlv(SEQUENCE, body)
    return whole, len(whole) - len(salt_and_content) - digest_bytes


def decode_sealed(data: bytes, at: int, end: int) -> Sealed:
    """Read what follows the version of a v3 message that ends at `end`. Raises BadReply."""
    try:
        return _decode_usual(data, at, end) or _decode_sealed(data, at, end)
    except IndexError:  # the usual way looked beyond the end
        return _decode_sealed(data, at, end)


def _decode_usual(data: bytes, at: int, end: int) -> Sealed | None:
    """Read a frame as agents nearly always lay it out: lengths of one byte, numbers of at most four; else None or IndexError.

    Each `_at` is where a value starts: its length is the byte before, its tag the one before that.
    """
    id_at = at + 4
    size_at = id_at + data[id_at - 1] + 2
    flags_at = size_at + data[size_at - 1] + 2
    wrapped_at = flags_at + 6
    engine_at = wrapped_at + 4
    boots_at = engine_at + data[engine_at - 1] + 2
    time_at = boots_at + data[boots_at - 1] + 2
    user_at = time_at + data[time_at - 1] + 2
    digest_at = user_at + data[user_at - 1] + 2
    salt_at = digest_at + data[digest_at - 1] + 2
    content_at = salt_at + data[salt_at - 1]
    wrapped, flags = content_at - wrapped_at, data[flags_at]
    if (
        wrapped >= 0x80
        or content_at > end
        or data[wrapped_at - 1] != wrapped
        or data[at] != SEQUENCE
        or data[at + 1] != wrapped_at - at - 4
        or data[flags_at - 2 : flags_at] != b"\x04\x01"
        or data[flags_at + 1 : flags_at + 5] != b"\x02\x01\x03\x04"
        or data[wrapped_at] != SEQUENCE
        or data[wrapped_at + 1] != wrapped - 2
        or not data[id_at - 2] == data[size_at - 2] == data[boots_at - 2] == data[time_at - 2] == INTEGER
        or not data[engine_at - 2]
        == data[user_at - 2]
        == data[digest_at - 2]
        == data[salt_at - 2]
        == OCTET_STRING
        or max(data[id_at - 1], data[size_at - 1], data[boots_at - 1], data[time_at - 1]) > 4
        or data[engine_at - 1] > MAX_ENGINE_ID_BYTES
        or max(data[digest_at - 1], data[salt_at - 1]) > MAX_SALT_BYTES
        or flags & (AUTHENTICATED | PRIVATE) == PRIVATE
    ):
        return None
    boots = int.from_bytes(data[boots_at : time_at - 2], "big", signed=True)
    time_s = int.from_bytes(data[time_at : user_at - 2], "big", signed=True)
    if boots < 0 or time_s < 0:
        return None
    return Sealed(
        data,
        end,
        int.from_bytes(data[id_at : size_at - 2], "big", signed=True),
        flags,
        data[engine_at : boots_at - 2],
        boots,
        time_s,
        data[user_at : digest_at - 2],
        data[digest_at : salt_at - 2],
        digest_at,
        data[salt_at:content_at],
        content_at,
    )


def _decode_sealed(data: bytes, at: int, end: int) -> Sealed:
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

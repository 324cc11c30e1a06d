"""What a field makes of a value: a number, a text, or nothing. Counterpart: `language.py` says how, `rows.py` asks at a look.

One rule: whatever a device sends, the answer is a plain value in our unit or None, and it takes bounded time.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from domain.text import TEXT_CAP, text_from_bytes
from engine.drivers.profiles.language import NUMERIC, Field, Plain
from engine.drivers.profiles.sharing import shared
from engine.protocols.ber import Value

_NUMBER = re.compile(rb"\s*([-+]?\d{1,18}(?:\.\d{1,9})?)")
_BITS = 1 << 32
_DROPPED_FROM_BYTES = 256
"""Of a text that holds a number, how much is looked at."""
_YES, _NO = (b"true", b"yes", b"on"), (b"false", b"no", b"off")

Decode = Callable[[Value], Plain | None]


def read_number(value: Value) -> float | None:
    """Return a number as it is, or the one a text begins with ("-67 dBm", "0.25"); None for anything else."""
    if type(value) is int:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        found = _NUMBER.match(value[:64])
        return float(found[1]) if found else None
    return None


@lru_cache(maxsize=4096)
def ratio(scale: float) -> Fraction:
    """Return a scale as it was written: 0.1 is a tenth, so that 239 becomes 23.9 and not 23.900000000000002."""
    return Fraction(repr(scale))


@shared
def decoder(field: Field) -> Decode:
    """Return what makes plain values of a field's values."""
    if field.kind in NUMERIC:
        return _numeric(field)
    read = _TEXTS[field.kind]
    drop = re.compile(field.drop) if field.drop else None

    def decode(value: Value) -> Plain | None:
        said = read(value)
        if said is None or said in field.absent:
            return None
        if drop is not None:
            said = drop.sub("", said)
        if field.map or field.otherwise is not None:
            return field.map.get(said, field.otherwise)
        return said

    return decode


def _numeric(field: Field) -> Decode:
    scale = ratio(field.scale)
    up, down = scale.numerator, scale.denominator
    is_power = field.kind == "milliwatt"
    is_plain = scale == 1 and not field.offset and not is_power
    drop = re.compile(field.drop.encode()) if field.drop else None

    def decode(value: Value) -> Plain | None:
        if drop is not None and isinstance(value, bytes):
            value = drop.sub(b"", value[:_DROPPED_FROM_BYTES])
        said = read_number(value) if field.kind != "flag" else _flag(value)
        if said is None or said in field.absent:
            return None
        if field.kind == "unsigned" and said < 0:
            said += _BITS
        elif field.kind == "signed" and said >= _BITS // 2:
            said -= _BITS
        if (field.least is not None and said < field.least) or (field.most is not None and said > field.most):
            return None
        if field.map or field.otherwise is not None:
            key = int(said) if said == int(said) else str(said)
            return field.map.get(key, field.otherwise)
        if field.kind == "flag":
            return said == 1
        if is_power:
            power = said * up / down
            return 10 * math.log10(power) + field.offset if power > 0 else None
        return said if is_plain else said * up / down + field.offset

    return decode


def _flag(value: Value) -> float | None:
    if isinstance(value, bytes):
        said = value[:8].strip().lower()
        return 1 if said in _YES else 0 if said in _NO else read_number(value)
    return value if type(value) is int else None


def _text(value: Value) -> str | None:
    if isinstance(value, bytes):
        return _clean(value[: TEXT_CAP * 8]) or None
    return str(value) if type(value) is int else None


@lru_cache(maxsize=4096)
def _clean(data: bytes) -> str:
    return text_from_bytes(data)


def mac_text(value: Value) -> str | None:
    """Return six bytes, or the text of a MAC address, as RouterOS writes it; None for zeros and anything else."""
    if not isinstance(value, bytes):
        return None
    if len(value) != 6:
        digits = re.sub(rb"[:.\-\s]", b"", value[:32])
        if not re.fullmatch(rb"[0-9a-fA-F]{12}", digits):
            return None
        value = bytes.fromhex(digits.decode())
    return value.hex(":").upper() if any(value) else None


def ip_text(value: Value) -> str | None:
    """Return an IP address as text: an IpAddress, its 4 or 16 bytes, or as it was written; None for 0.0.0.0."""
    if isinstance(value, bytes):
        if len(value) in (4, 16):
            return _address(ipaddress.ip_address(value))
        value = value[:64].decode("ascii", "replace").strip()
    if not isinstance(value, str):
        return None
    try:
        return _address(ipaddress.ip_address(value))
    except ValueError:
        return None


def _address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str | None:
    return None if address.is_unspecified else str(address)


def _id(value: Value) -> str | None:
    """Return a name that may be a MAC address or a text: LLDP's chassis and port ids."""
    if isinstance(value, bytes) and len(value) == 6 and not value.isascii():
        return mac_text(value)
    if isinstance(value, bytes) and len(value) == 6 and any(byte < 0x20 for byte in value):
        return mac_text(value)
    return _text(value)


def _oid(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def _port(value: Value) -> str | None:
    """Return an ifIndex as the text that `Known.ports` is asked with; MikroTik sends some as negative."""
    return str(value & (_BITS - 1)) if type(value) is int else None


_TEXTS: dict[str, Callable[[Value], str | None]] = {
    "text": _text,
    "mac": mac_text,
    "ip": ip_text,
    "id": _id,
    "oid": _oid,
    "port": _port,
}

"""Zips that open and are broken inside, each as one that lies about its first file or has lost some of it."""

from __future__ import annotations

import struct
from collections.abc import Callable

_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_HEAD_BYTES = 30
Break = Callable[[bytearray], None]


def _put(field: str, change: Callable[[int], int]) -> Break:
    """Change a number in both headers of the first file."""
    at, form = {
        "flags": (6, "<H"),
        "method": (8, "<H"),
        "crc": (14, "<L"),
        "packed": (18, "<L"),
        "size": (22, "<L"),
    }[field]

    def do(zipped: bytearray) -> None:
        for begins in (zipped.index(_LOCAL) + at, zipped.index(_CENTRAL) + at + 2):
            (old,) = struct.unpack_from(form, zipped, begins)
            struct.pack_into(form, zipped, begins, change(old))

    return do


def _content(zipped: bytearray) -> tuple[int, int]:
    """Return where what is packed of the first file begins, and its length in bytes."""
    name, extra = struct.unpack_from("<HH", zipped, 26)
    (packed,) = struct.unpack_from("<L", zipped, zipped.index(_CENTRAL) + 20)
    return _HEAD_BYTES + name + extra, packed


def _no_block(zipped: bytearray) -> None:
    begins, length = _content(zipped)
    zipped[begins : begins + length] = b"\xff" * length  # a kind of block that there is not


def _zeros_behind(zipped: bytearray) -> None:
    begins, length = _content(zipped)
    zipped[begins + length // 2 : begins + length] = bytes(length - length // 2)


def _half(zipped: bytearray) -> None:
    struct.pack_into("<L", zipped, zipped.index(_CENTRAL) + 20, _content(zipped)[1] // 2)


def _elsewhere(zipped: bytearray) -> None:
    struct.pack_into("<L", zipped, zipped.index(_CENTRAL) + 42, 1)


def _beyond_the_end(zipped: bytearray) -> None:
    _put("method", lambda _: 0)(zipped)
    _put("packed", lambda _: 40_000_000)(zipped)
    _put("size", lambda _: 40_000_000)(zipped)


def _other_name(zipped: bytearray) -> None:
    zipped[_HEAD_BYTES] ^= 1


def _name_of_no_text(zipped: bytearray) -> None:
    _put("flags", lambda flags: flags | 0x800)(zipped)
    zipped[_HEAD_BYTES] = 0xFF


_WHOLE = "a file that unpacks whole expected, got: "
DAMAGES: dict[str, tuple[Break, str]] = {
    "another check sum": (_put("crc", lambda crc: crc ^ 1), f"{_WHOLE}Bad CRC-32"),
    "no stream of deflate": (_no_block, f"{_WHOLE}Error -3"),
    "half of the stream is zeros": (_zeros_behind, _WHOLE),
    "half of the stream is missing": (_half, _WHOLE),
    "stored beyond the end of the archive, it says": (_beyond_the_end, f"{_WHOLE}a file that ends too soon"),
    "elsewhere, it says": (_elsewhere, f"{_WHOLE}Bad magic number"),
    "another name in its header": (_other_name, f"{_WHOLE}File name in directory"),
    "a name that is no text": (_name_of_no_text, f"{_WHOLE}'utf-8' codec"),
    "encrypted": (
        _put("flags", lambda flags: flags | 0x1),
        "without a password expected, got an encrypted one",
    ),
    "strongly encrypted": (_put("flags", lambda flags: flags | 0x41), "got an encrypted one"),
    "patched": (_put("flags", lambda flags: flags | 0x20), f"{_WHOLE}compressed patched"),
    "packed by LZMA": (
        _put("method", lambda _: 14),
        "stored or deflated file expected, got compression method 14",
    ),
    "packed by what there is not": (_put("method", lambda _: 99), "expected, got compression method 99"),
    "stored, it says": (_put("method", lambda _: 0), "expected, "),
    "longer, it says": (_put("size", lambda size: size + 1), "bytes expected, as the archive says, got "),
    "shorter, it says": (_put("size", lambda size: size - 1), f"{_WHOLE}Bad CRC-32"),
    "endless, it says": (_put("size", lambda _: 0xFFFF_FFF0), "unpacked expected, got 4,295.0 MB"),
}
"""What was done to it, and some of the words that refuse it."""


def damaged(zipped: bytes, damage: str) -> bytes:
    """Return a zip with one of `DAMAGES` done to its first file, which is deflated."""
    broken = bytearray(zipped)
    DAMAGES[damage][0](broken)
    assert bytes(broken) != zipped
    return bytes(broken)

"""MNDP, by which MikroTik's devices announce themselves on a LAN. Counterpart: `transport/mndp.py` hears them, UDP port 5678.

A datagram is a header of four bytes (two of flags, two of a sequence number), then records of type and length, two bytes each
with the high one first, and their content. Types that are not known are skipped. A datagram of nothing but four zero bytes asks
everybody to announce themselves at once. MikroTik publishes no more than that the protocol is there; layout and types are
those that Wireshark tells of it. One rule: anybody on the LAN may have sent this.
"""

from __future__ import annotations

import ipaddress
import struct

import msgspec

from domain.errors import BadReply
from domain.text import text_from_bytes

PORT = 5678
REQUEST = bytes(4)

MAX_BYTES = 2_048
"""No announcement is longer than a frame; the rest is room."""
RECORDS_CAP = 64
NAME_CAP = 128

_HEADER_BYTES = 4
_RECORD = struct.Struct(">HH")
_MAC, _IDENTITY, _VERSION, _PLATFORM, _UPTIME, _SOFTWARE_ID, _BOARD, _UNPACK, _IPV6, _INTERFACE, _IPV4 = (
    1, 5, 7, 8, 10, 11, 12, 14, 15, 16, 17,
)  # fmt: skip
_TEXTS = {
    _IDENTITY: "identity",
    _VERSION: "version",
    _PLATFORM: "platform",
    _SOFTWARE_ID: "software_id",
    _BOARD: "board",
    _INTERFACE: "interface",
}
_SIZES = {_MAC: 6, _UPTIME: 4, _IPV6: 16, _IPV4: 4}


class Announcement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a device tells of itself. `interface` is its own, out of which it said this; `unpack` how it packs frames."""

    mac: str
    identity: str = ""
    version: str = ""
    platform: str = ""
    uptime_s: int | None = None
    software_id: str = ""
    board: str = ""
    unpack: int | None = None
    ipv6: str = ""
    interface: str = ""
    ipv4: str = ""
    sequence: int = 0


def decode_announcement(data: bytes) -> Announcement | None:
    """Return what a datagram announces, None where it is a request. Raises BadReply."""
    if len(data) > MAX_BYTES:
        raise BadReply(f"an announcement of {len(data)} bytes, at most {MAX_BYTES} are read")
    if len(data) < _HEADER_BYTES:
        raise BadReply(f"an announcement of {len(data)} bytes, at least {_HEADER_BYTES} expected")
    if len(data) == _HEADER_BYTES:
        return None
    said: dict[str, str | int] = {}
    at = _HEADER_BYTES
    for _ in range(RECORDS_CAP):
        if at == len(data):
            break
        if len(data) - at < _RECORD.size:
            raise BadReply("a record without its type and length", at)
        kind, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if size > len(data) - at:
            raise BadReply(f"a record of {size} bytes where {len(data) - at} are left", at)
        content = data[at : at + size]
        if kind in _SIZES and size != _SIZES[kind]:
            raise BadReply(f"a record of type {kind} with {size} bytes, {_SIZES[kind]} expected", at)
        _take(said, kind, content)
        at += size
    else:
        if at != len(data):
            raise BadReply(f"more than {RECORDS_CAP} records", at)
    if "mac" not in said:
        raise BadReply("an announcement without a MAC")
    return msgspec.convert({**said, "sequence": int.from_bytes(data[2:4])}, Announcement)


def _take(said: dict[str, str | int], kind: int, content: bytes) -> None:
    if kind in _TEXTS:
        said[_TEXTS[kind]] = text_from_bytes(content, NAME_CAP)
    elif kind == _MAC:
        said["mac"] = content.hex(":").upper()
    elif kind == _UPTIME:  # the one number with its low byte first
        said["uptime_s"] = int.from_bytes(content, "little")
    elif kind == _UNPACK and len(content) == 1:
        said["unpack"] = content[0]
    elif kind == _IPV4 and any(content):
        said["ipv4"] = str(ipaddress.IPv4Address(content))
    elif kind == _IPV6 and any(content):
        said["ipv6"] = str(ipaddress.IPv6Address(content))

"""Directories of PMTiles: which tile lies where, in columns of numbers. Counterpart: `archive.py` reads them out of a file.

One rule: a directory that is not in order, or says more than its bytes can hold, is none. Source: the PMTiles specification,
version 3, section 4.
"""

from __future__ import annotations

import operator
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

DIRECTORY_CAP_BYTES = 16 * 1024 * 1024
"""Longest directory as it is stored, and a fourth of the longest unpacked."""
ENTRIES_CAP = 1_000_000
"""Most entries of one directory; known writers put some ten thousand in it."""
GZIP = 2


class BadMap(Exception):
    """A file is not what it says; the message has what, which, got and expected."""


class Entry(NamedTuple):
    """`run` tiles from number `id` on are `length` bytes at `offset` of the tiles; `run` 0: a directory of the leaves."""

    id: int
    offset: int
    length: int
    run: int


@dataclass(frozen=True)
class Directory:
    """The entries of one directory, a column each."""

    ids: Sequence[int]
    runs: Sequence[int]
    lengths: Sequence[int]
    offsets: Sequence[int]

    def rows(self) -> Iterator[Entry]:
        """Go over its entries."""
        return map(Entry, self.ids, self.offsets, self.lengths, self.runs)


def unpack(data: bytes, compression: int, cap_bytes: int, what: str) -> bytes:
    """Return what was packed, at most `cap_bytes`. Raises BadMap."""
    if compression != GZIP:
        if len(data) > cap_bytes:
            raise BadMap(f"{what} has {len(data):,} bytes, at most {cap_bytes:,} expected")
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(data, cap_bytes + 1)
    except zlib.error as error:
        raise BadMap(f"{what} is not packed with gzip, as the header says: {error}") from None
    if len(found) > cap_bytes:
        raise BadMap(f"{what} unpacks to more than {cap_bytes:,} bytes, {len(data):,} packed")
    if not unpacker.eof or unpacker.unused_data:
        raise BadMap(f"{what} is cut off or followed by something else")
    return found


def decode_directory(data: bytes, what: str) -> Directory:
    """Return a directory's entries, their numbers in order. Raises BadMap."""
    (count,), at = _numbers(data, 0, 1, what)
    if not 1 <= count <= ENTRIES_CAP or 4 * count > len(data):
        most = min(ENTRIES_CAP, len(data) // 4)
        raise BadMap(f"{what} says it has {count:,} entries, 1 to {most:,} expected in {len(data):,} bytes")
    steps, at = _numbers(data, at, count, what)
    runs, at = _numbers(data, at, count, what)
    lengths, at = _numbers(data, at, count, what)
    told, at = _numbers(data, at, count, what)
    if at != len(data):
        raise BadMap(f"{what} has {len(data) - at:,} bytes behind its last entry, 0 expected")
    if 0 in steps[1:]:
        raise BadMap(
            f"{what}: the tiles are not in the order of the Hilbert curve at entry {steps.index(0, 1)}"
        )
    if 0 in lengths:
        raise BadMap(f"{what}: entry {lengths.index(0)} has 0 bytes, at least 1 expected")
    if told[0] == 0:
        raise BadMap(f"{what}: the first entry follows another, an offset expected")
    ids = list(accumulate(steps))
    if any(map(operator.gt, map(operator.add, ids, runs), ids[1:])):
        raise BadMap(f"{what}: a run of tiles reaches into the next entry")
    offsets, following = [], 0
    for offset, length in zip(told, lengths, strict=True):
        start = offset - 1 if offset else following
        offsets.append(start)
        following = start + length
    return Directory(ids, runs, lengths, offsets)


def _numbers(data: bytes, at: int, count: int, what: str) -> tuple[Sequence[int], int]:
    """Return `count` numbers of 7 bits a byte, and where the next begins."""
    plain = data[at : at + count]
    if plain.isascii() and len(plain) == count:
        return plain, at + count  # every number below 128: most columns of most directories
    found = []
    try:
        for _ in range(count):
            byte = data[at]
            at += 1
            if byte < 128:
                found.append(byte)
                continue
            number, shift = byte & 127, 7
            while True:
                byte = data[at]
                at += 1
                number |= (byte & 127) << shift
                if byte < 128:
                    break
                shift += 7
                if shift > 63:
                    raise BadMap(f"{what}: number {len(found)} of {count} has more than 64 bits")
            if number >> 63:
                raise BadMap(f"{what}: number {len(found)} of {count} is {number:,}, beyond every file")
            found.append(number)
    except IndexError:
        raise BadMap(f"{what} ends within number {len(found)} of {count}: it is cut off") from None
    return found, at


def encode_directory(directory: Directory) -> bytes:
    """Return a directory as it is packed into a file."""
    count = len(directory.ids)
    made = bytearray()
    _put(made, [count])
    _put(made, map(operator.sub, directory.ids, [0, *directory.ids]))
    _put(made, directory.runs)
    _put(made, directory.lengths)
    follows = [-1, *map(operator.add, directory.offsets, directory.lengths)]
    _put(made, [0 if o == f else o + 1 for o, f in zip(directory.offsets, follows, strict=False)])
    return bytes(made)


def _put(made: bytearray, numbers: Sequence[int] | map[int]) -> None:
    for number in numbers:
        rest = number
        while rest > 127:
            made.append(rest & 127 | 128)
            rest >>= 7
        made.append(rest)

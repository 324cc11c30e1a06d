"""A tile of heights on disk: a head of JSON, then the samples as they are. Counterpart: `reader.py` writes, `ground.py` asks.

Theory: the file is mapped into memory, so that a path reads the few pages under it, and a thousand tiles cost no memory. Samples
are little-endian, rows from north to south; the head's place is that of the first sample itself, not of its corner.
One rule: a tile whose size is not what its head says is none.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from domain.terrain import TerrainTile

ENDING = ".tile"
HEAD_BYTES = 4_096
MAGIC = b"heliograph terrain 1\n"
VOID = -32_768
"""No height, in whole metres; NaN where samples are fractions."""
Sample = Literal["i2", "f4"]
_BYTES: dict[Sample, int] = {"i2": 2, "f4": 4}
Elsewhere = Callable[[float, float], float | None]
"""Returns the height of a sample at (lng, lat) that another tile has."""


class Head(msgspec.Struct, frozen=True):
    """What a tile is; places in degrees, `step_*` from sample to sample."""

    id: str
    name: str
    west: float
    north: float
    step_lng: float
    step_lat: float
    columns: int
    rows: int
    sample: Sample
    void_share: float = 0.0
    added_us: int = 0
    added_by: str = ""

    @property
    def size_bytes(self) -> int:
        """How large its file is."""
        return HEAD_BYTES + self.columns * self.rows * _BYTES[self.sample]

    def told(self) -> TerrainTile:
        """Return it as clients have it."""
        east = self.west + self.step_lng * (self.columns - 1)
        south = self.north - self.step_lat * (self.rows - 1)
        return TerrainTile(
            self.id,
            self.name,
            self.west,
            south,
            east,
            self.north,
            self.step_lat,
            self.size_bytes,
            self.void_share,
            self.added_us,
            self.added_by,
        )


def write_tile(path: Path, head: Head, samples: array[int] | array[float]) -> None:
    """Write a tile; samples are in this computer's order of bytes. Raises OSError."""
    if struct.pack("=h", 1) != struct.pack("<h", 1):
        samples.byteswap()
    text = MAGIC + msgspec.json.encode(head)
    with path.open("wb") as file:
        file.write(text.ljust(HEAD_BYTES, b"\n"))
        samples.tofile(file)
        file.flush()
        os.fsync(file.fileno())


def read_head(path: Path) -> Head:
    """Return what a tile's file is. Raises OSError, or ValueError with what is wrong."""
    with path.open("rb") as file:
        text = file.read(HEAD_BYTES)
    if not text.startswith(MAGIC):
        raise ValueError("it is no tile of terrain")
    try:
        head = msgspec.json.decode(text[len(MAGIC) :], type=Head)
    except msgspec.MsgspecError as error:
        raise ValueError(f"its head cannot be read: {error}") from error
    there = path.stat().st_size
    if there != head.size_bytes or head.columns < 2 or head.rows < 2:
        raise ValueError(f"{head.size_bytes} bytes expected, got {there}")
    return head


class Tile:
    """A tile that is open. Close it before its file is deleted."""

    def __init__(self, path: Path, head: Head) -> None:
        """Raises OSError or ValueError where the file is not what the head says."""
        self.head = head
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._map) != head.size_bytes:
            self._map.close()
            raise ValueError(f"{head.size_bytes} bytes expected, got another size")
        self._shape = struct.Struct("<h" if head.sample == "i2" else "<f")

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def height_m(self, lng: float, lat: float, elsewhere: Elsewhere) -> float | None:
        """Return the height between the four samples around a place, weighed by nearness; None where most of that is not known.

        Samples beyond the rim are another tile's.
        """
        head = self.head
        column, row = _east(lng - head.west) / head.step_lng, (head.north - lat) / head.step_lat
        if not (-1 < column < head.columns and -1 < row < head.rows):
            return None
        left, top = math.floor(column), math.floor(row)
        right_share, low_share = column - left, row - top
        known = weighed = 0.0
        for at_column, at_row, share in (
            (left, top, (1 - right_share) * (1 - low_share)),
            (left + 1, top, right_share * (1 - low_share)),
            (left, top + 1, (1 - right_share) * low_share),
            (left + 1, top + 1, right_share * low_share),
        ):
            if share <= 0.0:
                continue
            if 0 <= at_column < head.columns and 0 <= at_row < head.rows:
                height = self._sample(at_column, at_row)
            else:
                height = elsewhere(head.west + at_column * head.step_lng, head.north - at_row * head.step_lat)
            if height is not None:
                known += share
                weighed += share * height
        return weighed / known if known >= 0.5 else None

    def sample_m(self, lng: float, lat: float) -> float | None:
        """Return the height of the sample that stands at a place; None where none does."""
        head = self.head
        column = round(_east(lng - head.west) / head.step_lng)
        row = round((head.north - lat) / head.step_lat)
        if not (0 <= column < head.columns and 0 <= row < head.rows):
            return None
        return self._sample(column, row)

    def _sample(self, column: int, row: int) -> float | None:
        at = HEAD_BYTES + (row * self.head.columns + column) * self._shape.size
        height = float(self._shape.unpack_from(self._map, at)[0])
        return None if height == VOID or math.isnan(height) else height


def _east(degrees: float) -> float:
    """Return how far east that is, -180 to below 180."""
    return (degrees + 180.0) % 360.0 - 180.0

"""A clip as an animated PNG, which every browser plays and any other viewer shows as a picture. Counterpart: `clip.py`.

Source: the PNG specification, third edition (W3C), 11.3.2: acTL, fcTL, fdAT. Theory: between two moments little of a map
changes, so a frame is the smallest rectangle that holds what changed; one that changes nothing makes the last one stand longer.
One rule: a file under its final name is whole; it is written beside it before.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STAND_MOST_MS = 60_000
Pixels = npt.NDArray[np.uint8]


class _Frame(NamedTuple):
    left: int
    top: int
    pixels: Pixels


class ClipFile:
    """Frames on their way into a file. All have the size of the first. Every method may raise OSError."""

    def __init__(self, path: Path, frame_ms: int) -> None:
        self._path, self._frame_ms = path, frame_ms
        self._part = path.with_name(f"{path.name}.part")
        self._stream = self._part.open("wb")
        self._last: Pixels | None = None
        self._waiting: _Frame | None = None
        self._stands_ms = 0
        self._counter_at = self._frames = self._number = 0

    def add(self, image: QImage) -> None:
        """Add one more frame."""
        pixels = _pixels_of(image)
        if self._last is None:
            self._begin(pixels)
            self._waiting = _Frame(0, 0, pixels)
        else:
            if pixels.shape != self._last.shape:
                image = image.scaled(self._last.shape[1], self._last.shape[0])
                pixels = _pixels_of(image)
            changed = _changed(self._last, pixels)
            if changed is not None and self._stands_ms:
                self._write_waiting()
                self._waiting = changed
        self._last = pixels
        self._stands_ms = min(self._stands_ms + self._frame_ms, STAND_MOST_MS)

    def finish(self) -> None:
        """Write what is left, and let the file have its name."""
        self._write_waiting()
        self._chunk(b"IEND", b"")
        self._stream.seek(self._counter_at)
        self._chunk(b"acTL", struct.pack(">II", self._frames, 0))
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._part.replace(self._path)

    def drop(self) -> None:
        """Leave nothing behind of what is not finished."""
        with suppress(OSError):  # what a full disk has not taken yet
            self._stream.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _begin(self, pixels: Pixels) -> None:
        height, width = pixels.shape[:2]
        self._stream.write(SIGNATURE)
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        self._counter_at = self._stream.tell()
        self._chunk(b"acTL", struct.pack(">II", 0, 0))

    def _write_waiting(self) -> None:
        if self._waiting is None:
            return
        left, top, pixels = self._waiting
        height, width = pixels.shape[:2]
        place = struct.pack(">IIIIHHBB", width, height, left, top, self._stands_ms, 1000, 0, 0)
        self._chunk(b"fcTL", self._numbered(place))
        rows = np.zeros((height, 1 + 3 * width), np.uint8)
        rows[:, 0] = 1  # the filter "Sub": each byte less the one of the pixel before
        flat = pixels.reshape(height, 3 * width)
        rows[:, 1:] = flat
        rows[:, 4:] -= flat[:, :-3]
        data = zlib.compress(rows.tobytes(), 6)
        if self._frames:
            self._chunk(b"fdAT", self._numbered(data))
        else:
            self._chunk(b"IDAT", data)
        self._frames += 1
        self._waiting, self._stands_ms = None, 0

    def _numbered(self, data: bytes) -> bytes:
        number, self._number = self._number, self._number + 1
        return struct.pack(">I", number) + data

    def _chunk(self, kind: bytes, data: bytes) -> None:
        crc = zlib.crc32(data, zlib.crc32(kind))
        self._stream.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc))


def _pixels_of(image: QImage) -> Pixels:
    """Return an image as rows of pixels of red, green and blue."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : 3 * plain.width()].reshape(plain.height(), plain.width(), 3).copy()


def _changed(old: Pixels, new: Pixels) -> _Frame | None:
    """Return the smallest part of a picture that holds all that differs, or None where nothing does."""
    differs = (old != new).any(axis=2)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return None
    top, left = int(rows[0]), int(columns[0])
    return _Frame(left, top, new[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1])

"""A clip is a PNG whose chunks are whole, whose frames lie in the picture, and of which nothing is left when it fails."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

from app.past.apng import SIGNATURE, ClipFile

RED, BLUE = QColor("#FF0000"), QColor("#0000FF")


def image(width: int = 40, height: int = 30) -> QImage:
    made = QImage(width, height, QImage.Format.Format_RGB32)
    made.fill(QColor("#102030"))
    return made


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    data = path.read_bytes()
    assert data.startswith(SIGNATURE)
    at, found = len(SIGNATURE), []
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + body),)
        found.append((kind, body))
        at += 12 + length
    return found


def test_frames_hold_what_changed_and_stand_as_long_as_nothing_does(tmp_path: Path) -> None:
    path = tmp_path / "clip.apng"
    clip = ClipFile(path, 100)
    calm = image()
    spotted = image()
    spotted.setPixelColor(10, 5, RED)
    spotted.setPixelColor(13, 7, BLUE)
    for one in (calm, calm, calm, spotted, spotted):
        clip.add(one)
    assert not path.exists()
    clip.finish()
    found = chunks(path)
    assert [kind for kind, _ in found] == [b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"IEND"]
    assert struct.unpack(">II", found[1][1]) == (2, 0)
    first, second = (struct.unpack(">IIIIIHHBB", body) for kind, body in found if kind == b"fcTL")
    assert first == (0, 40, 30, 0, 0, 300, 1000, 0, 0)
    assert second == (1, 4, 3, 10, 5, 200, 1000, 0, 0)
    rows = zlib.decompress(found[5][1][4:])
    assert len(rows) == 3 * (1 + 3 * 4) and rows[0] == 1
    assert rows[1:4] == b"\xff\x00\x00"
    assert list(tmp_path.iterdir()) == [path]


def test_any_viewer_shows_the_first_frame_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "clip.png"
    clip = ClipFile(path, 100)
    first = image(41, 17)
    first.setPixelColor(40, 16, RED)
    clip.add(first)
    clip.add(image(41, 17))
    clip.finish()
    shown = QImage(str(path))
    assert shown.size() == first.size()
    assert shown.pixelColor(40, 16) == RED and shown.pixelColor(0, 0) == QColor("#102030")


def test_a_window_that_changed_its_size_keeps_the_size_of_the_clip(tmp_path: Path) -> None:
    clip = ClipFile(tmp_path / "clip.png", 100)
    clip.add(image())
    clip.add(image(80, 60))
    clip.finish()
    assert QImage(str(tmp_path / "clip.png")).width() == 40


def test_what_is_dropped_leaves_no_file(tmp_path: Path) -> None:
    clip = ClipFile(tmp_path / "clip.png", 100)
    clip.add(image())
    clip.drop()
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError):
        ClipFile(tmp_path / "no" / "clip.png", 100)

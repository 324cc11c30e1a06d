"""Background pictures: from a file into bounds, to the engine and back. Counterpart: `domain/blobs.py`, `engine/blobs.py`.

Theory: what a user picks is decoded here once, within caps, and encoded anew: what is kept and sent on is our own PNG or JPEG,
never the file itself. The engine keeps it by its hash, in pieces that a break does not undo.
One rule: nothing that a picture names is loaded: an SVG that points outside of itself is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QImageWriter, QPainter
from PySide6.QtSvg import QSvgRenderer

from app.commands import Asks
from domain.blobs import BLOB_CAP_BYTES, PIECE_BYTES, GetBlob, PutBlob, digest_of
from domain.errors import Refusal
from domain.wire import Reply

FILE_CAP_BYTES = 32 * 1024 * 1024
PIXELS_CAP = 64_000_000
"""Most pixels of a picture that is decoded."""
SIDE_PX = 4_096
"""Longest side of what is kept: graphics cards take that much."""
SVG_CAP_BYTES = 4 * 1024 * 1024
ALLOCATION_MB = 320
FILES = "Pictures (*.png *.jpg *.jpeg *.svg)"
_REFERENCE = re.compile(
    rb"""(?:href|src)\s*=\s*["']?\s*(?!#|data:image/(?:png|jpeg);)[^\s"'>]|url\(\s*["']?(?!#)|@import""", re.I
)


class NoPicture(ValueError):
    """Why a file is not taken as a picture."""


class Picture(NamedTuple):
    """A picture as it is kept: encoded by us, its size in pixels."""

    data: bytes
    width: int
    height: int


def read_picture(path: Path) -> Picture:
    """Return what a file shows, within bounds. Raises NoPicture with a reason for the user."""
    try:
        with path.open("rb") as opened:
            data = opened.read(FILE_CAP_BYTES + 1)
    except OSError as error:
        raise NoPicture(f"{path.name} cannot be read: {error.strerror}") from error
    if len(data) > FILE_CAP_BYTES:
        raise NoPicture(f"{path.name} is larger than {FILE_CAP_BYTES // 1024 // 1024} MB")
    return _encoded(picture_from(data, path.name), path.name)


def picture_from(data: bytes, name: str) -> QImage:
    """Return the image that PNG, JPEG or SVG bytes hold. Raises NoPicture."""
    if data.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        held = QBuffer()
        held.setData(data)
        held.open(QIODevice.OpenModeFlag.ReadOnly)
        QImageReader.setAllocationLimit(ALLOCATION_MB)
        reader = QImageReader(held, QByteArray(b"png" if data[:1] == b"\x89" else b"jpeg"))
        reader.setAutoTransform(True)
        size = reader.size()
        if size.width() * size.height() > PIXELS_CAP:
            raise NoPicture(f"{name} has {size.width():,} x {size.height():,} pixels: too many")
        if max(size.width(), size.height()) > SIDE_PX:
            reader.setScaledSize(size.scaled(SIDE_PX, SIDE_PX, Qt.AspectRatioMode.KeepAspectRatio))
        image = reader.read()
        if image.isNull():
            raise NoPicture(f"{name} cannot be decoded: {reader.errorString()}")
        return image
    if b"<svg" in data[:4096].lower():
        return _drawn(data, name)
    raise NoPicture(f"{name} is no PNG, JPEG or SVG")


def _drawn(data: bytes, name: str) -> QImage:
    """Return an SVG as an image of the largest size that is kept."""
    if len(data) > SVG_CAP_BYTES:
        raise NoPicture(f"{name} is larger than {SVG_CAP_BYTES // 1024 // 1024} MB of SVG")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or _REFERENCE.search(data):
        raise NoPicture(f"{name} points outside of itself: save it with everything embedded")
    renderer = QSvgRenderer(QByteArray(data))
    size = renderer.defaultSize()
    if not renderer.isValid() or size.isEmpty():
        raise NoPicture(f"{name} cannot be drawn")
    image = QImage(
        size.scaled(SIDE_PX // 2, SIDE_PX // 2, Qt.AspectRatioMode.KeepAspectRatio),
        QImage.Format.Format_ARGB32_Premultiplied,
    )
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    return image


def _encoded(image: QImage, name: str) -> Picture:
    """Return an image as the bytes that are kept: PNG, or JPEG where that is too big; smaller until it fits."""
    while max(image.width(), image.height()) >= 64:
        for kind, quality in ((b"png", -1),) if image.hasAlphaChannel() else ((b"png", -1), (b"jpeg", 88)):
            held = QBuffer()
            held.open(QIODevice.OpenModeFlag.WriteOnly)
            writer = QImageWriter(held, QByteArray(kind))
            writer.setQuality(quality)
            if writer.write(image) and held.size() <= BLOB_CAP_BYTES:
                return Picture(bytes(held.data().data()), image.width(), image.height())
        image = image.scaled(
            QSize(image.width() * 3 // 4, image.height() * 3 // 4),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    raise NoPicture(f"{name} is too small or cannot be encoded")


def put_picture(asks: Asks, data: bytes, then: Callable[[str, tuple[Refusal, ...]], None]) -> None:
    """Send a picture to the engine, from where it has it; `then` gets its digest, or why it was refused."""
    digest = digest_of(data)

    def on_reply(reply: Reply) -> None:
        have = reply.result.get("have")
        if reply.refusals or have == len(data):
            then(digest, reply.refusals)
        elif isinstance(have, int) and 0 <= have < len(data):
            piece = data[have : have + PIECE_BYTES]
            asks.request(lambda number: PutBlob(number, digest, len(data), have, piece), on_reply)
        else:
            then(digest, (Refusal("INVALID_INPUT", "the engine has another picture under this name"),))

    asks.request(lambda number: PutBlob(number, digest, len(data)), on_reply)


def get_picture(asks: Asks, digest: str, then: Callable[[bytes], None]) -> None:
    """Fetch a picture; `then` gets its bytes, none where there is no such picture or it is not what its name says."""
    found = bytearray()

    def on_reply(reply: Reply) -> None:
        data, size = reply.result.get("data", b""), reply.result.get("size", 0)
        found.extend(data)
        if reply.refusals or len(found) > BLOB_CAP_BYTES or (not data and len(found) < size):
            then(b"")
        elif len(found) < size:
            asks.request(lambda number: GetBlob(number, digest, len(found)), on_reply)
        else:
            then(bytes(found) if digest_of(bytes(found)) == digest else b"")

    asks.request(lambda number: GetBlob(number, digest), on_reply)


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a picture in pixels, 0 where it is none."""
    held = QBuffer()
    held.setData(data)
    held.open(QIODevice.OpenModeFlag.ReadOnly)
    size = QImageReader(held).size()
    return max(0, size.width()), max(0, size.height())

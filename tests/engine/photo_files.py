"""Files as cameras and strangers make them."""

from __future__ import annotations

import io
import struct
import zlib
from random import Random

from PIL import Image

from domain.blobs import PIECE_BYTES, DevelopPhoto, GetBlob, digest_of
from domain.wire import Reply
from engine.blobs import Blobs

PHONE = "Phone 9 serial 0123"


def scene(width: int = 640, height: int = 480, seed: int = 1) -> Image.Image:
    """Return a picture whose left half is dark, of nothing that could be compressed to nothing."""
    noise = Image.frombytes(
        "L", (width // 8, height // 8), Random(seed).randbytes((width // 8) * (height // 8))
    )
    picture = Image.merge("RGB", [noise.resize((width, height))] * 3)
    picture.paste((0, 0, 80), (0, 0, width // 2, height))
    return picture


def jpeg(picture: Image.Image | None = None, *, turned: int = 1, taken: str = "", offset: str = "") -> bytes:
    """Return a JPEG as a telephone makes it: with who it is, where it was and when."""
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = turned, PHONE
    inner = tags.get_ifd(0x8769)
    if taken:
        inner[0x9003] = taken
    if offset:
        inner[0x9011] = offset
    tags.get_ifd(0x8825)[1] = "N"
    held = io.BytesIO()
    (picture or scene()).save(held, "JPEG", quality=90, exif=tags)
    return held.getvalue()


def encoded(kind: str, picture: Image.Image | None = None) -> bytes:
    """Return a picture in a format of Pillow's."""
    held = io.BytesIO()
    (picture or scene()).save(held, kind)
    return held.getvalue()


def bomb() -> bytes:
    """Return a PNG of some bytes that says it has 900 million pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


async def developed(blobs: Blobs, data: bytes, name: str = "IMG_1.jpg") -> Reply:
    """Have a photograph made of a file, as a window does; return the last reply."""
    digest, have = digest_of(data), 0
    while True:
        piece = data[have : have + PIECE_BYTES]
        reply = await blobs.answer(DevelopPhoto(1, digest, len(data), have, piece, name))
        if reply.refusals or "digest" in reply.result:
            return reply
        have = reply.result["have"]


async def kept(blobs: Blobs, digest: str) -> Image.Image:
    """Return a picture that is kept."""
    data = b""
    while True:
        reply = await blobs.answer(GetBlob(1, digest, len(data)))
        assert not reply.refusals
        data += bytes(reply.result["data"])
        if len(data) == reply.result["size"]:
            assert digest_of(data) == digest
            return Image.open(io.BytesIO(data))

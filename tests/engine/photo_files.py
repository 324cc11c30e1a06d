"""Files as cameras and strangers make them."""

from __future__ import annotations

import io
import struct
import zlib
from random import Random
from typing import Any

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

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


def encoded(kind: str, picture: Image.Image | None = None, **said: Any) -> bytes:
    """Return a picture in a format of Pillow's."""
    held = io.BytesIO()
    (picture or scene()).save(held, kind, **said)
    return held.getvalue()


def talkative(kind: str) -> bytes:
    """Return a picture that says whose telephone made it wherever a file of its kind can say anything."""
    tags = Image.Exif()
    tags[0x010F] = PHONE
    phone = PHONE.encode()
    said: dict[str, Any] = {"exif": tags, "icc_profile": phone * 20}
    if kind == "PNG":
        said["pnginfo"] = texts = PngInfo()
        texts.add_text("comment", PHONE)
        texts.add_text("Author", PHONE, zip=True)
        texts.add_itxt("XML:com.adobe.xmp", f"<x>{PHONE}</x>")
    else:
        said["xmp"] = b"<x>" + phone + b"</x>"
    if kind == "JPEG":
        said["comment"] = phone
    return encoded(kind, **said) + phone


def swapped_colours() -> bytes:
    """Return a colour profile by which what is written as red means blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb() -> bytes:
    """Return a PNG of some bytes that says it has 900 million pixels."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


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

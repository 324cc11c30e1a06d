"""Makes a photograph's two pictures out of a file; runs as a process of its own. Counterpart: `photos.py` starts it.

Theory: what the file begins with says what it is, and only then is it decoded, by Pillow: JPEG at a fraction of its size where
that will do. It is turned upright, its transparency laid on white, its colours brought to sRGB, and encoded anew, so that nothing
of the file is in what is kept: no place, no serial number of a telephone, no comment, nothing behind the picture's end. When it
was taken is read before, and told.
One rule: a file is refused with what is wrong, in words for whoever chose it.
"""

from __future__ import annotations

import io
import math
import struct
import sys
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

import msgspec

from domain.blobs import digest_of
from domain.photo import FILE_CAP_BYTES, SIDE_PX, THUMB_PX
from domain.text import clean_text
from engine.child import limit_self

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS_CAP = 64_000_000
SIDE_CAP_PX = 32_000
RATIO_CAP = 100
"""So many times longer than wide at most: of more, nothing could be seen."""
QUALITY, THUMB_QUALITY = 82, 75
MEMORY_BYTES = 2 * 1024**3
CPU_S = 60
_KINDS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"RIFF": "WEBP"}
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_ORIENTATION, _TAKEN, _OFFSET, _EXIF = 0x0112, 0x9003, 0x9011, 0x8769
_TURNED = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""What undoes each orientation, by the number of Pillow's `Transpose`."""


class Developed(msgspec.Struct, frozen=True):
    """What was made: names, sizes in bytes and pixels, when it was taken where the file says so. The bytes follow, the small
    picture's last."""

    digest: str
    thumb: str
    size: int
    thumb_size: int
    width: int
    height: int
    taken_us: int | None = None


class Unfit(Exception):
    """A file is refused, in words."""


def develop(data: bytes) -> tuple[Developed, bytes, bytes]:
    """Return what a file shows as a picture and a small one, both JPEG. Raises Unfit or MemoryError."""
    from PIL import Image  # noqa: PLC0415 only this process loads it

    kind = _kind_of(data)
    Image.MAX_IMAGE_PIXELS = None  # we ask ourselves, before anything is decoded
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as opened:
            _look_at_size(*opened.size)
            turned, taken_us = _said(opened)
            opened.draft("RGB", (2 * SIDE_PX, 2 * SIDE_PX))
            opened.load()
            shown = _on_white(opened)
    except (
        OSError,
        ValueError,
        SyntaxError,
        TypeError,
        KeyError,
        IndexError,
        struct.error,
        EOFError,
    ) as error:
        raise Unfit(f"it cannot be decoded: {clean_text(str(error), 120)}") from error
    if turned is not None:
        shown = shown.transpose(turned)  # type: ignore[arg-type]
    picture = _encoded(shown, QUALITY)
    width, height = shown.size
    shown.thumbnail((THUMB_PX, THUMB_PX))
    thumb = _encoded(shown, THUMB_QUALITY)
    made = Developed(digest_of(picture), digest_of(thumb), len(picture), len(thumb), width, height, taken_us)
    return made, picture, thumb


def _kind_of(data: bytes) -> str:
    """Return what a file is by what it begins with. Raises Unfit."""
    if len(data) > FILE_CAP_BYTES:
        _refuse(f"it has {len(data) / 1e6:.0f} MB, at most {FILE_CAP_BYTES // 1024 // 1024} are taken")
    found = next((kind for start, kind in _KINDS.items() if data.startswith(start)), "")
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC:
        _refuse("it is HEIC, which cannot be read here: save it as JPEG first")
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        _refuse("it is AVIF, which cannot be read here: save it as JPEG first")
    if not found or (found == "WEBP" and data[8:12] != b"WEBP"):
        _refuse("it is no JPEG, PNG or WebP")
    return found


def _look_at_size(width: int, height: int) -> None:
    if not (0 < width <= SIDE_CAP_PX and 0 < height <= SIDE_CAP_PX) or width * height > PIXELS_CAP:
        _refuse(f"it has {width:,} x {height:,} pixels, at most {PIXELS_CAP // 1_000_000} million are taken")
    if max(width, height) > RATIO_CAP * min(width, height):
        _refuse(f"it has {width:,} x {height:,} pixels: too narrow to be seen")


def _said(opened: Image) -> tuple[int | None, int | None]:
    """Return how a picture is to be turned, and when it was taken; what its camera wrote may be anything."""
    with suppress(Exception):  # a decoder of foreign tags: whatever it says, the picture is one
        tags = opened.getexif()
        turned = _TURNED.get(tags.get(_ORIENTATION, 1))
        with suppress(Exception):
            inner = tags.get_ifd(_EXIF)
            return turned, _taken_us(str(inner.get(_TAKEN, "")), str(inner.get(_OFFSET, "")))
        return turned, None
    return None, None


def _taken_us(text: str, offset: str) -> int | None:
    """Return microseconds since 1970 of a camera's clock; where it names no offset, it goes as this computer's does."""
    text, offset = text.strip(" \0"), offset.strip(" \0")
    try:
        moment = datetime.strptime(text + offset, "%Y:%m:%d %H:%M:%S%z" if offset else "%Y:%m:%d %H:%M:%S")
        seconds = moment.timestamp()
    except (ValueError, OSError, OverflowError):
        return None
    return math.floor(seconds) * 1_000_000 if 0 <= seconds < 4_102_444_800 else None


def _on_white(opened: Image) -> Image:
    """Return a picture at the size that is kept, in RGB as every screen has it."""
    from PIL import Image  # noqa: PLC0415

    profile = opened.info.get("icc_profile")
    if opened.mode.startswith("I"):  # 16 bits of grey, which `convert` would cut off at 255
        shown = opened.point(lambda grey: grey * (1 / 256)).convert("L")
    elif "A" in opened.getbands() or "transparency" in opened.info:
        clear = opened.convert("RGBA")
        clear.thumbnail((SIDE_PX, SIDE_PX), reducing_gap=3.0)
        shown = Image.new("RGB", clear.size, "white")
        shown.paste(clear, mask=clear.getchannel("A"))
    else:
        shown = opened.copy() if opened.mode in ("RGB", "L", "CMYK") else opened.convert("RGB")
    shown.thumbnail((SIDE_PX, SIDE_PX), reducing_gap=3.0)
    return _in_srgb(shown, profile).convert("RGB")


def _in_srgb(shown: Image, profile: object) -> Image:
    """Return a picture in the colours that its profile means; as it is where that is none, or not of such a picture."""
    if not isinstance(profile, bytes):
        return shown
    with suppress(Exception):  # a stranger's profile: whatever is wrong with it, the picture is one
        from PIL import ImageCms  # noqa: PLC0415

        meant = ImageCms.profileToProfile(
            shown, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        return meant or shown
    return shown


def _encoded(shown: Image, quality: int) -> bytes:
    """Return a picture as JPEG; of what the file said beside it Pillow would write some again, so that goes first."""
    shown.info.clear()
    held = io.BytesIO()
    shown.save(held, "JPEG", quality=quality, optimize=True, progressive=True)
    return held.getvalue()


def _refuse(words: str) -> NoReturn:
    raise Unfit(words)


def main() -> int:
    """Read a file from the input; say what was made of it as one line with its bytes behind, or what is wrong."""
    limit_self(MEMORY_BYTES, CPU_S)
    said: dict[str, object]
    pictures = b""
    try:
        made, picture, thumb = develop(sys.stdin.buffer.read(FILE_CAP_BYTES + 1))
        said, pictures = {"made": made}, picture + thumb
    except Unfit as error:
        said = {"wrong": str(error)}
    except MemoryError:
        said = {"wrong": "it needs more memory than a photograph may take"}
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n" + pictures)
    sys.stdout.buffer.flush()
    return 0

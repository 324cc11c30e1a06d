"""Reads one file of heights and writes it as a tile; runs as a process of its own. Counterpart: `reading.py` starts it.

Theory: the three things people have are SRTM's .hgt (its size says the step, its name the place), the same in a zip, and GeoTIFF
in degrees (Copernicus, SRTM by others). Pillow decodes what a TIFF may be packed with; all else of it is checked before.
One rule: a file is refused with what is wrong, what was expected and what was got, and nothing of it is kept.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import struct
import sys
from array import array
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn
from zipfile import ZipInfo

import msgspec

from domain.text import clean_text
from engine.child import limit_self
from engine.terrain.tiles import VOID, Head, Sample, write_tile
from engine.zipped import Damaged, unzipped

FILE_BYTES = 700 * 1024 * 1024
SAMPLES_CAP = 40_000_000
"""Most samples of one file: a tile of 5 by 5 degrees at 3 seconds has 36 million."""
HGT_SIDES = {2 * 1_201 * 1_201: 1_201, 2 * 3_601 * 3_601: 3_601}
HEIGHTS_M = (-12_000.0, 9_000.0)
"""What is a height of this planet."""
ABSURD_SHARE = 0.05
"""Of a file that says more heights than so that cannot be, nothing is believed."""
MEMORY_BYTES = 2 * 1024**3
CPU_S = 180
MEMBERS_CAP = 1_000
NAME_CAP = 120
_HGT_NAME = re.compile(r"([NS])(\d{2})([EW])(\d{3})(?![0-9])", re.IGNORECASE)
_TIFF_ENDINGS = (".tif", ".tiff")
_DEGREES = {4326: "WGS 84", 4269: "NAD 83", 4258: "ETRS 89"}
"""Coordinate systems in degrees that are the same to a metre or two."""


class ReaderJob(msgspec.Struct, frozen=True):
    """What the reader is told: which file, where the tile goes, what to note of who wants it."""

    path: str
    out: str
    added_us: int
    added_by: str


class Unfit(Exception):
    """A file is refused, in words."""


def read_file(job: ReaderJob) -> Head:
    """Read a file and write its tile. Raises Unfit, OSError or MemoryError."""
    path = Path(job.path)
    size = path.stat().st_size
    if not path.is_file():
        _refuse("a file expected")
    if size > FILE_BYTES:
        _refuse(f"at most {FILE_BYTES / 1e6:.0f} MB expected, got {size / 1e6:.0f} MB")
    data, name = path.read_bytes(), path.name
    if data[:4] == b"PK\x03\x04":
        data, name = _unzipped(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        found = _read_tiff(data)
    elif name.lower().endswith(".hgt"):
        found = _read_hgt(data, name)
    else:
        _refuse("an SRTM file (.hgt, or that in a .zip) or a GeoTIFF expected, got neither")
    head, samples = found
    head = msgspec.structs.replace(
        head,
        id=hashlib.sha256(data).hexdigest(),
        name=clean_text(name, NAME_CAP) or "terrain",
        void_share=_void_share(samples, head.sample),
        added_us=job.added_us,
        added_by=job.added_by,
    )
    write_tile(Path(job.out), head, samples)
    return head


def _unzipped(data: bytes) -> tuple[bytes, str]:
    """Return the one file of heights in a zip."""
    try:
        inner, name = unzipped(data, _one_of_heights, FILE_BYTES)
    except Damaged as error:
        raise Unfit(f"the zip cannot be read: {error}") from error
    return inner, PurePosixPath(name).name


def _one_of_heights(members: list[ZipInfo]) -> ZipInfo:
    endings = (".hgt", *_TIFF_ENDINGS)
    wanted = [one for one in members[:MEMBERS_CAP] if one.filename.lower().endswith(endings)]
    if len(wanted) != 1:
        _refuse(f"a zip with one .hgt or .tif expected, got {len(wanted)} of them")
    return wanted[0]


def _read_hgt(data: bytes, name: str) -> tuple[Head, array[int]]:
    side = HGT_SIDES.get(len(data))
    if side is None:
        sizes = " or ".join(f"{size:,}" for size in HGT_SIDES)
        _refuse(f"an .hgt of {sizes} bytes expected, got {len(data):,}")
    place = _HGT_NAME.match(name)
    if place is None:
        _refuse(
            f"a name such as N46E012.hgt expected, it says where the tile is; got {clean_text(name, 60)!r}"
        )
    south = int(place[2]) * (1 if place[1] in "Nn" else -1)
    west = int(place[4]) * (1 if place[3] in "Ee" else -1)
    if not (-90 <= south < 90 and -180 <= west < 180):
        _refuse(f"a place on Earth expected in the name, got {clean_text(name, 60)!r}")
    samples = array("h", data)
    if sys.byteorder == "little":
        samples.byteswap()
    step = 1 / (side - 1)
    return Head("", "", west, south + 1.0, step, step, side, side, "i2"), samples


def _read_tiff(data: bytes) -> tuple[Head, array[int] | array[float]]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 only this process loads it

    Image.MAX_IMAGE_PIXELS = None  # we ask ourselves, before anything is decoded
    try:
        picture = Image.open(io.BytesIO(data), formats=("TIFF",))
        columns, rows = picture.size
        tags: Any = picture.tag_v2  # type: ignore[attr-defined]
        if columns * rows > SAMPLES_CAP:
            _refuse(f"at most {SAMPLES_CAP / 1e6:.0f} million samples expected, got {columns} x {rows}")
        sample, void = _sample_of(tags), _void_of(tags)
        west, north, step_lng, step_lat = _placed(tags, columns, rows)
        picture.load()
        raw = picture.tobytes("raw", "I" if sample == "i2" else "F")
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        struct.error,
        TypeError,
        KeyError,
    ) as error:
        raise Unfit(f"the TIFF cannot be read: {clean_text(str(error), 160)}") from error
    samples: array[int] | array[float] = _whole(raw, void) if sample == "i2" else _fractions(raw, void)
    return Head("", "", west, north, step_lng, step_lat, columns, rows, sample), samples


def _sample_of(tags: Any) -> Sample:
    bits, form, bands = tags.get(258, (1,)), tags.get(339, (1,)), tags.get(277, 1)
    got = (tuple(bits), tuple(form), bands)
    if got == ((16,), (2,), 1):
        return "i2"
    if got == ((32,), (3,), 1):
        return "f4"
    said = f"{bands} band(s) of {'/'.join(map(str, bits))} bits, sample format {'/'.join(map(str, form))}"
    _refuse(f"one band of 16-bit whole or 32-bit floating heights expected, got {clean_text(said, 100)}")


def _void_of(tags: Any) -> float | None:
    text = str(tags.get(42113, "")).strip(" \0")
    with suppress(ValueError):
        return float(text)
    return None


def _placed(tags: Any, columns: int, rows: int) -> tuple[float, float, float, float]:
    """Return (west, north, step_lng, step_lat) of the samples themselves."""
    words = list(tags.get(34735, ()))
    keys = {words[at]: words[at + 3] for at in range(4, len(words) - 3, 4) if words[at + 1] == 0}
    system = keys.get(2048)
    if keys.get(1024) != 2 or system not in _DEGREES:
        named = keys.get(3072) or system
        said = f"EPSG:{named}" if named else "no coordinate system"
        _refuse(f"heights in degrees (EPSG:4326) expected, got {said}: reproject the file first")
    scale, tie = list(tags.get(33550, ())), list(tags.get(33922, ()))
    if len(scale) < 2 or len(tie) != 6:
        _refuse("a pixel scale and one tie point expected, got another kind of placing")
    step_lng, step_lat = float(scale[0]), float(scale[1])
    if not (1e-6 < step_lng < 1 and 1e-6 < step_lat < 1):
        _refuse(f"steps of less than a degree expected, got {step_lng:g} x {step_lat:g}")
    half = (
        0.0 if keys.get(1025) == 2 else 0.5
    )  # the tie point is of a pixel's corner, unless pixels are points
    west = float(tie[3]) + (half - float(tie[0])) * step_lng
    north = float(tie[4]) - (half - float(tie[1])) * step_lat
    south, width = north - (rows - 1) * step_lat, (columns - 1) * step_lng
    if (
        not (-180.5 <= west <= 180.5 and north <= 90.5 and south >= -90.5 and width <= 361)
        or min(columns, rows) < 2
    ):
        _refuse(f"a piece of the Earth expected, got {west:g}, {south:g} and {width:g} degrees wide")
    return west, north, step_lng, step_lat


def _whole(raw: bytes, void: float | None) -> array[int]:
    wide = array("i", raw)
    gone = int(void) if void is not None and math.isfinite(void) else VOID
    if gone not in (VOID, 0):  # where 0 stands for none, it is the sea
        wide = array("i", [VOID if height == gone else height for height in wide])
    return array("h", wide)


def _fractions(raw: bytes, void: float | None) -> array[float]:
    heights = array("f", raw)
    if void is None or math.isnan(void):
        return heights
    gone = struct.unpack("f", struct.pack("f", void))[0] if abs(void) < 3.4e38 else void
    nan = math.nan
    return array("f", [nan if height == gone else height for height in heights])


def _void_share(samples: array[int] | array[float], sample: Sample) -> float:
    """Return how much has no height; what cannot be a height is made none. Raises Unfit where that is too much."""
    low, high = HEIGHTS_M
    absent = 0
    absurd = []
    for at, height in enumerate(samples):
        if not low <= height <= high:
            if height == VOID or height != height:  # noqa: PLR0124 NaN
                absent += 1
            else:
                absurd.append(at)
                if len(absurd) > ABSURD_SHARE * len(samples):
                    _refuse(f"heights of {low:,.0f} to {high:,.0f} m expected, got many such as {height:g}")
    hole = array("h", [VOID]) if sample == "i2" else array("f", [math.nan])
    for at in absurd:
        samples[at : at + 1] = hole  # type: ignore[assignment]
    if absent + len(absurd) == len(samples):
        _refuse("heights expected, got none: every sample is void")
    return round((absent + len(absurd)) / len(samples), 4)


def _refuse(words: str) -> NoReturn:
    raise Unfit(words)


def main() -> int:
    """Do the job on the input; say the tile's head or what is wrong, as one line."""
    limit_self(MEMORY_BYTES, CPU_S)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=ReaderJob)
    told: dict[str, object]
    try:
        told = {"head": read_file(job)}
    except Unfit as error:
        told = {"wrong": str(error)}
    except OSError as error:
        told = {"wrong": error.strerror or str(error)}
    except MemoryError:
        told = {"wrong": "it needs more memory than terrain may take"}
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    return 0

"""Files of heights as people have them, made for tests and the demo's pictures: .hgt, the same zipped, GeoTIFF by hand."""

from __future__ import annotations

import struct
import zipfile
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

Height = Callable[[float, float], float]
"""The height in metres at (lng, lat)."""
SIDE = 1_201
GRAIN = 10


def hgt(folder: Path, west: int, south: int, height: Height, side: int = SIDE) -> Path:
    """Write an SRTM tile; the ground goes in steps of ten samples, so that a test is soon done."""
    samples, line = array("h"), array("h")
    for row in range(side):
        if row % GRAIN == 0:
            lat = south + 1 - row / (side - 1)
            heights = [round(height(west + x / (side - 1), lat)) for x in range(0, side, GRAIN)]
            line = array("h", [height for height in heights for _ in range(GRAIN)][:side])
        samples.extend(line)
    samples.byteswap()
    name = f"{'N' if south >= 0 else 'S'}{abs(south):02}{'E' if west >= 0 else 'W'}{abs(west):03}.hgt"
    path = folder / name
    path.write_bytes(samples.tobytes())
    return path


def zipped(path: Path, *names: str) -> Path:
    """Write a zip with a file, under its own name or others."""
    out = path.with_name(path.name + ".zip")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or (path.name,):
            archive.write(path, name)
    return out


def geotiff(
    path: Path,
    west: float,
    north: float,
    step: float,
    rows: list[list[float]],
    *,
    floats: bool = False,
    epsg: int = 4326,
    is_point: bool = False,
    void: str = "",
    predictor: int = 0,
    changed: dict[int, tuple[int, bytes, int]] | None = None,
) -> Path:
    """Write a GeoTIFF, one strip, little-endian, with what it takes and nothing else; `changed` replaces tags.

    With a `predictor` (1 none, 2 differences) it is deflated.
    """
    flat = [height for row in rows for height in row]
    data = struct.pack(f"<{len(flat)}{'f' if floats else 'h'}", *(flat if floats else map(int, flat)))
    if predictor:
        wide = len(rows[0])
        turned = [flat[i] - (flat[i - 1] if predictor == 2 and i % wide else 0) for i in range(len(flat))]
        data = zlib.compress(struct.pack(f"<{len(flat)}h", *map(int, turned)))
    keys = [1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 2 if is_point else 1, 2048, 0, 1, epsg]

    def shorts(*values: int) -> tuple[int, bytes, int]:
        return 3, struct.pack(f"<{len(values)}H", *values), len(values)

    def longs(*values: int) -> tuple[int, bytes, int]:
        return 4, struct.pack(f"<{len(values)}I", *values), len(values)

    def doubles(*values: float) -> tuple[int, bytes, int]:
        return 12, struct.pack(f"<{len(values)}d", *values), len(values)

    tags: dict[int, tuple[int, bytes, int]] = {
        256: longs(len(rows[0])),
        257: longs(len(rows)),
        258: shorts(32 if floats else 16),
        259: shorts(8 if predictor else 1),
        262: shorts(1),
        273: longs(0),
        277: shorts(1),
        317: shorts(predictor or 1),
        278: longs(len(rows)),
        279: longs(len(data)),
        339: shorts(3 if floats else 2),
        33550: doubles(step, step, 0.0),
        33922: doubles(0, 0, 0, west, north, 0),
        34735: shorts(*keys),
    }
    if void:
        tags[42113] = (2, void.encode() + b"\0", len(void) + 1)
    tags |= changed or {}
    tags = {tag: value for tag, value in tags.items() if value[2]}
    at = 8 + 2 + 12 * len(tags) + 4
    entries, beyond = b"", b""
    for tag, (kind, value, count) in sorted(tags.items()):
        if tag == 273:
            value = b"\xee\xee\xee\xee"  # noqa: PLW2901 where the heights are is known at the end
        if len(value) > 4:
            entries += struct.pack("<HHII", tag, kind, count, at + len(beyond))
            beyond += value + b"\0" * (len(value) % 2)
        else:
            entries += struct.pack("<HHI4s", tag, kind, count, value)
    entries = entries.replace(b"\xee\xee\xee\xee", struct.pack("<I", at + len(beyond)))
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0" + beyond + data)
    return path


def packed(path: Path, **saved: Any) -> Path:
    """Write a GeoTIFF of fractions again as Pillow packs it: compression="tiff_adobe_deflate", tiffinfo={317: 3}, and so on."""
    from PIL import Image

    with Image.open(path) as picture:
        kept = {tag: picture.tag_v2[tag] for tag in (33550, 33922, 34735) if tag in picture.tag_v2}  # type: ignore[attr-defined]
        info = {**kept, **saved.pop("tiffinfo", {})}
        out = path.with_name(f"packed-{path.name}")
        picture.save(out, tiffinfo=info, **saved)
    return out

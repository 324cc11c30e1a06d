"""One file out of a zip that strangers packed. Counterparts: `imports/kml.py` reads KMZ, `terrain/reader.py` zipped heights.

Theory: a zip may open and be broken inside: what it says of a file is believed only once the file is unpacked, has the length and
the check sum that were said, and nothing was asked for it that only other programs can do.
One rule: whatever a zip holds, a file comes whole or is refused with which it is, what was expected and what was got.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from domain.text import clean_text

Choose = Callable[[list[zipfile.ZipInfo]], zipfile.ZipInfo]
"""Which of the files in a zip is wanted; raises what its caller knows where there is none."""
NAME_CAP = 60
WHY_CAP = 120
_PACKED_AS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""What KMZ and files of heights are packed by; others unpack into as much memory as the file asks for."""
_ENCRYPTED = 0x1
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)


class Damaged(Exception):
    """A zip or a file in it cannot be had whole, in words."""


def unzipped(data: bytes, choose: Choose, cap_bytes: int) -> tuple[bytes, str]:
    """Return what a file of a zip holds, at most `cap_bytes`, and its name in the zip. Raises Damaged, and as `choose`."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _BROKEN as error:
        raise Damaged(f"a whole zip archive expected, got: {_why(error)}") from error
    with archive:
        wanted = choose(archive.infolist())
        try:
            return _member(archive, wanted, cap_bytes), wanted.filename
        except Damaged as error:
            name = clean_text(wanted.filename, NAME_CAP) or "the file"
            raise Damaged(f"{name} in the archive: {error}") from error.__cause__


def _member(archive: zipfile.ZipFile, wanted: zipfile.ZipInfo, cap_bytes: int) -> bytes:
    if wanted.flag_bits & _ENCRYPTED:
        raise Damaged("a file without a password expected, got an encrypted one")
    if wanted.compress_type not in _PACKED_AS:
        raise Damaged(f"a stored or deflated file expected, got compression method {wanted.compress_type}")
    if wanted.file_size > cap_bytes:
        got = f"got {wanted.file_size / 1e6:,.1f} MB"
        raise Damaged(f"at most {cap_bytes / 1e6:,.1f} MB unpacked expected, {got}")
    try:
        with archive.open(wanted) as file:
            inner = file.read(
                wanted.file_size + 1
            )  # never all at once: the stream may be longer than it says
    except _BROKEN as error:
        raise Damaged(f"a file that unpacks whole expected, got: {_why(error)}") from error
    if len(inner) != wanted.file_size:
        raise Damaged(f"{wanted.file_size:,} bytes expected, as the archive says, got {len(inner):,}")
    return inner


def _why(error: Exception) -> str:
    return clean_text(str(error), WHY_CAP) or "a file that ends too soon"

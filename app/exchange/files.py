"""Files as the disk has them: read up to a cap, written whole or not at all. Counterpart: `domain/exchanging.py`, the cap.

One rule: what goes wrong is a sentence for a person, with the file's name in it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from domain.exchanging import FILE_CAP_BYTES, FileFormat

TITLES: Mapping[FileFormat, str] = MappingProxyType(
    {"geojson": "GeoJSON", "kml": "KML", "kmz": "KMZ", "graphml": "GraphML", "csv": "CSV"}
)
ENDINGS = (".geojson", ".json", ".kml", ".kmz", ".graphml", ".csv")
"""Of files that can be dropped on the window."""


class FileTrouble(Exception):
    """A file could not be read or written, in words for a person."""


def read_file(path: Path) -> bytes:
    """Return what a file holds. Raises FileTrouble, for one that is too large before it is read."""
    try:
        if not path.is_file():
            raise FileTrouble(f"{path.name} is no file, or not there any more")
        size = path.stat().st_size
        if size <= FILE_CAP_BYTES:
            with path.open("rb") as file:
                data = file.read(FILE_CAP_BYTES + 1)
            size = max(size, len(data))
    except OSError as error:
        raise FileTrouble(f"{path.name} cannot be read: {_reason(error)}") from error
    if size > FILE_CAP_BYTES:
        said = f"{path.name} has {size / 1e6:,.0f} MB, at most {FILE_CAP_BYTES >> 20} MB are read at once"
        raise FileTrouble(f"{said}: divide it and import its parts")
    return data


def write_file(path: Path, data: bytes) -> None:
    """Write a file beside its place, then put it there: whoever reads it finds the old one or the new. Raises FileTrouble."""
    part = ""
    try:
        handle, part = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            Path(part).chmod(path.stat().st_mode & 0o777)
        Path(part).replace(path)
    except OSError as error:
        if part:
            with contextlib.suppress(OSError):
                Path(part).unlink(missing_ok=True)
        raise FileTrouble(f"The file {path.name} could not be saved: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)

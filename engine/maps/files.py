"""What lies on the disk of a library: the list, and whether a map's file is as it was. Counterpart: `library.py`, which has both.

One rule: the list is another whole file or as it was, whenever the engine dies.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from domain.maps import MapFile


def read_list(file: Path) -> list[MapFile]:
    """Return the list of maps, an empty one where there is no file. Raises OSError, msgspec.MsgspecError, RecursionError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[MapFile])
    except FileNotFoundError:
        return []


def write_list(file: Path, maps: Iterable[MapFile]) -> None:
    """Keep a list of maps. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.new")
    with fresh.open("wb") as opened:
        opened.write(msgspec.json.encode(list(maps)))
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)


def trouble_of(one: MapFile) -> str:
    """Return why a map cannot be used as it was checked, "" where its file is the same."""
    try:
        found = Path(one.path).stat()
    except FileNotFoundError:
        return "its file is gone"
    except OSError as error:
        return f"its file cannot be read: {error.strerror or error}"
    if (found.st_size, found.st_mtime_ns) != (one.size_bytes, one.modified_ns):
        return "its file has changed since it was checked"
    return ""

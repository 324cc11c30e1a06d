"""Files that grow piece by piece, each on disk before the next is asked for. Counterparts: `blobs.py`, `maps/team_files.py`.

One rule: what ends in `.part` is not whole, and goes on where it ended, also after a restart.
"""

from __future__ import annotations

import os
from pathlib import Path

PART = ".part"


def size_of(file: Path) -> int:
    """Return how many bytes a file has, 0 where there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def append(part: Path, data: bytes) -> int:
    """Put bytes at the end of a file; return how many it has then, all of them on disk. Raises OSError."""
    with part.open("ab") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
        return opened.tell()

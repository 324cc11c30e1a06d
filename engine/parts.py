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


def append(part: Path, offset: int, data: bytes) -> int:
    """Put bytes at the end of a file that is there and ends at `offset`, else nothing; return how many it has then, all on disk.
    Raises OSError; FileNotFoundError where it is gone: who deletes it while it grows has deleted it."""
    with part.open("r+b") as opened:
        if (end := opened.seek(0, os.SEEK_END)) != offset:
            return end
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
        return opened.tell()

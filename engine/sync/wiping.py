"""Deletes what a team left behind that was left for good. Counterpart: `desk.py` marks the folder, `engine/__main__.py` ends.

One rule: a folder is deleted by the engine that had it, when all its files are closed; one that was killed before does it later.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

WIPED_FILE = "wipe"
"""In a folder that is to be deleted when its engine has ended."""


def wipe_if_left(folder: Path) -> bool:
    """Delete a folder whose team was left and not kept. Return whether it was one."""
    if not (folder / WIPED_FILE).exists():
        return False
    for path in folder.iterdir():
        if path.name == WIPED_FILE:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    (folder / WIPED_FILE).unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()
    return True

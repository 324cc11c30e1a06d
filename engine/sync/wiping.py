"""Deletes what a team left behind that was left for good. Counterpart: `desk.py` marks the folder, `engine/__main__.py` ends.

Theory: the folder is marked before anything of it goes, and the mark goes last. The engine that had it deletes it when all its
files are closed; what is left after a kill, or where a file was still open, is deleted by the engine of this computer's own
network when it starts.
One rule: no folder is deleted that is not marked, or that somebody has.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from domain.team import NETWORK_FILE, TEAMS_FOLDER
from engine.profile import Profile, ProfileTaken
from engine.vault import PlaceUnavailable

WIPED_FILE = "wipe"
"""In a folder that is to be deleted when its engine has ended."""


def mark_to_wipe(folder: Path, destroy_key: Callable[[], None]) -> None:
    """Mark a folder, take its name away, and delete its key: a keyring that does not answer keeps a key to nothing."""
    (folder / WIPED_FILE).touch()
    (folder / NETWORK_FILE).unlink(missing_ok=True)
    with contextlib.suppress(PlaceUnavailable):
        destroy_key()


def wipe_if_left(folder: Path) -> bool:
    """Delete a folder whose team was left and not kept. Return whether it was one."""
    if not (folder / WIPED_FILE).exists():
        return False
    with contextlib.suppress(OSError):  # of what is open still: the next time
        for path in [path for path in folder.iterdir() if path.name != WIPED_FILE]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if [path.name for path in folder.iterdir()] == [WIPED_FILE]:
            (folder / WIPED_FILE).unlink(missing_ok=True)
            folder.rmdir()
    return True


def wipe_what_was_left(root: Path) -> None:
    """Delete what is left of teams below a profile whose engines were killed before they had wiped it."""
    for mark in sorted((root / TEAMS_FOLDER).glob(f"*/{WIPED_FILE}")):
        with contextlib.suppress(ProfileTaken, OSError):
            Profile.open(mark.parent).close()  # nobody has it
            wipe_if_left(mark.parent)

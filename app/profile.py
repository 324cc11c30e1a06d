"""The folder that holds one network: where it is, and whether it can. Counterpart: `engine/profile.py`, who fills it. No Qt.

One rule: what is wrong with a folder is found out before anything is started in it, and said in one sentence.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import platformdirs


class NoProfile(Exception):
    """A folder cannot be what it was named for; the message says which one and why."""


def default_profile(name: str) -> Path:
    """Return where a profile is kept when none is named."""
    return Path(platformdirs.user_data_dir("heliograph", appauthor=False)) / name


def open_profile(profile: Path) -> Path:
    """Make the folder where it is missing, prove that it can be written to, return it. Raises NoProfile."""
    profile = profile.absolute()
    try:
        for folder in (profile, profile / "logs"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=profile):
            return profile
    except OSError as error:
        raise NoProfile(f"The folder {profile} cannot hold a network: {_why(error)}") from None


def make_room(file: Path) -> None:
    """Make the folder of a file that will be written in the end. Raises NoProfile."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoProfile(f"The file {file} cannot be written: {_why(error)}") from None


def replace_file(file: Path, data: bytes) -> None:
    """Put a file in the place of the one before at once: who is killed meanwhile leaves one of them, whole. Raises OSError."""
    fresh = file.with_name(file.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(file)


def _why(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a file is in the place of a folder"
    return error.strerror or str(error)

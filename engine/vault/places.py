"""Where the install's key lies: two slots in a folder, or two entries of the system's keyring. Counterpart: `rotation.py`.

Theory: `current` holds the key that opens everything; `next` holds the one that is about to take its place, until the
database says that it has. A file under its final name is a whole one, on disk. On Windows the profile lies below
%LOCALAPPDATA%, whose access list (the user, administrators, the system) new files inherit; elsewhere files are 0600.
One rule: a place that cannot answer now raises PlaceUnavailable; it is never taken for an empty one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from engine.vault.key_text import TEXT_CAP_BYTES

KEY_FILE = "install.key"
Slot = Literal["current", "next"]
Restrict = Callable[[int], None]
"""Makes an open file its user's alone."""


class PlaceUnavailable(Exception):
    """A key place does not give or take a key now; the message is a sentence for the user."""


class KeyStore(Protocol):
    """Two slots for the text of a key. Whatever is asked may raise PlaceUnavailable."""

    @property
    def name(self) -> str:
        """What to call it in a sentence."""

    def read(self, slot: Slot) -> bytes | None:
        """Return what lies there."""

    def write(self, slot: Slot, text: bytes) -> None:
        """Put a text there; it is safe when this returns."""

    def promote(self) -> None:
        """Put what is next in place of what is current."""

    def drop(self, slot: Slot) -> None:
        """Leave nothing there."""


class KeyFolder:
    """`install.key` and `install.key.next` in a profile."""

    def __init__(self, folder: Path, restrict: Restrict | None = None) -> None:
        self._folder = folder
        self._paths: dict[Slot, Path] = {"current": folder / KEY_FILE, "next": folder / f"{KEY_FILE}.next"}
        self._restrict = restrict or system_restrict()

    @property
    def name(self) -> str:
        """Return the file's path."""
        return str(self._paths["current"])

    def read(self, slot: Slot) -> bytes | None:
        """Return the start of a file, a byte more than a key may have."""
        try:
            with self._paths[slot].open("rb") as stream:
                self._restrict(stream.fileno())
                return stream.read(TEXT_CAP_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PlaceUnavailable(
                f"the install key {self._paths[slot]} cannot be read: {error.strerror}"
            ) from error

    def write(self, slot: Slot, text: bytes) -> None:
        """Make the file anew."""
        path = self._paths[slot]
        part = path.with_name(f"{path.name}.part")
        try:
            part.unlink(missing_ok=True)
            descriptor = os.open(
                part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600
            )
            with os.fdopen(descriptor, "wb") as stream:
                self._restrict(stream.fileno())
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
            self._sync()
        except OSError as error:
            raise PlaceUnavailable(f"the install key {path} cannot be made: {error.strerror}") from error

    def promote(self) -> None:
        """Rename."""
        try:
            self._paths["next"].replace(self._paths["current"])
            self._sync()
        except OSError as error:
            raise PlaceUnavailable(f"{self._paths['next']} cannot be renamed: {error.strerror}") from error

    def drop(self, slot: Slot) -> None:
        """Delete the file, and what a write that was killed left of it."""
        path = self._paths[slot]
        try:
            path.with_name(f"{path.name}.part").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            self._sync()
        except OSError as error:
            raise PlaceUnavailable(f"{path} cannot be deleted: {error.strerror}") from error

    def _sync(self) -> None:
        """Have names on disk; Windows does so by itself."""
        if sys.platform != "win32":
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def restrict_by_folder(descriptor: int) -> None:
    """Leave a file to the access list that it inherits from the profile's folder, as Windows has it."""


def system_restrict() -> Restrict:
    """Return the way of the system that this runs on."""
    if sys.platform == "win32":
        return restrict_by_folder
    return lambda descriptor: os.fchmod(descriptor, 0o600)

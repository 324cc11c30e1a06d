"""An exclusive lock on a file, the same on every system. Counterpart: `profile.py`, which lets one engine use a profile.

The system releases it when the process ends, however it ends, so that a killed engine leaves nothing to clean up. Windows
locks bytes and forbids reading them, so the lock sits on a byte far behind the text. One rule: only this module knows the
difference between systems.
"""

from __future__ import annotations

import os
import sys
from typing import Protocol

LOCKED_BYTE = 1 << 30
"""Where Windows' lock sits: far behind what the file holds, so that others can read who holds it."""


class Locking(Protocol):
    """How one system locks an open file."""

    def try_lock(self, fd: int) -> bool:
        """Take the lock, or return False where somebody holds it."""


class PosixModule(Protocol):
    """What is used of `fcntl`."""

    LOCK_EX: int
    LOCK_NB: int

    def flock(self, fd: int, operation: int, /) -> None: ...


class WindowsModule(Protocol):
    """What is used of `msvcrt`."""

    LK_NBLCK: int

    def locking(self, fd: int, mode: int, nbytes: int, /) -> None: ...


class PosixLocking:
    """`flock`: advisory, of the whole file."""

    def __init__(self, fcntl: PosixModule) -> None:
        self._fcntl = fcntl

    def try_lock(self, fd: int) -> bool:
        """Take the lock, or return False where somebody holds it."""
        try:
            self._fcntl.flock(fd, self._fcntl.LOCK_EX | self._fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class WindowsLocking:
    """`_locking` of one byte: mandatory, which is why it is not one of the text's."""

    def __init__(self, msvcrt: WindowsModule) -> None:
        self._msvcrt = msvcrt

    def try_lock(self, fd: int) -> bool:
        """Take the lock, or return False where somebody holds it (EACCES or EDEADLOCK)."""
        os.lseek(fd, LOCKED_BYTE, os.SEEK_SET)
        try:
            self._msvcrt.locking(fd, self._msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(fd, 0, os.SEEK_SET)
        return True


def system_locking() -> Locking:
    """Return the way of the system that this runs on."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        return WindowsLocking(msvcrt)
    import fcntl  # noqa: PLC0415

    return PosixLocking(fcntl)

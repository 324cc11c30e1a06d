"""The profile: the folder with all that one engine keeps, and who may use it. Counterpart: `app/engine_link.py` reads it.

    engine.lock     held while an engine runs; holds its pid
    endpoint.key    32 random bytes, 0600: who can read it may talk to the engine
    endpoint.json   {"address", "family", "pid"} of the running engine
    endpoint/       0700, holds the unix socket
    heliograph.db   the tenant's network

One rule: one engine a profile; the lock is taken before anything else in the folder is touched.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from pathlib import Path

import msgspec

from engine.file_lock import Locking, system_locking

SOCKET_PATH_CAP = 100
"""Longest path of a unix socket that every system takes, in bytes (macOS: 104 with the end mark)."""
SOCKET_FOLDER_PREFIX = "heliograph-"
"""How the folder of a socket begins that lies among temporary files, because the profile's path is too long."""
KEY_BYTES = 32


class ProfileTaken(Exception):
    """Another engine runs on this profile."""

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(f"another engine (process {pid or 'unknown'}) uses the profile {folder}")
        self.pid = pid


class Profile:
    """One engine's folder, locked. `close` gives it free."""

    def __init__(self, folder: Path, lock_fd: int) -> None:
        self.folder = folder
        self._lock_fd = lock_fd
        self._socket_folder: Path | None = None

    @classmethod
    def open(cls, folder: Path, locking: Locking | None = None) -> Profile:
        """Make the folder where it is missing and lock it. Raises ProfileTaken, or OSError where it cannot be written."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(folder / "engine.lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not (locking or system_locking()).try_lock(fd):
            pid = os.read(fd, 20).decode("ascii", "replace").strip()
            os.close(fd)
            raise ProfileTaken(folder, pid)
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        return cls(folder, fd)

    @property
    def database(self) -> Path:
        """Where the tenant's network is kept."""
        return self.folder / "heliograph.db"

    def endpoint_key(self) -> bytes:
        """Return the secret of the endpoint; made at the first start."""
        path = self.folder / "endpoint.key"
        with contextlib.suppress(FileNotFoundError):
            key = path.read_bytes()
            if len(key) == KEY_BYTES:
                return key
        key = secrets.token_bytes(KEY_BYTES)
        _write_private(path, key)
        return key

    def new_address(self) -> str:
        """Return an address that nobody listens on: a unix socket's path, or a named pipe's on Windows."""
        if sys.platform == "win32":
            return rf"\\.\pipe\heliograph-{secrets.token_hex(16)}"
        self._remove_what_a_killed_engine_left()
        folder = self.folder.absolute() / "endpoint"
        path = folder / "engine.sock"
        if len(os.fsencode(path)) > SOCKET_PATH_CAP:
            self._socket_folder = folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX))
            path = folder / "engine.sock"
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        path.unlink(missing_ok=True)
        return str(path)

    def announce(self, address: str) -> None:
        """Write where the engine listens."""
        family = "AF_PIPE" if sys.platform == "win32" else "AF_UNIX"
        told = msgspec.json.encode({"address": address, "family": family, "pid": os.getpid()})
        _write_private(self.folder / "endpoint.json", told)

    def _remove_what_a_killed_engine_left(self) -> None:
        """Remove the folder of a socket that was announced and not taken back, if it is a temporary one; the lock is ours."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError):
            path = Path(msgspec.json.decode((self.folder / "endpoint.json").read_bytes())["address"])
            is_among_temporary = path.parent.parent == Path(tempfile.gettempdir())
            if is_among_temporary and path.parent.name.startswith(SOCKET_FOLDER_PREFIX):
                path.unlink(missing_ok=True)
                path.parent.rmdir()

    def close(self) -> None:
        """Take the announcement back and give the profile free."""
        (self.folder / "endpoint.json").unlink(missing_ok=True)
        if self._socket_folder is not None:
            with contextlib.suppress(OSError):
                self._socket_folder.rmdir()
        os.close(self._lock_fd)


def _write_private(path: Path, data: bytes) -> None:
    """Replace a file whole, readable for its owner alone."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
    fresh.replace(path)

"""Keyrings for tests: in memory, in a folder so that they outlive a kill, and such that misbehave. None is the user's."""

from __future__ import annotations

import threading
from pathlib import Path

from engine.vault.key_text import Cost
from engine.vault.keyring_place import SERVICE, KeyringPlace

CHEAP = Cost(memory_kib=64, passes=1)
"""A guess of a password that costs nothing: what the real cost is, one test measures."""


class MemoryBackend:
    """Keeps entries in a dictionary."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


class FolderBackend:
    """Keeps each entry in a file, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_password(self, service: str, username: str) -> str | None:
        path = self._folder / username
        return path.read_text() if path.exists() else None

    def set_password(self, service: str, username: str, password: str) -> None:
        assert service == SERVICE
        (self._folder / "part").write_text(password)
        (self._folder / "part").rename(self._folder / username)

    def delete_password(self, service: str, username: str) -> None:
        (self._folder / username).unlink()


class SilentBackend(MemoryBackend):
    """Answers nothing until it is let go, as a keyring does that waits for its user."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        self.let_go.wait()
        return super().get_password(service, username)


class KeyringLockedError(Exception):
    """What a foreign library raises, with words that nobody is to see."""


class RefusingBackend(MemoryBackend):
    """Raises whatever it is asked, and says what it was given."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLockedError("prompt dismissed")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLockedError(f"cannot keep {password}")


class ForgetfulBackend(MemoryBackend):
    """Takes everything and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Nothing happens."""


def place(backend: MemoryBackend | FolderBackend | None, limit_s: float = 30.0) -> KeyringPlace:
    """Return a key place over a backend; None is a computer without one."""
    return KeyringPlace("origin", find=lambda: backend, limit_s=limit_s)

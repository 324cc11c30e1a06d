"""The system's keyring as a key place. Counterpart: `places.py`, the other one.

Theory: a keyring is another program; it may be locked and ask the user, or never answer. So each question is asked in a
thread of its own and waited for with a limit, and while one is open no other is asked. Only backends that are known to seal
what they keep are used (Secret Service, KWallet, macOS Keychain, Windows Credential Locker); the `keyring` library offers
others that store plain text, or nothing.
One rule: of what a backend raises only the type is told; its words are foreign, and a key was in its hands.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from engine.vault.places import PlaceUnavailable, Slot

SERVICE = "heliograph"
LIMIT_S = 5.0
"""How long a keyring may take, the dialog included in which the user unlocks it."""

_REAL = frozenset(
    f"keyring.backends.{name}" for name in ("SecretService", "libsecret", "kwallet", "macOS", "Windows")
)
T = TypeVar("T")


class Backend(Protocol):
    """What is used of the `keyring` library's backends."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class KeyringPlace:
    """The entries of one install; `user` is its id. `find` returns the backend, or None where there is no real one."""

    def __init__(
        self, user: str, find: Callable[[], Backend | None] | None = None, limit_s: float = LIMIT_S
    ) -> None:
        self._users: dict[Slot, str] = {"current": user, "next": f"{user} next"}
        self._find = find or real_backend
        self._limit_s = limit_s
        self._backend: Backend | None = None
        self._asking: threading.Thread | None = None

    @property
    def name(self) -> str:
        """Return what to call it."""
        return "the system's keyring"

    def read(self, slot: Slot) -> bytes | None:
        """Return an entry's text."""
        text = self._ask(lambda backend: backend.get_password(SERVICE, self._users[slot]))
        return text.encode() if text is not None else None

    def write(self, slot: Slot, text: bytes) -> None:
        """Keep an entry, and see that it was kept."""

        def write(backend: Backend) -> bool:
            backend.set_password(SERVICE, self._users[slot], text.decode())
            return backend.get_password(SERVICE, self._users[slot]) == text.decode()

        if not self._ask(write):
            raise PlaceUnavailable(f"{self.name} does not keep what it is given")

    def promote(self) -> None:
        """Copy, then delete: an entry has no other name to be renamed to."""
        text = self.read("next")
        if text is None:
            raise PlaceUnavailable(f"{self.name} has lost the next key")
        self.write("current", text)
        self.drop("next")

    def drop(self, slot: Slot) -> None:
        """Delete an entry where there is one."""

        def drop(backend: Backend) -> None:
            if backend.get_password(SERVICE, self._users[slot]) is not None:
                backend.delete_password(SERVICE, self._users[slot])

        self._ask(drop)

    def _ask(self, question: Callable[[Backend], T]) -> T:
        if self._asking is not None and self._asking.is_alive():
            raise PlaceUnavailable(f"{self.name} still does not answer: unlock it")
        answers: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

        def ask() -> None:
            try:
                backend = self._backend or self._find()
                if backend is None:
                    raise PlaceUnavailable("there is no keyring on this computer that keeps keys sealed")
                self._backend = backend
                answers.put((question(backend), None))
            except Exception as error:  # not caught: raised where it was asked, its type told
                answers.put((None, error))

        self._asking = threading.Thread(target=ask, name="keyring", daemon=True)
        self._asking.start()
        try:
            answer, error = answers.get(timeout=self._limit_s)
        except queue.Empty:
            said = f"{self.name} did not answer within {self._limit_s:g} s: unlock it, then unlock the vault"
            raise PlaceUnavailable(said) from None
        self._asking = None  # it has answered, though its thread may take a moment to end
        if isinstance(error, PlaceUnavailable):
            raise error
        if error is not None:
            raise PlaceUnavailable(f"{self.name} failed: {type(error).__name__}") from None
        return answer  # type: ignore[return-value]


def real_backend() -> Backend | None:
    """Return the backend that the `keyring` library chose, where it is one that seals what it keeps."""
    import keyring  # noqa: PLC0415 loads every backend: only where one is wanted

    return chosen(keyring.get_keyring())


def chosen(backend: Any) -> Backend | None:
    """Return the first real backend: this one, or of a chain the first of its links."""
    for one in getattr(backend, "backends", [backend]):
        if type(one).__module__ in _REAL:
            found: Backend = one
            return found
    return None

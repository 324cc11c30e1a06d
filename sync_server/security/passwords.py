"""Passwords: which are taken, how they are kept, whether one is right. Counterpart: `accounts.py` keeps the text made here.

Theory: Argon2id (RFC 9106) in threads of its own, few of them, because each guess takes memory and a core; who comes when too
many wait already is told to come later, so that a storm of logins is slow and never takes the server's memory.
One rule: an unknown name costs what a wrong password costs.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import Refusal

LENGTH_RANGE = (12, 256)
"""Characters of a password."""
_T = TypeVar("_T")


class Cost(msgspec.Struct, frozen=True):
    """What one guess costs. OWASP's least: 19 MiB and two passes, some 30 ms of a core."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1


class TooBusy(Exception):
    """So many passwords are being checked that another would wait too long."""


class Verdict(NamedTuple):
    """Whether a password was right, and what to keep instead of the old text where its cost is not today's."""

    is_right: bool
    renewed: str | None = None


def refusals_of_password(password: str, *known: str) -> list[Refusal]:
    """Return why a new password is not taken; `known` are the name, the address and what else anybody tries first."""
    low, high = LENGTH_RANGE
    said = ""
    if not low <= len(password) <= high:
        said = f"a password of {low} to {high} characters expected, got {len(password)}"
    elif len(set(password)) < 5:
        said = "a password of at least 5 different characters expected"
    elif any(len(word) >= 4 and word.casefold() in password.casefold() for word in known):
        said = "the password must not hold the name"
    return [Refusal("INVALID_INPUT", said, "password")] if said else []


class Passwords:
    """Makes and checks what is kept of passwords, `workers` at a time and at most `waiting` behind them."""

    def __init__(self, cost: Cost | None = None, *, workers: int = 2, waiting: int = 64) -> None:
        cost = cost or Cost()
        self._hasher = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes)
        self._pool = ThreadPoolExecutor(workers, "passwords")
        self._room = workers + waiting
        self._nobody = self._hasher.hash("nobody has this password")

    async def make(self, password: str) -> str:
        """Return what is kept of a password. Raises TooBusy."""
        return await self._run(lambda: self._hasher.hash(_plain(password)))

    async def check(self, password: str, kept: str | None) -> Verdict:
        """Tell whether a password is the one kept; `kept` None (nobody has that name) takes as long. Raises TooBusy."""
        if len(password) > LENGTH_RANGE[1]:
            return Verdict(False)
        return await self._run(lambda: self._check(password, kept))

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _check(self, password: str, kept: str | None) -> Verdict:
        plain = _plain(password)
        try:
            self._hasher.verify(kept or self._nobody, plain)
        except (VerificationError, InvalidHashError):
            return Verdict(False)
        if kept is None:
            return Verdict(False)
        return Verdict(True, self._hasher.hash(plain) if self._hasher.check_needs_rehash(kept) else None)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._room <= 0:
            raise TooBusy
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._room += 1


def _plain(password: str) -> bytes:
    """Return a password's bytes, the same from every keyboard; "surrogatepass" keeps half a letter from being an error."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")

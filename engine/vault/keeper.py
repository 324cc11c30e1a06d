"""Who may open the vault, and for how long: unlock, lock, auto-lock, new keys. Counterpart: `domain/wire.py`, `vault.py`.

Theory: what a person asks is done one at a time. After a wrong password no other is tried for a second, then two, up to
half a minute, so that a program at the endpoint cannot guess. The time until the auto-lock counts from the last time that a
person opened or entered a secret; polls do not count, and what is logged in by then stays so.
One rule: passwords are handed to the vault and to nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from domain.errors import Refusal
from domain.journal import RowKind
from domain.vault import (
    AUTO_LOCK_MAX_MIN,
    KEY_PLACES,
    PASSWORD_RANGE,
    Lock,
    RotateKeys,
    SetAutoLock,
    SetKeyPlace,
    Unlock,
    VaultRequest,
    VaultState,
)
from domain.wire import Reply
from engine.storage import StoreThread
from engine.vault.key_text import COST, Cost, WrongPassword
from engine.vault.places import PlaceUnavailable
from engine.vault.vault import Vault, VaultLocked

LOOK_EVERY_S = 1.0
ASK_KEYRING_EVERY_S = 15.0
LONGEST_DELAY_S = 30.0
_log = logging.getLogger("engine.vault")


def delay_s(wrong: int) -> float:
    """Return how long no password is tried after so many wrong ones in a row."""
    return min(2.0 ** (min(wrong, 10) - 1), LONGEST_DELAY_S) if wrong else 0.0


class Keeper:
    """Answers requests about the vault. `clock` is monotonic seconds.

    `on_unlocked` is called when secrets can be opened again, `on_locked` when they no longer can: what was derived from
    passwords and is kept only for speed has to go. `note` takes what happened for the journal: its kind and its body.
    `why_fixed` is why there can be no other key than this one, empty where there can.
    """

    def __init__(
        self,
        vault: Vault,
        store: StoreThread,
        *,
        on_unlocked: Callable[[], None],
        on_locked: Callable[[], None],
        note: Callable[[RowKind, dict[str, Any]], None],
        clock: Callable[[], float],
        now_us: Callable[[], int],
        cost: Cost = COST,
        why_fixed: str = "",
    ) -> None:
        self.wrong = 0
        """Wrong passwords since the last right one."""
        self._vault = vault
        self._store = store
        self._on_unlocked = on_unlocked
        self._on_locked = on_locked
        self._note = note
        self._clock = clock
        self._now_us = now_us
        self._cost = cost
        self._why_fixed = why_fixed
        self._used_s = self._asked_s = clock()
        self._next_try_s = 0.0
        self._turn = asyncio.Lock()

    @property
    def state(self) -> VaultState:
        """Return how the vault stands."""
        vault, record = self._vault, self._vault.record
        return VaultState(
            record.place, vault.locked, record.auto_lock_min, record.rotated_us, vault.why_locked
        )

    def note_use(self) -> None:
        """A person opened or entered a secret: the time until the auto-lock begins anew."""
        self._used_s = self._clock()

    async def answer(self, request: VaultRequest) -> Reply:
        """Return the one reply to a request. Raises StorageFailed. No edit may bring a secret while keys are made new."""
        async with self._turn:
            result: dict[str, int] = {}
            match request:
                case Unlock():
                    found = await self._unlock(request.password.value)
                case Lock():
                    found = self._lock()
                case SetAutoLock():
                    found = await self._set_auto_lock(request.minutes)
                case SetKeyPlace() | RotateKeys():
                    found, result = await self._rotate(request)
            if not found:
                self.note_use()
            return Reply(request.request, tuple(found), result)

    async def watch(self) -> None:
        """Lock when it is time, and ask a keyring again that did not answer."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Do what is due now."""
        async with self._turn:
            now_s, vault = self._clock(), self._vault
            limit_s = vault.record.auto_lock_min * 60
            if vault.needs_password and not vault.locked and 0 < limit_s <= now_s - self._used_s:
                self._close("nobody opened or entered a secret")
            elif vault.locked and not vault.needs_password and now_s - self._asked_s >= ASK_KEYRING_EVERY_S:
                await self._ask_place()

    async def _unlock(self, password: str) -> list[Refusal]:
        vault = self._vault
        if vault.locked and not vault.needs_password:
            found = await self._ask_place()
            if found or not vault.locked:
                return found
        if not vault.locked:
            return []
        wait_s = self._next_try_s - self._clock()
        if wait_s > 0:
            return [Refusal("TRY_LATER", f"try again in {_seconds(wait_s)}", "password")]
        if not password:
            return [Refusal("MISSING_REQUIRED_FIELD", "the master password is needed", "password")]
        if len(password) > PASSWORD_RANGE[1]:
            return [_unfit_password(password)]
        try:
            await asyncio.to_thread(vault.unlock, password)
        except WrongPassword:
            self.wrong += 1
            delay = delay_s(self.wrong)
            self._next_try_s = self._clock() + delay
            _log.warning("unlock_refused", extra={"attempt": self.wrong, "delay_s": delay})
            said = f"the master password is wrong; try again in {_seconds(delay)}"
            return [Refusal("WRONG_PASSWORD", said, "password")]
        self.wrong = 0
        self._opened()
        return []

    async def _ask_place(self) -> list[Refusal]:
        """Ask a key place that gave no key once more."""
        try:
            await self._store.run(self._vault.fetch)
        except PlaceUnavailable as error:
            return [Refusal("VAULT_LOCKED", str(error))]
        finally:
            self._asked_s = self._clock()
        if not self._vault.locked:
            self._opened()
        return []

    def _opened(self) -> None:
        _log.info("vault_unlocked", extra={"place": self._vault.record.place})
        self._note("vault_unlocked", {"place": self._vault.record.place})
        self.note_use()
        self._on_unlocked()

    def _lock(self) -> list[Refusal]:
        if self._vault.locked:
            return []
        if not self._vault.needs_password:
            said = "only a vault with a master password can be locked: choose one first"
            return [Refusal("INVALID_INPUT", said, "place")]
        self._close("asked for")
        return []

    def _close(self, why: str) -> None:
        self._vault.lock()
        self._on_locked()
        _log.info("vault_locked", extra={"reason": why})
        self._note("vault_locked", {"reason": why})

    async def _set_auto_lock(self, minutes: int) -> list[Refusal]:
        if not 0 <= minutes <= AUTO_LOCK_MAX_MIN:
            said = f"0 (never) to {AUTO_LOCK_MAX_MIN} minutes expected, got {minutes}"
            return [Refusal("INVALID_INPUT", said, "minutes")]
        await self._store.run(self._vault.set_auto_lock, minutes)
        return []

    async def _rotate(self, request: SetKeyPlace | RotateKeys) -> tuple[list[Refusal], dict[str, int]]:
        if self._why_fixed:
            return [Refusal("KEY_IS_FIXED", self._why_fixed, "place")], {}
        place, password = self._vault.record.place, None
        if isinstance(request, SetKeyPlace):
            place = request.place
            if place not in KEY_PLACES:
                said = f"one of {', '.join(KEY_PLACES)} expected"
                return [Refusal("INVALID_INPUT", said, "place")], {}
            password = request.password.value if request.password is not None else None
            if (password is None) == (place == "password"):
                said = "a master password is needed" if password is None else f"a {place} takes no password"
                return [Refusal("INVALID_INPUT", said, "password")], {}
            if password is not None and not PASSWORD_RANGE[0] <= len(password) <= PASSWORD_RANGE[1]:
                return [_unfit_password(password)], {}
        try:
            sealed = await self._store.run(self._vault.rotate, place, password, self._now_us(), self._cost)
        except VaultLocked as error:
            return [Refusal("VAULT_LOCKED", str(error))], {}
        except PlaceUnavailable as error:
            return [Refusal("PLACE_UNAVAILABLE", str(error), "place")], {}
        _log.info("keys_rotated", extra={"place": place, "secrets": sealed})
        self._note("keys_rotated", {"place": place, "secrets": sealed})
        return [], {"secrets": sealed}


def _unfit_password(password: str) -> Refusal:
    low, high = PASSWORD_RANGE
    said = f"a master password of {low} to {high} characters expected, got {len(password)}"
    return Refusal("INVALID_INPUT", said, "password")


def _seconds(seconds: float) -> str:
    return f"{max(1, round(seconds))} s"

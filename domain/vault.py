"""Where the key that opens the secrets lies, and whether they can be opened now. Counterpart: `engine/vault`, `wire.py`.

One rule: nothing here is a key, a password or a secret.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

KeyPlace = Literal["keyring", "file", "password"]
"""The system's keyring; a file for its user alone; the same file, sealed under a master password."""

KEY_PLACES: tuple[KeyPlace, ...] = get_args(KeyPlace)
PASSWORD_RANGE = (8, 1_000)
"""Characters of a master password."""
AUTO_LOCK_MAX_MIN = 7 * 24 * 60


class VaultState(msgspec.Struct, frozen=True):
    """How the vault stands. `why` is a sentence for the user while it is locked: secrets cannot be opened, probes that need
    one fail, and new ones can be entered all the same.

    `place` "password": a person unlocks it with `Unlock`. `place` "keyring" and locked: the keyring did not answer; it is
    asked again by itself, and at once by `Unlock` with an empty password. `rotated_us` 0: the keys are the first ones.
    """

    place: KeyPlace
    locked: bool = False
    auto_lock_min: int = 0
    rotated_us: int = 0
    why: str = ""


class Secret(msgspec.Struct, frozen=True):
    """A password or community on its way to the vault; it never shows itself."""

    value: str

    def __repr__(self) -> str:
        return "***"


class Unlock(msgspec.Struct, tag="unlock", frozen=True):
    """Open the vault with its master password; with an empty one, ask a keyring that did not answer once more.

    Reply: ok (it was open already, too), or a refusal: WRONG_PASSWORD and TRY_LATER name the seconds until the next try, at
    field "password"; VAULT_LOCKED says why the keyring or the file gives no key. Devices that waited are asked at once.
    """

    request: int
    password: Secret = Secret("")


class Lock(msgspec.Struct, tag="lock", frozen=True):
    """Forget the key until the next Unlock. Reply: ok, or a refusal where there is no master password.

    Connections that are logged in stay so, and drivers that hold a login keep asking with it: only what is opened from now
    on needs the key. A restart of the engine starts locked.
    """

    request: int


class SetAutoLock(msgspec.Struct, tag="set_auto_lock", frozen=True):
    """Lock by itself when nobody opened or entered a secret for so long; 0 is never. Reply: ok, or a refusal.

    It is kept, and holds while the place is "password".
    """

    request: int
    minutes: int


class SetKeyPlace(msgspec.Struct, tag="set_key_place", frozen=True):
    """Put new keys in another place, all secrets sealed anew under them; the old key is deleted. `password` goes with
    "password" alone, and with the same place again it is the new master password. Reply: ok with {"secrets": how many were
    sealed anew}, or refusals: VAULT_LOCKED (unlock first), PLACE_UNAVAILABLE, INVALID_INPUT at "place" or "password".
    """

    request: int
    place: KeyPlace
    password: Secret | None = None


class RotateKeys(msgspec.Struct, tag="rotate_keys", frozen=True):
    """Do what SetKeyPlace does, in the same place and under the same master password. Replies as there."""

    request: int


VaultRequest = Unlock | Lock | SetAutoLock | SetKeyPlace | RotateKeys

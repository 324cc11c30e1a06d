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

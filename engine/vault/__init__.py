"""The vault: secrets sealed at rest, the key that opens them, and who may use it. Counterpart: `storage/` and the wire.

One rule: nothing in here logs, shows or raises a secret, a password or a key.
"""

from engine.vault.envelope import SECRET_CAP_BYTES
from engine.vault.keeper import Keeper
from engine.vault.places import KEY_FILE, PlaceUnavailable, restrict_by_folder, system_restrict
from engine.vault.vault import NewPlace, SecretNotHere, Vault, VaultLocked

__all__ = [
    "KEY_FILE",
    "SECRET_CAP_BYTES",
    "Keeper",
    "NewPlace",
    "PlaceUnavailable",
    "SecretNotHere",
    "Vault",
    "VaultLocked",
    "restrict_by_folder",
    "system_restrict",
]

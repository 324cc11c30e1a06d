"""The install's private key as a key place keeps it: bare, or sealed under a master password. Counterpart: `places.py`.

    heliograph-install-key-1 BASE64          the 32 bytes
    heliograph-install-key-2 JSON            the same under ChaCha20-Poly1305, the key of which Argon2id makes of a password

The public key is readable in both: it tells which of two keys the database means, and seals while nobody can open.
One rule: what stands beside the sealed key is authenticated with it, and capped before any work is done for it.
"""

from __future__ import annotations

import base64
import os
import unicodedata

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

TEXT_CAP_BYTES = 1_024
_BARE = b"heliograph-install-key-1 "
_SEALED = b"heliograph-install-key-2 "
_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 32, 16, 12, 16


class Cost(msgspec.Struct, frozen=True):
    """What one guess of a password costs (RFC 9106). 64 MiB and three passes take two thirds of a second on a small computer."""

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 1


COST = Cost()
COST_CAP = Cost(memory_kib=512 * 1024, passes=8, lanes=4)
"""What a file may ask of us at most: its text may be somebody else's."""


class WrongPassword(Exception):
    """The password does not open the key; or the text was changed."""


class MasterKey:
    """What a password became: it seals install keys until it is forgotten. It never shows itself."""

    def __init__(self, password: str, cost: Cost = COST, salt: bytes | None = None) -> None:
        from argon2.low_level import Type, hash_secret_raw  # noqa: PLC0415 only where there is a password

        self.cost = cost
        self.salt = salt or os.urandom(_SALT_BYTES)
        plain = unicodedata.normalize("NFC", password).encode()
        self._aead = ChaCha20Poly1305(
            hash_secret_raw(
                plain, self.salt, cost.passes, cost.memory_kib, cost.lanes, _KEY_BYTES, type=Type.ID
            )
        )

    def seal(self, key: X25519PrivateKey) -> SealedKey:
        """Return an install key under this password."""
        nonce, public = os.urandom(_NONCE_BYTES), key.public_key().public_bytes_raw()
        bare = SealedKey(public, self.cost, self.salt, nonce, b"")
        sealed = self._aead.encrypt(nonce, key.private_bytes_raw(), bare.bound)
        return msgspec.structs.replace(bare, sealed=sealed)

    def unseal(self, kept: SealedKey) -> X25519PrivateKey:
        """Return the install key. Raises WrongPassword."""
        try:
            raw = self._aead.decrypt(kept.nonce, kept.sealed, kept.bound)
        except InvalidTag:
            raise WrongPassword from None
        return X25519PrivateKey.from_private_bytes(raw)


class SealedKey(msgspec.Struct, frozen=True):
    """An install key under a master password."""

    public: bytes
    cost: Cost
    salt: bytes
    nonce: bytes
    sealed: bytes

    @property
    def bound(self) -> bytes:
        """What is authenticated with the key."""
        return _SEALED + msgspec.json.encode((self.public, self.cost, self.salt))

    def open(self, password: str) -> tuple[X25519PrivateKey, MasterKey]:
        """Return the key, and what seals the next one under the same password. Raises WrongPassword; takes its time."""
        master = MasterKey(password, self.cost, self.salt)
        return master.unseal(self), master


InstallKey = X25519PrivateKey | SealedKey


def public_of(key: InstallKey) -> bytes:
    """Return the public half."""
    return key.public if isinstance(key, SealedKey) else key.public_key().public_bytes_raw()


def encode_key(key: InstallKey) -> bytes:
    """Return a key as one line of text."""
    if isinstance(key, SealedKey):
        return _SEALED + msgspec.json.encode(key) + b"\n"
    return _BARE + base64.b64encode(key.private_bytes_raw()) + b"\n"


def decode_key(text: bytes) -> InstallKey:
    """Return the key that a text holds. Raises ValueError, the reason in words."""
    if len(text) > TEXT_CAP_BYTES:
        raise ValueError(f"it is longer than {TEXT_CAP_BYTES} bytes")
    if text.startswith(_BARE):
        raw = base64.b64decode(text.removeprefix(_BARE).strip(), validate=True)
        return X25519PrivateKey.from_private_bytes(raw)
    if not text.startswith(_SEALED):
        raise ValueError("its first words are not ours")
    try:
        key = msgspec.json.decode(text.removeprefix(_SEALED), type=SealedKey)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"its fields cannot be read: {error}") from None
    expected = (_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES, _KEY_BYTES + _TAG_BYTES)
    if tuple(len(part) for part in (key.public, key.salt, key.nonce, key.sealed)) != expected:
        raise ValueError("its fields have the wrong lengths")
    for name in Cost.__struct_fields__:
        asked, cap = getattr(key.cost, name), getattr(COST_CAP, name)
        if not 1 <= asked <= cap:
            raise ValueError(f"{name} from 1 to {cap} expected, got {asked}")
    if key.cost.memory_kib < 8 * key.cost.lanes:
        raise ValueError(f"memory_kib of at least {8 * key.cost.lanes} expected, got {key.cost.memory_kib}")
    X25519PublicKey.from_public_bytes(key.public)
    return key

"""Secrets, sealed: each under a data key of its own, which is wrapped to the installs that may open it. Counterpart: `storage/`.

Theory: a secret is sealed with ChaCha20-Poly1305 under 32 random bytes; those are wrapped with HPKE (RFC 9180: X25519,
HKDF-SHA256, ChaCha20-Poly1305) to an install's public key. Both are bound to tenant and credential, so that a row cannot be
put in another's place. A laptop alone is an envelope with one member; joining a team adds wraps and migrates nothing.
The install's private key is in the profile, in `install.key`, for its user alone: mode 0600 where files have modes. On
Windows the profile lies below %LOCALAPPDATA%, whose access list (the user, administrators, the system) new files inherit.
One rule: an opened secret is returned and not kept; only sealed bytes stay in memory and on disk.
"""

from __future__ import annotations

import base64
import binascii
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from engine.storage import StorageRefused, Store
from engine.storage.batch import SealedSecret

KEY_FILE = "install.key"
SECRET_CAP_BYTES = 16_384
_KEY_HEAD = b"heliograph-install-key-1 "
_KEY_FILE_CAP_BYTES = 256
_NONCE_BYTES = 12
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_WRAP_ERRORS = (InvalidTag, ValueError)

Restrict = Callable[[int], None]
"""Makes an open file its user's alone."""


class SecretNotHere(KeyError):
    """This install cannot give the secret: there is none, or it was sealed for another install's key."""

    def __str__(self) -> str:
        return str(self.args[0])


class Vault:
    """The secrets of one tenant that this install may open. What `seal` makes goes to disk with an edit, then to `keep`."""

    def __init__(self, store: Store, key: X25519PrivateKey, path: Path) -> None:
        self._store = store
        self._key = key
        self._path = path
        self._tenant = store.loaded.tenant.id
        self._sealed = store.secrets()

    @classmethod
    def open(cls, store: Store, profile_dir: Path, restrict: Restrict | None = None) -> Vault:
        """Open the vault of a store with the install key of a profile, which is made where there is none.

        Raises StorageRefused where the key file is damaged or cannot be made.
        """
        path = profile_dir / KEY_FILE
        restrict = restrict or system_restrict()
        try:
            key = _read_key(path, restrict)
        except FileNotFoundError:
            key = _make_key(path, restrict)
        return cls(store, key, path)

    def seal(self, id: UUID, secret: str) -> SealedSecret:
        """Return a credential's secret, sealed for this install. Keeps nothing. Raises ValueError above the cap."""
        plain = secret.encode()
        if len(plain) > SECRET_CAP_BYTES:
            raise ValueError(f"a secret of {len(plain)} bytes, at most {SECRET_CAP_BYTES} are kept")
        data_key = ChaCha20Poly1305.generate_key()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + ChaCha20Poly1305(data_key).encrypt(nonce, plain, self._binding("secret", id))
        wrapped = _SUITE.encrypt(data_key, self._key.public_key(), self._binding("wrap", id))
        return SealedSecret(sealed, wrapped)

    def keep(self, secrets: Mapping[UUID, SealedSecret]) -> None:
        """Give these from now on, in place of the former ones; they are on disk already."""
        self._sealed.update(secrets)

    def get(self, id: UUID) -> str:
        """Return a credential's secret. Raises SecretNotHere (a KeyError)."""
        if id not in self._sealed:
            raise SecretNotHere(f"there is no secret of credential {id} on this computer")
        sealed, wrapped = self._sealed[id]
        try:
            data_key = _SUITE.decrypt(wrapped, self._key, self._binding("wrap", id))
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return ChaCha20Poly1305(data_key).decrypt(nonce, rest, self._binding("secret", id)).decode()
        except _WRAP_ERRORS:
            raise SecretNotHere(
                f"the secret of credential {id} was sealed for another key than the one in {self._path}: "
                "put the right key file back, or enter the secret again"
            ) from None

    def delete(self, id: UUID) -> None:
        """Forget a credential's secret, if there is one. Raises StorageFailed."""
        self._store.delete_secret(id)
        self._sealed.pop(id, None)

    def _binding(self, what: str, id: UUID) -> bytes:
        return b"heliograph 1 " + what.encode() + self._tenant.bytes + id.bytes


def _read_key(path: Path, restrict: Restrict) -> X25519PrivateKey:
    with path.open("rb") as stream:
        restrict(stream.fileno())
        text = stream.read(_KEY_FILE_CAP_BYTES)
    try:
        if not text.startswith(_KEY_HEAD):
            raise ValueError("its first words are not ours")
        raw = base64.b64decode(text.removeprefix(_KEY_HEAD).strip(), validate=True)
        return X25519PrivateKey.from_private_bytes(raw)
    except (ValueError, binascii.Error) as error:
        raise StorageRefused(
            f"{path} is no install key: {error}. Put the right file back; or move this one away, a new one is made "
            "and the secrets are entered again. The file has not been changed."
        ) from None


def _make_key(path: Path, restrict: Restrict) -> X25519PrivateKey:
    """Make a key and its file; a file under the final name is a whole one, on disk."""
    key = X25519PrivateKey.generate()
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            restrict(stream.fileno())
            stream.write(_KEY_HEAD + base64.b64encode(key.private_bytes_raw()) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        raise StorageRefused(f"the install key {path} cannot be made: {error.strerror}") from error
    return key


def restrict_by_folder(descriptor: int) -> None:
    """Leave a file to the access list that it inherits from the profile's folder, as Windows has it."""


def system_restrict() -> Restrict:
    """Return the way of the system that this runs on."""
    if sys.platform == "win32":
        return restrict_by_folder
    return lambda descriptor: os.fchmod(descriptor, 0o600)

"""The server's own secret and what is made of it: keys that sign tokens, keys that seal. Counterpart: `HELIOGRAPH_SECRET`.

Theory: the setting holds one secret or several, the newest first, the same for every instance. The newest signs and seals; all
of them verify and open. To rotate, put a new one in front; what the last one signed has run out after 10 minutes (access tokens),
and with what it sealed it stays until it is taken out: an authenticator that does not open any more is replaced with a recovery
code. A dump of the database without the setting opens nothing.
One rule: each purpose has a key of its own (HKDF-SHA256), so that what is made for one is no use for another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_LEAST_CHARS = 32
_ID_BYTES, _NONCE_BYTES, _KEY_BYTES = 4, 12, 32


class DoesNotOpen(Exception):
    """What is kept was sealed under a secret that the setting no longer holds, or for another place."""


class Keyring:
    """The keys of one purpose after another, made of the server's secrets. It never shows them."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or any(len(secret) < SECRET_LEAST_CHARS for secret in secrets):
            raise ValueError(f"secrets of at least {SECRET_LEAST_CHARS} characters each expected")
        self._secrets = {
            hashlib.sha256(b"heliograph key id 1 " + secret.encode()).digest()[:_ID_BYTES]: secret.encode()
            for secret in secrets
        }

    def __repr__(self) -> str:
        return f"Keyring({len(self._secrets)} secrets)"

    def keys(self, purpose: str) -> Mapping[str, bytes]:
        """Return the keys of a purpose by their ids, the newest first."""
        return {id.hex(): self._derived(id, purpose) for id in self._secrets}

    def seal(self, purpose: str, place: bytes, plain: bytes) -> bytes:
        """Return bytes sealed under the newest secret, bound to where they are kept."""
        id, nonce = next(iter(self._secrets)), os.urandom(_NONCE_BYTES)
        return id + nonce + ChaCha20Poly1305(self._derived(id, purpose)).encrypt(nonce, plain, place)

    def open(self, purpose: str, place: bytes, sealed: bytes) -> bytes:
        """Return what was sealed. Raises DoesNotOpen."""
        id, nonce = sealed[:_ID_BYTES], sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES]
        if id not in self._secrets:
            raise DoesNotOpen(f"sealed under key {id.hex()}, which is not in the setting")
        try:
            rest = sealed[_ID_BYTES + _NONCE_BYTES :]
            return ChaCha20Poly1305(self._derived(id, purpose)).decrypt(nonce, rest, place)
        except (InvalidTag, ValueError):
            raise DoesNotOpen(f"not sealed for {purpose} here") from None

    def _derived(self, id: bytes, purpose: str) -> bytes:
        made = HKDF(SHA256(), _KEY_BYTES, salt=b"heliograph 1", info=purpose.encode())
        return made.derive(self._secrets[id])

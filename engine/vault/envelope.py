"""One secret sealed under a data key of its own, which is wrapped to an install's public key. Counterpart: `vault.py`.

Theory: a secret is sealed with ChaCha20-Poly1305 under 32 random bytes; those are wrapped with HPKE (RFC 9180: X25519,
HKDF-SHA256, ChaCha20-Poly1305). Both are bound to tenant and credential, so that a row cannot be put in another's place.
One rule: sealing needs no private key, so that a secret can be entered while the vault is locked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from engine.storage.batch import SealedSecret

SECRET_CAP_BYTES = 16_384
NONCE_BYTES = 12
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_WRAP_ERRORS = (InvalidTag, ValueError)


class DoesNotOpen(Exception):
    """The secret was sealed for another key, or for another place in the database."""


def seal(public: X25519PublicKey, tenant: UUID, id: UUID, secret: str) -> SealedSecret:
    """Return a credential's secret, sealed for the holder of a key. Raises ValueError above the cap."""
    plain = secret.encode()
    if len(plain) > SECRET_CAP_BYTES:
        raise ValueError(f"a secret of {len(plain)} bytes, at most {SECRET_CAP_BYTES} are kept")
    data_key = ChaCha20Poly1305.generate_key()
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + ChaCha20Poly1305(data_key).encrypt(nonce, plain, _binding(b"secret", tenant, id))
    return SealedSecret(sealed, _SUITE.encrypt(data_key, public, _binding(b"wrap", tenant, id)))


def unseal(key: X25519PrivateKey, tenant: UUID, id: UUID, kept: SealedSecret) -> str:
    """Return a credential's secret. Raises DoesNotOpen."""
    try:
        data_key = _SUITE.decrypt(kept.wrapped, key, _binding(b"wrap", tenant, id))
        nonce, rest = kept.sealed[:NONCE_BYTES], kept.sealed[NONCE_BYTES:]
        return ChaCha20Poly1305(data_key).decrypt(nonce, rest, _binding(b"secret", tenant, id)).decode()
    except _WRAP_ERRORS:
        raise DoesNotOpen from None


def rewrap(
    key: X25519PrivateKey, tenant: UUID, id: UUID, wrapped: bytes, publics: Iterable[bytes]
) -> list[bytes]:
    """Return a credential's data key wrapped to other installs' public keys, in their order. Raises DoesNotOpen, ValueError where
    one is no key."""
    bound = _binding(b"wrap", tenant, id)
    try:
        data_key = _SUITE.decrypt(wrapped, key, bound)
    except _WRAP_ERRORS:
        raise DoesNotOpen from None
    return [_SUITE.encrypt(data_key, X25519PublicKey.from_public_bytes(one), bound) for one in publics]


def _binding(what: bytes, tenant: UUID, id: UUID) -> bytes:
    return b"heliograph 1 " + what + tenant.bytes + id.bytes

"""The user-based security of SNMPv3: keys, digests, ciphers (RFC 3414, RFC 3826, RFC 7860). Counterpart: `snmp_v3.py`.

Theory: a passphrase becomes a key by hashing a megabyte of it (about 2 ms, once per passphrase), and that key is localized to
each agent by its engine id (microseconds, once per agent). A cipher key longer than the hash is extended; two drafts say
how: Blumenthal's (net-snmp and most others) hashes the key itself on, Reeder's (Cisco and some others) takes the key as a
passphrase. A device never says which it follows, so `Keys` offers both, and `snmp_v3.py` keeps the one that works.
One rule: a digest is compared in constant time, and no key, passphrase or salt is ever part of a text.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import NamedTuple

import msgspec
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA224, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.hmac import HMAC

from domain.errors import BadReply
from domain.inventory import AuthProtocol, PrivacyProtocol

MASTER_KEYS_CAP = 256
"""Passphrases whose keys are kept; a network has a handful."""

_HASHED_BYTES = 1_048_576
_SALT_BYTES = 8
_DES_BLOCK_BYTES = 8


class _Auth(NamedTuple):
    """A protocol of authentication: its hash, and how much of its digest is sent."""

    hash: HashAlgorithm
    sent_bytes: int


_AUTH = {
    "md5": _Auth(MD5(), 12),  # noqa: S303  # nosec B303 what old gear speaks
    "sha1": _Auth(SHA1(), 12),  # noqa: S303  # nosec B303
    "sha224": _Auth(SHA224(), 16),
    "sha256": _Auth(SHA256(), 24),
    "sha384": _Auth(SHA384(), 32),
    "sha512": _Auth(SHA512(), 48),
}
_CIPHER_KEY_BYTES = {"des": 16, "aes128": 16, "aes192": 24, "aes256": 32}
"""Of DES, eight bytes are the key and eight make the initial vector."""


class SnmpUser(msgspec.Struct, frozen=True):
    """A user as agents know it; "" for a protocol is without. Privacy needs authentication."""

    name: str
    auth: AuthProtocol = ""
    auth_passphrase: str = ""
    privacy: PrivacyProtocol = ""
    privacy_passphrase: str = ""
    context: str = ""

    def __repr__(self) -> str:
        """Leave the passphrases out."""
        return f"SnmpUser({self.name!r}, auth={self.auth!r}, privacy={self.privacy!r}, ***)"

    @property
    def level(self) -> str:
        """How the RFCs call what this user asks for."""
        return "authPriv" if self.privacy else "authNoPriv" if self.auth else "noAuthNoPriv"


@lru_cache(maxsize=MASTER_KEYS_CAP)
def master_key(auth: str, passphrase: str) -> bytes:
    """Return the key of a passphrase that is not empty (RFC 3414, A.2); whoever locks the vault calls `cache_clear`."""
    return _stretch(auth, passphrase.encode())


def localize_key(auth: str, key: bytes, engine_id: bytes) -> bytes:
    """Return a key as it is for one engine (RFC 3414, 2.6)."""
    return _hash(auth, key + engine_id + key)


class Keys:
    """A user's keys, localized to one engine. `choices`: how many cipher keys may be the right one, 1 or 2."""

    def __init__(self, user: SnmpUser, engine_id: bytes) -> None:
        self._auth, self._privacy = user.auth, user.privacy
        self._engine_id = engine_id
        self._cipher_keys: list[bytes] = []
        self.sent_bytes = self.choices = 0
        if user.auth:
            hash, self.sent_bytes = _AUTH[user.auth]
            key = localize_key(user.auth, master_key(user.auth, user.auth_passphrase), engine_id)
            self._hmac = HMAC(key, hash)
        if user.privacy:
            key = localize_key(user.auth, master_key(user.auth, user.privacy_passphrase), engine_id)
            self._cipher_keys.append(_extend_by_hashing(user.auth, key, _CIPHER_KEY_BYTES[user.privacy]))
            self.choices = 2 if len(key) < _CIPHER_KEY_BYTES[user.privacy] else 1
            self._localized = key

    def digest(self, data: bytes) -> bytes:
        """Return the digest of a message whose own digest is zeros."""
        mac = self._hmac.copy()
        mac.update(data)
        return mac.finalize()[: self.sent_bytes]

    def vouch_for(self, data: bytes, digest: bytes) -> bool:
        """Tell, in constant time, whether a digest is that of a message whose own digest is zeros."""
        return hmac.compare_digest(self.digest(data), digest)

    def encrypt(self, choice: int, plain: bytes, boots: int, time_s: int, salt: int) -> tuple[bytes, bytes]:
        """Return (salt as it is sent, ciphertext); a `salt` must not come twice in one boot of the engine."""
        if self._privacy == "des":
            sent = boots.to_bytes(4, "big") + (salt & 0xFFFF_FFFF).to_bytes(4, "big")
            plain += bytes(-len(plain) % _DES_BLOCK_BYTES)
        else:
            sent = salt.to_bytes(_SALT_BYTES, "big")
        return sent, self._cipher(choice, boots, time_s, sent).encryptor().update(plain)

    def decrypt(self, choice: int, ciphertext: bytes, boots: int, time_s: int, salt: bytes) -> bytes:
        """Return the plain bytes, with DES' padding behind them; a wrong key gives nonsense. Raises BadReply."""
        if len(salt) != _SALT_BYTES:
            raise BadReply(f"a privacy salt of {len(salt)} bytes, expected {_SALT_BYTES}")
        if self._privacy == "des" and len(ciphertext) % _DES_BLOCK_BYTES:
            raise BadReply(f"{len(ciphertext)} bytes of DES, expected a multiple of {_DES_BLOCK_BYTES}")
        return self._cipher(choice, boots, time_s, salt).decryptor().update(ciphertext)

    def _cipher(self, choice: int, boots: int, time_s: int, salt: bytes) -> Cipher[CBC | CFB]:
        key = self._cipher_key(choice)
        if self._privacy == "des":  # RFC 3414, 8.1.1.1
            vector = bytes(a ^ b for a, b in zip(key[8:], salt, strict=True))
            return Cipher(TripleDES(key[:8] * 3), CBC(vector))  # three times one key is plain DES
        return Cipher(AES(key), CFB(boots.to_bytes(4, "big") + time_s.to_bytes(4, "big") + salt))

    def _cipher_key(self, choice: int) -> bytes:
        if choice == len(self._cipher_keys):  # hashes a megabyte, so only where it is needed
            size = _CIPHER_KEY_BYTES[self._privacy]
            self._cipher_keys.append(
                _extend_by_stretching(self._auth, self._localized, self._engine_id, size)
            )
        return self._cipher_keys[choice]


def _extend_by_hashing(auth: str, key: bytes, size: int) -> bytes:
    """draft-blumenthal-aes-usm-04, 3.1.2.1."""
    while len(key) < size:
        key += _hash(auth, key)
    return key[:size]


def _extend_by_stretching(auth: str, key: bytes, engine_id: bytes, size: int) -> bytes:
    """draft-reeder-snmpv3-usm-3desede-00, 2.1."""
    while len(key) < size:
        key += localize_key(auth, _stretch(auth, key), engine_id)
    return key[:size]


def _stretch(auth: str, passphrase: bytes) -> bytes:
    return _hash(auth, (passphrase * (_HASHED_BYTES // len(passphrase) + 1))[:_HASHED_BYTES])


def _hash(auth: str, data: bytes) -> bytes:
    return hashlib.new(auth, data, usedforsecurity=False).digest()

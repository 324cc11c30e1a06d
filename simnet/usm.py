"""SNMPv3's users and keys as an agent holds them (RFC 3414, RFC 3826, RFC 7860).

Counterpart: `secure_agent.py`. Keys of AES-192 and AES-256 are lengthened as net-snmp does it. One rule: written from the RFCs
and held against net-snmp's tools, never against the engine's own codec.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Literal

import msgspec
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

DIGEST_BYTES = {"": 0, "md5": 12, "sha1": 12, "sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}
_KEY_BYTES = {"des": 16, "aes128": 16, "aes192": 24, "aes256": 32}
_SALT_BYTES = 8
_MEBIBYTE = 2**20


class SnmpUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user of every agent of a network; "" is without authentication, or without privacy."""

    name: str
    auth: Literal["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"] = ""
    auth_password: str = ""
    privacy: Literal["", "des", "aes128", "aes192", "aes256"] = ""
    privacy_password: str = ""


class UserKeys:
    """The keys of one user on one engine."""

    def __init__(self, user: SnmpUser, engine_id: bytes) -> None:
        self.user = user
        self.digest_bytes = DIGEST_BYTES[user.auth]
        self._auth_key = _localized(user.auth, user.auth_password, engine_id) if user.auth else b""
        self._privacy_key = b""
        if user.privacy:
            key = _localized(user.auth, user.privacy_password, engine_id)
            while len(key) < _KEY_BYTES[user.privacy]:
                key += hashlib.new(user.auth, key).digest()
            self._privacy_key = key[: _KEY_BYTES[user.privacy]]

    def sign(self, message: bytes) -> bytes:
        """Return the digest of a message that has zeros in its place."""
        return hmac.new(self._auth_key, message, self.user.auth).digest()[: self.digest_bytes]

    def encrypt(self, content: bytes, boots: int, time_s: int, number: int) -> tuple[bytes, bytes]:
        """Return what is sent in place of the content, and its salt."""
        if self.user.privacy == "des":
            salt = (boots << 32 | number & 0xFFFF_FFFF).to_bytes(_SALT_BYTES, "big")
            content += bytes(-len(content) % 8)
        else:
            salt = number.to_bytes(_SALT_BYTES, "big")
        return self._cipher(salt, boots, time_s).encryptor().update(content), salt

    def decrypt(self, hidden: bytes, salt: bytes, boots: int, time_s: int) -> bytes | None:
        """Return a content, None where it cannot be one."""
        if len(salt) != _SALT_BYTES or (self.user.privacy == "des" and len(hidden) % 8):
            return None
        return self._cipher(salt, boots, time_s).decryptor().update(hidden)

    def _cipher(self, salt: bytes, boots: int, time_s: int) -> Cipher[CBC | CFB]:
        key = self._privacy_key
        if self.user.privacy == "des":
            mask = int.from_bytes(key[8:], "big") ^ int.from_bytes(salt, "big")
            return Cipher(TripleDES(3 * key[:8]), CBC(mask.to_bytes(8, "big")))
        return Cipher(AES(key), CFB((boots << 32 | time_s).to_bytes(8, "big") + salt))


@lru_cache(maxsize=64)
def _stretched(auth: str, password: str) -> bytes:
    """Hash a mebibyte of the password: once, however many routers have the user."""
    octets = password.encode()
    digest = hashlib.new(auth)
    whole, rest = divmod(_MEBIBYTE, len(octets))
    digest.update(octets * whole + octets[:rest])
    return digest.digest()


def _localized(auth: str, password: str, engine_id: bytes) -> bytes:
    key = _stretched(auth, password)
    return hashlib.new(auth, key + engine_id + key).digest()

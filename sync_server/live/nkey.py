"""How NATS knows a server by a key: nkeys and credentials files. Counterpart: nats-server; `stream.py`.

Theory: an nkey is an Ed25519 key in base32 with what it is for in front (one byte, a seed's in two) and a CRC-16 behind; who
connects signs a nonce of the server's. A credentials file holds a token (JWT) that names the key, and its seed. The format is
NATS': https://github.com/nats-io/nkeys#internal-format. One rule: a seed is in no text of an error.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.vault import Secret

SEED, USER = 18 << 3, 20 << 3
_SEED_BYTES = 36
_CREDENTIALS = re.compile(
    r"-{3,}\s*BEGIN NATS USER JWT\s*-{3,}\s*(?P<jwt>\S+)\s*-{3,}.*"
    r"-{3,}\s*BEGIN USER NKEY SEED\s*-{3,}\s*(?P<seed>\S+)\s*-{3,}",
    re.DOTALL,
)


class NKey:
    """The key of a user of NATS. Raises ValueError where the text is no seed of one."""

    def __init__(self, seed: Secret) -> None:
        text = seed.value.strip()
        try:
            data = base64.b32decode(text + "=" * (-len(text) % 8))
        except binascii.Error:
            data = b""
        is_seed = len(data) == _SEED_BYTES and data[0] & 0xF8 == SEED
        is_user = is_seed and (data[0] & 7) << 5 | data[1] >> 3 == USER
        if not is_user or binascii.crc_hqx(data[:-2], 0) != int.from_bytes(data[-2:], "little"):
            raise ValueError("the seed of a user's nkey expected: it begins with SU")
        self._key = Ed25519PrivateKey.from_private_bytes(data[2:-2])

    @property
    def public(self) -> str:
        """The public key as NATS writes it; it begins with U."""
        return encoded(bytes([USER]) + self._key.public_key().public_bytes_raw())

    def signed(self, nonce: str) -> bytes:
        """Return the signature of a nonce, in base64."""
        return base64.urlsafe_b64encode(self._key.sign(nonce.encode())).rstrip(b"=")


def credentials_in(text: Secret) -> tuple[str, NKey]:
    """Return the token and the key of a credentials file. Raises ValueError."""
    found = _CREDENTIALS.search(text.value)
    if found is None:
        raise ValueError("a credentials file of NATS expected, with a token and a seed")
    return found["jwt"], NKey(Secret(found["seed"]))


def encoded(data: bytes) -> str:
    """Return a key with its checksum in base32."""
    whole = data + binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(whole).decode("ascii").rstrip("=")

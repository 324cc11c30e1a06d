"""What is refused of a secret, by the kind of its credential. Counterpart: `domain/probe_rules.py` for what stands beside it.

One rule: a refusal says what was expected and never quotes what was got.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from domain.errors import Refusal
from domain.inventory import Credential
from engine.drivers.snmp_login import Passphrases
from engine.vault import SECRET_CAP_BYTES

SECRET_CAP = 1_000
"""Longest secret in characters, but for a private key, which may take what the vault takes, in bytes."""
PASSPHRASE_MIN = 8
"""RFC 3414, section 11.2: shorter ones no agent takes."""

_UNREADABLE = (ValueError, LookupError, ArithmeticError, TypeError)
"""What reading a private key can stumble over, beside what it says of itself."""


def secret_refusals(credential: Credential, secret: str) -> Iterator[Refusal]:
    """Yield what is wrong with the secret of a credential. Reading a private key loads asyncssh."""
    is_key = credential.kind == "ssh_key"
    size, cap, unit = (
        (len(secret.encode()), SECRET_CAP_BYTES, "bytes")
        if is_key
        else (len(secret), SECRET_CAP, "characters")
    )
    if not 1 <= size <= cap:
        yield _no(credential, f"a secret of 1 to {cap} {unit} expected, got {size}")
    elif is_key:
        yield from _private_key(credential, secret)
    elif credential.kind == "snmp_v3":
        yield from _passphrases(credential, secret)


def _passphrases(credential: Credential, secret: str) -> Iterator[Refusal]:
    try:
        found = msgspec.json.decode(secret, type=Passphrases)
    except (msgspec.DecodeError, RecursionError):
        yield _no(credential, 'the JSON object {"auth": passphrase, "privacy": passphrase} expected')
        return
    for name, protocol, passphrase in (
        ("authentication", credential.auth, found.auth),
        ("privacy", credential.privacy, found.privacy),
    ):
        if protocol and len(passphrase) < PASSPHRASE_MIN:
            said = f"an {name} passphrase" if name[0] == "a" else f"a {name} passphrase"
            yield _no(
                credential, f"{said} of at least {PASSPHRASE_MIN} characters expected, got {len(passphrase)}"
            )


def _private_key(credential: Credential, secret: str) -> Iterator[Refusal]:
    import asyncssh  # noqa: PLC0415 only where there is a key to read

    try:
        asyncssh.import_private_key(secret)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, *_UNREADABLE) as error:
        sealed = "passphrase" in str(error).lower()
        yield _no(
            credential,
            "a private key without a passphrase expected: take it off with ssh-keygen -p"
            if sealed
            else "a private key in OpenSSH's format expected, this one cannot be read",
        )


def _no(credential: Credential, said: str) -> Refusal:
    return Refusal("INVALID_INPUT", said, "secret", credential.id)

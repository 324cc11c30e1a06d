"""Backups sealed to keys, in the format of age. Counterpart: `backing_up.py`; `age` itself opens and makes them too.

Theory: a backup is sealed to public keys, so who makes one every night cannot read those of other nights; the private key lies
where nobody needs it but for a restore. age seals in pieces, each of which proves itself and its place: what was cut off,
changed or is of another key is found out. The last piece proves that nothing is missing, so a backup is read to its end before
the first byte of it is believed.
One rule: what is sealed is known by how the file begins, not by its name or a setting.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import IO

import pyrage

from domain.vault import Secret
from sync_server.settings import PREFIX, SettingRefused

HEADER = b"age-encryption.org/v1\n"
_BETWEEN = re.compile(r"[\s,]+")
_IDENTITY = "AGE-SECRET-KEY-1"


class NotOpened(Exception):
    """A backup cannot be opened; the text is for the administrator."""


class NotSealed(Exception):
    """A backup cannot be sealed; the text is for the administrator."""


class Key:
    """A key of age that was made now: `identity` opens what is sealed to `recipient`."""

    def __init__(self) -> None:
        made = pyrage.x25519.Identity.generate()
        self.identity = Secret(str(made))
        self.recipient = str(made.to_public())


def seal(source: IO[bytes], target: IO[bytes], recipients: str) -> None:
    """Seal all of a stream to each of the recipients. Raises SettingRefused before anything is read, NotSealed."""
    keys = _recipients(recipients)
    try:
        pyrage.encrypt_io(source, target, keys)
    except pyrage.EncryptError as error:
        raise NotSealed(f"it cannot be sealed: {error}") from None


def is_sealed(stream: IO[bytes]) -> bool:
    """Tell whether a file is sealed; it stands at its beginning then, as before."""
    head = stream.read(len(HEADER))
    stream.seek(0)
    return head == HEADER


def check(stream: IO[bytes], identity: Secret) -> None:
    """Read a sealed file to its end and go back to its beginning. Raises SettingRefused, NotOpened, OSError."""
    with Path(os.devnull).open("wb") as nowhere:
        unseal(stream, nowhere, identity)
    stream.seek(0)


def unseal(stream: IO[bytes], target: IO[bytes], identity: Secret) -> None:
    """Write what is in a sealed file. Raises as `check` does, which has to come first."""
    keys = _identities(identity)
    try:
        pyrage.decrypt_io(stream, target, keys)
    except pyrage.DecryptError as error:
        raise NotOpened(f"it is sealed to another key, or is no backup: {error}") from None


def _recipients(text: str) -> list[pyrage.x25519.Recipient]:
    found = []
    for number, one in enumerate(filter(None, _BETWEEN.split(text)), 1):
        try:
            found.append(pyrage.x25519.Recipient.from_str(one))
        except pyrage.RecipientError:
            said = f"public keys of age (age1...) expected, number {number} is none"
            raise SettingRefused(f"{PREFIX}BACKUP_RECIPIENTS: {said}") from None
    if not found:
        raise SettingRefused(
            f"{PREFIX}BACKUP_RECIPIENTS: public keys of age (age1...) expected, there is none"
        )
    return found


def _identities(secret: Secret) -> list[pyrage.x25519.Identity]:
    name = f"{PREFIX}BACKUP_IDENTITY"
    lines = [line.strip() for line in secret.value.splitlines()]
    found = [line for line in lines if line.startswith(_IDENTITY)]
    if not found:
        raise SettingRefused(
            f"{name} is missing: the backup is sealed, and a private key of age ({_IDENTITY}...) opens it"
        )
    try:
        return [pyrage.x25519.Identity.from_str(line) for line in found]
    except pyrage.IdentityError:
        raise SettingRefused(f"{name}: a private key of age ({_IDENTITY}...) expected") from None

"""What is refused of a secret by its kind, and that a refusal never quotes it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from domain.inventory import Credential, CredentialKind
from engine.secret_rules import secret_refusals

CANARY = "hunter2-hunter2"


def said(kind: CredentialKind, secret: str, **fields: str) -> list[str]:
    """Return the refusals of a secret in words; all are at its field and none quotes it."""
    found = list(secret_refusals(Credential(UUID(int=1), "name", kind, "user", **fields), secret))  # type: ignore[arg-type]
    assert all((r.field, r.code, r.subject) == ("secret", "INVALID_INPUT", UUID(int=1)) for r in found)
    assert not any(CANARY in r.message for r in found)
    return [r.message for r in found]


def made_key(folder: Path, kind: str, passphrase: str = "", form: str = "RFC4716") -> str:
    """Return a private key as ssh-keygen makes it."""
    path = folder / f"key-{kind}-{form}"
    words = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path), "-m", form]
    subprocess.run([*words, *(["-b", "2048"] if kind == "rsa" else [])], check=True, capture_output=True)
    return path.read_text()


@pytest.mark.parametrize("kind", ["snmp_community", "routeros_login", "ssh_login"])
def test_a_password_has_1_to_1000_characters(kind: CredentialKind) -> None:
    assert said(kind, "x") == said(kind, "ü" * 1000) == []
    assert "1 to 1000 characters expected, got 0" in said(kind, "")[0]
    assert "got 1001" in said(kind, "x" * 1001)[0]


@pytest.mark.parametrize(
    ("secret", "fields", "expected"),
    [
        ({"auth": CANARY, "privacy": CANARY}, {"auth": "sha256", "privacy": "aes128"}, ""),
        ({"auth": CANARY}, {"auth": "sha256"}, ""),
        ({}, {}, ""),
        (
            {"auth": "1234567"},
            {"auth": "sha1"},
            "an authentication passphrase of at least 8 characters expected, got 7",
        ),
        ({"auth": CANARY}, {"auth": "sha1", "privacy": "aes128"}, "a privacy passphrase of at least 8"),
        ({"auth": [CANARY]}, {"auth": "sha1"}, "the JSON object"),
        (CANARY, {"auth": "sha1"}, "the JSON object"),
    ],
)
def test_a_v3_secret_is_the_object_with_the_passphrases_that_are_used(
    secret: object, fields: dict[str, str], expected: str
) -> None:
    found = said("snmp_v3", json.dumps(secret), **fields)
    assert (expected in found[0] and len(found) == 1) if expected else found == []


def test_text_that_is_no_json_is_no_v3_secret() -> None:
    for text in (CANARY, "{", "[" * 900, '{"auth": "' + CANARY):
        assert said("snmp_v3", text, auth="sha1")


@pytest.mark.parametrize(
    ("kind", "form"), [("ed25519", "RFC4716"), ("ecdsa", "RFC4716"), ("rsa", "PEM"), ("rsa", "PKCS8")]
)
def test_private_keys_as_ssh_keygen_makes_them_are_taken(tmp_path: Path, kind: str, form: str) -> None:
    assert said("ssh_key", made_key(tmp_path, kind, form=form)) == []


@pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
def test_a_key_with_a_passphrase_is_refused_with_what_to_do(tmp_path: Path, form: str) -> None:
    kind = "ed25519" if form == "RFC4716" else "rsa"
    assert "ssh-keygen -p" in said("ssh_key", made_key(tmp_path, kind, CANARY, form))[0]


def test_what_is_no_private_key_is_refused(tmp_path: Path) -> None:
    key = made_key(tmp_path, "ed25519")
    public = (tmp_path / "key-ed25519-RFC4716.pub").read_text()
    for text in (CANARY, public, key[:200], key.replace("b3BlbnNzaC1r", "AAAAAAAAAAAA"), "ü\0" * 30):
        assert "OpenSSH's format" in said("ssh_key", text)[0]
    assert "1 to 16384 bytes expected, got 16386" in said("ssh_key", "ü" * 8193)[0]


KEY = Ed25519PrivateKey.from_private_bytes(bytes(32)).private_bytes(
    Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
)


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=8))
def test_a_bent_private_key_is_taken_or_refused_and_never_a_bug(at: int, data: bytes) -> None:
    key = bytearray(KEY)
    key[at % len(key) : at % len(key) + len(data)] = data
    said("ssh_key", key.decode("latin-1"))

"""Access tokens: what they say, and that nothing but this server's own, unexpired, is taken for one."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from sync_server.security.keyring import DoesNotOpen, Keyring
from sync_server.security.tokens import (
    AccessTokens,
    Claims,
    TokenExpired,
    TokenInvalid,
    is_opaque,
    new_opaque,
    opaque_hash,
)

OLD, NEW, FOREIGN = "old secret " * 4, "new secret " * 4, "foreign secret " * 4
NOW_S = 1_800_000_000
CLAIMS = Claims(
    sub=UUID(int=1),
    org=UUID(int=2),
    sid=UUID(int=3),
    jti=UUID(int=4),
    iat=NOW_S,
    exp=NOW_S + 600,
    permissions=("devices:read",),
)
TOKENS = AccessTokens(Keyring([NEW, OLD]), "noc.example")


def key_of(secret: str) -> tuple[str, bytes]:
    return next(iter(Keyring([secret]).keys("access token").items()))


def forged(*, key: bytes | None = None, algorithm: str = "HS256", kid: str = "", **changed: object) -> str:
    """A token made outside, with our key unless told otherwise, and some claims changed."""
    id, ours = key_of(NEW)
    plain = {
        "sub": str(UUID(int=1)),
        "org": None,
        "sid": str(UUID(int=3)),
        "jti": str(UUID(int=4)),
        "iat": NOW_S,
        "exp": NOW_S + 600,
        "iss": "heliograph",
        "aud": "noc.example",
        **changed,
    }
    plain = {name: value for name, value in plain.items() if value is not ...}
    return jwt.encode(plain, key or ours, algorithm, headers={"kid": kid or id})


def test_a_token_says_what_was_put_into_it() -> None:
    token = TOKENS.sign(CLAIMS)
    assert TOKENS.verify(token, NOW_S + 599.9) == CLAIMS
    body = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert set(body) >= {"sub", "org", "exp", "iat", "jti", "permissions", "scopes"}


def test_after_ten_minutes_it_is_over() -> None:
    with pytest.raises(TokenExpired):
        TOKENS.verify(TOKENS.sign(CLAIMS), NOW_S + 600)


def test_a_key_that_was_the_newest_yesterday_still_verifies_and_one_that_was_taken_out_does_not() -> None:
    yesterday = AccessTokens(Keyring([OLD]), "noc.example").sign(CLAIMS)
    assert TOKENS.verify(yesterday, NOW_S) == CLAIMS
    with pytest.raises(TokenInvalid):
        AccessTokens(Keyring([NEW]), "noc.example").verify(yesterday, NOW_S)


def unsigned() -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": key_of(NEW)[0]}).encode()).rstrip(b"=")
    return f"{head.decode()}.{forged().split('.')[1]}."


ED = Ed25519PrivateKey.generate()
ED_PUBLIC = ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
FORGERIES = {
    "another server's key": forged(key=key_of(FOREIGN)[1]),
    "another server's key and id": forged(key=key_of(FOREIGN)[1], kid=key_of(FOREIGN)[0]),
    "no signature": unsigned(),
    "the right key and another algorithm": forged(algorithm="HS512"),
    "a public-key algorithm": jwt.encode({"sub": "x"}, ED, "EdDSA", headers={"kid": key_of(NEW)[0]}),
    "a foreign issuer": forged(iss="elsewhere"),
    "for another installation": forged(aud="other.example"),
    "without an audience": forged(aud=...),
    "without an end": forged(exp=...),
    "without a session": forged(sid=...),
    "without an id": forged(jti=...),
    "an end that is no number": forged(exp="never"),
    "a subject that is no id": forged(sub="admin"),
    "a permission that there is not": forged(permissions=["everything"]),
    "made in the future": forged(iat=NOW_S + 60),
    "too long": forged(padding="x" * 5000),
    "not a token": "x.y.z",
    "nothing": "",
    "half a letter": "\ud800",
}


@pytest.mark.parametrize("what", FORGERIES)
def test_what_is_not_ours_is_refused(what: str) -> None:
    with pytest.raises(TokenInvalid) as caught:
        TOKENS.verify(FORGERIES[what], NOW_S)
    assert not isinstance(caught.value, TokenExpired)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_token_with_any_letter_changed_is_refused_or_the_same(at: int, by: int) -> None:
    token = TOKENS.sign(CLAIMS)
    at %= len(token)
    changed = token[:at] + chr((ord(token[at]) + by) % 128) + token[at + 1 :]
    with suppress(TokenInvalid):
        assert TOKENS.verify(changed, NOW_S) == CLAIMS  # bits that base64 does not use


def test_opaque_tokens_tell_their_kind_and_only_their_hash_is_kept() -> None:
    token = new_opaque("key")
    assert token.startswith("hgk_")
    assert is_opaque(token, "key")
    assert not is_opaque(token, "refresh")
    assert not is_opaque(token + "x" * 40, "key")
    assert token.encode() not in opaque_hash(token)
    assert new_opaque("key") != token


def test_what_was_sealed_opens_in_its_place_for_its_purpose_under_a_secret_that_is_still_there() -> None:
    old, ring = Keyring([OLD]), Keyring([NEW, OLD])
    sealed = old.seal("totp", b"maria", b"secret")
    assert b"secret" not in sealed
    assert ring.open("totp", b"maria", sealed) == b"secret"
    for other, purpose, place, kept in (
        (Keyring([NEW]), "totp", b"maria", sealed),
        (ring, "hook", b"maria", sealed),
        (ring, "totp", b"jonas", sealed),
        (ring, "totp", b"maria", sealed[:-1]),
        (ring, "totp", b"maria", sealed[:10]),
        (ring, "totp", b"maria", b""),
    ):
        with pytest.raises(DoesNotOpen):
            other.open(purpose, place, kept)


def test_a_short_secret_is_refused_and_none_is_ever_shown() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        Keyring(["short"])
    with pytest.raises(ValueError):
        Keyring([])
    assert "secret " not in repr(Keyring([NEW]))

"""Access tokens (JWT, 10 minutes) and the opaque ones. Counterpart: `sessions.py` hands them out, `admission.py` takes them.

Theory: an access token says who (`sub`), in which tenant (`org`), of which session (`sid`), and what it may do; it is signed with
HMAC-SHA256, because nobody but the server's instances verifies it, and they share the secret anyway: a public key would only
cost more. The algorithm is ours and not the token's. Refresh tokens, stream tokens, links and API keys are 256 random bits
after a prefix that tells people and secret scanners what they found; what is kept of one is its hash.
One rule: a token is proof of who asks; whether that session still lives is asked of the database with every request.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import jwt
import msgspec

from domain.roles import Permission, Scope
from sync_server.security.keyring import Keyring

ACCESS_S = 600
STREAM_S = 25
ISSUER = "heliograph"
TOKEN_CAP = 4_096
"""Longest token looked at, in characters."""
KEPT = 4_096
"""Tokens of which it is kept what they say: whoever holds one sends it with every request for ten minutes."""
_ALGORITHM = "HS256"
_PURPOSE = "access token"
_NEEDED = ["sub", "exp", "iat", "jti", "iss", "aud", "sid"]
_CLOCK_SKEW_S = 5

OpaqueKind = Literal["refresh", "stream", "link", "key", "push"]
_PREFIX: dict[OpaqueKind, str] = {
    "refresh": "hgr_",
    "stream": "hgs_",
    "link": "hgl_",
    "key": "hgk_",
    "push": "hgd_",
}


class TokenInvalid(Exception):
    """Not a token of ours: forged, damaged, of another issuer or key."""


class TokenExpired(TokenInvalid):
    """It was one of ours, and its time is over."""


class Claims(msgspec.Struct, frozen=True):
    """What an access token says. Times are whole seconds since 1970 UTC, `exp` the first at which it no longer holds."""

    sub: UUID
    org: UUID | None
    sid: UUID
    jti: UUID
    iat: int
    exp: int
    permissions: tuple[Permission, ...] = ()
    scopes: tuple[Scope, ...] = ()


class AccessTokens:
    """Signs and verifies access tokens. `audience` is this installation's name: another's tokens are refused."""

    def __init__(self, keyring: Keyring, audience: str) -> None:
        self._keys = dict(keyring.keys(_PURPOSE))
        self._newest = next(iter(self._keys))
        self._audience = audience
        self._read = lru_cache(KEPT)(self._claims_of)

    def sign(self, claims: Claims) -> str:
        """Return a token."""
        plain: dict[str, Any] = {**msgspec.to_builtins(claims), "iss": ISSUER, "aud": self._audience}
        return jwt.encode(plain, self._keys[self._newest], _ALGORITHM, headers={"kid": self._newest})

    def verify(self, token: str, now_s: float) -> Claims:
        """Return what a token says. Raises TokenExpired, TokenInvalid."""
        if len(token) > TOKEN_CAP:
            raise TokenInvalid("longer than a token is")
        claims = self._read(token)
        if not claims.iat - _CLOCK_SKEW_S <= now_s:
            raise TokenInvalid("made in the future")
        if now_s >= claims.exp:
            raise TokenExpired
        return claims

    def _claims_of(self, token: str) -> Claims:
        """Return what a token says, whenever that holds. Raises TokenInvalid."""
        try:
            key = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
            if key is None:
                raise TokenInvalid("signed with no key of this server")
            plain = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=ISSUER,
                options={"require": _NEEDED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            return msgspec.convert(plain, Claims)
        except (jwt.PyJWTError, msgspec.ValidationError, TypeError, ValueError) as error:
            raise TokenInvalid(type(error).__name__) from None


def new_opaque(kind: OpaqueKind) -> str:
    """Return a new opaque token."""
    return _PREFIX[kind] + secrets.token_urlsafe(32)


def is_opaque(token: str, kind: OpaqueKind) -> bool:
    """Tell whether a text looks like an opaque token of a kind; whether it is one, the database knows."""
    return token.startswith(_PREFIX[kind]) and len(token) <= 64 and token.isascii()


def opaque_hash(token: str) -> bytes:
    """Return what is kept of an opaque token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def token_key(token: str) -> str:
    """Return what a token's budget is counted under."""
    return opaque_hash(token).hex()[:32]

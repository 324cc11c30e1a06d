"""One-time codes of an authenticator app (RFC 6238) and the codes for the day it is lost. Counterpart: `accounts.py`.

Six digits, 30 s, HMAC-SHA-1: what every app reads. One step early or late is taken; a step that was used is not, nor any before.
One rule: time is an argument, and what is kept of a recovery code is its hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
DRIFT_STEPS = 1
SECRET_BYTES = 20
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10


def new_secret() -> bytes:
    """Return the secret of a new authenticator."""
    return secrets.token_bytes(SECRET_BYTES)


def code_of(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of a step, that is seconds since 1970 by 30 (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, code: str, at_s: float, used_step: int) -> int | None:
    """Return the step a code is of, None where it is wrong, too old or not after `used_step`, the last one taken."""
    typed = code.replace(" ", "")
    now = int(at_s // STEP_S)
    found = None
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        is_it = hmac.compare_digest(code_of(secret, step).encode(), typed.encode("utf-8", "replace"))
        if is_it and step > used_step:
            found = step
    return found


def uri_of(secret: bytes, account: str, issuer: str = "Heliograph") -> str:
    """Return what an authenticator app reads from a QR code."""
    label = quote(f"{issuer}:{account}", safe="")
    query = urlencode({"secret": text_of(secret), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{label}?{query}"


def text_of(secret: bytes) -> str:
    """Return a secret as it is typed by hand."""
    return base64.b32encode(secret).decode().rstrip("=")


def new_recovery_codes() -> list[str]:
    """Return new codes, each good once: 80 random bits, so that a bare hash of one cannot be guessed."""
    codes = (base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES))
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def recovery_hash(code: str) -> bytes:
    """Return what is kept of a recovery code, however it was typed."""
    letters = "".join(letter for letter in code.upper()[:64] if letter.isalnum())
    return hashlib.sha256(b"heliograph recovery 1 " + letters.encode()).digest()

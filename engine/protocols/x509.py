"""What a certificate says of itself (RFC 5280). Counterpart: `transport/tls.py`, which decides whether it is trusted.

One rule: nothing here is trust; a certificate that was pinned may be as broken as it likes.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from domain.device_facts import Certificate
from domain.errors import BadReply
from domain.text import clean_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode_certificate(der: bytes) -> Certificate:
    """Read a certificate; BadReply for one that nobody can read."""
    from cryptography import x509  # noqa: PLC0415 loads with the first certificate

    try:
        certificate = x509.load_der_x509_certificate(der)
        until = certificate.not_valid_after_utc
        subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    except (ValueError, OverflowError) as error:
        raise BadReply(f"a certificate that cannot be read: {clean_text(str(error), 80)}") from None
    not_after_us = int((until - _EPOCH).total_seconds()) * 1_000_000
    return Certificate(clean_text(subject), clean_text(issuer), not_after_us, hashlib.sha256(der).hexdigest())

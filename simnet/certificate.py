"""A certificate that a router signed itself, as `/certificate sign` makes it. Counterpart: `serving.py`, which shows it.

One rule: it is made when the first router needs it, and all routers of a process show the same.
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

_DAYS = 3650


class Identity(NamedTuple):
    """What a server needs to show a certificate, and the SHA-256 of that, 64 hex digits."""

    context: ssl.SSLContext
    fingerprint: str


@cache
def own_identity() -> Identity:
    """Make a key and a certificate for it."""
    from cryptography import x509  # noqa: PLC0415 - few networks need it, and it takes long to load
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    pem += certificate.public_bytes(serialization.Encoding.PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads keys from files only
        path = Path(folder) / "api.pem"
        path.write_bytes(pem)
        context.load_cert_chain(path)
    return Identity(context, hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest())

"""Certificates of a moment and servers that show them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.engine.peers import Talk


class Shown(NamedTuple):
    """A certificate with its key in one PEM file, and its fingerprint."""

    path: Path
    pin: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@cache
def _today() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def issue(
    folder: Path,
    name: str,
    *,
    by: Shown | None = None,
    address: str = "127.0.0.1",
    days_left: float = 30,
    is_authority: bool = False,
) -> Shown:
    """Make a certificate, signed `by` an authority or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_today() - datetime.timedelta(days=90))
        .not_valid_after(_today() + datetime.timedelta(days=days_left))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
    )
    if by:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
    if is_authority:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    der = certificate.public_bytes(serialization.Encoding.DER)
    path = folder / f"{name}.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem)
    return Shown(path, hashlib.sha256(der).hexdigest(), certificate, key)


def server_context(shown: Shown) -> ssl.SSLContext:
    """How a server shows a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.path)
    return context


@asynccontextmanager
async def tls_peer(talk: Talk, context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server that has `talk` with each client that shakes hands; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
            await talk(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextmanager
def openssl_server(*arguments: str | Path) -> Iterator[int]:
    """Run `openssl s_server`; give its port."""
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            accepting = next(line for line in process.stdout if line.startswith("ACCEPT"))
            yield int(accepting.rpartition(":")[2])
        finally:
            process.kill()

"""TLS: who is trusted, and plain bytes to records and back. Counterpart: `tcp.py`, whose streams carry the records.

Theory: a certificate is trusted if it is the pinned one, or, where none is pinned, if the system's store vouches for its chain
and name. OpenSSL works on buffers in memory here: asyncio's own TLS takes 256 KiB a connection and waits for the peer's
goodbye. Old gear is met halfway: TLS 1.2 with whatever suites it has that prove who it is.
One rule: nothing of ours is sent before the certificate is trusted; there is no anonymous and no unverified TLS.
"""

from __future__ import annotations

import contextlib
import hashlib
import ssl

from domain.errors import BadReply, DeviceError, Unsupported, Untrusted

HANDSHAKE_BYTES = 128 * 1024
"""What a server may send before the first byte of data: OpenSSL itself ends a chain of certificates at 100 KiB."""

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:DHE+AES:RSA+AESGCM:RSA+AES:!aNULL:!eNULL:!aDSS:!PSK:!SRP:!AESCCM"
"""Of TLS 1.2, best first. The last ones have no forward secrecy and are all that some radios and RouterOS 6 offer."""

_READ_BYTES = 65_536

_TOO_OLD = (
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "VERSION_TOO_LOW",
    "NO_PROTOCOLS_AVAILABLE",
)
_NO_COMMON = ("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INSUFFICIENT_SECURITY", "NO_SHARED_CIPHER")
_TOO_WEAK = (
    "DH_KEY_TOO_SMALL",
    "EE_KEY_TOO_SMALL",
    "WRONG_SIGNATURE_TYPE",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
)
_WANTS_OURS = ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_BAD_CERTIFICATE")


class NotVouched(Exception):
    """The system's store does not vouch for a certificate; the message says why. Never leaves the transport."""


def make_context(*, verifying: bool) -> ssl.SSLContext:
    """Return the settings of all our connections. `verifying` reads the system's store: 60 ms.

    Without it the caller compares the certificate with its pin.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(_CIPHERS)
    if verifying:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def check_pin(where: str, certificate: bytes, pin: str) -> None:
    """Raise Untrusted unless `pin` is the certificate's fingerprint."""
    seen = fingerprint(certificate)
    if seen != pin:
        raise Untrusted(
            f"{where} shows another certificate than the trusted one: SHA-256 {seen} seen, {pin} trusted",
            seen,
        )


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate, 64 hex digits."""
    return hashlib.sha256(der).hexdigest()


class TlsSession:
    """One connection's TLS. Bytes go in and out by its methods; `where` names the peer in errors."""

    def __init__(self, context: ssl.SSLContext, name: str, where: str) -> None:
        self._where = where
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._first = b""

    @property
    def certificate(self) -> bytes:
        """The peer's certificate in DER, once the handshake is done."""
        der = self._ssl.getpeercert(binary_form=True)
        if der is None:
            raise BadReply(f"{self._where} shows no certificate")
        return der

    def shake_hands(self, data: bytes) -> bool:
        """Take what came; tell whether the handshake is done. Raises NotVouched or a DeviceError."""
        self._first = self._first or data[:1]
        self._incoming.write(data)
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            raise NotVouched(error.verify_message.rstrip(".")) from None
        except ssl.SSLError as error:
            raise self._named(error) from None
        return True

    def take_outgoing(self) -> bytes:
        """Return the records to send."""
        return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return data as records."""
        self._ssl.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, bool]:
        """Return what records say, and whether the peer has said goodbye; they may hold no data at all."""
        self._incoming.write(data)
        plain = bytearray()
        try:
            while piece := self._ssl.read(_READ_BYTES):
                plain += piece
        except ssl.SSLWantReadError:
            return bytes(plain), False
        except ssl.SSLZeroReturnError:
            return bytes(plain), True
        except ssl.SSLError as error:
            raise self._named(error) from None
        return bytes(plain), True

    def say_goodbye(self) -> bytes:
        """Return the record that ends the connection, empty where there is none to end."""
        with contextlib.suppress(ssl.SSLError):
            self._ssl.unwrap()
        return self._outgoing.read()

    def _named(self, error: ssl.SSLError) -> DeviceError:
        where, reason = self._where, error.reason or ""
        if self._first and self._first not in (b"\x15", b"\x16"):
            return BadReply(f"{where} does not speak TLS")
        if reason in _TOO_OLD:
            return Unsupported(f"{where} speaks no TLS as new as 1.2: update it, or ask it without TLS")
        if reason in _WANTS_OURS or (reason in _NO_COMMON and self._ssl.cipher()):  # a cipher was agreed on
            return Unsupported(f"{where} asks for a certificate of ours, and we have none")
        if reason in _NO_COMMON:
            said = "has no certificate, or only ciphers that are no longer safe: give it a certificate, or update it"
            return Unsupported(f"{where} has no TLS cipher in common with us: it {said}")
        if reason in _TOO_WEAK:
            said = reason.lower().replace("_", " ")
            return Unsupported(
                f"{where} has keys or signatures that are no longer safe ({said}): renew its certificate"
            )
        return BadReply(
            f"{where} breaks the rules of TLS: {reason.lower().replace('_', ' ') or 'for no known reason'}"
        )

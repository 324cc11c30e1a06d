"""The certificate that the server shows: read, judged, and read anew where its file changed. Counterpart: `serving.py`.

Theory: who renews a certificate writes its files anew and tells nobody. So they are looked at each second, and each handshake
takes what was read last: connections that are open stay, new ones get the new certificate. Files that are wrong (the key is
not written yet, say) change nothing: what was shown before goes on, and the log has why.
One rule: what is refused is said with the setting, the file, what was expected and what was got; never with a key.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from sync_server.settings import PREFIX, SettingRefused, Settings

_log = logging.getLogger("sync_server.certificate")

CERT, KEY = f"{PREFIX}TLS_CERT", f"{PREFIX}TLS_KEY"
LOOK_S = 1.0
FILE_CAP_BYTES = 1_048_576
_LEAST = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")


class _Loaded(NamedTuple):
    context: ssl.SSLContext
    until: datetime


class Certificate:
    """What a server shows. `context` is for listening; `run` is to be kept by `engine.tasks.keep`."""

    def __init__(self, cert: Path, key: Path, least: ssl.TLSVersion) -> None:
        """Read both files. Raises SettingRefused."""
        self._cert, self._key, self._least = cert, key, least
        self._seen = self._state()
        self._loaded = self._read()
        self.context = self._new_context()
        self.context.sni_callback = self._choose  # called at each handshake, also where no name is asked for

    @classmethod
    def of(cls, settings: Settings) -> Certificate | None:
        """Return the certificate of the settings, None where TLS ends elsewhere. Raises SettingRefused."""
        if not settings.tls_cert:
            for name in ("tls_key", "redirect_port"):
                if getattr(settings, name):
                    raise SettingRefused(f"{CERT} is missing: {PREFIX}{name.upper()} needs it")
            return None
        if not settings.public_url.startswith("https://"):
            raise SettingRefused(
                f"{PREFIX}PUBLIC_URL: https:// expected where {CERT} is set, got {settings.public_url}"
            )
        return cls(
            Path(settings.tls_cert), Path(settings.tls_key or settings.tls_cert), _LEAST[settings.tls_least]
        )

    @property
    def days_left(self) -> float:
        """How many days what is shown is valid yet; less than 0 where it is over."""
        return (self._loaded.until - datetime.now(UTC)).total_seconds() / 86_400

    async def run(self) -> None:
        """Look at the files until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Read the files anew where one of them is another than before."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._loaded = self._read()
        except SettingRefused as error:
            _log.error(
                "certificate_refused",
                extra={
                    "message_for_user": f"{error}; the one before is shown on",
                    "days_left": self.days_left,
                },
            )
        else:
            _log.info("certificate_read", extra={"until": self._loaded.until.isoformat()})

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _: ssl.SSLContext
    ) -> None:
        connection.context = self._loaded.context

    def _state(self) -> list[tuple[int, int, int] | None]:
        """Return what tells a file from the one that was there before, links followed."""
        found: list[tuple[int, int, int] | None] = []
        for path in (self._cert, self._key):
            try:
                stat = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return found

    def _new_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = self._least
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _read(self) -> _Loaded:
        where = f"{CERT}: {self._cert}"
        data = _content(CERT, self._cert)
        try:
            certificate = x509.load_pem_x509_certificates(data)[0]
        except ValueError:
            raise SettingRefused(f"{where}: a certificate in PEM expected, got {_shape(data)}") from None
        now = datetime.now(UTC)
        if certificate.not_valid_after_utc < now:
            raise SettingRefused(
                f"{where}: a certificate that is valid today ({now:%Y-%m-%d}) expected, got one that ended"
                f" on {certificate.not_valid_after_utc:%Y-%m-%d}"
            )
        if certificate.not_valid_before_utc > now:
            raise SettingRefused(
                f"{where}: a certificate that is valid today ({now:%Y-%m-%d}) expected, got one that begins"
                f" on {certificate.not_valid_before_utc:%Y-%m-%d}: is the clock right?"
            )
        self._check_key(certificate)
        context = self._new_context()
        try:
            context.load_cert_chain(self._cert, self._key)
        except (OSError, ssl.SSLError) as error:
            raise SettingRefused(f"{where}: not fit for TLS: {getattr(error, 'reason', error)}") from None
        return _Loaded(context, certificate.not_valid_after_utc)

    def _check_key(self, certificate: x509.Certificate) -> None:
        where = f"{KEY}: {self._key}"
        data = _content(KEY, self._key)
        try:
            key = load_pem_private_key(data, None)
        except TypeError:
            raise SettingRefused(f"{where}: a key without a passphrase expected, got one with") from None
        except (ValueError, UnsupportedAlgorithm):
            raise SettingRefused(f"{where}: a private key in PEM expected, got {_shape(data)}") from None
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
            raise SettingRefused(
                f"{where}: the key of the first certificate in {self._cert} expected, got another one's"
            )


def _content(name: str, path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_CAP_BYTES + 1)
    except OSError as error:
        raise SettingRefused(f"{name}: {path} cannot be read: {error.strerror}") from None
    if len(data) > FILE_CAP_BYTES:
        raise SettingRefused(f"{name}: {path}: at most {FILE_CAP_BYTES} bytes expected, got more")
    return data


def _shape(data: bytes) -> str:
    """Return what a file is by its first label, without anything of what is in it."""
    label = _LABEL.search(data)
    return f"a broken or foreign {label[1].decode()}" if label else f"{len(data)} bytes without one"

"""TLS by a certificate of openssl: what is spoken, renewed while serving, refused with a reason; the plain port that points."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from domain.vault import Secret
from sync_server.api.headers import STRICT, Headers
from sync_server.certificate import CERT, KEY, Certificate
from sync_server.serving import configured
from sync_server.settings import SettingRefused, Settings, read_settings
from tests.ports import free_port
from tests.server.conftest import ServerDatabase
from tests.server.live_process import process
from tests.server.test_serving import run

PAST, LATER = ("20200101000000Z", "20210101000000Z"), ("20980101000000Z", "20990101000000Z")
URL = "https://noc.example.org"


class Files(NamedTuple):
    cert: Path
    key: Path


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def made(
    folder: Path, name: str, *, days: int = 365, span: tuple[str, str] = ("", ""), key: str = "ec"
) -> Files:
    """Have openssl make a certificate that signs itself, valid for some days or of a `span`, and its key."""
    files = Files(folder / f"{name}.pem", folder / f"{name}.key")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256") if key == "ec" else ("-newkey", key)
    asked = *kind, "-noenc", "-subj", f"/CN={name}", "-keyout", files.key, "-out", files.cert
    openssl("req", "-x509", *asked, "-days", days, "-addext", "subjectAltName=IP:127.0.0.1")
    if any(span):
        rules = folder / "ca.cnf"
        rules.write_text(
            f"[ca]\ndefault_ca = c\n[c]\ndatabase = {folder}/index\nnew_certs_dir = {folder}\nserial = {folder}/serial\n"
            "default_md = sha256\npolicy = p\nunique_subject = no\n[p]\ncommonName = supplied\n"
        )
        (folder / "index").touch()
        openssl("req", "-new", "-key", files.key, "-subj", f"/CN={name}", "-out", folder / "asked.csr")
        signed = "-keyfile", files.key, "-in", folder / "asked.csr", "-out", files.cert
        openssl(
            *("ca", "-batch", "-selfsign", "-notext", "-create_serial", "-config", rules, *signed),
            *("-startdate", span[0], "-enddate", span[1]),
        )
    return files


def settings_of(files: Files, **more: str) -> Settings:
    given = {"DATABASE_URL": "postgresql://a@/b", "PUBLIC_URL": URL, **more}
    given = {"TLS_CERT": str(files.cert), "TLS_KEY": str(files.key), **given}
    return read_settings({f"HELIOGRAPH_{name}": value for name, value in given.items()})


def certificate_of(files: Files) -> Certificate:
    certificate = Certificate.of(settings_of(files))
    assert certificate is not None
    return certificate


@contextmanager
def shaken(address: str, **least_most: ssl.TLSVersion) -> Iterator[ssl.SSLSocket]:
    """Yield a connection that trusts whoever is there, to look at what it shows."""
    host, port = address.rpartition("/")[2].split(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, version in least_most.items():
        setattr(context, name, version)
    with socket.create_connection((host, int(port)), 60) as plain, context.wrap_socket(plain) as connection:
        yield connection


def shown_at(address: str) -> str | None:
    with shaken(address) as connection:
        der = connection.getpeercert(binary_form=True)
    return None if der is None else ssl.DER_cert_to_PEM_cert(der)


def test_it_serves_by_tls_13_renews_while_connections_are_open_and_its_plain_port_only_points(
    server_database: ServerDatabase, tmp_path: Path
) -> None:
    first, second, plain = made(tmp_path, "first"), made(tmp_path, "second", key="rsa:2048"), free_port()
    used = Files(tmp_path / "used.pem", tmp_path / "used.key")
    shutil.copy(first.cert, used.cert)
    shutil.copy(first.key, used.key)
    with process(
        server_database.requests,
        public_url=URL,
        tls_cert=used.cert,
        tls_key=used.key,
        redirect_port=plain,
    ) as server:
        assert server.address.startswith("https://")
        with shaken(server.address) as connection:
            assert connection.version() == "TLSv1.3"
            for renewed in (False, True):
                connection.sendall(b"GET /alive HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                assert (answer.status, json.loads(answer.read())) == (200, {"status": "alive"})
                assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
                if not renewed:
                    assert shown_at(server.address) == first.cert.read_text()
                    used.cert.write_text(
                        second.cert.read_text()
                    )  # a moment without its key: the first goes on
                    assert shown_at(server.address) == first.cert.read_text()
                    used.key.write_text(second.key.read_text())
                    while shown_at(server.address) == first.cert.read_text():
                        pass
                    assert shown_at(server.address) == second.cert.read_text()
        with pytest.raises(ssl.SSLError), shaken(server.address, maximum_version=ssl.TLSVersion.TLSv1_2):
            pass
        for method, path, expected in (
            ("GET", "/a%20b?c=d", (308, f"{URL}/a%20b?c=d")),
            ("HEAD", "//evil.example/", (308, f"{URL}//evil.example/")),
            ("POST", "/api/v1/auth/login", (403, None)),
        ):
            asker = http.client.HTTPConnection("127.0.0.1", plain, timeout=60)
            asker.request(method, path, headers={"Host": "evil.example"})
            said = asker.getresponse()
            assert (said.status, said.headers["Location"], said.read()) == (*expected, b"")


@pytest.mark.parametrize("least", ["1.2", "1.3"])
async def test_tls_12_is_spoken_only_where_it_is_allowed(tmp_path: Path, least: str) -> None:
    files = made(tmp_path, "old")
    files.cert.write_text(files.cert.read_text() + files.key.read_text())  # both in one
    certificate = Certificate.of(settings_of(files, TLS_KEY="", TLS_LEAST=least))
    assert certificate is not None
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=certificate.context
    )
    async with server:
        address = "https://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        try:
            spoken = await asyncio.to_thread(version_at, address)
        except ssl.SSLError:
            spoken = None
    assert spoken == ("TLSv1.2" if least == "1.2" else None)


def version_at(address: str) -> str | None:
    with shaken(address, maximum_version=ssl.TLSVersion.TLSv1_2) as connection:
        return connection.version()


@pytest.mark.parametrize("trusted", ["127.0.0.1", "203.0.113.1"])
async def test_without_tls_of_its_own_only_a_trusted_proxy_makes_it_strict(trusted: str) -> None:
    app = FastAPI()
    app.add_middleware(Headers)
    settings = Settings(database_url=Secret("postgresql://a@/b"), trusted_proxies=trusted)
    config = configured(app, settings)
    config.load()
    transport = ASGITransport(config.loaded_app, client=("127.0.0.1", 1))  # type: ignore[arg-type]
    async with AsyncClient(transport=transport, base_url="http://server") as client:
        for scheme in ("https", "http"):
            said = await client.get("/", headers={"X-Forwarded-Proto": scheme})
            is_strict = trusted == "127.0.0.1" and scheme == "https"
            assert said.headers.get("Strict-Transport-Security") == (STRICT if is_strict else None)


def test_what_cannot_be_shown_is_refused_with_file_got_and_expected(tmp_path: Path) -> None:
    good, other = made(tmp_path, "good"), made(tmp_path, "other")
    over = made(tmp_path, "over", span=PAST)
    later = made(tmp_path, "later", span=LATER)
    locked, text, weak = tmp_path / "locked.key", tmp_path / "text", made(tmp_path, "weak", key="rsa:1024")
    openssl("pkey", "-in", good.key, "-aes256", "-passout", "pass:x", "-out", locked)
    text.write_text("hello")
    for files, said in (
        (Files(tmp_path / "none", good.key), f"{CERT}: {tmp_path}/none cannot be read: No such file"),
        (Files(good.cert, tmp_path / "none"), f"{KEY}: {tmp_path}/none cannot be read: No such file"),
        (Files(text, good.key), f"{CERT}: {text}: a certificate in PEM expected, got 5 bytes without one"),
        (Files(good.key, good.key), "a certificate in PEM expected, got a broken or foreign PRIVATE KEY"),
        (Files(good.cert, good.cert), "a private key in PEM expected, got a broken or foreign CERTIFICATE"),
        (Files(good.cert, locked), "a key without a passphrase expected, got one with"),
        (
            Files(good.cert, other.key),
            f"the key of the first certificate in {good.cert} expected, got another",
        ),
        (over, f"{CERT}: {over.cert}: a certificate that is valid today"),
        (over, "got one that ended on 2021-01-01"),
        (later, "got one that begins on 2098-01-01"),
        (weak, f"{CERT}: {weak.cert}: not fit for TLS: EE_KEY_TOO_SMALL"),
    ):
        with pytest.raises(SettingRefused) as refused:
            certificate_of(files)
        assert said in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TLS_CERT": "", "TLS_KEY": "/k"}, f"{CERT} is missing: {KEY} needs it"),
        ({"TLS_CERT": "", "TLS_KEY": "", "REDIRECT_PORT": "80"}, "HELIOGRAPH_REDIRECT_PORT needs it"),
        ({"PUBLIC_URL": "http://a"}, f"HELIOGRAPH_PUBLIC_URL: https:// expected where {CERT} is set"),
        ({"TLS_LEAST": "1.1"}, "HELIOGRAPH_TLS_LEAST"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changed: dict[str, str], said: str) -> None:
    with pytest.raises(SettingRefused, match=said):
        Certificate.of(settings_of(Files(Path("/c"), Path("/k")), **changed))


def test_a_start_without_its_certificate_ends_before_the_database_is_asked() -> None:
    done = run(
        "run",
        HELIOGRAPH_DATABASE_URL="postgresql://nobody@/nothing?host=/nowhere",
        HELIOGRAPH_PUBLIC_URL=URL,
        HELIOGRAPH_TLS_CERT="/c",
    )
    assert done.returncode == 2
    assert f"{CERT}: /c cannot be read: No such file" in done.stderr


def test_a_renewal_that_is_wrong_is_told_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sync_server.certificate")
    files = made(tmp_path, "one", days=30)
    certificate = certificate_of(files)
    assert 29 < certificate.days_left <= 30
    over = made(tmp_path, "over", span=PAST)
    shutil.copy(over.cert, files.cert)
    for _ in range(3):
        certificate.look()
    files.cert.unlink()
    certificate.look()
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert 29 < certificate.days_left <= 30
    renewed = made(tmp_path, "one", days=90)
    assert renewed == files
    certificate.look()
    assert 89 < certificate.days_left <= 90
    assert [record.message for record in caplog.records][2:] == ["certificate_read"]

"""TLS: nothing is sent to whom nobody trusts, and every failure says what it was."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from domain.errors import BadReply, DeviceError, NoAnswer, Refused, Unsupported, Untrusted
from engine.transport.tcp import TcpTransport, bounded
from tests.engine.peers import Talk, tcp_peer, until
from tests.engine.tls_peers import issue, openssl_server, server_context, tls_peer


async def upper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data.upper())


def run(conversation: Callable[[TcpTransport], Awaitable[None]]) -> None:
    async def main() -> None:
        transport = TcpTransport()
        try:
            await conversation(transport)
        finally:
            await transport.close()

    asyncio.run(main())


def error_of(
    talk: Talk, context: ssl.SSLContext | None, pin: str = "", timeout_s: float = 30.0
) -> DeviceError:
    """What connecting to a peer ends in, with TLS where it has a context, plain bytes where not."""
    found: list[DeviceError] = []

    async def conversation(tcp: TcpTransport) -> None:
        async with tls_peer(talk, context) if context else tcp_peer(talk) as port:
            with pytest.raises(DeviceError) as raised:
                await tcp.connect_tls("127.0.0.1", port, timeout_s, pin=pin)
            assert f"127.0.0.1:{port}" in str(raised.value)
            assert not tcp._streams
            found.append(raised.value)

    run(conversation)
    return found[0]


def test_the_pinned_certificate_is_talked_to_and_shown(tmp_path: Path) -> None:
    shown = issue(tmp_path, "router", address="10.9.9.9", days_left=-3)

    async def conversation(tcp: TcpTransport) -> None:
        async with tls_peer(upper, server_context(shown)) as port:
            stream = await tcp.connect_tls("127.0.0.1", port, 30.0, pin=shown.pin)
            stream.budget_bytes = 10_000
            stream.write(b"hello")
            assert await stream.read() == b"HELLO"
            stream.write(b"again")
            assert await stream.read() == b"AGAIN"
            assert ssl.DER_cert_to_PEM_cert(stream.certificate or b"") in shown.path.read_text()
            stream.close()
            assert stream.is_closed

    run(conversation)


def test_what_the_systems_store_vouches_for_needs_no_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = issue(tmp_path, "authority", is_authority=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    good = issue(tmp_path, "good", by=authority)

    async def conversation(tcp: TcpTransport) -> None:
        async with tls_peer(upper, server_context(good)) as port:
            stream = await tcp.connect_tls("127.0.0.1", port, 30.0, pin="")
            stream.budget_bytes = 10_000
            stream.write(b"hello")
            assert await stream.read() == b"HELLO"
            with pytest.raises(Untrusted, match=r"mismatch.*not valid for 'other\.example'"):
                await tcp.connect_tls("127.0.0.1", port, 30.0, pin="", server_name="other.example")

    run(conversation)


@pytest.mark.parametrize(
    ("address", "days_left", "why"),
    [("127.0.0.1", -1.0, "certificate has expired"), ("127.0.0.2", 30.0, "IP address mismatch")],
)
def test_what_the_store_does_not_vouch_for_is_untrusted_and_says_what_it_saw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, days_left: float, why: str
) -> None:
    authority = issue(tmp_path, "authority", is_authority=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    bad = issue(tmp_path, "bad", by=authority, address=address, days_left=days_left)
    error = error_of(upper, server_context(bad))
    assert isinstance(error, Untrusted)
    assert error.seen == bad.pin
    assert why in str(error)
    assert bad.pin in str(error)


def test_to_an_unknown_certificate_nothing_is_sent(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    shown = issue(tmp_path, "router")
    error = error_of(listen, server_context(shown))
    assert isinstance(error, Untrusted)
    assert error.seen == shown.pin
    assert "nobody has trusted (self-signed certificate)" in str(error)
    assert set(heard) <= {b""}


def test_a_changed_certificate_is_refused_with_both_fingerprints_even_if_the_store_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = issue(tmp_path, "authority", is_authority=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    old, new = issue(tmp_path, "old", by=authority), issue(tmp_path, "new", by=authority)
    error = error_of(upper, server_context(new), pin=old.pin)
    assert isinstance(error, Untrusted)
    assert error.seen == new.pin
    assert f"{new.pin} seen, {old.pin} trusted" in str(error)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "speaks no TLS as new as 1.2"),
        (("-tls1_2", "-nocert", "-cipher", "ADH:AECDH:@SECLEVEL=0"), "has no TLS cipher in common with us"),
        (("-tls1_2", "-cipher", "ADH:AECDH:NULL:@SECLEVEL=0"), "has no TLS cipher in common with us"),
    ],
)
def test_old_tls_and_anonymous_tls_are_told_and_not_spoken(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    shown = issue(tmp_path, "router")

    async def conversation(tcp: TcpTransport) -> None:
        certificate = () if "-nocert" in arguments else ("-cert", shown.path)
        with openssl_server(*arguments, *certificate) as port:
            for pin in (shown.pin, ""):
                with pytest.raises(Unsupported, match=words):
                    await tcp.connect_tls("127.0.0.1", port, 30.0, pin=pin)

    run(conversation)


def test_a_server_that_wants_a_certificate_of_ours_is_told_so(tmp_path: Path) -> None:
    shown = issue(tmp_path, "router")

    async def conversation(tcp: TcpTransport) -> None:
        with (
            openssl_server("-tls1_2", "-Verify", "1", "-cert", shown.path) as port,
            pytest.raises(Unsupported, match="asks for a certificate of ours"),
        ):
            await tcp.connect_tls("127.0.0.1", port, 30.0, pin=shown.pin)

    run(conversation)


def test_gear_without_forward_secrecy_is_talked_to_if_it_is_pinned(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "router.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=old", "-days", "9"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-SHA")

    async def conversation(tcp: TcpTransport) -> None:
        async with tls_peer(upper, context) as port:
            with pytest.raises(Untrusted) as raised:
                await tcp.connect_tls("127.0.0.1", port, 30.0, pin="")
            stream = await tcp.connect_tls("127.0.0.1", port, 30.0, pin=raised.value.seen)
            stream.budget_bytes = 1_000
            stream.write(b"hello")
            assert await stream.read() == b"HELLO"

    run(conversation)


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await reader.read()


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"\x16\x03\x03\x40\x00" + b"\x02\x01\x00\x00" + os.urandom(0x4000 - 4))
        await writer.drain()


async def go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for octet in b"\x16\x03\x03\x40\x00" + bytes(1000):
        writer.write(bytes((octet,)))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("talk", "kind", "words", "timeout_s"),
    [
        (shout, BadReply, "does not speak TLS", 30.0),
        (babble, BadReply, "breaks the rules of TLS", 30.0),
        (go, Refused, "closed the connection", 30.0),
        (drip, NoAnswer, "in 0.3 s (connecting over TLS)", 0.3),
    ],
)
def test_a_server_that_breaks_the_rules_is_named_as_what_it_is(
    talk: Talk, kind: type[DeviceError], words: str, timeout_s: float
) -> None:
    error = error_of(talk, None, timeout_s=timeout_s)
    assert type(error) is kind, error
    assert words in str(error)


def test_an_endless_reply_is_cut_at_the_budget_and_small_records_do_not_stretch_it(tmp_path: Path) -> None:
    shown = issue(tmp_path, "router")

    for size in (16_384, 1):

        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int = size) -> None:
            while True:
                for _ in range(16):
                    writer.write(b"x" * size)
                await writer.drain()

        async def conversation(tcp: TcpTransport, flood: Talk = flood) -> None:
            async with tls_peer(flood, server_context(shown)) as port:
                stream = await tcp.connect_tls("127.0.0.1", port, 30.0, pin=shown.pin)
                stream.budget_bytes = 40_000
                got = 0
                with pytest.raises(BadReply, match="sends more than it was asked for"):
                    while True:
                        got += len(await stream.read())
                assert got <= 40_000
                stream.close()

        run(conversation)


def test_a_goodbye_is_a_closed_connection(tmp_path: Path) -> None:
    shown = issue(tmp_path, "router")

    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.close()
        await writer.wait_closed()

    async def conversation(tcp: TcpTransport) -> None:
        async with tls_peer(part, server_context(shown)) as port:
            stream = await tcp.connect_tls("127.0.0.1", port, 30.0, pin=shown.pin)
            stream.budget_bytes = 1_000
            async with bounded(stream.where, "reading", 30.0):
                assert await stream.read() == b"bye"
                with pytest.raises(Refused, match="closed the connection"):
                    await stream.read()
            await until(lambda: stream.is_closed)

    run(conversation)

"""The HTTP probe against the standard library's web server and openssl's, and against servers that break the rules."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.errors import BadReply, DeviceError, NoAnswer, Refused, Untrusted
from domain.inventory import Probe
from domain.metrics import is_believable
from engine.drivers import Answer
from engine.drivers.http import READ_CAP_BYTES
from tests.engine.peers import Talk
from tests.engine.probing import ask, error_from, error_of
from tests.engine.tls_peers import issue, openssl_server, server_context
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def web_server(folder: Path, certificate: Path | str = "") -> Iterator[int]:
    """Serve a folder from a process of its own; give its port."""
    command = [sys.executable, "-m", "tests.engine.web", str(folder), str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A plain web server with a page of words and one of 200 KB."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<h1>Grüezi, all is well</h1>")
    (folder / "big.txt").write_text("x" * 200_000 + "the end")
    with web_server(folder) as port:
        yield port


def values(answer: Answer) -> dict[str, float]:
    assert all(is_believable(metric, value) for metric, _, value in answer.reading.values)
    assert {instance for _, instance, _ in answer.reading.values} == {"http"}
    return {metric: value for metric, _, value in answer.reading.values}


def test_a_page_is_an_answer_with_its_status_its_time_and_its_server(port: int) -> None:
    answer = ask(Probe("http", port))
    assert answer.rtt_us > 0
    assert values(answer)["http_status"] == 200
    assert values(answer)["answer_ms"] > 0
    told = dict(answer.reading.facts)["service/http"]
    assert told["says"] == "200 OK"
    assert told["software"].startswith("SimpleHTTP/")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/login", 401, "401 Unauthorized, wants a login"),
        ("/away", 302, "302 Found, points to /elsewhere"),
        ("/not there?ä=1", 404, "404 File not found"),
    ],
)
def test_what_is_no_page_but_an_answer_is_one(port: int, path: str, status: int, says: str) -> None:
    answer = ask(Probe("http", port, target=path))
    assert values(answer)["http_status"] == status
    assert dict(answer.reading.facts)["service/http"]["says"] == says


def test_a_server_that_fails_is_a_failure_that_says_the_status(port: int) -> None:
    error = error_of(Probe("http", port, target="/fails"))
    assert type(error) is BadReply
    assert str(error).endswith("answers 503 Service Unavailable")


def test_the_expected_text_must_be_in_the_page(port: int) -> None:
    ask(Probe("http", port, expect="Grüezi"))
    error = error_of(Probe("http", port, expect="Bonjour"))
    assert type(error) is BadReply
    assert "answers 200 OK, but not with 'Bonjour': got 29 bytes, '<h1>Grüezi, all is well</h1>'" in str(
        error
    )


def test_of_a_long_page_only_the_beginning_is_read(port: int) -> None:
    error = error_of(Probe("http", port, target="/big.txt", expect="the end"))
    got_bytes = int(str(error).partition("got ")[2].split()[0])
    assert READ_CAP_BYTES // 2 < got_bytes < 3 * READ_CAP_BYTES


def test_over_tls_the_pinned_certificate_is_told_with_the_time_it_has_left(tmp_path: Path) -> None:
    shown = issue(tmp_path, "router", days_left=20)
    with web_server(tmp_path, shown.path) as port:
        answer = ask(Probe("http", port, tls=True, pin=shown.pin))
        assert values(answer)["http_status"] == 200
        assert 19.9 < values(answer)["certificate_left_s"] / 86_400 <= 20
        told = dict(answer.reading.facts)["certificate/http"]
        assert told["subject"] == told["issuer"] == "CN=router"
        assert told["sha256"] == shown.pin
        assert told["not_after_us"] == int(shown.certificate.not_valid_after_utc.timestamp()) * 1_000_000

        error = error_of(Probe("http", port, tls=True))
        assert isinstance(error, Untrusted)
        assert error.seen == shown.pin

        error = error_of(Probe("http", port, tls=True, pin="0" * 64))
        assert isinstance(error, Untrusted)
        assert f"SHA-256 {shown.pin} seen, {'0' * 64} trusted" in str(error)


def test_a_pinned_certificate_that_has_expired_tells_since_when(tmp_path: Path) -> None:
    shown = issue(tmp_path, "router", days_left=-2)
    with openssl_server("-cert", shown.path, "-www") as port:
        answer = ask(Probe("http", port, tls=True, pin=shown.pin, expect="Cipher"))
        assert -2.1 < values(answer)["certificate_left_s"] / 86_400 < -1.9


async def endlessly(writer: asyncio.StreamWriter, piece: bytes) -> None:
    while True:
        writer.write(piece)
        await writer.drain()


def say(opening: bytes, piece: bytes = b"") -> Talk:
    """A server that says one thing, then another for ever, or nothing and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(opening)
        if piece:
            await endlessly(writer, piece)

    return talk


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for octet in b"HTTP/1.1 200 OK\r\nServer: " + b"x" * 10_000:
        writer.write(bytes((octet,)))
        await asyncio.sleep(0.02)


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("talk", "kind", "words", "timeout_s"),
    [
        (say(OK, b"X-Filler: " + b"y" * 1000 + b"\r\n"), BadReply, "does not answer as HTTP should", 30.0),
        (say(OK + b"X: ", b"y" * 65_536), BadReply, "does not answer as HTTP should", 30.0),
        (say(b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 100), BadReply, "headers that do not end", 30.0),
        (say(OK + b"\r\n", b"z" * 65_536), BadReply, "but not with 'tower'", 30.0),
        (
            say(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nz\r\n" * 999),
            BadReply,
            "not with 'tower'",
            30.0,
        ),
        (say(OK + b"Content-Length: 99\r\n\r\nshort"), BadReply, "does not answer as HTTP should", 30.0),
        (
            say(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            BadReply,
            "conflicting Content-Length",
            30.0,
        ),
        (say(b"SSH-2.0-dropbear\r\n\r\n"), BadReply, "does not answer as HTTP should", 30.0),
        (say(OK + b"\r\n\x1b[2J\xe2\x80\xae<b>"), BadReply, "got 10 bytes, '<b>'", 30.0),
        (say(b"\xff" * 100), BadReply, "does not answer as HTTP should", 30.0),
        (say(b""), Refused, "closed the connection", 30.0),
        (drip, NoAnswer, "in 1.5 s (answering a GET)", 1.5),
    ],
)
def test_a_server_that_breaks_the_rules_is_named_as_what_it_is(
    talk: Talk, kind: type[DeviceError], words: str, timeout_s: float
) -> None:
    error = error_from(talk, lambda port: Probe("http", port, expect="tower"), timeout_s=timeout_s)
    assert type(error) is kind, error
    assert words in str(error)


def test_over_tls_the_same_holds(tmp_path: Path) -> None:
    shown = issue(tmp_path, "router")
    make: Callable[[int], Probe] = lambda port: Probe("http", port, tls=True, pin=shown.pin, expect="tower")  # noqa: E731
    error = error_from(say(OK + b"\r\n", b"z" * 65_536), make, context=server_context(shown))
    assert "but not with 'tower'" in str(error)


def test_a_closed_port_is_refused() -> None:
    assert type(error_of(Probe("http", free_port()))) is Refused

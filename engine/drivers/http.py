"""The HTTP probe: one GET, plain or over TLS. Counterpart: `transport/http.py`, which asks and reads.

Theory: any status below 500 is an answer, a redirect (which is not followed) and a question for a login as well: the server is
there and speaks. The body is read only where a text is expected in it. One rule: a page costs at most `READ_CAP_BYTES` and
`PIECES_CAP` pieces, all of it within the time of one question; what comes after is left unread.
"""

from __future__ import annotations

from http import HTTPStatus
from time import monotonic, time
from typing import NamedTuple
from urllib.parse import quote

from msgspec import to_builtins

from domain.device_facts import Certificate, Service
from domain.errors import BadReply
from domain.inventory import DEFAULT_PORT, TLS_PORT, Probe
from domain.observation import Reading, Told, Value
from domain.text import text_from_bytes
from engine.drivers.driver import Answer
from engine.protocols.x509 import decode_certificate
from engine.transport.addresses import name_endpoint
from engine.transport.http import Response, ask
from engine.transport.tcp import Stream, TcpTransport, bounded

READ_CAP_BYTES = 64 * 1024
PIECES_CAP = 1_000
"""Pieces of one body that are looked at: chunks of a byte each would cost a second of CPU."""

SHOWN_CHARS = 80
"""How much of an unexpected answer a message quotes."""

_TARGET_SAFE = "/?&=:;,+$!*'()@~%-._[]"
"""What a path keeps as it was typed; the rest is percent-encoded."""

_LOGIN_WANTED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class Page(NamedTuple):
    """What one GET brought. `body` is what was read of it; `rtt_us` is until the first byte."""

    status: int
    said: str
    server: str
    body: bytes
    rtt_us: int


class HttpDriver:
    """Asks for one page. `name` is the probe's, under which its numbers and facts stand."""

    def __init__(
        self, tcp: TcpTransport, address: str, probe: Probe, name: str, *, timeout_s: float, retries: int
    ) -> None:
        self._tcp = tcp
        self._address = address
        self._probe = probe
        self._port = probe.port or (TLS_PORT if probe.tls else DEFAULT_PORT)["http"]
        self._name = name
        self._limit_s = timeout_s * (1 + retries)
        self._certificate: tuple[bytes, Certificate] | None = None

    async def read(self) -> Answer:
        """Ask for the page once. BadReply for a status from 500 on and for a body without the expected text."""
        begun_s = monotonic()
        async with bounded(name_endpoint(self._address, self._port), "answering a GET", self._limit_s):
            stream = await self._connect()
            try:
                page = await self._get(stream)
            finally:
                stream.close()
        answer_ms = (monotonic() - begun_s) * 1e3
        self._judge(stream.where, page)
        values: list[Value] = [
            ("answer_ms", self._name, answer_ms),
            ("http_status", self._name, float(page.status)),
        ]
        facts: list[Told] = [(f"service/{self._name}", to_builtins(Service(page.said, page.server)))]
        if stream.certificate is not None:
            certificate = self._read_certificate(stream.certificate)
            values.append(("certificate_left_s", self._name, certificate.not_after_us / 1e6 - time()))
            facts.append((f"certificate/{self._name}", to_builtins(certificate)))
        return Answer(page.rtt_us, Reading(tuple(values), tuple(facts)))

    async def close(self) -> None:
        """Nothing is held."""

    async def _connect(self) -> Stream:
        if self._probe.tls:
            return await self._tcp.connect_tls(self._address, self._port, self._limit_s, pin=self._probe.pin)
        return await self._tcp.connect(self._address, self._port, self._limit_s)

    async def _get(self, stream: Stream) -> Page:
        import h11  # noqa: PLC0415 loads with the first page

        stream.budget_bytes = 4 * READ_CAP_BYTES
        headers = [
            ("Host", name_endpoint(self._address.partition("%")[0], self._port)),
            ("User-Agent", "Heliograph"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        target = quote(self._probe.target or "/", safe=_TARGET_SAFE)
        response = await ask(
            stream,
            h11.Connection(h11.CLIENT),
            h11.Request(method="GET", target=target, headers=headers),
            pieces_cap=PIECES_CAP,
            read_cap_bytes=READ_CAP_BYTES,
            wants_body=bool(self._probe.expect),
        )
        return _page(response)

    def _judge(self, where: str, page: Page) -> None:
        if page.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise BadReply(f"{where} answers {page.said}")
        expect = self._probe.expect
        if expect and expect.encode() not in page.body:
            shown = text_from_bytes(page.body, SHOWN_CHARS)
            raise BadReply(
                f"{where} answers {page.said}, but not with {expect!r}: got {len(page.body)} bytes, {shown!r}"
            )

    def _read_certificate(self, der: bytes) -> Certificate:
        if self._certificate is None or self._certificate[0] != der:
            self._certificate = (der, decode_certificate(der))
        return self._certificate[1]


def _page(response: Response) -> Page:
    headers = dict(reversed(response.head.headers))  # the first of each
    status = response.head.status_code
    said = f"{status} {text_from_bytes(response.head.reason, SHOWN_CHARS)}".rstrip()
    if status in _LOGIN_WANTED:
        said += ", wants a login"
    elif 300 <= status < 400:
        said += f", points to {text_from_bytes(headers.get(b'location', b''), SHOWN_CHARS)}"
    return Page(status, said, text_from_bytes(headers.get(b"server", b"")), response.body, response.rtt_us)
